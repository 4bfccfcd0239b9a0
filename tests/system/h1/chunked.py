"""Chunked bodies: sizes, extensions, ends, trailers (RFC 9112, 7.1; RFC 9110, 6.5)."""

from .case import NEXT, broken, chunks, passed_then_refused, rechunked

_END = "0\r\n\r\n"


def _size(text):
    return broken("chunk size %r" % text, text + "\r\nhello\r\n" + _END + NEXT)


SIZES = [_size(s) for s in (
    "", " ", " 5", "\t5", "5 ", "5\t", "5  ", "+5", "-5", "-0", "0x5", "0X5", "x5", "5h", "5H",
    "h5", "\\x5", "$5", "#5", "5g", "g", "xyz",
    "5.0", "5,", "5,5", "5 5", "5_", "_5", "1_0", "5:", "5=", "5'", "\"5\"", "'5'", "(5)", "[5]",
    "5/", "5%", "%35", "5&", "5\x00", "\x005",
    "5\x0b", "5\x0c", "\x0b5", "5\x7f", "5\xa0", "\xa05", "\xd9\xa5", "\xef\xbc\x95", "5\r", "\r5",
    "5\n", "\n5", "5\r\r", "\r\n5", "-1",
    "00000000000000005", "0" * 40 + "5", "10000000000000005", "8000000000000005",
    "FFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFB",
    "FFFFFFFFFFFFFFFFF", "100000000000000000000000000000005", "7FFFFFFFFFFFFFFFF", "f" * 100)]

EXTENSIONS = [broken("chunk extension %r" % e, "5" + e + "\r\nhello\r\n" + _END + NEXT) for e in (
    ";", "; ", ";;", ";;a", ";a;", ";a;;b", ";=", ";=a", ";a=", ";a= ", ";a=;b", ";a==b", ";a=b=c",
    ";a b", ";a=b c", ";a=\"b", ";a=b\"",
    ";a=\"b\"c", ";a=\"b\\\"", ";\"a\"", ";a=\"b\" c", ";a,b", ";a=(b)", ";a/b", ";a:b", ";a@b",
    ";[a]", ";{a}", ";<a>", ";a\\b",
    ";a=b ", ";a ", ";a=\"b\" ", ";\x00", ";a\x00", ";a=\x00", ";a=\"\x00\"", ";a\x01", ";a\x7f",
    ";a=\"\x7f\"", ";a\x0b", ";a=\"\x1b\"",
    ";a\n", ";a\nb", ";\n", ";a=\"\n\"", ";a\r", ";a\rb", ";a\r\r", ";a=\"\r\"", ";a=\"\r\n\"",
    ";a\xe9", ";a=\xe9", "\n", "\r", "\rX", ",a",
    ":a", "=a", "#a", "\"a\"", ";" + "a" * 300, ";a=" + "b" * 300, ";a=\"" + "b" * 300 + "\"",
    ";a" * 200, " " * 300 + ";a",
    ";" + " " * 300 + "a")] + [
    broken("extension of the last chunk %r" % e,
           "5\r\nhello\r\n0" + e + "\r\n\r\n" + NEXT) for e in (
        ";", ";a\n", ";a\r", ";a=\"", ";\x00", " ", ";" + "a" * 300, "\n", "\r")] + [
    rechunked("chunk extension %r" % e, "5" + e + "\r\nhello\r\n0" + e + "\r\n\r\n",
              "hello") for e in (
        ";a", ";a=b", ";a='b", ";a;b", ";a=b;c=d", ";a=\"b\"", ";a=\"\"", ";a=\"b c\"",
        ";a=\"b;c=d\"", ";a=\"b,c\"", ";a=\"\\\"\"", ";a=\"\\\\\"",
        ";a=\"\t\"", ";a=\"0\"", "; a", ";\ta", " ;a", "\t;a", " ; a = b", ";a =b", ";a= b",
        ";a=b ;c", ";a=\"b\" ;c", ";!#$%&'*+-.^_`|~=1",
        ";a" * 50, ";a=\"<>@,;:/[]?={}\"")]

