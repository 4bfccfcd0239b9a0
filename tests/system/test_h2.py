"""HTTP/2 from clients: what it does for those who mean well."""

import hashlib
import os
import struct
import threading

from harness import alone, h2, process, sanitize, tcp, until
from harness.h2 import H2, frame


def _proxy(t, origin, **parts):
    parts.setdefault("plain", "h2c = true;")
    return t.proxy(regions={"us-east-1": [origin]}, **parts)


@sanitize
def http2_is_spoken_by_alpn_and_by_prior_knowledge_beside_http1(t):
    p = _proxy(t, t.origin("east"))
    say = ("-o", "/dev/null", "-w", "%{http_version} %{response_code}")
    assert p.curl("--http2", *say, "https://shop.example.com/a") == "2 200"
    assert p.curl("--http1.1", *say, "https://shop.example.com/b") == "1.1 200"
    assert p.curl("--http2-prior-knowledge", *say, "http://shop.example.com/c") == "2 200"
    assert p.curl(*say, "http://shop.example.com/d") == "1.1 200"
    assert p.curl("--http2", *say, "http://shop.example.com/e") == "1.1 200"  # Upgrade: h2c
    said = {path: p.until_access("/" + path)[0]["protocol"] for path in "abcde"}
    assert said == {"a": "HTTP/2", "b": "HTTP/1.1", "c": "HTTP/2", "d": "HTTP/1.1",
                    "e": "HTTP/1.1"}, said
    assert p.metrics().total("detour_http2_connections_total") == 2


@sanitize
def a_reset_right_behind_bytes_ends_what_was_asked_for_on_the_connection(t):
    """Nothing tells of it but what told of the bytes; and nobody writes, which would fail."""
    p = _proxy(t, t.origin("east").hangs())
    for tls in (False, True):
        for last in (None, frame(h2.PING, payload=bytes(8))):
            c = H2(p, tls=tls)
            c.open()
            until(lambda: p.metrics().total("detour_endpoint_active_tries") == 1, "it is asked")
            with p.stopped():
                c.open() if last is None else c.send(last)
                tcp.reset(c.socket)
            until(lambda: p.metrics().total("detour_endpoint_active_tries") == 0, "nobody works on")


@sanitize
def who_resets_right_behind_bytes_that_ask_for_nothing_is_not_kept(t):
    """Nothing is under way for it and nothing is written to it; it rests like others, and is gone."""
    p = _proxy(t, t.origin("east"))
    for tls in (False, True):
        for last in (frame(h2.WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)),
                     frame(h2.RST_STREAM, 0, 1, struct.pack("!I", h2.CANCEL))):
            c = H2(p, tls=tls)
            assert c.answer(c.open())[0] == 200
            with p.stopped():
                c.send(last)
                tcp.reset(c.socket)
            until(lambda: p.metrics().total("detour_listener_connections") == 0, "it is let go")


@sanitize
def a_listener_may_do_without_http2(t):
    p = _proxy(t, t.origin("east"), listener="http2 = false;", plain="")
    say = ("-o", "/dev/null", "-w", "%{http_version} %{response_code}")
    assert p.curl("--http2", *say, "https://shop.example.com/") == "1.1 200"
    with H2(p) as c:
        assert c.socket.recv(100).startswith(b"HTTP/1.1 505")


@sanitize
def the_preface_may_come_in_pieces(t):
    p = _proxy(t, t.origin("east"))
    c = p.client(tls=False)
    for byte in h2.PREFACE + frame(h2.SETTINGS):
        c.send(bytes([byte]))
    assert c.socket.recv(9)[3] == h2.SETTINGS


@sanitize
def bodies_pass_both_ways_byte_for_byte(t):
    body = os.urandom(3 << 20)
    sent = os.path.join(t.directory("files"), "sent")
    with open(sent, "wb") as f:
        f.write(body)
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.body))
    p = _proxy(t, origin)
    for how in (("--http2", "https://shop.example.com/"),
                ("--http2-prior-knowledge", "http://shop.example.com/"),
                ("--http2", "-H", "Transfer-Encoding: chunked", "https://shop.example.com/")):
        got = sent + ".got"
        p.curl("-T", sent, "-o", got, *how)
        with open(got, "rb") as f:
            assert hashlib.sha256(f.read()).digest() == hashlib.sha256(body).digest(), how


@sanitize
def many_streams_share_a_connection(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.target * 2000))
    p = _proxy(t, origin)
    with H2(p, tls=True) as c:
        c.window(0, 1 << 24)
        wanted = {c.open(h2.request(path="/n%d" % i)): "/n%d" % i for i in range(40)}
        bodies, open_streams = {stream: b"" for stream in wanted}, set(wanted)
        while open_streams:
            f = c.read()
            if f.kind == h2.DATA:
                bodies[f.stream] += f.payload
            if f.ends:
                open_streams.discard(f.stream)
        for stream, path in wanted.items():
            assert bodies[stream].decode() == path * 2000, path
    assert p.metrics().total("detour_http2_connections_total") == 1


