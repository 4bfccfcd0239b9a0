#!/usr/bin/env python3
"""
What Detour forwards is read alike by two who share no code with it: differential.py [detour,
build/detour] [inputs, 5000] [seed, drawn]. The endpoint is Python's http.server; its connections'
bytes are read again, to the letter, by the reader of the system tests. Both must see the same
requests, each with the proxy's marks. Inputs are the corpora of the fuzz targets, cut, joined and
changed. Ends with a sum and a code to match; a difference is printed with what was forwarded.
"""

import glob
import http.server
import io
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
sys.dont_write_bytecode = True

from harness.message import Closed, Reader, read_request  # noqa: E402

WORDS = [b"\r\n", b"\n", b"\r", b"0\r\n\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n", b" ", b"\t", b"\0", b":",
         b"Host: b\r\n", b"Connection: close\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.0"]
OPEN = "listeners = ( { name = \"in\"; bind = \"127.0.0.1:%d\"; } ); regions = ( { name = \"here\"; } );" \
    "services = ( { name = \"shop\"; timeouts = { idle = \"2s\"; try = \"2s\"; request = \"2s\"; };" \
    "regions = ( { region = \"here\"; endpoints = ( \"http://127.0.0.1:%d\" ); } ); } );" \
    "routes = ( { service = \"shop\"; } ); log = { access = \"off\"; level = \"error\"; };"


class Tee(io.RawIOBase):
    """A socket's bytes, kept as they are read."""

    def __init__(self, sock, kept):
        self._sock, self._kept = sock, kept

    def readable(self):
        return True

    def readinto(self, into):
        try:
            n = self._sock.recv_into(into)
        except ConnectionError:
            return 0
        self._kept += bytes(into[:n])
        return n


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request, client_address):
        """A body that was cut, or the proxy closed before its answer: judged by what was read."""


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arrived = 0
    findings = []

    def setup(self):
        super().setup()
        self.kept, self.seen = bytearray(), []
        self.rfile = io.BufferedReader(Tee(self.connection, self.kept))

    def finish(self):
        super().finish()
        Endpoint.arrived += len(self.seen)
        Endpoint.findings += judge(bytes(self.kept), self.seen)

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            if size == 0:
                break
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return body

    def __getattr__(self, name):
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self._answer

    def _answer(self):
        body = self._body()
        self.seen.append((self.command, self.path, body, self.headers.get("CDN-Loop", "")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def read_again(kept):
    """The same bytes by the other reader."""
    rest = io.BytesIO(bytes(kept))
    reader, seen = Reader(rest.read), []
    while True:
        try:
            r = read_request(reader)
        except Closed:
            return seen
        seen.append((r.method, r.target, r.body, r.get("cdn-loop", "")))


def draw(rng, corpus):
    data = bytearray(b"".join(rng.choice(corpus) for _ in range(rng.randint(1, 3))))
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            data[at:at] = rng.choice(WORDS)
        elif kind == 1:
            del data[at:at + rng.randint(1, 8)]
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 3:
            data[at:at + 2] = rng.choice(WORDS)
    return bytes(data)


def play(port, data):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(10)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except ConnectionError:
        pass
    finally:
        s.close()


def judge(kept, seen):
    """What is wrong with a connection's requests: a list of texts."""
    again = read_again(kept)
    found = []
    # One that was cut in its body may be begun by one reader only.
    if seen[:len(again)] != again[:len(seen)] or abs(len(seen) - len(again)) > 1:
        found.append("%r\nread as %r\nand as %r" % (kept, seen, again))
    found += ["smuggled: %r" % kept for r in again if r[3].count("detour-") != 1]
    return found


def main():
    if "--help" in sys.argv[1:] or "-h" in sys.argv[1:]:
        print(__doc__.strip())
        return
    detour = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build", "detour")
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    rng = random.Random(seed)
    corpus = [open(f, "rb").read()[1 if "client_h1" in f else 0:]
              for name in ("client_h1", "h1_request")
              for f in sorted(glob.glob(os.path.join(ROOT, "tests", "fuzz", "corpus", name, "*")))]
    server = Server(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        conf = os.path.join(directory, "detour.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(OPEN % (port, server.server_address[1]))
        proxy = subprocess.Popen([detour, "run", "-c", conf])
        try:
            run(proxy, port, rng, corpus, wanted)
        finally:
            proxy.terminate()
            proxy.wait()
            server.server_close()  # waits for what the endpoint still has to read
    for text in Endpoint.findings:
        print("DIFFERS:", text)
    print("seed %d: %d requests reached the endpoint" % (seed, Endpoint.arrived))
    bad = len(Endpoint.findings) + (Endpoint.arrived == 0)
    print("%d passed, %d failed" % (wanted, bad))
    sys.exit(bad > 0)


def until_open(proxy, port):
    for _ in range(500):
        assert proxy.poll() is None, "detour has ended"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionError:
            time.sleep(0.02)
    raise AssertionError("detour does not listen")


def run(proxy, port, rng, corpus, wanted):
    until_open(proxy, port)
    for _ in range(wanted):
        data = draw(rng, corpus)
        play(port, data)
        assert proxy.poll() is None, "detour has ended after %r" % data


if __name__ == "__main__":
    main()
