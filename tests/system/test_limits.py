"""What hostile or countless clients may cost."""

import resource
import socket
import threading
import time

from harness import alone, deadline, process, sanitize, sanitized, until
from harness.h2 import H2


@sanitize
def a_head_that_trickles_is_408_and_bystanders_are_served(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, limits='request_head = "500ms";')
    slow = [p.client(tls=tls) for tls in (True, False) for _ in range(50)]
    for c in slow:
        c.send("GET /slow HTTP/1.1\r\nHost: h\r\nX-A: ")
    began = time.monotonic()
    while time.monotonic() - began < 0.4:
        for c in slow:
            try:
                c.send("a")
            except OSError:
                pass  # it may have been given up already
        p.get("/bystander").expect(200, "east")
    for c in slow:
        answer = c.response()
        assert answer.status == 408, answer
        assert c.rest() == b""


@sanitize
def an_idle_connection_is_closed_in_silence(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, limits='keep_alive = "300ms"; '
                'request_head = "300ms";')
    for tls in (True, False):
        used, fresh = p.client(tls=tls), p.client(tls=tls)
        used.get("/").expect(200)
        used.expect_close()
        rest = fresh.rest()  # never said a word
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408"), rest


@sanitize
def connections_beyond_a_listeners_limit_are_turned_away(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, plain="max_connections = 5;", workers=2)
    held = [p.client(tls=False) for _ in range(5)]
    for c in held:
        c.get("/").expect(200, "east")
    try:
        over = p.client(tls=False)
        over.request("GET", "/over")
        got = over.rest()
    except OSError:
        got = b""
    assert b" 200 " not in got, got
    for c in held:
        c.get("/").expect(200, "east")
    held.pop().close()

    def served():
        try:
            return p.client(tls=False).get("/").status == 200
        except Exception:
            return False

    until(served, "one that left makes room")
    p.get("/").expect(200, "east")


def _free_descriptors(p, count):
    """Leaves the proxy room for count more open files."""
    limit = process.fd_count(p.pid) + count
    _, hard = resource.prlimit(p.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (limit, hard))


@sanitize
def running_out_of_descriptors_pauses_accepting_and_ends_by_itself(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    bystander = p.client()
    bystander.get("/").expect(200, "east")
    _free_descriptors(p, 20)
    flood = []
    for _ in range(200):
        flood.append(p.client(tls=False))
    until(lambda: process.fd_count(p.pid) >= 20, "descriptors are used up")
    until(lambda: "accept" in p.log_text().lower(), "the log says so")
    for _ in range(5):
        bystander.get("/").expect(200, "east")
    cpu = process.cpu_seconds(p.pid)
    began = time.monotonic()
    time.sleep(1.0)
    used = (process.cpu_seconds(p.pid) - cpu) / (time.monotonic() - began)
    assert used < 0.5, "it spins on accept: %.0f %% CPU" % (used * 100)
    for c in flood:
        c.close()

    def served():
        try:
            return p.get("/").text == "east"
        except Exception:
            return False

    until(served, "accepting resumes", 10)
    assert p.metrics().total("detour_worker_accept_pauses_total") >= 1


@sanitize
def no_descriptor_for_an_upstream_connection_is_not_the_endpoints_fault(t):
    origins = [t.origin("a"), t.origin("b")]
    # No probes: the descriptor of one that ends would be one more to be had.
    p = t.proxy(regions={"us-east-1": origins},
                service_text='limits = { keep_alive_connections = 0; }; '
                             'health_check = { type = "none"; };')
    client = p.client()
    client.get("/").expect(200)
    until(lambda: not any(o.open_connections for o in origins), "nothing is kept")

    def scarce():
        """What was just closing is one more to be had: then the next limit is lower."""
        _free_descriptors(p, 0)
        return client.get("/first").status == 503

    until(scarce, "no descriptor is left")
    for _ in range(8):
        answer = client.get("/scarce")
        assert answer.status == 503 and "file descriptor" in answer.text, answer
        assert answer.get("retry-after"), answer
    assert {line["reason"] for line in p.until_access("/scarce", count=8)} == {"no_resources"}
    _free_descriptors(p, 20)
    seen = {client.get("/").text for _ in range(20)}
    assert seen == {"a", "b"}, seen
    assert {e["state"] for e in p.endpoints().values()} == {"up"}


@sanitize
def an_accept_storm_is_served_whole(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, workers=2)
    wrong = []

    def one():
        for _ in range(20):
            try:
                p.get("/", tls=False, timeout=20).expect(200, "east")
            except Exception as e:
                wrong.append(repr(e))

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, (len(wrong), wrong[:3])
    until(lambda: p.metrics().total("detour_worker_client_connections") <= 2, "all have gone")


@alone
@deadline(180)
def ten_thousand_idle_connections_cost_little_memory(t):
    # As many as descriptors allow: the proxy keeps one for each client's endpoint in reserve.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10000, hard // 2 - 500)
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, limits='keep_alive = "5m"; '
                'request_head = "5m";', listener="max_connections = 20000;",
                plain="max_connections = 20000;")
    for tls, most in ((False, 4), (True, 24)):
        base = p.settled_rss(1.0)
        clients = []
        for _ in range(count):
            c = p.client(tls=tls, timeout=30)
            c.get("/").expect(200, "east")
            clients.append(c)
        each = (p.settled_rss(2.0) - base) / count / 1024
        t.report("%d idle %s connections cost %.2f KiB each" % (
            count, "TLS" if tls else "clear", each))
        assert each < most, each
        clients[0].get("/").expect(200, "east")
        clients[-1].get("/").expect(200, "east")
        for c in clients:
            c.close()
        until(lambda: p.metrics().total("detour_worker_client_connections") <= 2, "all have gone", 20)


