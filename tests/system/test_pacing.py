"""Bursts at a stated capacity: who finds no token waits for one, or is shed at once and told of."""

import json
import time

from harness import process, sanitize, sanitized, until
from harness.h2 import CANCEL, HEADERS, H2, RST_STREAM, block, frame, request


def _proxy(t, capacity, origin, **parts):
    p = t.proxy(regions={"us-east-1": {"endpoints": [origin],
                                       "text": "capacity = %d;" % capacity}}, **parts)
    p.until_state(origin, "up")
    return p


def _open(c, streams, path="/page"):
    """So many requests in one write; their streams."""
    ids = [c.next_id() for _ in range(streams)]
    c.send(b"".join(frame(HEADERS, 5, i, block(request(path=path))) for i in ids))
    return ids


def _statuses(c, ids):
    seen = {}
    while len(seen) < len(ids):
        f = c.until(lambda f: f.kind == HEADERS and f.stream in ids and f.stream not in seen)
        seen[f.stream] = f.status
    return [seen[i] for i in ids]


def _page(p, streams, path="/page"):
    with H2(p, tls=True) as c:
        return _statuses(c, _open(c, streams, path))


def _paced(p):
    return p.metrics().total("detour_service_paced_requests_total")


@sanitize
def a_page_of_twenty_streams_is_served_whole_at_an_idle_region(t):
    for capacity in (400, 100):
        p = _proxy(t, capacity, t.nginx("only-%d" % capacity))
        assert _page(p, 20) == [200] * 20
        waits = sorted(line["queue_us"] for line in p.until_access("/page", count=20))
        assert waits[-1] > 10000 or sanitized(), waits
        p.stop()


@sanitize
def twenty_connections_are_served_whole_at_an_idle_region(t):
    for capacity in (400, 100):
        p = _proxy(t, capacity, t.nginx("only-%d" % capacity))
        clients = [p.client(tls=False) for _ in range(20)]
        for c in clients:
            c.request("GET", "/page")
        assert [c.response().status for c in clients] == [200] * 20
        p.stop()


@sanitize
def connections_of_a_tcp_service_wait_for_their_turn_as_well(t):
    origin = t.origin("only")
    address = t.lease.address()
    port = t.lease.port(address)
    p = t.proxy(regions={"us-east-1": [origin]}, services=[(
        "raw", {"us-east-1": {"endpoints": [origin.url.replace("http:", "tcp:")],
                              "text": "capacity = 100;"}}, 'protocol = "tcp";')],
        listeners=['{ name = "raw"; bind = "%s:%d"; protocol = "tcp"; service = "raw"; }' % (address, port)])
    p.until_state(origin, "up")
    clients = [p.client(tls=False, address=(address, port)) for _ in range(15)]
    for c in clients:
        c.request("GET", "/raw")
    assert [c.response().status for c in clients] == [200] * 15
    assert _paced(p) > 0 or sanitized()


@sanitize
def nobody_waits_while_another_region_has_room(t):
    east, gcp = t.nginx("east"), t.nginx("gcp")
    p = t.proxy(regions={"us-east-1": {"endpoints": [east], "text": "capacity = 100;"},
                         "gcp": {"endpoints": [gcp], "tier": 1}})
    for origin in (east, gcp):
        p.until_state(origin, "up")
    assert _page(p, 40) == [200] * 40
    assert {line["region"] for line in p.until_access("/page", count=40)} == {"us-east-1", "gcp"}
    assert _paced(p) == 0


@sanitize
def who_would_wait_too_long_is_shed_at_once(t):
    p = _proxy(t, 100, t.nginx("only"))
    got = _page(p, 60)
    assert got.count(200) >= 20 and got.count(503) >= 20, got
    shed = [line for line in p.until_access("/page", count=60) if line["reason"] == "shed"]
    assert all(line["queue_us"] == 0 and line["tries"] == 0 for line in shed), shed
    assert max(line["total_us"] for line in shed) < 10000 or sanitized(), shed


@sanitize
def who_leaves_while_it_waits_is_asked_of_nobody(t):
    origin = t.origin("only")
    p = _proxy(t, 10, origin)
    asked = len(origin.requests)
    with H2(p, tls=True) as c:
        ids = [c.next_id() for _ in range(10)]
        # Nine have tokens; the tenth, who would have one in a tenth of a second, leaves.
        c.send(b"".join(frame(HEADERS, 5, i, block(request(path="/page"))) for i in ids))
        seen = c.until(lambda f: f.kind == HEADERS)  # by then all have been looked at
        c.send(frame(RST_STREAM, 0, ids[-1], CANCEL.to_bytes(4, "big")))
        assert _statuses(c, [i for i in ids[:-1] if i != seen.stream]) == [200] * 8
    left = [line for line in p.until_access("/page", count=10) if line["status"] == 499]
    assert len(left) == 1 and left[0]["tries"] == 0 and _paced(p) == 1, left
    assert len(origin.requests) == asked + 9


