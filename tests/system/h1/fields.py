"""Field lines: names, values, blanks, folds, numbers and sizes (RFC 9110, 5; RFC 9112, 5)."""

from .case import GET, H, NEXT, declined, head, passed, post, refused


def _bad(name, *fields, status=400):
    return refused("field: " + name, head(*fields), status)


def _good(name, sent, *arrive):
    return passed("field: " + name, head(sent), fields=list(arrive))


NAMES = [_bad("name %r" % n, n + ": y") for n in (
    "", " ", "X ", "X\t", " X", "\tX", "X Y", "X\tY", "X\x00", "\x00X", "X\x01Y", "X\x1bY",
    "X\x7f", "X\x0b", "X\x0c",
    "X\xe9", "\xffX", "X\xa0", "X\xc2\xa0", "X\x85", "X\"Y", "\"X\"", "(X)", "X(Y", "X)Y", "X,Y",
    "X/Y", "X;Y", "X<Y",
    "X=Y", "X>Y", "X?Y", "X@Y", "[X]", "X[Y", "X]Y", "X\\Y", "{X}", "X{Y", "X}Y",
    "GET /SMUGGLED HTTP/1.1\r\nX ",
    "\xef\xbb\xbfX")] + [
    _bad("no colon", "X"), _bad("no colon but a value", "X y"), _bad("only a colon", ":"),
    _bad("two colons first", ":: y"), _bad("an equals sign", "X=y"),
    _bad("a request line", "GET /SMUGGLED HTTP/1.1"),
    _bad("name of 20000 bytes", "X" * 20000 + ": y", status=431),
] + [_good("name %r" % n, n + ": y", (n, "y")) for n in (
    "X", "x", "X-Y", "x-Y-z", "1", "0x", "!", "#", "$", "&", "'", "*", "+", ".", "^", "`", "|",
    "~", "X.Y", "X!", "-", "--",
    "X" * 200)]

VALUES = [_bad("value with %r" % c, "X: a" + c + "b") for c in (
    "\x00", "\x01", "\x02", "\x07", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f", "\r",
    "\n", "\r\r", "\n\r",
    "\n\n", "\rY: z", "\nY: z", "\n Y: z")] + [
    _bad("value of %r" % c, "X:" + c) for c in ("\x00", "\x0b", "\x0c", "\x7f", " \x00 ", "\r")] + [
    _good("value %r" % v, "X: " + v, ("X", v)) for v in (
        "y", "a b", "a\tb", "a  b", "a,b", ",", ",,", "\"a\"", "\"", "a:b", ":", "a;b=c", "(a)",
        "\\", "caf\xe9", "\x80\xff",
        "\xc3\xa9", "\xef\xbf\xbd", "<a>", "%00", "%0d%0aY: z", "\\r\\nY: z",
        "GET /SMUGGLED HTTP/1.1"[:3], "y" * 8000,
        "${jndi:x}", "Transfer-Encoding: chunked")] + [
    _good("empty value", "X:", ("X", "")), _good("blank value", "X: ", ("X", "")),
    _good("value of blanks", "X: \t \t", ("X", "")), _good("no blank before", "X:y", ("X", "y")),
    _good("blanks before", "X:  \t y", ("X", "y")), _good("tab before", "X:\ty", ("X", "y")),
    _good("blanks behind", "X: y \t ", ("X", "y")), _good("blanks around", "X:\t y\t", ("X", "y")),
    _good("blank behind only", "X:y ", ("X", "y")), _good("blanks within", "X: a \t b ", ("X",
        "a \t b")),
]

FOLDS = [
    _bad("fold by a space", "X: a", " b"), _bad("fold by a tab", "X: a", "\tb"),
    _bad("fold before the value", "X:", " a"), _bad("fold of blanks", "X: a", "  "),
    _bad("fold of a colon", "X: a", " Y: b"), _bad("fold that smuggles", "X: a",
                                                   " Transfer-Encoding: chunked"),
    refused("fold before the first field", "GET /case HTTP/1.1\r\n " + H + "\r\n"),
    refused("fold of the request line", "GET /case HTTP/1.1\r\n\tX: y\r\n" + H + "\r\n"),
    refused("fold behind Host", GET + " b.example\r\n\r\n"),
    refused("line of a blank ends the head", GET + " \r\n\r\n"),
]

MANY = [
    passed("99 more fields", head(*["X%d: y" % i for i in range(99)]),
           fields=[("X%d" % i, "y") for i in range(99)]),
    _bad("100 more fields", *["X: y"] * 100, status=431),
    _bad("5000 fields", *["X: y"] * 5000, status=431),
    _bad("line of 17000 bytes", "X: " + "y" * 17000, status=431),
    _bad("40000 bytes in lines", *["X%d: " % i + "y" * 8000 for i in range(5)], status=431),
    _bad("line without an end", "X: " + "y" * 40000, status=431),
    passed("the same field twice", head("X: a", "X: b"), fields=[("X", "a"), ("X", "b")]),
    passed("the order of fields", head("B: 1", "A: 2", "B: 3"),
           fields=[("B", "1"), ("A", "2"), ("B", "3")]),
    passed("the case of names", head("x-lOwEr: Y"), fields=[("x-lOwEr", "Y")]),
]

# One each, or two readers may take different ones.
SINGLE = [
    _bad("Content-Type twice", "Content-Type: a/b", "Content-Type: c/d"),
    _bad("Authorization twice", "Authorization: Basic YTpi", "authorization: Basic Yzpk"),
    _bad("Expect twice", "Expect: 100-continue", "Expect: 100-continue"),
    passed("Content-Type once", head("Content-Type: a/b"), fields=[("Content-Type", "a/b")]),
    passed("Cookie", head("Cookie: a=b; c=d"), fields=[("Cookie", "a=b; c=d")]),
]