@sanitize
def trailers_pass_both_ways(t):
    def script(x):
        x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n"
               "3\r\nabc\r\n0\r\ngrpc-status: 0\r\nage: 5\r\n\r\n")

    origin = t.origin("east").does(script)
    origin.record = True
    p = _proxy(t, origin)
    with H2(p) as c:
        s = c.open(h2.request("POST", more=[("te", "trailers")]), end=False)
        c.data(s, b"hello")
        c.send(frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, s,
                     h2.block([("x-sum", "42")])))
        status, body, frames = c.answer(s)
    assert (status, body) == (200, b"abc"), frames
    assert frames[-1].kind == h2.HEADERS and frames[-1].ends, frames
    request = origin.until_requests(1)[0]
    assert request.body == b"hello"
    assert b"x-sum: 42\r\n" in origin.raw[0], origin.raw[0]
    out = process.run(["nghttp", "-v", "--no-dep", "http://%s:%d/" % p.http])
    assert "grpc-status: 0" in out and "age: 5" not in out, out


@sanitize
def answers_without_content_end_with_their_head(t):
    p = _proxy(t, t.origin("east").does(lambda x: x.answer(
        {"/204": 204, "/304": 304}.get(x.request.target, 200), b"body")))
    with H2(p) as c:
        for method, path, wanted in (("HEAD", "/", 200), ("GET", "/204", 204),
                                     ("GET", "/304", 304)):
            status, body, frames = c.answer(c.open(h2.request(method, path)))
            assert (status, body, len(frames)) == (wanted, b"", 1), (path, frames)
            assert frames[0].ends, frames


@sanitize
def interim_answers_pass_and_an_expectation_is_met(t):
    def script(x):
        x.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        x.answer(200, x.request.body)

    p = _proxy(t, t.origin("east").does(script))
    with H2(p) as c:
        s = c.open(h2.request("PUT", more=[("expect", "100-continue")]), end=False)
        assert c.until_kind(h2.HEADERS, s).status == 100
        c.data(s, b"body", end=True)
        assert c.until_kind(h2.HEADERS, s).status == 103
        status, body, _ = c.answer(s)
        assert (status, body) == (200, b"body")


@sanitize
def what_is_not_served_is_answered_on_its_stream(t):
    origin = t.origin("east")
    p = _proxy(t, origin, limits="max_body = \"1KiB\";", routes=['{ path = "/a"; service = "shop"; }'])
    many = [("x-%d" % i, "y") for i in range(101)]
    cases = ((h2.request(path="/b"), 404), (h2.request(path="/a", more=many), 431),
             (h2.request(path="/" + "a" * 9000), 414),
             (h2.request(path="/a", more=[("x", "y" * 17000)]), 431),
             ([(":method", "CONNECT"), (":authority", "a:443")], 405),
             (h2.request(path="/a", more=[("host", "b")]), 400),
             (h2.request("POST", "/a", more=[("expect", "x")]), 417),
             (h2.request("POST", "/a", more=[("content-length", "2000")]), 413))
    with H2(p) as c:
        for fields, wanted in cases:
            post = wanted in (405, 413, 417)
            s = c.next_id()
            whole = h2.block(fields)
            c.send(frame(h2.HEADERS, 0 if post else h2.END_STREAM, s, whole[:16000]) +
                   frame(h2.CONTINUATION, h2.END_HEADERS, s, whole[16000:]))
            status, body, frames = c.answer(s)
            assert status == wanted and body, (wanted, frames)
        # Nobody reads the rest; what has not come in a while is not to come.
        assert c.until_kind(h2.RST_STREAM).error == 0
        s = c.open(h2.request("POST", "/a"), end=False)
        c.data(s, b"x" * 1025)
        assert c.answer(s)[0] == 413
        assert c.answer(c.open(h2.request(path="/a")))[0] == 200
    assert len(origin.of("/a")) == 1, origin.requests


