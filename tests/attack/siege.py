"""An attack on a proxy while somebody else is served by it, and what both cost."""

import os
import time

from harness.wait import until
from lab import Kind, Load, Origin
from lab.checker import Request
from meter import Meter

TAG = "bystander"
PAGE = (Kind("page", path="/bystander", answer_bytes=1024),)


class Bystander:
    """Well-behaved: a steady rate over a few connections that stay, HTTP/1.1 over TLS."""

    def __init__(self, binary, target, out, rate=100, connections=4, wrap=()):
        self._rate = rate
        self.load = Load(binary, target.https, out, tag=TAG, rate=rate, kinds=PAGE,
                         connections=connections, ca=target.ca, host=target.host, timeout=20,
                         wrap=wrap)

    def served_for(self, seconds):
        self.load.until_ok(int(self._rate * seconds))

    def requests(self):
        """Ends it; all that it asked."""
        self.load.stop()
        with open(self.load.out) as f:
            return [Request(line) for line in f]


def p99_ms(requests):
    took = sorted(r.took for r in requests)
    return took[min(len(took) - 1, int(len(took) * 0.99))] * 1000 if took else 0.0


def attacks_at(origin):
    """How many of the attacker's requests have reached it: those without the bystander's ids."""
    with open(origin.log) as f:
        return sum(1 for line in f
                   if line.startswith("seen ") and not line.split()[3].startswith(TAG))


class Row:
    """What came of one attack. Memory in bytes, times in seconds unless the name says other."""

    def __init__(self, name):
        self.name = name
        self.growth = self.memory_before = self.memory_most = self.upstream = 0
        self.cpu = self.attacker_cpu = self.seconds = 0.0
        self.p99_before_ms = self.p99_during_ms = 0.0
        self.failed = []
        self.tally = None
        self.lag_ms = 0.0  # the bystander's own
        self.kept_waiting = 0.0  # the proxy, by others on this machine

    @property
    def ratio(self):
        """CPU that the proxy spent on the attack, to what its sender spent."""
        return self.cpu / max(self.attacker_cpu, 0.001)

    def as_dict(self):
        return {"name": self.name, "growth": self.growth, "cpu": self.cpu, "ratio": self.ratio,
                "attacker_cpu": self.attacker_cpu, "upstream": self.upstream,
                "bytes": self.tally.bytes, "units": self.tally.units, "cut": self.tally.cut,
                "connections": self.tally.connections, "p99_before_ms": self.p99_before_ms,
                "p99_during_ms": self.p99_during_ms, "failed": len(self.failed),
                "lag_ms": self.lag_ms, "kept_waiting": self.kept_waiting, "seconds": self.seconds}


def lay(name, attack, target, pid, bystander, origin, seconds, before=1.0, warm=True):
    """
    A quiet time, the attack, and what was measured. The bystander runs already and is ended.
    warm: a little of the same attack first, so that what is allocated once is not counted as its.
    """
    row = Row(name)
    if warm:
        attack(target, 0.2)
    quiet = Meter(pid).begin()
    quiet_from = time.monotonic()
    bystander.served_for(before)
    quiet.end()
    upstream = attacks_at(origin)
    meter = Meter(pid).begin()
    begin = time.monotonic()
    row.tally = attack(target, seconds)
    end = time.monotonic()
    meter.end()
    row.seconds = meter.seconds
    row.kept_waiting = meter.kept_waiting
    row.growth = meter.growth
    row.memory_before, row.memory_most = meter.before, meter.most
    idle = quiet.cpu / quiet.seconds
    row.cpu = max(0.0, meter.cpu - idle * meter.seconds)
    row.attacker_cpu = row.tally.notes.get("cpu", meter.attacker_cpu)
    row.upstream = attacks_at(origin) - upstream
    asked = bystander.requests()
    row.failed = [r for r in asked if not r.ok]
    row.p99_before_ms = p99_ms([r for r in asked if quiet_from <= r.due < begin])
    during = [r for r in asked if begin <= r.due < end]
    row.p99_during_ms = p99_ms(during)
    row.lag_ms = max((r.lag * 1000 for r in during), default=0.0)
    return row


def origin_at(binary, address, log, delay=1):
    return Origin(binary, "origin", address[0], address[1], log, delay=delay)


def lab_program(folder, name):
    return os.path.join(folder, "tests", "faults", "lab", name)


def is_served(bystander):
    until(lambda: bystander.load.ok > 0, "the bystander is served", 10)
