"""HTTP/2 from clients that mean ill: what they may cost, and what others notice of it."""

import struct
import time

from harness import alone, h2, sanitize, until
from harness.h2 import ENHANCE_YOUR_CALM, H2, frame


def _proxy(t, origin, **parts):
    return t.proxy(regions={"us-east-1": [origin]}, plain="h2c = true;", **parts)


def _rst(stream, error=h2.CANCEL):
    return frame(h2.RST_STREAM, 0, stream, struct.pack("!I", error))


def _head(stream, flags=h2.END_HEADERS | h2.END_STREAM, path="/attack"):
    return frame(h2.HEADERS, flags, stream, h2.block(h2.request(path=path)))


def _is_calmed(p, attack, before=b"", error=ENHANCE_YOUR_CALM, settings=()):
    """The attack ends its own connection, and another one is served meanwhile."""
    with H2(p) as bystander, H2(p, settings=settings) as c:
        c.send_what_it_takes(before + attack)
        assert bystander.answer(bystander.open(h2.request(path="/bystander")))[0] == 200
        said = c.until_goaway()
        assert said == error, said
        assert bystander.answer(bystander.open(h2.request(path="/bystander")))[0] == 200


@sanitize
def requests_opened_only_to_be_reset_reach_next_to_nobody(t):
    origin = t.origin("east")
    p = _proxy(t, origin)
    _is_calmed(p, b"".join(_head(s) + _rst(s) for s in range(1, 6000, 2)))
    assert len(origin.of("/attack")) <= 20, len(origin.of("/attack"))
    assert p.metrics().total("detour_http2_broken_off_total") == 1
    p.until_logged("too many requests broken off")


@sanitize
def errors_that_make_the_proxy_reset_count_as_the_clients(t):
    origin = t.origin("east").does(lambda x: x.request.target == "/attack" or x.answer(200))
    p = _proxy(t, origin)
    overflow = struct.pack("!I", 0x7fffffff)
    triggers = (
        lambda s: frame(h2.WINDOW_UPDATE, 0, s, overflow),
        lambda s: frame(h2.DATA, 0, s, b"after the end"),
        lambda s: frame(h2.HEADERS, h2.END_HEADERS, s, h2.block([("x", "y")])))
    for trigger in triggers:
        with H2(p) as c:
            c.send_what_it_takes(b"".join(_head(s) + trigger(s) for s in range(1, 200, 2)))
            assert c.until_goaway() in (ENHANCE_YOUR_CALM, h2.STREAM_CLOSED, h2.PROTOCOL_ERROR)
    late = h2.block(h2.request("POST", more=[("content-length", "5")]))
    _is_calmed(p, b"".join(
        frame(h2.HEADERS, h2.END_HEADERS, s, late) + frame(h2.DATA, h2.END_STREAM, s, b"123")
        for s in range(1, 200, 2)))
    assert len(origin.of("/attack")) <= 3 * 20


@sanitize
def header_sections_without_end_are_cut_off(t):
    p = _proxy(t, t.origin("east"))
    begin = frame(h2.HEADERS, h2.END_STREAM, 1, h2.block(h2.request()))
    more = frame(h2.CONTINUATION, 0, 1, h2.literal("x", "y" * 1000))
    nothing = frame(h2.CONTINUATION, 0, 1)
    for attack in (begin + more * 2000, begin + nothing * 2000):
        with H2(p) as c:
            c.send_what_it_takes(attack)
            c.until_goaway()  # with or without a word
    assert p.get("/", tls=False).status == 200


def _references(stream, index, count):
    """A header section of count one-byte references."""
    body = h2.block(h2.request()) + bytes([0x80 | index]) * count
    out = frame(h2.HEADERS, h2.END_STREAM, stream, body[:16384])
    pieces = [body[i:i + 16384] for i in range(16384, len(body), 16384)]
    for i, piece in enumerate(pieces):
        out += frame(h2.CONTINUATION, h2.END_HEADERS if i == len(pieces) - 1 else 0, stream, piece)
    return out


