"""What a route does to requests on their way: conditions, splits, patterns."""

from collections import Counter

from harness import sanitize
from harness.h2 import H2, request


def _echo(x):
    x.answer(200, "%s %s" % (x.origin.name, x.request.target))


def _services(t, *names):
    return [(n, {"us-east-1": [t.origin(n).does(_echo)]}) for n in names]


@sanitize
def the_route_with_the_most_conditions_that_hold_answers(t):
    names = ("any", "post", "canary", "both", "debug", "rest")
    p = t.proxy(regions={}, services=_services(t, *names), routes=[
        '{ path = "/"; service = "any"; }',
        '{ path = "/"; methods = ( "POST", "PUT" ); service = "post"; }',
        '{ path = "/"; headers = ( { name = "X-Canary"; value = "always"; } ); service = "canary"; }',
        '{ path = "/"; methods = "POST"; headers = ( { name = "x-canary"; regex = "^(always|yes)$"; } );'
        ' service = "both"; }',
        '{ path = "/"; query = ( { name = "debug"; } ); service = "debug"; }',
        '{ path = "/only"; headers = ( { name = "X-Old"; present = false; },'
        ' { name = "X-New"; prefix = "v"; } ); service = "rest"; }'])
    c = p.client(tls=False)
    for method, target, headers, wanted in (
            ("GET", "/", [], "any"), ("POST", "/", [], "post"), ("PUT", "/x", [], "post"),
            ("GET", "/", [("X-Canary", "always")], "canary"),
            ("GET", "/", [("X-Canary", "Always")], "any"),
            ("GET", "/", [("X-Canary", "no"), ("X-Canary", "always")], "canary"),
            ("POST", "/", [("X-Canary", "always")], "both"),
            ("POST", "/", [("X-Canary", "yes")], "both"),
            ("GET", "/", [("X-Canary", "yes")], "any"),
            ("GET", "/?x=1&debug", [], "debug"), ("GET", "/?%64ebug=1", [], "debug"),
            ("GET", "/?debugger=1", [], "any"),
            # Nothing of a longer path holds: the shorter one answers.
            ("GET", "/only", [("X-New", "v2")], "rest"),
            ("GET", "/only", [("X-New", "v2"), ("X-Old", "")], "any"),
            ("GET", "/only/a", [("X-New", "x")], "any")):
        got = c.request(method, target, headers, b"" if method != "GET" else None).response()
        assert got.text == "%s %s" % (wanted, target), (method, target, headers, got.text)


@sanitize
def without_a_route_that_holds_there_is_none(t):
    p = t.proxy(regions={}, services=_services(t, "shop"), routes=[
        '{ path = "/"; query = ( { name = "v"; value = "a b"; } ); service = "shop"; }'])
    c = p.client(tls=False)
    assert c.get("/x?v=a+b").text == "shop /x?v=a+b"
    assert c.get("/x?v=a%20b").text == "shop /x?v=a%20b"
    c.get("/x?v=a").expect(404)
    c.get("/x").expect(404)


@sanitize
def splits_share_by_weight_and_a_client_may_choose(t):
    p = t.proxy(regions={}, services=_services(t, "shop", "next"), routes=[
        '{ splits = ( { service = "shop"; weight = 90; },'
        ' { service = "next"; weight = 10; header = "X-Canary"; cookie = "canary"; } ); }',
        '{ path = "/value"; splits = ( { service = "shop"; weight = 1; },'
        ' { service = "next"; header = "X-Who"; header_value = "me"; } ); }',
        '{ path = "/regex"; splits = ( { service = "shop"; weight = 1; },'
        ' { service = "next"; header = "X-Who"; header_regex = "^m"; } ); }'])
    c = p.client(tls=False)

    def asked(count, headers=(), target="/"):
        return Counter(c.get(target, headers).text.split(" ")[0] for _ in range(count))

    got = asked(1000)
    assert 50 <= got["next"] <= 155, got  # 5 standard deviations around 100
    assert asked(20, [("X-Canary", "always")]) == {"next": 20}
    assert asked(60, [("X-Canary", "never")]) == {"shop": 60}
    assert asked(20, [("Cookie", "a=b; canary=always")]) == {"next": 20}
    assert asked(60, [("Cookie", "canary=never")]) == {"shop": 60}
    assert asked(60, [("X-Canary", "never"), ("Cookie", "canary=always")]) == {"shop": 60}
    assert asked(20, [("X-Canary", "always"), ("Cookie", "canary=never")]) == {"next": 20}
    assert asked(5, [("X-Who", "me")], "/value") == {"next": 5}
    assert asked(5, [("X-Who", "always")], "/value") == {"shop": 5}
    assert asked(5, [("X-Who", "mine")], "/regex") == {"next": 5}


