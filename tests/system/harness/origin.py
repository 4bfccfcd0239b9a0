"""Scripted origins: what an endpoint answers, byte by byte if need be, and what reached it."""

import socket
import ssl
import struct
import threading

from .message import Closed, Reader, read_request
from .wait import until

_TICK = 0.2


class Exchange:
    """One request at an origin, with the means to answer it."""

    def __init__(self, origin, sock, reader, number):
        self.origin = origin
        self.socket = sock
        self.reader = reader
        self.connection = number
        self.request = None

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def answer(self, status, body=b"", headers=(), reason="Whatever"):
        body = body.encode() if isinstance(body, str) else body
        lines = ["HTTP/1.1 %d %s" % (status, reason)]
        lines += ["%s: %s" % (n, v) for n, v in headers]
        if status >= 200 and status not in (204, 304):
            lines.append("Content-Length: %d" % len(body))
        if self.request is not None and self.request.method == "HEAD":
            body = b""
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        raise EndOfConnection

    def close(self):
        raise EndOfConnection


class EndOfConnection(Exception):
    """A script wants the connection to end."""


class Origin:
    """
    Listens on an address of its own. script(exchange) runs for each request, in a thread of the
    connection; requests, connections and their raw bytes are kept for the test to look at.
    """

    def __init__(self, name, address, port, tls=None):
        self.name = name
        self.address = address
        self.port = port
        self.tls = tls
        self.requests = []
        self.raw = []  # bytes of each connection, after TLS
        self.open_connections = 0
        self.handshakes = []  # (resumed, error) of each TLS handshake
        self.on_data = None  # consumes body pieces instead of keeping them
        self.before_body = None  # called with (exchange, request) when the head has come
        self.record = False
        self.receive_buffer = None
        self._lock = threading.Lock()
        self._sockets = set()
        self._listener = None
        self._stopped = False
        self.answers(200, name)
        self.accept()

    # scripts

    def does(self, script):
        """script(exchange) answers each request that has been read whole."""
        self._script = script
        return self

    def answers(self, status, body=b"", headers=()):
        return self.does(lambda x: x.answer(status, body, headers))

    def sends(self, *pieces):
        """These bytes, whatever was asked; a threading.Event among them is waited for."""

        def script(x):
            for piece in pieces:
                if isinstance(piece, threading.Event):
                    piece.wait(30)
                else:
                    x.send(piece)

        return self.does(script)

    def sends_and_closes(self, *pieces):
        def script(x):
            for piece in pieces:
                x.send(piece)
            x.close()

        return self.does(script)

    def resets(self, after=b""):
        def script(x):
            if after:
                x.send(after)
            x.reset()

        return self.does(script)

    def closes(self):
        return self.does(lambda x: x.close())

    def hangs(self):
        return self.does(lambda x: x.origin.stopping.wait(60))

    # reachability

    def refuse(self):
        """Stops listening and resets what is open: connects are refused from now on."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            try:
                listener.shutdown(socket.SHUT_RDWR)  # wakes the accept
            except OSError:
                pass
            listener.close()
        self.drop_connections()
        return self

    def accept(self, segment=None):
        self.stopping = threading.Event()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        if segment is not None:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        listener.bind((self.address, self.port))
        listener.listen(1024)
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        return self

    def drop_connections(self, reset=True):
        with self._lock:
            sockets = list(self._sockets)
        for s in sockets:
            try:
                if reset:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self._stopped = True
        self.stopping.set()
        self.refuse()

    # looking

    @property
    def url(self):
        return "%s://%s:%d" % ("https" if self.tls else "http", self.address, self.port)

    @property
    def last(self):
        return self.requests[-1]

    @property
    def connections(self):
        return len(self.raw)

    def until_requests(self, count, seconds=5.0):
        until(lambda: len(self.requests) >= count,
              "%d requests at origin %s (has %d)" % (count, self.name, len(self.requests)), seconds)
        return self.requests

    def of(self, target):
        """The requests for one target: health checks and others left aside."""
        return [r for r in self.requests if r.target == target]

    # serving

    def _serve(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if self._listener is not listener:
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        with self._lock:
            number = len(self.raw)
            self.raw.append(bytearray())
            self._sockets.add(sock)
            self.open_connections += 1
        raw = sock
        try:
            if self.tls is not None:
                sock = self._handshake(sock)
                with self._lock:
                    self._sockets.discard(raw)
                    self._sockets.add(sock)
            self._exchanges(sock, number)
        except (EndOfConnection, Closed, ConnectionError, ssl.SSLError, OSError):
            pass
        finally:
            with self._lock:
                self._sockets.discard(raw)
                self._sockets.discard(sock)
                self.open_connections -= 1
            sock.close()

    def _handshake(self, sock):
        try:
            sock = self.tls.wrap_socket(sock, server_side=True)
        except (ssl.SSLError, OSError) as e:
            self.handshakes.append((False, str(e)))
            raise
        self.handshakes.append((sock.session_reused, None))
        return sock

    def _exchanges(self, sock, number):
        reader = Reader(sock.recv)
        reader.record = self.raw[number] if self.record else None
        while not self._stopped:
            x = Exchange(self, sock, reader, number)
            hook = self.before_body
            before = (lambda r, x=x, hook=hook: hook(x, r)) if hook else None
            request = read_request(reader, self.on_data, before)
            request.connection = number
            x.request = request
            self.requests.append(request)
            self._script(x)
            if (request.get("connection") or "").lower() == "close":
                return
