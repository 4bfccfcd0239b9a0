"""
What endpoints answer by HTTP/2, frame by frame (RFC 9113): a script for the origin, what a client
must get, and whether the connection may go on.
"""

import struct

from harness.h2_origin import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS,
                               INTERNAL_ERROR, NO_ERROR, PING, RST_STREAM, SETTINGS,
                               WINDOW_UPDATE, frame, header_block)

from .case import CUT, WHOLE

PRIORITY, PUSH_PROMISE = 2, 5
PADDED = 0x8
CANCEL = 8
CUT_OR_REFUSED = "cut or refused"  # as the head was on its way already, or not


class Answer:
    def __init__(self, name, script, kind, status=200, body=b"hello", same=True, method="GET",
                 interim=()):
        self.name = name
        self.script = script
        self.kind = kind
        self.status = status
        self.body = body
        self.same = same  # the connection stays in use; None: not judged
        self.method = method
        self.interim = list(interim)


def _raw(s, kind, flags=0, payload=b"", stream=None):
    s.connection.send(frame(kind, flags, s.id if stream is None else stream, payload))


def _block(*fields, status="200"):
    return header_block(([(":status", status)] if status is not None else []) + list(fields))


def _head(s, *fields, status="200", end=False):
    _raw(s, HEADERS, END_HEADERS | (END_STREAM if end else 0), _block(*fields, status=status))


def _whole(s, *fields, status="200"):
    _head(s, *fields, status=status)
    s.data(b"hello", end=True)


def _pieces(s, block, size, flags=END_STREAM, most=1000):
    """A head in HEADERS and CONTINUATION frames."""
    parts = [block[i:i + size] for i in range(0, len(block), size)][:most]
    for i, part in enumerate(parts):
        last = END_HEADERS if i == len(parts) - 1 and most == 1000 else 0
        _raw(s, CONTINUATION if i else HEADERS, last | (0 if i else flags), part)


def _flood(s, data, times):
    try:
        for _ in range(times):
            s.connection.send(data)
    except OSError:  # it was told to stop
        pass


def good(name, script, **more):
    return Answer(name, script, WHOLE, **more)


def bad(name, script, **more):
    return Answer(name, script, WHOLE, status=502, body=None, **more)


def cut(name, script, **more):
    return Answer(name, script, CUT, **more)


def _padded(s):
    _head(s)
    _raw(s, DATA, PADDED | END_STREAM, b"\x03hello\0\0\0")


GOOD = [
    good("plain", _whole),
    good("in two frames", lambda s: (_head(s), s.data(b"hel"), s.data(b"lo", end=True))),
    good("an end in a frame of its own", lambda s: (_head(s), s.data(b"hello"),
                                                    s.data(b"", end=True))),
    good("empty frames in between", lambda s: (_head(s), s.data(b""), s.data(b"hello"),
                                               s.data(b""), s.data(b"", end=True))),
    good("padding", _padded),
    good("the length as announced", lambda s: _whole(s, ("content-length", "5"))),
    good("length 0", lambda s: _head(s, ("content-length", "0"), end=True), body=b""),
    good("a trailer", lambda s: (_head(s), s.data(b"hello"), s.trailers([("x-a", "b")]))),
    good("a trailer that must not be", lambda s: (
        _head(s), s.data(b"hello"), s.trailers([("set-cookie", "a=b"), ("x-a", "b")]))),
    good("a head in continuations", lambda s: (
        _pieces(s, _block(("x-a", "a" * 50)), 20, flags=0), s.data(b"hello", end=True))),
    good("the largest status", lambda s: _whole(s, status="599"), status=599),
    good("103", lambda s: (_head(s, ("link", "</a>"), status="103"), _whole(s)), interim=[103]),
    good("100", lambda s: (_head(s, status="100"), _whole(s)), interim=[100]),
    good("sixteen interim ones", lambda s: ([_head(s, status="103") for _ in range(16)],
                                            _whole(s)), interim=[103] * 16),
    good("204", lambda s: _head(s, status="204", end=True), status=204, body=b""),
    good("204, and an end of its own", lambda s: (_head(s, status="204"), s.data(b"", end=True)),
         status=204, body=b""),
    good("304 and a length", lambda s: _head(s, ("content-length", "5"), status="304", end=True),
         status=304, body=b""),
    good("HEAD and a length", lambda s: _head(s, ("content-length", "5"), end=True),
         method="HEAD", body=b""),
    good("a frame nobody knows", lambda s: (_raw(s, 0x77, 0x5, b"what?"), _whole(s),
                                            _raw(s, 0x77, 0, b"", 0))),
    good("PRIORITY", lambda s: (_raw(s, PRIORITY, 0, struct.pack(">IB", 0, 9)), _whole(s))),
    good("a reset behind the end", lambda s: (_whole(s), s.reset_with(NO_ERROR)), same=None),
    good("a goaway behind it", lambda s: (_whole(s), s.connection.goaway(s.id)), same=False),
    good("an end behind it", lambda s: (_whole(s), s.connection.close()), same=False),
]