@sanitize
def a_pattern_rewrites_the_path_and_what_comes_of_it_is_normal(t):
    p = t.proxy(regions={}, services=_services(t, "shop"), routes=[
        '{ path = "/"; service = "shop"; rewrite_regex = "^/v([0-9]+)/(.*)$"; rewrite_to = "/$2/of/v$1"; }',
        '{ path = "/f"; service = "shop"; rewrite_regex = "^/f/(.?)x(.?)/(.*)$"; rewrite_to = "/files/$1$2/$3"; }'])
    c = p.client(tls=False)
    for asked, wanted in (("/v2/users?q=/v3/x", "/users/of/v2?q=/v3/x"), ("/other", "/other"),
                          ("/v2/a%2Fb", "/a%2Fb/of/v2"), ("/f/axb/c", "/files/ab/c"),
                          # The two dots are put together by the rewriting.
                          ("/f/.x./c", "/c")):
        assert c.get(asked).text == "shop " + wanted, (asked, c.get(asked).text)


@sanitize
def a_redirect_leads_to_no_host_that_a_path_names(t):
    """A Location that begins with two slashes names a host (RFC 3986 section 4.2)."""
    p = t.proxy(regions={}, services=_services(t, "shop"), routes=[
        '{ path = "/"; service = "shop"; redirect_regex = "[^/]$"; redirect = "${path}/"; }',
        '{ path = "/old"; redirect_regex = "^/old/(.*)$"; redirect = "/$1${query}"; }',
        '{ path = "/cdn"; redirect_regex = "/"; redirect = "//cdn.example.com${path}"; }'])
    for path, to in (("//evil.example/a", "/.//evil.example/a/"),
                     ("/old//evil.example?b", "/.//evil.example?b"),
                     ("/old/new", "/new"),
                     ("/cdn", "//cdn.example.com/cdn"),
                     ("/old/..//evil.example", "/.//evil.example/"),
                     ("/old/..;/x", None), ("/old/%0d%0aSet-Cookie:a=b", None),
                     ("/x/%5cevil.example", None)):
        if to is None:
            p.client(tls=False).get(path).expect(400)
            continue
        location = p.client(tls=False).get(path).expect(308).get("location")
        assert location == to, location


@sanitize
def what_a_path_puts_into_the_host_of_a_redirect_neither_ends_nor_empties_it(t):
    p = t.proxy(regions={}, services=_services(t, "shop"), routes=[
        '{ path = "/"; redirect_regex = "^/(.*?)/(.*)$"; redirect = "https://$1.shop.example.com/$2"; }',
        '{ path = "/by"; redirect = "//${host}:8443${path}"; }'])
    c = p.client(tls=False)
    for path, to in (("/eu/a?b", "https://eu.shop.example.com/a"),
                     ("/by/a", "//shop.example.com:8443/by/a")):
        location = c.get(path, host="shop.example.com").expect(308).get("location")
        assert location == to, location
    for path in ("//a", "/me@evil/a", "/evil%2F/a", "/evil:1/a", "/evil%23/a"):
        p.client(tls=False).get(path).expect(400)
    c = p.client(tls=False)
    c.send(b"GET /by/evil.example HTTP/1.0\r\n\r\n")
    c.response().expect(400)


@sanitize
def a_group_that_begins_with_a_slash_is_the_path_behind_the_host_of_a_redirect(t):
    p = t.proxy(regions={}, services=_services(t, "shop"), routes=[
        '{ path = "/old"; redirect_regex = "^/old(/.*)?$"; redirect = "https://new.example.com$1"; }',
        '{ path = "/port"; redirect_regex = "^/port(/.*)$"; redirect = "//${host}:8443$1/x${query}"; }',
        '{ path = "/mixed"; redirect_regex = "^/mixed(.*)$"; redirect = "https://new.example.com$1"; }',
        '{ path = "/"; redirect_regex = "^/two(.*?),(.*)$"; redirect = "https://a$1.b.example.com$2"; }'])
    for path, to in (("/old/a/b", "https://new.example.com/a/b"),
                     ("/old", "https://new.example.com"),
                     ("/old//evil.example/@x:1", "https://new.example.com//evil.example/@x:1"),
                     ("/port/a?b=/c", "//shop.example.com:8443/a/x?b=/c"),
                     ("/mixed/a", "https://new.example.com/a"),
                     ("/two1,/a", "https://a1.b.example.com/a"),
                     ("/two/1,/a", None), ("/two1,@evil/", None), ("/two1,:/", None)):
        answer = p.client(tls=False).get(path, host="shop.example.com")
        assert (answer.status, answer.get("location")) == ((308, to) if to else (400, None)), (
            path, answer)
    c = p.client(tls=False)
    c.send(b"GET /port/evil.example HTTP/1.0\r\nHost:\r\n\r\n")
    c.response().expect(400)


