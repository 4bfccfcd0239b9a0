"""A name server that means ill: the last good answer stays, and nothing grows or spins."""

import time

from harness import process, sanitize, until

_NAME = "shop.internal.test"


def _proxy(t, dns, port, ttl="100ms", more=""):
    return t.proxy(regions={"us-east-1": ["http://%s:%d" % (_NAME, port)]},
                   top='resolver = { servers = "%s:%d"; timeout = "100ms"; min_ttl = "%s"; '
                       'max_ttl = "1s"; %s };' % (dns.address, dns.port, ttl, more))


@sanitize
def no_answer_of_a_name_server_takes_an_endpoint_away(t):
    origin = t.origin("east")
    dns = t.dns().has(_NAME, origin.address)
    p = _proxy(t, dns, origin.port)
    c = p.client()
    c.get("/").expect(200, "east")
    # Those that fail honestly, or with no bytes at all, are in tests/system/test_dns.py.
    for answer in ("truncated", "other-id", "other-question", "loop", "alias", "half"):
        dns.answer = answer
        asked = len(dns.queries)
        until(lambda: len(dns.queries) >= asked + 2, "it was asked again: " + answer, 15)
        c.get("/").expect(200, "east")
        assert [e["url"] for e in p.endpoints().values()], answer
    dns.answer = "good"
    asked = len(dns.queries)
    until(lambda: len(dns.queries) >= asked + 3, "and again")
    c.get("/").expect(200, "east")


@sanitize
def a_thousand_addresses_are_no_more_than_those_allowed(t):
    origin = t.origin("east")
    dns = t.dns()
    many = [origin.address] + ["127.78.%d.%d" % (i // 200, 1 + i % 200) for i in range(999)]
    dns.has(_NAME, *many[:25])  # as many as fit into an answer by UDP
    p = _proxy(t, dns, origin.port, more="max_addresses = 8;")
    until(lambda: len(p.endpoints()) == 8, "8 of 25 are used", 10)
    before = p.rss()
    dns.has(_NAME, *many)
    for _ in range(3):
        asked = len(dns.queries)
        until(lambda: len(dns.queries) >= asked + 2, "it was asked again", 10)
    assert len(p.endpoints()) == 8, p.endpoints()
    assert p.rss() - before < (8 << 20), p.rss() - before


@sanitize
def a_ttl_of_nothing_is_not_asked_for_all_the_time(t):
    origin = t.origin("east")
    dns = t.dns().has(_NAME, origin.address, ttl=0)
    p = _proxy(t, dns, origin.port, ttl="500ms")
    c = p.client()
    until(lambda: len(dns.queries) >= 4, "two rounds of both families", 10)
    cpu, asked = process.cpu_seconds(p.pid), len(dns.queries)
    served = 0
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        c.get("/").expect(200, "east")
        served += 1
    # Both families at most twice a second, whatever the traffic.
    assert len(dns.queries) - asked <= 10, (len(dns.queries) - asked, served)
    assert process.cpu_seconds(p.pid) - cpu < 1.5
