"""Regions die in network namespaces, under load."""

from harness import alone, deadline, sanitized, until

_CHECK = ('health_check = { type = "http"; path = "/healthz"; interval = "500ms"; '
          'fast_interval = "100ms"; timeout = "400ms"; fall = 2; rise = 2; };')
_CALM = 'failover = { hold_down = "1s"; ramp = "2s"; };'


def _three_regions(t):
    names = ("us-east-1", "us-west-2", "gcp-us-central1")
    spaces = {n: t.netns(n) for n in names}
    origins = {n: t.nginx(n, netns=spaces[n]) for n in names}
    return names, spaces, origins


@alone
@deadline(120)
def a_region_killed_at_500_requests_a_second_over_tls_fails_no_request(t):
    names, _, origins = _three_regions(t)
    p = t.proxy(regions={n: [origins[n]] for n in names}, service_text=_CHECK + _CALM, workers=2)
    for n in names:
        p.until_state(origins[n], "up")
    load = t.load(p, rate=500, connections=50)
    load.until_ok(1500)
    origins["us-east-1"].kill()
    load.until_ok(2500)
    p.until_state(origins["us-east-1"], "down")
    before = dict(load.totals["by"])
    load.until_ok(500)
    assert load.totals["by"].get("us-east-1", 0) == before.get("us-east-1", 0), \
        "the dead region serves on?"
    origins["us-east-1"].start()
    p.until_state(origins["us-east-1"], "up")
    until(lambda: load.totals["by"]["us-east-1"] > before["us-east-1"], "it serves again", 10)
    load.until_ok(1000)
    totals = load.stop_clean()
    t.report("%d requests, 0 failed, p99 %.1f ms, slowest %.1f ms" % (
        totals["ok"], totals["p99_ms"], totals["slowest_ms"]))
    assert totals["dropped"] == 0, totals
    assert sanitized() or totals["slowest_ms"] < 1000, totals


@deadline(120)
def two_of_three_regions_killed_one_after_the_other_fail_no_request(t):
    names, _, origins = _three_regions(t)
    p = t.proxy(regions={n: {"endpoints": [origins[n]], "tier": 1 if n.startswith("gcp") else 0}
                         for n in names}, service_text=_CHECK, workers=2)
    for n in names:
        p.until_state(origins[n], "up")
    load = t.load(p, rate=500)
    load.until_ok(1000)
    assert "gcp-us-central1" not in load.totals["by"], "the standby serves without need"
    origins["us-east-1"].kill()
    load.until_ok(1000)
    origins["us-west-2"].kill()
    load.until_ok(2000)
    totals = load.stop_clean()
    assert totals["by"]["gcp-us-central1"] > 500, totals["by"]
    assert totals["dropped"] == 0, totals


@deadline(120)
def a_region_killed_without_health_checks_fails_no_request(t):
    names, _, origins = _three_regions(t)
    p = t.proxy(regions={n: [origins[n]] for n in names}, workers=2)
    load = t.load(p, rate=500)
    load.until_ok(1000)
    origins["us-east-1"].kill()
    load.until_ok(3000)
    load.stop_clean()


@deadline(120)
def all_regions_lost_and_back_recovers_by_itself(t):
    names, _, origins = _three_regions(t)
    p = t.proxy(regions={n: [origins[n]] for n in names}, service_text=_CHECK)
    for n in names:
        p.until_state(origins[n], "up")
    p.get("/").expect(200)
    for n in names:
        origins[n].kill()
    answer = p.get("/", [("Accept", "application/json")])
    assert answer.status in (502, 503), answer
    for n in names:
        p.until_state(origins[n], "down")
    assert p.get("/").status in (502, 503)
    origins["us-west-2"].start()
    until(lambda: p.get("/").status == 200, "the one that is back serves", 10)
    p.until_state(origins["us-west-2"], "up")
    for _ in range(20):
        assert p.get("/").expect(200).text.startswith("us-west-2")
    assert p.is_running()