@sanitize
def templates_say_the_path_that_decided_on_the_route(t):
    """One that was not looked at must not be what an endpoint, or a client, is told."""
    origin = t.origin("east").answers(200, "hi")
    say = 'request_headers = { set = ( { name = "X-Path"; value = "${path}"; } ); };'
    routes = ['{ path = "/open"; service = "shop"; %s }' % say,
              '{ path = "/new"; service = "shop"; rewrite_regex = "^/new"; rewrite_to = "/of${path}"; %s }' % say,
              '{ path = "/old"; redirect = "https://a.example.com${path}${query}"; }']
    for limits, asked, told in (("", "/closed/%2e%2e/open/%7euser", "/open/~user"),
                                ("", "/open//x", "/open//x"),
                                ('slashes = "merge";', "//closed/..//open//x", "/open/x")):
        p = t.proxy(regions={"us-east-1": [origin]}, routes=routes, limits=limits)
        c = p.client(tls=False)
        c.get(asked).expect(200)
        assert origin.last.all("x-path") == [told] and origin.last.target == told, origin.last.fields
        c.get(asked.replace("open", "new")).expect(200)
        assert origin.last.target == "/of" + told.replace("open", "new"), origin.last.target
        assert origin.last.all("x-path") == [told.replace("open", "new")], origin.last.fields
        location = c.get(asked.replace("open", "old") + "?%2e").expect(308).get("location")
        assert location == "https://a.example.com%s?%%2e" % told.replace("open", "old"), location


@sanitize
def a_pattern_redirects_what_it_matches_and_leaves_the_rest(t):
    p = t.proxy(regions={}, services=_services(t, "shop"), routes=[
        '{ path = "/"; service = "shop"; redirect_regex = "^/item/([0-9]+)$";'
        ' redirect = "https://shop.example.com/items/$1${query}"; redirect_status = 301; }',
        '{ path = "/gone"; redirect_regex = "^/gone/(a+)$"; redirect = "/here/$1"; }'])
    c = p.client(tls=False)
    got = c.get("/item/42?x=1").expect(301)
    assert got.get("location") == "https://shop.example.com/items/42?x=1", got.fields
    assert c.get("/item/42a").text == "shop /item/42a"
    assert c.get("/gone/aa").expect(308).get("location") == "/here/aa"
    c.get("/gone/b").expect(404)


def a_pattern_that_blows_up_costs_the_match_and_no_time(t):
    p = t.proxy(regions={}, services=_services(t, "shop", "evil"), routes=[
        '{ path = "/"; service = "shop"; }',
        '{ path = "/"; headers = ( { name = "X-A"; regex = "^(a+)+$"; } ); service = "evil"; }'])
    c = p.client(tls=False)
    assert c.get("/", [("X-A", "aaa")]).text == "evil /"
    for _ in range(20):
        assert c.get("/", [("X-A", "a" * 4000 + "b")]).text == "shop /"
    line = p.until_access("/", count=21)[-1]
    assert line["status"] == 200, line


_EDITS = (
    'request_headers = { set = ( { name = "X-Env"; value = "${route} ${client_ip} ${region}"; },'
    ' { name = "X-Both"; value = "route"; } ); remove = ( "X-Debug", "Accept-Language" ); };'
    'response_headers = { set = ( { name = "Server"; value = "detour"; } );'
    ' add = ( { name = "X-Served-By"; value = "${service}/${region}"; },'
    ' { name = "X-Cost"; value = "5$$"; } ); remove = "X-Powered-By"; };')


