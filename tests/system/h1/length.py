"""Content-Length (RFC 9110, 8.6; RFC 9112, 6.2 and 6.3), and bodies without one."""

from .case import H, NEXT, head, passed, passed_then_refused, post, posted, refused

_N = str(len(NEXT))


def _bad(value, body=NEXT):
    return refused("Content-Length %r" % value, post("Content-Length: " + value + "\r\n", body))


VALUES = [_bad(v) for v in (
    "", "+5", "-5", "-0", "+0", "5 5", "5\t5", "5,5", "5, 5", "5,6", ",5", "5,", "0, 5", "5;5",
    "5;", "0x5", "0X5", "5h", "05x",
    "x", "five", "5.0", "5.", ".5", "5e0", "1e1", "5_0", "1_0", "5'", "\"5\"", "'5'", "(5)", "[5]",
    "5/5", "5=5", "5:5", "5%", "%35",
    "\\5", "5\\", "NaN", "Infinity", "null", "true", "0b1", "0o5", "5L", "5u", "\xd9\xa5", "\xb2",
    "\xef\xbc\x95", "5\xa0", "\xa05",
    "5\x00", "\x005", "5\x0b", "\x0b5", "5\x0c", "5\x7f", "5\r", "5\n", "5\x85", "--5", "+-5",
    "- 5", "5-", "5+", "5 -", "0 0",
    "9223372036854775808", "18446744073709551615", "18446744073709551616", "18446744073709551621",
    "99999999999999999999999",
    "4294967296" * 10, "1" * 200)] + [
    refused("two lengths", post("Content-Length: 0\r\nContent-Length: " + _N + "\r\n", NEXT)),
    refused("two lengths, the longer first",
            post("Content-Length: " + _N + "\r\nContent-Length: 0\r\n", NEXT)),
    refused("the same length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")),
    refused("length and content-length", post("Content-Length: 5\r\ncontent-length: 6\r\n",
                                              "hello")),
    refused("length far from length", post("Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 5\r\n",
                                           "hello")),
    refused("length and an empty one", post("Content-Length: 5\r\nContent-Length:\r\n", "hello")),
    refused("length with a blank before the colon", post("Content-Length : 5\r\n", "hello")),
    refused("length with a tab before the colon", post("Content-Length\t: 5\r\n", "hello")),
    refused("length behind a blank", post(" Content-Length: 5\r\n", "hello")),
    refused("length behind a fold", post("X: y\r\n Content-Length: 5\r\n", "hello")),
    refused("length folded", post("Content-Length:\r\n 5\r\n", "hello")),
    refused("length continued", post("Content-Length: 5\r\n 0\r\n", "hello")),
    refused("length behind LF", post("X: y\nContent-Length: 5\r\n", "hello")),
    refused("length behind CR", post("X: y\rContent-Length: 5\r\n", "hello")),
    refused("length behind NUL", post("\x00Content-Length: 5\r\n", "hello")),
    refused("length with NUL in its name", post("Content\x00-Length: 5\r\n", "hello")),
    refused("bad length of a GET", head("Content-Length: -1")),
    refused("bad length in HTTP/1.0", "POST /case HTTP/1.0\r\n" + H + "Content-Length: x\r\n\r\n"),
    refused("two lengths in HTTP/1.0", "POST /case HTTP/1.0\r\n" + H +
            "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    refused("TRACE with a body", "TRACE /case HTTP/1.1\r\n" + H + "Content-Length: 5\r\n\r\nhello"),
    refused("TRACE with chunks",
            "TRACE /case HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n"
            "0\r\n\r\n"),
]


def _length(sent, arrives, body):
    return posted("length %r" % sent, "Content-Length:" + sent + "\r\n", body, body,
                  has=[("Content-Length", arrives)])


GOOD = [
    _length(" 5", "5", "hello"), _length("5", "5", "hello"), _length(" \t 5 \t ", "5", "hello"),
    _length("\t5", "5", "hello"), _length(" 05", "5", "hello"),
    _length(" 0000000000000000000000005", "5", "hello"),
    _length(" 010", "10", "0123456789"), _length(" 0", "0", ""), _length(" 00", "0", ""),
    _length(" 100000", "100000", "x" * 100000),
    posted("length in capitals", "CONTENT-LENGTH: 5\r\n", "hello", "hello"),
    posted("a body that is a request", "Content-Length: " + _N + "\r\n", NEXT, NEXT),
    posted("a body that is chunks", "Content-Length: 5\r\n", "0\r\n\r\n", "0\r\n\r\n"),
    posted("a body of every byte", "Content-Length: 256\r\n", bytes(range(256)).decode("latin-1"),
           bytes(range(256)), lacks=["Transfer-Encoding"]),
    passed("POST without a body", post("", ""), "POST /case"),
    passed_then_refused("bytes behind a POST without a length", post("", "\x01\x02\r\n\r\n"),
                        "POST /case"),
    passed_then_refused("bytes behind length 0", post("Content-Length: 0\r\n", "hello\r\n\r\n"),
                        "POST /case"),
    passed_then_refused("more bytes than the length", post("Content-Length: 2\r\n",
                                                           "hi\x01 x\r\n\r\n"),
                        "POST /case", body="hi"),
] + [passed(m + " with a body", m + " /case HTTP/1.1\r\n" + H + "Content-Length: 5\r\n\r\nhello",
            m + " /case",
            body="hello") for m in ("GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "BREW")] + [
    passed(m + " with length 0", m + " /case HTTP/1.1\r\n" + H + "Content-Length: 0\r\n\r\n",
           m + " /case")
    for m in ("GET", "HEAD", "DELETE", "TRACE", "POST", "PUT")]

CASES = VALUES + GOOD