# CGI makes the same of "_" and "-".
UNDERSCORES = [_bad("alias " + n, n + ": 5") for n in (
    "Content_Length", "content_length", "CONTENT_LENGTH", "Transfer_Encoding", "transfer_encoding",
    "Keep_Alive",
    "X_Forwarded_For", "X-Forwarded_For", "X_Forwarded-For", "x_forwarded_proto",
    "X_Forwarded_Host", "X_Real_IP",
    "X_Request_Id", "Proxy_Authorization", "Proxy_Connection", "HTTP2_Settings", "CDN_Loop",
    "Max_Forwards")] + [
    passed("field with _ " + n, head(n + ": y", "X: z"), fields=[("X", "z")]) for n in (
        "X_Y", "_", "__", "_X", "X_", "User_Id", "Content_Type", "Ho_st", "SCRIPT_NAME",
        "REMOTE_USER")] + [
    passed("fields with _ among others", head("A: 1", "B_C: 2", "D: 3", "E_: 4", "F: 5"),
           fields=[("A", "1"), ("D", "3"), ("F", "5")]),
    passed("gRPC's metadata that go by HTTP/1, which is not gRPC's",
           post("Content-Type: application/grpc\r\nuser_id: 7\r\nContent-Length: 0\r\n", ""),
           "POST /case", fields=[("Content-Type", "application/grpc")]),
]

# What the proxy vouches for, whatever the client says.
_ME = "127."
FORWARDED = [passed("forged " + f, head(f), lacks=lacks, fields=[]) for f, lacks in (
    ("X-Forwarded-Server: x", ["X-Forwarded-Server"]),
    ("X-Forwarded-Prefix: /x", ["X-Forwarded-Prefix"]),
    ("X-Forwarded-User: root", ["X-Forwarded-User"]), ("X-Forwarded-Ssl: on", ["X-Forwarded-Ssl"]),
    ("X-Forwarded-: x", ["X-Forwarded-"]),
    ("x-forwarded-client-cert: x", ["X-Forwarded-Client-Cert"]))] + [
    passed("forged " + n, head(n + ": forged"), has=[(n, v)]) for n, v in (
        ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "a.example"))] + [
    passed("forged twice " + n, head(n + ": forged", n.lower() + ": again"), has=[(n, v)]) for n,
    v in (
        ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "a.example"))] + [
    passed("forged by Connection " + n, head("Connection: " + n, n + ": forged"), has=[(n, v)])
    for n, v in (("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "a.example"))] + [
    passed("Via is added to", head("Via: 1.0 fred"), lacks=[]),
    passed("httpoxy", head("Proxy: http://evil/"), lacks=["Proxy"]),
]

EXPECT = [
    refused("Expect %r" % e, head("Expect: " + e), 417) for e in (
        "x", "200-ok", "100-continue, x", "100-continue;a=b", "100", "continue", "\"100-continue\"",
        "100-continue, 100-continue", "")] + [
    passed("Expect without a body", head("Expect: 100-continue"), lacks=["Expect"]),
    passed("Expect in capitals", head("Expect: 100-CONTINUE"), lacks=["Expect"]),
    passed("Expect with a body", post("Expect: 100-continue\r\nContent-Length: 2\r\n", "hi"),
           "POST /case", body="hi", lacks=["Expect"]),
    passed("Expect with chunks", post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
                                      "2\r\nhi\r\n0\r\n\r\n"), "POST /case", body="hi",
                                      lacks=["Expect"]),
    passed("Expect in HTTP/1.0", "POST /case HTTP/1.0\r\n" + H + "Expect: 100-continue\r\n"
           "Content-Length: 2\r\n\r\nhi", "POST /case", body="hi", lacks=["Expect"], closes=True),
    refused("Expect and both framings", post("Expect: 100-continue\r\nContent-Length: 4\r\n"
                                             "Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + NEXT)),
    refused("Expect folded", post("Expect:\r\n 100-continue\r\nContent-Length: 2\r\n", "hi")),
    refused("Expect with a blank before the colon", post("Expect : 100-continue\r\n", "")),
]

# RFC 9110, 7.6.2
_OPTIONS, _TRACE = "OPTIONS /case HTTP/1.1", "TRACE /case HTTP/1.1"
HOPS = [declined("Max-Forwards %r of OPTIONS" % v, head("Max-Forwards: " + v, line=_OPTIONS), 400)
        for v in ("", "-1", "+1", "1.0", "a", "1 2", "1,2", "0x1", "99999999999999999999999")] + [
    declined("Max-Forwards 0 of OPTIONS", head("Max-Forwards: 0", line=_OPTIONS), 200),
    declined("Max-Forwards 0 of OPTIONS *", head("Max-Forwards: 0", line="OPTIONS * HTTP/1.1"),
             200),
    declined("Max-Forwards 0 of TRACE", head("Max-Forwards: 0", line=_TRACE), 405),
    declined("Max-Forwards twice", head("Max-Forwards: 1", "Max-Forwards: 1", line=_TRACE), 400),
    passed("Max-Forwards of another", head("Max-Forwards: 0"), has=[("Max-Forwards", "0")]),
] + [passed("Max-Forwards %s of %s" % (v, m), head("Max-Forwards: " + v,
                                                   line=m + " /case HTTP/1.1"),
            m + " /case", has=[("Max-Forwards", left)])
     for m in ("OPTIONS", "TRACE") for v, left in (("1", "0"), ("10", "9"), ("007", "6"))]

CASES = NAMES + VALUES + FOLDS + MANY + SINGLE + UNDERSCORES + FORWARDED + EXPECT + HOPS
