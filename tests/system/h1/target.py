"""The request target, its four forms and its path (RFC 9112, 3.2; RFC 3986)."""

from .case import H, declined, passed, refused

_REST = H + "\r\n"


def _get(target, host="a.example"):
    return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"


def _same(target):
    return passed("target " + target, _get(target), "GET " + target)


def _becomes(target, arrives, host="a.example"):
    return passed("target " + target, _get(target), "GET " + arrives, host=host)


def _bad(target):
    return refused("target " + repr(target), _get(target))


def _declined(target):
    return declined("target " + repr(target), _get(target), 400)


ORIGIN = [_same(t) for t in (
    "/", "/case", "/a/b/c", "/a/b/c/", "/?", "/?a", "/?a=b&c=d", "/?a?b", "/?/../a", "/?a=/b//c",
    "/?a=%zz",
    "/?a=%", "/?a=100%", "/?a[0]=1", "/?a={b}", "/?a|b", "/?a^b`c", "/?a=b;c", "/?%0d%0aX:y",
    "/?%00",
    "/?a=http://b/", "/-._~!$&'()*+,;=:@azAZ09", "/%20", "/a%20b", "/%C3%A9", "/%E2%82%AC",
    "/%F0%9F%98%80", "/a%2Fb", "/a%3Fb", "/a%23b", "/a%25b", "/%252e%252e/", "/%2500", "/%255c",
    "/a;b", "/a;b=c", "/a,b", "/a:b", "/@", "/*", "//a", "/a//b", "///", "/http://b/c", "/a.b",
    "/.a",
    "/..a", "/...", "/a..", "/a./b", "/a%5Bb", "/a%7Bb", "/%22", "/%3C%3E", "/%7C", "/%60")]

NORMAL = [_becomes(t, a) for t, a in (
    ("/.", "/"), ("/./", "/"), ("/..", "/"), ("/../", "/"), ("/../../..", "/"), ("/a/.", "/a/"),
    ("/a/..", "/"),
    ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/b/../../c", "/c"), ("/../a", "/a"),
    ("/a/../../../b", "/b"),
    ("/%2e", "/"), ("/%2E%2e/", "/"), ("/.%2e/a", "/a"), ("/%2e./a", "/a"), ("/a/%2e%2e/b", "/b"),
    ("/a/%2e/b", "/a/b"), ("/%41", "/A"), ("/%7e", "/~"), ("/%7Ea", "/~a"), ("/%2d%5f", "/-_"),
    ("/%c3%a9", "/%C3%A9"),
    ("/a%2fb", "/a%2Fb"), ("/a//../b", "/a/b"), ("/./?a", "/?a"), ("/../?a=../b", "/?a=../b"))]

BAD_BYTES = [_bad("/a" + c + "b") for c in (
    " ", "\t", "\"", "<", ">", "\\", "^", "`", "{", "}", "|", "[", "]", "#", "\x00", "\x01",
    "\x08", "\x0b",
    "\x0c", "\x1b", "\x1f", "\x7f", "\x80", "\xa0", "\xc3\xa9", "\xff", "#b", "%", "%g0", "%0g",
    "%-1",
    "%u0041", "% 41", "%\x00")] + [_bad("/?a" + c + "b") for c in (
    " ", "\t", "\"", "<", ">", "\\", "#", "\x00", "\x01", "\x1b", "\x7f", "\x80", "\xc3\xa9",
    "\xff")]

# Well-formed, and no path that two readers would see alike.
UNCLEAR = [_declined(t) for t in (
    "/%00", "/a%00b", "/a%00.jpg", "/%0a", "/%0d%0aX:%20y", "/%09", "/%1f", "/%7f", "/a%5cb",
    "/a%5C..%5Cb", "/..%5ca",
    "/%80", "/%ff", "/%c0%af", "/%c0%ae%c0%ae/", "/%e0%80%af", "/%f0%80%80%af", "/%c1%9c", "/%c3",
    "/%c3x", "/%ed%a0%80",
    "/%f4%90%80%80", "/%f8%88%80%80%80", "/..%2f", "/..%2Fa", "/a/..%2f..%2fb", "/%2e%2e%2f",
    "/a%2f..", "/a%2f../b",
    "/a%2f%2e%2e%2fb", "/.%2fa", "/a%2f.", "/..;/", "/..;/a", "/a/..;b=c/d", "/.;/a", "/a/..;",
    "/%2e%2e;/a",
    "/a%2f..;x")]

