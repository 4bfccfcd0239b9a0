"""
Answers that come too early, too late, too slowly or beside another one: whose they are is decided
by when they came (RFC 9112, section 9.2).
"""

import gzip
import socket
import ssl
import threading

from answers.case import CHUNKED, FIVE, OK
from harness import sanitize, until
from harness.client import Closed
from harness.origin import EndOfConnection

_CALM = ('health_check = { type = "none"; };'
         'outlier = { consecutive = 100; failure_share = 1.0; };')
_POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"


def _one(t, text=_CALM, **parts):
    origin = t.origin("scripted").does(lambda x: x.answer(200, x.request.target))
    return origin, t.proxy(regions={"us-east-1": [origin]}, service_text=text, **parts)


def _ends(c):
    """The answer shows as cut; or is refused, if that was found out in time."""
    try:
        whole = c.response()
    except (Closed, ConnectionError):
        return
    if whole.status == 502:
        return
    raise AssertionError("passes for whole: %r" % whole)


@sanitize
def bytes_that_were_there_before_a_request_are_not_its_answer(t):
    """The poisoned connection may still see a request go out; it is asked again on another one."""
    origin, p = _one(t)
    seen = {}  # by target: requests come by two connections, and the threads of both note them
    origin.does(lambda x: (seen.setdefault(x.request.target, []).append(x),
                           x.answer(200, x.request.target)))
    c = p.client(tls=False)

    def after_poison(i, *request):
        c.get("/first%d" % i).expect(200, "/first%d" % i)
        first = seen["/first%d" % i][0]
        with p.stopped():
            c.request(*request)
            first.send(_POISON)
        c.response().expect(200, request[1])
        used = [x.connection for x in seen[request[1]]]
        assert set(used) != {first.connection}, "the poisoned connection was used"
        return used

    for i in range(5):
        after_poison(i, "GET", "/second%d" % i)
    assert len(after_poison(5, "POST", "/post", (), b"once")) == 1


@sanitize
def bytes_behind_an_answer_that_fills_a_read_are_not_the_next_ones(t):
    origin, p = _one(t)
    go = threading.Event()
    for reads in (1, 2):
        for extra in (_POISON, "x"):
            size = reads * 65536
            size -= len(OK + "Content-Length: %d\r\n\r\n" % size)
            held, sent = [], threading.Event()
            go.clear()

            def script(x, size=size, extra=extra, held=held, sent=sent):
                if x.request.target != "/long":
                    x.answer(200, x.request.target)
                    return
                held.append(x)
                go.wait(10)
                x.send(OK + "Content-Length: %d\r\n\r\n" % size + "x" * size + extra)
                sent.set()

            origin.does(script)
            c = p.client(tls=False)
            c.request("GET", "/long")
            until(lambda: held, "it is asked")
            with p.stopped():
                go.set()
                assert sent.wait(10), "sockets of this size take it all"
            c.response().expect(200, "x" * size)
            c.get("/next").expect(200, "/next")
            assert origin.last.connection != held[0].connection, "the poisoned connection was used"