ENDS = [broken(name, body + NEXT) for name, body in (
    ("no CRLF behind data", "5\r\nhello0\r\n\r\n"), ("LF behind data", "5\r\nhello\n" + _END),
    ("CR behind data", "5\r\nhello\r" + _END),
    ("LF CR behind data", "5\r\nhello\n\r" + _END),
    ("two CRLF behind data", "5\r\nhello\r\n\r\n" + _END),
    ("CR CR LF behind data", "5\r\nhello\r\r\n" + _END),
    ("a byte behind data", "5\r\nhelloX\r\n" + _END),
    ("two bytes for CRLF", "5\r\nhelloXX" + _END),
    ("a blank behind data", "5\r\nhello \r\n" + _END),
    ("chunk shorter than its size", "6\r\nhello\r\n" + _END),
    ("chunk longer than its size", "4\r\nhello\r\n" + _END),
    ("chunk much longer than its size", "1\r\nhello\r\n" + _END),
    ("LF behind the size", "5\nhello\r\n" + _END),
    ("CR behind the size", "5\rhello\r\n" + _END),
    ("CR CR LF behind the size", "5\r\r\nhello\r\n" + _END),
    ("LF everywhere", "5\nhello\n0\n\n"), ("LF behind the last size", "5\r\nhello\r\n0\n\r\n"),
    ("CR behind the last size", "5\r\nhello\r\n0\r\r\n\r\n"),
    ("LF ends the body", "5\r\nhello\r\n0\r\n\n"),
    ("CR ends the body", "5\r\nhello\r\n0\r\n\r\r\n"),
    ("a blank ends the body", "5\r\nhello\r\n0\r\n \r\n\r\n"),
    ("the last chunk has data", "5\r\nhello\r\n0\r\nhello\r\n"), ("no chunks at all", "hello\r\n"),
    ("a request for a chunk", ""),
    ("a chunk of a request line", "GET /SMUGGLED HTTP/1.1\r\n\r\n"),
    ("-0 at the end", "5\r\nhello\r\n-0\r\n\r\n"),
    ("0x0 at the end", "5\r\nhello\r\n0x0\r\n\r\n"),
    ("17 zeros at the end", "5\r\nhello\r\n" + "0" * 17 + "\r\n\r\n"),
    ("CRLF before the first chunk", "\r\n5\r\nhello\r\n" + _END),
    ("second chunk bad", "5\r\nhello\r\n5g\r\nhello\r\n" + _END),
    ("third chunk bad", "1\r\na\r\n1\r\nb\r\nz\r\n" + _END))]

TRAILERS = [broken("trailer " + name, "5\r\nhello\r\n0\r\n" + lines + "\r\n" + NEXT) for name,
            lines in (
    ("without a colon", "X\r\n"), ("that is a request", "GET /SMUGGLED HTTP/1.1\r\n"),
    ("with a blank before the colon", "X : y\r\n"),
    ("with a tab before the colon", "X\t: y\r\n"), ("without a name", ": y\r\n"),
    ("folded", "X: y\r\n z\r\n"), ("that begins with a fold", " X: y\r\n"),
    ("with LF", "X: y\n"), ("with LF between", "X: y\nZ: a\r\n"), ("with CR", "X: y\rZ: a\r\n"),
    ("with CR CR LF", "X: y\r\r\n"),
    ("with NUL", "X: \x00\r\n"), ("with NUL in its name", "X\x00: y\r\n"),
    ("with DEL", "X: \x7f\r\n"), ("with a bad name", "X Y: z\r\n"),
    ("in brackets", "(X): y\r\n"), ("beyond ASCII", "X\xe9: y\r\n"))] + [
    broken("trailers of 40000 bytes", "0\r\n" + ("X: " + "y" * 8000 + "\r\n") * 5 + "\r\n"),
    broken("5000 trailers", "0\r\n" + "X: y\r\n" * 5000 + "\r\n"),
]
TRAILERS[-1].answers = TRAILERS[-2].answers = [{400, 431}]

_BARRED = ("Content-Length: 5", "Transfer-Encoding: chunked", "Host: b.example",
           "Connection: close", "Trailer: X", "TE: trailers", "Upgrade: x",
           "Keep-Alive: x", "Proxy-Connection: x", "Proxy-Authorization: x", "Authorization: x",
           "Cookie: a=b", "Set-Cookie: a=b",
           "Content-Type: a/b", "Content-Encoding: gzip", "Content-Range: bytes 0-1/2",
           "Range: bytes=0-1", "Max-Forwards: 1",
           "Expect: 100-continue", "Cache-Control: no-cache", "Pragma: no-cache", "If-Match: *",
           "If-None-Match: *", "If-Modified-Since: x",
           "If-Range: x", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https",
           "X-Forwarded-Any: x", "X-Real-IP: 6.6.6.6",
           "Forwarded: for=6.6.6.6", "Via: 1.1 x", "X-Request-Id: x", "CDN-Loop: x",
           "WWW-Authenticate: x", "content_length: 5",
           "transfer_encoding: chunked", "X_Forwarded_For: 6.6.6.6", "User_Id: 7", "Date: x",
           "Accept: x", "Accept-Encoding: gzip",
           "Origin: http://evil", "Sec-Fetch-Site: x", "Access-Control-Request-Method: x",
           "Content-Location: /x", "Content-Disposition: x",
           "HTTP2-Settings: x", "Proxy: x", "X-HTTP-Method-Override: DELETE",
           "X-Original-URL: /admin", "Location: /x", "Vary: *", "Age: 1",
           "Expires: 0", "Retry-After: 1", "User-Agent: x", "Referer: x")
