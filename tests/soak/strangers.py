"""Clients that misbehave, and a few that only look at what no load looks at."""

import base64
import gzip
import itertools
import random
import socket
import ssl
import threading
import time

import h2_floods
from harness import h2, tcp
from harness.client import Client, chunked
from harness.message import Closed
from harness.websocket import OPENING
from wire import Target

_AMY = "Basic " + base64.b64encode(b"amy:password").decode()


def _pattern(ident, size):
    unit = (ident + "\n").encode()
    return (unit * (size // len(unit) + 1))[:size]


class _Door:
    """The proxy as h2.H2 wants it; its connections are closed by who opens them, not at the end."""

    def __init__(self, proxy):
        self.https, self.http, self.pki, self.t = proxy.https, proxy.http, proxy.pki, self

    def at_end(self, action):
        pass


class Strangers:
    """Some threads; each does one thing after another, drawn by the seed, until stop()."""

    def __init__(self, town, seed, turn, threads=4):
        self.town = town
        self.turn = turn
        self.bad = []  # (when, what they were told, and should not have been)
        self.done = {}
        self._ids = itertools.count()
        self._stop = threading.Event()
        self._context = town.t.pki.client_context()
        p = town.proxy
        self.door = _Door(p)
        self._target = Target(p.https, p.http, town.t.pki.authority("ca").chain)
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed * 1000 + i),), daemon=True)
            for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a stranger does not end"

    def _run(self, rng):
        while not self._stop.wait(0.05 + rng.random() * 0.2):
            what = rng.choice(ALL)
            began = time.monotonic()
            try:
                complaint = what(self, rng)
            except (OSError, Closed, ssl.SSLError, AssertionError) as e:
                complaint = "%s: %r" % (what.__name__, e) if what in POLITE else None
            self.done[what.__name__] = self.done.get(what.__name__, 0) + 1
            if complaint is not None:
                self.bad.append((began, complaint))

    def client(self, tls=True, **options):
        p = self.town.proxy
        return Client(p.https if tls else p.http, tls=self._context if tls else None, **options)

    def ident(self):
        return "odd%d-%d" % (self.turn, next(self._ids))

    def wait(self, seconds):
        self._stop.wait(seconds)


# ---- who leaves, dawdles or talks nonsense: only the proxy's own state can tell whether that was well ----

def leaves_an_answer(s, rng):
    with s.client(tls=rng.random() < 0.5) as c:
        c.request("GET", "/?bytes=400000&ms=%d" % rng.choice((0, 5, 50)), [("X-Id", s.ident())])
        if rng.random() < 0.7:
            c.socket.recv(rng.choice((1, 1000, 50000)))
        if rng.random() < 0.5:
            c.reset()


def leaves_an_upload(s, rng):
    with s.client(tls=rng.random() < 0.5) as c:
        c.send("POST / HTTP/1.1\r\nHost: shop.example.com\r\nX-Id: %s\r\n"
               "Content-Length: 100000\r\n\r\n" % s.ident())
        c.send(b"x" * rng.choice((0, 10, 60000)))
        s.wait(rng.random() * 0.3)
        if rng.random() < 0.5:
            c.reset()


def leaves_a_socket(s, rng):
    with s.client() as c:
        c.send(OPENING % "/")
        if rng.random() < 0.7:
            c.socket.recv(1000)
        c.send(b"\x81\x85")
        if rng.random() < 0.5:
            c.reset()


def leaves_streams(s, rng):
    with h2.H2(s.door) as c:
        for _ in range(rng.randint(1, 20)):
            stream = c.open(h2.request(path="/two?bytes=100000", more=[("x-id", s.ident())]))
            if rng.random() < 0.5:
                c.send(h2.frame(h2.RST_STREAM, 0, stream, b"\0\0\0\x08"))
        s.wait(rng.random() * 0.2)


