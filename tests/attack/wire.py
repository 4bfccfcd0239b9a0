"""How an attacker reaches a proxy, whoever's it is, and floods it: bytes made beforehand, few calls."""

import select
import socket
import ssl
import struct
import time

PIECE = 64 * 1024


class Target:
    """Where a proxy listens (https and http: address and port) and whose name it has there."""

    def __init__(self, https, http, ca, host="shop.example.com"):
        self.https = https
        self.http = http
        self.ca = ca
        self.host = host
        self._contexts = {}

    def context(self, alpn, maximum=None):
        key = (alpn, maximum)
        if key not in self._contexts:
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            made.load_verify_locations(self.ca)
            made.set_alpn_protocols([alpn])
            if maximum is not None:
                made.maximum_version = maximum
            self._contexts[key] = made
        return self._contexts[key]

    def open(self, alpn="h2", receive_buffer=None, tls=True):
        """A connection, blocking until it stands; after that it never blocks."""
        sock = socket.socket()
        sock.settimeout(10)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            sock.connect(self.https if tls else self.http)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                sock = self.context(alpn).wrap_socket(sock, server_hostname=self.host)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock


_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def drain(sock):
    """What has come: bytes, and whether more may follow."""
    got = b""
    while True:
        try:
            more = sock.recv(PIECE)
        except _LATER:
            return got, True
        except OSError:
            return got, False
        if not more:
            return got, False
        got += more


def is_over(sock):
    """Has the peer reset or closed it? Nothing is read for that."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))


def pump(sock, data, seconds=2.0, listen=True):
    """
    Sends all of data, reading meanwhile, until the peer ends it or the time is over. Returns
    (bytes sent, the last of what came, whether the connection still stands).
    """
    view, at, end = memoryview(data), 0, time.monotonic() + seconds
    heard, stands = b"", True
    while at < len(view) and stands and time.monotonic() < end:
        try:
            at += sock.send(view[at:at + PIECE])
        except _LATER:
            select.select([sock] if listen else [], [sock], [], 0.02)
        except OSError:
            stands = False
        if listen:
            more, open_still = drain(sock)
            heard = (heard + more)[-PIECE:]
            stands = stands and open_still
    return at, heard, stands


def hear(sock, seconds, enough=lambda heard: False):
    """What comes until the end, or enough of it. Returns (bytes, whether it still stands)."""
    end, heard = time.monotonic() + seconds, b""
    while time.monotonic() < end:
        more, stands = drain(sock)
        heard += more
        if not stands or enough(heard):
            return heard, stands
        select.select([sock], [], [], 0.02)
    return heard, True


def reset(sock):
    """Ends a connection with RST: the attacker keeps no state of it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    sock.close()


class Tally:
    """What an attack has done, for the table: bytes, units of its own, connections."""

    def __init__(self):
        self.bytes = 0
        self.units = 0
        self.connections = 0
        self.cut = 0  # connections that the proxy ended
        self.cut_after = []  # seconds each of those lived
        self.notes = {}

    def ended(self, began, stands):
        if not stands:
            self.cut += 1
            self.cut_after.append(time.monotonic() - began)


def again_and_again(target, data, seconds, unit=1, alpn="h2", tls=True, begin=b"", listen=True,
                    linger=0.3):
    """
    One connection after another, each flooded with data until it is cut or all is sent: what an
    attacker does who is cut off and comes back. unit: bytes of data that count as one.
    """
    tally, end = Tally(), time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            sock = target.open(alpn, tls=tls)
        except OSError:
            continue
        tally.connections += 1
        sent, heard, stands = pump(sock, begin + data, end - time.monotonic() + 0.1, listen)
        if stands and sent == len(begin) + len(data):
            more, stands = hear(sock, min(linger, max(0.0, end - time.monotonic())))
            heard += more
        tally.notes["heard"] = heard
        tally.bytes += sent
        tally.units += max(0, sent - len(begin)) // unit
        tally.ended(began, stands)
        reset(sock)
    return tally
