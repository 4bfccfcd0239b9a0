"""
A scripted HTTP/2 origin, frame by frame: prior knowledge, or TLS with ALPN.

It does not decode header blocks: what a test wants to recognise stands in a request's body, or in
the order of the streams.
"""

import socket
import struct
import threading

from .message import Closed, Reader

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9)
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 2, 7, 8
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, ENABLE_CONNECT_PROTOCOL = 3, 4, 8


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in values.items()))


def header_block(fields):
    """Literals without indexing, without Huffman (RFC 7541, 6.2.2)."""
    return b"".join(b"\0" + _string(n.encode("latin-1")) + _string(v.encode("latin-1"))
                    for n, v in fields)


def _string(text):
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, out = len(text) - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest % 128 + 128])
        rest //= 128
    return out + bytes([rest]) + text


class Stream:
    """One request: its number on the connection, and its body so far."""

    def __init__(self, connection, number):
        self.connection = connection
        self.id = number
        self.body = b""
        self.ended = False
        self.credit = 0  # granted for the answer, beyond the first window
        self.reset = None  # the code, once the proxy has reset it

    def head(self, status=200, fields=(), end=False):
        block = header_block([(":status", str(status))] + list(fields))
        self.connection.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), self.id,
                                   block))
        return self

    def data(self, body=b"", end=False):
        pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)] or [b""]
        for i, piece in enumerate(pieces):
            last = END_STREAM if end and i == len(pieces) - 1 else 0
            self.connection.send(frame(DATA, last, self.id, piece))
        return self

    def trailers(self, fields):
        self.connection.send(frame(HEADERS, END_HEADERS | END_STREAM, self.id,
                                   header_block(fields)))

    def answer(self, status=200, body=b"", fields=()):
        body = body.encode() if isinstance(body, str) else body
        self.head(status, fields, end=not body)
        if body:
            self.data(body, end=True)

    def reset_with(self, code):
        self.connection.send(frame(RST_STREAM, 0, self.id, struct.pack(">I", code)))


class Connection:
    def __init__(self, origin, sock):
        self.origin = origin
        self.socket = sock
        self.streams = {}
        self.is_open = True
        self.pings = 0
        self.goaways = []  # (last stream, code) as the proxy said them
        self.ended = False
        self.reader = Reader(sock.recv)
        self._lock = threading.Lock()

    def send(self, data):
        with self._lock:
            self.socket.sendall(data)

    def goaway(self, last, code=NO_ERROR):
        self.send(frame(GOAWAY, 0, 0, struct.pack(">II", last, code)))

    def credit(self, size, stream=0):
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))

    def drop(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self):
        if self.reader.exactly(len(PREFACE)) != PREFACE:
            return
        self.send(settings(self.origin.settings))
        while True:
            size, kind, flags, number = struct.unpack(">IBBI", b"\0" + self.reader.exactly(9))
            self._take(kind, flags, number, self.reader.exactly(size))

    def _take(self, kind, flags, number, payload):
        self.origin.frames.append((kind, flags, number, payload))
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK))
        elif kind == PING and not flags & ACK:
            self.pings += 1
            if self.origin.answers_pings:
                self.send(frame(PING, ACK, 0, payload))
        elif kind == HEADERS and number not in self.streams:
            self._began(number, flags)
        elif kind in (DATA, HEADERS):
            self._more(self.streams[number], flags, payload if kind == DATA else b"")
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", payload[:8]))
        elif kind == WINDOW_UPDATE and number in self.streams:
            self.streams[number].credit += struct.unpack(">I", payload)[0]
        elif kind == RST_STREAM and number in self.streams:
            self.streams[number].reset = struct.unpack(">I", payload)[0]

    def _began(self, number, flags):
        stream = self.streams[number] = Stream(self, number)
        with self.origin.lock:
            self.origin.streams.append(stream)
        if self.origin.at_head is not None:
            self.origin.at_head(stream)
        self._more(stream, flags, b"")

    def _more(self, stream, flags, data):
        if self.origin.at_data is not None:
            self.origin.at_data(stream, data, bool(flags & END_STREAM))
        else:
            stream.body += data
        if data and self.origin.credits:
            self.credit(len(data))
            if not flags & END_STREAM:
                self.credit(len(data), stream.id)
        if flags & END_STREAM:
            stream.ended = True
            self.origin.script(stream)


class H2Origin:
    """
    script(stream) runs for each request that has come whole; at_head(stream), if set, before.

    at_data(stream, bytes, end), if set, gets what comes in place of the body.
    """

    def __init__(self, name, address, port, tls=None):
        self.name = name
        self.address = address
        self.port = port
        self.tls = tls
        self.settings = {MAX_CONCURRENT_STREAMS: 100}
        self.script = lambda stream: stream.answer(200, name)
        self.at_head = None
        self.at_data = None
        self.answers_pings = True
        self.credits = True
        self.lock = threading.Lock()
        self.connections = []
        self.streams = []
        self.frames = []
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(128)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self):
        return "%s://%s:%d" % ("https" if self.tls else "http", self.address, self.port)

    def does(self, script):
        self.script = script
        return self

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        made = None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            made = Connection(self, sock)
            self.connections.append(made)
            try:
                made.run()
            finally:
                made.is_open = False
        except (Closed, OSError):
            pass
        finally:
            sock.close()
            if made is not None:
                made.ended = True

    def stop(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in list(self.connections):
            connection.close()
