"""HTTP/2 in front, HTTP/1.1 behind: nothing of a field becomes framing or a second request there."""

import struct

from harness import h2, sanitize
from harness.h2 import DATA, END_HEADERS, END_STREAM, H2, HEADERS, frame

_SECOND = "GET /SMUGGLED HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"


def _with(*more, **parts):
    return h2.request(more=more, **parts)


def _post(*more):
    return h2.request("POST", "/case", more=more)


# Requests that no endpoint may hear of: name -> (fields, body frames after the head).
REFUSED = {
    "CR in a value": _with(("x", "a\rb")),
    "LF in a value": _with(("x", "a\nb")),
    "NUL in a value": _with(("x", "a\0b")),
    "CRLF and a field in a value": _with(("x", "a\r\nY: z")),
    "CRLF and a request in a value": _with(("x", "a\r\n\r\n" + _SECOND)),
    "CRLF in a name": _with(("x\r\ny", "z")),
    "CRLF and a request in a name": _with(("x: y\r\n\r\n" + _SECOND + "z", "z")),
    "a colon in a name": _with(("x:y", "z")),
    "a space in a name": _with(("x y", "z")),
    "a NUL in a name": _with(("x\0y", "z")),
    "a letter of Latin-1 in a name": _with(("x\xe4", "z")),
    "an upper-case name": _with(("X-Case", "z")),
    "an empty name": _with(("", "z")),
    "a parenthesis in a name": _with(("x(y)", "z")),
    "connection": _with(("connection", "close")),
    "connection, naming a field": _with(("connection", "x-forwarded-for")),
    "keep-alive": _with(("keep-alive", "timeout=5")),
    "proxy-connection": _with(("proxy-connection", "keep-alive")),
    "upgrade": _with(("upgrade", "websocket")),
    "H2.TE": _post(("transfer-encoding", "chunked")),
    "H2.TE, identity": _post(("transfer-encoding", "identity")),
    "te of another kind": _with(("te", "gzip")),
    "a space in :path": _with(path="/a b"),
    "a version in :path": _with(path="/ HTTP/1.1"),
    "CRLF in :path": _with(path="/ HTTP/1.1\r\nX: y\r\n\r\n" + _SECOND),
    "a tab in :path": _with(path="/a\tb"),
    "an empty :path": _with(path=""),
    "a :path without a slash": _with(path="case"),
    "a :path that is a URL": _with(path="http://other.example.com/"),
    "NUL in :path": _with(path="/a\0b"),
    "a space in :method": _with(method="GET /SMUGGLED HTTP/1.1\r\nX:"),
    "an empty :method": _with(method=""),
    "CRLF in :scheme": _with(scheme="https\r\nx: y"),
    "a space in :scheme": _with(scheme="ht tp"),
    "two authorities in one": _with(authority="shop.example.com,other.example.com"),
    "a comma at its end": _with(authority="shop.example.com,"),
    "a name of a user": _with(authority="shop.example.com@other.example.com"),
    "a path in :authority": _with(authority="shop.example.com/x"),
    "a space in :authority": _with(authority="shop.example.com x"),
    "CRLF in :authority": _with(authority="shop.example.com\r\nX: y"),
    "a port that is none": _with(authority="shop.example.com:80x"),
    "Host unlike :authority": _with(("host", "other.example.com")),
    "two Hosts": [f for f in _with(("host", "shop.example.com"), ("host", "shop.example.com"))
                  if f[0] != ":authority"],
    "neither Host nor :authority": [f for f in _with() if f[0] != ":authority"],
    ":path twice": _with() + [(":path", "/other")],
    ":authority twice": [(":authority", "other.example.com")] + _with(),
    ":method twice": [(":method", "POST")] + _with(),
    "a pseudo field behind another": _with(("x", "y")) + [(":path", "/other")],
    "an unknown pseudo field": [(":origin", "x")] + _with(),
    ":status": [(":status", "200")] + _with(),
    "no :path": [f for f in _with() if f[0] != ":path"],
    "no :method": [f for f in _with() if f[0] != ":method"],
    "no :scheme": [f for f in _with() if f[0] != ":scheme"],
    "content-length of two values": _post(("content-length", "0"), ("content-length", "5")),
    "content-length, a list": _post(("content-length", "5, 5")),
    "content-length with a sign": _post(("content-length", "+5")),
    "content-length in hexadecimal": _post(("content-length", "0x5")),
    "content-length below nothing": _post(("content-length", "-1")),
    "content-length without digits": _post(("content-length", "")),
    "content-length of 2^64": _post(("content-length", "18446744073709551616")),
}

# content-length against what comes: (said, DATA payloads). Each is one byte, or all, off.
LENGTHS = {
    "nothing said to come, a request comes": ("0", [_SECOND.encode()]),
    "less comes": ("5", [b"1234"]),
    "more comes": ("5", [b"12345", b"6"]),
    "more comes at once": ("3", [b"12345"]),
    "nothing comes": ("5", [b""]),
}


def _setup(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.target))
    origin.record = True
    return origin, t.proxy(regions={"us-east-1": [origin]}, plain="h2c = true;")


def _is_refused(p, send):
    """True when the stream or the connection ends without a good answer."""
    with H2(p) as c:
        try:
            stream = send(c)
            status, _, frames = c.answer(stream)
        except (AssertionError, OSError):
            return True  # the connection ended, which is allowed
        return status is None or 400 <= status < 500


