"""Which request goes where."""

from harness import sanitize


def _echo(x):
    x.answer(200, "%s %s" % (x.origin.name, x.request.target))


@sanitize
def the_longest_match_wins_on_segment_borders(t):
    names = ("any", "shop", "api", "deep", "exact", "wild", "wildapi")
    origins = {n: t.origin(n).does(_echo) for n in names}
    routes = [
        '{ path = "/"; service = "any"; }',
        '{ host = "shop.example.com"; path = "/"; service = "shop"; }',
        '{ host = "shop.example.com"; path = "/api/"; service = "api"; }',
        '{ host = "shop.example.com"; path = "/api/v1/deep"; service = "deep"; }',
        '{ host = "shop.example.com"; path = "/api/exact"; exact = true; service = "exact"; }',
        '{ host = "*.example.com"; path = "/"; service = "wild"; }',
        '{ host = "*.example.com"; path = "/api"; service = "wildapi"; }',
    ]
    p = t.proxy(regions={}, services=[(n, {"us-east-1": [origins[n]]}) for n in names],
                routes=routes)
    cases = [
        ("shop.example.com", "/", "shop /"),
        ("SHOP.Example.COM", "/x", "shop /x"),
        ("shop.example.com:8443", "/x", "shop /x"),
        ("shop.example.com", "/api", "api /api"),
        ("shop.example.com", "/api/", "api /api/"),
        ("shop.example.com", "/api/x?q=/other", "api /api/x?q=/other"),
        ("shop.example.com", "/apiary", "shop /apiary"),
        ("shop.example.com", "/api/v1/deep", "deep /api/v1/deep"),
        ("shop.example.com", "/api/v1/deep/er", "deep /api/v1/deep/er"),
        ("shop.example.com", "/api/v1/deeper", "api /api/v1/deeper"),
        ("shop.example.com", "/api/exact", "exact /api/exact"),
        ("shop.example.com", "/api/exact/", "api /api/exact/"),
        ("blog.example.com", "/", "wild /"),
        ("a.b.example.com", "/x", "wild /x"),
        ("blog.example.com", "/api/1", "wildapi /api/1"),
        ("example.com", "/", "any /"),
        ("notexample.com", "/", "any /"),
        ("127.0.0.1", "/", "any /"),
        ("[::1]:80", "/", "any /"),
    ]
    c = p.client(tls=False)
    for host, path, wanted in cases:
        got = c.get(path, [("Host", host)])
        assert (got.status, got.text) == (200, wanted), (host, path, got.status, got.text)


@sanitize
def a_path_cannot_dodge_its_route(t):
    """Dot segments and encodings of letters are seen through before the lookup."""
    shop, secret = t.origin("shop").does(_echo), t.origin("secret").does(_echo)
    p = t.proxy(regions={}, services=[("shop", {"r": [shop]}), ("secret", {"r": [secret]})],
                routes=['{ path = "/"; service = "shop"; }',
                        '{ path = "/secret"; service = "secret"; }'])
    for path in ("/secret", "/./secret", "/x/../secret", "/%73ecret", "/x/%2e%2e/secret",
                 "/secret/../secret/x"):
        got = p.client(tls=False).get(path)
        assert got.status == 400 or got.text.startswith("secret"), (path, got.text)
    for path in ("/../../etc/passwd", "/%00", "/a%5cb", "/\\"):
        got = p.client(tls=False).get(path)
        assert got.status in (200, 400), (path, got)
        assert ".." not in got.text, (path, got.text)


@sanitize
def rewrite_prefix_replaces_the_prefix_and_keeps_the_rest(t):
    origin = t.origin("east").does(_echo)
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[
        '{ path = "/api/"; service = "shop"; rewrite_prefix = "/"; }',
        '{ path = "/old"; service = "shop"; rewrite_prefix = "/new/place"; }',
        '{ path = "/one"; exact = true; service = "shop"; rewrite_prefix = "/two"; }'])
    c = p.client()
    for asked, wanted in (("/api/v1/x?y=/api/", "/v1/x?y=/api/"), ("/api/", "/"), ("/api", "/"),
                          ("/api?q", "/?q"), ("/old", "/new/place"), ("/old/a/b", "/new/place/a/b"),
                          ("/one?x=1", "/two?x=1"), ("/api/%41%2Fb", None)):
        got = c.get(asked)
        assert got.status == 200, (asked, got)
        if wanted is not None:
            assert got.text == "east " + wanted, (asked, got.text)


