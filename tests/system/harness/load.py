"""The test's end of a load process."""

import json
import os
import subprocess
import sys
import threading

from .process import spawn
from .wait import SLACK, until

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "loadgen.py")


class Load:
    """Runs from construction until stop(); totals are the newest ones it told."""

    def __init__(self, address, tag, ca=None, rate=500, connections=50, target="/", requests=0,
                 sni="shop.example.com", echo=True, expect=200, post_every=0, timeout=10.0):
        options = {"host": address[0], "port": address[1], "tls": ca is not None, "ca": ca,
                   "sni": sni, "rate": rate, "connections": connections, "target": target,
                   "requests": requests, "echo": echo, "expect": expect, "tag": tag,
                   "post_every": post_every, "timeout": timeout * SLACK}
        self.totals = None
        self._process = spawn([sys.executable, _SCRIPT, json.dumps(options)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.totals = json.loads(line)

    @property
    def ok(self):
        return self.totals["ok"] if self.totals else 0

    def until_ok(self, count, seconds=30.0):
        """Waits until count more requests have been answered well."""
        goal = self.ok + count

        def reached():
            assert self._process.poll() is None or self.ok >= goal, "the load process ended early"
            return self.ok >= goal

        until(reached, "%d requests answered" % count, seconds)
        return self

    def stop(self):
        """Ends the sending, waits for what is in flight; returns the totals."""
        if self._process.poll() is None:
            try:
                self._process.stdin.write(b"stop\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                pass
        return self.finish()

    def finish(self, seconds=60.0):
        self._process.wait(seconds * SLACK)
        self._reader.join(10)
        assert self.totals is not None and self.totals["final"], "the load process told nothing"
        return self.totals

    def stop_clean(self):
        """Stops and holds that no request failed and no connection was dropped."""
        totals = self.stop()
        assert totals["failed"] == 0, "failed: %d of %d\n%s" % (
            totals["failed"], totals["sent"], "\n".join(totals["failures"]))
        assert totals["stray"] == 0, "bytes nobody asked for"
        assert totals["ok"] == totals["sent"]
        return totals

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
