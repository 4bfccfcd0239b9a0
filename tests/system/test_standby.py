"""Standbys, capacities and priorities: what the workers make of control's words."""

import json
import os
import threading
import time

from harness import alone, deadline, sanitize, until

_FAST = ('health_check = { type = "http"; path = "/healthz"; interval = "200ms"; timeout = "1s"; '
         'fast_interval = "50ms"; }; ')


@sanitize
def a_standby_has_warm_connections_and_a_failover_opens_none(t):
    east, gcp = (t.origin(name, tls=t.pki.server_context(t.pki.site()))
                 for name in ("east", "gcp"))
    secure = 'tls = { ca = "%s"; sni = "shop.example.com"; };' % t.pki.authority("ca").chain
    p = t.proxy(regions={"us-east-1": {"endpoints": [east], "text": secure},
                         "gcp": {"endpoints": [gcp], "tier": 1, "text": secure}},
                service_text='failover = { warm_connections = 3; };')
    until(lambda: gcp.open_connections == 3, "three connections wait at the standby", 10)
    assert not gcp.requests, "nothing was asked of it"
    p.get("/").expect(200, "east")
    handshakes = len(gcp.handshakes)
    east.refuse()
    p.get("/failover").expect(200, "gcp")
    line = p.until_access("/failover")[0]
    assert line["connect_us"] == 0, line
    assert len(gcp.handshakes) <= handshakes + 2, "as many as were used are replaced, no more"


@sanitize
def a_request_that_its_region_breaks_off_as_it_dies_finds_a_warm_connection_too(t):
    """That one kept connection was closed says nothing of those to another region."""
    east, gcp = t.origin("east"), t.origin("gcp")

    def dies(x):
        x.origin.refuse()
        x.close()

    p = t.proxy(regions={"us-east-1": {"endpoints": [east]},
                         "gcp": {"endpoints": [gcp], "tier": 1}})
    until(lambda: gcp.open_connections == 2, "two connections wait at the standby", 10)
    p.get("/").expect(200, "east")
    east.does(dies)
    p.get("/dies").expect(200, "gcp")
    line = p.until_access("/dies")[0]
    assert line["tries"] == 3, "the kept connection, a new one, the standby: %s" % line
    assert line["connect_us"] == 0, line


@sanitize
def a_request_that_a_dying_endpoint_took_along_does_not_wait_for_the_next_one_to_die(t):
    def dies(x):
        x.origin.refuse()
        x.close()

    first, second, gcp = t.origin("east"), t.origin("east"), t.origin("gcp")
    p = t.proxy(regions={"us-east-1": {"endpoints": [first, second]},
                         "gcp": {"endpoints": [gcp], "tier": 1}})
    for _ in range(20):
        p.get("/").expect(200, "east")
    assert first.requests and second.requests
    for east in (first, second):
        east.does(dies)
    p.get("/dies").expect(200, "gcp")
    assert len(first.of("/dies") + second.of("/dies")) == 1


@sanitize
def a_warm_connection_that_closes_as_it_is_used_costs_no_attempt(t):
    """As one that has been used before: nothing was wrong but the moment."""
    east, gcp = t.origin("east"), t.origin("gcp")
    p = t.proxy(regions={"us-east-1": [east],
                         "gcp": {"endpoints": [gcp], "tier": 1}},
                service_text="retry = { attempts = 1; };")
    until(lambda: gcp.open_connections == 2, "two connections wait at the standby", 10)
    east.refuse()
    gcp.does(lambda x: x.close() if len(gcp.requests) == 1 else x.answer(200, "gcp"))
    p.get("/").expect(200, "gcp")
    assert len(gcp.requests) == 2


