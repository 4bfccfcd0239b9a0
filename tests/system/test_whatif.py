"""`detour check`: what the loss of a region would mean, before it happens."""

import json
import subprocess

from harness import sanitize


def _check(t, p, *args):
    return subprocess.run([t.binary, "check", "-c", p.conf_path] + list(args),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False, text=True)


def _proxy(t, service_text="", **capacities):
    return t.proxy(start=False, service_text=service_text, regions={
        n: {"endpoints": ["http://127.0.0.%d:1" % (i + 1)],
            "text": "capacity = %d;" % c if c else "", "tier": 1 if n == "far" else 0}
        for i, (n, c) in enumerate(capacities.items())})


@sanitize
def capacities_that_absorb_each_loss_are_exit_0(t):
    done = _check(t, _proxy(t, east=1000, west=1000, far=1000))
    assert done.returncode == 0, done
    assert "shop, at 1700 requests/s" in done.stdout, done.stdout
    for region in ("east", "west", "far"):
        assert "without " + region in done.stdout, done.stdout
    assert "CANNOT" not in done.stdout, done.stdout


@sanitize
def a_loss_that_cannot_be_absorbed_is_exit_3_and_named(t):
    p = _proxy(t, east=1000, west=1000)
    done = _check(t, p)
    assert done.returncode == 3, done
    # 1700 a second on one region of 1000
    assert "41.2 % shed (700 requests/s); CANNOT BE ABSORBED" in done.stdout, done.stdout
    done = _check(t, p, "-q")
    assert done.returncode == 3 and len(done.stdout.splitlines()) == 2, done
    p = _proxy(t, east=1000, west=200, far=700)  # 1020 a second
    assert _check(t, p, "--lose", "west").returncode == 0
    assert _check(t, p, "--lose", "far").returncode == 0
    assert _check(t, p, "--lose", "east").returncode == 3


@sanitize
def the_same_as_json_for_scripts(t):
    p = _proxy(t, east=1000, west=1000)
    done = _check(t, p, "--json", "--lose", "west")
    said = json.loads(done.stdout)
    assert done.returncode == 3 and said["valid"] and said["path"] == p.conf_path, said
    (service,) = said["services"]
    (loss,) = service["losses"]
    assert service["service"] == "shop" and service["demand"] == 1700, service
    assert loss["region"] == "west" and not loss["absorbed"] and loss["breaks"] is None, loss
    assert abs(loss["shed_rate"] - 700) < 1, loss
    assert loss["shares"]["east"]["before"] == 0.5, loss
    with open(p.conf_path, "a") as f:
        f.write("nonsense = 1;\n")
    done = _check(t, p, "-j")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and not said["valid"] and "services" not in said, said
    assert any("nonsense" in problem["text"] and not problem["warning"]
               for problem in said["problems"]), said


@sanitize
def two_equal_regions_absorb_the_loss_of_one_at_the_demand_that_is_said(t):
    p = _proxy(t, east=1000, west=1000)
    done = _check(t, p)
    assert done.returncode == 3 and ("shop, at 1700 requests/s: assumed, 85 % (max_utilization) of "
                                     "what its first tier can take; --demand") in done.stdout, done
    for demand in ("800", "800/s", "shop=800", "shop=800.0/s"):
        done = _check(t, p, "--demand", demand)
        assert done.returncode == 0, done
        assert "  shop, at 800 requests/s, as --demand says\n" in done.stdout, done
    done = _check(t, p, "--demand=1500", "-q")
    assert done.returncode == 3, done
    assert ("33.3 % shed (500 requests/s); CANNOT BE ABSORBED by shop at 1500 requests/s (--demand)"
            ) in done.stdout, done
    # what is said of one service outranks what is said of all
    done = _check(t, p, "--demand", "shop=800", "--demand", "5000", "-j")
    (service,) = json.loads(done.stdout)["services"]
    assert done.returncode == 0 and service["demand"] == 800, service
    assert not service["demand_assumed"] and service["shed"] == 0, service


def _beside(p, *regions):
    """A second service, blog, in these of two regions that both can do 100/s."""
    p.write(services=[("blog", {n: ["http://127.0.0.1:1"] for n in regions})])
    with open(p.conf_path) as f:
        text = f.read()
    for region in ("east", "west"):
        text = text.replace('{ name = "%s"; }' % region,
                            '{ name = "%s"; capacity = 100; }' % region)
    p.write(text=text)


