"""What any user tries first, with the tools any user has."""

import time

from harness import sanitize, until


@sanitize
def curl_gets_the_page_over_tls_1_3_and_1_2(t):
    origin = t.origin("east").answers(200, "hello\n")
    p = t.proxy(regions={"us-east-1": [origin]})
    for version in ("1.2", "1.3"):
        out = p.curl("-v", "--tlsv" + version, "--tls-max", version, "https://shop.example.com/")
        assert "hello" in out
        assert "SSL connection using TLSv" + version in out, out
        assert "ALPN: server accepted h2" in out or "ALPN, server accepted to use h2" in out, out
    assert len(origin.requests) == 2


@sanitize
def curl_gets_the_page_in_clear_text(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    assert p.curl("http://shop.example.com/some/path?x=1") == "east"


@sanitize
def a_connection_serves_many_requests(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    for i in range(200):
        c.get("/%d" % i).expect(200, "east")
    assert [r.target for r in origin.requests] == ["/%d" % i for i in range(200)]
    assert origin.connections == 1, "the endpoint's connection is kept too"


@sanitize
def pipelined_requests_are_answered_in_order(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.target))
    p = t.proxy(regions={"us-east-1": [origin]})
    for tls in (True, False):
        c = p.client(tls=tls)
        c.send("".join("GET /%d HTTP/1.1\r\nHost: shop.example.com\r\n\r\n" % i
                       for i in range(50)))
        for i in range(50):
            c.response().expect(200, "/%d" % i)


@sanitize
def a_pipelined_request_behind_a_body_is_not_lost(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.body + b"@"))
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    c.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
           "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
           "GET /c HTTP/1.1\r\nHost: h\r\n\r\n")
    c.response().expect(200, "hello@")
    c.response().expect(200, "abc@")
    c.response().expect(200, "@")


@sanitize
def a_request_that_trickles_in_byte_by_byte_is_served(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.body))
    p = t.proxy(regions={"us-east-1": [origin]})
    for tls in (True, False):
        c = p.client(tls=tls)
        for byte in ("POST /trickle HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "5;ext=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"):
            c.send(byte)
        c.response().expect(200, "hello")


@sanitize
def heads_that_trickle_in_side_by_side_do_not_mix(t):
    """Requests and answers both, one piece each in turn, on one worker."""
    origin = t.origin("east")

    def script(x):
        for piece in ("HTTP/1.1 200 OK\r\nX-", "Path: %s\r\n" % x.request.target,
                      "Content-Length: 2\r\nX-Last", ": 1\r", "\n\r\nok"):
            x.send(piece)
            time.sleep(0.005)

    origin.does(script)
    p = t.proxy(regions={"us-east-1": [origin]})
    for tls in (True, False):
        clients = [p.client(tls=tls) for _ in range(8)]
        pieces = [["GET /%d HTTP/1.1\r" % i, "\nHost: h%d\r\nX-" % i, "Mine: %d\r\n" % i,
                   "X-Other: x\r\n", "\r", "\n"] for i in range(8)]
        for turn in range(6):
            for i, c in enumerate(clients):
                c.send(pieces[i][turn])
        for i, c in enumerate(clients):
            answer = c.response().expect(200, "ok")
            assert answer.all("x-path") == ["/%d" % i] and answer.has("x-last"), answer.fields
    for request in origin.requests:
        number = request.target[1:]
        assert request.all("host") == ["h" + number], request.fields
        assert request.all("x-mine") == [number], request.fields


@sanitize
def two_workers_serve_side_by_side(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, workers=2)
    for _ in range(40):
        p.get("/").expect(200, "east")
    assert len(p.worker_tids()) == 2, p.worker_tids()


@sanitize
def nothing_routed_is_404_with_a_body_the_client_can_read(t):
    p = t.proxy(regions={"us-east-1": [t.origin()]},
                routes=['{ host = "shop.example.com"; path = "/shop/"; service = "shop"; }'])
    html = p.get("/nowhere", [("Accept", "text/html,*/*")])
    html.expect(404)
    assert "text/html" in html.get("content-type"), html.fields
    assert "<" in html.text
    request_id = html.get("x-request-id")
    assert request_id and request_id in html.text, (html.fields, html.text)

    import json
    answer = p.get("/nowhere", [("Accept", "application/json")])
    answer.expect(404)
    assert "application/json" in answer.get("content-type"), answer.fields
    assert answer.get("x-request-id") in json.dumps(json.loads(answer.text))
    assert answer.get("x-request-id") != request_id, "ids are not used twice"
    for line in p.until_access("/nowhere", count=2):
        assert line["reason"] == "no_route", line
        assert line["status"] == 404, line


@sanitize
def an_error_for_head_has_no_body_and_the_connection_lives_on(t):
    origin = t.origin()
    p = t.proxy(regions={"us-east-1": [origin]},
                routes=['{ path = "/shop/"; service = "shop"; }'])
    c = p.client()
    assert c.head("/nowhere").status == 404
    c.get("/shop/x").expect(200, "origin")


@sanitize
def a_client_that_leaves_cancels_its_request_at_the_origin(t):
    gone = []

    def script(x):
        try:
            while x.socket.recv(1) != b"":
                pass
        except OSError:
            pass
        gone.append(x.request.target)
        x.close()

    origin = t.origin("east").does(script)
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client().request("GET", "/left")
    origin.until_requests(1)
    c.reset()
    until(lambda: gone == ["/left"], "the origin sees its request cancelled", 3)
    line = p.until_access("/left")[0]
    assert line["reason"] == "client_left", line


@sanitize
def garbage_and_silence_hurt_nobody(t):
    """Port scanners, TLS to the clear port, clear text to the TLS port."""
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    for tls, data in ((False, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200),
                      (False, b"\0" * 5000), (False, b"\r\n" * 3000), (False, b"A" * 100000)):
        c = p.client(tls=tls)
        try:
            c.send(data)
            answer = c.rest()
        except OSError:
            continue
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or \
            answer.startswith(b"HTTP/1.1 5"), answer
    for data in (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\x80\x2e\x01\x00\x02" + b"\0" * 60, b""):
        c = p.client(tls=False, address=p.https)
        try:
            c.send(data).half_close()
            answer = c.rest()
        except OSError:
            continue
        assert not answer.startswith(b"HTTP/1.1 200"), answer
    p.get("/").expect(200, "east")