@sanitize
def pipelining_without_reading_answers_is_stopped(t):
    """Requests pile up at the client, not in the proxy."""
    origin = t.origin("east").answers(200, b"x" * 10000)
    p = t.proxy(regions={"us-east-1": [origin]}, limits='send_stall = "30s"; min_rate = "0B";')
    c = p.client(tls=False, receive_buffer=16384)
    c.socket.settimeout(2)
    sent = 0
    some = ("GET / HTTP/1.1\r\nHost: h\r\nX-Padding: %s\r\n\r\n" % ("x" * 2000)) * 50
    most = 30000  # 60 MB, many times what the sockets of both ends hold
    try:
        while sent < most:
            c.send(some)
            sent += 50
    except socket.timeout:
        pass
    assert sent < most, "the proxy took everything"
    assert len(origin.requests) < sent
    p.get("/").expect(200)


@sanitize
def a_connection_is_not_kept_beyond_its_age(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, limits='max_age = "500ms";')
    for tls in (True, False):
        c = p.client(tls=tls)
        first = c.get("/").expect(200, "east")
        assert first.get("connection") is None, first
        began = time.monotonic()
        until(lambda: c.get("/").expect(200, "east").get("connection") == "close", "it is old")
        assert 0.2 < time.monotonic() - began < 5
        assert c.rest() == b""


@sanitize
def bodies_are_kept_for_another_try_as_far_as_all_together_may(t):
    bad, good = t.origin("bad"), t.origin("good")
    bad.resets()
    p = t.proxy(regions={"primary": [bad], "standby": {"endpoints": [good], "tier": 1}},
                service_text='outlier = { consecutive = 100; failure_share = 1.0; }; '
                             'retry = { budget = 1.0; };')
    c = p.client()
    assert c.request("PUT", "/", (), b"kept").response().expect(200, "good")
    assert p.reload(limits='replay_memory = "0B";')
    for client, body, status in ((c, b"not kept", 502), (p.client(), b"nor this", 502)):
        client.request("PUT", "/", (), body).response().expect(status)
    p.get("/").expect(200, "good")  # nothing to keep