@sanitize
def malformed_requests_reach_nobody(t):
    origin = t.origin("east")
    p = _proxy(t, origin)
    post = h2.request("POST")
    cases = [(post + more, body) for more, body in (
        ([("connection", "close")], b""), ([("Upper", "x")], b""), ([("x", "a\r\nb: c")], b""),
        ([("x", " a")], b""), ([("transfer-encoding", "chunked")], b""), ([("te", "gzip")], b""),
        ([("content-length", "5")], b""), ([("content-length", "5")], b"1234"),
        ([("content-length", "3")], b"1234"), ([(":path", "/")], b""), ([("", "a")], b""))]
    cases.append((h2.request(path="/a b"), b""))
    for fields, body in cases:
        with H2(p) as c:
            s = c.open(fields, end=not body)
            if body:
                c.data(s, body, end=True)
            got = c.until(lambda f: f.kind in (h2.RST_STREAM, h2.GOAWAY))
            assert got.error == h2.PROTOCOL_ERROR, (fields, got)
            assert c.answer(c.open(h2.request(path="/next")))[0] == 200
    assert {r.target for r in origin.requests} <= {"/next"} or \
        all(r.body in (b"", b"1234", None) for r in origin.of("/")), origin.requests


@sanitize
def an_upload_waits_for_an_endpoint_that_does_not_read(t):
    origin = t.origin("east")
    origin.refuse()
    origin.receive_buffer = 4096
    go = threading.Event()
    origin.before_body = lambda x, r: go.wait(30)
    origin.accept()
    p = _proxy(t, origin)
    with H2(p) as c:
        c.socket.settimeout(0.5)
        s, sent, window, connection = c.open(h2.request("PUT"), end=False), 0, 65535, 65535
        try:
            while sent < (64 << 20):
                size = min(16384, window, connection)
                if size > 0:
                    c.data(s, b"x" * size)
                    sent, window, connection = sent + size, window - size, connection - size
                    continue
                f = c.until_kind(h2.WINDOW_UPDATE)
                by = struct.unpack("!I", f.payload)[0]
                if f.stream == 0:
                    connection += by
                else:
                    window += by
        except TimeoutError:
            pass
        assert sent < (16 << 20), sent
        go.set()
        c.socket.settimeout(20)
        while window == 0:
            f = c.until_kind(h2.WINDOW_UPDATE)
            window += struct.unpack("!I", f.payload)[0] if f.stream == s else 0
        c.data(s, b"", end=True)
        assert c.answer(s)[0] == 200
    until(lambda: len(origin.last.body) == sent, "all of it arrived")


@sanitize
def a_stream_that_is_not_read_stops_no_other_and_is_reset(t):
    origin = t.origin("east").does(
        lambda x: x.answer(200, b"x" * (1 << 20 if x.request.target == "/big" else 10)))
    p = _proxy(t, origin, limits='send_stall = "700ms";')
    with H2(p, settings=[(h2.INITIAL_WINDOW_SIZE, 0)]) as c:
        big = c.open(h2.request(path="/big"))
        assert c.until_kind(h2.HEADERS, big).status == 200
        small = c.open()
        c.window(small, 100)
        assert c.answer(small)[:2] == (200, b"x" * 10)
        assert c.until_kind(h2.RST_STREAM, big).error == h2.CANCEL
        again = c.open()
        c.window(again, 100)
        assert c.answer(again)[:2] == (200, b"x" * 10)
    assert p.until_access("/big")[0]["reason"] == "client_stalled"


@sanitize
def a_long_answer_lets_short_ones_pass_on_its_connection(t):
    size = 64 << 20
    origin = t.origin("east").does(
        lambda x: x.answer(200, b"x" * (size if x.request.target == "/long" else 20000)))
    p = _proxy(t, origin)
    with H2(p, settings=[(h2.INITIAL_WINDOW_SIZE, (1 << 31) - 1)]) as c:
        c.window(0, (1 << 31) - 1 - 65535)
        long = c.open(h2.request(path="/long"))
        got = len(c.until_kind(h2.DATA, long).payload)
        for _ in range(3):
            short, before = c.open(), got
            rest = 20000
            while rest > 0:
                f = c.until(lambda f: f.kind == h2.DATA)
                got += len(f.payload) if f.stream == long else 0
                rest -= len(f.payload) if f.stream == short else 0
            # What the sockets hold was on its way before it was asked for.
            assert got - before < size // 4, "%d bytes of the long one came first" % (got - before)
        assert got < size