@sanitize
def services_that_share_a_regions_capacity_lose_it_together(t):
    """What one needs elsewhere the other does not find there."""
    p = _proxy(t, east=0, west=0)
    _beside(p, "east", "west")
    done = _check(t, p, "--demand", "60")
    assert done.returncode == 3, done
    assert done.stdout.count("16.7 % shed (10 requests/s); CANNOT BE ABSORBED") == 4, done.stdout
    assert _check(t, p, "--demand", "50").returncode == 0
    assert _check(t, p, "--demand", "60", "--demand", "blog=30").returncode == 0
    done = _check(t, p)
    assert ("  blog, at 85 requests/s: assumed, 85 % (max_utilization) of what its first tier can "
            "take, divided among the services that share it; --demand") in done.stdout, done.stdout
    assert "with all regions up" not in done.stdout, done.stdout


@sanitize
def a_service_feels_the_loss_of_a_region_it_is_not_in_if_others_come_to_where_it_is(t):
    p = _proxy(t, east=0, west=0)
    _beside(p, "west")
    done = _check(t, p, "--demand", "shop=80", "--demand", "blog=40", "--lose", "east")
    assert done.returncode == 3, done
    assert ("  blog: not in east\n"
            "    without east                     west 100.0 % -> 83.3 %; 16.7 % shed (7 requests/s); "
            "CANNOT BE ABSORBED by blog") in done.stdout, done.stdout
    done = _check(t, p, "--demand", "shop=80", "--demand", "blog=15")
    assert done.returncode == 0 and done.stdout.count("    without ") == 2, done


@sanitize
def a_demand_beyond_all_capacity_is_told_apart_from_the_losses(t):
    p = _proxy(t, east=1000, west=1000)
    done = _check(t, p, "--demand", "4000")
    assert done.returncode == 3, done
    assert "with all regions up       50.0 % shed already (2000 requests/s)" in done.stdout, done
    done = _check(t, _proxy(t, east=0, west=0), "--demand", "4000")
    assert done.returncode == 0, done
    assert "at 4000 requests/s, as --demand says; no capacity is stated, so all of it fits" in \
        done.stdout, done


@sanitize
def a_demand_that_is_none_or_of_a_service_that_there_is_not_is_wrong_usage(t):
    p = _proxy(t, east=1000, west=1000)
    for wrong in ("", "0", "-3", "many", "3/m", "shop=", "=3", "inf", "0x10", "1e3"):
        done = _check(t, p, "--demand", wrong)
        assert done.returncode == 2 and done.stdout == "", done
        assert "--demand '%s' is no rate; write" % wrong in done.stderr, done
    done = _check(t, p, "--demand", "shopp=3")
    assert done.returncode == 2, done
    assert done.stderr == "detour: there is no service 'shopp' in %s; did you mean shop? There is shop\n" % (
        p.conf_path), done


@sanitize
def without_stated_capacities_only_shares_are_shown(t):
    done = _check(t, _proxy(t, east=0, west=0))
    assert done.returncode == 0, done
    assert "no capacity is stated" in done.stdout, done.stdout
    assert "east 50.0 % -> 0.0 %, west 50.0 % -> 100.0 %" in done.stdout, done.stdout


@sanitize
def an_unknown_region_is_wrong_usage(t):
    done = _check(t, _proxy(t, east=1000), "--lose", "nowhere")
    assert done.returncode == 2 and "no region 'nowhere'" in done.stderr, done
    done = _check(t, _proxy(t, east=1000), "--lose")
    assert done.returncode == 2, done


@sanitize
def an_unknown_region_is_told_with_those_there_are_and_nothing_else(t):
    p = _proxy(t, east=1000, west=1000)
    for args in ((), ("-q",), ("-j",)):
        done = _check(t, p, "--lose", "nowhere", *args)
        assert done.returncode == 2 and done.stdout == "", done
        assert done.stderr == "detour: there is no region 'nowhere' in %s; there are east, west\n" % (
            p.conf_path), done


@sanitize
def a_loss_that_breaks_a_safety_rule_is_exit_3_and_says_what_the_rule_asks_for(t):
    p = _proxy(t, east=1000, west=1000, far=1000)
    p.write(top='safety = ( { name = "keep-two"; at_least = 2; } );')
    assert _check(t, p).returncode == 0
    p.write(top='safety = ( { name = "keep-three"; at_least = 3; } );')
    done = _check(t, p)
    assert done.returncode == 3, done
    assert ("breaks the safety rule keep-three (at least 3 regions must serve); "
            "CANNOT BE ABSORBED") in done.stdout, done.stdout
    p.write(top='safety = ( { at_least = 1; regions = ( "east" ); } );')
    assert _check(t, p, "--lose", "west").returncode == 0
    done = _check(t, p, "--lose", "east", "-q")
    assert done.returncode == 3 and "at least 1 of east must serve" in done.stdout, done
    said = json.loads(_check(t, p, "--lose", "east", "-j").stdout)["services"][0]["losses"][0]
    assert said["breaks"] and not said["absorbed"], said
    assert said["rule"] == "at least 1 of east must serve", said