@sanitize
def little_that_decodes_to_much_costs_little(t):
    p = _proxy(t, t.origin("east"))
    p.get("/", tls=False)
    before = p.rss()
    large = frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, h2.block(h2.request()) +
                  h2.literal("x", "v" * 3900, indexed=True))
    _is_calmed(p, large + _references(3, 62, 32000))
    tiny = frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, h2.block(h2.request()) +
                 h2.literal("cookie", "", indexed=True))
    _is_calmed(p, tiny + b"".join(_references(s, 62, 16000) for s in range(3, 203, 2)),
               settings=[(h2.INITIAL_WINDOW_SIZE, 0)])
    assert p.rss() - before < (8 << 20), p.rss() - before


@sanitize
def each_crumb_of_a_cookie_is_a_field(t):
    p = _proxy(t, t.origin("east"))
    with H2(p) as c:
        crumbs = [("cookie", "a")] * 101
        assert c.answer(c.open(h2.request(more=crumbs)))[0] == 431
        assert c.answer(c.open(h2.request(more=crumbs[:50])))[0] == 200


@sanitize
def frames_without_work_are_not_borne_for_long(t):
    p = _proxy(t, t.origin("east"))
    post = frame(h2.HEADERS, h2.END_HEADERS, 1, h2.block(h2.request("POST")))
    floods = (frame(h2.PING, 0, 0, b"12345678"), frame(h2.SETTINGS),
              frame(h2.PRIORITY, 0, 3, struct.pack("!IB", 0, 1)),
              post + frame(h2.DATA, 0, 1), frame(h2.WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)))
    for flood in floods:
        first, rest = (flood[:len(post)], flood[len(post):]) if flood.startswith(post) \
            else (b"", flood)
        _is_calmed(p, rest * 30000, before=first)


@sanitize
def a_client_that_reads_nothing_is_neither_answered_nor_kept(t):
    p = _proxy(t, t.origin("east"), limits='send_stall = "500ms";')
    p.get("/", tls=False)
    before, others = p.rss(), p.metrics().total("detour_worker_client_connections")
    with H2(p, receive_buffer=4096) as c:
        c.socket.settimeout(5)
        try:
            for _ in range(4000):
                c.send(b"".join(frame(h2.PING, 0, 0, b"12345678") for _ in range(100)))
        except (TimeoutError, ConnectionError):
            pass
        assert p.rss() - before < (8 << 20)
        # By what it asks for or by what it does not read, whichever is noticed first.
        until(lambda: p.metrics().total("detour_worker_client_connections") == others,
              "it is closed")


@sanitize
def a_header_section_that_trickles_ends_the_connection(t):
    p = _proxy(t, t.origin("east"), limits='request_head = "300ms";')
    with H2(p) as c:
        c.acknowledges = False  # no other frame may come between
        c.send(frame(h2.HEADERS, h2.END_STREAM, 1, h2.block(h2.request())))
        assert c.until_goaway() == ENHANCE_YOUR_CALM


@sanitize
def what_follows_a_reset_in_the_same_bytes_finds_nobody(t):
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.body))
    p = _proxy(t, origin)
    window = struct.pack("!I", 1000)
    for tail in (lambda s: frame(h2.DATA, 0, s, b"body") + frame(h2.DATA, h2.END_STREAM, s),
                 lambda s: frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, s,
                                 h2.block([("x", "y")])),
                 lambda s: frame(h2.WINDOW_UPDATE, 0, s, window)):
        with H2(p) as c:
            for _ in range(5):
                s = c.next_id()
                c.send(_head(s, h2.END_HEADERS) + frame(h2.DATA, 0, s, b"x" * 100) + _rst(s) +
                       tail(s))
            try:
                c.answer(c.open())
            except (AssertionError, ConnectionError):
                pass  # frames on a closed stream may end the connection (RFC 9113, 5.1)
    assert p.get("/", tls=False).status == 200


