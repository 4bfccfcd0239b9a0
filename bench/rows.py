"""What is measured: each row loads one proxy for a while and says what a request cost."""

import collections
import os
import re
import subprocess
import sys
import time

from cost_lab import BODY_1K, LOAD_TLS
from place import HERE, Failure

# cost: what the row compares, less is better. rate: requests per second. busy: the part of its
# core that the proxy used.
Sample = collections.namedtuple("Sample", "cost rate busy")

GRACE_S = 30.0
HANDSHAKERS = 8

# s_time sends "GET %s HTTP/1.0" with this in its middle: a request of HTTP/1.1 comes out.
ONE_REQUEST = "/1k HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Rest:"


def _measured(proxy, requests_of):
    """Runs requests_of() and divides the proxy's CPU time by its answer."""
    cpu, wall = proxy.cpu_seconds(), time.monotonic()
    requests = requests_of()
    cpu, wall = proxy.cpu_seconds() - cpu, time.monotonic() - wall
    return Sample(cpu / requests * 1e6, requests / wall, cpu / wall)


class KeepAlive:
    """wrk asks for one path again and again over connections that stay."""

    unit = "µs"
    peers = ("HAProxy", "nginx")

    def __init__(self, title, path, tls, connections):
        self.title = title
        self.path = path
        self.tls = tls
        self.connections = connections

    def command(self, proxy, seconds):
        return ["wrk", "-t", 1, "-c", self.connections, "-d", "%ds" % seconds, "--timeout", "10s",
                proxy.url(self.path, self.tls)]

    def sample(self, lab, proxy, seconds):
        return _measured(proxy, lambda: self._load(lab, proxy, seconds))

    def _load(self, lab, proxy, seconds):
        text = lab.run(self.command(proxy, seconds), seconds + GRACE_S)
        if "Socket errors" in text or "Non-2xx" in text:
            raise Failure("%s failed requests:\n%s" % (proxy.name, text))
        requests = int(re.search(r"(\d+) requests in", text).group(1))
        if requests == 0:
            raise Failure("%s answered nothing:\n%s" % (proxy.name, text))
        return requests


class Http2(KeepAlive):
    """h2load asks for one path over a few connections, many requests at a time on each."""

    peers = ("HAProxy", "nginx", "h2o")

    def __init__(self, title, path, connections, streams):
        super().__init__(title, path, True, connections)
        self.streams = streams

    def command(self, proxy, seconds):
        return ["h2load", "-t", 1, "-c", self.connections, "-m", self.streams, "-D", seconds,
                proxy.url(self.path, True)]

    def _load(self, lab, proxy, seconds):
        text = lab.run(self.command(proxy, seconds), seconds + GRACE_S)
        found = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", text)
        if found is None or int(found.group(2)) == 0 or found.group(3, 4) != ("0", "0"):
            raise Failure("%s failed requests:\n%s" % (proxy.name, text))
        if "Application protocol: h2" not in text:
            raise Failure("%s did not speak HTTP/2:\n%s" % (proxy.name, text))
        return int(found.group(2))


class Handshakes:
    """
    s_time connects, asks once, disconnects and starts again, several side by side. wrk and h2load
    would resume sessions when they reconnect; s_time -new does not, and the witness confirms it.
    """

    title = "full TLS handshake, one 1 KiB request"
    unit = "µs"
    peers = ("HAProxy", "nginx")

    def command(self, port, seconds):
        return ["openssl", "s_time", "-connect", "127.0.0.1:%d" % port, "-new", "-tls1_3",
                "-www", ONE_REQUEST, "-time", seconds]

    def sample(self, lab, proxy, seconds):
        return _measured(proxy, lambda: self.load(lab, proxy.https_port, seconds))

    def load(self, lab, port, seconds):
        texts = lab.run_all([self.command(port, seconds)] * HANDSHAKERS, seconds + GRACE_S)
        return sum(self._connections(text) for text in texts)

    def _connections(self, text):
        found = re.search(r"(\d+) connections in \d+ real seconds, (\d+) bytes read", text)
        if found is None or "ERROR" in text:
            raise Failure("s_time failed:\n%s" % text)
        if int(found.group(2)) < len(BODY_1K):
            raise Failure("s_time got %s bytes for each connection" % found.group(2))
        return int(found.group(1))


class IdleConnections:
    """How much the proxy grows for each TLS connection that was used once and then waits."""

    unit = "KiB"
    peers = ("HAProxy", "nginx")

    def __init__(self, count):
        self.count = count
        self.title = "memory of an idle TLS connection"

    def command(self, port, count):
        return [sys.executable, os.path.join(HERE, "idle_clients.py"), port, count]

    def sample(self, lab, proxy):
        """On a proxy that was just started: others' leftovers would be reused unseen."""
        self._holding(lab, proxy, 64, lambda: None)
        time.sleep(0.5)
        before = proxy.pss_bytes()
        after = self._holding(lab, proxy, self.count, lambda: self._settled(proxy))
        return Sample((after - before) / self.count / 1024, 0.0, 0.0)

    def _settled(self, proxy):
        time.sleep(1.0)
        return proxy.pss_bytes()

    def _holding(self, lab, proxy, count, then):
        env = dict(os.environ, OPENSSL_CONF=LOAD_TLS)
        child = lab.spawn_on(lab.load_core, self.command(proxy.https_port, count), env=env,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = child.stdout.readline().strip()
        if line != "holding %d" % count:
            raise Failure("%s: the clients said '%s'" % (proxy.name, line))
        value = then()
        child.stdin.close()
        child.wait(GRACE_S)
        child.stdout.close()
        lab.children.remove(child)
        return value