@sanitize
def a_route_is_named_as_it_is_after_one_with_a_longer_name(t):
    named = 'request_headers = { set = ( { name = "X-Route"; value = "${route}"; } ); };'
    names = ("a-rather-long-name-of-a-route", "middling", "x")
    origin = t.origin("east").answers(200, "hi")
    p = t.proxy(workers=1, regions={"us-east-1": [origin]}, routes=[
        '{ path = "/%s"; service = "shop"; name = "%s"; %s }' % (name, name, named)
        for name in names])
    c = p.client(tls=False)
    for name in names:
        c.get("/" + name).expect(200)
        assert origin.last.all("x-route") == [name], origin.last.fields
        assert p.until_access("/" + name)[0]["route"] == name


@sanitize
def header_fields_are_set_added_and_removed_both_ways(t):
    origin = t.origin("east").answers(200, "hi", [
        ("Server", "secret/1"), ("X-Powered-By", "php"), ("X-Served-By", "me"), ("X-Keep", "1")])
    p = t.proxy(regions={"us-east-1": [origin]}, service_text=(
        'request_headers = { set = ( { name = "X-Both"; value = "service"; },'
        ' { name = "X-Of"; value = "${service}"; } ); };'
        'response_headers = { add = ( { name = "X-Svc"; value = "1"; } ); };'),
        routes=['{ path = "/"; service = "shop"; name = "main"; %s }' % _EDITS,
                '{ path = "/bare"; service = "shop"; }',
                '{ path = "/gone"; redirect = "/here"; %s }' % _EDITS])
    c = p.client(tls=False)
    for _ in range(2):
        got = c.get("/", [("x-env", "mine"), ("X-DEBUG", "1"), ("X-Other", "2"),
                          ("X-Both", "client")]).expect(200, "hi")
        r = origin.last
        assert r.all("x-env") == ["main %s us-east-1" % c.socket.getsockname()[0]], r.fields
        assert r.all("x-both") == ["route"] and r.all("x-of") == ["shop"], r.fields
        assert not r.has("x-debug") and r.all("x-other") == ["2"], r.fields
        assert got.all("server") == ["detour"] and not got.has("x-powered-by"), got.fields
        assert got.all("x-served-by") == ["me", "shop/us-east-1"], got.fields
        assert got.all("x-keep") == ["1"] and got.all("x-svc") == ["1"], got.fields
        assert got.get("x-cost") == "5$", got.fields
    got = c.get("/bare").expect(200)
    assert origin.last.all("x-both") == ["service"] and got.all("x-svc") == ["1"], got.fields
    assert got.all("server") == ["secret/1"], got.fields
    got = c.get("/gone").expect(308)
    assert got.all("server") == ["detour"] and got.get("location") == "/here", got.fields
    origin.refuse()
    got = c.get("/").expect(502)
    assert got.all("server") == ["detour"], got.fields


@sanitize
def long_fields_of_the_configuration_are_all_there(t):
    """Also where a request makes others long: those it fills in have a room of their own."""
    def group(name):
        return ('response_headers = { set = ( { name = "%s-Path"; value = "of ${path}"; }, '
                '{ name = "%s-Policy"; value = "%s"; } ); };' % (name, name, name * 1000))

    origin = t.origin("east").answers(200, "x" * 5000, [("Content-Type", "text/plain")])
    p = t.proxy(regions={"us-east-1": [origin]}, service_text=group("Shop") +
                'sticky = { cookie = "stay"; };', plain="h2c = true;",
                routes=['{ path = "/"; service = "shop"; gzip = true; cors = { origins = ( '
                        '"https://*.example.com" ); headers = "X-%s"; }; %s }' % (
                            "A" * 1500, group("Main"))])
    c = p.client(tls=False)
    for target, there in (("/a", 2), ("/" + "b" * 3000, 1), ("/" + "c" * 6000, 0)):
        label = "a" * (3000 if there == 2 else 60)
        got = c.get(target, [("Origin", "https://%s.example.com" % label),
                             ("Accept-Encoding", "gzip")]).expect(200)
        assert got.get("shop-policy") == "Shop" * 1000, got.fields
        assert got.get("main-policy") == "Main" * 1000, got.fields
        assert got.get("content-encoding") == "gzip" and got.has("set-cookie"), got.fields
        assert got.get("access-control-allow-headers") == "X-" + "A" * 1500, got.fields
        assert len([n for n, _ in got.fields if n.lower().endswith("-path")]) == there, got.fields
        assert there == 2 or got.get("access-control-allow-origin"), got.fields
    with H2(p) as h2:
        assert h2.answer(h2.open(request("GET", "/a")))[0] == 200


