"""Looks at the proxy all the time: does it answer at once, and is what it says of itself possible?"""

import json
import os
import threading
import time

from harness import process
from harness.metrics import Metrics
from harness.proxy import FINDINGS
from harness.wait import SLACK
from waits import Waits

# What no log may say, whatever befalls it.
NEVER = FINDINGS + ("has been standing still", "internal error")
SOON = 1.0  # s: for an answer about itself
MOST = 1e6  # of anything in use; a count that went below 0 is far above
IN_USE = ("detour_worker_client_connections", "detour_worker_requests_in_flight",
          "detour_worker_tunnels", "detour_worker_mirrors", "detour_listener_connections",
          "detour_endpoint_connections", "detour_endpoint_idle_connections", "detour_endpoint_active_tries")
ZERO = ("detour_refused_syscalls_total", "detour_journal_dropped_facts_total",
        "detour_journal_unwritten_facts_total", "detour_access_log_dropped_lines_total",
        "detour_worker_accept_pauses_total", "detour_memory_pressure")


class Watch:
    """A thread from construction until stop(); bad: what it found."""

    def __init__(self, town):
        self.bad = []
        self.shares = []  # (when, service -> share of each region)
        self.slowest = 0.0
        self.looks = 0
        self.town = town
        self.waits = Waits([self._pids])
        self._read = 0  # bytes of the error log
        self._suspicion = {}
        self._quiet_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(30)

    def forget(self):
        """One process after another: their numbers are not to be compared."""
        self._suspicion.clear()

    def _pids(self):
        return [self.town.proxy.pid] if self.town.proxy.is_running() else []

    def _complain(self, text):
        self.bad.append((time.monotonic(), text))

    def _run(self):
        while not self._stop.wait(0.4):
            self.waits.sample()
            self.looks += 1
            for look in (self._status, self._explain, self._metrics, self.read_log, self._alive):
                try:
                    look()
                except Exception as e:  # whatever it is, it is a finding, and the next look goes on
                    self._complain("%s: %r" % (look.__name__.strip("_"), e))

    def _ask(self, ask, target):
        began = time.monotonic()
        try:
            answer = ask(target)
        except (ConnectionError, FileNotFoundError):
            answer = ask(target)  # the socket passes from one process to the next
        took = time.monotonic() - began
        self.waits.sample()
        took -= self.waits.during(began, began + took)
        self.slowest = max(self.slowest, took)
        if took > SOON * SLACK:
            self._complain("%s took %.1f s" % (target, took))
        if answer.status != 200:
            self._complain("%s: %d" % (target, answer.status))
        return answer

    def _status(self):
        status = json.loads(self._ask(self.town.proxy.ask_socket, "/v1/status").body)
        shares = {}
        for s in status["services"]:
            shares[s["name"]] = {r["name"]: r["share"] for r in s["regions"]}
            total = sum(shares[s["name"]].values())
            wanted = 0 if s["mode"] in ("nothing", "fail_closed") else 1 - s["shed"]
            # Words are written one by one: twice in a row is no accident.
            self._suspect("sum of " + s["name"], abs(total - wanted) > 0.002,
                          "%s: shares %s and %.4f shed" % (s["name"], shares[s["name"]], s["shed"]))
        self.shares.append((time.monotonic(), shares))

    def _suspect(self, key, wrong, text):
        count = self._suspicion.get(key, 0) + 1 if wrong else 0
        self._suspicion[key] = count
        if count == 3:
            self._complain(text)

    def _explain(self):
        names = [name for name in self.shares[-1][1] if name != "late"]
        if names:  # who takes over knows of none until it is ready
            self._ask(self.town.proxy.ask_socket, "/v1/explain/" + names[self.looks % len(names)])

    def _metrics(self):
        self.metrics = metrics = Metrics(self._ask(self.town.proxy.ask, "/metrics").text)
        for name, labels, value in metrics.samples:
            if value < 0 or (name in IN_USE and value > MOST):
                self._complain("%s %s is %g" % (name, labels, value))
            if name in ZERO and value != 0:
                self._suspect(name, True, "%s %s is %g" % (name, labels, value))

    def read_log(self):
        """The error log, from where it was read last."""
        with open(self.town.proxy.log_path, "rb") as f:
            f.seek(self._read)
            data = f.read()
        whole = data.rfind(b"\n") + 1
        self._read += whole
        text = data[:whole].decode("utf-8", "replace")
        for never in NEVER:
            if never in text:
                self._complain("the log says: %s" % text[max(0, text.index(never) - 300):][:6000])

    def _alive(self):
        if not self.town.proxy.is_running():
            self._complain("the process has ended")
            self._stop.set()

    def sizes(self):
        """What the process holds: bytes, descriptors, threads."""
        pid = self.town.proxy.pid
        return {"pid": pid, "rss": process.rss_bytes(pid), "fds": process.fd_count(pid),
                "threads": len(process.threads(pid))}

    def descriptors(self):
        """What they lead to, for a message."""
        pid, found = self.town.proxy.pid, {}
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                kind = os.readlink("/proc/%d/fd/%s" % (pid, fd)).split(":")[0]
            except OSError:
                continue
            found[kind] = found.get(kind, 0) + 1
        return found