@sanitize
def an_answer_that_is_cut_is_reset(t):
    p = _proxy(t, t.origin("east").sends_and_closes(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"))
    with H2(p) as c:
        status, body, frames = c.answer(c.open())
        assert (status, body) == (200, b"abc") and frames[-1].kind == h2.RST_STREAM, frames


@sanitize
def a_request_broken_off_is_broken_off_at_the_endpoint(t):
    ended = threading.Event()

    def script(x):
        assert x.socket.recv(1) == b""
        ended.set()
        x.close()

    origin = t.origin("east").does(script)
    p = _proxy(t, origin)
    with H2(p) as c:
        s = c.open()
        origin.until_requests(1)
        c.send(frame(h2.RST_STREAM, 0, s, struct.pack("!I", h2.CANCEL)))
        assert ended.wait(5)
        origin.answers(200, "east")
        assert c.answer(c.open())[:2] == (200, b"east")


@sanitize
def a_drain_says_goodbye_twice_and_lets_streams_finish(t):
    go = threading.Event()
    origin = t.origin("east")
    p = _proxy(t, origin)
    c = H2(p)
    assert c.answer(c.open())[0] == 200
    origin.does(lambda x: (go.wait(20), x.answer(200, "late")))
    s = c.open()
    origin.until_requests(2)
    p.drain()
    first = c.until_kind(h2.GOAWAY)
    assert first.payload[:4] == b"\x7f\xff\xff\xff" and first.error == 0, first
    last = c.until_kind(h2.GOAWAY)
    assert last.payload[:4] == struct.pack("!I", s), last
    go.set()
    assert c.answer(s)[:2] == (200, b"late")
    assert c.read() is None
    c.close()
    assert p.wait_exit() == 0


@sanitize
def a_connection_makes_way_after_its_requests_and_its_age(t):
    p = _proxy(t, t.origin("east"), limits="h2_max_requests = 3;")
    with H2(p) as c:
        for _ in range(3):
            assert c.answer(c.open())[0] == 200
        assert c.until_goaway() == 0
    assert p.reload(limits='max_age = "300ms";')
    with H2(p) as c:
        assert c.answer(c.open())[0] == 200
        assert c.until_goaway() == 0


@sanitize
def a_connection_of_age_says_goodbye_twice_and_finishes_what_has_begun(t):
    go = threading.Event()
    p = _proxy(t, t.origin("east").does(
        lambda x: (x.request.target == "/late" and go.wait(20), x.answer(200, "east"))),
               limits='max_age = "300ms";')
    with H2(p) as c:
        late = c.open(h2.request(path="/late"))
        assert c.until_kind(h2.GOAWAY).payload[:4] == b"\x7f\xff\xff\xff"
        between = c.open()  # was on its way when the client heard of it
        assert c.answer(between)[:2] == (200, b"east")
        assert c.until_kind(h2.GOAWAY).payload[:4] == struct.pack("!I", between)
        ignored = c.open()
        go.set()
        assert c.answer(late)[:2] == (200, b"east")
        f = c.read()
        while f is not None:
            assert f.stream != ignored or f.kind == h2.RST_STREAM, f
            f = c.read()
    assert p.get("/").text == "east"


@sanitize
def an_idle_connection_is_let_go(t):
    p = _proxy(t, t.origin("east"), limits='keep_alive = "300ms";')
    with H2(p, tls=True) as c:
        assert c.answer(c.open())[0] == 200
        assert c.until_goaway() == 0
    with H2(p) as c:
        assert c.until_goaway() == 0


@sanitize
def a_listener_that_goes_lets_its_clients_finish(t):
    go = threading.Event()
    origin = t.origin("east").does(
        lambda x: (x.request.target == "/late" and go.wait(20), x.answer(200, "east")))
    port = t.lease.port(t.lease.address())
    p = _proxy(t, origin)
    address = (p.http[0], port)
    extra = '{ name = "extra"; bind = "%s:%d"; h2c = true; }' % address
    assert p.reload(listeners=[extra])
    p.http, plain = address, p.http
    old, c = p.client(tls=False), H2(p)
    p.http = plain
    old.get("/").expect(200)
    s = c.open(h2.request(path="/late"))
    origin.until_requests(2)
    assert p.reload(listeners=[])
    assert c.until_kind(h2.GOAWAY).payload[:4] == b"\x7f\xff\xff\xff"
    answer = old.get("/")
    assert answer.status == 200 and answer.get("connection") == "close", answer
    assert c.until_kind(h2.GOAWAY).payload[:4] == struct.pack("!I", s)
    go.set()
    assert c.answer(s)[:2] == (200, b"east")
    assert c.until_goaway() in (0, None)


@alone
def the_allocation_counter_stays_flat_over_http2(t):
    origin = t.nginx("east")
    p = t.proxy(regions={"us-east-1": [origin]}, workers=1)
    url = "https://%s:%d/" % p.https

    def taken_by(count):
        before = p.metrics().total("detour_worker_allocations_total")
        out = process.run(["h2load", "-t", "1", "-c", "4", "-m", "8", "-n", str(count), url])
        assert "%d succeeded, 0 failed" % count in out, out
        return p.metrics().total("detour_worker_allocations_total") - before

    taken_by(2000)
    few, many = taken_by(2000), taken_by(8000)
    t.report("%d allocations with 2000 requests, %d with 8000" % (few, many))
    assert many - few <= 100, (few, many)  # the rest is the connections' handshakes