def leaves_sockets_of_http2(s, rng):
    with h2.H2(s.door, tls=rng.random() < 0.5) as c:
        tunnels = [c.connect() for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.7:
            tunnels[0].answered()
        for tunnel in tunnels:
            tunnel.send(rng.choice((b"\x81\x85", b"\x82\xfe")))
        s.wait(rng.choice((0, 0, 0.01)))
        if rng.random() < 0.5:
            tcp.reset(c.socket)


def leaves_a_note(s, rng):
    if rng.random() < 0.5:
        c = tcp.connect(s.town.notes)
    else:
        c = tcp.connect(s.town.secret_notes, tls=s._context, sni="shop.example.com")
    with c:
        c.sendall(rng.choice((b"ASK %s 100 10\nxx" % s.ident().encode(), b"nonsense\n")))
        s.wait(rng.choice((0, 0, 0.01, 0.2)))
        if rng.random() < 0.5:
            tcp.reset(c)


def reads_slowly(s, rng):
    with s.client(tls=False, receive_buffer=4096) as c:
        c.request("GET", "/?bytes=2000000", [("X-Id", s.ident())])
        end = time.monotonic() + rng.random() * 2
        while time.monotonic() < end and c.socket.recv(2000):
            s.wait(0.05)


def says_nonsense(s, rng):
    with s.client(tls=False) as c:
        c.send(rng.choice((
            bytes(rng.getrandbits(8) for _ in range(200)), b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxx",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")))
        c.socket.settimeout(0.3)
        c.socket.recv(2000)


def says_nonsense_for_tls(s, rng):
    address = rng.choice((s.town.proxy.https, s.town.sealed))
    with socket.create_connection(address, 10) as c:
        c.sendall(rng.choice((b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\x16\x03",
                              bytes(rng.getrandbits(8) for _ in range(100)))))
        c.settimeout(0.3)
        c.recv(2000)


def asks_for_another_name(s, rng):
    context = ssl.create_default_context()
    with socket.create_connection(s.town.sealed, 10) as c:
        context.wrap_socket(c, server_hostname="nobody.example.com").close()


def comes_in_numbers(s, rng):
    held = []
    try:
        for _ in range(rng.randint(20, 120)):
            held.append(socket.create_connection(rng.choice((s.town.proxy.http, s.town.proxy.https)), 10))
        s.wait(rng.random() * 0.3)
    finally:
        for c in held:
            c.close()


def floods_with_resets(s, rng):
    h2_floods.rapid_reset(s._target, 0.1, count=300)


# ---- who is polite: what they are told is known ----

def takes_gzip(s, rng):
    ident, size = s.ident(), rng.choice((500, 3000, 60000))
    with s.client(tls=rng.random() < 0.5) as c:
        answer = c.get("/zipped?bytes=%d" % size, [("X-Id", ident), ("Accept-Encoding", "gzip")])
    if answer.status != 200:
        return "gzip: %d" % answer.status
    body = answer.body
    if size >= 1024 and answer.get("content-encoding") != "gzip":
        return "gzip: not compressed, %d bytes" % size
    if answer.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return None if body == _pattern(ident, size) else "gzip: another body"


def has_a_password(s, rng):
    who = rng.choice((None, _AMY, "Basic " + base64.b64encode(b"amy:wrong").decode()))
    with s.client() as c:
        answer = c.get("/guarded", [("X-Id", s.ident())] + ([("Authorization", who)] if who else []))
    wanted = 200 if who == _AMY else 401
    return None if answer.status == wanted else "guarded: %d, not %d" % (answer.status, wanted)


def comes_too_often(s, rng):
    key = "key%d" % rng.getrandbits(40)
    with s.client(tls=False) as c:
        began = time.monotonic()
        told = [c.get("/limited", [("X-Id", s.ident()), ("X-Key", key)]).status for _ in range(8)]
        quick = time.monotonic() - began < 0.2
    if any(status != 200 for status in told[:5]):
        return "limited: %s" % told
    return "not limited: %s" % told if quick and 429 not in told else None


def keeps_its_seat(s, rng):
    with s.client() as c:
        first = c.get("/visits", [("X-Id", s.ident())])
        cookie = (first.get("set-cookie") or "").split(";")[0]
        again = [c.get("/visits", [("X-Id", s.ident()), ("Cookie", cookie)]) for _ in range(3)]
    bad = [a.status for a in [first] + again if a.status != 200]
    return "visits: %s" % bad if bad else None


def uploads_in_chunks(s, rng):
    ident = s.ident()
    body = _pattern(ident, rng.choice((10, 5000)))
    with s.client(tls=rng.random() < 0.5) as c:
        c.send("PUT /?bytes=64 HTTP/1.1\r\nHost: shop.example.com\r\nX-Id: %s\r\n"
               "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n" % ident)
        c.send(chunked(body[:7], body[7:]))
        answer = c.response("PUT")
    return None if answer.status == 200 else "chunks: %d" % answer.status


def asks_slowly(s, rng):
    with s.client(tls=False) as c:
        for piece in ("GET /?byt", "es=64 HTTP/1.1\r\nHost: shop.exa",
                      "mple.com\r\nX-Id: %s\r\n" % s.ident(), "\r\n"):
            c.send(piece)
            s.wait(rng.random() * 0.5)
        answer = c.response()
    return None if answer.status == 200 else "slow head: %d" % answer.status


def is_old(s, rng):
    with s.client(tls=False) as c:
        fields = [("Host", "shop.example.com"), ("X-Id", s.ident())]
        answer = c.request("GET", "/", fields, version="HTTP/1.0").response()
    return None if answer.status == 200 else "HTTP/1.0: %d" % answer.status


def goes_where_it_changes(s, rng):
    """Another service, or none, behind the same path; each request of a connection may meet another."""
    with s.client(tls=rng.random() < 0.5) as c:
        for _ in range(5):
            answer = c.get("/late", [("X-Id", s.ident())])
            if answer.status != 200:
                return "late: %d" % answer.status
            s.wait(0.1)
    return None


def comes_by_a_door_that_may_be_shut(s, rng):
    with Client(s.town.sometimes) as c:
        while c.get("/", [("X-Id", s.ident())]).status == 200 and rng.random() < 0.9:
            s.wait(0.1)


POLITE = (goes_where_it_changes, takes_gzip, has_a_password, comes_too_often, keeps_its_seat,
          uploads_in_chunks, asks_slowly, is_old)
ALL = POLITE + (leaves_an_answer, leaves_an_upload, leaves_a_socket, leaves_sockets_of_http2, leaves_streams,
                leaves_a_note, reads_slowly, says_nonsense, says_nonsense_for_tls, asks_for_another_name,
                comes_in_numbers, floods_with_resets, comes_by_a_door_that_may_be_shut)
