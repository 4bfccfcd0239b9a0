"""P2 and P5: regions that vanish or hang, under a constant load with 30 s timeouts."""

import json
import time
from collections import Counter

from harness import alone, deadline, sanitize, sanitized, tcp, until
from harness.h2_origin import PING

_TEXT = ('health_check = { type = "http"; path = "/healthz"; interval = "1s"; timeout = "500ms"; };'
         'timeouts = { connect = "30s"; try = "30s"; request = "30s"; };'
         'failover = { hold_down = "2s"; ramp = "2s"; };')
# Nothing but the request's own deadlines ends its wait.
_NOBODY_IS_TAKEN_OUT = (
    'health_check = { type = "none"; }; outlier = { consecutive = 100; failure_share = 1.0; }; '
    'timeouts = { try = "30s"; request = "30s"; unacknowledged = "700ms"; };')


def _two_regions(t, tls=False, text="", **options):
    """A primary and a standby of two endpoints each, every region a namespace of its own."""
    spaces, regions = {}, {}
    pair = t.pki.site() if tls else None
    for tier, region in enumerate(("primary", "standby")):
        spaces[region] = [t.netns("%s%d" % (region[:4], i)) for i in range(2)]
        regions[region] = [t.nginx("%s%d" % (region, i), netns=s, pair=pair, **options)
                           for i, s in enumerate(spaces[region])]
    secure = ' tls = { ca = "%s"; sni = "shop.example.com"; };' % t.pki.authority("ca").chain
    p = t.proxy(regions={r: {"endpoints": regions[r], "tier": tier,
                             "text": secure if tls else ""}
                         for tier, r in enumerate(("primary", "standby"))},
                service_text=_TEXT + text, workers=2)
    for endpoints in regions.values():
        for o in endpoints:
            p.until_state(o, "up")
    return p, spaces, regions


def _served_by(load, region):
    return sum(n for who, n in load.totals["by"].items() if who.startswith(region))


def _judge(t, load, worst_ms, what):
    totals = load.stop_clean()
    t.report("%s: %d requests, 0 failed, p99 %.0f ms, slowest %.0f ms" % (
        what, totals["ok"], totals["p99_ms"], totals["slowest_ms"]))
    assert sanitized() or totals["slowest_ms"] <= worst_ms, totals
    assert totals["dropped"] == 0, totals


def _lose_and_heal(t, p, load, lose, heal):
    load.until_ok(1500)
    assert _served_by(load, "standby") == 0, "the standby serves without need"
    lose()
    load.until_ok(1500)
    before = _served_by(load, "primary")
    load.until_ok(500)
    assert _served_by(load, "primary") == before, "the lost region is still asked"
    heal()
    until(lambda: _served_by(load, "primary") > before + 100, "it serves again", 30)


@sanitize
@alone
@deadline(120)
def a_region_that_vanishes_fails_no_safe_request(t):
    p, spaces, _ = _two_regions(t)
    load = t.load(p, rate=500, timeout=40.0)
    _lose_and_heal(t, p, load, lambda: [s.blackhole() for s in spaces["primary"]],
                   lambda: [s.heal() for s in spaces["primary"]])
    _judge(t, load, 500, "dropped")


@sanitize
@alone
@deadline(120)
def a_region_behind_tls_that_hangs_fails_no_safe_request(t):
    p, _, regions = _two_regions(t, tls=True)
    # A sanitizer's build has enough to do with TLS on both sides of half of that.
    load = t.load(p, rate=250 if sanitized() else 500, timeout=40.0)
    _lose_and_heal(t, p, load, lambda: [o.pause() for o in regions["primary"]],
                   lambda: [o.go_on() for o in regions["primary"]])
    _judge(t, load, 1000, "stopped behind TLS")


