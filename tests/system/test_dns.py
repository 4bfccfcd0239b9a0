"""Names of endpoints, by a DNS server the test holds in its hand."""

from harness import sanitize, until


def _proxy(t, dns, port, text="", **parts):
    return t.proxy(regions={"us-east-1": ["http://shop.internal.test:%d" % port]},
                   service_text='balance = "round_robin"; ' + text,
                   top='resolver = { servers = "%s:%d"; timeout = "200ms"; min_ttl = "100ms"; '
                       'max_ttl = "1s"; };' % (dns.address, dns.port), **parts)


def _origins(t, count):
    first = t.origin("o0")
    return [first] + [t.origin("o%d" % i, port=first.port) for i in range(1, count)]


def _seen(p, origins, count=30):
    """The names that answer."""
    return {p.get("/").expect(200).text for _ in range(count)}


@sanitize
def all_addresses_of_a_name_are_used(t):
    origins = _origins(t, 3)
    dns = t.dns().has("shop.internal.test", *[o.address for o in origins])
    p = _proxy(t, dns, origins[0].port)
    assert _seen(p, origins) == {"o0", "o1", "o2"}
    assert len(p.endpoints()) == 3, p.endpoints()
    until(lambda: len(dns.queries) >= 2, "both families are asked for")
    assert {kind for _, kind in dns.queries} == {"A", "AAAA"}


@sanitize
def an_ipv6_address_is_used_beside_an_ipv4_one(t):
    import socket
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        t.report("this machine has no IPv6")
        return
    origin = t.origin("v4")
    dns = t.dns().has("shop.internal.test", origin.address, "::1")
    p = _proxy(t, dns, origin.port)
    until(lambda: len(p.endpoints()) == 2, "both families are there")
    p.get("/").expect(200, "v4")


@sanitize
def addresses_follow_the_name_when_its_ttl_is_over(t):
    origins = _origins(t, 3)
    dns = t.dns().has("shop.internal.test", origins[0].address, origins[1].address)
    p = _proxy(t, dns, origins[0].port)
    assert _seen(p, origins) == {"o0", "o1"}
    held = p.client()
    held.get("/").expect(200)
    dns.has("shop.internal.test", origins[1].address, origins[2].address)
    until(lambda: _seen(p, origins, 10) == {"o1", "o2"}, "the new addresses serve", 10)
    held.get("/").expect(200)


@sanitize
def failing_dns_keeps_the_last_good_answer(t):
    """P9: losing DNS changes no routing."""
    origins = _origins(t, 2)
    dns = t.dns().has("shop.internal.test", *[o.address for o in origins])
    p = _proxy(t, dns, origins[0].port)
    assert _seen(p, origins) == {"o0", "o1"}
    for answer in ("servfail", "nxdomain", "empty", "garbage", "nothing", "silent"):
        dns.answer = answer
        asked = len(dns.queries)
        until(lambda: len(dns.queries) >= asked + 2, "it was asked again: " + answer, 10)
        assert _seen(p, origins, 10) == {"o0", "o1"}, answer
    assert p.metrics().total("detour_dns_names_failing") == 1
    dns.answer = "good"
    dns.has("shop.internal.test", origins[0].address)
    until(lambda: _seen(p, origins, 10) == {"o0"}, "a good answer is taken again", 20)


@sanitize
def a_name_that_has_never_resolved_fails_its_requests_and_recovers(t):
    origins = _origins(t, 1)
    dns = t.dns()
    dns.answer = "nxdomain"
    p = _proxy(t, dns, origins[0].port)
    p.get("/none").expect(503)
    assert p.until_access("/none")[0]["reason"] == "no_endpoint"
    dns.answer = "good"
    dns.has("shop.internal.test", origins[0].address)
    until(lambda: p.get("/").status == 200, "it serves when the name is there", 20)


@sanitize
def health_survives_a_change_of_addresses(t):
    origins = _origins(t, 3)
    origins[0].answers(500, "sick")
    dns = t.dns().has("shop.internal.test", origins[0].address, origins[1].address)
    p = _proxy(t, dns, origins[0].port, text='health_check = { type = "http"; path = "/h"; '
               'interval = "100ms"; fast_interval = "50ms"; timeout = "300ms"; };')

    def states():
        return {e["state"] for e in p.endpoints().values()}

    until(lambda: states() == {"up", "down"}, "one is down, one is up", 10)
    dns.has("shop.internal.test", *[o.address for o in origins])
    until(lambda: len(p.endpoints()) == 3, "the third is there", 10)
    for _ in range(20):
        assert p.get("/").expect(200).text in ("o1", "o2")
    assert not origins[0].of("/")


@sanitize
def localhost_needs_no_dns(t):
    origin = t.origin("east", address="127.0.0.1")
    p = t.proxy(regions={"us-east-1": ["http://localhost:%d" % origin.port]},
                top='resolver = { servers = "127.77.0.1:9"; timeout = "200ms"; };')
    until(lambda: p.get("/").status == 200, "the hosts file answers", 10)
