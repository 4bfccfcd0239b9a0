"""
Request smuggling, judged by the bytes that reach a recording origin.

A case is one byte string a client sends. It may be refused (400, 408, 411, 414, 417, 431, 501,
505 and the connection closed), or forwarded; forwarded, the origin must have seen exactly the
requests named, framed without doubt. SMUGGLED in any target or body boundary is the failure.
"""

from harness import sanitize
from harness.client import chunked

_H = "Host: shop.example.com\r\n"
_NEXT = "GET /SMUGGLED HTTP/1.1\r\n" + _H + "\r\n"


def _post(fields, body):
    return "POST /case HTTP/1.1\r\n" + _H + fields + "\r\n" + body


# Ambiguous: must be refused, nothing of it forwarded.
REFUSED = {
    "both CL and TE": _post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                            "0\r\n\r\n" + _NEXT),
    "both TE and CL": _post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                            "0\r\n\r\n" + _NEXT),
    "two CL": _post("Content-Length: 0\r\nContent-Length: 44\r\n", _NEXT),
    "two equal CL": _post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
    "list CL": _post("Content-Length: 5, 5\r\n", "hello"),
    "CL with plus": _post("Content-Length: +5\r\n", "hello"),
    "CL negative": _post("Content-Length: -1\r\n", _NEXT),
    "CL hexadecimal": _post("Content-Length: 0x5\r\n", "hello"),
    "CL with a space inside": _post("Content-Length: 5 0\r\n", "hello"),
    "CL empty": _post("Content-Length:\r\n", _NEXT),
    "CL too large": _post("Content-Length: 99999999999999999999999\r\n", "hello"),
    "CL 2^64": _post("Content-Length: 18446744073709551616\r\n", _NEXT),
    "CL letters": _post("Content-Length: abc\r\n", _NEXT),
    "CL dot": _post("Content-Length: 5.0\r\n", "hello"),
    "CL underscore": _post("Content-Length: 1_0\r\n", "hello"),
    "TE identity": _post("Transfer-Encoding: identity\r\n", _NEXT),
    "TE gzip": _post("Transfer-Encoding: gzip\r\n", "0\r\n\r\n"),
    "TE chunked, identity": _post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + _NEXT),
    "TE gzip, chunked": _post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE chunked twice": _post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                              "0\r\n\r\n" + _NEXT),
    "TE chunked, chunked": _post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE xchunked": _post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE chunked;a": _post("Transfer-Encoding: chunked;a=b\r\n", "0\r\n\r\n" + _NEXT),
    "TE quoted": _post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n" + _NEXT),
    "TE empty": _post("Transfer-Encoding:\r\n", _NEXT),
    "TE comma": _post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE vertical tab": _post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE form feed": _post("Transfer-Encoding: chunked\x0c\r\n", "0\r\n\r\n" + _NEXT),
    "TE space before colon": _post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE tab before colon": _post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE folded": _post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE after fold": _post("X: a\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + _NEXT),
    "TE NUL": _post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n" + _NEXT),
    "TE in HTTP/1.0": "POST /case HTTP/1.0\r\n" + _H + "Transfer-Encoding: chunked\r\n\r\n"
                      "0\r\n\r\n" + _NEXT,
    "transfer_encoding": _post("transfer_encoding: chunked\r\n", "0\r\n\r\n" + _NEXT),
    "content_length": _post("content_length: 5\r\n", "hello"),
    "leading space on the first field": "POST /case HTTP/1.1\r\n " + _H + "\r\n",
    "bare LF line ends": "POST /case HTTP/1.1\nHost: h\nContent-Length: 0\n\n" + _NEXT,
    "bare LF in head": "GET /case HTTP/1.1\r\n" + _H + "X: a\nTransfer-Encoding: chunked\r\n\r\n",
    "bare CR in value": _post("X: a\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "bare CR before LF": _post("X: a\r\r\n", ""),
    "CR alone ends the head": "GET /case HTTP/1.1\r\n" + _H + "\r\r\n\r\n",
    "empty field name": _post(": value\r\n", ""),
    "no colon": _post("Transfer-Encoding chunked\r\n", "0\r\n\r\n"),
    "name with NUL": _post("Content-Len\0gth: 5\r\n", "hello"),
    "name with a slash": _post("X/Y: 1\r\n", ""),
    "name in brackets": _post("(X): 1\r\n", ""),
    "name beyond ASCII": _post("X\xe9: 1\r\n", ""),
    "value with NUL": _post("X: a\0b\r\n", ""),
    "value with DEL": _post("X: a\x7fb\r\n", ""),
    "two Host": "GET /case HTTP/1.1\r\n" + _H + _H + "\r\n",
    "no Host": "GET /case HTTP/1.1\r\n\r\n",
    "Host with a path": "GET /case HTTP/1.1\r\nHost: shop.example.com/evil\r\n\r\n",
    "Host with a user": "GET /case HTTP/1.1\r\nHost: a@shop.example.com\r\n\r\n",
    "Host list": "GET /case HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "Host bad port": "GET /case HTTP/1.1\r\nHost: shop.example.com:99999\r\n\r\n",
    "host_": "GET /case HTTP/1.1\r\n" + _H + "Ho_st: x\r\nhost\0: y\r\n\r\n",
    "two spaces in the line": "GET  /case HTTP/1.1\r\n" + _H + "\r\n",
    "tab in the line": "GET\t/case HTTP/1.1\r\n" + _H + "\r\n",
    "space in the target": "GET /ca se HTTP/1.1\r\n" + _H + "\r\n",
    "trailing space in the line": "GET /case HTTP/1.1 \r\n" + _H + "\r\n",
    "control byte in the target": "GET /ca\x01se HTTP/1.1\r\n" + _H + "\r\n",
    "8-bit byte in the target": "GET /ca\xe9se HTTP/1.1\r\n" + _H + "\r\n",
    "fragment in the target": "GET /case#SMUGGLED HTTP/1.1\r\n" + _H + "\r\n",
    "no slash": "GET case HTTP/1.1\r\n" + _H + "\r\n",
    "method with a colon": "GE:T /case HTTP/1.1\r\n" + _H + "\r\n",
    "lower-case version": "GET /case http/1.1\r\n" + _H + "\r\n",
    "version 1.1.1": "GET /case HTTP/1.1.1\r\n" + _H + "\r\n",
    "version 11": "GET /case HTTP/11\r\n" + _H + "\r\n",
    "many empty lines before it": "\r\n" * 20 + "GET /case HTTP/1.1\r\n" + _H + "\r\n",
}

