"""One row of the tables in attacks_*.py: an attack, the proxy it meets, and what it may cost."""

import json
import os

from harness.marks import sanitized
from harness.wait import SLACK
import siege
from wire import Target

KIB, MIB = 1 << 10, 1 << 20

# The rule for all: no more CPU than a hundred times what it cost to send, and memory within what
# is configured. What is usual here is far below.
RATIO = 100.0
# A bystander's 99th percentile during an attack, on a machine that other tests use too. The table
# of bench/RESULTS.md has the numbers of a quiet one.
P99_MS = 150.0


class Attack:
    """
    run(target, seconds) attacks and returns a wire.Tally. memory: bytes that the proxy may grow by;
    upstream: requests that may reach the endpoint; cut: every connection is ended within so many
    seconds; also(row): more to be held; parts: of the proxy's configuration.
    """

    def __init__(self, name, run, memory=4 * MIB, upstream=None, ratio=RATIO, cut=None, seconds=1.5,
                 p99_ms=P99_MS, also=None, long=False, warm=True, delay=1, **parts):
        self.name = name
        self.run = run
        self.memory = memory
        self.upstream = upstream
        self.ratio = ratio
        self.cut = cut
        self.seconds = seconds
        self.p99_ms = p99_ms
        self.also = also
        self.long = long
        self.warm = warm
        self.delay = delay
        self.parts = parts

    def test(self, t):
        """Lays the siege and judges it."""
        seconds = self.seconds * (3 if t.long else 1)
        folder = os.path.dirname(t.binary)
        files = t.directory("siege")
        address = t.lease.address()
        origin = siege.origin_at(siege.lab_program(folder, "lab-origin"),
                                 (address, t.lease.port(address)),
                                 os.path.join(files, "origin"), self.delay)
        t.at_end(origin.stop)
        parts = self.parts(t) if callable(self.parts) else self.parts
        parts = {k: v(t) if callable(v) else v for k, v in parts.items()}
        p = t.proxy(regions={"here": [origin]}, **parts)
        target = Target(p.https, p.http, t.pki.authority("ca").chain)
        by = siege.Bystander(siege.lab_program(folder, "lab-load"), target,
                             os.path.join(files, "bystander"))
        t.at_end(by.load.kill)
        siege.is_served(by)
        run = self.run(t) if getattr(self.run, "needs_test", False) else self.run
        row = siege.lay(self.name, run, target, p.pid, by, origin, seconds, warm=self.warm)
        with open(os.path.join(files, "row.json"), "w") as f:
            json.dump(row.as_dict(), f)
        self._judge(p, row)

    def _judge(self, p, row):
        assert p.is_running(), p.log_tail()
        bad = []

        def no_more(what, found, limit):
            if limit is not None and found > limit:
                bad.append("%s: %.2f, allowed %.2f" % (what, found, limit))

        no_more("bystander's requests that failed", len(row.failed), 0)
        no_more("requests at the endpoint", row.upstream, self.upstream)
        if not sanitized():
            no_more("CPU against its sender's", row.ratio, self.ratio)
            no_more("memory, MiB", row.growth / MIB, self.memory / MIB)
            # Else the bystander itself was late, or others had the proxy's processor.
            if row.lag_ms < 100 and row.kept_waiting < 0.1 * row.seconds:
                no_more("bystander's p99, ms", row.p99_during_ms,
                        max(self.p99_ms, 2 * row.p99_before_ms) * SLACK)
            if self.cut is not None:
                no_more("seconds until cut", max(row.tally.cut_after, default=1e9),
                        self.cut * SLACK)
        if self.also is not None:
            try:
                self.also(row)
            except AssertionError as e:
                bad.append(str(e))
        assert not bad, "\n  ".join(["%s:" % self.name] + bad + [
            json.dumps(row.as_dict()), str(row.failed[:3]),
            str({k: v for k, v in row.tally.notes.items() if k != "heard"})])


def with_test(make):
    """For a run that needs the test's hands to be made."""
    make.needs_test = True
    return make
