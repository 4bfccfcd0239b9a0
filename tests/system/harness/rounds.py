"""
Rounds: what a test claims of others that go on answering, it can claim only if they did.

A test whose origins share a starved machine with the proxy cannot know: they stand still together,
and whoever looks at them from outside sees a region that is gone. So a witness watches how late this
process and its balancers are, and a round that failed while they were is played again, from the
start. One that failed on a machine that kept pace has failed, and so has the last one.
"""

import functools
import threading
import time

MOST = 3
# Eight moments in a row take so long, and a region may be left for them.
LATE_S = 0.15
_EVERY_S = 0.02


class Witness:
    """Looks at a balancer's loop from another thread, again and again."""

    def __init__(self, balancer):
        self.latest_s = 0.0
        self._balancer = balancer
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            began = time.monotonic()
            if self._stopping.wait(_EVERY_S):
                return
            self._balancer.turn()
            self.latest_s = max(self.latest_s, time.monotonic() - began - _EVERY_S)

    def stop(self):
        self._stopping.set()
        self._thread.join(20)


def rounds(case):
    """Marks a test that is played again, twice at most, if it failed while its machine was late."""

    @functools.wraps(case)
    def played(t):
        for number in range(1, MOST + 1):
            part = t.part("round%d" % number)
            try:
                case(part)
                return
            except AssertionError as complaint:
                late_s = max((w.latest_s for w in part.witnesses), default=0)
                if number == MOST or late_s < LATE_S:
                    raise
                why = str(complaint).split("\n", maxsplit=1)[0][:200]
                t.report("this machine was late by %.0f ms; once more, after: %s" % (
                    late_s * 1000, why))
            finally:
                part.close()

    return played