# The head is good; the body's framing breaks later. What was forwarded must not be completed.
BROKEN_CHUNKS = {
    "size 0x5": "0x5\r\nhello\r\n0\r\n\r\n",
    "size +5": "+5\r\nhello\r\n0\r\n\r\n",
    "size -1": "-1\r\nhello\r\n0\r\n\r\n",
    "size 5_": "5_\r\nhello\r\n0\r\n\r\n",
    "size empty": "\r\nhello\r\n0\r\n\r\n",
    "size with space before": " 5\r\nhello\r\n0\r\n\r\n",
    "size with space behind": "5 \r\nhello\r\n0\r\n\r\n",
    "size of 17 digits": "00000000000000005\r\nhello\r\n0\r\n\r\n",
    "size overflows": "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "size 2^63 and more": "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "LF behind size": "5\nhello\r\n0\r\n\r\n",
    "CR behind size": "5\rhello\r\n0\r\n\r\n",
    "LF in extension": "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "CR in extension": "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "NUL in extension": "5;a\0b\r\nhello\r\n0\r\n\r\n",
    "extension too long": "5;" + "a" * 1000 + "\r\nhello\r\n0\r\n\r\n",
    "no CRLF behind data": "5\r\nhello0\r\n\r\n",
    "LF behind data": "5\r\nhello\n0\r\n\r\n",
    "two bytes behind data": "5\r\nhelloXX0\r\n\r\n",
    "size is letters": "xyz\r\nhello\r\n0\r\n\r\n",
    "LF ends the trailer": "5\r\nhello\r\n0\r\n\n" + _NEXT,
    "fold in the trailer": "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
    "trailer without colon": "5\r\nhello\r\n0\r\nGET /SMUGGLED HTTP/1.1\r\n\r\n",
}

# Good: must be forwarded, as exactly these requests with these bodies.
ACCEPTED = {
    "CL": (_post("Content-Length: 5\r\n", "hello"), [("/case", b"hello")]),
    "CL with OWS": (_post("Content-Length: \t 5 \t\r\n", "hello"), [("/case", b"hello")]),
    "body that looks like a request": (_post("Content-Length: %d\r\n" % len(_NEXT), _NEXT),
                                       [("/case", _NEXT.encode())]),
    "chunked": (_post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
                [("/case", b"hello")]),
    "Chunked in capitals": (_post("Transfer-Encoding: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n"),
                            [("/case", b"hello")]),
    "chunk that looks like a request": (
        _post("Transfer-Encoding: chunked\r\n", chunked(_NEXT).decode()),
        [("/case", _NEXT.encode())]),
    "GET with a body": ("GET /case HTTP/1.1\r\n" + _H + "Content-Length: 5\r\n\r\nhello",
                        [("/case", b"hello")]),
    "sixteen digits": (_post("Transfer-Encoding: chunked\r\n",
                             "0000000000000005\r\nhello\r\n0\r\n\r\n"), [("/case", b"hello")]),
    "quoted extension": (_post("Transfer-Encoding: chunked\r\n",
                               "5;a=\"x\"\r\nhello\r\n0;b\r\n\r\n"), [("/case", b"hello")]),
    "one empty line first": ("\r\nGET /case HTTP/1.1\r\n" + _H + "\r\n", [("/case", b"")]),
}


