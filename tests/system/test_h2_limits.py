"""The limits on HTTP/2 from clients: each is crossed, and holds nobody up who stays below it."""

import os
import signal
import struct
import threading

from harness import h2, sanitize, until
from harness.h2 import ENHANCE_YOUR_CALM, H2, frame

FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR = 3, 6, 9
MAX_FRAME_SIZE = 5


def _proxy(t, origin, limits, **parts):
    return t.proxy(regions={"us-east-1": [origin]}, plain="h2c = true;", limits=limits, **parts)


def _settings(c):
    """What the proxy says first, by identifier."""
    payload = c.until(lambda f: f.kind == h2.SETTINGS and not f.flags & h2.ACK).payload
    return dict(struct.unpack_from("!HI", payload, at) for at in range(0, len(payload), 6))


def _settled(c):
    """Its SETTINGS are acknowledged, ours too: what they say holds from here on."""
    c.until(lambda f: f.kind == h2.SETTINGS and not f.flags & h2.ACK)
    c.send(frame(h2.PING, 0, 0, b"settled."))
    c.until(lambda f: f.kind == h2.PING and f.flags & h2.ACK)
    return c


@sanitize
def clients_are_told_their_limits(t):
    origin = t.origin("east")
    p = _proxy(t, origin, 'h2_max_streams = 7; h2_stream_window = "32KiB"; h2_max_frame = "20KiB"; '
               'h2_header_table = "1KiB"; headers = "8KiB"; h2_connection_window = "2MiB";')
    with H2(p) as c:
        said = _settings(c)
        assert said == {h2.HEADER_TABLE_SIZE: 1024, h2.MAX_CONCURRENT_STREAMS: 7,
                        h2.INITIAL_WINDOW_SIZE: 32 << 10, MAX_FRAME_SIZE: 20 << 10, 6: 8 << 10, 8: 1}, said
        more = c.until_kind(h2.WINDOW_UPDATE, 0)
        assert struct.unpack("!I", more.payload)[0] == (2 << 20) - 65535
    with H2(_proxy(t, origin, "")) as c:
        said = _settings(c)
        assert said[h2.INITIAL_WINDOW_SIZE] == 64 << 10 and said[MAX_FRAME_SIZE] == 16 << 10, said
        assert said[h2.HEADER_TABLE_SIZE] == 4096 and said[h2.MAX_CONCURRENT_STREAMS] == 100, said


@sanitize
def a_frame_may_be_as_large_as_allowed(t):
    p = _proxy(t, t.origin("east"), 'h2_max_frame = "32KiB";')
    with H2(p) as c:
        _settled(c)
        post = h2.request("POST")
        assert c.answer(c.data(c.open(post, end=False), b"x" * (32 << 10), end=True).last_id)[0] == 200
        c.data(c.open(post, end=False), b"x" * ((32 << 10) + 1), end=True)
        assert c.until_goaway() == FRAME_SIZE_ERROR


@sanitize
def a_body_may_run_ahead_of_its_endpoint_by_a_window(t):
    go = threading.Event()
    origin = t.origin("east")
    origin.before_body = lambda x, request: go.wait(20)
    origin.receive_buffer = 4096
    p = _proxy(t, origin, 'h2_stream_window = "1MiB"; h2_connection_window = "4MiB";',
               service_text='retry = { replay_buffer = "0B"; };')
    with H2(p) as c:
        _settled(c)
        stream = c.open(h2.request("POST"), end=False)
        for i in range(64):  # a whole window at once; much of it can be nowhere but in the proxy
            c.data(stream, bytes([i]) * 16384, end=i == 63)
        go.set()
        assert c.answer(stream)[0] == 200
    body = origin.last.body
    assert body == b"".join(bytes([i]) * 16384 for i in range(64)), len(body)


@sanitize
def a_body_beyond_its_window_is_a_flow_control_error(t):
    origin = t.origin("east").hangs()
    # No endpoint has room for it: what is sent stays with the proxy, and the window closed.
    p = _proxy(t, origin, 'h2_stream_window = "4KiB";',
               service_text='retry = { replay_buffer = "0B"; }; limits = { max_connections = 1; '
               'max_wait = "20s"; };')
    with H2(p) as holder, H2(p) as c:
        holder.open(h2.request(path="/holds"))
        origin.until_requests(1)
        _settled(c)
        stream = c.open(h2.request("POST"), end=False)
        c.data(stream, b"x" * 4096)
        c.send(frame(h2.PING, 0, 0, b"all well"))
        c.until(lambda f: f.kind == h2.PING and f.payload == b"all well")
        c.data(stream, b"x" * 4097)
        got = c.until(lambda f: f.kind in (h2.RST_STREAM, h2.GOAWAY))
        assert got.error == FLOW_CONTROL_ERROR, got


@sanitize
def a_header_section_has_so_many_continuations(t):
    p = _proxy(t, t.origin("east"), "h2_continuations = 3;")

    def ask(c, pieces):
        stream = c.next_id()
        c.send_what_it_takes(
            frame(h2.HEADERS, h2.END_STREAM, stream, h2.block(h2.request())) +
            b"".join(frame(h2.CONTINUATION, h2.END_HEADERS if i == pieces - 1 else 0, stream,
                           h2.literal("x%d" % i, "y")) for i in range(pieces)))
        return stream

    with H2(p) as c:
        assert c.answer(ask(c, 3))[0] == 200
        ask(c, 4)
        c.until_goaway()  # with or without a word
    assert p.get("/", tls=False).status == 200


