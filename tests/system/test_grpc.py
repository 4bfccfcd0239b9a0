"""gRPC through the proxy: streams both ways, deadlines, failures in its own terms, health checks."""

import struct
import subprocess
import threading
import time

from harness import h2, sanitize, sanitized, until
from harness.h2 import H2
from harness.h2_origin import CANCEL, DATA, END_STREAM, NO_ERROR, header_block

_H2 = 'protocol = "h2";'
_CALM = 'health_check = { type = "none"; }; outlier = { consecutive = 100; failure_share = 1.0; };'
_GRPC = [("Content-Type", "application/grpc"), ("TE", "trailers")]


def _message(data):
    return struct.pack(">BI", 0, len(data)) + data


def _one(t, text=_CALM):
    o = t.h2_origin("good")
    return t.proxy(regions={"us-east-1": {"endpoints": [o], "text": _H2}}, service_text=text), o


def _call(p, path="/shop.Cart/Add", body=_message(b"x"), headers=()):
    return p.client().request("POST", path, _GRPC + list(headers), body).response()


def _status(response):
    assert response.status == 200 and response.get("content-type") == "application/grpc", response
    return int(response.get("grpc-status"))


@sanitize
def messages_and_status_pass_as_they_are(t):
    p, o = _one(t)

    def script(s):
        s.head(200, [("content-type", "application/grpc")])
        s.data(s.body)
        s.trailers([("grpc-status", "5"), ("grpc-message", "no%20cart")])

    o.does(script)
    r = _call(p, body=_message(b"hello") * 3)
    r.expect(200, _message(b"hello") * 3)
    assert dict(r.trailers) == {"grpc-status": "5", "grpc-message": "no%20cart"}, r.trailers
    line = p.until_access("/shop.Cart/Add")[0]
    assert line["grpc_status"] == 5 and line["status"] == 200, line
    assert b'detour_grpc_calls_total{grpc_status="5"} 1' in p.ask("/metrics").body


@sanitize
def a_stream_goes_both_ways_at_once(t):
    p, o = _one(t)
    begun = []
    o.at_head = lambda s: (begun.append(s), s.head(200, [("content-type", "application/grpc")]))
    c = p.client()
    c.send("POST /s/Chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
           "Transfer-Encoding: chunked\r\n\r\n")
    until(lambda: begun, "the call is there before its first message")
    o.does(lambda s: s.trailers([("grpc-status", "0")]))
    head = c.reader.until(b"\r\n\r\n")
    assert b"200 OK" in head, head
    for i in range(5):
        ping = _message(b"ping %d" % i)
        c.send(b"%x\r\n%s\r\n" % (len(ping), ping))
        until(lambda: begun[0].body.endswith(ping), "ping %d" % i)
        begun[0].data(_message(b"pong %d" % i))
        c.reader.until(b"pong %d\r\n" % i)
    c.send(b"0\r\n\r\n")
    c.reader.until(b"grpc-status: 0\r\n\r\n")


@sanitize
def a_call_without_messages_ends_with_an_empty_data_frame(t):
    p, o = _one(t)
    o.does(lambda s: s.head(200, [("content-type", "application/grpc"), ("grpc-status", "0")],
                            end=True))
    assert _status(_call(p, body=b"")) == 0
    assert [f[3] for f in o.frames if f[0] == DATA and f[1] & END_STREAM] == [b""]


@sanitize
def metadata_keep_their_underscores_by_http2_only(t):
    """Others' fields with them are dropped: CGI would take them for those with "-"."""
    origin = t.origin("east")
    seen = t.proxy(regions={"us-east-1": [origin]}, plain="h2c = true;",
                   limits='underscores = "keep";')  # reads HTTP/2, and shows what came
    url = "http://%s:%d" % seen.http
    for text, headers, kept in ((_H2, _GRPC, True), ("", _GRPC, False), (_H2, [], False)):
        p = t.proxy(regions={"us-east-1": {"endpoints": [url], "text": text}}, service_text=_CALM)
        p.client().request("POST", "/", headers + [("user_id", "7")], b"x").response()
        assert origin.requests[-1].has("user_id") == kept, (text, headers)


@sanitize
def own_failures_are_told_in_grpcs_terms(t):
    p, o = _one(t)
    o.stop()
    r = _call(p)
    assert _status(r) == 14 and r.get("grpc-message"), r.fields
    assert r.body == b""
    assert p.until_access("/shop.Cart/Add")[0]["grpc_status"] == 14
    bare = t.proxy(regions={"us-east-1": {"endpoints": [o], "text": _H2}}, service_text=_CALM,
                   routes=['{ path = "/only"; service = "shop"; }'])
    assert _status(_call(bare)) == 12
    # What is no gRPC hears HTTP.
    assert p.client().post("/x", b"x").status == 502