def _quiet(p, origin):
    """A bystander on the same endpoint connections gets its own answer."""
    for i in range(2):
        p.get("/bystander%d" % i).expect(200, "/bystander%d" % i)
    assert not [r for r in origin.requests if "SMUGGLED" in r.target], origin.requests


def _setup(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.target))
    origin.record = True
    return origin, t.proxy(regions={"us-east-1": [origin]})


@sanitize
def ambiguous_requests_are_refused_and_nothing_of_them_is_forwarded(t):
    origin, p = _setup(t)
    wrong = []
    for name, data in REFUSED.items():
        before = len(origin.of("/case"))
        c = p.client(tls=False)
        c.send(data).half_close()
        try:
            answer = c.response()
            rest = c.rest()
            if not 400 <= answer.status < 600 or answer.status in (502, 503, 504):
                wrong.append("%s: answered %s" % (name, answer.line))
            if rest:
                wrong.append("%s: more than one answer: %r" % (name, rest[:80]))
        except OSError as e:
            wrong.append("%s: reset before its answer was read: %s" % (name, e))
        except Exception as e:
            wrong.append("%s: no answer: %s" % (name, e))
        if len(origin.of("/case")) != before:
            wrong.append("%s: reached the origin" % name)
    assert not wrong, "\n".join(wrong)
    _quiet(p, origin)
    seen = b"".join(bytes(r) for r in origin.raw)
    assert b"SMUGGLED" not in seen


@sanitize
def broken_chunk_framing_never_completes_a_request(t):
    origin, p = _setup(t)
    wrong = []
    for name, body in BROKEN_CHUNKS.items():
        before = len(origin.requests)
        c = p.client(tls=False)
        c.send(_post("Transfer-Encoding: chunked\r\n", body)).half_close()
        try:
            answers = c.rest()
        except OSError:
            answers = b""
        if answers.count(b"HTTP/1.1 ") > 1 or b" 200 " in answers:
            wrong.append("%s: answered %r" % (name, answers[:120]))
        if len(origin.requests) != before:
            wrong.append("%s: completed at the origin: %r" % (name, origin.last.body[:60]))
    assert not wrong, "\n".join(wrong)
    _quiet(p, origin)


@sanitize
def unambiguous_requests_arrive_exactly_as_meant(t):
    origin, p = _setup(t)
    for name, case in ACCEPTED.items():
        data, wanted = case
        before = len(origin.requests)
        c = p.client(tls=False)
        c.send(data)
        for target, _ in wanted:
            c.response().expect(200, target)
        got = [(r.target, r.body) for r in origin.requests[before:]]
        assert got == wanted, (name, got)
        c.get("/after").expect(200, "/after")
    _quiet(p, origin)


@sanitize
def a_refused_request_ends_the_connection_with_what_is_behind_it(t):
    origin, p = _setup(t)
    for tls in (True, False):
        c = p.client(tls=tls)
        c.send(_post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello") + _NEXT + _NEXT)
        c.response().expect(400)
        assert c.rest() == b""
    assert origin.requests == []


@sanitize
def an_answer_before_the_body_is_over_does_not_turn_the_rest_into_a_request(t):
    """CL.0: the origin answers early; the rest of the body must never be read as a request."""
    origin = t.origin("east").answers(200, "late")

    def early(x, request):
        if request.target == "/early":
            x.answer(413, "early")
            x.close()

    origin.before_body = early
    origin.record = True
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client(tls=False)
    c.send("POST /early HTTP/1.1\r\n" + _H + "Content-Length: %d\r\n\r\n" % (len(_NEXT) + 10))
    c.response().expect(413, "early")
    try:
        c.send(_NEXT + "0123456789" + "GET /behind HTTP/1.1\r\n" + _H + "\r\n")
        rest = c.rest()
    except OSError:
        rest = b""
    assert rest.count(b"HTTP/1.1 ") <= 1, rest
    assert not origin.of("/SMUGGLED"), origin.requests
    p.get("/bystander").expect(200, "late")


@sanitize
def header_injection_through_the_rewrite_or_the_query_is_impossible(t):
    origin, p = _setup(t)
    for target in ("/%0d%0aX-Evil:%201", "/?a=%0d%0aX-Evil:%201", "/a%00b", "/%0aSMUGGLED"):
        answer = p.client(tls=False).get(target)
        assert answer.status in (200, 400), answer
    for request in origin.requests:
        assert not request.has("x-evil"), request.fields
