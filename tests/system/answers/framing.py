"""How long an answer is, and whether its end is one (RFC 9112, sections 6 to 8)."""

from .case import CHUNKED, FIN, FIVE, H11, H2, LAST, OK, RESET, SEEN, TOLD, bad, cut, good

_NEXT = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"


def _length(value, body="hello"):
    return OK + "Content-Length: " + value + "\r\n\r\n" + body


def _coding(value, body="5\r\nhello\r\n0\r\n\r\n", more=""):
    return OK + more + "Transfer-Encoding: " + value + "\r\n\r\n" + body


ANNOUNCED = [
    good("length 0", _length("0", ""), body=""),
    good("leading zeros in a length", _length("0005")),
    good("blanks around a length", _length(" \t5\t ")),
    good("chunked in capitals", _coding("CHUNKED")),
    good("neither, until the end", OK + "\r\nhello", FIN, reused=False),
    good("neither, and keep-alive is promised", OK + "Connection: keep-alive\r\n\r\nhello", FIN,
         reused=False),
    good("neither, and nothing comes", OK + "\r\n", FIN, body="", reused=False),
    good("until the end, in pieces", OK + "\r\nhel", SEEN, "lo", FIN, reused=False),
    good("multipart/byteranges has no length of its own", "HTTP/1.1 206 x\r\nContent-Type: "
         "multipart/byteranges; boundary=B\r\n\r\n--B\r\n\r\nhello\r\n--B--\r\n", FIN, status=206,
         body="--B\r\n\r\nhello\r\n--B--\r\n", reused=False),
    good("206 with a length", "HTTP/1.1 206 x\r\nContent-Range: bytes 0-4/9\r\n"
         "Content-Length: 5\r\n\r\nhello", status=206, has=[("content-range", "bytes 0-4/9")]),
    good("205 with length 0", "HTTP/1.1 205 x\r\nContent-Length: 0\r\n\r\n", status=205, body=""),
    good("205 in chunks that are none", "HTTP/1.1 205 x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n", status=205, body=""),
] + [bad(name, raw) for name, raw in [
    ("two lengths", OK + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    ("two equal lengths", OK + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("two lengths in two cases", OK + "content-length: 5\r\nCONTENT-LENGTH: 3\r\n\r\nhello"),
    ("two lengths for 204", "HTTP/1.1 204 x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"),
    ("two lengths for 304", "HTTP/1.1 304 x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    ("a list of lengths", _length("5, 6")),
    ("a list of equal lengths", _length("5, 5")),
    ("a list with an empty element", _length("5,")),
    ("a negative length", _length("-5")),
    ("a signed length", _length("+5")),
    ("a hexadecimal length", _length("0x5")),
    ("a length of letters", _length("five")),
    ("a length with a unit", _length("5 bytes")),
    ("a length with a fraction", _length("5.0")),
    ("a length with an exponent", _length("5e0")),
    ("a quoted length", _length("\"5\"")),
    ("an empty length", _length("")),
    ("a length with a blank inside", _length("1 5")),
    ("an underscore in a length", _length("1_0")),
    ("a length in other digits", _length("\xd9\xa5")),
    ("a length of 2^63", _length("9223372036854775808")),
    ("a length of 2^64 + 5", _length("18446744073709551621")),
    ("a length of 100 digits", _length("9" * 100)),
    ("both framings", _coding("chunked", more="Content-Length: 5\r\n")),
    ("both framings, the other way round",
     OK + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("both framings, the length 0", _coding("chunked", more="Content-Length: 0\r\n")),
    ("both framings for 204", "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n"
     "Content-Length: 5\r\n\r\n"),
    ("chunked in 1.0", _coding("chunked").replace("1.1", "1.0", 1)),
    ("chunked twice", OK + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n0\r\n\r\n"),
    ("chunked and identity in two lines", OK + "Transfer-Encoding: chunked\r\n"
     "Transfer-Encoding: identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("chunked, chunked", _coding("chunked, chunked")),
    ("gzip, chunked", _coding("gzip, chunked")),
    ("chunked, gzip", _coding("chunked, gzip")),
    ("gzip", _coding("gzip", "hello")),
    ("identity", _coding("identity", "hello")),
    ("identity and a length", _coding("identity", "hello", "Content-Length: 5\r\n")),
    ("an empty coding", _coding("", "hello")),
    ("a coding in quotes", _coding("\"chunked\"")),
    ("a coding with a parameter", _coding("chunked;q=1")),
    ("a coding behind a comma", _coding(",chunked")),
    ("a coding before a comma", _coding("chunked,")),
    ("xchunked", _coding("xchunked")),
    ("chunked with VT before it", _coding("\x0bchunked")),
    ("chunked in other letters", _coding("chun\xc4\xb7ed")),
]]

WITHOUT_BODY = [
    good("204", "HTTP/1.1 204 x\r\n\r\n", status=204, body=""),
    good("204 with length 0", "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", status=204, body="",
         hasnt=["content-length"]),
    good("204 with a length", "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", status=204, body="",
         hasnt=["content-length"], reused=False),
    good("204 with a body", "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\nhello", status=204,
         body="", hasnt=["content-length"], reused=False),
    good("204 in chunks", "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
         "0\r\n\r\n", status=204, body="", hasnt=["transfer-encoding"], reused=False),
    good("204 with an answer behind it", "HTTP/1.1 204 x\r\n\r\n" + _NEXT, status=204, body="",
         reused=False),
    good("204 whose body comes later", "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", TOLD,
         "hello", status=204, body="", reused=False),
    good("304", "HTTP/1.1 304 x\r\nETag: \"a\"\r\n\r\n", status=304, body="",
         has=[("etag", "\"a\"")]),
    good("304 with a length", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", status=304, body="",
         has=[("content-length", "5")]),
    good("304 with a coding", "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", status=304,
         body="", hasnt=["transfer-encoding"]),
    good("304 with a body", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\nhello", status=304,
         body="", reused=False),
    good("304 in chunks", "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
         "0\r\n\r\n", status=304, body="", reused=False),
    good("304 whose body comes later", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", TOLD,
         "hello", status=304, body="", reused=False),
    good("HEAD", OK + "Content-Length: 5\r\n\r\n", method="HEAD", body="",
         has=[("content-length", "5")]),
    good("HEAD, and neither framing", OK + "\r\n", method="HEAD", body=""),
    good("HEAD and chunked", CHUNKED, method="HEAD", body=""),
    good("HEAD and 404", "HTTP/1.1 404 x\r\nContent-Length: 5\r\n\r\n", method="HEAD", status=404,
         body="", has=[("content-length", "5")]),
    good("HEAD with a body", FIVE, method="HEAD", body="", reused=False),
    good("HEAD with chunks", CHUNKED + "5\r\nhello\r\n0\r\n\r\n", method="HEAD", body="",
         reused=False),
    good("HEAD with an answer for a body", OK + "Content-Length: %d\r\n\r\n" % len(_NEXT) + _NEXT,
         method="HEAD", body="", reused=False),
    good("HEAD whose body comes later", OK + "Content-Length: 5\r\n\r\n", TOLD, "hello",
         method="HEAD", body="", reused=False),
    good("HEAD with the largest length", OK + "Content-Length: 9223372036854775807\r\n\r\n",
         method="HEAD", body="", has=[("content-length", "9223372036854775807")]),
    bad("HEAD and both framings", OK + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        method="HEAD"),
    bad("HEAD and two lengths", OK + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        method="HEAD"),
    good("OPTIONS", "HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n", method="OPTIONS",
         body="", has=[("allow", "GET")]),
    good("an unknown method has a body like any other", FIVE, method="BREW"),
]

BEHIND = [
    good("a line behind it", FIVE + "\r\n", reused=False),
    good("garbage behind it", FIVE + "xyz", reused=False),
    good("one byte behind it", FIVE + "\0", reused=False),
    good("an answer behind it", FIVE + _NEXT, reused=False),
    good("an interim answer behind it", FIVE + "HTTP/1.1 103 x\r\n\r\n", reused=False),
    good("an answer behind chunks", CHUNKED + "5\r\nhello\r\n0\r\n\r\n" + _NEXT, reused=False),
    good("an answer behind trailers", CHUNKED + "5\r\nhello\r\n0\r\nX-A: b\r\n\r\n" + _NEXT,
         trailers=[("X-A", "b")], reused=False),
    good("an answer behind length 0", _length("0", "") + _NEXT, body="", reused=False),
    good("chunks longer than they say they are", CHUNKED + "5\r\nhello\r\n0\r\n\r\n5\r\nhello\r\n",
         reused=False),
    good("a line later", FIVE, TOLD, "\r\n", reused=False),
    good("garbage later", FIVE, TOLD, "xyz", reused=False),
    good("an answer later", FIVE, TOLD, _NEXT, reused=False),
    good("an answer behind chunks, later", CHUNKED + "5\r\nhello\r\n0\r\n\r\n", TOLD, _NEXT,
         reused=False),
    good("an end later", FIVE, TOLD, FIN, reused=False),
    good("a reset later", FIVE, TOLD, RESET, reused=False),
    good("an answer behind one as large as a read", OK + "Content-Length: %d\r\n\r\n" % (
        65536 - 42) + "x" * (65536 - 42) + _NEXT, body="x" * (65536 - 42), reused=False),
    good("an answer behind one as large as two reads", OK + "Content-Length: %d\r\n\r\n" % (
        131072 - 43) + "x" * (131072 - 43) + _NEXT, body="x" * (131072 - 43), reused=False),
    good("an end right behind it", FIVE, FIN, reused=False),
    good("a reset right behind it", FIVE, SEEN, RESET, reused=False),
]

CUT_SHORT = [
    bad("an end instead of an answer", FIN),
    bad("a reset instead of an answer", RESET),
    bad("an end in the status line", "HTTP/1.1 20", FIN),
    bad("a reset in the status line", "HTTP/1.1 20", RESET),
    bad("an end behind the status line", OK, FIN),
    bad("an end in the fields", OK + "Content-Length: 5\r\nX-A: b", FIN),
    bad("an end before the empty line", OK + "Content-Length: 5\r\n", FIN),
    bad("an end in the empty line", OK + "Content-Length: 5\r\n\r", FIN),
    bad("an end behind an interim answer", "HTTP/1.1 103 x\r\n\r\n", FIN, interim=[103]),
    cut("an end where the body was due", OK + "Content-Length: 5\r\n\r\n", FIN),
    cut("an end in the body", OK + "Content-Length: 5\r\n\r\nhell", FIN),
    cut("an end in the body, later", OK + "Content-Length: 5\r\n\r\nhell", SEEN, FIN),
    cut("a reset in the body", OK + "Content-Length: 5\r\n\r\nhell", SEEN, RESET),
    cut("an end in a long body", OK + "Content-Length: 1000000\r\n\r\n" + "x" * 999999, FIN),
    cut("an end in a body of 2^63 - 1", OK + "Content-Length: 9223372036854775807\r\n\r\nhello",
        FIN),
    cut("an end where chunks were due", CHUNKED, FIN),
    cut("an end in a chunk's size", CHUNKED + "5", FIN),
    cut("an end behind a chunk's CR", CHUNKED + "5\r", FIN),
    cut("an end behind a chunk's size", CHUNKED + "5\r\n", FIN),
    cut("an end in a chunk's extension", CHUNKED + "5;a=\"b", FIN),
    cut("an end in a chunk", CHUNKED + "5\r\nhell", FIN),
    cut("an end behind a chunk's bytes", CHUNKED + "5\r\nhello", FIN),
    cut("an end behind a chunk", CHUNKED + "5\r\nhello\r\n", FIN),
    cut("an end behind a chunk, later", CHUNKED + "5\r\nhello\r\n", SEEN, FIN),
    cut("a reset behind a chunk", CHUNKED + "5\r\nhello\r\n", SEEN, RESET),
    cut("an end in the last chunk", CHUNKED + "5\r\nhello\r\n0", FIN),
    cut("an end behind the last chunk's CR", CHUNKED + "5\r\nhello\r\n0\r", FIN),
    cut("an end before the last line", CHUNKED + "5\r\nhello\r\n0\r\n", FIN),
    cut("an end in the last line", CHUNKED + "5\r\nhello\r\n0\r\n\r", FIN),
    cut("an end in the trailers", CHUNKED + "5\r\nhello\r\n0\r\nX-A: b", FIN),
    cut("an end behind the trailers", CHUNKED + "5\r\nhello\r\n0\r\nX-A: b\r\n", FIN),
    cut("a reset in a body until the end", OK + "\r\nhello", SEEN, RESET),
    cut("a reset in a body until the end of 1.0", "HTTP/1.0 200 OK\r\n\r\nhello", SEEN, RESET),
    cut("an error's body cut", "HTTP/1.1 500 x\r\nContent-Length: 50\r\n\r\nhello", FIN,
        status=500),
]

# What stands where a chunk is due, and what of it the grammar does not allow.
_CHUNKS = {
    "size 0x5": "0x5\r\nhello\r\n",
    "size +5": "+5\r\nhello\r\n",
    "size -5": "-5\r\nhello\r\n",
    "size 5_": "5_\r\nhello\r\n",
    "size 5h": "5h\r\nhello\r\n",
    "size 5.": "5.\r\nhello\r\n",
    "no size": "\r\nhello\r\n",
    "no size but an extension": ";a=b\r\nhello\r\n",
    "a blank before the size": " 5\r\nhello\r\n",
    "a blank behind the size": "5 \r\nhello\r\n",
    "a tab behind the size": "5\t\r\nhello\r\n",
    "a comma behind the size": "5,\r\nhello\r\n",
    "NUL behind the size": "5\0\r\nhello\r\n",
    "a size of 17 digits": "00000000000000005\r\nhello\r\n",
    "a size of 2^64 + 5": "10000000000000005\r\nhello\r\n",
    "a size of 2^64 - 1": "FFFFFFFFFFFFFFFF\r\nhello\r\n",
    "a size of 2^63": "8000000000000000\r\nhello\r\n",
    "LF behind the size": "5\nhello\r\n",
    "CR behind the size": "5\rhello\r\n",
    "CR CR LF behind the size": "5\r\r\nhello\r\n",
    "LF CR behind the size": "5\n\rhello\r\n",
    "LF in an extension": "5;a\nb\r\nhello\r\n",
    "CR in an extension": "5;a\rb\r\nhello\r\n",
    "NUL in an extension": "5;a\0b\r\nhello\r\n",
    "an extension without a name": "5;\r\nhello\r\n",
    "an extension without a value": "5;a=\r\nhello\r\n",
    "an extension that stays quoted": "5;a=\"b\r\nhello\r\n",
    "an extension of 1000 bytes": "5;" + "a" * 1000 + "\r\nhello\r\n",
    "an extension that never ends": "5;a=\"" + "b" * 70000,
    "a chunk without its CRLF": "5\r\nhello5\r\nhello\r\n",
    "LF behind a chunk": "5\r\nhello\n5\r\nhello\r\n",
    "CR behind a chunk": "5\r\nhello\r5\r\nhello\r\n",
    "a chunk longer than its size": "4\r\nhello\r\n",
    "a chunk shorter than its size": "6\r\nhello\r\n5\r\nhello\r\n",
    "letters for a size": "xyz\r\nhello\r\n",
    "an answer for a chunk": _NEXT,
}

# What stands behind the last chunk's line.
_TRAILERS = {
    "LF ends the trailers": "0\r\n\n",
    "a fold in the trailers": "0\r\nX-A: b\r\n c\r\n\r\n",
    "a trailer without a colon": "0\r\nHTTP/1.1 200 OK\r\n\r\n",
    "a trailer without a name": "0\r\n: a\r\n\r\n",
    "a blank before a trailer's colon": "0\r\nX-A : b\r\n\r\n",
    "NUL in a trailer": "0\r\nX-A: \0\r\n\r\n",
    "LF behind a trailer": "0\r\nX-A: b\n\r\n",
    "bytes behind the last chunk": "0\r\nxx\r\n\r\n",
    "a trailer of 20000 bytes": "0\r\nX-A: " + "b" * 20000 + "\r\n\r\n",
    "200 trailers": "0\r\n" + "X: a\r\n" * 200 + "\r\n",
    "trailers that never end": "0\r\n" + "X: a\r\n" * 20000,
    "000 is the last chunk too, but not with LF": "000\n\r\n",
}

CHUNKS = [bad(name + ", at once", CHUNKED + raw + LAST, reused=False) for name, raw in
          _CHUNKS.items() if not raw.startswith(("5\r\n", "4\r\n", "6\r\n", "5;a=\"bbb"))]
CHUNKS += [cut(name, CHUNKED + "3\r\nhey\r\n", SEEN, raw + LAST) for name, raw in
           [*_CHUNKS.items(), *_TRAILERS.items()]]
CHUNKS += [
    good("leading zeros in a size", CHUNKED + "0000000000000005\r\nhello\r\n0000\r\n\r\n"),
    good("a size in either case", CHUNKED + "a\r\nhellohello\r\nA\r\nhellohello\r\n" + LAST,
         body="hello" * 4),
    good("extensions end here", CHUNKED + "5;a;b=c;d=\"e \\\" f\"\r\nhello\r\n0;g\r\n\r\n"),
    good("a byte at a time", CHUNKED, SEEN, *("1\r\n%s\r\n" % c for c in "hello"), LAST),
    good("chunks cut anywhere", CHUNKED, SEEN, *"5\r\nhello\r\n0\r\n\r\n"),
    good("a head cut anywhere", *FIVE),
    good("no chunk but the last", CHUNKED + LAST, body=""),
    good("a chunk that looks like an answer", CHUNKED + "%x\r\n%s\r\n" % (len(_NEXT), _NEXT) + LAST,
         body=_NEXT),
    good("a large chunk", CHUNKED + "40000\r\n" + "x" * 0x40000 + "\r\n" + LAST,
         body="x" * 0x40000),
    good("a trailer", CHUNKED + "5\r\nhello\r\n0\r\nX-A: b\r\nX-A: c\r\n\r\n",
         trailers=[("X-A", "b"), ("X-A", "c")]),
    good("a trailer, later", CHUNKED + "5\r\nhello\r\n", SEEN, "0\r\nX-", "A: b\r\n\r\n",
         trailers=[("X-A", "b")]),
    good("trailers that must not be", CHUNKED + "5\r\nhello\r\n0\r\nContent-Length: 5\r\n"
         "Transfer-Encoding: chunked\r\nConnection: close\r\nSet-Cookie: a=b\r\nHost: a\r\n"
         "Content-Encoding: gzip\r\nCache-Control: no-store\r\nLocation: /\r\nX-A: b\r\n\r\n",
         trailers=[("X-A", "b")]),
    good("the endpoint ends behind it", CHUNKED + "5\r\nhello\r\n" + LAST, FIN, reused=False),
]

_103 = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

INTERIM = [
    good("100 that nobody waits for", "HTTP/1.1 100 Continue\r\n\r\n" + FIVE, interim=[100]),
    good("102", "HTTP/1.1 102 Processing\r\n\r\n" + FIVE, interim=[102]),
    good("103", _103 + FIVE, interim=[103]),
    good("199", "HTTP/1.1 199 x\r\n\r\n" + FIVE, interim=[199]),
    good("103 and then nothing for a while", _103, SEEN, FIVE, interim=[103],
         by=[H11, H2]),
    good("several", _103 + "HTTP/1.1 102 x\r\n\r\n" + _103 + FIVE, interim=[103, 102, 103]),
    good("sixteen", _103 * 16 + FIVE, interim=[103] * 16),
    good("one with a length has no body", "HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n" + FIVE,
         interim=[103]),
    good("one in chunks has no body", "HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n" +
         FIVE, interim=[103]),
    good("one that says close ends nothing", "HTTP/1.1 103 x\r\nConnection: close\r\n\r\n" + FIVE,
         interim=[103]),
    good("one before 204", _103 + "HTTP/1.1 204 x\r\n\r\n", status=204, body="", interim=[103]),
    good("one before a HEAD's", _103 + OK + "Content-Length: 5\r\n\r\n", method="HEAD", body="",
         interim=[103]),
    bad("seventeen", _103 * 17 + FIVE, interim=[103] * 16),
    bad("a flood", "HTTP/1.1 102 x\r\n\r\n" * 1000, interim=[102] * 16),
    bad("large ones", ("HTTP/1.1 103 x\r\nX: " + "a" * 12000 + "\r\n\r\n") * 3 + FIVE,
        interim=[103, 103]),
    bad("one with a body", "HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\nhello" + FIVE,
        interim=[103]),
    bad("one with both framings", "HTTP/1.1 103 x\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" + FIVE),
    bad("a malformed one", "HTTP/1.1 103 x\r\nX : a\r\n\r\n" + FIVE),
    bad("one and then a malformed answer", _103 + "HTTP/1.1 xxx\r\n\r\n", interim=[103]),
    bad("101 that nobody asked for", "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"
        "Connection: upgrade\r\n\r\n"),
    bad("101 without anything", "HTTP/1.1 101 x\r\n\r\n" + FIVE),
    bad("101 to HTTP/2", "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"),
    bad("1.0 knows no 101", "HTTP/1.0 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
]

_WS = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
_101 = "HTTP/1.1 101 Switching Protocols\r\n"

UPGRADES = [
    good("an upgrade that is not granted", FIVE, fields=_WS, by=[H11], reused=False),
    good("one that is refused", "HTTP/1.1 403 x\r\nContent-Length: 5\r\n\r\nhello", status=403,
         fields=_WS, by=[H11], reused=False),
] + [bad(name, raw, fields=_WS, by=[H11]) for name, raw in [
    ("an upgrade to something else", _101 + "Upgrade: chat/2\r\nConnection: upgrade\r\n\r\n"),
    ("an upgrade to more than was asked", _101 + "Upgrade: websocket, chat/2\r\n"
     "Connection: upgrade\r\n\r\n"),
    ("an upgrade to h2c", _101 + "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n"),
    ("an upgrade to TLS", _101 + "Upgrade: TLS/1.2, HTTP/1.1\r\nConnection: upgrade\r\n\r\n"),
    ("101 without Upgrade", _101 + "Connection: upgrade\r\n\r\n"),
    ("101 with an empty Upgrade", _101 + "Upgrade:\r\nConnection: upgrade\r\n\r\n"),
    ("101 without Connection", _101 + "Upgrade: websocket\r\n\r\n"),
    ("101 that is not nominated", _101 + "Upgrade: websocket\r\nConnection: close\r\n\r\n"),
    ("101 in 1.0", _101.replace("1.1", "1.0") + "Upgrade: websocket\r\n"
     "Connection: upgrade\r\n\r\n"),
    ("101 with both framings", _101 + "Upgrade: websocket\r\nConnection: upgrade\r\n"
     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
]]

