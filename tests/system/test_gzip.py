"""Answers compressed on their way, and all that must be left alone."""

import gzip
import threading
import zlib

from harness import sanitize

_TEXT = ("a line of text that shrinks well, number %d\n" * 400 % tuple(range(400))).encode()
_TAKES = [("Accept-Encoding", "br, gzip;q=0.5")]


def _proxy(t, origin):
    return t.proxy(regions={"us-east-1": [origin]}, routes=[
        '{ path = "/"; service = "shop"; gzip = true; }', '{ path = "/off"; service = "shop"; }'])


@sanitize
def text_is_compressed_for_who_takes_it(t):
    origin = t.origin().answers(200, _TEXT, [("Content-Type", "text/html; charset=utf-8"),
                                             ("ETag", '"v1"'), ("Accept-Ranges", "bytes")])
    p = _proxy(t, origin)
    c = p.client(tls=False)
    for _ in range(3):
        got = c.get("/", _TAKES).expect(200)
        assert got.all("content-encoding") == ["gzip"] and got.all("vary") == ["Accept-Encoding"]
        assert got.all("etag") == ['W/"v1"'] and not got.has("accept-ranges"), got.fields
        assert not got.has("content-length") and len(got.body) < len(_TEXT) // 4
        assert gzip.decompress(got.body) == _TEXT
    for headers in ([], [("Accept-Encoding", "gzip;q=0, br")], [("Accept-Encoding", "identity")]):
        got = c.get("/", headers).expect(200, _TEXT)
        assert got.all("vary") == ["Accept-Encoding"] and got.all("etag") == ['"v1"'], got.fields
        assert not got.has("content-encoding")
    got = c.get("/off", _TAKES).expect(200, _TEXT)
    assert not got.has("vary") and not got.has("content-encoding")
    got = p.client(tls=False).get("/", _TAKES, version="HTTP/1.0")
    assert got.body == _TEXT and not got.has("content-encoding")
    assert p.curl("--compressed", "http://shop.example.com/").strip() == _TEXT.decode().strip()


@sanitize
def what_must_stay_as_it_is_does(t):
    origin = t.origin()
    p = _proxy(t, origin)
    c = p.client(tls=False)
    html = ("Content-Type", "text/html")
    for status, body, headers in (
            (200, _TEXT, [("Content-Type", "image/png")]), (200, _TEXT, []),
            (200, b"short", [html]), (206, _TEXT, [html, ("Content-Range", "bytes 0-9/10")]),
            (200, gzip.compress(_TEXT * 20), [html, ("Content-Encoding", "gzip")]),
            (200, _TEXT, [html, ("Cache-Control", "max-age=1, no-transform")]),
            (204, b"", [html])):
        origin.answers(status, body, headers)
        got = c.get("/", _TAKES).expect(status, body)
        assert got.all("content-encoding") == [v for n, v in headers if n == "Content-Encoding"]
    origin.answers(304, b"", [html, ("ETag", '"v1"')])
    got = c.get("/", _TAKES).expect(304)
    assert got.all("etag") == ['"v1"'] and not got.has("content-encoding")
    origin.answers(200, _TEXT, [html])
    got = c.head("/", _TAKES).expect(200)
    assert got.get("content-length") == str(len(_TEXT)) and not got.has("content-encoding")
    origin.answers(404, _TEXT, [("Content-Type", "application/problem+json")])
    got = c.get("/", _TAKES).expect(404)
    assert gzip.decompress(got.body) == _TEXT


@sanitize
def a_stream_is_compressed_piece_by_piece(t):
    """Each event arrives before the next one is sent, and trailers come through."""
    nexts = [threading.Event() for _ in range(5)]
    head = ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
            "Trailer: X-Sum\r\n\r\n")
    pieces = [head]
    for i, go in enumerate(nexts):
        pieces += [go, "9\r\ndata: %d\n\n\r\n" % i]
    origin = t.origin().sends(*pieces, "0\r\nX-Sum: 7\r\n\r\n")
    p = _proxy(t, origin)
    c = p.client(tls=False).request("GET", "/", _TAKES + [("TE", "trailers")])
    unzip = zlib.decompressobj(31)
    seen = b""

    def on_data(data):
        nonlocal seen
        seen += unzip.decompress(data)
        count = seen.count(b"\n\n")
        if count < len(nexts):
            nexts[count].set()

    nexts[0].set()
    got = c.response(on_data=on_data).expect(200)
    assert seen == b"".join(b"data: %d\n\n" % i for i in range(5)), seen
    assert got.trailers == [("X-Sum", "7")], got.trailers


@sanitize
def a_long_answer_to_a_slow_reader_stays_bounded(t):
    import random

    rng = random.Random(1)
    noise = bytes(rng.choice(b"abcdefghijklmnop0123456789") for _ in range(1 << 20)) * 8
    origin = t.origin().answers(200, noise, [("Content-Type", "text/plain")])
    p = _proxy(t, origin)
    c = p.client(tls=False, receive_buffer=4096)
    unzip = zlib.decompressobj(31)
    out = bytearray()
    got = c.request("GET", "/", _TAKES).response(on_data=lambda d: out.extend(unzip.decompress(d)))
    got.expect(200)
    out += unzip.flush()
    assert bytes(out) == noise
    # Contexts come back: more answers in a row than there may be contexts.
    origin.answers(200, _TEXT, [("Content-Type", "text/plain")])
    for _ in range(80):
        got = p.client(tls=False).get("/", _TAKES).expect(200)
        assert gzip.decompress(got.body) == _TEXT
