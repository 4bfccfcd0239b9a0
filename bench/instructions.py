#!/usr/bin/env python3
"""Instructions that a worker executes for one request, counted by callgrind: no noise of the machine.

usage: bench/instructions.py DETOUR...        builds to compare; the first one is the measure

Each build runs twice under valgrind, with few and with many requests (GET over one kept connection
in clear text, an answer of two bytes, one endpoint); the difference is the requests alone. Counted
is the worker's thread, in user space. Needs valgrind; some ten seconds each.
"""

import glob
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

FEW, MANY = 500, 2500
DEADLINE = 120

CONFIG = """
workers = 1;
listeners = ( {{ name = "web"; bind = "127.0.0.1:{listen}"; }} );
regions = ( {{ name = "here"; }} );
services = ( {{ name = "shop"; regions = ( {{ region = "here"; {region}
    endpoints = ( "http://127.0.0.1:{origin}" ); }} ); }} );
routes = ( {{ path = "/"; service = "shop"; }} );
"""

# valgrind makes system calls of its own, and is slow. A build that does not know this needs it not.
PROCESS = """
process = { seccomp = "off"; stall_abort = "0s"; };
"""

SHAPES = {"plain": "", "with a capacity": "capacity = 100000;"}


class UnknownKey(Exception):
    """An older build."""


def read_head(sock, kept):
    while b"\r\n\r\n" not in kept:
        data = sock.recv(65536)
        if not data:
            return None, b""
        kept += data
    head, _, rest = kept.partition(b"\r\n\r\n")
    return head, rest


def serve(listener):
    """Answers each request with the same two bytes, on as many connections as come."""

    def one(sock):
        kept = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            head, kept = read_head(sock, kept)
            if head is None:
                return
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=one, args=(sock,), daemon=True).start()


def listen():
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def connect(port, process):
    ends = time.monotonic() + DEADLINE
    while time.monotonic() < ends:
        if process.poll() is not None:
            said = process.stderr.read().decode()[-500:]
            raise (UnknownKey if "unknown key" in said else RuntimeError)(said)
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("detour does not listen")


def ask(sock, count):
    kept = b""
    for _ in range(count):
        sock.sendall(b"GET /index.html HTTP/1.1\r\nHost: shop.example.com\r\n"
                     b"User-Agent: instructions\r\nAccept: */*\r\n\r\n")
        head, kept = read_head(sock, kept)
        while head is not None and len(kept) < 2:
            kept += sock.recv(65536)
        if head is None or b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError("not served: %r" % head)
        kept = kept[2:]


def worker_total(directory):
    """Of the thread that ran exchanges."""
    for name in glob.glob(os.path.join(directory, "out*")):
        with open(name) as f:
            text = f.read()
        if "exchange_start" in text:
            found = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
            if found:
                return int(found.group(1))
    raise RuntimeError("no thread has run an exchange")


def knows_process(detour):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(PROCESS)
        f.flush()
        said = subprocess.run([detour, "check", "-c", f.name], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False).stdout.decode()
    return "unknown key" not in said


def count(detour, region, requests, origin):
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        config = os.path.join(directory, "detour.conf")
        with open(config, "w") as f:
            f.write(CONFIG.format(listen=port, origin=origin, region=region))
            f.write(PROCESS if knows_process(detour) else "")
        process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--separate-threads=yes", "-q",
             "--callgrind-out-file=" + os.path.join(directory, "out"), detour, "run", "-c", config],
            cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            with connect(port, process) as sock:
                sock.settimeout(DEADLINE)
                ask(sock, requests)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE)
        return worker_total(directory)


def main(builds):
    listener, origin = listen()
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    for shape, region in SHAPES.items():
        measure = None
        for detour in builds:
            try:
                few = count(detour, region, FEW, origin)
            except UnknownKey:
                print("%-16s %-40s knows no such key" % (shape, detour))
                continue
            each = (count(detour, region, MANY, origin) - few) / (MANY - FEW)
            measure = measure or each
            print("%-16s %-40s %9.0f instructions a request  %+6.2f %%" % (
                shape, detour, each, 100 * (each / measure - 1)), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(sys.argv[1:])