HEADS = [bad(name, script) for name, script in [
    ("no :status", lambda s: _whole(s, ("x-a", "b"), status=None)),
    ("nothing at all", lambda s: _whole(s, status=None)),
    (":status 20x", lambda s: _whole(s, status="20x")),
    (":status 2000", lambda s: _whole(s, status="2000")),
    (":status 20", lambda s: _whole(s, status="20")),
    (":status 099", lambda s: _whole(s, status="099")),
    (":status 600", lambda s: _whole(s, status="600")),
    (":status and a reason", lambda s: _whole(s, status="200 OK")),
    (":status empty", lambda s: _whole(s, status="")),
    (":status twice", lambda s: _whole(s, (":status", "200"))),
    (":status behind a field", lambda s: _whole(s, ("x-a", "b"), (":status", "200"), status=None)),
    ("101", lambda s: _head(s, status="101")),
    (":path", lambda s: _whole(s, (":path", "/"))),
    (":version", lambda s: _whole(s, (":version", "HTTP/1.1"))),
    ("a name in capitals", lambda s: _whole(s, ("X-A", "b"))),
    ("a name with a blank", lambda s: _whole(s, ("x a", "b"))),
    ("a name with a colon", lambda s: _whole(s, ("x:a", "b"))),
    ("a name with CR LF", lambda s: _whole(s, ("x\r\na", "b"))),
    ("a name with NUL", lambda s: _whole(s, ("x\0a", "b"))),
    ("a name with 8 bits", lambda s: _whole(s, ("x\xe9", "b"))),
    ("an empty name", lambda s: _whole(s, ("", "b"))),
    ("a value with CR LF", lambda s: _whole(s, ("x", "a\r\nset-cookie: b"))),
    ("a value with LF", lambda s: _whole(s, ("x", "a\nset-cookie: b"))),
    ("a value with NUL", lambda s: _whole(s, ("x", "a\0b"))),
    ("a value with a blank before it", lambda s: _whole(s, ("x", " a"))),
    ("a value with a blank behind it", lambda s: _whole(s, ("x", "a "))),
    ("connection", lambda s: _whole(s, ("connection", "close"))),
    ("keep-alive", lambda s: _whole(s, ("keep-alive", "timeout=5"))),
    ("proxy-connection", lambda s: _whole(s, ("proxy-connection", "close"))),
    ("transfer-encoding", lambda s: _whole(s, ("transfer-encoding", "chunked"))),
    ("upgrade", lambda s: _whole(s, ("upgrade", "websocket"))),
    ("te", lambda s: _whole(s, ("te", "gzip"))),
    ("two lengths", lambda s: _whole(s, ("content-length", "5"), ("content-length", "6"))),
    ("two equal lengths", lambda s: _whole(s, ("content-length", "5"), ("content-length", "5"))),
    ("a list of lengths", lambda s: _whole(s, ("content-length", "5, 5"))),
    ("a negative length", lambda s: _whole(s, ("content-length", "-5"))),
    ("an empty length", lambda s: _whole(s, ("content-length", ""))),
    ("a length that overflows", lambda s: _whole(s, ("content-length", "18446744073709551621"))),
    ("a length and no body", lambda s: _head(s, ("content-length", "5"), end=True)),
    ("a field of 20000 bytes", lambda s: _pieces(s, _block(("x", "a" * 20000)), 16000)),
    ("200 fields", lambda s: _whole(s, *[("x", "a")] * 200)),
    ("an interim answer that ends", lambda s: _head(s, status="103", end=True)),
]] + [
    bad("bytes before the head", lambda s: s.data(b"hello", end=True), same=False),
    bad("an end before the head", lambda s: s.data(b"", end=True), same=False),
    bad("bytes behind an interim answer", lambda s: (_head(s, status="103"),
                                                     s.data(b"hello", end=True)), interim=[103]),
    bad("an interim answer and then nonsense", lambda s: (
        _head(s, status="103"), _head(s, status="x", end=True)), interim=[103]),
    bad("seventeen interim ones", lambda s: ([_head(s, status="103") for _ in range(17)],
                                             _whole(s)), interim=[103] * 16),
    bad("large interim ones", lambda s: (
        [_head(s, ("x", "a" * 12000), status="103") for _ in range(3)], _whole(s)),
        interim=[103] * 2),
    bad("a reset instead of a head", lambda s: s.reset_with(INTERNAL_ERROR)),
    bad("a reset without an error instead of a head", lambda s: s.reset_with(NO_ERROR)),
    bad("a reset behind an interim answer", lambda s: (_head(s, status="103"),
                                                       s.reset_with(CANCEL)), interim=[103]),
    bad("an end of the connection", lambda s: s.connection.close(), same=False),
    bad("a reset of the connection", lambda s: s.connection.drop(), same=False),
    bad("an end in a head", lambda s: (_raw(s, HEADERS, END_STREAM, _block()),
                                       s.connection.close()), same=False),
]

