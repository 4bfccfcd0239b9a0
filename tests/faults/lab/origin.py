"""The origin program, from Python: see origin.c and deed.def."""

import signal
import subprocess

from harness.process import spawn
from harness.wait import until


class Origin:
    """One endpoint, in a network namespace if one is given. Survives kill() and start()."""

    def __init__(self, binary, name, address, port, log, netns=None, pair=None, delay=5, slots=0,
                 cost_us=0, queue=0, collapse=0, protocol="h1", opaque=False):
        self.name = name
        self.address = address
        self.port = port
        self.log = log
        self._make = netns.spawn if netns is not None else spawn
        secure = pair is not None and not opaque  # opaque: the proxy sees no TLS, only bytes
        if protocol == "notes":
            self._scheme = "tls" if secure else "tcp"
        else:
            self._scheme = "https" if secure else "http"
        self.delay = delay  # ms; another one holds from the next start on
        self._argv = [binary, "--listen", "%s:%d" % (address, port), "--name", name, "--log", log,
                      "--slots", str(slots), "--cost", str(cost_us),
                      "--queue", str(queue), "--collapse", str(collapse), "--protocol", protocol]
        if pair is not None:
            self._argv += ["--chain", pair.chain, "--key", pair.key]
        self._process = None
        self.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def url(self):
        return "%s://%s:%d" % (self._scheme, self.address, self.port)

    def start(self):
        self._process = self._make(self._argv + ["--delay", str(self.delay)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
        self._expect("ready")
        return self

    def _expect(self, word):
        line = self._process.stdout.readline()
        assert line == word + "\n", "origin %s said %r, not %r" % (self.name, line, word)

    def _order(self, *words):
        self._process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self._process.stdin.flush()
        self._expect("done")
        return self

    def traffic(self, word, arg=0, percent=100):
        """What requests get from now on: a word of deed.def."""
        return self._order("traffic", word, arg, percent)

    def health(self, word, arg=0, percent=100):
        """What checks get from now on."""
        return self._order("health", word, arg, percent)

    def end_idle(self, reset=False):
        """Ends all connections that carry no request."""
        return self._order("idle", "reset" if reset else "close")

    def kill(self):
        """SIGKILL: the kernel answers for it with RST from here on."""
        self._process.kill()
        self._process.wait()
        return self

    def pause(self):
        """SIGSTOP: the kernel takes connections and bytes for it, nobody answers."""
        self._process.send_signal(signal.SIGSTOP)
        return self

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)
        return self

    def is_running(self):
        return self._process.poll() is None

    def stop(self):
        if self.is_running():
            self.go_on()
            self._process.stdin.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def until_run(self, count, seconds=10.0):
        """Waits until count requests have been executed here."""
        until(lambda: sum(1 for e in self.events() if e[0] == "run") >= count,
              "%d requests at %s" % (count, self.name), seconds)

    def events(self):
        """(word, time in seconds, method, id, rest) of all that is in its log."""
        with open(self.log) as f:
            for line in f:
                word, at, method, ident, rest = line.split()
                yield word, int(at) / 1e6, method, ident, rest