def _posts(t, lose):
    """POSTs only, while lose(spaces, regions) happens: each is executed once at most."""
    p, spaces, regions = _two_regions(t, log_ids=True)
    load = t.load(p, rate=300, post_every=1, timeout=40.0)
    load.until_ok(600)
    heal = lose(spaces["primary"], regions["primary"])
    load.until_ok(900)
    heal()
    totals = load.stop()
    seen = Counter(line for endpoints in regions.values() for o in endpoints
                   for line in o.executed() if line.startswith("POST"))
    twice = [line for line, n in seen.items() if n > 1]
    assert not twice, twice
    assert len(seen) >= totals["ok"], (len(seen), totals["ok"])
    t.report("%d POSTs, %d of them caught" % (totals["sent"], totals["failed"]))
    assert all("status 504" in why or "status 502" in why for why in totals["failures"]), \
        totals["failures"]
    assert totals["failed"] < 100, totals["failed"]


@sanitize
@alone
@deadline(120)
def a_post_caught_in_a_blackhole_is_never_executed_twice(t):
    def lose(spaces, _):
        for s in spaces:
            s.blackhole()
        return lambda: [s.heal() for s in spaces]

    _posts(t, lose)


@deadline(120)
def a_post_whose_answer_is_lost_is_never_executed_twice(t):
    def lose(spaces, _):
        for s in spaces:
            s.answers_lost()
        return lambda: [s.heal() for s in spaces]

    _posts(t, lose)


@sanitize
@alone
@deadline(120)
def a_post_to_a_region_that_hangs_is_never_executed_twice(t):
    def lose(_, origins):
        for o in origins:
            o.pause()
        return lambda: [o.go_on() for o in origins]

    _posts(t, lose)


@sanitize
@alone
@deadline(60)
def what_must_not_be_sent_twice_waits_for_its_path_for_so_long(t):
    space = t.netns("away")
    origin = t.nginx("away", netns=space)
    p = t.proxy(regions={"away": [origin]}, service_text=_NOBODY_IS_TAKEN_OUT)
    c = p.client()
    took = []
    for unacknowledged in ("700ms", "2s"):
        assert p.reload(service_text=p._parts["service_text"].replace("700ms", unacknowledged))
        c.get("/").expect(200)  # on a connection that is fresh enough for a POST
        space.blackhole()
        began = time.monotonic()
        answer = c.post("/%s" % unacknowledged, b"body")
        took.append(time.monotonic() - began)
        assert answer.status in (502, 504), answer
        space.heal()
        assert p.until_access("/%s" % unacknowledged)[0]["reason"] == "unacknowledged"
        until(lambda: p.get("/").status == 200, "it is back")
    t.report("given up after %.2f and %.2f s" % tuple(took))
    assert 0.65 <= took[0] < 1.9 and 1.9 <= took[1], took


@sanitize
@deadline(60)
def a_slow_answer_that_was_acknowledged_keeps_its_time(t):
    slow, other = t.origin("slow"), t.origin("other")
    begun = []

    def script(x):
        begun.append(time.monotonic())
        t.until(lambda: time.monotonic() > begun[0] + 1.5, "far longer than any look at it", 20)
        x.answer(200, "late")

    slow.does(script)
    p = t.proxy(regions={"primary": [slow], "standby": {"endpoints": [other], "tier": 1}},
                service_text='timeouts = { try = "30s"; request = "30s"; };')
    p.get("/report").expect(200, "late")
    assert not other.requests, "it was doubled"
    assert p.until_access("/report")[0]["tries"] == 1


_NO_CHECKS = ('health_check = { type = "none"; };'
              'timeouts = { connect = "30s"; try = "30s"; request = "30s"; };')
_GRPC = [("Content-Type", "application/grpc"), ("TE", "trailers")]
_CALL = b"\0\0\0\0\x01x"


def _downs(p):
    facts = json.loads(p.ask_socket("/v1/journal?limit=0").body)["facts"]
    return [f for f in facts if f.get("region") == "primary" and f["kind"] == "region_down"]


def _spaces(t, http2):
    """Of two regions, and the nginx in each."""
    spaces = [t.netns("primary"), t.netns("standby")]
    return spaces, [t.nginx(s.label, netns=s, http2=http2) for s in spaces]