BODIES = [cut(name, script) for name, script in [
    ("less than was announced", lambda s: (_head(s, ("content-length", "6")),
                                           s.data(b"hello", end=True))),
    ("less, and trailers", lambda s: (_head(s, ("content-length", "6")), s.data(b"hello"),
                                      s.trailers([("x-a", "b")]))),
    ("a reset in the body", lambda s: (_head(s), s.data(b"hel"), s.reset_with(INTERNAL_ERROR))),
    ("a reset without an error in the body", lambda s: (_head(s), s.data(b"hel"),
                                                        s.reset_with(NO_ERROR))),
    ("a second head", lambda s: (_head(s), s.data(b"hel"), _whole(s))),
    ("an interim answer in the body", lambda s: (_head(s), s.data(b"hel"),
                                                 _head(s, status="103"),
                                                 s.data(b"lo", end=True))),
    ("trailers that do not end", lambda s: (_head(s), s.data(b"hello"), _raw(
        s, HEADERS, END_HEADERS, header_block([("x-a", "b")])), s.data(b"", end=True))),
    ("trailers with a status", lambda s: (_head(s), s.data(b"hello"),
                                          s.trailers([(":status", "200")]))),
    ("trailers with :path", lambda s: (_head(s), s.data(b"hello"), s.trailers([(":path", "/")]))),
    ("trailers in capitals", lambda s: (_head(s), s.data(b"hello"), s.trailers([("X-A", "b")]))),
    ("trailers with CR LF", lambda s: (_head(s), s.data(b"hello"),
                                       s.trailers([("x-a", "b\r\nc")]))),
    ("trailers with a length that was not kept", lambda s: (
        _head(s), s.data(b"hello"), s.trailers([("content-length", "99")]))),
    ("trailers with connection", lambda s: (_head(s), s.data(b"hello"),
                                            s.trailers([("connection", "close")]))),
]] + [
    Answer("a reset right behind the head", lambda s: (_head(s), s.reset_with(CANCEL)),
           CUT_OR_REFUSED, status=502, body=None),
    cut("an end of the connection in the body", lambda s: (
        _head(s), s.data(b"hel"), s.connection.close()), same=False),
    cut("a reset of the connection in the body", lambda s: (
        _head(s), s.data(b"hel"), s.connection.drop()), same=False),
    cut("a goaway and an end in the body", lambda s: (
        _head(s), s.data(b"hel"), s.connection.goaway(s.id), s.connection.close()), same=False),
    cut("a goaway that leaves the body out", lambda s: (
        _head(s), s.data(b"hel"), s.connection.goaway(0), s.connection.close()), same=False),
    cut("an end in a frame", lambda s: (
        _head(s), s.connection.send(frame(DATA, END_STREAM, s.id, b"hello")[:-2]),
        s.connection.close()), same=False),
    good("a goaway in the body, which is finished", lambda s: (
        _head(s), s.data(b"hel"), s.connection.goaway(s.id), s.data(b"lo", end=True)), same=False),
]

# What follows the announced end reaches nobody. To a client of HTTP/1 the answer looked whole by
# then, and was; it may lose its connection.
BEHIND = [Answer(name, script, None, status=status, body=body, method=method) for
          name, status, method, body, script in [
    ("more than was announced", 200, "GET", b"hell", lambda s: (
        _head(s, ("content-length", "4")), s.data(b"hell"), s.data(b"o", end=True))),
    ("more than nothing", 200, "GET", b"", lambda s: _whole(s, ("content-length", "0"))),
    ("HEAD and a body", 200, "HEAD", b"", _whole),
    ("HEAD, a length and a body", 200, "HEAD", b"", lambda s: _whole(s, ("content-length", "5"))),
    ("204 and a body", 204, "GET", b"", lambda s: _whole(s, status="204")),
    ("304 and a body", 304, "GET", b"", lambda s: _whole(s, status="304")),
]]