@sanitize
def warm_connections_that_the_standby_closes_are_replaced(t):
    east, gcp = t.origin("east"), t.origin("gcp")
    p = t.proxy(regions={"us-east-1": {"endpoints": [east]},
                         "gcp": {"endpoints": [gcp], "tier": 1}})
    for _ in range(3):
        until(lambda: gcp.open_connections == 2, "two connections wait at the standby", 10)
        gcp.drop_connections()
    until(lambda: gcp.open_connections == 2, "and again", 10)
    p.get("/").expect(200, "east")
    assert not gcp.requests


@sanitize
def warm_connections_can_be_turned_off(t):
    east, gcp = t.origin("east"), t.origin("gcp")
    p = t.proxy(regions={"us-east-1": {"endpoints": [east]},
                         "gcp": {"endpoints": [gcp], "tier": 1}},
                service_text="failover = { warm_connections = 0; };")
    began = time.monotonic()
    until(lambda: time.monotonic() > began + 2.5, "two rounds of upkeep")
    p.get("/").expect(200, "east")
    assert gcp.connections == 0


@alone
@deadline(60)
def a_region_gets_no_more_than_its_capacity_and_the_rest_is_shed_at_once(t):
    origin = t.nginx("only")
    p = t.proxy(regions={"us-east-1": {"endpoints": [origin], "text": "capacity = 100;"}},
                service_text=_FAST)
    p.until_state(origin, "up")
    load = t.load(p, rate=400, timeout=10.0)
    began = time.monotonic()
    load.until_ok(50)
    first, at = load.ok, time.monotonic()
    until(lambda: time.monotonic() > at + 5, "five seconds", 10)
    served, seconds = load.ok - first, time.monotonic() - at
    totals = load.stop()
    lines = [line for line in p.access() if line["reason"] == "shed"]
    slow = sorted(line["total_us"] for line in lines)
    t.report("capacity 100/s, load 400/s: %.1f/s served, %d shed, shed p99 %.2f ms (%d s)" % (
        served / seconds, len(lines), slow[int(len(slow) * 0.99)] / 1000,
        time.monotonic() - began))
    assert served / seconds <= 105, served / seconds
    assert served / seconds >= 90, served / seconds
    assert all(line["status"] == 503 and line["tries"] == 0 for line in lines)
    assert totals["failed"] == len(lines), totals["failures"]
    assert slow[int(len(slow) * 0.99)] < 10000, slow[-10:]


def _with_usual_latency(p, mean_ms, region="us-east-1"):
    """As if the proxy had run before, and the region had taken so long."""
    directory = os.path.join(p.directory, "state")
    os.mkdir(directory)
    with open(os.path.join(directory, "state.json"), "w") as f:
        json.dump({"version": 1, "saved_wall_ms": int(time.time() * 1000), "endpoints": [],
                   "names": [], "regions": [{
                       "service": "shop", "region": region, "state": "up", "age_ms": 1000,
                       "relapses": 0.0, "hold_left_ms": 0, "p50_us": mean_ms * 1000,
                       "p95_us": mean_ms * 1000, "mean_us": mean_ms * 1000}]}, f)


def _in_flight_limit(p, region=0):
    return p.status()["services"][0]["regions"][region]["in_flight_limit"]


@sanitize
def an_endpoint_that_hangs_does_not_shut_its_region(t):
    good, bad = t.origin("good"), t.origin("bad").hangs()
    p = t.proxy(start=False, top='state_dir = "state";',
                regions={"us-east-1": {"endpoints": [good, bad], "text": "capacity = 1000;"}},
                service_text='balance = "round_robin"; timeouts = { try = "60s"; };')
    _with_usual_latency(p, 5)
    p.start()
    until(lambda: _in_flight_limit(p) == 17, "twice 1000/s * 5 ms, and what chance adds", 5)
    for n in range(1, 61):
        p.client().request("POST", "/order", body=b"x")
        until(lambda: len(good.of("/order")) + len(bad.of("/order")) == n, "%d have arrived" % n)
    assert len(bad.of("/order")) == 13, "one of two may hold three quarters"


