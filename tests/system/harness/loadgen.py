"""
The load process: requests at a constant rate over keep-alive connections, TLS or not.

Each request has its own scheduled moment and a unique id; its latency counts from that moment, so
a stalled proxy cannot hide behind a client that waits for it. The answer must carry the id back.
Reads one JSON line of options; "stop" on stdin ends the sending; a JSON line of totals is printed
ten times a second and at the end.
"""

import asyncio
import collections
import json
import socket
import ssl
import sys
import time


class Connection(asyncio.Protocol):
    def __init__(self, load):
        self.load = load
        self.transport = None
        self.job = None
        self.data = b""
        self.said_close = False
        self.served = 0

    def connection_made(self, transport):
        self.transport = transport
        self.load.opened += 1
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, job):
        self.job = job
        self.transport.write(job.bytes)

    def data_received(self, data):
        self.data += data
        if self.job is None:
            self.load.stray += 1
            self.transport.abort()
            return
        answer = self.take()
        if answer is None:
            return
        status, headers, body = answer
        job, self.job = self.job, None
        self.served += 1
        self.said_close = b"\r\nconnection: close" in headers
        self.load.finished(job, status, body)
        if self.said_close:
            self.transport.close()
        else:
            self.load.idle.append(self)

    def take(self):
        """(status, lower-case head, body) once the answer is whole."""
        at = self.data.find(b"\r\n\r\n")
        if at < 0:
            return None
        head = self.data[:at].lower()
        mark = head.find(b"\r\ncontent-length:")
        if mark >= 0:
            size = int(head[mark + 17:].split(b"\r\n", 1)[0])
            if len(self.data) < at + 4 + size:
                return None
            body = self.data[at + 4:at + 4 + size]
            self.data = self.data[at + 4 + size:]
        else:
            end = self.data.find(b"0\r\n\r\n", at)
            if end < 0:
                return None
            body = self.data[at + 4:end]
            self.data = self.data[end + 5:]
        return int(head[9:12]), head, body

    def connection_lost(self, exc):
        self.load.closed += 1
        if self.job is not None:
            job, self.job = self.job, None
            self.load.failed(job, "connection lost (%s) after %d bytes" % (exc, len(self.data)))
        elif not self.said_close:
            self.load.dropped += 1
            if exc is not None:
                self.load.dropped_by_reset += 1
        if self in self.load.idle:
            self.load.idle.remove(self)


class Job:
    def __init__(self, ident, due, data):
        self.ident = ident
        self.due = due
        self.bytes = data
        self.done = False


class Load:
    def __init__(self, o):
        self.o = o
        self.idle = collections.deque()  # first in, first out: each connection has its turn
        self.sent = self.ok = self.opened = self.closed = 0
        self.dropped = self.dropped_by_reset = self.stray = self.unstarted = 0
        self.failures = []
        self.failed_count = 0
        self.by = {}
        self.latencies = []
        self.slowest = (0.0, "", 0.0)
        self.pending = set()
        self.stopping = False
        self.tls = None
        if o["tls"]:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.tls.load_verify_locations(o["ca"])
            self.tls.set_alpn_protocols(["http/1.1"])

    async def connect(self):
        options = {"server_hostname": self.o["sni"]} if self.tls else {}
        _, connection = await asyncio.wait_for(
            asyncio.get_running_loop().create_connection(
                lambda: Connection(self), self.o["host"], self.o["port"], ssl=self.tls,
                **options), self.o["timeout"])
        return connection

    def make(self, number, due):
        ident = "%s-%d" % (self.o["tag"], number)
        body = b""
        method = "GET"
        if self.o["post_every"] and number % self.o["post_every"] == 0:
            method, body = "POST", b"x" * 200
        head = ("%s %s HTTP/1.1\r\nHost: %s\r\nX-Load-Id: %s\r\n" %
                (method, self.o["target"], self.o["sni"], ident))
        if method == "POST":
            head += "Content-Length: %d\r\n" % len(body)
        return Job(ident, due, head.encode() + b"\r\n" + body)

    async def start(self, job):
        self.sent += 1
        self.pending.add(job)
        while self.idle:
            connection = self.idle.popleft()
            if not connection.transport.is_closing():
                connection.send(job)
                return
        try:
            connection = await self.connect()
        except Exception as e:  # whatever it was, the request failed by it
            self.failed(job, "no connection: %r" % e)
            return
        connection.send(job)

    def finished(self, job, status, body):
        text = body.decode("latin-1").strip()
        if job.done:
            return
        if status != self.o["expect"]:
            self.failed(job, "status %d: %s" % (status, text[:80]))
            return
        if self.o["echo"] and not text.endswith(job.ident):
            self.failed(job, "the answer of another request: %s" % text[:80])
            return
        job.done = True
        self.pending.discard(job)
        self.ok += 1
        took = time.monotonic() - job.due
        self.latencies.append(took)
        if took > self.slowest[0]:
            self.slowest = (took, job.ident, job.due)
        if self.o["echo"]:
            who = text.split(" ", 1)[0]
            self.by[who] = self.by.get(who, 0) + 1

    def failed(self, job, why):
        if job.done:
            return
        job.done = True
        self.pending.discard(job)
        self.failed_count += 1
        if len(self.failures) < 20:
            self.failures.append("%s at %.3f: %s" % (job.ident, time.monotonic(), why))

    def totals(self, final):
        latencies = sorted(self.latencies) if final else []
        pick = lambda q: latencies[min(int(len(latencies) * q), len(latencies) - 1)]
        return {
            "final": final, "sent": self.sent, "ok": self.ok, "failed": self.failed_count,
            "failures": self.failures, "opened": self.opened, "dropped": self.dropped,
            "dropped_by_reset": self.dropped_by_reset, "stray": self.stray, "by": self.by,
            "pending": len(self.pending), "slowest_ms": self.slowest[0] * 1000,
            "p50_ms": pick(0.5) * 1000 if latencies else 0,
            "p99_ms": pick(0.99) * 1000 if latencies else 0,
        }

    def sweep(self):
        now = time.monotonic()
        for job in [j for j in self.pending if now - j.due > self.o["timeout"]]:
            self.failed(job, "no answer within %.0f s" % self.o["timeout"])

    async def report(self):
        while True:
            await asyncio.sleep(0.1)
            self.sweep()
            print(json.dumps(self.totals(False)), flush=True)

    async def run(self):
        loop = asyncio.get_running_loop()
        commands = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        stop = asyncio.ensure_future(commands.readline())
        self.idle.extend(await asyncio.gather(*(self.connect()
                                                for _ in range(self.o["connections"]))))
        reporter = asyncio.ensure_future(self.report())
        begin = time.monotonic()
        number = 0
        limit = self.o["requests"]
        tasks = set()
        while not stop.done() and (limit == 0 or number < limit):
            due = begin + number / self.o["rate"]
            wait = due - time.monotonic()
            if wait > 0.0005:
                await asyncio.wait([stop], timeout=wait)
                continue
            task = asyncio.ensure_future(self.start(self.make(number, due)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
            if wait < -0.02:
                await asyncio.sleep(0)
        while self.pending:
            await asyncio.sleep(0.01)
            self.sweep()
        reporter.cancel()
        print(json.dumps(self.totals(True)), flush=True)


def main():
    options = json.loads(sys.argv[1])
    asyncio.run(Load(options).run())


if __name__ == "__main__":
    main()
