"""Fields of one connection, and what Connection nominates (RFC 9110, 7.6.1 and 7.8)."""

from .case import H, NEXT, head, passed, post, posted, refused


def _gone(name, *fields, keep=()):
    names = {f.split(":")[0] for f in fields}
    return passed("gone: " + name, head(*fields), fields=list(keep), lacks=sorted(names))


ALWAYS = [_gone(f, f) for f in (
    "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "Proxy-Connection: close",
    "Proxy-Authorization: Basic YTpi",
    "Proxy-Authenticate: Basic", "Proxy-Authentication-Info: x", "Proxy-Features: x",
    "Proxy-Status: x", "Proxy: http://evil/",
    "TE: gzip", "TE: deflate;q=0.5", "TE: chunked", "TE:", "Trailer: X", "Upgrade: h2c",
    "Upgrade: websocket", "Upgrade: x",
    "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: keep-alive", "Connection:", "Connection: ,",
    "Connection: x")] + [
    _gone("two lines of Connection", "Connection: keep-alive", "Connection: x"),
    _gone("Keep-Alive nominated", "Connection: keep-alive, Keep-Alive", "Keep-Alive: 300"),
    _gone("h2c as RFC 7540 had it", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
          "HTTP2-Settings: AAMAAABkAAQAAP__"),
]


def _nominated(connection, *fields, keep=()):
    names = sorted({f.split(":")[0] for f in fields} - {n for n, _ in keep})
    return passed("nominated by %r: %s" % (connection, ", ".join(fields)),
                  head("Connection: " + connection, *fields),
                  fields=list(keep), lacks=names + ["Connection"])


NOMINATED = [_nominated(c, *f) for c, f in (
    ("X", ["X: y"]), ("x", ["X: y"]), ("X", ["x: y"]), ("X, Y", ["X: 1", "Y: 2"]), ("X,Y", ["X: 1",
        "Y: 2"]), (" X , Y ", ["X: 1", "Y: 2"]),
    ("X\t,\tY", ["X: 1", "Y: 2"]), (",X", ["X: y"]), ("X,", ["X: y"]), (",,X,,", ["X: y"]),
    ("keep-alive, X", ["X: y"]),
    ("X, keep-alive", ["X: y"]), ("X", ["X: 1", "X: 2"]), ("X, X", ["X: y"]), ("X", ["X:"]),
    ("X-Secret-Token", ["X-Secret-Token: y"]),
    ("Cookie", ["Cookie: a=b"]), ("Authorization", ["Authorization: Basic YTpi"]),
    ("User-Agent", ["User-Agent: x"]),
    ("Accept", ["Accept: */*"]), ("Accept-Encoding", ["Accept-Encoding: gzip"]),
    ("Referer", ["Referer: http://x/"]),
    ("Origin", ["Origin: http://x"]), ("If-None-Match", ["If-None-Match: *"]),
    ("Range", ["Range: bytes=0-1"]),
    ("Content-Type", ["Content-Type: a/b"]), ("Content-Encoding", ["Content-Encoding: gzip"]),
    ("Cache-Control", ["Cache-Control: no-cache"]),
    ("Date", ["Date: x"]), ("Server", ["Server: x"]), ("Max-Forwards", ["Max-Forwards: 1"]),
    ("TE", ["TE: gzip"]),
    ("Keep-Alive", ["Keep-Alive: 5"]), ("Upgrade", ["Upgrade: h2c"]),
    ("Proxy-Authorization", ["Proxy-Authorization: x"]),
    ("X-Api-Key, X-User", ["X-Api-Key: 1", "X-User: 2"]),
    ("!#$%&'*+-.^`|~", ["!#$%&'*+-.^`|~: y"]))] + [
    _nominated("X", "X: 1", "Y: 2", keep=[("Y", "2")]), _nominated("X", "XX: 1", keep=[("XX",
        "1")]),
    _nominated("X-Y", "X: 1", "X-Y: 2", keep=[("X", "1")]), _nominated("Not-There", "X: 1",
        keep=[("X", "1")]),
    passed("nominated behind", head("X: y", "Connection: X"), lacks=["X", "Connection"]),
    passed("nominated by one of two lines", head("Connection: A", "A: 1", "B: 2", "Connection: B"),
           lacks=["A", "B"]),
    passed("nominated with blanks around its value", head("Connection: A", "A: \t1\t", "B:\t2"),
           fields=[("B", "2")], lacks=["A"]),
    passed("63 nominated", head("Connection: " + ", ".join("X%d" % i for i in range(63)),
                                *["X%d: y" % i for i in range(63)])),
    refused("1000 nominated", head("Connection: " + ",".join("X%d" % i for i in range(1000)))),
]