@sanitize
def downloads_take_no_room_of_a_cap_once_they_have_begun(t):
    gate = threading.Event()

    def script(x):
        if x.request.target != "/file":
            x.answer(200, "only")
            return
        x.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun")
        gate.wait(30)
        x.send("ended")

    origin = t.origin("only").does(script)
    p = t.proxy(start=False, top='state_dir = "state";',
                regions={"us-east-1": {"endpoints": [origin], "text": "capacity = 1000;"}})
    _with_usual_latency(p, 5)
    p.start()
    until(lambda: _in_flight_limit(p) == 17, "a limit", 5)
    downloads = [p.client() for _ in range(20)]
    try:
        for c in downloads:
            c.request("GET", "/file")
            assert b"200" in c.reader.until(b"begun")
        p.get("/").expect(200, "only")
    finally:
        gate.set()


@alone
@deadline(60)
def what_is_shed_is_shed_by_priority(t):
    origin = t.nginx("only")
    p = t.proxy(regions={"us-east-1": {"endpoints": [origin], "text": "capacity = 100;"}},
                service_text=_FAST,
                routes=['{ path = "/high"; service = "shop"; priority = "high"; }',
                        '{ path = "/low"; service = "shop"; priority = "low"; }',
                        '{ path = "/"; service = "shop"; }'])
    p.until_state(origin, "up")
    loads = {name: t.load(p, rate=80, target="/" + name, timeout=10.0)
             for name in ("low", "normal", "high")}
    at = time.monotonic()
    until(lambda: time.monotonic() > at + 6, "six seconds", 10)
    share = {name: load.stop() for name, load in loads.items()}
    share = {name: totals["ok"] / totals["sent"] for name, totals in share.items()}
    t.report(json.dumps(share))
    assert share["high"] > 0.9 > share["normal"] > share["low"], share


@sanitize
def a_shed_request_says_when_to_come_back(t):
    origin = t.origin("only")
    p = t.proxy(regions={"us-east-1": {"endpoints": [origin], "text": "capacity = 1;"}})
    p.get("/").expect(200, "only")
    seen = set()

    def shed():
        answer = p.get("/again")
        if answer.status == 503:
            seen.add(int(answer.get("retry-after")))
        return len(seen) >= 3

    until(shed, "some are shed", 20)
    assert all(5 <= s <= 15 for s in seen), seen


@sanitize
def who_finds_the_standby_full_is_not_sent_to_a_region_that_is_down(t):
    # Its checks pass, so its endpoints may be picked all along.
    east = [t.origin(n).does(lambda x: x.answer(200) if x.request.target == "/healthz"
                             else x.reset()) for n in ("a", "b")]
    gcp = t.origin("gcp")
    p = t.proxy(regions={"us-east-1": east, "gcp": {"endpoints": [gcp], "tier": 1,
                                                    "text": "capacity = 1;"}}, service_text=_FAST)
    for origin in east + [gcp]:
        p.until_state(origin, "up")
    c = p.client()

    def is_down():
        return p.status()["services"][0]["regions"][0]["state"] == "down"

    def shed_while_down():
        until(lambda: c.get("/").status and is_down(), "the region is down")
        for origin in east:
            origin.requests.clear()
        seen = {c.get("/").status for _ in range(20)}
        return is_down() and 503 in seen

    until(shed_while_down, "some are shed while it is down", 20)
    assert not any(origin.of("/") for origin in east)


@sanitize
def what_waits_at_an_endpoint_that_goes_down_moves_on_if_it_may(t):
    hung, well = t.origin("hung"), t.origin("well")
    gate, broken = threading.Event(), threading.Event()

    def script(x):
        if x.request.target == "/healthz":
            return x.answer(503 if broken.is_set() else 200)
        gate.wait(30)
        return x.answer(200, "late")

    hung.does(script)
    p = t.proxy(regions={"us-east-1": [hung, well]}, service_text=_FAST +
                'balance = "round_robin"; timeouts = { try = "30s"; request = "30s"; };')
    p.until_state(hung, "up")
    p.until_state(well, "up")
    gets = [p.client().request("GET", "/get") for _ in range(4)]
    posts = [p.client().request("POST", "/post", (), b"order") for _ in range(4)]
    until(lambda: hung.of("/get") and hung.of("/post"), "both kinds wait there")
    broken.set()
    for get in gets:
        get.response().expect(200, "well")
    waiting = len(hung.of("/post"))
    gate.set()
    assert sorted(c.response().text for c in posts) == ["late"] * waiting + ["well"] * (
        4 - waiting)
    assert len(hung.of("/post") + well.of("/post")) == 4, "a POST was sent twice"


