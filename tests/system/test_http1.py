"""HTTP/1.1 on both sides, message by message (RFC 9110, 9112, 7239)."""

import threading

from harness import sanitize, until
from harness.client import Closed, chunked


@sanitize
def head_answers_have_the_length_and_no_body(t):
    origin = t.origin("east").answers(200, b"x" * 1234)
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    for _ in range(3):
        answer = c.head("/h")
        assert answer.get("content-length") == "1234"
    c.get("/g").expect(200, b"x" * 1234)


@sanitize
def bodiless_statuses_leave_the_connection_usable(t):
    origin = t.origin("east").does(lambda x: x.answer(int(x.request.target[1:]), b""))
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    for status in (204, 304, 204, 200, 304):
        assert c.get("/%d" % status).status == status
    assert origin.connections == 1


@sanitize
def chunked_uploads_arrive_whole_and_without_extensions(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.body))
    origin.record = True
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    c.send("POST /u HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
           "5;name=value\r\nhello\r\n6;q=\"a b\"\r\n world\r\n0\r\n\r\n")
    c.response().expect(200, "hello world")
    assert b"name" not in bytes(origin.raw[0]) and b"q=" not in bytes(origin.raw[0])


@sanitize
def chunked_answers_are_streamed_as_they_come(t):
    second = threading.Event()
    origin = t.origin("east").sends(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", second,
        "6\r\nsecond\r\n0\r\n\r\n")
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client().request("GET", "/")
    while b"first" not in c.reader.buffer:
        c.reader.fill()  # it comes before the origin has sent the rest
    second.set()
    c.response().expect(200, "firstsecond")


def _names_of_trailers(x):
    names = ",".join(n.lower() for n, _ in x.request.trailers) or "-"
    x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
           "%x\r\n%s\r\n" % (len(names), names) +
           "0\r\nX-Sum: abc\r\nContent-Length: 5\r\n\r\n")


