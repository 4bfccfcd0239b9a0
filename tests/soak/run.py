#!/usr/bin/env python3
"""
The soak. Rounds of a minute: a load of all protocols, strangers, and a seeded schedule of troubles and
errands; then everything is mended, the proxy finds back to its usual state, and rests. All the time,
and after each round:

  - the process lives, no sanitizer and no assertion speaks, the watchdog does not end it;
  - status, explain and metrics answer within a second; shares sum up to 1 - shed; no gauge is below 0;
  - no safe request fails that does not touch what cannot be helped (troubles.py says what that is);
  - nothing that is not safe fails unless a region was in trouble, or is executed twice; every body is its
    request's; no region gets more than its capacity;
  - every region comes back to UP and the first one to all of its share;
  - at rest nothing is in use, and descriptors, threads and memory are what they were.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
for part in ("attack", "faults", "system", "soak"):
    sys.path.insert(0, os.path.join(ROOT, "tests", part))
sys.dont_write_bytecode = True
# Before the harness is loaded, which reads its environment then.
if "--sanitize" in sys.argv:
    os.environ["DETOUR_TEST_SANITIZED"] = "1"
    os.environ["DETOUR_TEST_SLACK"] = "4"
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")
    os.environ["TSAN_OPTIONS"] = ("halt_on_error=0:exitcode=99:second_deadlock_stack=1:suppressions=" +
                                  os.path.join(ROOT, "tests", "system", "tsan.supp"))

import errands  # noqa: E402
from harness.pki import Pki  # noqa: E402
from harness.scenario import Scenario  # noqa: E402
from judge import Judge  # noqa: E402
from loads import Loads  # noqa: E402
from rest import Rests  # noqa: E402
from schedule import Schedule  # noqa: E402
from strangers import Strangers  # noqa: E402
from town import Town  # noqa: E402
from watch import Watch  # noqa: E402

ROUND = 60.0  # s of load


class Soak:
    def __init__(self, t, options):
        self.t = t
        self.began = time.monotonic()
        self.options = options
        self.town = Town(t, options.rate)
        self.watch = Watch(self.town)
        self.logs = errands.Logs(self.town)
        self.schedule = Schedule(self.town, self.watch, self.logs, options.seed, self.say)
        self.judge = Judge(self.town, self.watch, self.schedule.windows)
        self.rests = Rests(self.town, self.watch)
        self.bad = []  # of what ended a round early
        self._told = 0

    def say(self, text):
        print("%8.1f %s" % (time.monotonic() - self.began, text), flush=True)

    def round(self, turn):
        """Load, troubles, a calm end, the verdict, and a rest."""
        loads = Loads(self.town, turn)
        loads.until_well()
        strangers = Strangers(self.town, self.options.seed, turn)
        try:
            # Two of three rounds are one process's, so that its rests can be compared.
            self.schedule.go_on(ROUND, take_overs=turn % 3 == 1)
            self.say("all is mended")
            self.schedule.calm()
            self.say("all is well again")
        finally:
            strangers.stop()
            loads.stop()
        self.say("nobody asks any more")
        errands.until_left(self.schedule)
        self.judge.round(loads.outs, strangers)
        self.judge.clear(loads.outs)
        self.rests.rest()
        self.logs.read(keep=len(self.findings()) > self._told)
        self.say("round %d: %d requests, %d failed, %d strange deeds, %d findings" % (
            turn, loads.sent, self.judge.failed, sum(strangers.done.values()), self.tell()))

    def findings(self):
        found = self.bad + self.watch.bad + self.judge.bad + self.rests.bad
        return found + [(0.0, "a line of the access log: %s" % line) for line in self.logs.bad]

    def tell(self):
        """Says what was not told yet; returns how many there are."""
        found = self.findings()
        for at, text in found[self._told:]:
            self.say("FOUND at %.1f: %s" % (at - self.began, text))
        self._told = len(found)
        return len(found)

    def run(self):
        end = self.began + self.options.minutes * 60
        turn = 0
        while turn == 0 or time.monotonic() < end:
            try:
                self.round(turn)
            except AssertionError as e:
                self.bad.append((time.monotonic(), "round %d: %s" % (turn, e)))
                break
            turn += 1
        self.watch.stop()
        self.tell()
        print("%d requests, %d failed; %d events, %d lines of access log, %d looks, the slowest %.2f s" % (
            self.judge.asked, self.judge.failed, self.schedule.count, self.logs.lines,
            self.watch.looks, self.watch.slowest))
        self.rests.show()
        self.judge.show()


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detour", default=os.path.join(ROOT, "build", "detour"))
    parser.add_argument("--minutes", type=float, default=10.0, help="begins no round after so many (10)")
    parser.add_argument("--seed", type=int, default=1, help="of the schedule (1)")
    parser.add_argument("--rate", type=float, default=1.0, help="part of the usual load, 470 requests/s (1)")
    parser.add_argument("--sanitize", choices=("asan", "tsan"), help="what the binary was built with")
    options = parser.parse_args()
    options.detour = os.path.abspath(options.detour)
    return options


def main():
    options = parse()
    base = tempfile.mkdtemp(prefix="detour-soak-")
    os.chmod(base, 0o755)
    t = Scenario("soak", base, Pki(os.path.join(base, "pki")), options.detour)
    soak, code = None, 1
    try:
        soak = Soak(t, options)
        soak.run()
        code = 1 if soak.findings() else 0
    finally:
        try:
            t.close()
        except AssertionError as e:
            print("FOUND at the end: %s" % e)
            code = 1
        if code == 0:
            shutil.rmtree(base, ignore_errors=True)
        else:
            print("seed %d: findings; files are in %s" % (options.seed, base))
    print("%d passed, %d failed" % (code == 0, code != 0))
    return code


if __name__ == "__main__":
    sys.exit(main())