@sanitize
def a_service_that_does_not_have_the_region_says_so_in_a_line(t):
    p = _proxy(t, east=1000, west=1000)
    p.write(services=[("blog", {"west": ["http://127.0.0.1:1"]})])
    done = _check(t, p, "--lose", "east")
    said = done.stdout.split("if a region were lost: ")[1].splitlines()
    assert said[0] == "where traffic settles, not the seconds until then", said
    assert said[1].startswith("  shop, at 1700") and said[2].startswith("    without east"), said
    assert said[3:] == ["  blog: not in east"], said
    done = _check(t, p, "--lose", "east", "-q")
    assert len(done.stdout.splitlines()) == 1, done
    shop, blog = json.loads(_check(t, p, "--lose", "east", "-j").stdout)["services"]
    assert shop["not_in"] is None and len(shop["losses"]) == 1, shop
    assert blog["not_in"] == "east" and blog["losses"] == [], blog


@sanitize
def a_service_of_one_region_is_said_to_have_no_failover_and_is_exit_0(t):
    for capacity in (0, 1000):
        p = _proxy(t, east=capacity)
        done = _check(t, p)
        assert "  shop has one region, east, and so no failover: without it, no service" in \
            done.stdout.splitlines(), done.stdout
        assert done.returncode == 0 and "CANNOT" not in done.stdout, done
        assert _check(t, p, "-q").stdout == "", done
        done = _check(t, p, "-j")
        (service,) = json.loads(done.stdout)["services"]
        (loss,) = service["losses"]
        assert done.returncode == 0 and service["one_region"], done
        assert loss["no_region_left"] and not loss["absorbed"], loss
    # Who wants to be told otherwise has a rule.
    p.write(top="safety = ( { at_least = 1; } );")
    done = _check(t, p, "-q")
    assert done.returncode == 3 and "CANNOT BE ABSORBED by shop" in done.stdout, done
    assert not json.loads(_check(t, _proxy(t, east=1, west=1), "-j").stdout)["services"][0]["one_region"]


@sanitize
def a_demand_that_a_service_cannot_do_with_nothing_lost_is_exit_3_with_one_region_too(t):
    p = _proxy(t, east=1000)
    assert _check(t, p, "--demand", "900").returncode == 0
    done = _check(t, p, "--demand", "4000")
    assert done.returncode == 3, done
    assert ("  shop, at 4000 requests/s, as --demand says\n"
            "    with all regions up       75.0 % shed already (3000 requests/s)\n"
            "  shop has one region, east, and so no failover") in done.stdout, done
    done = _check(t, p, "--demand", "4000", "-q")
    assert done.returncode == 3 and done.stdout == (
        "  shop, at 4000 requests/s (--demand): with all regions up 75.0 % shed already "
        "(3000 requests/s)\n"), done
    done = _check(t, p, "--demand", "4000", "-j")
    (service,) = json.loads(done.stdout)["services"]
    assert done.returncode == 3 and abs(service["shed"] - 0.75) < 0.001, done
    # So it is when the region that is asked about is none of the service's.
    p.write(services=[("blog", {"west": ["http://127.0.0.1:1"]})])
    done = _check(t, p, "--demand", "shop=4000", "--lose", "west")
    assert done.returncode == 3, done
    assert "  shop: not in west\n  shop, at 4000" in done.stdout, done
    assert _check(t, p, "--demand", "shop=900", "--lose", "west").returncode == 0


@sanitize
def a_loss_that_leaves_no_region_of_several_is_exit_3_without_capacities_too(t):
    p = t.proxy(start=False, regions={"east": ["http://127.0.0.1:1"], "west": {
        "endpoints": ["http://127.0.0.1:1"], "weight": 0}})
    done = _check(t, p)
    assert done.returncode == 3 and done.stdout.count("CANNOT BE ABSORBED") == 1, done
    assert "without east                     no region is left; CANNOT" in done.stdout, done


