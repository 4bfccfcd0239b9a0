"""WebSockets of HTTP/2 clients and endpoints (RFC 8441): tunnels as they are by HTTP/1.1."""

import hashlib
import os
import socket
import struct
import subprocess
import threading
import time

from harness import deadline, h2, sanitize, sanitized, tcp, until
from harness.h2 import H2, frame
from harness.h2_origin import ENABLE_CONNECT_PROTOCOL, MAX_CONCURRENT_STREAMS
from harness.websocket import KEY, OPENING, accept_of, echo, granted, grants, pieces

MIB = 1 << 20
_H2 = 'protocol = "h2";'


def _proxy(t, origin, **parts):
    parts.setdefault("plain", "h2c = true;")
    return t.proxy(regions={"us-east-1": [origin]}, **parts)


def _h2_proxy(t, origin, **parts):
    parts.setdefault("plain", "h2c = true;")
    return t.proxy(regions={"us-east-1": {"endpoints": [origin], "text": _H2}}, **parts)


@sanitize
def a_websocket_of_http2_becomes_an_upgrade_by_http1(t):
    origin = t.origin("east").does(grants(echo, b"hello", "Sec-WebSocket-Protocol: soap\r\n"))
    p = _proxy(t, origin)
    for n, tls in enumerate((True, False)):
        c = H2(p, tls=tls)
        s = c.connect("/chat", more=[("sec-websocket-protocol", "soap"),
                                     ("sec-websocket-key", "not mine")])
        s.send(b"sent before it was granted")
        assert s.answered() == 200
        assert c.settings[h2.ENABLE_CONNECT_PROTOCOL] == 1
        assert s.exactly(31) == b"hellosent before it was granted"
        assert p.metrics().total("detour_worker_tunnels") == 1
        body = os.urandom(300000)
        assert s.send(body).exactly(len(body)) == body
        # A padded frame: 5 bytes behind what counts.
        c.send(frame(h2.DATA, 8, s.id, b"\5" + b"padded" + bytes(5)))
        assert s.exactly(6) == b"padded"
        assert s.send(end=True).rest() == b""
        c.close()
        line = p.until_access("/chat", count=n + 1)[n]
        assert (line["status"], line["method"], line["protocol"]) == (200, "GET", "HTTP/2"), line
        assert (line["bytes_in"], line["bytes_out"]) == (26 + 300006, 31 + 300006), line
        assert line["reason"] == "-", line
    asked = origin.requests
    for r in asked:
        assert (r.method, r.get("upgrade"), r.get("connection")) == ("GET", "websocket", "upgrade")
        assert r.all("sec-websocket-version") == ["13"] and r.get("sec-websocket-protocol") == "soap"
        assert len(r.all("sec-websocket-key")) == 1 and len(r.get("sec-websocket-key")) == 24
        assert r.get("origin") == "https://shop.example.com" and not r.has("content-length")
    assert asked[0].get("sec-websocket-key") != asked[1].get("sec-websocket-key")
    until(lambda: p.metrics().total("detour_worker_tunnels") == 0, "no tunnel is left")