# What framing, routing and the proxy's word stand on stays, whoever nominates it.
STAY = [
    passed("Host nominated", head("Connection: Host")),
    posted("Content-Length nominated", "Connection: Content-Length\r\nContent-Length: 5\r\n",
           "hello", "hello",
           has=[("Content-Length", "5")]),
    posted("Transfer-Encoding nominated",
           "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n",
           "5\r\nhello\r\n0\r\n\r\n", "hello"),
    passed("X-Forwarded-Proto nominated", head("Connection: X-Forwarded-Proto"),
           has=[("X-Forwarded-Proto", "http")]),
    passed("Via nominated", head("Connection: Via"), has=[("Via", "1.1 detour")]),
    passed("Via", head(), has=[("Via", "1.1 detour")]),
    passed("TE: trailers", head("TE: trailers", "Connection: TE"), has=[("TE", "trailers"),
        ("Connection", "TE")]),
    passed("TE: trailers among others", head("TE: gzip, trailers;q=0.5, deflate",
                                             "Connection: TE")),
]

CLOSE = [passed("Connection: " + c, head("Connection: " + c), closes=True) for c in (
    "close", "Close", "CLOSE", "close, keep-alive", "keep-alive, close", "x, close", ",close",
    "close,", " close ", "close, X")] + [
    passed("close on a second line", head("Connection: keep-alive", "Connection: close"),
           closes=True),
    passed("what is behind a close is not read", head("Connection: close") + NEXT, closes=True),
    passed("not quite close", head("Connection: closed")), passed("not close either",
        head("Connection: not-close")),
]

_WS = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
_KEEP = [(f.split(": ")[0], f.split(": ")[1]) for f in _WS]
UPGRADE = [
    passed("an upgrade is asked for", head("Connection: Upgrade", "Upgrade: websocket", *_WS),
           fields=_KEEP,
           has=[("Upgrade", "websocket"), ("Connection", "upgrade")]),
    passed("an upgrade among others", head("Connection: keep-alive, upgrade", "Upgrade: websocket",
                                           *_WS), fields=_KEEP,
           has=[("Upgrade", "websocket"), ("Connection", "upgrade")]),
    posted("an upgrade with a body",
           "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n", "hello", "hello",
           lacks=["Upgrade", "Connection"]),
    posted("an upgrade with chunks",
           "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n",
           "5\r\nhello\r\n0\r\n\r\n", "hello", lacks=["Upgrade", "Connection"]),
    passed("an upgrade in HTTP/1.0",
           "GET /case HTTP/1.0\r\n" + H + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
           lacks=["Upgrade", "Connection"], closes=True),
] + [passed("upgrade to %r" % u, head("Connection: Upgrade", "Upgrade: " + u), lacks=["Upgrade",
    "Connection"]) for u in (
    "h2c", "H2C", "h2", "HTTP/2.0", "http/1.1", "TLS/1.0", "tls/1.3", "h2c, websocket",
    "websocket, h2c", "", ",", "websocket,",
    "web socket", "websocket;a", "websocket/1/2", "/1", "websocket/", "\"websocket\"", "\xe9",
    "a@b")] + [
    posted("h2c with a body",
           "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
           "Content-Length: %d\r\n" % len(NEXT), NEXT, NEXT, lacks=["Upgrade", "HTTP2-Settings",
               "Connection"]),
    refused("an upgrade with both framings",
            post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n"
                                                  "Transfer-Encoding: chunked\r\n",
                                                  "0\r\n\r\n" + NEXT)),
]

CASES = ALWAYS + NOMINATED + STAY + CLOSE + UPGRADE