@sanitize
def what_waits_in_a_region_that_goes_down_moves_on_if_it_may(t):
    east, gcp = t.origin("east"), t.origin("gcp")
    gate = threading.Event()

    def script(x):
        if x.request.target == "/healthz":
            return x.answer(503 if gate.is_set() or broken.is_set() else 200)
        gate.wait(30)
        return x.answer(200, "late")

    broken = threading.Event()
    east.does(script)
    p = t.proxy(regions={"us-east-1": [east], "gcp": {"endpoints": [gcp], "tier": 1}},
                service_text=_FAST + 'timeouts = { try = "30s"; request = "30s"; };')
    p.until_state(east, "up")
    get = p.client().request("GET", "/get")
    post = p.client().request("POST", "/post", (), b"order")
    until(lambda: east.of("/get") and east.of("/post"), "both have arrived")
    broken.set()
    get.response().expect(200, "gcp")
    assert p.until_access("/get")[0]["tries"] == 2
    assert not gcp.of("/post"), "what must not be sent twice stays"
    gate.set()
    post.response().expect(200, "late")
    assert len(east.of("/post")) == 1 and not gcp.of("/post")


@sanitize
def who_is_caught_by_a_loss_and_finds_no_room_elsewhere_is_told_to_come_again(t):
    east, gcp = t.origin("east"), t.origin("gcp")
    caught = []

    def script(x):
        caught.append(x)
        t.until(lambda: len(caught) >= 10, "ten wait for an answer", 20)
        x.reset()

    east.does(script)
    p = t.proxy(regions={"us-east-1": {"endpoints": [east]},
                         "gcp": {"endpoints": [gcp], "tier": 1, "text": "capacity = 10;"}})
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(p.get("/"))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    served = [a for a in answers if a.status == 200]
    shed = [a for a in answers if a.status == 503]
    assert served and shed and len(served) + len(shed) == 10, [a.status for a in answers]
    assert all(a.get("retry-after") for a in shed), shed[0]


@sanitize
def what_a_lost_region_was_busy_with_leaves_new_requests_their_room_at_the_standby(t):
    east, gcp = t.origin("east"), t.origin("gcp")
    caught, gate = [], threading.Event()

    def dies(x):
        caught.append(x)
        t.until(lambda: len(caught) == 12, "twelve wait for an answer", 20)
        x.origin.refuse()
        x.reset()

    east.does(dies)
    gcp.does(lambda x: (x.request.target == "/" or gate.wait(30), x.answer(200, "gcp")))
    p = t.proxy(start=False, top='state_dir = "state";',
                regions={"us-east-1": {"endpoints": [east]},
                         "gcp": {"endpoints": [gcp], "tier": 1, "text": "capacity = 1000;"}},
                service_text="retry = { budget = 1.0; };")
    _with_usual_latency(p, 5, region="gcp")
    p.start()
    until(lambda: _in_flight_limit(p, 1) == 17, "a limit", 5)
    try:
        for path in ("/report", "/new"):
            for n in range(1, 13):
                p.client().request("GET", path)
                if path == "/new":
                    until(lambda: len(gcp.of("/new")) == n, "%d new ones have arrived" % n)
            until(lambda: len(gcp.of("/report")) == 12, "what was caught has moved", 10)
        p.get("/").expect(200, "gcp")
    finally:
        gate.set()