@sanitize
def pipelined_requests_get_each_its_own_answer(t):
    """Though the endpoint answers the first of them twice."""
    origin, p = _one(t)
    origin.does(lambda x: x.send(FIVE + _POISON) if x.request.target == "/twice" else
                x.answer(200, x.request.target))
    for after in ("/one", "/two"):
        c = p.client(tls=False)
        c.send("".join("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % g for g in ("/twice", after)))
        c.response().expect(200, "hello")
        c.response().expect(200, after)


def _speaks_with_its_finished(context):
    """Of TLS 1.2 the endpoint's Finished is the handshake's last word; here more follows at once."""

    def handshake(sock):
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = context.wrap_bio(came, goes, server_side=True)
        while True:
            try:
                made.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(goes.read())
                came.write(sock.recv(65536))
        made.write(_POISON.encode())
        sock.sendall(goes.read())
        while sock.recv(65536):
            pass
        raise EndOfConnection

    return handshake


@sanitize
def an_answer_before_any_request_is_none(t):
    """In clear text before the handshake, or sealed, but with its last bytes."""
    context = t.pki.server_context(t.pki.site())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    clear, sealed = t.origin("clear", tls=context), t.origin("sealed", tls=context)
    clear._handshake = lambda sock: (sock.sendall(_POISON.encode()),
                                     context.wrap_socket(sock, server_side=True))[1]
    sealed._handshake = _speaks_with_its_finished(context)
    tls = ' tls = { ca = "%s"; sni = "shop.example.com"; };' % t.pki.authority("ca").chain
    for origin, reason in ((clear, "tls_failed"), (sealed, "spoke_first")):
        p = t.proxy(regions={"us-east-1": {"endpoints": [origin], "text": tls}},
                    service_text=_CALM)
        p.client(tls=False).get("/").expect(502)
        assert p.until_access("/")[0]["reason"] == reason, p.access()
        assert not origin.requests


@sanitize
def without_its_goodbye_a_tls_answer_is_whole_only_if_it_says_so(t):
    context = t.pki.server_context(t.pki.site())
    tls = ' tls = { ca = "%s"; sni = "shop.example.com"; };' % t.pki.authority("ca").chain
    origin = t.origin("tls", tls=context)
    p = t.proxy(regions={"us-east-1": {"endpoints": [origin], "text": tls}}, service_text=_CALM)

    def sends(data, how):
        def script(x):
            x.send(data)
            if how == "goodbye":
                try:
                    x.socket.unwrap()
                except (OSError, ssl.SSLError):
                    pass
            raw = socket.socket(fileno=x.socket.detach())
            raw.shutdown(socket.SHUT_RDWR)
            raw.close()
            x.close()

        origin.does(script)
        return p.client(tls=False).request("GET", "/")

    for how in ("goodbye", "silence"):
        sends(FIVE, how).response().expect(200, "hello")
        sends(CHUNKED + "5\r\nhello\r\n0\r\n\r\n", how).response().expect(200, "hello")
        _ends(sends(CHUNKED + "5\r\nhello\r\n", how))
        _ends(sends(OK + "Content-Length: 6\r\n\r\nhello", how))
    sends(OK + "\r\nhello", "goodbye").response().expect(200, "hello")
    _ends(sends(OK + "\r\nhello", "silence"))


@sanitize
def a_compressed_answer_that_is_cut_shows_as_cut(t):
    origin, p = _one(t, routes=['{ path = "/"; service = "shop"; gzip = true; }'],
                     plain="h2c = true;")
    text = "all work and no play " * 500
    head = OK + "Content-Type: text/plain\r\n"
    whole = head + "Content-Length: %d\r\n\r\n%s" % (len(text), text)
    chunks = head + "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(text), text)
    until_end = head + "\r\n" + text
    ask = lambda: p.client(tls=False).request("GET", "/", [("Accept-Encoding", "gzip")])
    origin.sends(whole)
    answer = ask().response()
    assert answer.get("content-encoding") == "gzip", answer.fields
    assert gzip.decompress(answer.body).decode() == text
    for cut in (whole[:-1], chunks, chunks + "0\r\n", chunks + "5 \r\nhello\r\n0\r\n\r\n",
                chunks + "xyz\r\n"):
        origin.sends_and_closes(cut)
        _ends(ask())
    origin.resets(until_end)
    _ends(ask())
    origin.sends_and_closes(until_end)
    assert gzip.decompress(ask().response().body).decode() == text


@sanitize
def an_answer_to_half_a_request_ends_both_connections(t):
    origin, p = _one(t)

    def before(x, request):
        if request.target.startswith("/early"):
            x.send(answer[0])

    answer = [None]
    origin.before_body = before
    for i, sent in enumerate((FIVE, CHUNKED + "5\r\nhello\r\n0\r\n\r\n", FIVE + _POISON)):
        answer[0] = sent
        c = p.client(tls=False)
        c.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nbegin")
        c.response().expect(200, "hello")
        c.expect_close()
        with p.client(tls=False) as other:
            other.get("/next%d" % i).expect(200, "/next%d" % i)


@sanitize
def what_trickles_is_given_up(t):
    """By one deadline for the head, however it trickles; by the silence in a body."""
    origin, p = _one(t, _CALM + 'timeouts = { try = "600ms"; request = "700ms"; idle = "600ms"; };')
    ended = threading.Event()

    def drip(first, what):
        def script(x):
            ended.clear()
            try:
                x.send(first)
                while True:
                    x.send(what)
                    if ended.wait(0.1):
                        return
            except OSError:
                x.close()

        return script

    for first, what in (("HTTP/1.1 200 O", "K"), (OK, "X: a\r\n"),
                        ("", "HTTP/1.1 103 x\r\n\r\n")):
        origin.does(drip(first, what))
        answer = p.client(tls=False).get("/drip")
        answer.expect(504)
    origin.does(lambda x: (x.send(OK + "Content-Length: 100\r\n\r\nhello"), ended.wait(5)))
    _ends(p.client(tls=False).request("GET", "/silent"))
    ended.set()


@sanitize
def a_lone_endpoint_that_answers_badly_is_asked_again(t):
    """Nobody else could serve; and when it is well again so is the service. All by default."""
    origin = t.origin("lone").does(lambda x: x.answer(200, "well"))
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client(tls=False)
    for raw in ("garbage\r\n\r\n", OK + "X : a\r\n\r\n", OK + "Content-Length: 5, 5\r\n\r\nhello"):
        origin.does(lambda x, raw=raw: (x.send(raw), x.close()))
        for _ in range(40):
            c.get("/bad").expect(502)
    origin.answers(200, "well")
    c.get("/good").expect(200, "well")
