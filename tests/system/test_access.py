"""Who may come, and how often."""

from harness import sanitize

TRUST = 'trusted_proxies = ( "127.0.0.7" );'


def ask(p, source, target="/", fields=(), tls=False):
    with p.client(tls=tls, source=source) as c:
        return c.get(target, fields)


@sanitize
def lists_say_who_may_come(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, top=TRUST, plain='deny = ( "127.0.0.66" );',
                routes=['{ path = "/"; service = "shop"; }',
                        '{ path = "/inside"; service = "shop"; allow = ( "127.1.0.0/16" ); }',
                        '{ path = "/both"; service = "shop"; deny = ( "127.1.1.0/24" );'
                        '  allow = ( "127.1.0.0/16" ); }',
                        '{ path = "/moved"; redirect = "https://x/"; deny = ( "127.2.0.0/16" ); }'])
    cases = [("127.0.0.9", "/", [], 200), ("127.0.0.66", "/", [], 403),
             ("127.0.0.9", "/inside", [], 403), ("127.1.0.1", "/inside/x", [], 200),
             ("127.1.0.1", "/both", [], 200), ("127.1.1.1", "/both", [], 403),
             ("127.2.0.1", "/both", [], 403), ("127.2.0.1", "/moved", [], 403),
             ("127.0.0.9", "/moved", [], 308), ("127.0.0.66", "/moved", [], 403),
             # By whom a trusted proxy names, and nobody else.
             ("127.0.0.7", "/inside", [("X-Forwarded-For", "127.1.0.1")], 200),
             ("127.0.0.7", "/", [("X-Forwarded-For", "127.0.0.66")], 403),
             ("127.0.0.9", "/inside", [("X-Forwarded-For", "127.1.0.1")], 403),
             ("127.0.0.66", "/", [("X-Forwarded-For", "127.1.0.1")], 403)]
    for source, target, fields, status in cases:
        got = ask(p, source, target, fields)
        assert got.status == status, (source, target, fields, got.status)
    # The other listener has no such rule.
    assert ask(p, "127.0.0.66", tls=True).status == 200
    p.until_access("/both", count=3)
    reasons = {(x["client"].split(":")[0], x["path"]): x["reason"] for x in p.access()}
    assert reasons["127.1.1.1", "/both"] == "denied", reasons
    assert reasons["127.0.0.66", "/moved"] == "denied", reasons
    total = p.metrics().total("detour_http_request_faults_total", reason="denied")
    assert total == len([x for x in cases if x[3] == 403]), total


@sanitize
def a_denied_client_is_let_in_by_a_reload(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, plain='allow = ( "127.0.0.1" );')
    with p.client(tls=False, source="127.0.0.9") as c:
        assert c.get("/").status == 403
        assert c.get("/").status == 403  # the connection goes on
        p.reload(plain='allow = ( "127.0.0.1", "127.0.0.9" );')
        t.until(lambda: c.get("/").status == 200, "the new list holds")


@sanitize
def a_client_that_comes_too_often_is_429(t):
    """Bursts are exact; of the rate only that it holds tokens back."""
    origin = t.origin("east")
    limit = 'rate_limit = { rate = 2; per = "1h"; burst = 5; };'
    p = t.proxy(regions={"us-east-1": [origin]}, top=TRUST, workers=2, routes=[
        '{ path = "/"; service = "shop"; }',
        '{ path = "/few"; service = "shop"; %s }' % limit,
        '{ path = "/also"; service = "shop"; %s }' % limit,
        '{ path = "/key"; service = "shop"; rate_limit = { rate = 2; per = "1h"; key = "header";'
        '  header = "X-Api-Key"; }; }'])

    def statuses(source, target, count, fields=()):
        return [ask(p, source, target, fields).status for _ in range(count)]

    # Each connection may be another worker's: they count together.
    assert statuses("127.0.0.9", "/few", 8) == [200] * 5 + [429] * 3
    got = ask(p, "127.0.0.9", "/few")
    assert 1700 <= int(got.get("retry-after")) <= 1800, got.fields
    assert statuses("127.0.0.10", "/few", 6) == [200] * 5 + [429], "another client has its own"
    assert statuses("127.0.0.9", "/also", 1) == [200], "each route counts by itself"
    assert statuses("127.0.0.9", "/", 20) == [200] * 20, "and others do not count"
    named = [("X-Forwarded-For", "203.0.113.1")]
    assert statuses("127.0.0.7", "/few", 6, named) == [200] * 5 + [429]
    # An IPv6 client has its whole /64.
    six = [[("X-Forwarded-For", "2001:db8::%d" % n)] for n in range(6)]
    assert [ask(p, "127.0.0.7", "/few", f).status for f in six] == [200] * 5 + [429]
    other = [("X-Forwarded-For", "2001:db8:0:1::1")]
    assert statuses("127.0.0.7", "/few", 1, other) == [200]
    # By a header; without it by address.
    for key in ("a", "b"):
        assert statuses("127.0.0.9", "/key", 3, [("X-Api-Key", key)]) == [200, 200, 429]
    assert statuses("127.0.0.9", "/key", 3) == [200, 200, 429]
    # What has been used up is so after a reload, too.
    p.reload_now()
    assert statuses("127.0.0.9", "/few", 1) == [429]
    assert len(origin.requests) == 5 + 5 + 1 + 20 + 5 + 5 + 1 + 2 + 2 + 2
    assert p.metrics().total("detour_http_request_faults_total", reason="rate_limited") == 11


@sanitize
def tokens_come_back(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]},
                plain='rate_limit = { rate = 10; per = "1s"; burst = 2; };')
    with p.client(tls=False) as c:
        while c.get("/").status == 200:
            pass
        t.until(lambda: c.get("/").status == 200, "a token comes")