@sanitize
def redirects_name_their_target(t):
    p = t.proxy(regions={"us-east-1": [t.origin()]}, routes=[
        '{ path = "/"; service = "shop"; }',
        '{ path = "/moved"; redirect = "https://new.example.com${path}"; }',
        '{ path = "/gone"; redirect = "/here"; redirect_status = 301; }',
        '{ path = "/see"; redirect = "https://${host}:8443/x"; redirect_status = 303; }'])
    c = p.client()
    got = c.get("/moved/a?b=1").expect(308)
    assert got.get("location") == "https://new.example.com/moved/a", got.fields
    assert c.get("/gone").expect(301).get("location") == "/here"
    assert c.get("/see").expect(303).get("location") == "https://shop.example.com:8443/x"
    c.head("/gone").expect(301)
    c.get("/other").expect(200, "origin")


@sanitize
def a_plain_listener_may_send_everything_to_https(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, plain="redirect_https = true;")
    got = p.get("/a/b?c=d", tls=False).expect(308)
    assert got.get("location") == "https://shop.example.com/a/b?c=d", got.fields
    p.get("/a").expect(200, "east")
    got = p.client(tls=False).get("/x", [("Host", "shop.example.com:8080")])
    assert got.get("location") == "https://shop.example.com/x", got.fields
    out = p.curl("-L", "http://shop.example.com/through")
    assert out == "east"


@sanitize
def a_route_may_send_clear_text_to_https(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, plain="redirect_port = 8443;", routes=[
        '{ path = "/"; service = "shop"; }',
        '{ path = "/secure"; service = "shop"; redirect_https = true; }'])
    got = p.get("/secure/x", tls=False)
    assert got.status == 308, got
    assert got.get("location") == "https://shop.example.com:8443/secure/x", got.fields
    p.get("/secure/x").expect(200, "east")
    p.get("/open", tls=False).expect(200, "east")


@sanitize
def one_service_without_routes_gets_everything(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, routes=[])
    p.get("/whatever").expect(200, "east")


@sanitize
def the_region_may_have_its_own_host(t):
    origin = t.origin("gcp")
    p = t.proxy(regions={"gcp": {"endpoints": [origin], "text": 'host = "shop.gcp.example.com";'}})
    p.get("/").expect(200, "gcp")
    assert origin.last.all("host") == ["shop.gcp.example.com"]
    assert origin.last.all("x-forwarded-host") == ["shop.example.com"]


@sanitize
def weights_divide_the_traffic(t):
    east, west = t.origin("east"), t.origin("west")
    p = t.proxy(regions={"us-east-1": {"endpoints": [east], "weight": 70},
                         "us-west-2": {"endpoints": [west], "weight": 30}})
    c = p.client()
    for _ in range(1000):
        c.get("/").expect(200)
    # Binomial: 4.8 standard deviations around 700.
    assert 630 <= len(east.requests) <= 770, (len(east.requests), len(west.requests))


@sanitize
def balancers_reach_every_endpoint_and_maglev_stays(t):
    for balance in ("round_robin", "least_request", "random", "maglev"):
        origins = [t.origin("%s%d" % (balance, i)) for i in range(4)]
        text = 'balance = "%s"; %s' % (balance, 'hash_on = "header"; hash_name = "X-User";'
                                       if balance == "maglev" else "")
        p = t.proxy(regions={"us-east-1": origins}, service_text=text)
        c = p.client()
        seen = {}
        for i in range(200):
            user = "user%d" % (i % 50)
            who = c.get("/", [("X-User", user)]).expect(200).text
            seen.setdefault(user, set()).add(who)
        counts = [len(o.requests) for o in origins]
        assert min(counts) > 0, (balance, counts)
        if balance == "round_robin":
            assert counts == [50] * 4, counts
        if balance == "maglev":
            assert all(len(s) == 1 for s in seen.values()), "one user, one endpoint"
        p.stop()


@sanitize
def a_standby_tier_serves_only_when_the_preferred_one_cannot(t):
    east, gcp = t.origin("east"), t.origin("gcp")
    p = t.proxy(regions={"us-east-1": {"endpoints": [east]},
                         "gcp": {"endpoints": [gcp], "tier": 1}},
                service_text='health_check = { type = "tcp"; interval = "100ms"; '
                             'fast_interval = "20ms"; timeout = "500ms"; fall = 2; rise = 2; };'
                             'failover = { hold_down = "500ms"; ramp = "500ms"; };')
    p.until_state(east, "up")
    for _ in range(50):
        p.get("/").expect(200, "east")
    east.refuse()
    p.until_state(east, "down")
    for _ in range(50):
        p.get("/").expect(200, "gcp")
    east.accept()
    p.until_answer("/", "east")
