"""What a process and all below it use: memory and CPU time, by the kernel's account."""

import os
import threading
import time


def processes(pid):
    found = [pid]
    try:
        for tid in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, tid)) as f:
                for child in f.read().split():
                    found += processes(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def cpu_seconds(pid):
    """User and system time of all threads, the ended ones too: clock_getcpuclockid(3)."""
    total = 0.0
    for one in processes(pid):
        try:
            total += time.clock_gettime((~one << 3) | 2)
        except OSError:
            pass
    return total


def memory_bytes(pid):
    """
    Of all of them (PSS, what of it they made themselves). The rest is pages of files: it grows by
    megabytes when somebody else ends who had the same libraries open.
    """
    total = dict.fromkeys(("Pss:", "Pss_Anon:", "Pss_Shmem:"), 0)
    for one in processes(pid):
        try:
            with open("/proc/%d/smaps_rollup" % one) as f:
                for key, *value in map(str.split, f):
                    if key in total:
                        total[key] += int(value[0]) * 1024
        except OSError:
            pass
    return total["Pss:"], total["Pss_Anon:"] + total["Pss_Shmem:"]


def kept_waiting_seconds(pid):
    """How long its threads were ready to run and did not: others had the processors."""
    total = 0
    for one in processes(pid):
        try:
            for tid in os.listdir("/proc/%d/task" % one):
                with open("/proc/%d/task/%s/schedstat" % (one, tid)) as f:
                    total += int(f.read().split()[1])
        except OSError:
            pass
    return total / 1e9


class Meter:
    """
    Watches one proxy from begin() to end(): CPU used, PSS before and the most of it, and by how
    much what it made itself has grown at most.
    """

    def __init__(self, pid):
        self.pid = pid
        self._stop = None

    def begin(self):
        self.before, self._own = memory_bytes(self.pid)
        self.most, self.growth = self.before, 0
        self._cpu = cpu_seconds(self.pid)
        self._waited = kept_waiting_seconds(self.pid)
        self._mine = time.process_time()
        self._watching = 0.0
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.wait(0.1):
            self._look()

    def _look(self):
        began = time.thread_time()
        pss, own = memory_bytes(self.pid)
        self.most = max(self.most, pss)
        self.growth = max(self.growth, own - self._own)
        self._watching += time.thread_time() - began

    def end(self):
        self.seconds = time.monotonic() - self._began
        self.cpu = cpu_seconds(self.pid) - self._cpu
        self.kept_waiting = kept_waiting_seconds(self.pid) - self._waited
        self.attacker_cpu = time.process_time() - self._mine - self._watching
        self._stop.set()
        self._thread.join()
        self._look()
        return self
