"""
A client of HTTP/2 that sends frames as it is told, right or wrong (RFC 9113).

Of HPACK it writes literals only, and of what it reads it understands the status, no more: what
fields say is asked of curl and nghttp.
"""

import socket
import struct

from .wait import SLACK

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = \
    range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PROTOCOL_ERROR, STREAM_CLOSED, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 1, 5, 7, 8, 11
HEADER_TABLE_SIZE, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, ENABLE_CONNECT_PROTOCOL = 1, 3, 4, 8

_STATUS = {8: b"200", 9: b"204", 10: b"206", 11: b"304", 12: b"400", 13: b"404", 14: b"500"}
_DIGITS = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4",
           "011011": "5", "011100": "6", "011101": "7", "011110": "8", "011111": "9"}


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack("!I", stream) + payload


def _integer(value, prefix_bits, first):
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out = [first | limit]
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def literal(name, value, indexed=False):
    """One field, literally; indexed: it also goes into the dynamic table."""
    name, value = (s.encode("latin-1") if isinstance(s, str) else s for s in (name, value))
    return (b"\x40" if indexed else b"\x00") + _integer(len(name), 7, 0) + name + \
        _integer(len(value), 7, 0) + value


def block(fields):
    return b"".join(literal(n, v) for n, v in fields)


def request(method="GET", path="/", authority="shop.example.com", scheme="https", more=()):
    return [(":method", method), (":scheme", scheme), (":authority", authority),
            (":path", path)] + list(more)


def _status(fragment):
    at = 0
    while fragment[at] & 0xe0 == 0x20:  # the table's size changes
        at += 1
    first = fragment[at]
    if first & 0x80:
        return int(_STATUS[first & 0x7f])
    length = fragment[at + 1]
    text = fragment[at + 2:at + 2 + (length & 0x7f)]
    if length & 0x80 == 0:
        return int(text)
    bits, found, code = "".join("%08d" % int(bin(b)[2:]) for b in text), "", ""
    for bit in bits:
        code += bit
        if code in _DIGITS:
            found, code = found + _DIGITS[code], ""
    return int(found)


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def status(self):
        return _status(self.payload)

    @property
    def error(self):
        """Of RST_STREAM or GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack_from("!I", self.payload, at)[0]

    @property
    def ends(self):
        return bool(self.flags & END_STREAM) and self.kind in (DATA, HEADERS)

    def __repr__(self):
        return "<frame %d flags %d stream %d, %d bytes: %r>" % (
            self.kind, self.flags, self.stream, len(self.payload), self.payload[:16])


class H2:
    """One connection, its preface and SETTINGS sent; used as a context or closed by the test."""

    def __init__(self, proxy, tls=False, settings=(), receive_buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(10 * SLACK)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(proxy.https if tls else proxy.http)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = proxy.pki.client_context()
            context.set_alpn_protocols(["h2", "http/1.1"])
            self.socket = context.wrap_socket(self.socket, server_hostname="shop.example.com")
            assert self.socket.selected_alpn_protocol() == "h2"
        proxy.t.at_end(self.close)
        self._unread = b""
        self.acknowledges = True
        self.last_id = -1
        self.settings = {}  # the proxy's
        self.windows = {0: 65535}  # what may be sent: kept for those who look, see Tunnel
        self.tunnels = {}
        # No dynamic table: a status is readable by itself.
        self.send(PREFACE + frame(SETTINGS, 0, 0, b"".join(
            struct.pack("!HI", k, v) for k, v in [(HEADER_TABLE_SIZE, 0), *settings])))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_what_it_takes(self, data):
        """An attack: how much of it gets through, and whether, is the proxy's choice."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass
        return self

    def next_id(self):
        self.last_id += 2
        return self.last_id

    def open(self, fields=None, end=True):
        """A request; returns its stream."""
        stream = self.next_id()
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream,
                        block(fields or request())))
        return stream

    def data(self, stream, payload=b"", end=False):
        return self.send(frame(DATA, END_STREAM if end else 0, stream, payload))

    def window(self, stream, by):
        return self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", by)))

    def _take(self, size):
        while len(self._unread) < size:
            more = self.socket.recv(65536)
            if not more:
                return None
            self._unread += more
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def read(self):
        """The next frame, or None at the end. SETTINGS are acknowledged."""
        head = self._take(9)
        if head is None:
            return None
        length = int.from_bytes(head[:3], "big")
        payload = self._take(length) if length else b""
        got = Frame(head[3], head[4], int.from_bytes(head[5:9], "big"), payload)
        if got.kind == SETTINGS and not got.flags & ACK:
            self.settings.update(struct.iter_unpack("!HI", payload))
            if self.acknowledges:
                self.send_what_it_takes(frame(SETTINGS, ACK))
        if got.kind == WINDOW_UPDATE:
            self.windows[got.stream] = (self.windows.get(got.stream, 65535) +
                                        struct.unpack("!I", payload)[0])
        if got.stream in self.tunnels:
            self.tunnels[got.stream].note(got)
        return got

    def until(self, wanted, what="a frame"):
        """Reads on until wanted(frame); the frame. The end of the connection is an error."""
        while True:
            got = self.read()
            assert got is not None, "the connection ended before " + what
            if wanted(got):
                return got

    def until_kind(self, kind, stream=None):
        return self.until(lambda f: f.kind == kind and stream in (None, f.stream),
                          "a frame of kind %d on stream %r" % (kind, stream))

    def answer(self, stream):
        """(status, body, frames): an answer without interim ones, or what came until a reset."""
        frames = [self.until(lambda f: f.stream == stream and f.kind != WINDOW_UPDATE)]
        while not frames[-1].ends and frames[-1].kind != RST_STREAM:
            frames.append(self.until(lambda f: f.stream == stream and f.kind != WINDOW_UPDATE))
        status = frames[0].status if frames[0].kind == HEADERS else None
        return status, b"".join(f.payload for f in frames if f.kind == DATA), frames

    def until_goaway(self):
        """The last GOAWAY's error, once the connection has ended. None: it ended without one."""
        error = None
        try:
            while True:
                got = self.read()
                if got is None:
                    return error
                if got.kind == GOAWAY:
                    error = got.error
        except ConnectionError:
            return error

    def connect(self, path="/", protocol="websocket", more=(), end=False):
        """Asks for a tunnel by an extended CONNECT (RFC 8441)."""
        scheme = "https" if hasattr(self.socket, "selected_alpn_protocol") else "http"
        stream = self.next_id()
        made = self.tunnels[stream] = Tunnel(self, stream)
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(
            [(":method", "CONNECT"), (":protocol", protocol), (":scheme", scheme),
             (":authority", "shop.example.com"), (":path", path),
             ("sec-websocket-version", "13"), ("origin", "https://shop.example.com"), *more])))
        return made

    def tunnel(self, path="/", **options):
        """One that is granted."""
        made = self.connect(path, **options)
        assert made.answered() == 200, made.status
        return made


