#!/usr/bin/env python3
"""idle_clients.py PORT COUNT: opens TLS connections, uses each once, holds them till stdin ends."""

import re
import resource
import socket
import ssl
import sys


def answer(connection):
    """Reads one answer whole, so that nothing is left for the proxy to send."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            sys.exit("closed after %d bytes" % len(got))
        got += more
    head, body = got.split(b"\r\n\r\n", 1)
    if not head.startswith(b"HTTP/1.1 200 "):
        sys.exit("answer: %r" % head[:80])
    missing = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head).group(1)) - len(body)
    while missing > 0:
        more = connection.recv(min(missing, 65536))
        if not more:
            sys.exit("closed, %d bytes of a body missing" % missing)
        missing -= len(more)


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    held = []
    for _ in range(count):
        plain = socket.create_connection(("127.0.0.1", port), timeout=10.0)
        connection = context.wrap_socket(plain)
        connection.sendall(b"GET /1k HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer(connection)
        held.append(connection)
    print("holding %d" % count, flush=True)
    sys.stdin.read()


main()