GOOD_TRAILERS = [rechunked("trailer " + t, "5\r\nhello\r\n0\r\n" + t + "\r\n\r\n",
                           "hello") for t in _BARRED] + [
    rechunked("trailer among barred ones",
              "5\r\nhello\r\n0\r\nContent-Length: 5\r\nX-Sum: a\r\nHost: x\r\nY: b\r\n\r\n",
              "hello",
              trailers=[("X-Sum", "a"), ("Y", "b")]),
    rechunked("trailer", "5\r\nhello\r\n0\r\nX-Sum: abc\r\n\r\n", "hello", trailers=[("X-Sum",
        "abc")]),
    rechunked("trailer with blanks", "5\r\nhello\r\n0\r\nX-Sum: \t abc \r\n\r\n", "hello",
              trailers=[("X-Sum", "abc")]),
    rechunked("empty trailer", "5\r\nhello\r\n0\r\nX-Sum:\r\n\r\n", "hello", trailers=[("X-Sum",
        "")]),
    rechunked("trailer of gRPC", "5\r\nhello\r\n0\r\ngrpc-status: 0\r\ngrpc-message: x\r\n\r\n",
              "hello",
              trailers=[("grpc-status", "0"), ("grpc-message", "x")]),
    rechunked("announced trailer", "5\r\nhello\r\n0\r\nX-Sum: a\r\n\r\n", "hello",
              "Trailer: X-Sum\r\n", trailers=[("X-Sum", "a")]),
    rechunked("trailer that Connection nominates", "5\r\nhello\r\n0\r\nX-Sum: a\r\nY: b\r\n\r\n",
              "hello", "Connection: x-sum\r\n",
              trailers=[("Y", "b")]),
    rechunked("trailer that a trailing Connection nominates",
              "5\r\nhello\r\n0\r\nConnection: X-Sum\r\nX-Sum: a\r\n\r\n", "hello",
              trailers=[("X-Sum", "a")]),
]

GOOD = [rechunked(name, body, arrives) for name, body, arrives in (
    ("one chunk", "5\r\nhello\r\n" + _END, "hello"), ("no data", _END, ""),
    ("two chunks", "5\r\nhello\r\n6\r\n world\r\n" + _END, "hello world"),
    ("chunks of a byte", "".join("1\r\n%s\r\n" % c for c in "hello") + _END, "hello"),
    ("size in capitals", "A\r\n0123456789\r\n" + _END, "0123456789"),
    ("size in small letters", "a\r\n0123456789\r\n" + _END, "0123456789"),
    ("leading zero", "05\r\nhello\r\n" + _END, "hello"),
    ("sixteen digits", "0000000000000005\r\nhello\r\n" + _END, "hello"),
    ("many zeros at the end", "5\r\nhello\r\n0000\r\n\r\n", "hello"),
    ("data that is CRLF", "2\r\n\r\n\r\n" + _END, "\r\n"),
    ("data that is an end", "5\r\n0\r\n\r\n\r\n" + _END, "0\r\n\r\n"),
    ("data that is a request", "%x\r\n%s\r\n" % (len(NEXT), NEXT) + _END, NEXT),
    ("data of NULs", "5\r\n\0\0\0\0\0\r\n" + _END, "\0" * 5),
    ("100000 bytes", "186A0\r\n" + "x" * 100000 + "\r\n" + _END, "x" * 100000))] + [
    passed_then_refused("bytes behind the end", chunks("5\r\nhello\r\n" + _END + "\x01"),
                        "POST /case", body="hello"),
    passed_then_refused("a chunk behind the end", chunks(_END + "5\r\nhello\r\n" + _END),
                        "POST /case"),
]

CASES = SIZES + EXTENSIONS + ENDS + TRAILERS + GOOD_TRAILERS + GOOD
