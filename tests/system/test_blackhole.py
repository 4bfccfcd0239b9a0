"""P2 and P5: regions that vanish or hang, under a constant load with 30 s timeouts."""

import time
from collections import Counter

from harness import alone, deadline, sanitize, sanitized, until

_TEXT = ('health_check = { type = "http"; path = "/healthz"; interval = "1s"; timeout = "500ms"; };'
         'timeouts = { connect = "30s"; try = "30s"; request = "30s"; };'
         'failover = { hold_down = "2s"; ramp = "2s"; };')


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


@alone
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
    p = t.proxy(regions={"away": [origin]}, service_text=(
        'health_check = { type = "none"; }; outlier = { consecutive = 100; failure_share = 1.0; }; '
        'timeouts = { try = "30s"; request = "30s"; unacknowledged = "700ms"; };'))
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
