"""Host: one, and a name (RFC 9112, 3.2; RFC 9110, 7.2; RFC 3986, 3.2.2)."""

from .case import H, passed, refused


def _get(*hosts):
    return "GET /case HTTP/1.1\r\n" + "".join("Host:" + h + "\r\n" for h in hosts) + "\r\n"


BAD = [refused("Host %r" % h, _get(" " + h)) for h in (
    "", "a b", "a\tb", "a,b", "a, b", "a.example, a.example", "a;b", "a/b", "a.example/", "/",
    "a?b",
    "?", "a#b", "#", "a@b", "user@a.example", "u:p@a.example", "@", "http://a.example",
    "//a.example", "a\\b",
    "\\", "a%2eb", "a%00", "%61", "%", "a%zz", "a..b", "..", ".", ".a", ".a.example",
    "a.example..", ":", ":80",
    "a:b", "a.example:x", "a.example:-1", "a.example:+80", "a.example: 80", "a.example :80",
    "a.example:80a", "a.example:0", "a.example:00000", "a.example:65536", "a.example:99999",
    "a.example:000080", "a.example:0x50", "a.example:80:80", "a.example:80,b.example",
    "a.example:80/", "::1",
    "2001:db8::1", "[::1", "::1]", "[]", "[", "]", "[:::1]", "[::g]", "[1::2::3]", "[::1]]",
    "[[::1]]", "[::1]x",
    "[::1]:x", "[::1]:0", "[::1]:99999", "[::1%25eth0]", "[::1%eth0]", "[v1.a]", "[a.example]",
    "[127.0.0.1]",
    "x[::1]", "a[::1]", "a\x00b", "a.example\x00", "\x00", "a\x01b", "a\x7fb", "a\x0bb", "\x0ca",
    "\xe4.example", "a\xc3\xa9", "\xff", "xn--\xe9", "a\"b", "\"a.example\"", "'a'", "a<b>", "<a>",
    "a{b}", "a|b",
    "a^b", "a`b", "a!b", "a$b", "a&b", "a'b", "(a)", "a*b", "*", "*.example", "a+b", "a=b", "a~b",
    "${a}",
    "{{a}}", "a" * 256, "a.example\x85", "\xef\xbb\xbfa.example")]

GOOD = [passed("Host %r" % h, _get(" " + h), host=h) for h in (
    "a", "a.example", "A.EXAMPLE", "a.example:80", "a.example:8080", "a.example:65535",
    "a.example:1", "a.example.",
    "a-b.example", "-a", "a_b.example", "_", "0", "127.0.0.1", "127.0.0.1:80", "1.2.3",
    "256.256.256.256", "[::1]",
    "[::1]:80", "[2001:DB8::1]", "[::ffff:192.0.2.1]", "[::]", "xn--bcher-kva.example",
    "localhost", "a" * 255,
    "a.b.c.d.e.f.g.h", "a.example:")] + [
    passed("Host with blanks around", _get(" \t a.example \t "), host="a.example"),
    passed("Host without a blank", _get("a.example"), host="a.example"),
    passed("Host in capitals", "GET /case HTTP/1.1\r\nHOST: a.example\r\n\r\n"),
    passed("Host at the end", "GET /case HTTP/1.1\r\nX: y\r\nhost: a.example\r\n\r\n",
           fields=[("X", "y")]),
]

NUMBER = [
    refused("no Host", "GET /case HTTP/1.1\r\n\r\n"),
    refused("no Host but others", "GET /case HTTP/1.1\r\nX: y\r\n\r\n"),
    refused("two Hosts", _get(" a.example", " b.example")),
    refused("the same Host twice", _get(" a.example", " a.example")),
    refused("Host and host", "GET /case HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"),
    refused("Host far from Host", "GET /case HTTP/1.1\r\n" + H + "X: y\r\nhOsT: b\r\n\r\n"),
    refused("Host and an empty one", _get(" a.example", "")),
    refused("an empty Host and another", _get("", " a.example")),
    refused("two Hosts in HTTP/1.0", "GET /case HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    refused("bad Host in HTTP/1.0", "GET /case HTTP/1.0\r\nHost: a b\r\n\r\n"),
    refused("empty Host in HTTP/1.0", "GET /case HTTP/1.0\r\nHost:\r\n\r\n"),
    refused("Host with a space before the colon", "GET /case HTTP/1.1\r\nHost : a\r\n\r\n"),
    refused("Host with a tab before the colon", "GET /case HTTP/1.1\r\nHost\t: a\r\n\r\n"),
    refused("Host behind a space", "GET /case HTTP/1.1\r\n Host: a\r\n\r\n"),
    refused("Host folded", "GET /case HTTP/1.1\r\nHost:\r\n a\r\n\r\n"),
    refused("Host continued", "GET /case HTTP/1.1\r\nHost: a\r\n .example\r\n\r\n"),
    refused("Host with NUL in its name", "GET /case HTTP/1.1\r\nHo\0st: a\r\n\r\n"),
    refused("Host in a trailer only", "POST /case HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            "0\r\nHost: a\r\n\r\n"),
]

CASES = BAD + GOOD + NUMBER
