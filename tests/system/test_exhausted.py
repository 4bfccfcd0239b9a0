"""What this machine has none left of is nobody's fault: local ports, descriptors."""

import resource
import threading
import time

from harness import deadline, process, sanitize, until

_CHECK = ('health_check = { type = "http"; path = "/healthz"; interval = "100ms"; '
          'timeout = "2s"; fall = 2; };')


def _checks_failed(p):
    return p.metrics().total("detour_health_checks_total", result="failed")


@sanitize
@deadline(60)
def ports_that_run_out_are_held_against_nobody(t):
    """Neither by traffic nor by checks: where all ports lead to it, an endpoint is busy with us."""
    ports = 16
    space = t.netns("proxy")
    space.run(["sh", "-c", "echo 40000 %d > /proc/sys/net/ipv4/ip_local_port_range" % (
        40000 + ports - 1)])
    origin = t.origin("east", address=space.near, port=12000)
    go_on = threading.Event()
    t.at_end(go_on.set)

    def script(x):
        if x.request.target == "/healthz":  # each check needs a port
            x.answer(200, "well", [("Connection", "close")])
            x.close()
        if x.request.target == "/held":
            go_on.wait(30)
        x.answer(200, "east")

    origin.does(script)
    p = t.proxy(start=False, regions={"us-east-1": [origin]}, service_text=_CHECK)
    p.https, p.http, p.admin = ((space.address, 11000 + i) for i in range(3))
    p.write()
    p.start(wrap=["ip", "netns", "exec", space.name])
    p.until_state(origin, "up")
    statuses = []

    def ask():
        statuses.append(p.client(tls=False, timeout=30).get("/held").status)

    threads = [threading.Thread(target=ask) for _ in range(ports + 8)]
    for thread in threads:
        thread.start()
    p.until_logged("cannot check", 15)
    until(lambda: 503 in statuses, "who finds none is told")
    lines = until(lambda: [line for line in p.access() if line["status"] == 503], "it is logged")
    assert {line["reason"] for line in lines} == {"no_ports"}, lines
    p.until_logged("no local port")
    assert _checks_failed(p) == 0, "a check without a port has not failed"
    assert p.state(origin) == "up", p.endpoints()
    go_on.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 503}, statuses
    p.get("/", tls=False).expect(200, "east")
    assert p.state(origin) == "up" and _checks_failed(p) == 0, p.endpoints()


@sanitize
def the_admin_side_rests_while_there_are_no_descriptors(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    _, hard = resource.prlimit(p.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (process.fd_count(p.pid), hard))
    waiting = [p.client(address=p.admin, tls=False), p.client(address=p.socket, tls=False)]
    for c in waiting:
        c.request("GET", "/livez")
    until(lambda: "admin" in p.log_text(), "the log says so")
    cpu = process.cpu_seconds(p.pid)
    began = time.monotonic()
    time.sleep(1.0)
    used = (process.cpu_seconds(p.pid) - cpu) / (time.monotonic() - began)
    assert used < 0.5, "it spins on accept: %.0f %% CPU" % (used * 100)
    assert p.log_text().count("accept") < 20, p.log_tail()
    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (hard, hard))
    for c in waiting:
        c.response().expect(200, "alive\n")