def _left_after(p, ask, lose):
    """Ten asked a second; how long the region is asked on after it is lost, in seconds."""
    asked = []

    def once():
        asked.append(ask())
        time.sleep(0.1)  # the rate is the point
        return asked

    for _ in range(8):
        once()
    lose()
    began = time.monotonic()
    until(lambda: once() and _downs(p), "it is down", 5)
    return time.monotonic() - began, asked


def _expect_left(t, lose, protocol="h2", workers=1):
    """Only requests tell; and none of them fails."""
    spaces, origins = _spaces(t, protocol == "h2")
    p = t.proxy(regions={o.name: {"endpoints": [o], "tier": tier,
                                  "text": 'protocol = "%s";' % protocol}
                         for tier, o in enumerate(origins)},
                service_text=_NO_CHECKS, workers=workers)
    took, asked = _left_after(p, lambda: p.client(tls=False).request("GET", "/"),
                              lambda: lose(spaces[0]))
    t.report("left after %.0f ms" % (took * 1000))
    for c in asked:
        assert c.response().status == 200
    assert sanitized() or took < 1.2, took


@sanitize
def a_region_that_vanishes_among_few_requests_is_left_soon_without_checks(t):
    _expect_left(t, lambda space: space.blackhole(), "http1")


@sanitize
def a_region_that_vanishes_among_few_requests_is_left_as_soon_over_http2(t):
    _expect_left(t, lambda space: space.blackhole())


@sanitize
def a_region_whose_answers_vanish_is_left_as_soon_over_http2(t):
    _expect_left(t, lambda space: space.answers_lost())


@sanitize
def a_region_that_vanishes_for_four_workers_is_left_as_soon_over_http2(t):
    """Each has a connection of its own, on which next to nothing is sent."""
    _expect_left(t, lambda space: space.blackhole(), workers=4)


@sanitize
def a_region_that_vanishes_among_few_calls_is_left_soon(t):
    """None of which may be sent twice."""
    spaces, origins = _spaces(t, True)
    p = t.proxy(regions={o.name: {"endpoints": [o], "tier": tier, "text": 'protocol = "h2";'}
                         for tier, o in enumerate(origins)}, service_text=_NO_CHECKS)
    took, _ = _left_after(
        p, lambda: p.client(tls=False).request("POST", "/shop.Cart/Add", _GRPC, _CALL),
        spaces[0].blackhole)
    t.report("left after %.0f ms" % (took * 1000))
    assert sanitized() or took < 1.2, took


@sanitize
def a_region_that_vanishes_among_few_connections_is_left_soon(t):
    """Of a tcp service."""
    spaces, origins = _spaces(t, False)
    address = t.lease.address()
    listens = (address, t.lease.port(address))
    p = t.proxy(regions={}, routes=['{ path = "/"; service = "web"; }'], services=[
        ("web", {"east": ["http://127.0.0.1:9"]}),
        ("db", {o.name: {"endpoints": ["tcp://%s:%d" % (o.address, o.port)], "tier": tier}
                for tier, o in enumerate(origins)}, 'protocol = "tcp"; health_check = { '
         'type = "none"; }; timeouts = { connect = "30s"; };')],
        listeners=['{ name = "db"; bind = "%s:%d"; protocol = "tcp"; service = "db"; }' % listens])

    def ask():
        c = tcp.connect(listens)
        t.at_end(c.close)
        c.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return c

    took, asked = _left_after(p, ask, spaces[0].blackhole)
    t.report("left after %.0f ms" % (took * 1000))
    for c in asked:
        assert tcp.exactly(c, 12) == b"HTTP/1.1 200"
    assert sanitized() or took < 1.2, took


