"""Health checks, as status tells of them."""

import re
import time

from harness import process, sanitize, until, wait


def _check(text):
    return ('health_check = { interval = "100ms"; fast_interval = "50ms"; timeout = "300ms"; '
            'fall = 3; rise = 2; %s };' % text)


@sanitize
def an_endpoint_falls_after_fall_failures_and_rises_after_rise_passes(t):
    origin, other = t.origin("east"), t.origin("other")
    p = t.proxy(regions={"us-east-1": [origin, other]},
                service_text=_check('type = "http"; path = "/healthz";'))
    p.until_state(origin, "up")
    until(lambda: origin.of("/healthz"), "it is probed")
    probe = origin.of("/healthz")[0]
    assert probe.method == "GET"
    assert "detour" in (probe.get("user-agent") or "").lower(), probe.fields
    assert probe.get("host") == "%s:%d" % (origin.address, origin.port), probe.fields
    origin.answers(500, "sick")
    p.until_state(origin, "down")
    reason = [e["reason"] for (_, _, u), e in p.endpoints().items() if u == origin.url][0]
    assert "500" in reason, reason
    origin.answers(200, "well")
    p.until_state(origin, "up")
    p.until_logged(origin.url.split("//")[1])


@sanitize
def what_was_sent_before_an_endpoint_fell_is_not_held_against_it_once_it_is_back(t):
    east, other = t.origin("east"), t.origin("other")
    p = t.proxy(regions={"us-east-1": [east, other]}, service_text='balance = "round_robin"; '
                'timeouts = { try = "3s"; request = "6s"; }; ' +
                _check('type = "http"; path = "/healthz";'))
    for origin in (east, other):
        p.until_state(origin, "up")
    status = [200]
    east.does(lambda x: x.answer(status[0]) if x.request.target == "/healthz"
              else x.origin.stopping.wait(30))
    clients = [p.client().request("POST", "/order", (), b"one") for _ in range(8)]
    until(lambda: len(east.of("/order")) == 4, "half of them wait there")
    status[0] = 500
    p.until_state(east, "down")
    status[0] = 200
    p.until_state(east, "up")
    assert sorted(c.response().status for c in clients) == [200] * 4 + [504] * 4
    # Control has looked at what they came to by the time that it knows of this.
    other.answers(500, "sick")
    p.until_state(other, "down")
    (state,) = [e["state"] for (_, _, u), e in p.endpoints().items() if u == east.url]
    assert state == "up", state


@sanitize
def each_kind_of_failure_is_named(t):
    reasons = {}
    origins = {
        "refused": t.origin("refused").refuse(),
        "reset": t.origin("reset").resets(),
        "no answer": t.origin("timeout").hangs(),
        "503": t.origin("status").answers(503, "x"),
        "text missing": t.origin("body").answers(200, "nothing of the sort"),
        "malformed": t.origin("malformed").sends("nonsense\r\n\r\n"),
    }
    good = t.origin("good").answers(200, "all is well here")
    p = t.proxy(regions={"us-east-1": list(origins.values()) + [good]}, service_text=_check(
        'type = "http"; path = "/h"; expect_status = ( 200 ); expect_body = "is well";'))
    p.until_state(good, "up")
    for origin in origins.values():
        p.until_state(origin, "down")
    for (_, _, url), endpoint in p.endpoints().items():
        reasons[url] = endpoint["reason"]
    for word, origin in origins.items():
        assert word in reasons[origin.url], (word, reasons[origin.url])


@sanitize
def a_tcp_check_is_content_with_a_connection(t):
    mute, dead = t.origin("mute").hangs(), t.origin("dead").refuse()
    p = t.proxy(regions={"us-east-1": [mute, dead]}, service_text=_check('type = "tcp";'))
    p.until_state(mute, "up")
    p.until_state(dead, "down")


@sanitize
def an_https_endpoint_is_probed_over_tls(t):
    address = t.lease.address()
    good = t.origin("good", address=address, tls=t.pki.server_context(
        t.pki.leaf("origin-" + address, ["IP:" + address])))
    bad = t.origin("bad", tls=t.pki.server_context(t.pki.leaf("wrongname", ["x.example"])))
    p = t.proxy(regions={"us-east-1": {"endpoints": [good, bad], "text": 'tls = { ca = "%s"; };' %
                                       t.pki.authority("ca").chain}},
                service_text=_check('type = "http"; path = "/h";'))
    p.until_state(good, "up")
    p.until_state(bad, "down")
    assert good.of("/h") and not bad.requests