@sanitize
def more_streams_than_allowed_are_refused(t):
    origin = t.origin("east").hangs()
    p = _proxy(t, origin, limits="h2_max_streams = 5;")
    with H2(p) as c:
        c.until(lambda f: f.kind == h2.SETTINGS and not f.flags & h2.ACK)
        for _ in range(6):
            last = c.open()
        got = c.until(lambda f: f.kind in (h2.RST_STREAM, h2.GOAWAY))
        assert got.kind == h2.GOAWAY or (got.stream, got.error) == (last, h2.REFUSED_STREAM), got
    assert len(origin.requests) <= 5


@sanitize
def a_stream_id_below_another_is_an_error(t):
    p = _proxy(t, t.origin("east"))
    with H2(p) as c:
        c.send(_head(5) + _head(3))
        assert c.until_goaway() == h2.PROTOCOL_ERROR


def _pins(p, streams, path="/pinned", **options):
    """A client with so many streams whose answers have begun, and that takes no more of them."""
    c = H2(p, **options)
    for _ in range(streams):
        c.open(h2.request(path=path))
    begun = set()
    while len(begun) < streams:
        begun.add(c.until_kind(h2.HEADERS).stream)
    return c


@alone
def answers_for_windows_that_stay_shut_are_left_with_the_endpoint(t):
    origin = t.origin("east").does(lambda x: x.answer(200, bytes(256 << 10)))
    p = _proxy(t, origin, service_text="limits = { keep_alive_connections = 0; };")
    p.get("/", tls=False).expect(200)
    base, streams = p.settled_rss(0.3), 300
    pinned = [_pins(p, 100, settings=[(h2.INITIAL_WINDOW_SIZE, 0)]) for _ in range(streams // 100)]
    each = (p.rss() - base) // streams
    t.report("%.1f KiB for each of %d streams" % (each / 1024, streams))
    assert each < 16 << 10, each
    with pinned[0] as c:  # and all that was left there comes when it may
        c.window(0, 1 << 20)
        c.window(1, 1 << 20)
        assert len(c.answer(1)[1]) == 256 << 10


def _others_are_served(t, **options):
    """While clients that take nothing wait for more answers than the endpoint has connections."""
    page = bytes(4 << 20)
    origin = t.origin("east").does(
        lambda x: x.answer(200, page if x.request.target == "/pinned" else b"page"))
    p = _proxy(t, origin, service_text="limits = { max_connections = 5; };")
    with _pins(p, 5, **options), H2(p, **options) as c:
        more = [c.open(h2.request(path="/pinned")) for _ in range(3)]
        for _ in range(10):
            assert p.get("/", tls=False).expect(200, "page")
        assert c.until_kind(h2.HEADERS).stream in more
    lost = [line for line in p.until_access("/pinned") if line["reason"] == "client_stalled"]
    assert lost, p.access()


@sanitize
def whose_window_stays_shut_leaves_its_connection_to_others(t):
    _others_are_served(t, settings=[(h2.INITIAL_WINDOW_SIZE, 0)])


@sanitize
def who_reads_nothing_by_http2_leaves_its_connections_to_others(t):
    _others_are_served(t, settings=[(h2.INITIAL_WINDOW_SIZE, (1 << 31) - 1)], receive_buffer=4096)


@sanitize
def who_takes_its_answer_slowly_keeps_its_connection(t):
    origin = t.origin("east").does(
        lambda x: x.answer(200, bytes(100000) if x.request.target == "/pinned" else b"page"))
    p = _proxy(t, origin, service_text='limits = { max_connections = 1; max_wait = "50ms"; }; '
               'timeouts = { connect = "50ms"; };')
    with _pins(p, 1, settings=[(h2.INITIAL_WINDOW_SIZE, 0)]) as c:
        begin = time.monotonic()
        while time.monotonic() < begin + 1.5:
            c.window(1, 1000)
            c.until_kind(h2.DATA)
            p.get("/", tls=False).expect(503)
        c.window(0, 100000)
        c.window(1, 100000)
        assert c.until(lambda f: f.stream == 1 and f.ends)
