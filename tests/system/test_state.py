"""What is known outlives a restart, and nothing depends on that."""

import json
import os

from harness import sanitize, sanitized, until

_CHECK = ('health_check = { type = "http"; path = "/h"; interval = "100ms"; fast_interval = "50ms"; '
          'timeout = "300ms"; fall = 2; rise = 2; };')


def _path(p):
    return os.path.join(p.directory, "state", "state.json")


def _saved(p):
    try:
        with open(_path(p)) as f:
            return json.load(f)
    except (FileNotFoundError, ValueError):
        return {"regions": [], "endpoints": [], "names": []}


def _restart(p):
    p.stop()
    p.start()


def _regions(p):
    return {r["name"]: r for r in p.status()["services"][0]["regions"]}


@sanitize
def a_region_that_was_down_is_not_trusted_at_once_after_a_restart(t):
    """P9: a restart starts from the last known state."""
    east, west = t.origin("east"), t.origin("west")
    p = t.proxy(regions={"us-east-1": [east], "us-west-2": {"endpoints": [west], "tier": 1}},
                top='state_dir = "state";',
                service_text=_CHECK + 'failover = { hold_down = "10m"; };')
    p.until_state(east, "up")
    p.get("/").expect(200, "east")
    east.refuse()
    p.until_state(east, "down")
    p.until_answer("/", "west")
    until(lambda: "down" in [r["state"] for r in _saved(p)["regions"]], "it is kept", 10)
    _restart(p)
    assert _regions(p)["us-east-1"]["region_state"] == "down"
    east.accept()
    p.until_state(east, "up")
    until(lambda: _regions(p)["us-east-1"]["region_state"] == "hold", "it waits")
    for _ in range(20):
        p.get("/").expect(200, "west")
    # And it waits on after another restart, which does not begin the time anew.
    _restart(p)
    assert _regions(p)["us-east-1"]["region_state"] == "hold"
    for _ in range(20):
        p.get("/").expect(200, "west")


@sanitize
def a_fall_that_may_be_chance_is_none_for_a_successor(t):
    """Behind one address one of the servers may be dead, which checks meet now and then."""
    def closes_on_checks(x):
        if x.request.target == "/h":
            x.close()
        else:
            x.answer(200, "east")

    east, west = t.origin("east"), t.origin("west")
    p = t.proxy(regions={"us-east-1": [east], "us-west-2": {"endpoints": [west], "tier": 1}},
                top='state_dir = "state";',
                service_text=_CHECK.replace('"50ms"', '"400ms"'))
    p.until_state(east, "up")
    load = t.load(p, rate=100, tls=False, echo=False).until_ok(50)
    east.does(closes_on_checks)
    p.until_logged("its checks fail, but its requests are answered")
    load.stop()
    p.stop()
    assert {e["url"]: e["up"] for e in _saved(p)["endpoints"]}[east.url], _saved(p)
    p.start()
    p.get("/").expect(200, "east")


@sanitize
def a_restart_without_dns_serves_from_the_last_known_addresses(t):
    """P9: neither losing DNS nor a restart without it refuses anybody."""
    origin = t.origin("o")
    dns = t.dns().has("shop.internal.test", origin.address)
    p = t.proxy(regions={"us-east-1": ["http://shop.internal.test:%d" % origin.port]},
                top='state_dir = "state"; resolver = { servers = "%s:%d"; timeout = "200ms"; '
                    'min_ttl = "100ms"; max_ttl = "1s"; };' % (dns.address, dns.port))
    p.get("/").expect(200, "o")
    until(lambda: _saved(p)["names"], "it is kept", 10)
    for answer in ("silent", "servfail", "nxdomain"):
        dns.answer = answer
        _restart(p)
        for _ in range(5):
            p.get("/").expect(200, "o")
    # Without the file there is nothing to go by.
    p.stop()
    os.unlink(_path(p))
    p.start()
    p.get("/").expect(503)


@sanitize
def a_broken_or_missing_file_is_a_warning_and_no_outage(t):
    origin = t.origin("o")
    p = t.proxy(regions={"us-east-1": [origin]}, top='state_dir = "state";', service_text=_CHECK)
    p.until_state(origin, "up")
    p.get("/").expect(200, "o")
    until(lambda: _saved(p)["endpoints"], "it is kept", 10)
    for text in ("", "{", '{"version": 99}', '{"version": 1, "saved_wall_ms": 1}', "\0" * 4096):
        p.stop()
        with open(_path(p), "w") as f:
            f.write(text)
        before = len(p.log_text())
        p.start()
        p.get("/").expect(200, "o")
        assert "state_dir:" in p.log_text()[before:], text
    until(lambda: _saved(p)["endpoints"], "a good one is there again", 10)


def a_full_disk_changes_no_routing(t):
    """P9: what cannot be kept is said once, and that is all."""
    east, west = t.origin("east"), t.origin("west")
    p = t.proxy(start=False, regions={"us-east-1": [east],
                                      "us-west-2": {"endpoints": [west], "tier": 1}},
                top='state_dir = "state";', service_text=_CHECK)
    os.mkdir(os.path.dirname(_path(p)))
    # A directory where the fresh file should be: not even root can write there.
    os.mkdir(_path(p) + ".new")
    p.start()
    p.until_state(east, "up")
    p.get("/").expect(200, "east")
    east.refuse()
    p.until_answer("/", "west")
    p.until_logged("a restart would begin without the state", 10)
    assert p.log_text().count("a restart would begin without") == 1
    os.rmdir(_path(p) + ".new")
    west.drop_connections()
    east.accept()
    p.until_logged("is kept again", 20 if not sanitized() else 40)


@sanitize
def when_all_are_down_a_service_that_fails_closed_refuses(t):
    """P7, the other way, for who would rather be unreachable than wrong."""
    origin = t.origin("o")
    p = t.proxy(regions={"us-east-1": [origin]},
                service_text=_CHECK + 'failover = { all_down = "fail_closed"; hold_down = "0s"; '
                             'ramp = "0s"; };')
    p.until_state(origin, "up")
    p.get("/").expect(200, "o")
    origin.answers(500, "sick")
    p.until_state(origin, "down")
    until(lambda: p.status()["services"][0]["mode"] == "fail_closed", "it fails closed")
    p.get("/closed").expect(503)
    assert p.until_access("/closed")[0]["reason"] == "all_down"
    origin.answers(200, "well")
    p.until_answer("/", "well")
    assert p.status()["services"][0]["mode"] == "normal"