class Tunnel:
    """A stream that carries bytes: sent as the windows allow, credited as they come."""

    def __init__(self, connection, stream):
        self.connection, self.id = connection, stream
        self.status = None
        self.head = None
        self.got = bytearray()
        self.ended = False
        self.reset = None  # the error, once it is reset
        self.reads = True  # else no window is opened
        self.sent = 0
        self._owed = 0

    def note(self, f):
        if f.kind == HEADERS and self.status is None:
            self.status, self.head = f.status, f.payload
        elif f.kind == DATA:
            self.got += f.payload
            self._owed += len(f.payload)
        elif f.kind == RST_STREAM:
            self.reset = f.error
        self.ended = self.ended or f.ends
        self.credit()

    def credit(self, least=16384):
        if self._owed >= least:
            self.connection.window(0, self._owed)
            if self.reads and not self.ended and self.reset is None:
                self.connection.window(self.id, self._owed)
            self._owed = 0

    def _read(self):
        assert self.connection.read() is not None, "the connection has ended"

    def answered(self):
        while self.status is None:
            assert self.reset is None, "reset by %d" % self.reset
            self._read()
        return self.status

    def send(self, data=b"", end=False):
        """All of it; what comes meanwhile is kept."""
        c, rest = self.connection, memoryview(data)
        while rest or end:
            room = min(16384, len(rest), c.windows[0], c.windows.setdefault(self.id, 65535))
            if rest and room == 0:
                assert self.reset is None, "reset by %d" % self.reset
                self._read()
                continue
            last = end and room == len(rest)
            c.data(self.id, rest[:room], end=last)
            c.windows[0] -= room
            c.windows[self.id] -= room
            self.sent += room
            rest = rest[room:]
            if last:
                break
        return self

    def exactly(self, size):
        self.credit(1)
        while len(self.got) < size:
            assert not self.ended and self.reset is None, "an end after %d of %d bytes, reset %r" % (
                len(self.got), size, self.reset)
            self._read()
        out, self.got = bytes(self.got[:size]), self.got[size:]
        return out

    def rest(self):
        """What comes until the end; a reset is an error."""
        self.credit(1)
        while not self.ended:
            assert self.reset is None, "reset by %d" % self.reset
            self._read()
        out, self.got = bytes(self.got), bytearray()
        return out

    def until_reset(self):
        while self.reset is None:
            self._read()
        return self.reset

    def cancel(self, error=CANCEL):
        self.connection.send(frame(RST_STREAM, 0, self.id, struct.pack("!I", error)))
