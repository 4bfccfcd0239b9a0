"""The load program, from Python: see load.c."""

import subprocess
import threading

from harness.process import spawn
from harness.wait import SLACK, until


class Kind:
    """One sort of request: how often among all (weight), how long the origin works on it (ms).

    Of h2 and gRPC the answer may come in pieces, gap ms apart. Through tunnels (protocols ws and tcp)
    GET and DIAL open one for a single note, and every other method sends a note by an open one.
    """

    def __init__(self, name, method="GET", weight=1, path="/", ms=None, body_bytes=0,
                 answer_bytes=64, pieces=None, gap=0):
        target = "%s?bytes=%d" % (path, answer_bytes)
        if pieces is not None:
            target += "&pieces=%d&gap=%d" % (pieces, gap)
        if ms is not None:
            target += "&ms=%d" % ms
        self.name = name
        self.text = "%s,%s,%s,%d,%d,%d" % (name, method, target, weight, body_bytes, answer_bytes)


# What most rows of the matrix send: nine of ten may be sent twice.
MIX = (Kind("get", weight=14), Kind("put", "PUT", 3, body_bytes=300),
       Kind("big", weight=1, answer_bytes=100000), Kind("post", "POST", 2, body_bytes=300))


# All calls are POSTs: nothing of them may be sent twice.
CALLS = (Kind("call", "POST", 7, "/lab.Notes/Ask", body_bytes=300),
         Kind("stream", "POST", 1, "/lab.Notes/Listen", body_bytes=30, answer_bytes=3000, pieces=10,
              gap=100))
WEBSOCKET = (Kind("open", "GET", 1, body_bytes=60), Kind("note", "MSG", 4, body_bytes=300))
TCP = (Kind("open", "DIAL", 1, body_bytes=60), Kind("note", "MSG", 4, body_bytes=300))


class Load:
    """Runs from construction until stop(). Each request becomes a line of the file `out`."""

    def __init__(self, binary, address, out, tag="r", rate=100, kinds=MIX, connections=20, ca=None,
                 host="shop.example.com", protocol="h1", timeout=10.0, wrap=()):
        argv = list(wrap) + [binary, "--connect", "%s:%d" % address, "--out", out, "--tag", tag,
                             "--rate", rate, "--connections", connections, "--host", host,
                             "--protocol", protocol, "--timeout", timeout * SLACK]
        for kind in kinds:
            argv += ["--kind", kind.text]
        if ca is not None:
            argv += ["--ca", ca]
        self.out = out
        self.timeout = timeout * SLACK
        self.sent = self.ok = self.not_ok = 0
        self._process = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            if line == "end\n":
                self._ended = True
            else:
                _, self.sent, self.ok, self.not_ok = map(int, line.split())

    @property
    def pid(self):
        return self._process.pid

    def until_ok(self, count, seconds=30.0):
        """Waits until count more requests have been answered well."""
        goal = self.ok + count

        def reached():
            assert self._process.poll() is None, "the load program ended early"
            return self.ok >= goal

        until(reached, "%d requests answered" % count, seconds)
        return self

    def at_rate(self, rate):
        self._order("rate %g" % rate)

    def stop(self):
        """Ends the sending and waits for what is under way."""
        if self._process.poll() is None:
            self._order("stop")
        self._process.wait(self.timeout + 10)
        self._reader.join(10)
        assert self._ended, "the load program ended with %d" % self._process.returncode

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _order(self, text):
        try:
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; whoever waits for it will see
