"""The request line: method, version, and what may stand before and between (RFC 9112, 2 and 3)."""

from .case import GET, H, head, passed, passed_then_refused, refused

_REST = H + "\r\n"


def _line(name, line, status=400):
    return refused("line: " + name, line + "\r\n" + _REST, status)


def _method(method, **arrival):
    return passed("method " + method, method + " /case HTTP/1.1\r\n" + _REST, method + " /case",
                  **arrival)


def _version(version, status=400):
    return _line("version %r" % version, "GET /case " + version, status)


GOOD_METHODS = [_method(m) for m in (
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "PURGE",
    "REPORT", "M-SEARCH", "BREW", "QUERY", "X", "get", "Get", "post", "head", "GETT", "GE",
    "A" * 32,
    "!#$%&'*+-.^_`|~", "0", "PRI")]

BAD_METHODS = [_line("method " + repr(m), m + " /case HTTP/1.1") for m in (
    "GE:T", "G/T", "G(T", "G)T", "G<T", "G>T", "G@T", "G,T", "G;T", "G\\T", "\"GET\"", "G[T]",
    "G?T",
    "G=T", "G{T}", "G\x7fT", "G\x00T", "G\x01T", "G\x1bT", "G\xc3\xa9T", "\xffGET", "", " GET",
    "\tGET", "GET\t", "GET ", "GET\x0b", "GET\x0c", "GET\xa0", "G T")] + [
    _line("method of 33 bytes", "A" * 33 + " /case HTTP/1.1", 501),
    _line("method of 5000 bytes", "A" * 5000 + " /case HTTP/1.1", 501),
    _line("CONNECT with authority", "CONNECT a.example:443 HTTP/1.1", 405),
    _line("CONNECT without port", "CONNECT a.example HTTP/1.1", {400, 405}),
    _line("CONNECT with empty port", "CONNECT a.example: HTTP/1.1", {400, 405}),
    _line("CONNECT with port 0", "CONNECT a.example:0 HTTP/1.1", 400),
    _line("CONNECT with a path", "CONNECT /case HTTP/1.1", 400),
    _line("CONNECT with a URL", "CONNECT http://a.example/ HTTP/1.1", 400),
    _line("CONNECT *", "CONNECT * HTTP/1.1", 400),
    _line("CONNECT in HTTP/1.0", "CONNECT a.example:443 HTTP/1.0", 405),
]

