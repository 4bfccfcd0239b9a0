"""WebSocket and other upgrades: exact bytes both ways, each direction with its own end."""

import os
import socket
import subprocess
import threading

from harness import deadline, sanitize, sanitized, until
from harness.wait import stays

MIB = 1 << 20
_UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "echo")]
_GRANTED = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"


def _grants(then, first=b""):
    """A script that answers 101 with first right behind it, then runs then(exchange)."""

    def script(x):
        if x.request.get("upgrade") is None:
            x.answer(200, "plain")
            return
        x.send(_GRANTED.encode() + first)
        then(x)
        x.close()

    return script


def _take(reader):
    """What was read too far already."""
    data, reader.buffer = reader.buffer, b""
    return data


def _bytes(x):
    """What comes, piece by piece, until the end of that direction."""
    while True:
        data = _take(x.reader) or x.socket.recv(65536)
        if not data:
            return
        yield data


def _echo(x):
    for data in _bytes(x):
        x.send(data)


def _exactly(client, size):
    out = bytearray()
    while len(out) < size:
        data = _take(client.reader) or client.socket.recv(65536)
        assert data, "an end after %d of %d bytes" % (len(out), size)
        out += data
    return bytes(out)


def _open(p, target="/", behind=b"", **options):
    c = p.client(timeout=20, **options)
    head = "GET %s HTTP/1.1\r\nHost: shop.example.com\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    c.send((head % target).encode() + behind)
    c.response().expect(101)
    return c


def _expect_reset(client):
    try:
        client.rest()
    except ConnectionResetError:
        return
    raise AssertionError("an orderly end")


@sanitize
def an_upgrade_becomes_a_tunnel_of_exact_bytes(t):
    origin = t.origin("east").does(_grants(_echo, b"hello from behind the 101"))
    p = t.proxy(regions={"us-east-1": [origin]})
    for n, tls in enumerate((True, False)):
        c = p.client(tls=tls)
        c.send("GET /chat HTTP/1.1\r\nHost: shop.example.com\r\nConnection: keep-alive, Upgrade\r\n"
               "Upgrade: echo\r\n\r\nhello from behind the head")
        answer = c.response()
        answer.expect(101)
        assert answer.get("upgrade") == "echo" and answer.get("connection") == "upgrade", answer
        said = _exactly(c, 25 + 26)
        assert said == b"hello from behind the 101hello from behind the head", said
        assert p.metrics().total("detour_worker_tunnels") == 1
        for _ in range(35):  # in turn: a TLS socket of Python's is not for two threads
            body = os.urandom(20000)
            c.send(body)
            assert _exactly(c, len(body)) == body
        assert origin.last.get("upgrade") == "echo"
        c.close()
        line = p.until_access("/chat", count=n + 1)[n]
        assert line["status"] == 101, line
        assert (line["bytes_in"], line["bytes_out"]) == (26 + 700000, 25 + 26 + 700000), line
    until(lambda: p.metrics().total("detour_worker_tunnels") == 0, "no tunnel is left")


@sanitize
def each_direction_of_a_tunnel_ends_by_itself(t):
    got = []

    def late(x):
        got.append(b"".join(_bytes(x)))
        for i in range(3):
            x.send(b"%d" % i)

    def early(x):
        x.send(b"bye")
        x.socket.shutdown(socket.SHUT_WR)
        got.append(b"".join(_bytes(x)))

    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    origin.does(_grants(late))
    c = _open(p, tls=False)
    c.send(b"last words").half_close()
    assert c.rest() == b"012" and got == [b"last words"], got
    origin.does(_grants(early))
    c = _open(p, tls=False)
    assert c.rest() == b"bye"
    c.send(b"still here").half_close()
    until(lambda: len(got) == 2, "the endpoint has seen the end")
    assert got[1] == b"still here", got
    lines = p.until_access("/", count=2)
    assert [line["reason"] for line in lines] == ["-", "-"], lines


