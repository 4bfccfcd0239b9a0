"""Detour itself: one process, its files, what it says about itself."""

import json
import os
import signal
import subprocess
import time

from . import config, process
from .client import Client
from .message import Closed
from .metrics import Metrics
from .wait import SLACK, until

# What no test may leave in a log, whatever it is about.
FINDINGS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
            "runtime error:", "Assertion `", "refused a system call")


class Proxy:
    def __init__(self, t, name="proxy", **parts):
        self.t = t
        self.pki = t.pki
        self.name = name
        self.directory = t.directory(name)
        address = t.lease.address()
        self.https = (address, t.lease.port(address))
        self.http = (address, t.lease.port(address))
        self.admin = (address, t.lease.port(address))
        self.socket = os.path.join(self.directory, "admin.sock")
        self.access_path = os.path.join(self.directory, "access.log")
        self.log_path = os.path.join(self.directory, "error.log")
        self.conf_path = os.path.join(self.directory, "detour.conf")
        self.context = t.pki.client_context()
        self.expected_exit = None
        self._parts = parts
        self._process = None
        self.write(**parts)

    # its file

    def write(self, text=None, **parts):
        """Writes the file anew; parts not named stay as they were."""
        self._parts = {**self._parts, **parts}
        if text is None:
            given = dict(self._parts)
            regions = given.pop("regions", {})
            text = config.build(self, regions, **given)
        with open(self.conf_path + ".new", "w") as f:
            f.write(text)
        os.rename(self.conf_path + ".new", self.conf_path)
        return self

    def check(self):
        """Runs detour check; returns (exit code, output)."""
        done = subprocess.run([self.t.binary, "check", "-c", self.conf_path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    # its life

    def start(self, ready=True, wrap=(), options=()):
        with open(self.log_path, "ab") as log:
            self._process = process.spawn(
                list(wrap) + [self.t.binary, "run", "-c", self.conf_path] + list(options),
                stdout=log, stderr=log, cwd=self.directory)
        if ready:
            until(self._is_ready, "%s is ready" % self.name, 15)
        return self

    def take_over(self):
        """Another process of the same file takes over; returns the first, which drains."""
        before = self._process
        self.start(options=["--take-over"])
        return before

    def _is_ready(self):
        assert self._process.poll() is None, "%s ended with %s:\n%s" % (
            self.name, self._process.returncode, self.log_tail())
        return self.ready_status() == 200

    def ready_status(self):
        """What /readyz says, or None while nobody listens, or who was asked has just ended."""
        try:
            return self.ask("/readyz").status
        except (ConnectionError, FileNotFoundError, Closed):
            return None

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def stopped(self):
        """A context in which it stands still."""
        return process.Stopped(self.pid)

    def drain(self):
        self.signal(signal.SIGTERM)

    def wait_exit(self, seconds=20.0):
        """The exit code; negative for a signal."""
        return self._process.wait(seconds * SLACK)

    def reload(self, **parts):
        """Writes what changed, sends SIGHUP, waits until the reload has been decided."""
        if parts:
            self.write(**parts)
        return self.reload_now()

    def reload_now(self):
        before = self.reloads()
        self.signal(signal.SIGHUP)
        until(lambda: self.reloads() > before, "the reload is decided", 10)
        return self.metrics().total("detour_config_last_reload_successful") == 1

    def reloads(self):
        return self.metrics().total("detour_config_reloads_total")

    def stop(self):
        """Ends it now and holds it to a clean end."""
        if self._process is None:
            return
        if self.is_running():
            self._process.send_signal(signal.SIGINT)
            try:
                code = self._process.wait(10 * SLACK)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise AssertionError("%s did not end on SIGINT\n%s" % (
                    self.name, self.log_tail())) from None
        else:
            code = self._process.returncode
        self._process = None
        text = self.log_text()
        for finding in FINDINGS:
            assert finding not in text, "%s:\n%s" % (finding, text[text.index(finding) - 200:][:8000])
        # Unless a test says better: 3 is the exit by SIGINT with a request in flight, whose last
        # byte the client may have had a moment before.
        wanted = (0, 3) if self.expected_exit is None else (self.expected_exit,)
        assert code in wanted, "%s ended with %d, expected %r\n%s" % (
            self.name, code, wanted, self.log_tail())

    # talking to it

    def client(self, tls=True, **options):
        """A connection to it; over TLS by the tests' CA unless told otherwise."""
        if tls is True:
            tls = self.context
        elif tls is False:
            tls = None
        made = Client(options.pop("address", self.https if tls is not None else self.http),
                      tls=tls, **options)
        self.t.at_end(made.close)
        self.t.clients.append(made)
        return made

    def get(self, target, headers=(), tls=True, **options):
        """One request on a connection of its own."""
        with self.client(tls=tls, **options) as c:
            return c.get(target, headers)

    def until_answer(self, target, wanted, seconds=10.0, **options):
        """Asks until the body is wanted."""
        until(lambda: self.get(target, **options).text == wanted,
              "%s answers %r" % (target, wanted), seconds)

    def curl(self, *args):
        """curl with the tests' CA, the host name led to this proxy; returns what it prints."""
        argv = ["curl", "-sS", "--max-time", str(int(15 * SLACK)), "--cacert",
                self.pki.authority("ca").chain,
                "--connect-to", "shop.example.com:443:%s:%d" % self.https,
                "--connect-to", "shop.example.com:80:%s:%d" % self.http]
        return process.run(argv + list(args))

    def ask(self, target, method="GET"):
        """The admin side over TCP."""
        with Client(self.admin, timeout=5.0) as c:
            return c.request(method, target, [("Connection", "close")]).response()

    def ask_socket(self, target, method="GET"):
        with Client(self.socket, timeout=5.0) as c:
            return c.request(method, target, [("Connection", "close")]).response()

    # what it says about itself

    def status(self):
        return json.loads(self.ask_socket("/v1/status").body)

    def metrics(self):
        return Metrics(self.ask("/metrics").text)

    def endpoints(self):
        """(service, region, url) -> what status says of the endpoint."""
        found = {}
        for service in self.status()["services"]:
            for region in service["regions"]:
                for endpoint in region["endpoints"]:
                    found[service["name"], region["name"], endpoint["url"]] = endpoint
        return found

    def state(self, origin):
        """The state of the one endpoint at this origin, "absent" without one."""
        url = getattr(origin, "url", origin)
        states = [e["state"] for (_, _, u), e in self.endpoints().items() if u == url]
        return states[0] if states else "absent"

    def until_state(self, origin, state, seconds=10.0):
        until(lambda: self.state(origin) == state, "%s is %s" % (
            getattr(origin, "name", origin), state), seconds)

    def shares(self, service="shop"):
        for s in self.status()["services"]:
            if s["name"] == service:
                return {r["name"]: r["share"] for r in s["regions"]}
        raise KeyError(service)

    def until(self, condition, what, seconds=5.0):
        return until(condition, what, seconds)

    def log_text(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def log_tail(self):
        return self.log_text()[-6000:]

    def until_logged(self, text, seconds=5.0):
        until(lambda: text in self.log_text(), "the log says %r" % text, seconds)

    def access(self):
        """The access log so far, one dict a line."""
        try:
            with open(self.access_path, errors="replace") as f:
                lines = f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def until_access(self, path, seconds=5.0, count=1):
        """The access-log lines of one path, once there are count of them."""
        return until(lambda: self._access_of(path, count), "%d log lines of %s" % (count, path),
                     seconds)

    def _access_of(self, path, count):
        lines = [line for line in self.access() if line.get("path") == path]
        return lines if len(lines) >= count else None

    def rss(self):
        return process.rss_bytes(self.pid)

    def settled_rss(self, seconds=1.0):
        """Resident bytes, the least of what is seen for a while: allocators give back late."""
        end = time.monotonic() + seconds
        least = self.rss()
        while time.monotonic() < end:
            least = min(least, self.rss())
            time.sleep(0.05)
        return least

    def worker_tids(self):
        return [worker["thread_id"] for worker in self.status()["workers"]]
