"""Several requests on one connection: their order, their borders, and the end (RFC 9112, 9.3)."""

from .case import H, NEXT, Arrival, Case, chunks, head, post

_A = Arrival("GET /a")
_B = Arrival("GET /b")


def _get(path):
    return head(line="GET %s HTTP/1.1" % path)


def _sequence(name, data, arrivals, answers=None, closes=False):
    return Case(name, data, arrivals, answers or [a.status for a in arrivals], closes)


_LINES = [Arrival("GET /%d" % i) for i in range(20)]
_BODY = Arrival("POST /case", body="hello")

PIPELINED = [
    _sequence("two at once", _get("/a") + _get("/b"), [_A, _B]),
    _sequence("twenty at once", "".join(_get("/%d" % i) for i in range(20)), _LINES),
    _sequence("an empty line between", _get("/a") + "\r\n" + _get("/b"), [_A, _B]),
    _sequence("behind a body", post("Content-Length: 5\r\n", "hello") + _get("/b"), [_BODY, _B]),
    _sequence("behind a body and an empty line", post("Content-Length: 5\r\n",
                                                      "hello") + "\r\n" + _get("/b"), [_BODY, _B]),
    _sequence("behind chunks", chunks("5\r\nhello\r\n0\r\n\r\n") + _get("/b"), [_BODY, _B]),
    _sequence("behind trailers", chunks("5\r\nhello\r\n0\r\nX: y\r\n\r\n") + _get("/b"),
              [Arrival("POST /case", body="hello", trailers=[("X", "y")]), _B]),
    _sequence("behind no chunks", chunks("0\r\n\r\n") + _get("/b"), [Arrival("POST /case"), _B]),
    _sequence("behind length 0", post("Content-Length: 0\r\n", "") + _get("/b"),
              [Arrival("POST /case"), _B]),
    _sequence("behind a POST without a length", post("", "") + _get("/b"), [Arrival("POST /case"),
        _B]),
    _sequence("behind a GET with a body", head("Content-Length: 5",
                                               line="GET /a HTTP/1.1") + "hello" + _get("/b"),
              [Arrival("GET /a", body="hello"), _B]),
    _sequence("bodies of all kinds", post("Content-Length: 5\r\n",
                                          "hello") + chunks("5\r\nhello\r\n0\r\n\r\n") +
              post("Content-Length: 5\r\n", "hello") + _get("/a"), [_BODY, _BODY, _BODY, _A]),
    _sequence("HTTP/1.0 that keeps alive, then 1.1",
              "GET /a HTTP/1.0\r\n" + H + "Connection: keep-alive\r\n\r\n" + _get("/b"),
              [_A, _B]),
    _sequence("hosts of their own",
              "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n",
              [Arrival("GET /a", host="a"), Arrival("GET /b", host="b")]),
    _sequence("nominated in the first, not in the second", head("Connection: X", "X: 1",
        line="GET /a HTTP/1.1") +
              head("X: 2", line="GET /b HTTP/1.1"), [Arrival("GET /a"), Arrival("GET /b",
                  fields=[("X", "2")])]),
    _sequence("an upgrade that is not granted, then another", head("Connection: Upgrade",
        "Upgrade: websocket", line="GET /a HTTP/1.1")
              + _get("/b"), [_A, _B]),
    _sequence("Expect, then another", post("Expect: 100-continue\r\nContent-Length: 5\r\n",
                                           "hello") + _get("/b"), [_BODY, _B]),
    _sequence("an unclear path between", _get("/a") + _get("/%00") + _get("/b"), [_A, _B], [200,
        400, 200]),
    _sequence("Max-Forwards 0 between", _get("/a") + head("Max-Forwards: 0",
                                                          line="OPTIONS / HTTP/1.1") + _get("/b"),
                                                          [_A, _B],
              [200, 200, 200]),
]


def _ends(name, bad, status=400):
    return _sequence("ends: " + name, _get("/a") + bad + NEXT, [_A], [200, status], True)


REFUSED = [_ends(*c) for c in (
    ("no Host", "GET /b HTTP/1.1\r\n\r\n"), ("two Hosts", "GET /b HTTP/1.1\r\n" + H + H + "\r\n"),
    ("both framings", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    ("two lengths", post("Content-Length: 5\r\nContent-Length: 0\r\n", "hello")),
    ("a bad length", post("Content-Length: x\r\n", "")),
    ("a bad coding", post("Transfer-Encoding: xchunked\r\n",
                                                              "0\r\n\r\n")),
    ("an unknown coding", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501),
    ("a fold", head("X: y", " z")), ("a blank before the colon", head("X : y")),
    ("LF", "GET /b HTTP/1.1\n" + H + "\n"),
    ("a bad chunk", chunks("5x\r\nhello\r\n0\r\n\r\n")),
    ("another version", "GET /b HTTP/2.0\r\n" + H + "\r\n", 505),
    ("HTTP/0.9", "GET /b\r\n"), ("CONNECT", "CONNECT b:443 HTTP/1.1\r\n" + H + "\r\n", 405),
    ("an unknown expectation", head("Expect: x"), 417),
    ("a long line", "GET /" + "a" * 9000 + " HTTP/1.1\r\n" + H + "\r\n", 414),
    ("a long field", head("X: " + "y" * 17000), 431), ("the rest of a body", "hello\r\n\r\n"),
    ("NUL", "\x00"),
    ("TLS", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"))] + [
    _sequence("close ends it", head("Connection: close", line="GET /a HTTP/1.1") + NEXT, [_A],
              closes=True),
    _sequence("HTTP/1.0 ends it", "GET /a HTTP/1.0\r\n" + H + "\r\n" + NEXT, [_A], closes=True),
    _sequence("the second closes", _get("/a") + head("Connection: close",
                                                     line="GET /b HTTP/1.1") + NEXT, [_A, _B],
                                                     closes=True),
]

CASES = PIPELINED + REFUSED