VERSIONS = [_version(v) for v in (
    "http/1.1", "Http/1.1", "HTTp/1.1", "HTTP/1.1.1", "HTTP/11", "HTTP/1", "HTTP/1.", "HTTP/.1",
    "HTTP1.1",
    "HTTP/1,1", "HTTP /1.1", "HTTP/ 1.1", "HTTP/1 .1", "HTTP/01.1", "HTTP/1.01", "HTTP/1.10",
    "HTTP/+1.1",
    "HTTP/-1.1", "HTTP/1.-1", "HTTP/1.1a", "HTTP/a.b", "HTTP/1.x", "HTTP/x.1", "HTTP/0x1.1",
    "HTTPS/1.1",
    "HTCPCP/1.0", "ICY", "FTP/1.1", "HTTP\\1.1", "HTTP/1.1 HTTP/1.1", "HTTP/1.1\x00",
    "HTTP/1.1\x01",
    "HTTP/1.1\x7f", "HTTP/1.1\xa0", "\xc4\xa4TTP/1.1", "HTTP/\xd9\xa1.1", "HTTP/1.1 ", "HTTP/1.1\t",
    "HTTP/1.1  ", " HTTP/1.1", "\tHTTP/1.1", "HTTP/", "HTTP", "1.1", "")] + [
    _version("HTTP/0.9", {400, 505}), _version("HTTP/0.0", {400, 505}),
    _version("HTTP/2.0", 505), _version("HTTP/3.0", 505), _version("HTTP/9.9", 505),
    _version("HTTP/2", {400, 505}), _version("HTTP/1.1/1.0"),
    refused("HTTP/0.9 as it was", "GET /case\r\n\r\n"),
    refused("HTTP/0.9 as it was, with Host", "GET /case\r\n" + _REST),
    refused("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    passed("HTTP/1.2 is read as 1.1", "GET /case HTTP/1.2\r\n" + _REST),
    passed("HTTP/1.9 is read as 1.1", "GET /case HTTP/1.9\r\n" + _REST),
    passed("HTTP/1.0", "GET /case HTTP/1.0\r\n" + _REST, closes=True),
    passed("HTTP/1.0 that keeps alive",
           "GET /case HTTP/1.0\r\n" + H + "Connection: keep-alive\r\n\r\n"),
    passed("HTTP/1.0 without Host", "GET /case HTTP/1.0\r\n\r\n", host=None, closes=True),
    passed("HTTP/1.0 ignores Proxy-Connection",
           "GET /case HTTP/1.0\r\n" + H + "Proxy-Connection: keep-alive\r\n\r\n", closes=True),
    passed("HTTP/1.0 with a body", "POST /case HTTP/1.0\r\n" + H + "Content-Length: 2\r\n\r\nhi",
           "POST /case", body="hi", closes=True),
    passed("HTTP/1.0 POST without a length", "POST /case HTTP/1.0\r\n" + _REST, "POST /case",
           closes=True),
]

SPACES = [
    _line("two spaces behind the method", "GET  /case HTTP/1.1"),
    _line("two spaces before the version", "GET /case  HTTP/1.1"),
    _line("tab behind the method", "GET\t/case HTTP/1.1"),
    _line("tab before the version", "GET /case\tHTTP/1.1"),
    _line("vertical tab", "GET\x0b/case HTTP/1.1"),
    _line("form feed", "GET\x0c/case HTTP/1.1"),
    _line("no-break space", "GET\xa0/case HTTP/1.1"),
    _line("NUL for a space", "GET\x00/case HTTP/1.1"),
    _line("CR for a space", "GET\r/case HTTP/1.1"),
    _line("no space before the version", "GET /caseHTTP/1.1", 400),
    _line("no target", "GET HTTP/1.1"),
    _line("no target, two spaces", "GET  HTTP/1.1"),
    _line("only a method", "GET"),
    _line("method and a space", "GET "),
    _line("only a version", "HTTP/1.1"),
    _line("version first", "HTTP/1.1 GET /case"),
    _line("a fourth word", "GET /case HTTP/1.1 x"),
    _line("words behind the target", "GET /case x HTTP/1.1"),
    _line("another version behind the target", "GET /case HTTP/1.0 HTTP/1.1"),
    _line("a status line", "HTTP/1.1 200 OK"),
    _line("a field line", "Host: a.example"),
    _line("quoted", "\"GET /case HTTP/1.1\""),
    _line("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    _line("garbage", "\x80\x81\x82\x83 \xff\xfe"),
    _line("SSH", "SSH-2.0-OpenSSH_9.2"),
]

ENDS = [
    refused("LF ends the request line", "GET /case HTTP/1.1\n" + _REST),
    refused("LF everywhere", "GET /case HTTP/1.1\nHost: a.example\n\n"),
    refused("CR ends the request line", "GET /case HTTP/1.1\r" + _REST),
    refused("CR everywhere", "GET /case HTTP/1.1\rHost: a.example\r\r"),
    refused("CR CR LF ends the request line", "GET /case HTTP/1.1\r\r\n" + _REST),
    refused("LF CR ends the request line", "GET /case HTTP/1.1\n\r" + _REST),
    refused("LF ends a field", "GET /case HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n"),
    refused("LF ends the last field", "GET /case HTTP/1.1\r\nHost: a.example\n\r\n"),
    refused("LF ends the head", GET + "\n"),
    refused("CR ends the head", GET + "\rx"),
    refused("CR CR LF ends the head", GET + "\r\r\n\r\n"),
    refused("CR ends a field", "GET /case HTTP/1.1\r\nHost: a.example\rX: y\r\n\r\n"),
    refused("LF in the target", "GET /ca\nse HTTP/1.1\r\n" + _REST),
    refused("CR in the target", "GET /ca\rse HTTP/1.1\r\n" + _REST),
    refused("next line (U+0085) ends the line", "GET /case HTTP/1.1\x85" + _REST),
    refused("line separator ends the line", "GET /case HTTP/1.1\xe2\x80\xa8" + _REST),
    passed("one empty line before", "\r\n" + head()),
    passed("two empty lines before", "\r\n\r\n" + head()),
    refused("many empty lines before", "\r\n" * 20 + head()),
    refused("LF before", "\n" + head()),
    refused("CR before", "\r" + head()),
    refused("CR LF LF before", "\r\n\n" + head()),
    refused("space before", " " + head()),
    refused("tab before", "\t" + head()),
    refused("empty line with a space before", " \r\n" + head()),
    refused("NUL before", "\x00" + head()),
    refused("byte order mark before", "\xef\xbb\xbf" + head()),
    passed_then_refused("garbage behind", head() + "\x01garbage\r\n\r\n"),
    passed_then_refused("LF behind", head() + "\n" + head()),
]

LONG = [
    refused("line of 9000 bytes", "GET /" + "a" * 9000 + " HTTP/1.1\r\n" + _REST, 414),
    refused("line of 60000 bytes", "GET /" + "a" * 60000 + " HTTP/1.1\r\n" + _REST, 414),
    refused("query of 9000 bytes", "GET /?" + "a" * 9000 + " HTTP/1.1\r\n" + _REST, 414),
    refused("URL of 9000 bytes", "GET http://a.example/" + "a" * 9000 + " HTTP/1.1\r\n" + _REST,
            414),
    refused("9000 bytes without a line's end", "G" * 9000, {400, 414, 501}),
    passed("line of 8000 bytes", "GET /" + "a" * 7980 + " HTTP/1.1\r\n" + _REST,
           "GET /" + "a" * 7980),
]

HEAD_REFUSED = [
    refused("HEAD's refusal has no body", "HEAD /case HTTP/1.1\r\n\r\n"),
    refused("so has HEAD's by the length", "HEAD /case HTTP/1.1\r\n" + H +
            "Content-Length: x\r\n\r\n"),
]

CASES = GOOD_METHODS + BAD_METHODS + VERSIONS + SPACES + ENDS + LONG + HEAD_REFUSED