@sanitize
def a_certificate_that_ends_soon_is_told_before_it_does(t):
    """A standby must not be found out on the day it is needed."""
    trust = 'tls = { ca = "%s"; };' % t.pki.authority("ca").chain
    origins = {}
    for name, days in (("fresh", 29), ("ending", 9), ("ignored", 9)):
        address = t.lease.address()
        origins[name] = t.origin(name, address=address, tls=t.pki.server_context(
            t.pki.leaf(name + "-" + address, ["IP:" + address], days=days)))
    p = t.proxy(service_text=_check('type = "http"; path = "/h";'), regions={
        "us-east-1": {"endpoints": [origins["fresh"]], "text": trust},
        "us-west-2": {"endpoints": [origins["ending"]], "text": trust, "tier": 1},
        "eu-west-1": {"endpoints": [origins["ignored"]], "text": "tls = { verify = false; };",
                      "tier": 1}})
    for origin in origins.values():
        p.until_state(origin, "up")
    by_url = {u: e for (_, _, u), e in p.endpoints().items()}
    assert [by_url[origins[n].url]["certificate_warning"] for n in sorted(origins)] == [
        True, False, False], by_url
    assert by_url[origins["ignored"].url]["certificate_ends"] is None, by_url
    p.until_logged("shop, us-west-2, %s: its certificate ends in " % origins["ending"].url)
    assert re.search(r"ends in [89] days, at 20\S+Z: renew it", p.log_text()), p.log_text()
    assert p.log_text().count("its certificate ends in") == 1, p.log_text()
    ends = "detour_endpoint_certificate_not_after_seconds"
    (left,) = [v - time.time() for v in p.metrics().values(ends, region="us-west-2")]
    assert 8 * 86400 < left < 10 * 86400, left
    assert p.metrics().values(ends, region="eu-west-1") == [], "nobody verifies that one"
    told = process.run([t.binary, "status", "-s", p.socket])
    assert told.count("WARNING: its certificate ends at 20") == 1, told


@sanitize
def method_host_port_and_expected_statuses_are_obeyed(t):
    origin, side = t.origin("east"), t.origin("side")
    side.stop()
    probed = t.origin("probed", address=origin.address, port=side.port).answers(418, "x")
    p = t.proxy(regions={"us-east-1": [origin]}, service_text=_check(
        'type = "http"; path = "/ready?x=1"; method = "HEAD"; host = "probe.example.com"; '
        'port = %d; expect_status = ( 200, "410-420" );' % side.port))
    p.until_state(origin, "up")
    assert probed.last.method == "HEAD" and probed.last.target == "/ready?x=1"
    assert probed.last.get("host") == "probe.example.com"
    assert origin.requests == []


@sanitize
def a_probes_connection_is_reused_or_not_as_asked(t):
    for reuse in ("true", "false"):
        origin = t.origin("reuse-" + reuse)
        p = t.proxy(regions={"us-east-1": [origin]},
                    service_text=_check('type = "http"; path = "/h"; reuse = %s;' % reuse))
        origin.until_requests(8)
        if reuse == "true":
            assert origin.connections == 1, origin.connections
        else:
            assert origin.connections >= 8, origin.connections
        p.stop()


@sanitize
def a_down_endpoint_gets_no_traffic_and_an_up_one_gets_it_at_once(t):
    sick, well = t.origin("sick").answers(500, "sick"), t.origin("well")
    p = t.proxy(regions={"us-east-1": [sick, well]},
                service_text=_check('type = "http"; path = "/h";'))
    p.until_state(sick, "down")
    p.until_state(well, "up")
    for _ in range(40):
        p.get("/").expect(200, "well")
    assert not sick.of("/")
    sick.answers(200, "healed")
    p.until_state(sick, "up")
    until(lambda: p.get("/").text == "healed", "it serves")


@sanitize
def when_all_checks_fail_the_checks_are_doubted(t):
    """P7: traffic is spread over everything rather than refused."""
    origins = [t.origin("o%d" % i).does(
        lambda x: x.answer(500 if x.request.target == "/h" else 200, "served")) for i in range(3)]
    p = t.proxy(regions={"us-east-1": origins[:2], "us-west-2": origins[2:]},
                service_text=_check('type = "http"; path = "/h";'))
    for origin in origins:
        p.until_state(origin, "down")
    for _ in range(60):
        p.get("/").expect(200, "served")
    assert all(o.of("/") for o in origins), "spread over all of them"


@sanitize
def checks_that_just_began_refuse_nobody(t):
    origin = t.origin("slow-check").does(
        lambda x: (x.origin.stopping.wait(2) if x.request.target == "/h" else None,
                   x.answer(200, "served")))
    p = t.proxy(regions={"us-east-1": [origin]}, service_text='health_check = { type = "http"; '
                'path = "/h"; interval = "10s"; timeout = "5s"; };')
    p.get("/").expect(200, "served")


@sanitize
def a_failing_try_has_its_endpoint_probed_at_once(t):
    """Evidence from traffic does not wait for the next turn of the probes."""
    bad, good = t.origin("bad"), t.origin("good")
    p = t.proxy(regions={"us-east-1": [bad, good]}, service_text='balance = "round_robin"; '
                'health_check = { type = "tcp"; interval = "60s"; fast_interval = "50ms"; '
                'timeout = "300ms"; fall = 3; rise = 2; jitter = 0; };')
    p.until_state(bad, "up", 70)
    bad.refuse()
    c = p.client()
    for _ in range(4):
        c.get("/").expect(200, "good")
    p.until_state(bad, "down", 5)


@sanitize
def flapping_within_the_thresholds_changes_nothing(t):
    turn = [0]

    def script(x):
        if x.request.target != "/h":
            x.answer(200, "traffic")
            return
        turn[0] += 1
        x.answer(500 if turn[0] % 3 else 200, "x")

    origin, other = t.origin("flaps"), t.origin("other")
    p = t.proxy(regions={"us-east-1": [origin, other]},
                service_text=_check('type = "http"; path = "/h";'))
    p.until_state(origin, "up")
    origin.does(script)
    wait.stays(lambda: p.state(origin) == "up", "two of three failures are not three in a row", 2)
