"""Transfer-Encoding, alone and beside Content-Length (RFC 9112, 6.1 and 6.3)."""

from .case import H, NEXT, head, post, posted, refused

_END = "0\r\n\r\n"


def _bad(value, status=400):
    return refused("coding %r" % value, post("Transfer-Encoding:" + value + "\r\n", _END + NEXT),
                   status)


# Without "chunked" at the end, and only there, nobody knows where the message ends.
UNCLEAR = [_bad(v) for v in (
    "", " ", " identity", " gzip", " x", " cow", " chunke", " chunkedd", " xchunked", " chunked-x",
    " x-chunked", " chunked1",
    " chunked,identity", " chunked, identity", " chunked, gzip", " chunked, x",
    " identity, chunked, identity",
    " chunked,chunked", " chunked, chunked", " chunked, CHUNKED", " gzip, chunked, chunked",
    " ,chunked", " chunked,",
    " , chunked", " chunked, ,", " ,", " ,,chunked", " chunked;", " chunked;a=b", " chunked; a=b",
    " chunked ;q=1", " chunked;q=0",
    " \"chunked\"", " 'chunked'", " (chunked)", " [chunked]", " <chunked>", " chunked:",
    " :chunked", " =chunked", " chunked=",
    " chunked/1", " chun ked", " ch\tunked", " chunked chunked", " chunked gzip", " gzip chunked",
    " chunked\x00", " \x00chunked",
    " \x0bchunked", " chunked\x0b", " \x0cchunked", " chunked\x0c", " chunked\x01", " chunked\x7f",
    " \x08chunked", " chunked\xa0",
    " \xa0chunked", " chun\xc4\xb7ed", " chunked\xff", " \xef\xbb\xbfchunked", " chunked\r",
    " chunked\n", " chunked\\", " \\chunked",
    " %63hunked", " chunked\r X: y", " chunked\nX: y", " trailers", " deflate", " compress", " br",
    " gzip, identity")] + [
    _bad(v, 501) for v in (" gzip, chunked", " identity, chunked", " deflate,chunked",
                           " x, y, chunked")]

NAMES = [refused("coding's name %r" % n, post(n + " chunked\r\n", _END + NEXT)) for n in (
    "Transfer-Encoding :", "Transfer-Encoding\t:", " Transfer-Encoding:", "\tTransfer-Encoding:",
    "Transfer-Encoding\x00:",
    "Transfer-Encoding\x0b:", "Transfer-Encoding\xa0:", "\x00Transfer-Encoding:",
    "Transfer Encoding:", "Transfer\x00-Encoding:",
    "Transfer-Encoding", "Transfer-Encoding;", "Transfer-Encoding=", "Transfer_Encoding:",
    "transfer_encoding:", ":Transfer-Encoding:",
    "(Transfer-Encoding):", "\"Transfer-Encoding\":", "Transfer-Encoding\\:",
    "X: y\nTransfer-Encoding:", "X: y\rTransfer-Encoding:",
    "X: y\r\r\nTransfer-Encoding:", "X: y\r\n Transfer-Encoding:", "X:\r\n\tTransfer-Encoding:",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding: \r\n\t", "Transfer-Encoding:\n")]

TWICE = [refused("codings %r" % (v,), post("".join("Transfer-Encoding: " + c + "\r\n" for c in v),
                                           _END + NEXT)) for v in (
    ("chunked", "chunked"), ("chunked", "identity"), ("identity", "chunked"), ("chunked", "x"),
    ("x", "chunked"), ("chunked", ""),
    ("", "chunked"), ("gzip", "chunked"), ("chunked", "cow"))] + [
    refused("codings in two cases", post("Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n",
                                         _END + NEXT))]

BOTH = [refused("both: %s" % name, post(fields, _END + NEXT)) for name, fields in (
    ("length first", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ("coding first", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
    ("length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
    ("all of it", "Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(_END + NEXT)),
    ("coding in capitals", "Content-Length: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n"),
    ("far apart", "Content-Length: 5\r\nX: y\r\nY: z\r\nTransfer-Encoding: chunked\r\n"),
    ("identity", "Content-Length: 5\r\nTransfer-Encoding: identity\r\n"),
    ("an empty coding", "Content-Length: 5\r\nTransfer-Encoding:\r\n"),
    ("an empty length", "Content-Length:\r\nTransfer-Encoding: chunked\r\n"),
    ("a bad length", "Content-Length: x\r\nTransfer-Encoding: chunked\r\n"),
    ("a bad coding", "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n"),
    ("two lengths", "Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ("two codings", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
    ("nominated length", "Connection: Content-Length\r\nContent-Length: 5\r\n"
                         "Transfer-Encoding: chunked\r\n"),
    ("nominated coding", "Connection: Transfer-Encoding\r\nContent-Length: 5\r\n"
                         "Transfer-Encoding: chunked\r\n"))]

OLD = [
    refused("coding in HTTP/1.0",
            "POST /case HTTP/1.0\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n" + _END + NEXT),
    refused("coding in HTTP/1.0 that keeps alive", "POST /case HTTP/1.0\r\n" + H +
            "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + _END + NEXT),
    refused("both in HTTP/1.0",
            "POST /case HTTP/1.0\r\n" + H +
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            + _END + NEXT),
    refused("coding of a GET in HTTP/1.0",
            "GET /case HTTP/1.0\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n" + _END),
    refused("unknown coding in HTTP/1.0",
            "GET /case HTTP/1.0\r\n" + H + "Transfer-Encoding: x\r\n\r\n"),
    refused("unknown coding of a GET", head("Transfer-Encoding: x")),
]

GOOD = [posted("coding " + repr(v), "Transfer-Encoding:" + v + "\r\n", "5\r\nhello\r\n" + _END,
               "hello",
               has=[("Transfer-Encoding", "chunked")], lacks=["Content-Length"]) for v in (
    " chunked", "chunked", "\tchunked", " \t chunked \t ", " CHUNKED", " Chunked", " cHuNkEd")] + [
    posted("coding's name in capitals", "TRANSFER-ENCODING: chunked\r\n", "5\r\nhello\r\n" + _END,
           "hello"),
    posted("coding and nominated coding",
           "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n",
           "5\r\nhello\r\n" + _END, "hello"),
]

CASES = UNCLEAR + NAMES + TWICE + BOTH + OLD + GOOD
