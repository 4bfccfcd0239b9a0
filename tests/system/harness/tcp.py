"""Endpoints and clients of tcp services: bytes and ends, nothing else."""

import socket
import struct
import threading

from .wait import SLACK


def reset(sock):
    """Ends with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def pieces(sock):
    """What comes, until the end of that direction."""
    while True:
        data = sock.recv(1 << 18)
        if not data:
            return
        yield data


def echo(sock):
    for data in pieces(sock):
        sock.sendall(data)


class Endpoint:
    """Runs script(socket) for each connection, in a thread; then closes it."""

    def __init__(self, address, port, script=echo, tls=None, opaque=False):
        self.address, self.port = address, port
        self.script = script
        self.tls = tls
        self.opaque = opaque  # its TLS is none of the proxy's business
        self.accepted = 0
        self.open = 0
        self._lock = threading.Lock()
        self._sockets = set()
        self._listener = None
        self.accept()

    @property
    def url(self):
        return "%s://%s:%d" % ("tls" if self.tls and not self.opaque else "tcp", self.address, self.port)

    def accept(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        listener.listen(1024)
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def refuse(self):
        """No new connections; what is open stays."""
        listener, self._listener = self._listener, None
        if listener is not None:
            try:
                listener.shutdown(socket.SHUT_RDWR)  # wakes the accept
            except OSError:
                pass
            listener.close()

    def stop(self):
        self.refuse()
        with self._lock:
            sockets = list(self._sockets)
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _serve(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if self._listener is not listener:
                sock.close()
                return
            with self._lock:
                self.accepted += 1
                self.open += 1
                self._sockets.add(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        raw = sock
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
            self.script(sock)
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets.discard(raw)
                self.open -= 1
            sock.close()


def start(t, script=echo, tls=None, **options):
    """An endpoint that ends with the test."""
    address = t.lease.address()
    made = Endpoint(address, t.lease.port(address), script, tls, **options)
    t.at_end(made.stop)
    return made


def says(word):
    """Greets first, as mail servers and databases do."""

    def script(sock):
        sock.sendall(word)
        echo(sock)

    return script


def connect(address, tls=None, sni=None, timeout=10.0):
    s = socket.create_connection(address, timeout=timeout * SLACK)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s if tls is None else tls.wrap_socket(s, server_hostname=sni)


def exactly(sock, size):
    out = bytearray()
    while len(out) < size:
        data = sock.recv(size - len(out))
        assert data, "an end after %d of %d bytes" % (len(out), size)
        out += data
    return bytes(out)


def rest(sock):
    return b"".join(pieces(sock))


def until_reset(sock):
    try:
        left = rest(sock)
    except ConnectionResetError:
        return
    raise AssertionError("an orderly end, after %r" % left[:100])


class Setup:
    """A proxy in front of tcp service "db"; regions are lists of endpoints."""

    def __init__(self, t, regions, text="", listener="", **options):
        address = t.lease.address()
        self.address = (address, t.lease.port(address))
        routes = ['{ path = "/"; service = "web"; }'] + options.pop("routes", [])
        self.proxy = t.proxy(
            regions={}, routes=routes,
            services=[("web", {"us-east-1": ["http://127.0.0.1:9"]}),
                      ("db", regions, 'protocol = "tcp"; ' + text)] + options.pop("services", []),
            listeners=['{ name = "db"; bind = "%s:%d"; %s }' % (
                *self.address, listener or 'protocol = "tcp"; service = "db";')], **options)
        self.t = t

    def connect(self, **options):
        s = connect(self.address, **options)
        self.t.at_end(s.close)
        return s
