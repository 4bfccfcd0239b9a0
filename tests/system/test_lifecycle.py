"""Reload, drain, signals, privileges."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from harness import alone, deadline, process, sanitize, until
from harness.pki import Pair
from harness.wait import SLACK

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_CHECK = ('health_check = { type = "http"; path = "/healthz"; interval = "200ms"; '
          'timeout = "150ms"; fall = 2; rise = 2; };')


@sanitize
def a_reload_changes_routes_and_keeps_connections(t):
    east, west = t.origin("east"), t.origin("west")
    p = t.proxy(regions={"us-east-1": [east]}, workers=2)
    held = [p.client(tls=tls) for tls in (True, False) for _ in range(5)]
    for c in held:
        c.get("/").expect(200, "east")
    assert p.reload(regions={"us-west-2": [west]})
    p.until_answer("/", "west")
    for c in held:
        until(lambda c=c: c.get("/").text == "west", "the held connection sees the new table")
    for c in held:
        c.get("/").expect(200, "west")


@sanitize
def a_request_in_flight_over_a_reload_is_finished(t):
    gate = threading.Event()
    east, west = t.origin("east").sends(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbegi\r\n", gate,
        "1\r\nn\r\n0\r\n\r\n"), t.origin("west")
    p = t.proxy(regions={"us-east-1": [east]})
    c = p.client().request("GET", "/long")
    while b"begi" not in c.reader.buffer:
        c.reader.fill()
    for _ in range(3):
        assert p.reload(regions={"us-west-2": [west]})
    p.until_answer("/", "west")
    gate.set()
    c.response().expect(200, "begin")
    c.get("/").expect(200, "west")


@sanitize
def who_waits_for_an_endpoint_that_a_reload_removes_goes_elsewhere(t):
    """Nothing was sent to it; as DNS does with each address that it replaces."""
    old, new = t.origin("old"), t.origin("new")
    go_on = threading.Event()
    t.at_end(go_on.set)

    def script(x):
        go_on.wait(30)
        x.answer(200, "old")

    old.does(script)
    p = t.proxy(regions={"us-east-1": [old]},
                service_text='limits = { max_connections = 1; max_wait = "20s"; }; '
                             'health_check = { type = "none"; };')
    first = p.client().request("GET", "/first")
    old.until_requests(1)
    waiting = [p.client().request(method, "/waits", body=b"x") for method in ("GET", "POST")]
    until(lambda: p.metrics().total("detour_worker_requests_in_flight") == 3, "they wait")
    assert p.reload(regions={"us-east-1": [new]})
    for c in waiting:
        c.response().expect(200, "new")
    go_on.set()
    first.response().expect(200, "old")


@sanitize
def an_invalid_file_is_refused_with_its_reasons_and_the_old_one_serves_on(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    held = p.client()
    held.get("/").expect(200, "east")
    good = open(p.conf_path).read()
    for text, reason in ((good.replace("services =", "servics ="), "services"),
                         (good.replace('service = "shop"', 'service = "shopp"'), "shop"),
                         (good + "}", "syntax"), ("", "listeners"),
                         (good.replace(p.pki.site().chain, "/nonexistent.crt"), "nonexistent")):
        p.write(text=text)
        at = len(p.log_text())
        assert p.reload_now() is False, reason
        assert reason in p.log_text()[at:], (reason, p.log_text()[at:])
        assert re.search(r"detour\.conf(:\d+)?: ", p.log_text()[at:]), p.log_text()[at:]
        assert re.search(r"[^;]; the old configuration serves on", p.log_text()[at:]), reason
        held.get("/").expect(200, "east")
        p.get("/").expect(200, "east")
    p.write(text=good)
    assert p.reload_now() is True
    held.get("/").expect(200, "east")


@sanitize
def a_refused_reload_is_logged_once_for_each_mistake(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    with open(p.conf_path, "a") as f:
        f.write("wrokers = 1;\nnonsense = 2;\n")
    at = len(p.log_text())
    assert p.reload_now() is False
    said = [line for line in p.log_text()[at:].split("\n") if " error " in line]
    assert len(said) == 2, said
    assert "reload refused: " in said[0] and "wrokers" in said[0], said
    assert "the old configuration serves on" in said[0] and "nonsense" in said[1], said


@sanitize
def what_only_a_restart_changes_is_said_at_each_reload_while_it_differs_from_what_runs(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    good = open(p.conf_path).read()
    assert p.socket in good

    def said(text):
        p.write(text=text)
        at = len(p.log_text())
        assert p.reload_now() is True
        return re.findall(r"another ([a-z_. ]+) takes effect after a restart", p.log_text()[at:])

    assert said(good) == []
    other = good.replace(p.socket, p.socket + ".other") + 'user = "root";'
    for _ in range(2):
        assert said(other) == ["user", "admin address"]
    assert said(good) == [], "what the file says now is what runs"


@sanitize
def listeners_come_and_go_with_a_reload(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, workers=2)
    address = (p.http[0], t.lease.port(p.http[0]))
    extra = '{ name = "extra"; bind = "%s:%d"; }' % address
    assert p.reload(listeners=[extra])

    def served():
        try:
            return p.get("/", tls=False, address=address).text == "east"
        except ConnectionError:
            return False

    until(served, "the new listener serves")
    held = p.client(tls=False, address=address)
    held.get("/").expect(200, "east")
    assert p.reload(listeners=[])

    def refused():
        try:
            p.client(tls=False, address=address).close()
            return False
        except ConnectionRefusedError:
            return True

    until(refused, "the listener is gone")
    held.get("/").expect(200, "east")
    p.get("/", tls=False).expect(200, "east")


@sanitize
def a_listener_that_cannot_be_opened_refuses_the_reload(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    taken = t.origin("taken")
    extra = '{ name = "extra"; bind = "%s:%d"; }' % (taken.address, taken.port)
    assert p.reload(listeners=[extra]) is False
    assert "%s:%d" % (taken.address, taken.port) in p.log_text()
    p.get("/").expect(200, "east")


@sanitize
def health_is_carried_over_a_reload(t):
    good, bad = t.origin("good"), t.origin("bad").answers(500, "sick")
    p = t.proxy(regions={"us-east-1": [good, bad]}, service_text=_CHECK)
    p.until_state(good, "up")
    p.until_state(bad, "down")
    began = time.monotonic()
    since = {u: e["since_s"] for (_, _, u), e in p.endpoints().items()}
    new = t.origin("new")
    for _ in range(3):
        assert p.reload(regions={"us-east-1": [good, bad, new]})
        for _ in range(20):
            p.get("/").expect(200)
            assert p.state(good) == "up" and p.state(bad) == "down", p.endpoints()
    now = {u: e["since_s"] for (_, _, u), e in p.endpoints().items()}
    for origin in (good, bad):
        held = now[origin.url] - since[origin.url]
        assert abs(held - (time.monotonic() - began)) < 0.5, "its clock runs on"
    assert not [r for r in bad.requests if r.target == "/"], "the down one got no traffic"
    p.until_state(new, "up")


@deadline(120)
def reloads_under_load_fail_no_request_and_drop_no_connection(t):
    origins = [t.nginx("n%d" % i) for i in range(3)]
    p = t.proxy(regions={"us-east-1": origins[:2]}, workers=2, service_text=_CHECK)
    load = t.load(p, rate=500, connections=50)
    for turn in range(15):
        load.until_ok(150)
        parts = {"regions": {"us-east-1": origins[turn % 2:turn % 2 + 2]},
                 "service_text": _CHECK + ('balance = "round_robin";' if turn % 3 else "")}
        assert p.reload(**parts)
    load.until_ok(300)
    totals = load.stop_clean()
    assert totals["dropped"] == 0, totals
    t.report("15 reloads: %d requests, 0 failed, 0 dropped, slowest %.1f ms" % (
        totals["ok"], totals["slowest_ms"]))


@alone
@deadline(90)
def many_reloads_leak_nothing(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, workers=2, service_text=_CHECK)
    for _ in range(10):
        assert p.reload()
        p.get("/").expect(200)
    files, memory = process.fd_count(p.pid), p.settled_rss(0.5)
    for _ in range(60):
        assert p.reload()
        p.get("/").expect(200, "east")
    until(lambda: process.fd_count(p.pid) <= files + 2, "descriptors are given back")
    growth = p.settled_rss(0.5) - memory
    t.report("60 reloads: RSS grew by %d KiB" % (growth // 1024))
    assert growth < 2 << 20, growth


@sanitize
def sigterm_finishes_what_is_open_and_exits_0(t):
    gate = threading.Event()
    origin = t.origin("east").does(lambda x: (gate.wait(30), x.answer(200, "late")))
    p = t.proxy(regions={"us-east-1": [origin]}, drain='timeout = "30s";')
    idle = p.client()
    busy = p.client().request("GET", "/busy")
    origin.until_requests(1)
    p.drain()
    until(lambda: p.ready_status() in (503, None), "it is not ready any more")
    until(lambda: not idle.is_open(), "the idle connection is closed")

    def refused():
        try:
            p.client(tls=False).close()
            return False
        except (ConnectionRefusedError, ConnectionResetError):
            return True

    until(refused, "it accepts no more")
    assert p.is_running()
    gate.set()
    answer = busy.response().expect(200, "late")
    assert (answer.get("connection") or "").lower() == "close", answer.fields
    busy.expect_close()
    assert p.wait_exit() == 0


@sanitize
def the_drain_delay_serves_on_while_readyz_says_503(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, drain='delay = "800ms";')
    p.drain()
    until(lambda: p.ready_status() == 503, "not ready", 0.7)
    p.get("/").expect(200, "east")
    assert p.ask("/livez").status == 200
    assert p.wait_exit() == 0


@deadline(60)
def a_drain_under_load_fails_no_request(t):
    """As behind a balancer that asks /readyz: it stops sending, and nothing sent is lost."""
    origin = t.nginx("east")
    p = t.proxy(regions={"us-east-1": [origin]}, workers=2, drain='delay = "1s";')
    load = t.load(p, rate=500)
    load.until_ok(1000)
    p.drain()
    until(lambda: p.ready_status() == 503, "not ready", 0.5)
    load.until_ok(100)
    totals = load.stop_clean()
    assert totals["ok"] > 1000
    assert p.wait_exit() == 0


@deadline(60)
def another_process_takes_over_under_load_without_a_failure(t):
    state = os.path.join(t.directory("kept"), "state")
    p = t.proxy(regions={"us-east-1": [t.nginx("a"), t.nginx("b")]}, workers=2,
                top='state_dir = "%s";' % state)
    load = t.load(p, rate=500, connections=50)
    load.until_ok(200)
    for _ in range(3):
        first = p.pid
        assert p.take_over().wait(20 * SLACK) == 0, p.log_text()
        assert p.pid != first and p.status()["pid"] == p.pid
        assert p.ready_status() == 200
        load.until_ok(200)
    totals = load.stop_clean()
    with open(os.path.join(state, "journal.jsonl")) as f:
        assert "takes over from pid %d" % first in f.read()
    t.report("3 times: %d requests, 0 failed, slowest %.1f ms" % (
        totals["ok"], totals["slowest_ms"]))


@sanitize
def who_takes_over_keeps_wishes_and_what_is_in_flight_ends_where_it_began(t):
    gate = threading.Event()
    origins = [t.origin(name) for name in ("east", "west")]
    for origin in origins:
        origin.sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbe", gate, "en")
    state = os.path.join(t.directory("kept"), "state")
    p = t.proxy(regions={"us-east-1": [origins[0]], "us-west-2": [origins[1]]},
                top='state_dir = "%s"; drain = { delay = "60s"; };' % state)
    c = p.client().request("GET", "/long")
    while b"be" not in c.reader.buffer:
        c.reader.fill()
    wish = ["--reason", "a test", "-s", p.socket]
    process.run([t.binary, "freeze", "shop"] + wish)
    first = p.take_over()
    p.until_logged("leaving to a successor")
    process.run([t.binary, "evacuate", "us-west-2"] + wish)
    assert first.poll() is None, "it waits for its client"
    gate.set()
    c.response().expect(200, "been")
    assert first.wait(20 * SLACK) == 0, p.log_text()
    with open(os.path.join(state, "wishes.json")) as f:
        kept = [w["wish"] for w in json.load(f)["wishes"]]
    assert kept == ["freeze", "evacuate"], kept
    assert os.path.exists(p.socket), "the admin socket is the successor's"


@sanitize
def only_who_says_so_serves_beside_another(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    second = subprocess.run([t.binary, "run", "-c", p.conf_path], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                            check=False, text=True)
    assert second.returncode == 1 and "the address is in use" in second.stdout, second
    q = t.proxy(start=False, regions={"us-east-1": [t.origin("west")]})
    q.start(options=["--take-over"])  # nobody is there
    q.get("/").expect(200)


@sanitize
def the_drain_timeout_ends_what_does_not_end(t):
    origin = t.origin("east").hangs()
    p = t.proxy(regions={"us-east-1": [origin]}, drain='timeout = "100ms"; hard_stop = "300ms";')
    p.client().request("GET", "/hangs")
    origin.until_requests(1)
    p.drain()
    p.expected_exit = 3
    assert p.wait_exit() == 3, "forced: exit code 3"


@sanitize
def a_request_may_take_until_the_hard_stop(t):
    go_on = threading.Event()
    origin = t.origin("east").does(lambda x: go_on.wait(10) and x.answer(200, "east"))
    p = t.proxy(regions={"us-east-1": [origin]}, drain='timeout = "100ms"; hard_stop = "20s";')
    c = p.client()
    c.request("GET", "/slow")
    origin.until_requests(1)
    p.drain()
    p.until_logged("drain.timeout: ending 0 tunnels; 1 requests")
    go_on.set()
    c.response().expect(200, "east")
    assert p.wait_exit() == 0


@sanitize
def a_second_sigterm_exits_now(t):
    origin = t.origin("east").hangs()
    p = t.proxy(regions={"us-east-1": [origin]})
    p.client().request("GET", "/hangs")
    origin.until_requests(1)
    p.drain()
    until(lambda: p.ready_status() in (503, None), "it drains")
    assert p.is_running()
    p.drain()
    p.expected_exit = p.wait_exit(5)
    assert p.expected_exit in (0, 3), p.expected_exit


@sanitize
def sigusr1_opens_the_log_anew(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    p.get("/before").expect(200)
    p.until_access("/before")
    moved = p.access_path + ".1"
    os.rename(p.access_path, moved)
    p.signal(signal.SIGUSR1)
    until(lambda: os.path.exists(p.access_path), "a new file is there")
    p.get("/after").expect(200)
    p.until_access("/after")
    with open(moved) as f:
        assert "/before" in f.read()
    assert not [line for line in p.access() if line["path"] == "/before"]


def logrotate_as_deployed_loses_no_line(t):
    p = t.proxy(regions={"us-east-1": [t.nginx("east")]})
    with open(os.path.join(ROOT, "deploy", "logrotate")) as f:
        text = f.read().replace("/var/log/detour/access.log", p.access_path)
    text, count = re.subn(r"systemctl kill .*", "kill -USR1 %d" % p.pid, text)
    assert count == 1, text
    conf = os.path.join(p.directory, "logrotate.conf")
    with open(conf, "w") as f:
        f.write(text)
    load = t.load(p, rate=400)
    for turn in range(2):
        load.until_ok(100)
        process.run(["logrotate", "-f", "-s", conf + ".state", conf])
        until(lambda: os.path.exists(p.access_path), "a new file is open")
    load.until_ok(100)
    sent = load.stop_clean()["ok"]

    def lines():
        with gzip.open(p.access_path + ".2.gz") as f:
            return len(p.access()) + f.read().count(b"\n") + open(
                p.access_path + ".1").read().count("\n")

    until(lambda: lines() >= sent, "every request has its line")
    assert lines() == sent, (lines(), sent)


@sanitize
def privileges_are_dropped_after_binding(t):
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]}, top='user = "nobody";',
                log='access = "stdout"; format = "json"; level = "info";')
    os.chmod(p.directory, 0o777)
    pair = Pair(p.directory, "own")  # a reload reads the key again, as that user
    for source, copy in ((p.pki.site().chain, pair.chain), (p.pki.site().key, pair.key)):
        shutil.copyfile(source, copy)
        os.chown(copy, 65534, 65534)
        os.chmod(copy, 0o600)
    p.https = (p.https[0], 443)
    p.write(certificates=[pair])
    p.start()
    p.get("/").expect(200, "east")
    uid, nobody = process.status_field(p.pid, "Uid").split(), 65534
    assert {int(u) for u in uid} == {nobody}, uid
    assert "0" not in process.status_field(p.pid, "Groups").split()
    bind_only = 1 << 10  # so that a reload may still open a port below 1024
    assert int(process.status_field(p.pid, "CapEff"), 16) & ~bind_only == 0
    assert process.status_field(p.pid, "NoNewPrivs") == "1"
    for task in process.threads(p.pid):
        assert process.status_field(task, "Uid").split() == ["65534"] * 4, "every thread"
        assert process.status_field(task, "Gid").split() == ["65534"] * 4, "every thread"
        for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            assert int(process.status_field(task, kind), 16) & ~bind_only == 0, kind
    assert p.reload()
    p.get("/").expect(200, "east")


@sanitize
def a_start_that_cannot_succeed_says_why_and_exits_1(t):
    taken = t.origin("taken")
    p = t.proxy(start=False, regions={"us-east-1": [taken]})
    p.http = (taken.address, taken.port)
    p.write()
    p.start(ready=False)
    p.expected_exit = 1
    assert p.wait_exit() == 1
    assert "%d" % taken.port in p.log_text(), p.log_text()
    p2 = t.proxy(start=False, regions={"us-east-1": [taken]})
    p2.write(text="listeners = (")
    p2.start(ready=False)
    p2.expected_exit = 1
    assert p2.wait_exit() == 1
    assert re.search(r"detour\.conf:[12]: syntax", p2.log_text()), p2.log_text()


@sanitize
def the_log_disk_failing_changes_nothing_for_traffic(t):
    """P9: an access log that cannot be written drops lines, never requests."""
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]},
                log='access = "/dev/full"; format = "json"; level = "info";')
    p.start()
    c = p.client()
    for _ in range(300):
        c.get("/").expect(200, "east")