@sanitize
def nothing_malformed_reaches_an_endpoint(t):
    origin, p = _setup(t)
    wrong = [name for name, fields in REFUSED.items()
             if not _is_refused(p, lambda c, f=fields: c.open(f))]
    assert not wrong, "not refused: %s" % ", ".join(wrong)
    assert not origin.requests, origin.requests
    with H2(p) as c:
        assert c.answer(c.open(h2.request(path="/good")))[:2] == (200, b"/good")


@sanitize
def a_body_is_as_long_as_it_said_or_the_request_is_none(t):
    origin, p = _setup(t)

    def send(c, said, pieces):
        stream = c.open(_post(("content-length", said)), end=False)
        for i, piece in enumerate(pieces):
            c.data(stream, piece, end=i == len(pieces) - 1)
        return stream

    # Who says that nothing comes has said all: it may have its answer before more does.
    wrong = [name for name, (said, pieces) in LENGTHS.items()
             if not _is_refused(p, lambda c, s=said, d=pieces: send(c, s, d)) and said != "0"]
    if not _is_refused(p, lambda c: c.open(_post(("content-length", "5")))):
        wrong.append("END_STREAM on HEADERS")  # HAProxy's majors of spring 2026
    assert not wrong, "not refused: %s" % ", ".join(wrong)
    # A part of a body may have been on its way. Whole is only what was as long as it said, before
    # more came that nobody passed on.
    p.get("/after", tls=False).expect(200)
    assert origin.last.target == "/after"
    assert all(r.body in (b"12345", b"") for r in origin.requests[:-1]), origin.requests
    assert len(origin.requests) <= 3, origin.requests
    assert not any(b"SMUGGLED" in bytes(raw) for raw in origin.raw)


@sanitize
def trailers_bring_nothing_that_frames_or_routes(t):
    origin, p = _setup(t)
    for name, value in ((":path", "/other"), ("transfer-encoding", "chunked"), ("Upper", "x"),
                        ("x", "y\r\nz: a"), ("x y", "z"), ("connection", "close"),
                        ("content-length", "3"), ("host", "other.example.com")):
        with H2(p) as c:
            stream = c.open(h2.request("POST", "/trailers"), end=False)
            c.data(stream, b"body")
            try:
                c.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, h2.literal(name, value)))
                c.answer(stream)
            except (AssertionError, OSError):
                pass
    p.get("/after", tls=False).expect(200)
    for request in origin.requests:
        assert request.trailers == [] or all(
            n.lower() not in ("transfer-encoding", "content-length", "host", "connection", "x")
            for n, _ in request.trailers), request.trailers
    seen = b"".join(bytes(raw) for raw in origin.raw)
    assert b"/other" not in seen and b"z: a" not in seen, seen


@sanitize
def what_is_well_formed_becomes_one_canonical_request(t):
    origin, p = _setup(t)
    body = _SECOND.encode()
    with H2(p) as c:
        assert c.answer(c.open(_with(("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"),
                                     path="/x?y=z")))[0] == 200
        stream = c.open(_post(), end=False)  # no length: chunks
        c.data(stream, body, end=True)
        assert c.answer(stream)[0] == 200
        stream = c.open(_post(("content-length", str(len(body)))), end=False)
        c.data(stream, body[:7])
        c.data(stream, body[7:], end=True)
        assert c.answer(stream)[0] == 200
        assert c.answer(c.open([f for f in _with(("host", "shop.example.com"), path="/hosted")
                                if f[0] != ":authority"]))[0] == 200
    first, chunked, counted, hosted = origin.requests
    assert first.line == "GET /x?y=z HTTP/1.1" and first.all("cookie") == ["a=1; b=2"], first.fields
    assert first.all("host") == ["shop.example.com"]
    assert chunked.body == counted.body == body
    assert chunked.all("transfer-encoding") == ["chunked"] and not chunked.has("content-length")
    assert counted.all("content-length") == [str(len(body))]
    assert not counted.has("transfer-encoding")
    assert hosted.target == "/hosted" and hosted.all("host") == ["shop.example.com"]


@sanitize
def any_order_of_frames_in_one_segment_harms_nobody(t):
    """Resets, bodies, trailers and windows of the same streams, shuffled; ASan looks on."""
    import random

    origin, p = _setup(t)
    draw = random.Random(20260726)
    bystander = p.client(tls=False)

    def one(stream):
        kind = draw.randrange(7)
        if kind == 0:
            return frame(h2.RST_STREAM, 0, stream, struct.pack("!I", draw.choice((0, 5, 8))))
        if kind == 1:
            return frame(DATA, draw.choice((0, END_STREAM)), stream, b"x" * draw.randrange(300))
        if kind == 2:
            return frame(HEADERS, END_HEADERS | END_STREAM, stream, h2.block([("x", "y")]))
        if kind == 3:
            return frame(h2.WINDOW_UPDATE, 0, stream, struct.pack("!I", draw.choice((1, 70000))))
        if kind == 4:
            return frame(h2.PRIORITY, 0, stream, struct.pack("!IB", 0, 1))
        return frame(HEADERS, END_HEADERS | draw.choice((0, END_STREAM)), stream, h2.block(
            h2.request(draw.choice(("GET", "POST")), "/any")))

    for _ in range(150):
        with H2(p) as c:
            streams = [1, 3, 5]
            segment = b"".join(one(draw.choice(streams)) for _ in range(draw.randrange(3, 15)))
            c.send_what_it_takes(segment)
            c.send_what_it_takes(frame(h2.PING, 0, 0, b"12345678"))
            try:
                c.until(lambda f: f.kind in (h2.PING, h2.GOAWAY))
            except (AssertionError, OSError):
                pass
    bystander.get("/bystander").expect(200)
    assert not any(r.target not in ("/any", "/bystander") for r in origin.requests)