@sanitize
@deadline(60)
def who_does_not_read_makes_the_other_wait(t):
    size = 16 * MIB
    sent = [0]

    def pours(x):
        piece = bytes(range(256)) * 256
        while sent[0] < size:
            x.send(piece)
            sent[0] += len(piece)

    def drinks(x):
        x.origin.stopping.wait(0.3)
        sent[0] = sum(len(data) for data in _bytes(x))

    origin = t.origin("east").does(_grants(pours))
    p = t.proxy(regions={"us-east-1": [origin]})
    base = p.settled_rss(0.3)
    c = _open(p, tls=False, receive_buffer=65536)
    seen = -1
    while sent[0] != seen:  # until the origin's send() waits for us
        seen = sent[0]
        c.socket.settimeout(20)
        threading.Event().wait(0.2)
    assert sent[0] < size, "nothing made the endpoint wait"
    assert sanitized() or p.rss() - base < 4 * MIB, p.rss() - base
    got = _exactly(c, size)
    c.expect_close()
    assert got == bytes(range(256)) * (size // 256)
    origin.does(_grants(drinks))
    c = _open(p, tls=True)
    for _ in range(size // MIB):
        c.send(bytes(MIB))
    c.socket.unwrap().shutdown(socket.SHUT_WR)
    until(lambda: sent[0] == size, "all of it has arrived", 20)


@sanitize
def a_refused_upgrade_is_an_ordinary_answer(t):
    origin = t.origin("east").does(lambda x: x.answer(
        200 if x.request.target == "/" else 426, "no", [("Upgrade", "other")]))
    p = t.proxy(regions={"us-east-1": [origin]})
    c = p.client()
    c.get("/", _UPGRADE).expect(200, "no")
    c.get("/426", _UPGRADE).expect(426, "no")
    c.get("/").expect(200, "no")
    # A connection on which an upgrade was asked for is never used again.
    assert [r.connection for r in origin.requests] == [0, 1, 2], origin.requests


@sanitize
def nobody_is_switched_who_did_not_ask(t):
    origin = t.origin("east").sends(_GRANTED)
    p = t.proxy(regions={"us-east-1": [origin]})
    p.get("/").expect(502)
    p.client().post("/", b"x", _UPGRADE).expect(502)
    assert origin.last.get("upgrade") is None


@sanitize
def upgrades_to_http2_and_tls_never_pass(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    for word in ("h2c", "TLS/1.0", "h2", "echo, h2c", "HTTP/2.0"):
        p.get("/", [("Connection", "Upgrade"), ("Upgrade", word)]).expect(200, "east")
        assert origin.last.get("upgrade") is None, word
        assert origin.last.get("connection") is None, word


@sanitize
def an_upgrade_goes_to_another_region_when_one_fails(t):
    east, west = t.origin("east"), t.origin("west").does(_grants(_echo))
    p = t.proxy(regions={"us-east-1": {"endpoints": [east]},
                         "us-west-2": {"endpoints": [west], "tier": 1}})
    for break_it in (lambda: east.resets(), lambda: east.answers(503), east.refuse):
        break_it()
        c = _open(p)
        c.send(b"over there?")
        assert _exactly(c, 11) == b"over there?"


@sanitize
def a_tunnel_that_rests_too_long_ends(t):
    ended = threading.Event()

    def rests(x):
        list(_bytes(x))
        ended.set()

    origin = t.origin("east").does(_grants(rests))
    p = t.proxy(regions={"us-east-1": [origin]}, service_text='timeouts = { tunnel = "400ms"; };')
    c = _open(p)
    for _ in range(6):  # what moves keeps it open
        c.send(b"x")
        threading.Event().wait(0.1)
    assert not ended.is_set()
    c.expect_close()
    assert ended.wait(5), "the endpoint hears of it too"
    assert p.until_access("/")[0]["reason"] == "tunnel_idle"


@sanitize
def a_tunnel_keeps_its_connection_though_it_rests_or_reads_nothing(t):
    """An answer that nobody takes gives its connection to others (test_bodies); a tunnel's state is lost."""
    def flood_or_echo(x):
        for _ in range(0 if x.request.target == "/echo" else 16):
            x.send(bytes(MIB))
        _echo(x)

    origin = t.origin("east").does(_grants(flood_or_echo))
    p = t.proxy(regions={"us-east-1": [origin]},
                service_text='limits = { max_connections = 1; }; timeouts = { connect = "50ms"; };')
    for target in ("/echo", "/flood"):
        with _open(p, target, tls=False, receive_buffer=4096) as c:
            p.get("/full", tls=False).expect(503)
            c.send(b"still here")
            wanted = bytes(16 * MIB if target == "/flood" else 0) + b"still here"
            assert _exactly(c, len(wanted)) == wanted
        p.until_access(target)
        p.get("/room", tls=False).expect(200, "plain")


@sanitize
def a_reset_passes_through_a_tunnel(t):
    gone = threading.Event()

    def waits(x):
        try:
            list(_bytes(x))
        except ConnectionResetError:
            gone.set()

    origin = t.origin("east").does(_grants(waits))
    p = t.proxy(regions={"us-east-1": [origin]})
    _open(p, tls=False).reset()
    assert gone.wait(5), "the endpoint was reset"
    origin.does(_grants(lambda x: x.reset()))
    _expect_reset(_open(p, tls=False))
    lines = p.until_access("/", count=2)
    assert [line["reason"] for line in lines] == ["client_left", "reset"], lines
    # The endpoint's own protocol ended it: nothing is held against the endpoint.
    assert "detour_region_faults_total" not in p.metrics().names()


@sanitize
def a_tunnel_whose_client_ends_just_as_its_endpoint_resets_is_over(t):
    """The reset is told to the write that passes on the end; what is left to read looks like an end."""
    told, done = threading.Event(), threading.Event()

    def resets(x):
        told.wait(10)
        try:
            x.reset()
        finally:
            done.set()

    p = t.proxy(regions={"us-east-1": [t.origin("east").does(_grants(resets))]})
    for tls in (False, True):
        told.clear(), done.clear()
        c = _open(p, tls=tls)
        with p.stopped():
            c.close()
            told.set()
            assert done.wait(10)
        until(lambda: p.metrics().total("detour_worker_tunnels") == 0, "the tunnel is over", 5)
        assert p.metrics().total("detour_worker_client_connections") == 0


_CHECKED = ('health_check = { path = "/healthz"; interval = "100ms"; fast_interval = "50ms";'
            ' fall = 2; rise = 2; };')


def _echo_unless(ill):
    """A script whose checks fail while ill is set, and who echoes all the same."""

    def script(x):
        if x.request.target == "/healthz":
            x.answer(503 if ill.is_set() else 200)
        else:
            _grants(_echo)(x)

    return script


@sanitize
def tunnels_of_a_region_that_goes_down_end_as_their_route_says(t):
    ill = threading.Event()
    east = t.origin("east").does(_echo_unless(ill))
    west = t.origin("west").does(_grants(_echo))
    p = t.proxy(
        regions={"us-east-1": {"endpoints": [east]},
                 "us-west-2": {"endpoints": [west], "tier": 1}},
        service_text=_CHECKED, routes=[
            '{ path = "/keep"; service = "shop"; }',
            '{ path = "/drain"; service = "shop"; on_region_down = "drain(700ms)"; }',
            '{ path = "/reset"; service = "shop"; on_region_down = "reset"; }'])
    p.until_state(east, "up")
    kept, drained, reset = [_open(p, path, tls=False) for path in ("/keep", "/drain", "/reset")]
    threading.Event().wait(0.3)
    assert all(c.is_open() for c in (kept, drained, reset))
    ill.set()
    _expect_reset(reset)
    drained.send(b"not yet")
    assert _exactly(drained, 7) == b"not yet"
    drained.expect_close()
    kept.send(b"kept")
    assert _exactly(kept, 4) == b"kept"
    for path in ("/drain", "/reset"):
        assert p.until_access(path)[0]["reason"] == "region_left"


@sanitize
def tunnels_stay_while_their_service_fails_open(t):
    """The checks are doubted then: whoever were sent away would come back to the same place."""
    ill = threading.Event()
    east = t.origin("east").does(_echo_unless(ill))
    p = t.proxy(regions={"us-east-1": [east]}, service_text=_CHECKED,
                routes=['{ path = "/"; service = "shop"; on_region_down = "reset"; }'])
    p.until_state(east, "up")
    old = _open(p, tls=False)
    ill.set()
    p.until_state(east, "down")
    until(lambda: p.shares()["us-east-1"] == 1, "the service fails open")
    new = _open(p, tls=False)
    stays(lambda: old.is_open() and new.is_open(), "both are open", 1.2)
    for c in (old, new):
        c.send(b"here")
        assert _exactly(c, 4) == b"here"


@sanitize
def tunnels_of_a_lost_region_end_a_tenth_a_second(t):
    origin, other = t.origin("east").does(_grants(_echo)), t.origin("west")
    p = t.proxy(regions={"us-east-1": [origin], "us-west-2": {"endpoints": [other], "tier": 1}},
                routes=['{ path = "/"; service = "shop"; on_region_down = "reset"; }'])
    clients = [_open(p, tls=False) for _ in range(20)]
    subprocess.run([t.binary, "evacuate", "us-east-1", "--reason", "test", "--socket", p.socket],
                   stdout=subprocess.DEVNULL, check=True)
    gone = until(lambda: sum(not c.is_open() for c in clients) or None, "the first one ends")
    assert gone <= 4, gone
    threading.Event().wait(1.0)
    gone = sum(not c.is_open() for c in clients)
    assert 1 <= gone <= 8, gone


@sanitize
def a_drain_lets_tunnels_be_until_its_timeout(t):
    origin = t.origin("east").does(_grants(_echo))
    p = t.proxy(regions={"us-east-1": [origin]}, drain='timeout = "1s";')
    c = _open(p, tls=False)
    p.drain()
    p.until_logged("drain")
    c.send(b"still here")
    assert _exactly(c, 10) == b"still here"
    until(lambda: not c.is_open(), "it ends at the drain's timeout", 10)
    p.until_logged("drain.timeout: ending 1 tunnels; 0 requests")
    assert p.until_access("/")[0]["reason"] == "stopping"
    p.expected_exit = 3
    assert p.wait_exit() == 3


_ECHO_SERVER = """
import asyncio, websockets
async def echo(ws):
    async for message in ws:
        await ws.send(message)
async def main():
    async with websockets.serve(echo, "%s", %d, max_size=None, compression=None):
        await asyncio.Future()
asyncio.run(main())
"""

_ECHO_CLIENT = """
import asyncio, os, websockets
async def main():
    async with websockets.connect("%s", max_size=None, compression=None, ssl=None) as ws:
        for size in (0, 1, 125, 126, 65535, 65536, %d):
            message = os.urandom(size)
            await ws.send(message)
            assert await ws.recv() == message, size
        await ws.send("text")
        assert await ws.recv() == "text"
        await (await ws.ping())
asyncio.run(main())
print("good")
"""


@sanitize
@deadline(90)
def websockets_echo_large_messages(t):
    address = t.lease.address()
    port = t.lease.port(address)
    server = subprocess.Popen(["/usr/bin/python3", "-c", _ECHO_SERVER % (address, port)],
                              stdin=subprocess.DEVNULL)
    t.at_end(lambda: (server.kill(), server.wait()))

    def listens():
        with socket.socket() as s:
            return s.connect_ex((address, port)) == 0

    until(listens, "the echo server listens", 10)
    p = t.proxy(regions={"us-east-1": ["http://%s:%d" % (address, port)]})
    done = subprocess.run(
        ["/usr/bin/python3", "-c", _ECHO_CLIENT % (
            "ws://%s:%d/" % p.http, (4 if sanitized() else 64) * MIB)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=80,
        check=False)
    assert done.stdout == b"good\n", done.stdout.decode()
