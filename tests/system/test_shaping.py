"""What a route does to requests on their way: conditions, splits, patterns."""

from collections import Counter

from harness import sanitize


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