@sanitize
def whose_region_is_gone_when_the_turn_comes_goes_elsewhere(t):
    """A reload while one waits: it is served by what the new configuration has."""
    east, west = t.origin("east"), t.origin("west")
    p = _proxy(t, 9, east)  # a token comes after 111 ms
    with H2(p, tls=True) as c:
        ids = _open(c, 10)
        until(lambda: _paced(p) == 1, "one waits")
        p.write(regions={"us-west-2": [west]})
        p.reload_now()
        assert _statuses(c, ids) == [200] * 10


@sanitize
def a_call_whose_deadline_comes_first_does_not_wait(t):
    p = _proxy(t, 10, t.origin("only"))
    with H2(p, tls=True) as c:
        ids = [c.next_id() for _ in range(10)]
        more = [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "30m")]
        c.send(b"".join(frame(HEADERS, 5, i, block(request(
            method="POST", path="/shop.Call/One", more=more if i == ids[-1] else ())))
            for i in ids))
        _statuses(c, ids)
    line = [line for line in p.until_access("/shop.Call/One", count=10)
            if line.get("grpc_status") is not None][0]
    assert line["reason"] == "shed" and line["queue_us"] == 0, line
    assert _paced(p) == 0


# ---- and it is told ----

def _facts(p, *kinds):
    facts = json.loads(p.ask_socket("/v1/journal?limit=0").body)["facts"]
    return [f for f in facts if f["kind"] in kinds]


def _say(t, p, *command):
    return process.run([t.binary, *command, "-s", p.socket])


def _pages_until(p, condition, what):
    """
    A page of forty streams every second until the condition is true; when the last one began. Fewer
    than the hundred a second that the region can do, and no share sheds any: the bucket does.
    """
    last = []

    def page_and_look():
        if not last or time.monotonic() > last[-1] + 1:
            last.append(time.monotonic())
            _page(p, 40)
        return condition()

    until(lambda: p.status()["uptime_s"] > 1.2, "there is a rate of the last second")
    until(page_and_look, what, 10)
    return last[-1]


@sanitize
def a_burst_that_is_shed_is_told_in_status_explain_and_journal(t):
    p = _proxy(t, 100, t.nginx("only"))
    shop = lambda: p.status()["services"][0]

    last = _pages_until(p, lambda: _facts(p, "shed_began"), "the journal tells of it")
    began = time.monotonic()
    until(lambda: _facts(p, "shed_ended"), "and of its end", 5)
    ended = time.monotonic()
    t.report("told %.2f s after it began, its end after %.2f s" % (began - last, ended - last))
    assert began - last < 1 or sanitized()
    assert ended - last < 1.2 or sanitized(), "what is shed of a page is shed at once"
    fact = _facts(p, "shed_began")[0]
    assert fact["region"] == "us-east-1" and fact["signal"] == "capacity", fact
    assert fact["numbers"]["capacity"] == 100 and fact["numbers"]["shed"] > 0, fact
    _pages_until(p, lambda: shop()["shed_rate"] > 0 and shop()["regions"][0]["shed_by_rate"] > 0,
                 "status tells of it")
    said = []

    def is_shown():
        said.append(_say(t, p, "status"))
        return "; its capacity of 100/s is met" in said[-1]

    _pages_until(p, is_shown, "the table shows it")
    assert "SHED/S" in said[-1] and "; shedding " in said[-1], said[-1]
    until(lambda: shop()["shed_rate"] == 0 and shop()["shed_since_s"] is None, "it is over")


@sanitize
def explain_says_that_it_sheds_how_much_and_what_it_meets(t):
    p = _proxy(t, 100, t.nginx("only"))
    said = []

    def is_said():
        said.append(_say(t, p, "explain", "shop"))
        return " SHED in the last second: " in said[-1]

    _pages_until(p, is_said, "it is explained")
    assert ", which began " in said[-1] and "us-east-1 meets its capacity of 100/s" in said[-1], \
        said[-1]


@sanitize
def who_is_refused_because_all_regions_are_down_is_not_called_shed(t):
    east, gcp = t.origin("east"), t.origin("gcp")
    p = t.proxy(regions={n: {"endpoints": [o], "text": "capacity = 20;"}
                         for n, o in (("us-east-1", east), ("gcp", gcp))})
    for origin in (east, gcp):
        p.until_state(origin, "up")
        origin.refuse()
    shop = lambda: p.status()["services"][0]
    c = p.client()
    until(lambda: c.get("/").status and shop()["mode"] == "fail_open", "both are down", 20)
    got = _page(p, 60, "/down")
    refused = [line for line in p.until_access("/down", count=60) if line["status"] == 503]
    assert len(refused) == got.count(503) > 0, got
    assert {line["reason"] for line in refused} == {"all_down"}, refused
    for count in (p.metrics().total("detour_service_refused_requests_total"),
                  p.metrics().total("detour_http_request_faults_total", reason="all_down")):
        assert count >= len(refused)
    assert p.metrics().total("detour_service_shed_requests_total") == 0
    said = []

    def told(*command):
        _page(p, 60)
        said.append(_say(t, p, *command))
        return "no region is up" in said[-1]

    until(lambda: told("explain", "shop"), "explain tells of it", 10)
    assert " REFUSED in the last second: " in said[-1], said[-1]
    until(lambda: told("status"), "the table shows it", 10)
    assert "; refusing " in said[-1] and shop()["refused_rate"] > 0, said[-1]