def _guarded(t):
    p = _proxy(t, east=1000, west=1000)
    with open(p.conf_path + ".htpasswd", "w") as f:
        f.write("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    p.write(limits='slashes = "merge";', listener='deny = ( "192.0.2.7" );', routes=[
        '{ path = "/admin"; service = "shop"; allow = ( "10.0.0.0/8", "2001:db8::/32" ); '
        'deny = ( "10.6.6.6" ); basic_auth = { file = "%s"; realm = "staff"; }; }' % (
            p.conf_path + ".htpasswd"),
        '{ path = "/api"; methods = ( "POST" ); headers = ( { name = "X-Key"; } ); service = "shop"; '
        'rate_limit = { rate = 10; per = "1m"; burst = 20; key = "header"; header = "X-Key"; }; }',
        '{ path = "/old"; redirect_regex = "^/old/(.*)$"; redirect = "/new/$1"; service = "shop"; }',
        '{ path = "/"; service = "shop"; }'])
    return p


@sanitize
def whoever_reads_a_check_sees_which_routes_are_guarded_and_how(t):
    p = _guarded(t)
    done = _check(t, p)
    assert done.returncode == 3 and not done.stderr, done
    lines = done.stdout.split("\nroutes\n")[1].split("\n\n")[0].splitlines()
    assert lines == [
        "  (any host)/admin -> shop",
        "    guarded: denied to 10.6.6.6; only for 10.0.0.0/8, 2001:db8::/32; password of %s "
        '(realm "staff", 1 user)' % (p.conf_path + ".htpasswd"),
        "  (any host)/api if POST, header X-Key -> shop",
        "    guarded: 10 requests in 1m (20 at once) for each X-Key",
        "  (any host)/old -> redirect 308 /new/$1 where the path matches ^/old/(.*)$, else shop",
        "  (any host)/ -> shop",
    ], lines
    listeners = done.stdout.split("\nlisteners\n")[1].split("\n\n")[0].splitlines()
    assert listeners[1] == "    guarded: denied to 192.0.2.7", listeners


@sanitize
def guards_are_there_for_scripts_too(t):
    p = _guarded(t)
    said = json.loads(_check(t, p, "-j").stdout)
    web, plain = said["listeners"]
    assert web["deny"] == ["192.0.2.7"] and plain["deny"] == [] and web["client_auth"] == "off", web
    routes = {r["path"]: r for r in said["routes"]}
    assert routes["/"]["allow"] is None and routes["/"]["basic_auth"] is None, routes
    admin, api, old = routes["/admin"], routes["/api"], routes["/old"]
    assert admin["allow"] == ["10.0.0.0/8", "2001:db8::/32"] and admin["deny"] == ["10.6.6.6"], admin
    assert admin["basic_auth"] == {"file": p.conf_path + ".htpasswd", "realm": "staff",
                                   "users": 1}, admin
    assert api["rate_limit"] == {"rate": 10, "per_s": 60, "burst": 20, "header": "X-Key"}, api
    assert api["methods"] == ["POST"] and api["headers"][0]["name"] == "X-Key", api
    assert (old["redirect_regex"], old["redirect"], old["service"]) == (
        "^/old/(.*)$", "/new/$1", "shop"), old


@sanitize
def what_would_be_served_is_there_for_scripts_too(t):
    p = _proxy(t, "health_check = { type = \"http\"; path = \"/up\"; };", east=1000, far=1000)
    p.write(services=[("blog", {"far": ["http://127.0.0.1:1", "http://127.0.0.2:1"]})], routes=[
        '{ path = "/"; splits = ( { service = "shop"; weight = 9; }, { service = "blog"; weight = 1; } ); }',
        '{ host = "b.example.com"; path = "/b"; exact = true; service = "blog"; rewrite_prefix = "/"; }',
        '{ path = "/old"; redirect = "/new"; redirect_status = 301; }'])
    said = json.loads(_check(t, p, "--json").stdout)
    shop, blog = said["services"]
    assert shop["health_check"] == {"type": "http", "method": "GET", "path": "/up"}, shop
    assert [(r["region"], r["tier"]) for r in shop["regions"]] == [("east", 0), ("far", 1)], shop
    assert blog["regions"][0]["endpoints"] == ["http://127.0.0.1:1", "http://127.0.0.2:1"], blog
    split, exact, old = said["routes"]
    assert split["splits"] == [{"service": "shop", "weight": 9}, {"service": "blog", "weight": 1}], split
    assert (exact["host"], exact["path"], exact["exact"], exact["service"], exact["rewrite_prefix"]) == (
        "b.example.com", "/b", True, "blog", "/"), exact
    assert (old["redirect"], old["redirect_status"], old["service"]) == ("/new", 301, None), old
    # Each is a line of the text, by the names it has there.
    text = _check(t, p).stdout
    for one in said["listeners"]:
        assert "  %-20s %-5s  %s" % (one["name"], one["scheme"], one["bind"]) in text, (one, text)