@sanitize
@deadline(90)
def megabytes_are_echoed_beside_other_streams(t):
    size = (4 if sanitized() else 64) * MIB

    def script(x):
        if x.request.get("upgrade") is None:
            x.answer(200, b"x" * 20000)
        else:
            grants(echo)(x)

    p = _proxy(t, t.origin("east").does(script))
    c = H2(p)
    one, two = c.tunnel("/one"), c.tunnel("/two")
    piece, sent, got = os.urandom(MIB), hashlib.sha256(), hashlib.sha256()
    for i in range(size // MIB):
        one.send(piece)
        sent.update(piece)
        if i % 16 == 0:
            two.send(b"%8d" % i)
            status, body, _ = c.answer(c.open(h2.request()))
            assert (status, len(body)) == (200, 20000)
            c.window(0, len(body))
            assert two.exactly(8) == b"%8d" % i
        got.update(one.exactly(MIB))
    assert sent.digest() == got.digest()
    assert one.send(end=True).rest() == b"" and two.send(end=True).rest() == b""
    assert p.until_access("/one")[0]["bytes_in"] == size


@sanitize
def each_direction_of_an_http2_tunnel_ends_by_itself(t):
    got = []

    def late(x):
        got.append(b"".join(pieces(x)))
        time.sleep(0.2)
        for i in range(3):
            x.send(b"%d" % i)

    def early(x):
        x.send(b"bye")
        x.socket.shutdown(socket.SHUT_WR)
        got.append(b"".join(pieces(x)))

    origin = t.origin("east").does(grants(late))
    p = _proxy(t, origin)
    c = H2(p)
    assert c.tunnel().send(b"last words", end=True).rest() == b"012"
    assert got == [b"last words"], got
    origin.does(grants(early))
    s = c.tunnel()
    assert s.rest() == b"bye"
    time.sleep(1.3)  # longer than a request may end behind its answer
    s.send(b"still here", end=True)
    until(lambda: len(got) == 2, "the endpoint has seen the end")
    assert got[1] == b"still here", got
    s = c.connect("/at-once", end=True)
    assert s.answered() == 200 and s.rest() == b"bye"
    until(lambda: len(got) == 3, "an end that came with the request")
    assert got[2] == b"", got
    lines = p.until_access("/", count=2)
    assert [line["reason"] for line in lines] == ["-", "-"], lines


@sanitize
def a_reset_right_behind_bytes_ends_all_tunnels_of_a_connection(t):
    """Nothing is written that could fail: the endpoint only listens."""
    p = _proxy(t, t.origin("east").does(grants(lambda x: list(pieces(x)))))
    for tls in (False, True):
        c = H2(p, tls=tls)
        tunnels = [c.tunnel() for _ in range(3)]
        with p.stopped():
            for s in tunnels:
                s.send(b"the last words")
            tcp.reset(c.socket)
        until(lambda: p.metrics().total("detour_worker_tunnels") == 0, "no tunnel is left", 5)
        until(lambda: p.metrics().total("detour_worker_client_connections") == 0, "nor its client", 5)


@sanitize
@deadline(60)
def all_bytes_arrive_though_both_ends_are_said(t):
    go, got = threading.Event(), []

    def script(x):
        x.socket.shutdown(socket.SHUT_WR)
        go.wait(30)
        got.append(b"".join(pieces(x)))

    origin = t.origin("east")
    origin.refuse()
    origin.receive_buffer = 4096
    origin.accept()
    origin.does(grants(script))
    p = _proxy(t, origin)
    c = H2(p)
    s = c.tunnel()
    assert s.rest() == b""
    body = os.urandom(32 * MIB)
    c.socket.settimeout(0.5)
    try:
        s.send(body)  # as far as the proxy takes it
    except TimeoutError:
        pass
    assert s.sent < len(body)
    c.socket.settimeout(20)
    s.send(end=True)
    time.sleep(0.3)
    go.set()
    until(lambda: got, "the endpoint has seen the end", 20)
    assert got[0] == body[:s.sent], "%d bytes of %d" % (len(got[0]), s.sent)
    assert p.until_access("/")[0]["reason"] == "-"


@sanitize
@deadline(60)
def a_client_that_stops_reading_stalls_its_own_stream_alone(t):
    size, sent = 16 * MIB, [0]
    body = os.urandom(MIB)

    def script(x):
        if x.request.get("upgrade") is None:
            x.answer(200, b"fine")
            return

        def pour(y):
            while sent[0] < size:
                y.send(body)
                sent[0] += len(body)

        grants(pour)(x)

    p = _proxy(t, t.origin("east").does(script), limits='send_stall = "500ms";')
    base = p.settled_rss(0.3)
    c = H2(p)
    s = c.connect()
    s.reads = False
    assert s.answered() == 200
    seen = -1
    while sent[0] != seen:
        seen = sent[0]
        assert c.answer(c.open(h2.request(path="/other")))[:2] == (200, b"fine")
        time.sleep(0.4)
    assert sent[0] < size, "nothing made the endpoint wait"
    assert sanitized() or p.rss() - base < 4 * MIB, p.rss() - base
    time.sleep(1)  # how long it may rest is for the tunnel's own limit to say
    s.reads = True
    c.window(s.id, len(s.got))
    got = hashlib.sha256(s.rest()).digest()
    assert got == hashlib.sha256(body * (size // MIB)).digest()
    s.send(end=True)


@sanitize
def a_reset_passes_through_an_http2_tunnel_either_way(t):
    gone = threading.Event()

    def waits(x):
        try:
            list(pieces(x))
        except ConnectionResetError:
            gone.set()

    origin = t.origin("east").does(grants(waits))
    p = _proxy(t, origin)
    c = H2(p)
    c.tunnel().cancel()
    assert gone.wait(5), "the endpoint was reset"
    origin.does(grants(lambda x: x.reset()))
    assert c.tunnel().until_reset() == h2.CANCEL
    origin.does(grants(waits))
    gone.clear()
    s = c.tunnel()
    c.send(frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, s.id, h2.block([("x", "y")])))
    assert s.until_reset() == h2.PROTOCOL_ERROR, "DATA and no other"
    assert gone.wait(5)
    gone.clear()
    s = c.tunnel()
    c.close()
    assert gone.wait(5), "the connection's end is the tunnel's"
    lines = p.until_access("/", count=4)
    assert [line["reason"] for line in lines] == [
        "client_left", "reset", "client_left", "client_left"], lines
    assert "detour_region_faults_total" not in p.metrics().names()


@sanitize
def a_tunnel_over_http2_that_rests_too_long_ends(t):
    ended = threading.Event()

    def rests(x):
        list(pieces(x))
        ended.set()

    p = _proxy(t, t.origin("east").does(grants(rests)),
               service_text='timeouts = { tunnel = "400ms"; };')
    c = H2(p)
    s = c.tunnel()
    for _ in range(6):
        s.send(b"x")
        time.sleep(0.1)
    assert not ended.is_set()
    assert s.rest() == b""
    assert ended.wait(5), "the endpoint hears of it too"
    assert s.until_reset() == 0, "who does not end his own is waited for for a while"
    assert p.until_access("/")[0]["reason"] == "tunnel_idle"
    assert c.tunnel().send(b"next", end=True).rest() == b""


@sanitize
def tunnels_of_http2_clients_end_as_their_route_says_when_the_region_is_lost(t):
    east, west = t.origin("east").does(grants(echo)), t.origin("west").does(grants(echo))
    p = t.proxy(
        plain="h2c = true;",
        regions={"us-east-1": {"endpoints": [east]},
                 "us-west-2": {"endpoints": [west], "tier": 1}},
        routes=['{ path = "/keep"; service = "shop"; }',
                '{ path = "/drain"; service = "shop"; on_region_down = "drain(700ms)"; }',
                '{ path = "/reset"; service = "shop"; on_region_down = "reset"; }'])
    c = H2(p)
    kept, drained, reset = [c.tunnel(path) for path in ("/keep", "/drain", "/reset")]
    subprocess.run([t.binary, "evacuate", "us-east-1", "--reason", "test", "--socket", p.socket],
                   stdout=subprocess.DEVNULL, check=True)
    assert reset.until_reset() == h2.CANCEL
    assert drained.send(b"not yet").exactly(7) == b"not yet"
    assert drained.rest() == b""
    assert kept.send(b"kept").exactly(4) == b"kept"
    for path in ("/drain", "/reset"):
        assert p.until_access(path)[0]["reason"] == "region_left"
    assert c.tunnel("/keep").send(b"west").exactly(4) == b"west"
    assert west.requests


@sanitize
def a_goodbye_lets_tunnels_over_http2_be(t):
    origin = t.origin("east").does(grants(echo))
    p = _proxy(t, origin, drain='timeout = "1s";', limits='max_age = "300ms";')
    c = H2(p)
    s = c.tunnel()
    assert c.until_kind(h2.GOAWAY).payload[:4] == b"\x7f\xff\xff\xff"
    assert c.until_kind(h2.GOAWAY).payload[:4] == struct.pack("!I", s.id)
    assert s.send(b"still here").exactly(10) == b"still here"
    assert p.reload(limits="")
    assert s.send(b"and now").exactly(7) == b"and now"
    assert s.send(end=True).rest() == b"" and c.until_goaway() is None  # said already
    d = H2(p)
    s = d.tunnel()
    p.drain()
    assert d.until_kind(h2.GOAWAY).error == 0
    assert s.send(b"still here").exactly(10) == b"still here"
    until(lambda: p.is_running() is False, "it ends at the drain's timeout", 10)
    p.expected_exit = 3
    assert p.wait_exit() == 3


@sanitize
def a_websocket_that_is_not_granted_is_answered_as_it_was(t):
    def script(x):
        status = int(x.request.target[1:])
        x.answer(status, "no", [("Upgrade", "other")] if status == 426 else ())

    p = _proxy(t, t.origin("east").does(script))
    c = H2(p)
    for status in (400, 403, 404, 426, 302):
        s = c.connect("/%d" % status)
        s.send(b"too early", end=status != 302)
        assert s.answered() == status and s.rest() == b"no", status
    assert s.until_reset() == 0, "nobody reads the rest"
    # What by HTTP/1.1 is no switch is none by HTTP/2 either.
    for status in (200, 204):
        assert c.connect("/%d" % status).answered() == 502
        assert p.until_access("/%d" % status)[0]["reason"] == "not_switched"
    for protocol, status in (("connect-udp", 501), ("websocket ", 400)):
        s = c.connect("/403", protocol=protocol)
        while s.status is None and s.reset is None:
            c.read()
        assert s.status == status or (status == 400 and s.reset == h2.PROTOCOL_ERROR), protocol
    assert all(e["errors"] == 0 for e in p.endpoints().values())


@sanitize
def a_switch_that_knows_nothing_of_our_key_is_none(t):
    bad, good = t.origin("bad"), t.origin("good").does(grants(echo))
    p = t.proxy(plain="h2c = true;", regions={"us-east-1": [bad],
                                              "us-west-2": {"endpoints": [good], "tier": 1}})
    alone = _proxy(t, bad)
    switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
    wrong = (switch % "websocket" + "\r\n",
             switch % "websocket" + "Sec-WebSocket-Accept: %s\r\n\r\n" % accept_of(KEY),
             "HTTP/1.1 101 x\r\n\r\n")
    for text in wrong:
        bad.sends(text)
        s = H2(p).tunnel()
        assert s.send(b"over there?").exactly(11) == b"over there?"
        assert H2(alone).connect().answered() == 502
    bad.does(lambda x: x.send(granted(x.request.get("sec-websocket-key")).replace(
        b"Upgrade: websocket", b"Upgrade: echo")))
    assert H2(alone).connect().answered() == 502
    for break_it in (lambda: bad.resets(), lambda: bad.answers(503), bad.refuse):
        break_it()
        assert H2(p).tunnel().send(b"x").exactly(1) == b"x"


# ---- to endpoints that speak HTTP/2 ----


@sanitize
def websockets_pass_through_http2_endpoints_from_clients_of_either_version(t):
    origin = t.origin("east").does(grants(echo, b"hi", "Sec-WebSocket-Protocol: soap\r\n"))
    inner = _proxy(t, origin)
    p = _h2_proxy(t, "http://%s:%d" % inner.http)
    size = (2 if sanitized() else 8) * MIB
    body = os.urandom(size)
    c = p.client(tls=False)
    c.send(OPENING % "/one")
    answer = c.response()
    answer.expect(101)
    assert answer.get("sec-websocket-accept") == accept_of(KEY), answer.fields
    assert (answer.get("upgrade"), answer.get("connection")) == ("websocket", "upgrade")
    assert answer.get("sec-websocket-protocol") == "soap" and not answer.has("content-length")
    sender = threading.Thread(target=lambda: (c.send(body), c.half_close()))
    sender.start()
    assert c.rest() == b"hi" + body
    sender.join()
    d = H2(p)
    s = d.tunnel("/two")
    assert s.exactly(2) == b"hi"
    for at in range(0, size, MIB):
        assert s.send(body[at:at + MIB]).exactly(MIB) == body[at:at + MIB]
    assert s.send(end=True).rest() == b""
    for path in ("/one", "/two"):
        line = p.until_access(path)[0]
        assert (line["bytes_in"], line["bytes_out"], line["reason"]) == (size, size + 2, "-"), line
    for r in origin.requests:
        assert r.method == "GET" and len(r.all("sec-websocket-key")) == 1, r.fields
        assert r.get("sec-websocket-key") != KEY and r.all("sec-websocket-version") == ["13"]


def _h2_echo(t, **settings):
    o = t.h2_origin("good")
    o.settings = {MAX_CONCURRENT_STREAMS: 100, ENABLE_CONNECT_PROTOCOL: 1, **settings}
    o.at_head = lambda s: s.head(200)
    o.at_data = lambda s, data, end: data and s.data(data)
    o.does(lambda s: s.data(b"", end=True))
    return o


@sanitize
def a_tunnel_to_an_http2_endpoint_ends_as_either_side_says(t):
    o = _h2_echo(t)
    p = _h2_proxy(t, o, service_text='timeouts = { tunnel = "700ms"; };')
    c = H2(p)
    s = c.tunnel("/client-ends")
    assert s.send(b"a", end=True).rest() == b"a"
    o.does(lambda s: None)
    s = c.tunnel("/endpoint-ends")
    assert s.send(b"b").exactly(1) == b"b"
    o.streams[-1].data(b"bye", end=True)
    assert s.rest() == b"bye"
    s.send(b"more", end=True)
    until(lambda: o.streams[-1].ended, "the end has arrived")
    s = c.tunnel("/client-resets")
    s.cancel()
    until(lambda: o.streams[-1].reset == h2.CANCEL, "it is cancelled")
    s = c.tunnel("/endpoint-resets")
    o.streams[-1].reset_with(2)
    assert s.until_reset() == h2.CANCEL
    s = c.tunnel("/trailers")
    o.streams[-1].trailers([("x", "y")])
    assert s.until_reset() == h2.CANCEL
    s = c.tunnel("/idle")
    assert s.rest() == b""
    until(lambda: o.streams[-1].ended and o.streams[-1].reset == h2.CANCEL, "an end, then no more")
    s = c.tunnel("/ends-then-resets")
    o.streams[-1].data(b"", end=True)
    assert s.rest() == b""
    o.streams[-1].reset_with(2)
    assert s.until_reset() == h2.CANCEL
    one = p.client(tls=False)
    one.send(OPENING % "/h1")
    one.response().expect(101)
    o.connections[0].drop()
    try:
        one.rest()
    except ConnectionResetError:
        pass
    else:
        raise AssertionError("an orderly end")
    said = {path: p.until_access("/" + path)[0]["reason"] for path in (
        "client-ends", "endpoint-ends", "client-resets", "endpoint-resets", "trailers", "idle",
        "ends-then-resets")}
    assert said == {"client-ends": "-", "endpoint-ends": "-", "client-resets": "client_left",
                    "endpoint-resets": "stream_reset", "trailers": "bad_response",
                    "idle": "tunnel_idle", "ends-then-resets": "stream_reset"}, said
    assert len(o.connections) == 1, len(o.connections)


@sanitize
def an_http2_endpoints_windows_hold_a_tunnel_back(t):
    o = _h2_echo(t)
    o.credits = False
    o.at_data = lambda s, data, end: setattr(s, "body", s.body + data)
    p = _h2_proxy(t, o)
    c = H2(p)
    s = c.tunnel()
    body = os.urandom(2 * MIB)
    c.socket.settimeout(0.5)
    try:
        s.send(body)
    except TimeoutError:
        pass
    assert 65535 < s.sent < len(body), s.sent
    s.send(end=True)
    c.socket.settimeout(20)
    time.sleep(0.2)
    there = o.streams[-1]
    assert len(there.body) == 65535 and not there.ended
    # Its end is said, ours too; what the window held back still arrives.
    there.data(b"done", end=True)
    assert s.rest() == b"done"
    o.connections[0].credit(4 * MIB)
    o.connections[0].credit(4 * MIB, there.id)
    until(lambda: there.ended, "all of it", 10)
    assert there.body == body[:s.sent], (len(there.body), s.sent)
    assert p.until_access("/")[0]["reason"] == "-"


@sanitize
def an_end_behind_what_a_slow_client_has_not_read_is_told_once(t):
    o = _h2_echo(t)
    body = os.urandom(200000)
    o.at_head = lambda s: (s.head(200), s.data(body, end=True))
    o.at_data = lambda s, data, end: setattr(s, "body", s.body + data)
    o.does(lambda s: None)
    p = _h2_proxy(t, o)
    c = H2(p)
    s = c.connect()
    s.reads = False
    while len(s.got) < 65535:
        c.read()
    time.sleep(0.3)
    s.reads = True
    c.window(s.id, len(s.got))
    assert s.rest() == body
    one = p.client(tls=False)
    one.send(OPENING % "/h1")
    one.response().expect(101)
    assert one.rest() == body
    for there in o.streams:
        assert not there.ended
    s.send(b"more", end=True)
    one.send(b"more").half_close()
    until(lambda: [there.ended for there in o.streams] == [True, True], "the other end too")
    assert [there.body for there in o.streams] == [b"more", b"more"]
    assert [p.until_access(path)[0]["reason"] for path in ("/", "/h1")] == ["-", "-"]


@sanitize
def an_http2_endpoint_without_websockets_is_not_asked_for_one(t):
    plain, able = t.h2_origin("plain"), _h2_echo(t)
    p = _h2_proxy(t, plain)
    c = p.client()
    c.send(OPENING % "/one")
    c.response().expect(502)
    assert H2(p).connect("/two").answered() == 502
    for path in ("/one", "/two"):
        assert p.until_access(path)[0]["reason"] == "no_websocket"
    assert not plain.streams
    p.client().get("/").expect(200, "plain")
    both = t.proxy(plain="h2c = true;", regions={
        "us-east-1": {"endpoints": [plain], "text": _H2},
        "us-west-2": {"endpoints": [able], "text": _H2, "tier": 1}})
    c = H2(both)
    for _ in range(3):
        assert c.tunnel().send(b"x").exactly(1) == b"x"
    both.client().get("/").expect(200, "plain")
    # An upgrade to something else is no WebSocket: it is ignored, as a server may.
    p.client().get("/", [("Connection", "Upgrade"), ("Upgrade", "echo")]).expect(200, "plain")


@sanitize
def an_http2_endpoint_that_refuses_a_websocket_is_heard(t):
    o = _h2_echo(t)
    o.at_head = lambda s: (s.head(403, [("content-length", "2")]), s.data(b"no", end=True))
    o.at_data = None
    p = _h2_proxy(t, o)
    c = p.client()
    c.send(OPENING % "/")
    c.response().expect(403, "no")
    s = H2(p).connect()
    assert s.answered() == 403 and s.rest() == b"no"
    o.at_head = lambda s: s.reset_with(7)  # REFUSED_STREAM: not sent
    assert H2(p).connect().answered() == 503
