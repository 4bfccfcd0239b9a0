"""Floods of TLS: handshakes begun, and what may be said after one."""

import os
import select
import socket
import ssl
import struct
import subprocess
import time

from wire import Tally, reset


def client_hello(host, alpn=("http/1.1",)):
    """The bytes of a good one."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(list(alpn))
    way_in, way_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(way_in, way_out, server_hostname=host).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return way_out.read()


def handshakes(target, seconds, at_once=16):
    """The same ClientHello on one connection after another: the proxy signs, nobody reads on."""
    hello = client_hello(target.host)
    tally, end = Tally(), time.monotonic() + seconds
    waiting = set()
    while time.monotonic() < end:
        while len(waiting) < at_once:
            sock = socket.create_connection(target.https, timeout=5)
            sock.sendall(hello)
            tally.bytes += len(hello)
            tally.connections += 1
            waiting.add(sock)
        ready, _, _ = select.select(list(waiting), [], [], 0.05)
        for sock in ready:
            tally.units += 1
            waiting.discard(sock)
            reset(sock)
    for sock in waiting:
        reset(sock)
    return tally


def half_hellos(target, seconds, count=300):
    """Connections that begin a handshake and say no more."""
    hello = client_hello(target.host)[:100]
    tally, end, held = Tally(), time.monotonic() + seconds, {}
    for _ in range(count):
        sock = socket.create_connection(target.https, timeout=5)
        sock.sendall(hello)
        sock.setblocking(False)
        held[sock] = time.monotonic()
        tally.connections += 1
        tally.bytes += len(hello)
    while held and time.monotonic() < end:
        ready, _, _ = select.select(list(held), [], [], 0.05)
        for sock in ready:
            tally.ended(held.pop(sock), False)
            reset(sock)
    tally.notes["held"] = len(held)
    for sock in held:
        reset(sock)
    return tally


def tool(binary, mode):
    """The program attack-tls: what Python's TLS does not let one do."""

    def attack(target, seconds):
        argv = [binary, mode, "%s:%d" % target.https, target.host, str(seconds)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=seconds + 20, check=True)
        tally = Tally()
        tally.connections, tally.units, tally.cut, cpu = map(float, done.stdout.split())
        tally.bytes = int(tally.units) * 27
        tally.notes["cpu"] = cpu
        return tally

    return attack


def record(hello):
    """A handshake message in a record of its own."""
    return b"\x16\x03\x01" + struct.pack("!H", len(hello)) + hello


def extensions_of(hello):
    """Splits a ClientHello record: (all before the extensions, [(type, data)])."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + struct.unpack_from("!H", hello, at)[0]
    at += 1 + hello[at]
    found, end = [], len(hello)
    before, at = hello[5 + 4:at], at + 2
    while at < end:
        kind, size = struct.unpack_from("!HH", hello, at)
        found.append((kind, hello[at + 4:at + 4 + size]))
        at += 4 + size
    return before, found


def rebuilt(before, extensions):
    """The record again, of parts that may be any."""
    body = b"".join(struct.pack("!HH", kind, len(data)) + data for kind, data in extensions)
    message = before + struct.pack("!H", len(body)) + body
    return record(b"\x01" + struct.pack("!I", len(message))[1:] + message)


def lab(t, name):
    """A program that was built beside the product."""
    return os.path.join(os.path.dirname(t.binary), "tests", "attack", "tools", name)