@sanitize
def memory_that_runs_out_costs_the_least_first(t):
    origin = t.origin("east")
    routes = ['{ path = "/"; service = "shop"; }',
              '{ path = "/low"; service = "shop"; priority = "low"; }']
    p = t.proxy(regions={"us-east-1": [origin]}, routes=routes, plain="h2c = true;")
    held, idle = p.client(tls=False), p.client(tls=False)
    assert held.get("/low/").status == 200 and idle.get("/").status == 200
    used = p.settled_rss(0.3)

    def press(level):
        """Half of the limit is used; that is enough for these steps, and for no other."""
        steps = ["%s = %.1f;" % (step, 0.1 if i < level else 1.0)
                 for i, step in enumerate(("shed", "shrink", "stop"))]
        assert p.reload(top='memory = { limit = "%dB"; %s };' % (2 * used, " ".join(steps)))
        until(lambda: p.metrics().total("detour_memory_pressure") == level, "level %d" % level)

    press(1)
    shed = p.get("/low/", tls=False)
    assert shed.status == 503 and shed.get("retry-after"), shed
    assert held.get("/low/").status == 503 and held.get("/").status == 200
    press(2)
    idle.expect_close()
    answer = p.client(tls=False).get("/")
    assert answer.status == 200 and answer.get("connection") == "close", answer
    with H2(p) as c:
        assert c.answer(c.open())[0] == 200
        assert c.until_goaway() == 0
    until(lambda: origin.open_connections == 0, "connections to endpoints are let go")
    press(3)
    waits = p.client(tls=False)  # by the kernel, whose queue has room
    waits.request("GET", "/")
    threading.Event().wait(0.3)
    seen = len(origin.requests)
    press(0)
    waits.response().expect(200, "east")
    assert len(origin.requests) == seen + 1, "it was not accepted before"
    assert p.get("/low/", tls=False).status == 200
    c = p.client(tls=False)
    assert c.get("/").get("connection") is None and c.get("/").status == 200
    for text in ("low priority are shed", "are not kept", "no new connections", "enough again"):
        p.until_logged(text)
    # Who is shed for that is not told to be more than regions can do.
    p.until_logged("shop: memory is short: shedding requests of low priority (demand ")
    p.until_logged("shop: shedding ended (demand ")
    assert "more demand than capacity" not in p.log_text(), p.log_text()
    shed = p.metrics().total("detour_service_shed_for_memory_requests_total")
    assert 0 < shed <= p.metrics().total("detour_service_shed_requests_total"), shed


@sanitize
def a_connection_to_an_endpoint_rests_for_so_long(t):
    short, long = t.origin("short"), t.origin("long")
    text = 'health_check = { type = "none"; }; limits = { keep_alive = "%s"; };'
    p = t.proxy(regions={"us-east-1": [long]}, service_text=text % "30s",
                services=[("brief", {"us-east-1": [short]}, text % "300ms")],
                routes=['{ path = "/"; service = "shop"; }', '{ path = "/b"; service = "brief"; }'])
    for _ in range(3):
        p.get("/").expect(200, "long")
        p.get("/b").expect(200, "short")
    assert short.connections == 1 and long.connections == 1
    until(lambda: short.open_connections == 0, "it is closed")
    assert long.open_connections == 1


@sanitize
def an_answer_may_take_longer_than_its_connections_may_rest(t):
    east, may_answer = t.origin("east"), threading.Event()
    t.at_end(may_answer.set)
    p = t.proxy(regions={"us-east-1": [east]}, limits='keep_alive = "300ms";',
                service_text='health_check = { type = "none"; }; '
                             'limits = { keep_alive = "300ms"; };')
    for tls in (True, False):
        c = p.client(tls=tls)
        c.get("/before").expect(200, "east")

        def slowly(x):
            may_answer.wait(10)
            x.answer(200, b"at last")

        may_answer.clear()
        east.does(slowly)
        c.request("GET", "/slow")
        threading.Timer(1, may_answer.set).start()  # both have had their time to rest, thrice
        assert c.response().body == b"at last"
        east.answers(200, b"east")
        c.get("/after").expect(200)
        c.expect_close()
        until(lambda: east.open_connections == 0, "the endpoint's rests no longer either")


@sanitize
def a_connection_that_does_not_come_about_is_given_up(t):
    address = t.lease.address()
    silent = socket.create_server((address, t.lease.port(address)))  # and no handshake ever
    t.at_end(silent.close)
    p = t.proxy(regions={"us-east-1": {"endpoints": ["https://%s:%d" % silent.getsockname()],
                                       "text": "tls = { verify = false; };"}},
                service_text='health_check = { type = "none"; }; retry = { attempts = 1; }; '
                             'timeouts = { connect = "400ms"; };')
    began = time.monotonic()
    answer = p.get("/late")
    took = time.monotonic() - began
    assert answer.status in (502, 503, 504), answer
    assert p.until_access("/late")[0]["reason"] == "connect_timeout"
    assert 0.35 < took and (sanitized() or took < 2), took
