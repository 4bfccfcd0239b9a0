"""Openings of WebSockets and what goes through them, as origins and clients of tests have them."""

import base64
import hashlib

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
OPENING = ("GET %s HTTP/1.1\r\nHost: shop.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + "\r\n\r\n")


def accept_of(key):
    joined = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(joined.encode()).digest()).decode()


def granted(key, more=""):
    return ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Accept: %s\r\n%s\r\n" % (accept_of(key), more)).encode()


def grants(then, first=b"", more=""):
    """A script of an origin that grants WebSockets, then runs then(exchange)."""

    def script(x):
        key = x.request.get("sec-websocket-key")
        if key is None:
            x.answer(200, "plain")
            return
        x.send(granted(key, more) + first)
        then(x)
        x.close()

    return script


def pieces(x):
    """What comes, piece by piece, until the end of that direction."""
    data, x.reader.buffer = x.reader.buffer, b""
    while True:
        if data:
            yield data
        data = x.socket.recv(65536)
        if not data:
            return


def echo(x):
    for data in pieces(x):
        x.send(data)