FORMS = [_bad(t) for t in (
    "case", "a/b", "?a", "?", "#", "#a", ".", "..", "./a", "../a", "~", ":", ":80", "a.example",
    "a.example:80",
    "a.example/case", "*a", "**", "* ", "*?a", "*/", "%2f", "\\a", "%2Fcase", "=", "&", "http:",
    "http:/",
    "http://", "http:a", "http:/a", "http:///a", "http://?a", "http://#a", "http://a.example#b",
    "http://a.example/#b",
    "http://u@a.example/", "http://u:p@a.example/", "http://@a.example/",
    "http://a.example@b.example/",
    "http://a.example:x/", "http://a.example:99999/", "http://a.example:-1/", "http://a.example:0/",
    "http://a.example:80:80/", "http://:80/", "http://[::1/", "http://::1/", "http://[::g]/",
    "http://[::1]x/",
    "http://a example/", "http://a,b/", "http://a..b/", "http://.a/", "http://a%2fb/",
    "http://a%00/", "http://a\\b/",
    "http:\\\\a.example/", "http//a.example/", "htp://a.example/", "ftp://a.example/",
    "ws://a.example/",
    "file:///etc/passwd", "javascript:x", "urn:a", "gopher://a/", "http+unix://a/", "HTTPS//a",
    "http ://a/",
    "http://a.example/ b", "http://a.example/\"", "http://a.example/%",
    "http://a.example\x00/")] + [
    refused("* for GET", _get("*")),
    refused("* for POST", "POST * HTTP/1.1\r\n" + _REST),
    refused("empty target", "GET  HTTP/1.1\r\n" + _REST),
    passed("* for OPTIONS", "OPTIONS * HTTP/1.1\r\n" + _REST, "OPTIONS *"),
    passed("OPTIONS of a whole server by URL", "OPTIONS http://b.example HTTP/1.1\r\n" + _REST,
           "OPTIONS *", host="b.example"),
    passed("OPTIONS of a URL's root", "OPTIONS http://b.example/ HTTP/1.1\r\n" + _REST,
           "OPTIONS /", host="b.example"),
    passed("OPTIONS of a path", "OPTIONS /case HTTP/1.1\r\n" + _REST, "OPTIONS /case"),
]

# RFC 9112, 3.2.2: the authority of a URL is the host, whatever Host says.
ABSOLUTE = [passed("absolute " + t, _get(t), "GET " + line, host=host) for t, line, host in (
    ("http://a.example/case", "/case", "a.example"), ("http://b.example/case", "/case",
                                                      "b.example"),
    ("HTTP://b.example/case", "/case", "b.example"), ("hTTp://b.example/", "/", "b.example"),
    ("http://B.Example/", "/", "B.Example"), ("http://b.example", "/", "b.example"),
    ("http://b.example?a=b", "/?a=b", "b.example"), ("http://b.example/?a", "/?a", "b.example"),
    ("http://b.example:8080/x", "/x", "b.example:8080"), ("http://192.0.2.1/", "/", "192.0.2.1"),
    ("http://[2001:db8::1]/x", "/x", "[2001:db8::1]"), ("http://[::1]:81/x", "/x", "[::1]:81"),
    ("http://b.example/a/../b", "/b", "b.example"), ("http://b.example//a", "//a", "b.example"),
    ("http://b.example/http://c/", "/http://c/", "b.example"), ("http://b_c.example/", "/",
        "b_c.example"),
)] + [
    refused("a URL and no Host", "GET http://b.example/ HTTP/1.1\r\n\r\n"),
    refused("a URL and two Hosts", "GET http://b.example/ HTTP/1.1\r\n" + H + _REST),
    refused("a URL and a bad Host", _get("http://b.example/", "a b")),
    refused("a URL and an empty Host", _get("http://b.example/", "")),
    passed("a URL in HTTP/1.0", "GET http://b.example/x HTTP/1.0\r\n\r\n", "GET /x",
           host="b.example", closes=True),
    declined("https asked for in clear", _get("https://a.example/case"), 421),
    declined("HTTPS asked for in clear", _get("HTTPS://a.example/case"), 421),
]

CASES = ORIGIN + NORMAL + BAD_BYTES + UNCLEAR + FORMS + ABSOLUTE