@sanitize
def a_call_that_breaks_off_ends_with_a_status(t):
    p, o = _one(t)

    def begins(s):
        s.head(200, [("content-type", "application/grpc")])
        s.data(_message(b"first"))

    def until_first(c, stream):
        got = b""
        while got != _message(b"first"):
            got += c.until_kind(h2.DATA, stream).payload

    o.does(begins)
    with H2(p, tls=True) as c:
        for number, end in enumerate((lambda s: s.reset_with(2), lambda s: s.connection.drop())):
            stream = c.open(h2.request("POST", "/s/%d" % number, more=[
                ("content-type", "application/grpc"), ("te", "trailers")]))
            until_first(c, stream)
            end(o.streams[-1])
            last = c.until(lambda f: f.stream == stream and f.kind != h2.WINDOW_UPDATE)
            assert last.kind == h2.HEADERS and last.ends, last
            line = p.until_access("/s/%d" % number)[0]
            assert line["grpc_status"] == 14 and line["reason"] == "cut_response", line
        # An answer that is no call's just breaks off.
        stream = c.open(h2.request("POST", "/plain"))
        until_first(c, stream)
        o.streams[-1].reset_with(2)
        last = c.until(lambda f: f.stream == stream and f.kind != h2.WINDOW_UPDATE)
        assert last.kind == h2.RST_STREAM, last


@sanitize
def a_calls_deadline_is_its_own(t):
    p, o = _one(t, _CALM + 'timeouts = { try = "300ms"; request = "400ms"; };')
    o.does(lambda s: None)
    began = time.monotonic()
    assert _status(_call(p, headers=[("grpc-timeout", "150m")])) == 4
    assert 0.1 < time.monotonic() - began < 3
    until(lambda: o.streams[0].reset == CANCEL, "the endpoint may stop working on it")
    assert p.until_access("/shop.Cart/Add")[0]["reason"] == "deadline"
    began = time.monotonic()
    assert _status(_call(p, headers=[("grpc-timeout", "999m")])) == 4
    took = time.monotonic() - began
    assert 0.998 <= took, "a call is never ended early: %.3f s" % took
    assert sanitized() or took < 1.2, took
    # One longer than our own deadlines holds as well.
    o.does(lambda s: threading.Timer(0.8, lambda: (
        s.head(200, [("content-type", "application/grpc"), ("grpc-status", "0")], end=True)))
           .start())
    assert _status(_call(p, headers=[("grpc-timeout", "20S")])) == 0
    assert _status(_call(p)) == 4, "without one ours does"


@sanitize
def an_unavailable_answer_counts_against_its_endpoint_and_is_not_repeated(t):
    p, o = _one(t, _CALM + "retry = { attempts = 3; budget = 1.0; };")
    o.does(lambda s: s.head(200, [("content-type", "application/grpc"), ("grpc-status", "14")],
                            end=True))
    for _ in range(3):
        assert _status(_call(p)) == 14
    assert len(o.streams) == 3

    def late(s):
        s.head(200, [("content-type", "application/grpc")])
        s.data(_message(b"begun"))
        s.trailers([("grpc-status", "14")])

    o.does(late)
    assert dict(_call(p).trailers)["grpc-status"] == "14"
    o.does(lambda s: s.head(200, [("content-type", "application/grpc"), ("grpc-status", "3")],
                            end=True))
    assert _status(_call(p)) == 3
    until(lambda: [e["errors"] for e in p.endpoints().values()] == [4], "four errors are counted")


def _health(serving):
    def script(s):
        assert s.body in (_message(b""), _message(b"\x0a\x04cart")), s.body
        if isinstance(serving, int):
            s.head(200, [("content-type", "application/grpc"), ("grpc-status", str(serving))],
                   end=True)
            return
        s.head(200, [("content-type", "application/grpc")])
        s.data(_message(serving))
        s.trailers([("grpc-status", "0")])
    return script


@sanitize
def a_grpc_health_check_asks_for_the_service(t):
    check = ('health_check = { type = "grpc"; service = "cart"; interval = "100ms"; '
             'fast_interval = "50ms"; timeout = "2s"; fall = 1; rise = 1; };')
    o = t.h2_origin("good")
    o.does(_health(b"\x08\x01"))
    p = t.proxy(regions={"us-east-1": {"endpoints": [o], "text": _H2}}, service_text=check)
    p.until_state(o, "up")
    assert o.streams[0].body == _message(b"\x0a\x04cart")
    assert len(o.connections) == 1, "its connection is kept"
    for answer in (b"\x08\x02", b"", 5, 12):
        o.does(_health(answer))
        p.until_state(o, "down")
        o.does(_health(b"\x08\x01"))
        p.until_state(o, "up")
    o.does(lambda s: s.connection.close())
    p.until_state(o, "down")