@sanitize
def edits_of_a_configuration_outlive_it_while_a_request_needs_them(t):
    import threading

    go = threading.Event()
    origin = t.origin("east").does(lambda x: (go.wait(20), x.answer(200, "late")))
    route = '{ path = "/"; service = "shop"; response_headers = { set = ( { name = "X-V"; value = "%d"; } ); }; }'
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[route % 1])
    waiting = p.client(tls=False).request("GET", "/")
    origin.until_requests(1)
    for version in (2, 3, 4):
        assert p.reload(routes=[route % version])
    go.set()
    assert waiting.response().expect(200, "late").get("x-v") == "1"
    assert p.get("/", tls=False).get("x-v") == "4"


@sanitize
def cors_is_answered_and_said(t):
    origin = t.origin("east").answers(200, "hi", [
        ("Access-Control-Allow-Origin", "https://evil.example"), ("Vary", "Cookie")])
    cors = ('cors = { origins = ( "https://a.example.com", "https://*.b.example.com:8443" );'
            ' methods = ( "GET", "POST" ); headers = "X-Token"; expose = "X-Total";'
            ' credentials = true; max_age = "10m"; };')
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[
        '{ path = "/"; service = "shop"; %s }' % cors,
        '{ path = "/any"; service = "shop"; cors = { }; }',
        '{ path = "/none"; service = "shop"; }'])
    c = p.client(tls=False)

    def allowed(got):
        return got.all("access-control-allow-origin")

    asks = [("Access-Control-Request-Method", "POST")]
    got = c.request("OPTIONS", "/", [("Origin", "https://a.example.com")] + asks).response().expect(204)
    assert allowed(got) == ["https://a.example.com"], got.fields
    assert got.get("access-control-allow-methods") == "GET, POST", got.fields
    assert got.get("access-control-allow-headers") == "X-Token", got.fields
    assert got.get("access-control-expose-headers") == "X-Total", got.fields
    assert got.get("access-control-allow-credentials") == "true", got.fields
    assert got.get("access-control-max-age") == "600", got.fields
    assert not origin.requests, "a preflight reached the endpoint"
    for who, wanted in (("https://x.b.example.com:8443", True), ("HTTPS://A.example.com", True),
                        ("https://x.y.b.example.com:8443", False), ("https://b.example.com:8443", False),
                        ("https://x.b.example.com", False), ("http://a.example.com", False),
                        ("https://evil.com/.b.example.com:8443", False), ("null", False)):
        got = c.get("/", [("Origin", who)]).expect(200, "hi")
        assert allowed(got) == ([who] if wanted else []), (who, got.fields)
        assert got.all("vary") == ["Cookie", "Origin"], got.fields
    got = c.request("OPTIONS", "/", [("Origin", "https://evil.com")] + asks).response().expect(204)
    assert allowed(got) == [], got.fields
    got = c.get("/any").expect(200)
    assert allowed(got) == ["*"] and got.get("access-control-max-age") == "1728000", got.fields
    c.request("OPTIONS", "/any", [("Origin", "https://a.example.com")]).response().expect(200)
    assert origin.last.method == "OPTIONS"
    assert allowed(c.get("/none").expect(200)) == ["https://evil.example"]
    origin.refuse()
    got = c.get("/", [("Origin", "https://a.example.com")]).expect(502)
    assert allowed(got) == ["https://a.example.com"], got.fields


@sanitize
def a_route_bounds_the_bodies_it_takes(t):
    from harness.client import chunked

    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[
        '{ path = "/"; service = "shop"; }',
        '{ path = "/small"; service = "shop"; max_body = "1KiB"; }'])
    p.client(tls=False).post("/small", b"x" * 1024).expect(200, "east")
    p.client(tls=False).post("/", b"x" * 100000).expect(200, "east")
    seen = len(origin.requests)
    p.client(tls=False).post("/small", b"x" * 1025).expect(413)
    c = p.client(tls=False)
    c.request("POST", "/small", [("Expect", "100-continue"), ("Content-Length", "5000")])
    c.response().expect(413)
    headers = [("Transfer-Encoding", "chunked")]
    p.client(tls=False).request("POST", "/small", headers, chunked(b"x" * 2000)).response().expect(413)
    p.client(tls=False).request("POST", "/small", headers, chunked(b"x" * 1000)).response().expect(200)
    c = p.client(tls=False)
    c.request("POST", "/small", headers, b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    c.send(b"64\r\n" + b"x" * 100 + b"\r\n")
    c.response().expect(413)
    assert len([r for r in origin.requests[seen:] if len(r.body) > 1024]) == 0
