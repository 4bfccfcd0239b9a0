"""Raw clients: bytes in, bytes out, TLS or not."""

import socket
import ssl
import struct

from .message import Closed, Reader, read_response
from .wait import SLACK


class Client:
    """One connection to the proxy; closed by the test context at the latest."""

    def __init__(self, address, tls=None, sni="shop.example.com", session=None, timeout=10.0,
                 receive_buffer=None, source=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout * SLACK)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self.socket.bind((source, 0))
        self.host = sni or "shop.example.com"
        try:
            self.socket.connect(address)
            if family == socket.AF_INET:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                self.socket = tls.wrap_socket(self.socket, server_hostname=sni, session=session,
                                              suppress_ragged_eofs=False)
        except Exception:
            self.socket.close()
            raise
        self.reader = Reader(self._recv)

    def _recv(self, size):
        try:
            return self.socket.recv(size)
        except ssl.SSLEOFError:
            raise ConnectionError("the TLS stream was cut without close_notify") from None

    # writing

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def request(self, method, target, headers=(), body=None, host=None, version="HTTP/1.1"):
        """Sends a whole request; the answer is read by response()."""
        lines = ["%s %s %s" % (method, target, version)]
        names = {n.lower() for n, _ in headers}
        if "host" not in names and version != "HTTP/1.0":
            lines.append("Host: " + (host or self.host))
        lines += ["%s: %s" % (n, v) for n, v in headers]
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append("Content-Length: %d" % len(body))
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.send(head + (body or b""))
        return self

    # reading

    def response(self, method="GET", on_data=None):
        return read_response(self.reader, method, on_data)

    def get(self, target, headers=(), **options):
        return self.request("GET", target, headers, **options).response()

    def post(self, target, body, headers=(), **options):
        return self.request("POST", target, headers, body, **options).response()

    def head(self, target, headers=(), **options):
        return self.request("HEAD", target, headers, **options).response("HEAD")

    def rest(self):
        """Everything until the proxy closes."""
        return self.reader.to_end()

    def expect_close(self):
        """The proxy ends the connection without another byte."""
        rest = self.rest()
        assert rest == b"", "bytes before the close: %r" % rest[:300]

    def is_open(self):
        """No end and no error has arrived (bytes may have)."""
        raw = self.socket
        raw.setblocking(False)
        try:
            if isinstance(raw, ssl.SSLSocket):
                data = raw.recv(65536)
                self.reader.buffer += data
                return data != b""
            return raw.recv(1, socket.MSG_PEEK) != b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            raw.settimeout(10.0 * SLACK)

    # ending

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Ends with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def chunked(*pieces, trailers=""):
    """A chunked body from pieces."""
    out = b""
    for piece in pieces:
        piece = piece.encode() if isinstance(piece, str) else piece
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return out + b"0\r\n" + trailers.encode() + b"\r\n"


__all__ = ["Client", "Closed", "chunked"]