CONNECTIONS = [bad(name, script, same=False) for name, script in [
    ("HTTP/1.1", lambda s: s.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")),
    ("garbage", lambda s: s.connection.send(b"\xff" * 5000)),
    ("a header block that is none", lambda s: _raw(s, HEADERS, END_HEADERS, b"\xff\xff\xff\xff")),
    ("an index beyond the table", lambda s: _raw(s, HEADERS, END_HEADERS, b"\xff\x80\x01")),
    ("a table larger than allowed", lambda s: _raw(s, HEADERS, END_HEADERS | END_STREAM,
                                                   b"\x3f\xe1\xff\x03\x88")),
    ("a frame larger than allowed", lambda s: _raw(s, DATA, 0, b"x" * 20000)),
    ("a continuation of nothing", lambda s: _raw(s, CONTINUATION, END_HEADERS, _block())),
    ("another frame in a head", lambda s: (_raw(s, HEADERS, 0, _block()),
                                           _raw(s, PING, 0, b"12345678", 0))),
    ("a head of other streams in a head", lambda s: (
        _raw(s, HEADERS, 0, _block()), _raw(s, CONTINUATION, END_HEADERS, b"", s.id + 2))),
    ("a flood of continuations", lambda s: (
        _raw(s, HEADERS, END_STREAM, _block()),
        _flood(s, frame(CONTINUATION, 0, s.id, b"\0\x01x\x01y") * 100, 100))),
    ("a flood of empty continuations", lambda s: (
        _raw(s, HEADERS, END_STREAM, _block()), _flood(s, frame(CONTINUATION, 0, s.id) * 100,
                                                       100))),
    ("a head of a mebibyte", lambda s: (
        _pieces(s, _block(*[("x", "a" * 8000)] * 130), 16384, most=70))),
    ("a body of no stream", lambda s: _raw(s, DATA, 0, b"hello", 0)),
    ("a head of no stream", lambda s: _raw(s, HEADERS, END_HEADERS, _block(), 0)),
    ("a stream that nobody opened", lambda s: _raw(s, HEADERS, END_HEADERS, _block(), s.id + 100)),
    ("a stream of its own", lambda s: _raw(s, HEADERS, END_HEADERS, _block(), 2)),
    ("a reset of a stream that nobody opened",
     lambda s: _raw(s, RST_STREAM, 0, struct.pack(">I", 8), s.id + 100)),
    ("a reset of no stream", lambda s: _raw(s, RST_STREAM, 0, struct.pack(">I", 8), 0)),
    ("a push", lambda s: _raw(s, PUSH_PROMISE, END_HEADERS, struct.pack(">I", 2) + _block())),
    ("a short ping", lambda s: _raw(s, PING, 0, b"1234567", 0)),
    ("a ping of a stream", lambda s: _raw(s, PING, 0, b"12345678")),
    ("settings of a stream", lambda s: _raw(s, SETTINGS, 0, b"")),
    ("settings of 5 bytes", lambda s: _raw(s, SETTINGS, 0, b"12345", 0)),
    ("an acknowledgement with settings", lambda s: _raw(s, SETTINGS, ACK, b"\0\x03\0\0\0\x64", 0)),
    ("a window of 2^31", lambda s: _raw(s, SETTINGS, 0, struct.pack(">HI", 4, 1 << 31), 0)),
    ("a frame size of 100", lambda s: _raw(s, SETTINGS, 0, struct.pack(">HI", 5, 100), 0)),
    ("ENABLE_PUSH from who serves", lambda s: _raw(s, SETTINGS, 0, struct.pack(">HI", 2, 1), 0)),
    ("a window that grows by nothing", lambda s: _raw(s, WINDOW_UPDATE, 0, b"\0\0\0\0", 0)),
    ("a window that overflows", lambda s: _raw(s, WINDOW_UPDATE, 0, b"\x7f\xff\xff\xff", 0)),
    ("a goaway of a stream", lambda s: _raw(s, GOAWAY, 0, struct.pack(">II", 0, 0))),
    ("padding longer than its frame", lambda s: (_raw(s, HEADERS, END_HEADERS | PADDED,
                                                      b"\xff" + _block()))),
    ("a flood of pings", lambda s: _flood(s, frame(PING, 0, 0, b"12345678") * 100, 200)),
    ("a flood of settings", lambda s: _flood(s, frame(SETTINGS) * 100, 200)),
    ("a flood of windows", lambda s: _flood(s, frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01") * 100,
                                            200)),
    ("a flood of priorities", lambda s: _flood(
        s, frame(PRIORITY, 0, s.id, struct.pack(">IB", 0, 9)) * 100, 200)),
    ("a flood of frames nobody knows", lambda s: _flood(
        s, frame(0x77, 0, 0, b"x" * 100) * 100, 200)),
]] + [
    cut("a flood of empty frames", lambda s: (_head(s), _flood(s, frame(DATA, 0, s.id) * 100,
                                                               200)), same=False),
    cut("a flood of resets", lambda s: (_head(s), s.data(b"hel"), s.reset_with(CANCEL), _flood(
        s, frame(RST_STREAM, 0, s.id, struct.pack(">I", 8)) * 100, 200)), same=None),
]