@sanitize
@deadline(60)
def an_upload_in_small_pieces_is_given_up_as_any_other(t):
    """Each piece is young; the first of them that got nowhere is not."""
    space = t.netns("away")
    origin = t.nginx("away", netns=space)
    p = t.proxy(regions={"away": [origin]}, service_text=_NOBODY_IS_TAKEN_OUT)
    c = p.client()
    c.get("/").expect(200)  # on a connection that is fresh enough for a POST
    space.blackhole()
    c.send("POST /drip HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    began = time.monotonic()

    def given_up():
        c.send(b"x")
        time.sleep(0.05)  # far less than any look at it waits for
        return len(p.access()) == 2

    until(given_up, "it has ended", 5)
    t.report("given up after %.2f s" % (time.monotonic() - began))
    assert p.access()[1]["reason"] == "unacknowledged"


@sanitize
def a_connect_that_may_take_for_ever_does(t):
    """Whoever waits for it is in no queue; who waits behind it is."""
    space = t.netns("away")
    origin = t.nginx("away", netns=space)
    p = t.proxy(regions={"away": [origin]}, service_text=(
        'health_check = { type = "none"; }; timeouts = { connect = "0"; }; '
        'limits = { max_connections = 1; max_wait = "100ms"; };'))
    space.blackhole()
    c = p.client(tls=False).request("GET", "/first")
    until(lambda: p.metrics().total("detour_endpoint_active_tries") == 1, "it waits")
    p.client(tls=False).get("/second").expect(503)
    assert p.until_access("/second")[0]["reason"] == "queue_timeout"
    space.heal()
    c.response().expect(200)  # the kernel asks once more after a second


@sanitize
@deadline(60)
def a_connection_that_dies_after_it_was_asked_in_a_silence_is_left(t):
    """It has answered a PING and nothing else since; then its own way is lost, and no other."""
    space = t.netns("proxy")
    origin = t.h2_origin("there", address=space.near, port=12000)
    origin.does(lambda s: s is not origin.streams[0] and s.answer(200, "there"))
    p = t.proxy(start=False, workers=1,
                regions={"east": {"endpoints": [origin], "text": 'protocol = "h2";'}},
                service_text='health_check = { type = "none"; }; timeouts = { try = "30s"; '
                             'request = "30s"; unacknowledged = "700ms"; };'
                             'outlier = { consecutive = 100; failure_share = 1.0; };')
    p.https, p.http, p.admin = ((space.address, 11000 + i) for i in range(3))
    p.write()
    p.start(wrap=["ip", "netns", "exec", space.name])
    p.client(tls=False).request("GET", "/slow")
    until(lambda: any(f[0] == PING for f in list(origin.frames)), "it is asked", 8)
    lost = origin.connections[0]
    space.deaf(str(lost.socket.getpeername()[1]))
    p.client(tls=False).get("/caught").expect(504)  # there is no other endpoint to turn to
    for _ in range(3):
        began = time.monotonic()
        p.client(tls=False).get("/").expect(200, "there")
        assert sanitized() or time.monotonic() - began < 0.2, "it waited for the lost one"
    assert len(origin.connections) == 2, "the others had one of their own"


@sanitize
@deadline(60)
def who_reads_an_upload_slowly_is_not_taken_for_lost(t):
    """What has waited for it to read is sent late, but for the first time."""
    origin, size, step = t.origin("slow"), 500 * 1000, 20000
    origin.refuse()
    origin.receive_buffer = 65536
    origin.accept(segment=1460)  # acknowledged with a delay, unless there are two
    taken = [0]

    def on_data(data):
        before, taken[0] = taken[0], taken[0] + len(data)
        if taken[0] // step != before // step:
            time.sleep(0.08)  # its pace is the point

    origin.on_data = on_data
    p = t.proxy(regions={"away": [origin]}, limits='min_rate = "0B";', service_text=_NO_CHECKS)
    for _ in range(4):
        c = p.client(tls=False, timeout=40)
        c.request("PUT", "/up", body=bytes(size)).response().expect(200, "slow")
    assert taken[0] == 4 * size
    assert p.metrics().total("detour_endpoint_errors_total") == 0
