"""A take-over that goes wrong costs the process that serves nothing."""

import os
import signal
import subprocess
import threading

from harness import process, sanitize, until
from harness.wait import SLACK


def _named(t, dns, origin, **parts):
    """Of an endpoint by name: who takes over waits for its address."""
    return t.proxy(regions={"us-east-1": ["http://shop.internal.test:%d" % origin.port]},
                   top='resolver = { servers = "%s:%d"; timeout = "30s"; };' % (
                       dns.address, dns.port), **parts)


class _Second:
    """Another process of the same file, beside the one that serves."""

    def __init__(self, t, p):
        self.log_path = os.path.join(p.directory, "second.log")
        with open(self.log_path, "wb") as log:
            self.process = process.spawn([t.binary, "run", "-c", p.conf_path, "--take-over"],
                                         stdout=log, stderr=log, cwd=p.directory)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def ends(self, code):
        assert self.process.wait(20 * SLACK) == code, self.log()
        return self.log()


def _unready(t, answer="silent", queries=1):
    """One that serves, and one beside it whose names are not resolved, so often it has asked."""
    origin = t.origin("east")
    dns = t.dns().has("shop.internal.test", origin.address)
    p = _named(t, dns, origin)
    p.get("/").expect(200, "east")
    dns.answer = answer
    asked = len(dns.queries)
    second = _Second(t, p)
    until(lambda: len(dns.queries) >= asked + queries, "the second one asks for names", 10)
    return p, second, dns


@sanitize
def the_admin_socket_is_taken_back_from_who_could_not_start(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    p.write(top='user = "no-such-user-here";')
    assert "no-such-user-here" in _Second(t, p).ends(1)
    p.until_logged("led nowhere; it leads here again")
    assert p.status()["pid"] == p.pid
    assert os.stat(p.socket).st_mode & 0o777 == 0o660
    p.write(top="")
    first = p.take_over()
    assert first.wait(20 * SLACK) == 0, p.log_text()
    assert p.status()["pid"] == p.pid


@sanitize
def clients_of_a_unix_socket_are_served_over_a_take_over_that_fails_and_one_that_does_not(t):
    path = os.path.join(t.directory("sockets"), "web")
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, workers=2,
                listeners=['{ name = "local"; bind = "unix:%s"; }' % path])
    at = {"tls": False, "address": path}
    p.get("/", **at).expect(200, "east")
    p.write(top='user = "no-such-user-here";')
    _Second(t, p).ends(1)
    p.get("/", **at).expect(200, "east")
    assert os.listdir(os.path.dirname(path)) == ["web"]
    p.until_logged("led nowhere; it leads here again")
    p.write(top="")
    first = p.take_over()
    assert first.wait(20 * SLACK) == 0, p.log_text()
    p.get("/", **at).expect(200, "east")
    assert os.listdir(os.path.dirname(path)) == ["web"]


@sanitize
def the_admin_socket_is_taken_back_from_who_was_killed(t):
    p, second, _ = _unready(t)
    second.process.kill()
    second.process.wait()
    p.until_logged("led nowhere; it leads here again")
    assert p.status()["pid"] == p.pid


@sanitize
def who_is_not_ready_yet_is_sent_no_clients(t):
    p, second, dns = _unready(t)
    for _ in range(40):
        p.get("/").expect(200, "east")
    second.process.kill()
    second.process.wait()
    p.get("/").expect(200, "east")


@sanitize
def names_that_fail_just_now_are_waited_for_while_the_old_one_serves(t):
    p, second, dns = _unready(t, "servfail", 4)
    p.get("/").expect(200, "east")
    assert "told to leave" not in second.log()
    dns.answer = "good"
    until(lambda: "told to leave" in second.log(), "it takes over", 10)
    for _ in range(5):
        p.get("/").expect(200, "east")
    assert p.wait_exit() == 0, p.log_text()
    second.process.send_signal(signal.SIGTERM)
    second.ends(0)


@sanitize
def who_is_told_to_end_before_it_is_ready_sends_nobody_away(t):
    p, second, dns = _unready(t)
    second.process.send_signal(signal.SIGTERM)
    dns.answer = "good"
    assert "serves on" in second.ends(0)
    p.get("/").expect(200, "east")
    assert p.is_running() and "leaving" not in p.log_text()


@sanitize
def only_one_takes_over_at_a_time(t):
    p, second, dns = _unready(t)
    third = subprocess.run([t.binary, "run", "-c", p.conf_path, "--take-over"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=30, check=False, text=True)
    assert third.returncode == 1 and "is just taking over" in third.stdout, third
    dns.answer = "good"
    second.process.send_signal(signal.SIGTERM)
    second.ends(0)


@sanitize
def who_may_not_send_the_old_one_away_does_not_begin(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    os.chmod(p.directory, 0o777)
    p.write(top='user = "nobody";')
    assert "could not be told to leave" in _Second(t, p).ends(1)
    p.until_logged("led nowhere; it leads here again")
    p.get("/").expect(200, "east")


@sanitize
def stopping_the_old_one_too_cuts_nothing_off_and_its_logs_stay_left(t):
    gate = threading.Event()
    origin = t.origin("east")
    origin.sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbe", gate, "en")
    state = os.path.join(t.directory("kept"), "state")
    p = t.proxy(regions={"us-east-1": [origin]}, top='state_dir = "%s";' % state)
    c = p.client().request("GET", "/long")
    while b"be" not in c.reader.buffer:
        c.reader.fill()
    first_pid, first = p.pid, p.take_over()
    p.until_logged("leaving to a successor")
    first.send_signal(signal.SIGUSR1)
    first.send_signal(signal.SIGTERM)
    p.until_logged("once more ends it now")
    gate.set()
    c.response().expect(200, "been")
    assert first.wait(20 * SLACK) == 0, p.log_text()
    with open(os.path.join(state, "journal.jsonl")) as f:
        told = f.read()
    assert "takes over from pid %d" % first_pid in told and "drained" not in told, told