@sanitize
def fields_are_remembered_only_where_there_is_a_table(t):
    remember = h2.block(h2.request()) + h2.literal("x-kept", "v", indexed=True)
    again = h2.block(h2.request()) + bytes([0x80 | 62])
    origin = t.origin("east")
    for limits, good in (("", True), ('h2_header_table = "0B";', False)):
        with H2(_proxy(t, origin, limits)) as c:
            _settled(c)
            head = b"" if good else b"\x20"  # the table's size is 0 now
            for block in (head + remember, again):
                stream = c.next_id()
                c.send(frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, block))
                if good or block is not again:
                    assert c.answer(stream)[0] == 200
            if not good:
                assert c.until_goaway() == COMPRESSION_ERROR
    assert [r.get("x-kept") for r in origin.requests] == ["v", "v", "v"]


@sanitize
def requests_may_be_broken_off_now_and_then(t):
    origin = t.origin("east").does(lambda x: x.request.target == "/off" or x.answer(200))
    p = _proxy(t, origin, "h2_max_resets = 5;")
    with H2(p) as c:
        for _ in range(5):
            c.send(frame(h2.RST_STREAM, 0, c.open(h2.request(path="/off")),
                         struct.pack("!I", h2.CANCEL)))
        assert c.answer(c.open())[0] == 200
        c.send(frame(h2.RST_STREAM, 0, c.open(h2.request(path="/off")),
                     struct.pack("!I", h2.CANCEL)))
        assert c.until_goaway() == ENHANCE_YOUR_CALM
    p.until_logged("too many requests broken off")


@sanitize
def rules_may_be_broken_only_so_often(t):
    p = _proxy(t, t.origin("east").hangs(), "h2_max_errors = 2;")
    with H2(p) as c:
        for _ in range(2):
            stream = c.open()
            c.send(frame(h2.WINDOW_UPDATE, 0, stream, struct.pack("!I", 0x7fffffff)))
            assert c.until_kind(h2.RST_STREAM, stream).error == FLOW_CONTROL_ERROR
        c.send(frame(h2.WINDOW_UPDATE, 0, c.open(), struct.pack("!I", 0x7fffffff)))
        assert c.until_goaway() == ENHANCE_YOUR_CALM
    p.until_logged("too many streams in error")


@sanitize
def only_so_many_frames_wait_for_a_client(t):
    p = _proxy(t, t.origin("east"), "h2_max_queued = 20;")
    with H2(p) as c:
        _settled(c)
        c.send(frame(h2.PING, 0, 0, b"12345678") * 15)
        for _ in range(15):
            c.until(lambda f: f.kind == h2.PING and f.flags & h2.ACK)
        os.kill(p.pid, signal.SIGSTOP)  # so that they are read at once
        c.send(frame(h2.PING, 0, 0, b"12345678") * 50)
        os.kill(p.pid, signal.SIGCONT)
        assert c.until_goaway() == ENHANCE_YOUR_CALM
    assert p.get("/", tls=False).status == 200


def _place_of_a_bystander(t, limits):
    """How many of another client's hundred requests are answered before a bystander's one."""
    p = _proxy(t, t.origin("east"), limits,
               routes=['{ path = "/"; redirect = "https://elsewhere.example.com/"; }'])
    with H2(p) as greedy, H2(p) as bystander:
        _settled(greedy)
        _settled(bystander)
        os.kill(p.pid, signal.SIGSTOP)
        try:
            greedy.send(b"".join(frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, greedy.next_id(),
                                       h2.block(h2.request(path="/greedy"))) for _ in range(100)))
            bystander.open(h2.request(path="/bystander"))
        finally:
            os.kill(p.pid, signal.SIGCONT)
        until(lambda: len(p.access()) == 101, "all are answered")
    return [line["path"] for line in p.access()].index("/bystander")


@sanitize
def who_asks_for_much_at_once_has_only_its_turn(t):
    assert _place_of_a_bystander(t, "h2_requests_per_turn = 1000;") == 100
    assert _place_of_a_bystander(t, "h2_requests_per_turn = 4;") <= 8


@sanitize
def a_connections_state_is_bounded(t):
    origin = t.origin("east").answers(200, b"", [("X-Large", "v" * 14000)] * 2)
    p = _proxy(t, origin, 'h2_memory = "64KiB"; h2_max_streams = 400;')
    with H2(p) as c:
        for _ in range(30):
            assert c.answer(c.open())[0] == 200
    # Heads of 28 KiB which nobody reads: more than the sockets and a mebibyte hold.
    with H2(p, receive_buffer=4096) as c:
        c.send(b"".join(frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, c.next_id(),
                              h2.block(h2.request())) for _ in range(400)))
        until(lambda: p.metrics().total("detour_http2_broken_off_total") == 1, "it is ended", 10)
    assert p.get("/", tls=False).status == 200