@sanitize
def a_grpc_health_check_speaks_tls_where_traffic_does(t):
    context = t.pki.server_context(t.pki.site())
    context.set_alpn_protocols(["h2"])
    o = t.h2_origin("good", tls=context)
    o.does(_health(b"\x08\x01"))
    ca = ' tls = { ca = "%s"; sni = "shop.example.com"; };' % t.pki.authority("ca").chain
    p = t.proxy(regions={"us-east-1": {"endpoints": [o], "text": _H2 + ca}},
                service_text='health_check = { type = "grpc"; interval = "100ms"; };')
    p.until_state(o, "up")
    assert o.streams[0].body == _message(b"")


@sanitize
def a_call_may_be_answered_before_it_has_ended(t):
    """As servers do with methods they do not have: an end on the head, and a reset behind it."""
    p, o = _one(t)

    def refuse(s):
        head = h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, s.id, header_block([
            (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")]))
        reset = h2.frame(h2.RST_STREAM, 0, s.id, struct.pack("!I", NO_ERROR))
        for data in ([head + reset] if s.id % 4 == 1 else [head, reset]):  # together or apart
            s.connection.send(data)

    o.at_head = refuse
    o.does(lambda s: None)
    q = t.proxy(regions={"us-east-1": {"endpoints": [o], "text": _H2}}, service_text=_CALM,
                plain="h2c = true;", workers=1)
    c = H2(q)
    for i in range(260):  # 208 of them reset: more than may be broken off in a while
        s = c.open(h2.request("POST", "/shop.Cart/None", more=[
            ("content-type", "application/grpc"), ("te", "trailers")]), end=False)
        if i % 10 == 0:
            c.data(s, _message(b"x"), end=True)
        head = c.until(lambda f: f.stream == s and f.kind != h2.WINDOW_UPDATE)
        assert head.kind == h2.HEADERS and head.ends and head.status == 200, head
        if i % 10 > 1:
            c.send(h2.frame(h2.RST_STREAM, 0, s, struct.pack("!I", h2.CANCEL)))
        elif i % 10 == 1:
            c.data(s, _message(b"late"), end=True)
    lines = q.until_access("/shop.Cart/None", count=260)
    assert {(line["status"], line["grpc_status"], line["reason"]) for line in lines} == {
        (200, 12, "-")}, lines[0]
    assert len(o.connections) == 1, "no end of a stream is the connection's"
    c = p.client()
    c.send("POST /s/None HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
           "Transfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n")
    assert _status(c.response()) == 12


def _begins(s):
    """A call that goes on: its head and a first message."""
    s.head(200, [("content-type", "application/grpc")])
    s.data(_message(b"first"))


def _evacuate(t, p, region="us-east-1"):
    subprocess.run([t.binary, "evacuate", region, "--reason", "test", "--socket", p.socket],
                   stdout=subprocess.DEVNULL, check=True)


def _two_regions(t, **parts):
    """East, whose calls go on, and west, which is asked when east is left."""
    east, west = t.h2_origin("east").does(lambda s: None), t.h2_origin("west")
    east.at_head = _begins
    west.does(lambda s: (_begins(s), s.trailers([("grpc-status", "0")])))
    p = t.proxy(regions={"us-east-1": {"endpoints": [east], "text": _H2},
                         "us-west-2": {"endpoints": [west], "text": _H2, "tier": 1}},
                service_text=_CALM, **parts)
    return p, east, west


_GOES_ON = [("content-type", "application/grpc"), ("te", "trailers")]


@sanitize
def calls_that_go_on_end_as_their_route_says_when_the_region_is_lost(t):
    p, east, west = _two_regions(t, routes=[
        '{ path = "/keep"; service = "shop"; }',
        '{ path = "/drain"; service = "shop"; on_region_down = "drain(700ms)"; }',
        '{ path = "/reset"; service = "shop"; on_region_down = "reset"; }'])
    with H2(p, tls=True) as c:
        def begun(path, end):
            s = c.open(h2.request("POST", path, more=_GOES_ON), end=end)
            c.until_kind(h2.DATA, s)
            return s, east.streams[-1]

        def ended(s):
            last = c.until(lambda f: f.stream == s and (f.ends or f.kind == h2.RST_STREAM))
            assert last.kind == h2.HEADERS and last.ends, last

        kept, drained, reset = begun("/keep", True), begun("/drain", False), begun("/reset", True)
        _evacuate(t, p)
        ended(reset[0])
        drained[1].data(_message(b"not yet"))
        assert c.until_kind(h2.DATA, drained[0]).payload == _message(b"not yet")
        ended(drained[0])
        kept[1].data(_message(b"kept"))
        assert c.until_kind(h2.DATA, kept[0]).payload == _message(b"kept")
        for path, (_, there) in (("/drain", drained), ("/reset", reset)):
            line = p.until_access(path)[0]
            assert (line["grpc_status"], line["reason"]) == (14, "region_left"), line
            until(lambda: there.reset == CANCEL, "the endpoint may stop working on it")
        # Its client asks anew, and is served where the region's traffic has gone.
        again = c.open(h2.request("POST", "/reset/again", more=_GOES_ON))
        ended(again)
        assert west.streams and p.until_access("/reset/again")[0]["grpc_status"] == 0
        kept[1].trailers([("grpc-status", "0")])
        ended(kept[0])
    assert p.until_access("/keep")[0]["grpc_status"] == 0


@sanitize
def a_call_without_an_answer_is_ended_only_while_it_still_asks(t):
    """Of one that has asked, as any other request has, the answer is awaited."""
    p, east, _ = _two_regions(t, routes=[
        '{ path = "/"; service = "shop"; on_region_down = "reset"; }'])
    east.at_head = None
    with H2(p, tls=True) as c:
        asks = c.open(h2.request("POST", "/asks", more=_GOES_ON), end=False)
        asked = c.open(h2.request("POST", "/asked", more=_GOES_ON), end=False)
        c.data(asks, _message(b"and more"))
        c.data(asked, _message(b"all"), end=True)
        until(lambda: len(east.streams) == 2 and any(s.ended for s in east.streams),
              "both are there")
        _evacuate(t, p)
        last = c.until(lambda f: f.stream == asks and f.kind != h2.WINDOW_UPDATE)
        assert last.kind == h2.HEADERS and last.ends, last
        assert p.until_access("/asks")[0]["grpc_status"] == 14
        for s in east.streams:
            if s.ended:
                _begins(s)
        assert c.until_kind(h2.DATA, asked).payload == _message(b"first")
        c.send(h2.frame(h2.RST_STREAM, 0, asked, struct.pack("!I", h2.CANCEL)))


@sanitize
def calls_of_a_lost_region_end_a_tenth_a_second(t):
    p, east, _ = _two_regions(t, workers=1, routes=[
        '{ path = "/"; service = "shop"; on_region_down = "reset"; }'])
    with H2(p, tls=True) as c:
        for _ in range(20):
            c.until_kind(h2.DATA, c.open(h2.request("POST", "/", more=_GOES_ON)))
        _evacuate(t, p)
        ends = []
        while len(ends) < 7:
            c.until(lambda f: f.kind == h2.HEADERS and f.ends)
            ends.append(time.monotonic())
        # Two a second: six gaps of half a second.
        assert ends[-1] - ends[0] > 2.2, [at - ends[0] for at in ends]


@sanitize
def a_call_may_be_silent_for_as_long_as_its_service_lets_it(t):
    """A conversation has nothing to say at times; a body that is slow is another matter."""
    o = t.h2_origin("east").does(lambda s: s.trailers([("grpc-status", "0")]))
    o.at_head = _begins
    p = t.proxy(regions={"us-east-1": {"endpoints": [o], "text": _H2}},
                limits='body_idle = "200ms"; min_rate_grace = "100ms";',
                service_text=_CALM + 'timeouts = { idle = "1500ms"; };')
    with H2(p, tls=True) as c:
        slow = c.open(h2.request("POST", "/slow"), end=False)
        c.until(lambda f: f.stream == slow and f.kind == h2.RST_STREAM)
        assert p.until_access("/slow")[0]["reason"] == "request_timeout"
        talks = c.open(h2.request("POST", "/talks", more=_GOES_ON), end=False)
        for i in range(4):
            ping = _message(b"ping %d" % i)
            c.data(talks, ping)
            until(lambda: o.streams[-1].body.endswith(ping), "it goes on")
            time.sleep(0.4)  # twice as long as a body may rest
        c.data(talks, b"", end=True)
        c.until(lambda f: f.stream == talks and f.kind == h2.HEADERS and f.ends)
        assert p.until_access("/talks")[0]["grpc_status"] == 0
        silent = c.open(h2.request("POST", "/silent", more=_GOES_ON), end=False)
        c.until(lambda f: f.stream == silent and f.kind == h2.HEADERS and f.ends)
        assert p.until_access("/silent")[0]["reason"] == "stalled_response"
    c = p.client()
    c.send("POST /talks/h1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
           "Transfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n")
    c.reader.until(b"\r\n\r\n")
    time.sleep(0.6)
    c.send(b"0\r\n\r\n")
    c.reader.until(b"grpc-status: 0\r\n\r\n")
