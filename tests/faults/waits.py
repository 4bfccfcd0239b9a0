"""
How long the processes of a cell had to wait for a processor: on a busy machine that is most of what a
request takes, and none of the proxy's doing. The kernel counts it for each thread (schedstat).
"""

import bisect
import os
import time

TICK = os.sysconf("SC_CLK_TCK")


def _waited(pid):
    """thread -> seconds it has waited, ready to run; empty: it is gone."""
    found = {}
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as f:
                found[pid, thread] = int(f.read().split()[1]) / 1e9
    except (OSError, IndexError):
        pass
    return found


def _stolen():
    """Seconds that whoever runs this machine gave to others."""
    with open("/proc/stat") as f:
        fields = f.readline().split()
    return {"host": int(fields[8]) / TICK if len(fields) > 8 else 0.0}


class Waits:
    """groups: functions that return the pids of what a request passes one after the other."""

    def __init__(self, groups):
        self._groups = groups
        self._at = time.monotonic()
        self._before = [{} for _ in range(len(groups) + 1)]
        self._ends = []
        self._found = []  # (begin, end, seconds, group), by end
        self.longest = 0.0
        self.sample()

    def sample(self):
        """To be called every now and then: what is between two calls is known to a call only."""
        now = time.monotonic()
        for i in range(len(self._before)):
            counts = _stolen() if i == len(self._groups) else {
                k: v for pid in self._groups[i]() for k, v in _waited(pid).items()}
            old, self._before[i] = self._before[i], counts
            # One of a group is in a request's way; it was counted when the wait was over.
            waited = max((counts[k] - old[k] for k in counts if k in old), default=0.0)
            self.longest = max(self.longest, waited)
            self._ends.append(now)
            self._found.append((min(self._at, now - waited), now, waited, i))
        self._at = now

    def during(self, begin, end):
        """
        Seconds between two moments that something may have stood still for want of a processor: of
        each group the longest wait, twice, since a request passes it there and back, but no more
        than all.
        """
        total, longest = [0.0] * len(self._before), [0.0] * len(self._before)
        for i in range(bisect.bisect_left(self._ends, begin), len(self._ends)):
            first, last, waited, group = self._found[i]
            if last > end + self.longest + 1.0:
                break
            waited = min(waited, max(0.0, min(last, end) - max(first, begin)))
            total[group] += waited
            longest[group] = max(longest[group], waited)
        return min(sum(min(t, 2 * most) for t, most in zip(total, longest)), end - begin)