@sanitize
def trailers_of_answers_pass_without_what_must_not_be_in_one(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east").does(_names_of_trailers)]})
    c = p.client()
    for _ in range(2):
        answer = c.get("/t", [("TE", "trailers")]).expect(200)
        names = [n.lower() for n, _ in answer.trailers]
        assert names == ["x-sum"], "framing fields in a trailer are dropped: %r" % answer.trailers


_TRAILERS = "X-Client-Sum: 1\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n"


@sanitize
def trailers_of_a_streamed_request_pass(t):
    head_seen = threading.Event()
    origin = t.origin("east").does(_names_of_trailers)
    origin.before_body = lambda x, request: head_seen.set()
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    c.send("POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    assert head_seen.wait(5)
    c.send("0\r\n" + _TRAILERS)
    c.response().expect(200, "x-client-sum")


@sanitize
def trailers_of_a_request_that_came_at_once_pass(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east").does(_names_of_trailers)]})
    c = p.client()
    for _ in range(2):  # over a new and over a kept connection
        c.send("POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1\r\nx\r\n0\r\n" + _TRAILERS)
        c.response().expect(200, "x-client-sum")


@sanitize
def expect_100_continue_reaches_the_origin_and_its_100_comes_back(t):
    def before(x, request):
        if request.get("expect"):
            x.send("HTTP/1.1 100 Continue\r\n\r\n")

    origin = t.origin("east").does(lambda x: x.answer(200, x.request.body))
    origin.before_body = before
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    for turn in range(3):
        c.send("POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        until(lambda: b"\r\n\r\n" in c.reader.buffer or c.reader.fill(), "100 comes back")
        assert c.reader.buffer.startswith(b"HTTP/1.1 100 "), c.reader.buffer
        c.send("body")
        answer = c.response().expect(200, "body")
        assert [i.status for i in answer.interim] == [100], (turn, answer.interim)


@sanitize
def a_final_answer_instead_of_100_is_passed_on(t):
    def before(x, request):
        x.answer(401, "no")
        x.close()

    origin = t.origin("east")
    origin.before_body = before
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    c.send("POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    c.response().expect(401, "no")


@sanitize
def any_other_expectation_is_417(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    p.client().get("/", [("Expect", "miracles")]).expect(417)
    assert origin.requests == []


@sanitize
def interim_answers_are_passed_on(t):
    origin = t.origin("east").sends(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
        "HTTP/1.1 102 Processing\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    p = t.proxy(regions={"us-east-1": [origin]})
    answer = p.client().get("/").expect(200, "ok")
    assert [i.status for i in answer.interim] == [103, 102], answer.interim
    assert answer.interim[0].get("link") == "</a.css>"


@sanitize
def a_flood_of_interim_answers_is_502(t):
    origin = t.origin("east").sends("HTTP/1.1 102 Processing\r\n\r\n" * 1000)
    p = t.proxy(regions={"us-east-1": [origin]}, service_text="retry = { attempts = 1; };")
    answer = p.client().get("/")
    answer.expect(502)
    assert len(answer.interim) <= 16, len(answer.interim)


@sanitize
def an_http_1_0_client_gets_a_plain_body_and_a_close(t):
    origin = t.origin("east").sends(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    c.send("GET /old HTTP/1.0\r\nHost: shop.example.com\r\n\r\n")
    answer = c.response().expect(200, "abcdef")
    assert not answer.has("transfer-encoding"), answer.fields
    assert origin.last.version == "HTTP/1.1"


@sanitize
def an_http_1_0_client_without_host_is_served(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client(tls=False)
    c.send("GET /old HTTP/1.0\r\n\r\n")
    c.response().expect(200, "east")
    c.expect_close()
    assert origin.last.get("host") == "%s:%d" % (origin.address, origin.port), origin.last.fields


@sanitize
def an_http_1_0_client_may_keep_its_connection(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    c = p.client()
    for _ in range(3):
        c.send("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
        answer = c.response().expect(200, "east")
        assert (answer.get("connection") or "").lower() == "keep-alive", answer.fields


@sanitize
def a_client_that_says_close_is_closed(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    for tls in (True, False):
        c = p.client(tls=tls)
        answer = c.get("/", [("Connection", "close")]).expect(200, "east")
        assert "close" in (answer.get("connection") or ""), answer.fields
        c.expect_close()
    assert origin.connections == 1, "the client's close is not the endpoint's"


@sanitize
def absolute_form_routes_by_its_authority(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]},
                routes=['{ host = "shop.example.com"; path = "/"; service = "shop"; }'])
    c = p.client()
    c.request("GET", "http://shop.example.com/abs?x=1", host="other.example.com").response() \
        .expect(200, "east")
    assert origin.last.target == "/abs?x=1"
    assert origin.last.all("host") == ["shop.example.com"]
    c.request("GET", "/abs", host="other.example.com").response().expect(404)


@sanitize
def the_origin_learns_who_asked_and_how(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    forged = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "gopher"),
              ("X-Forwarded-Host", "evil"), ("Forwarded", "for=6.6.6.6"),
              ("X-Real-IP", "6.6.6.6")]
    c = p.client(source="127.0.0.9")
    c.get("/", forged).expect(200)
    seen = origin.last
    assert seen.all("x-forwarded-for") == ["127.0.0.9"], seen.fields
    assert seen.all("x-forwarded-proto") == ["https"], seen.fields
    assert seen.all("x-forwarded-host") == ["shop.example.com"], seen.fields
    forwarded = seen.all("forwarded")
    assert len(forwarded) == 1 and "for=127.0.0.9" in forwarded[0], forwarded
    assert "proto=https" in forwarded[0] and "host=" in forwarded[0], forwarded
    assert "6.6.6.6" not in str(seen.fields) and "evil" not in str(seen.fields), seen.fields
    assert seen.all("host") == ["shop.example.com"]
    assert len(seen.all("x-request-id")) == 1
    p.get("/clear", tls=False)
    assert origin.last.all("x-forwarded-proto") == ["http"]


@sanitize
def hop_by_hop_fields_end_at_the_proxy(t):
    origin = t.origin("east").answers(200, "east", [
        ("Connection", "X-Private-Answer"), ("X-Private-Answer", "1"), ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"), ("Server", "mine/1"),
        ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"), ("X-End", "kept")])
    p = t.proxy(regions={"us-east-1": [origin]})
    answer = p.client().get("/", [
        ("Connection", "X-Private, keep-alive"), ("X-Private", "1"), ("Keep-Alive", "300"),
        ("Proxy-Connection", "keep-alive"), ("TE", "gzip"), ("X-End", "kept"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"), ("Upgrade", "h2c")]).expect(200, "east")
    for name in ("x-private", "keep-alive", "proxy-connection", "te", "http2-settings", "upgrade"):
        assert not origin.last.has(name), (name, origin.last.fields)
    assert origin.last.get("x-end") == "kept"
    for name in ("x-private-answer", "keep-alive"):
        assert not answer.has(name), (name, answer.fields)
    assert answer.get("x-end") == "kept"
    assert answer.all("server") == ["mine/1"]
    assert answer.all("date") == ["Mon, 01 Jan 2024 00:00:00 GMT"]


@sanitize
def connection_cannot_nominate_what_routing_stands_on(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    p.client().request("POST", "/", [
        ("Connection", "Host, Content-Length, X-Forwarded-For, X-Forwarded-Proto, Forwarded")],
        b"four").response().expect(200)
    seen = origin.last
    assert seen.has("host") and seen.body == b"four", seen.fields
    assert seen.has("x-forwarded-for") and seen.has("x-forwarded-proto"), seen.fields


@sanitize
def end_to_end_fields_pass_unchanged(t):
    fields = [("Cookie", "a=1; b=2"), ("Authorization", "Basic Zm9v"), ("Accept-Encoding", "br"),
              ("X-Empty", ""), ("X-Case-Kept", "YeS"), ("X-Twice", "1"), ("X-Twice", "2"),
              ("X-Obs-Text", "caf\xe9"), ("If-None-Match", '"tag"')]
    origin = t.origin("east").answers(200, "e", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                                                 ("ETag", '"x"'), ("X-Obs", "\xe9\xff")])
    p = t.proxy(regions={"us-east-1": [origin]})
    answer = p.client().get("/", fields).expect(200)
    kept = [f for f in origin.last.fields if f in fields]
    assert kept == fields, origin.last.fields
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.get("x-obs") == "\xe9\xff"


@sanitize
def via_is_added_where_it_is_asked_for(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, service_text='via = "both";')
    answer = p.client().get("/").expect(200)
    assert "1.1 " in (origin.last.get("via") or ""), origin.last.fields
    assert answer.has("via"), answer.fields


@sanitize
def connect_and_foreign_versions_are_refused(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    for line, status in (("CONNECT shop.example.com:443 HTTP/1.1", 405),
                         ("GET / HTTP/2.0", 505), ("GET / HTTP/3.0", 505),
                         ("GET / HTTQ/1.1", 400), ("GET /", 400)):
        c = p.client(tls=False)
        c.send(line + "\r\nHost: shop.example.com\r\n\r\n")
        c.response().expect(status)
    assert origin.requests == []


@sanitize
def limits_on_the_head_are_answered_with_their_own_status(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    for head, status in (("GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: h\r\n", 414),
                         ("GET / HTTP/1.1\r\nHost: h\r\nX: " + "a" * 17000 + "\r\n", 431),
                         ("GET / HTTP/1.1\r\nHost: h\r\n" + "X: a\r\n" * 150, 431),
                         ("GET / HTTP/1.1\r\nHost: h\r\n" + ("X: " + "a" * 8000 + "\r\n") * 6,
                          431)):
        c = p.client(tls=False)
        c.send(head + "\r\n")
        c.response().expect(status)
    assert origin.requests == []
    p.client().get("/" + "a" * 7000, [("X", "b" * 15000)]).expect(200, "east")


@sanitize
def malformed_answers_become_502(t):
    bad = [
        "garbage\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + "a" * 70000 + "\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ]
    state = {}
    origin = t.origin("east").does(lambda x: (x.send(state["bytes"]), x.close()))
    p = t.proxy(regions={"us-east-1": [origin]}, service_text="retry = { attempts = 1; };")
    c = p.client()
    for answer in bad:
        state["bytes"] = answer
        got = c.post("/bad", b"x")
        assert got.status == 502, (answer[:80], got, got.body)
    state["bytes"] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    c.get("/good").expect(200, "ok")


@sanitize
def an_answer_cut_in_the_middle_is_cut_for_the_client_too(t):
    for head, part in (("Content-Length: 100", "x" * 50),
                       ("Transfer-Encoding: chunked", "32\r\n" + "x" * 50 + "\r\n")):
        origin = t.origin("cut").sends_and_closes("HTTP/1.1 200 OK\r\n%s\r\n\r\n%s" % (head, part))
        p = t.proxy(regions={"us-east-1": [origin]})
        c = p.client(tls=False).request("GET", "/cut")
        try:
            c.response()
        except (ConnectionError, Closed):
            pass
        else:
            raise AssertionError("a cut answer looked whole")
        assert p.until_access("/cut")[0]["reason"] == "cut_response"


@sanitize
def bytes_behind_an_answer_never_reach_the_next_client(t):
    """A poisoned endpoint connection must not be used again."""
    origin = t.origin("east").sends(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON")
    p = t.proxy(regions={"us-east-1": [origin]})
    for _ in range(20):
        p.get("/").expect(200, "ok")


@sanitize
def a_body_delimited_by_close_ends_with_it(t):
    origin = t.origin("east").sends_and_closes("HTTP/1.1 200 OK\r\n\r\n", "abc" * 1000)
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    for _ in range(2):
        answer = c.get("/close").expect(200, "abc" * 1000)
        assert answer.get("transfer-encoding") == "chunked", "so that its end is provable"


@sanitize
def websocket_upgrade_tunnels_or_is_refused_cleanly(t):
    """101 only if we asked; what is not tunnelled is not asked for."""
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.get("upgrade") or "plain"))
    p = t.proxy(regions={"us-east-1": [origin]})
    answer = p.client().get("/ws", [("Connection", "Upgrade"), ("Upgrade", "websocket"),
                                    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                                    ("Sec-WebSocket-Version", "13")])
    answer.expect(200)


@sanitize
def chunks_of_every_size_are_framed_anew(t):
    sizes = [1, 2, 15, 16, 17, 255, 256, 4095, 4096, 16384, 65535, 65536, 65537, 200000]
    pieces = [bytes([65 + i % 26]) * s for i, s in enumerate(sizes)]
    origin = t.origin("east").does(
        lambda x: x.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                         chunked(*pieces)))
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    c.request("POST", "/", [("Transfer-Encoding", "chunked")], chunked(*pieces))
    c.response().expect(200, b"".join(pieces))
    assert origin.last.body == b"".join(pieces)


@sanitize
def who_asks_for_the_end_is_let_go_at_once_and_nobody_else(t):
    """Listening on after the last answer is for clients that may still send (RFC 9112, 9.6)."""
    origin = t.origin("east").answers(200, b"bye")
    p = t.proxy(regions={"us-east-1": [origin]})

    def is_reset(c):
        try:
            c.send("x")
        except ConnectionError:
            return True
        return False

    asked = p.client(tls=False)
    asked.get("/", [("Connection", "close")]).expect(200, b"bye")
    asked.expect_close()
    until(lambda: is_reset(asked), "a closed socket answers with a reset", 1.0)
    refused = p.client(tls=False).send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert refused.response().status == 400
    refused.expect_close()
    for _ in range(20):
        refused.send("y")  # thrown away, not answered with a reset that overtakes the 400


def _unread(c):
    """Bytes that lie in the proxy's socket of this connection; None: it has none (any more)."""
    ours = ":%04X" % c.socket.getsockname()[1]
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[2].endswith(ours):
                return int(fields[4].split(":")[1], 16)
    return None


@sanitize
def whoever_asked_for_the_end_in_pieces_is_listened_to_after_its_answer(t):
    origin = t.origin("east").answers(200, b"bye")
    p = t.proxy(regions={"us-east-1": [origin]})
    for tls in (False, True):
        c = p.client(tls=tls)
        for piece in ("GET / HT", "TP/1.1\r\nHost: a\r\nConnection: close\r\n", "\r\n"):
            c.send(piece)
            until(lambda: _unread(c) == 0, "the piece has been read")
        c.response().expect(200, b"bye")
        c.expect_close()
        for _ in range(20):
            c.send("GET /behind HTTP/1.1\r\n")  # would be reset if the socket were closed
    assert [r.target for r in origin.requests] == ["/", "/"]


@sanitize
def bytes_that_came_just_before_a_close_do_not_take_the_answer_with_them(t):
    """The worker learns of them only after it has answered: it stood still when all of it came."""
    go, gone = threading.Event(), threading.Event()
    origin = t.origin("east")

    def script(x):
        go.wait(30)
        x.answer(200, b"bye")
        gone.set()

    origin.does(script)
    p = t.proxy(regions={"us-east-1": [origin]})
    for tls in (False, True):
        go.clear()
        gone.clear()
        c = p.client(tls=tls).request("GET", "/", [("Connection", "close")])
        until(lambda: len(origin.requests) == 1 + tls, "the request has arrived")
        with p.stopped():
            go.set()
            assert gone.wait(5)
            c.send("GET /behind HTTP/1.1\r\n")
        c.response().expect(200, b"bye")
        c.expect_close()
    assert len(origin.requests) == 2


@sanitize
def whoever_sends_on_and_on_behind_the_end_is_closed(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    for tls in (False, True):
        c = p.client(tls=tls).send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert c.response().status == 400
        sent = 0
        try:
            while sent < 200 << 20:
                c.send(b"x" * (1 << 20))
                sent += 1 << 20
        except OSError:
            pass
        assert 8 << 20 < sent < 64 << 20, "%d MiB were taken" % (sent >> 20)


@sanitize
def a_reset_right_behind_a_request_ends_what_was_asked_for(t):
    """Nothing tells of it but what told of the bytes; and nobody writes, which would fail."""
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    for tls in (False, True):
        origin.answers(200, b"")
        c = p.client(tls=tls)
        c.get("/first").expect(200)
        origin.hangs()
        with p.stopped():
            c.request("GET", "/second").reset()
        left = p.until_access("/second", count=1 + tls)[-1]
        assert left["reason"] == "client_left", left
