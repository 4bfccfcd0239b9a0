"""What people wish: evacuations, pins, freezes; who may, what refuses, what they outlive."""

import json
import os
import re
import socket
import subprocess
import time

from harness import deadline, sanitize, until

_CHECK = ('health_check = { type = "http"; path = "/healthz"; interval = "300ms"; '
          'fast_interval = "100ms"; timeout = "250ms"; fall = 2; rise = 2; };')
_CALM = 'failover = { hold_down = "1s"; ramp = "1s"; };'


def _state(p):
    return 'state_dir = "%s";' % os.path.join(p, "state")


def _run(t, p, *args):
    return subprocess.run([t.binary, args[0], "-s", p.socket] + list(args[1:]),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False, text=True)


def _do(t, p, *args):
    done = _run(t, p, *args)
    assert done.returncode == 0, done
    return done.stdout


def _region(p, name):
    return [r for r in p.status()["services"][0]["regions"] if r["name"] == name][0]


def _until_region(p, name, state, seconds=10.0):
    until(lambda: _region(p, name)["region_state"] == state, "%s is %s" % (name, state), seconds)


def _two(t, service_text="", top="", loaded=False):
    directory = t.directory("kept")
    origins = {n: t.nginx(n) if loaded else t.origin(n) for n in ("east", "west")}
    p = t.proxy(regions={n: [o] for n, o in origins.items()},
                service_text=_CHECK + (service_text or _CALM), top=_state(directory) + top)
    for o in origins.values():
        p.until_state(o, "up")
    return p, origins, os.path.join(directory, "state")


def _wishes(p):
    return json.loads(p.ask_socket("/v1/wishes").body)["wishes"]


def _kinds(p):
    return [f["kind"] for f in json.loads(p.ask_socket("/v1/journal?limit=0").body)["facts"]]


@sanitize
@deadline(90)
def an_evacuated_region_gets_nothing_and_comes_back_by_its_ramp(t):
    p, _, _ = _two(t, loaded=True)
    load = t.load(p, rate=100)
    load.until_ok(200)
    said = _do(t, p, "evacuate", "east", "--reason", "kernel upgrade", "--for", "30m")
    assert "in force until" in said, said
    _until_region(p, "east", "evacuated")
    load.until_ok(20)
    before = load.totals["by"]["east"]
    load.until_ok(200)
    assert load.totals["by"]["east"] == before, load.totals["by"]
    assert _region(p, "east")["share"] == 0
    _do(t, p, "restore", "east")
    _until_region(p, "east", "up")
    until(lambda: _region(p, "east")["share"] == 0.5, "its share is back", 15)
    load.until_ok(100)
    assert load.totals["by"]["east"] > before
    load.stop_clean()


@sanitize
def what_could_not_be_lost_any_more_is_a_warning_and_a_number(t):
    p, _, _ = _two(t)
    loss = "detour_region_loss_shed_ratio"
    assert p.metrics().values(loss, region="west") == [0]
    assert "WARNING" not in _do(t, p, "status")
    _do(t, p, "evacuate", "east", "--reason", "upgrade")
    until(lambda: p.metrics().values(loss, region="west") == [1], "nobody is left beside it", 15)
    assert _region(p, "west")["loss"] == 1, _region(p, "west")
    assert "WARNING: its loss would leave no healthy region" in _do(t, p, "status")


@sanitize
def an_evacuation_holds_even_when_nothing_else_is_left(t):
    p, origins, _ = _two(t)
    _do(t, p, "evacuate", "east", "--reason", "it answers with other people's data")
    _until_region(p, "east", "evacuated")
    origins["west"].stop()
    p.until_state(origins["west"], "down")
    for _ in range(10):
        assert p.get("/").status in (502, 503, 504), "an evacuated region serves"


@sanitize
def a_wish_needs_a_reason_a_known_region_and_the_socket(t):
    p, _, _ = _two(t)
    for args, code, said in (
            (["evacuate", "east"], 2, "reason"),
            (["evacuate", "--reason", "x"], 2, "which region"),
            (["evacuate", "nowhere", "--reason", "x"], 1,
             "no region 'nowhere'; there are east, west"),
            (["evacuate", "wset", "--reason", "x"], 1,
             "no region 'wset'; did you mean west? There are east, west"),
            (["evacuate", "east", "--reason", "x", "--for", "73h"], 1, "72 hours"),
            (["evacuate", "east", "--reason", "x", "--for", "soon"], 2, "30m"),
            (["evacuate", "east", "west", "--reason", "x"], 2, "west"),
            (["pin", "shop", "east", "--reason", "x"], 2, "share"),
            (["pin", "shop", "east", "120%", "--reason", "x"], 2, "share"),
            (["pin", "blog", "east", "10%", "--reason", "x"], 1,
             "no service 'blog'; there is shop"),
            (["pin", "shop", "eastt", "10%", "--reason", "x"], 1,
             "no region 'eastt'; did you mean east? There are east, west"),
            (["freeze", "blog", "--reason", "x"], 1, "no service 'blog'; there is shop"),
            (["explain", "shpo"], 1, "no service 'shpo'; did you mean shop? There is shop"),
            (["restore", "east"], 1, "nothing to restore: east is neither evacuated nor waiting"),
            (["restore", "nowhere"], 1, "no region 'nowhere'; there are east, west"),
            (["statsu"], 2, "no command 'statsu'; did you mean: detour status"),
            (["freeze", "--reason", "up\x1b[2J"], 1, "the reason holds a control character"),
            (["freeze", "--reason", "x", "--owner", "a\nb"], 1, "the owner holds a control"),
            (["freeze", "--reason", "x", "--owner", "a\udc9b"], 2, "--owner is not UTF-8"),
            (["unfreeze"], 1, "no freeze"),
            (["unpin", "shop", "east"], 1, "no pin")):
        done = _run(t, p, *args)
        assert done.returncode == code and said in done.stderr, (args, done)
    answer = p.ask("/v1/wishes", "POST")
    assert answer.status == 403, answer
    assert _wishes(p) == []


@sanitize
def status_and_explain_say_whose_wish_is_in_force_why_and_until_when(t):
    p, _, _ = _two(t)
    who = ("--owner", "alice", "--for", "30m", "--reason")
    _do(t, p, "evacuate", "east", *who, "kernel upgrade")
    _do(t, p, "pin", "shop", "west", "60%", *who, "half a day of tests")
    _do(t, p, "freeze", "shop", *who, "an audit")
    _until_region(p, "east", "evacuated")
    wishes = {w["wish"]: w for w in _wishes(p)}
    assert [w["reason"] for w in _region(p, "east")["wishes"]] == ["kernel upgrade"]
    status = _do(t, p, "status")
    until(lambda: "Frozen" in _do(t, p, "explain", "shop"), "control knows of it", 5)
    explained = _do(t, p, "explain", "shop")
    for kind, said in (("evacuate", "evacuated for"), ("pin", "pinned to 60%"),
                       ("freeze", "frozen")):
        wish = wishes[kind]
        assert re.search(re.escape(said) + r".* by alice \(as root\) until %sZ \(" %
                         wish["until"][:16], status), status
        assert "by %s (%s) until %s" % (wish["owner"], wish["reason"], wish["until"]) in \
            explained, explained


@sanitize
def a_safety_rule_refuses_by_name_and_is_overridden_by_name(t):
    p, _, _ = _two(t, top='safety = ( { name = "keep-two"; at_least = 2; } );')
    done = _run(t, p, "evacuate", "east", "--reason", "upgrade")
    assert done.returncode == 1, done
    first, *numbers, last = done.stderr.splitlines()
    assert first.startswith("detour: evacuate east is refused"), done.stderr
    assert "keep-two (at least 2 regions must serve)" in first, done.stderr
    assert numbers == ["shop: east 50.0 % -> 0.0 %, west 50.0 % -> 100.0 %; nothing would be shed"]
    assert last.endswith("--override keep-two"), done.stderr
    assert _wishes(p) == []
    _do(t, p, "evacuate", "east", "--reason", "upgrade", "--override", "keep-two")
    assert [w["region"] for w in _wishes(p)] == ["east"]
    # the last one of a service is held by a rule that needs no configuration
    done = _run(t, p, "evacuate", "west", "--reason", "x", "--override", "keep-two")
    assert done.returncode == 1 and "last_region" in done.stderr, done
    assert p.metrics().total("detour_wishes") == 1
    kinds = _kinds(p)
    assert kinds.count("refused") == 2 and kinds.count("overridden") == 1, kinds
    # and on what it was decided: east can be done without, west is the last
    assert [f["numbers"] for f in json.loads(p.ask_socket("/v1/journal?limit=0").body)["facts"]
            if f["kind"] in ("refused", "overridden")] == [{"shed": 0}, {"shed": 0}, {"shed": 1}]
    p.until_logged("breaks the safety rule keep-two: overridden by")


@sanitize
@deadline(90)
def wishes_outlive_a_crash_a_restart_and_a_reload(t):
    p, origins, state = _two(t)
    _do(t, p, "evacuate", "east", "--reason", "upgrade", "--owner", "alice")
    _do(t, p, "pin", "shop", "west", "100%", "--reason", "test")
    p.expected_exit = -9
    p.signal(9)
    p.wait_exit()
    p.stop()
    p.expected_exit = None
    p.start()
    assert _region(p, "east")["region_state"] == "evacuated", "it came back with the restart"
    for _ in range(20):
        assert p.get("/").expect(200).text.startswith("west")
    assert {w["wish"] for w in _wishes(p)} == {"evacuate", "pin"}
    assert [w["owner"] for w in _wishes(p)][0].startswith("alice (as "), _wishes(p)
    assert p.reload()
    assert len(_wishes(p)) == 2
    # configuration wins
    assert p.reload(regions={"west": [origins["west"]]})
    assert [w["wish"] for w in _wishes(p)] == ["pin"]
    p.until_logged("evacuate east")
    p.until_logged("is dropped")
    assert "wish_dropped" in _kinds(p)
    with open(os.path.join(state, "wishes.json")) as f:
        assert [w["wish"] for w in json.load(f)["wishes"]] == ["pin"]


@sanitize
def a_broken_wishes_file_is_a_warning_and_kept_aside(t):
    directory = t.directory("kept")
    state = os.path.join(directory, "state")
    os.makedirs(state)
    with open(os.path.join(state, "wishes.json"), "w") as f:
        f.write('{"version": 1, "wishes": [{"wi')
    p = t.proxy(regions={"east": [t.origin("east")]}, top=_state(directory))
    p.get("/").expect(200)
    p.until_logged("wishes.json.bad")
    assert os.path.exists(os.path.join(state, "wishes.json.bad"))


@sanitize
def control_characters_in_files_of_before_reach_no_terminal(t):
    directory = t.directory("kept")
    state = os.path.join(directory, "state")
    os.makedirs(state)
    now = int(time.time() * 1000)
    nasty = "a\x1b[2Jb\u009b1mc\nFORGED"
    wish = {"wish": "evacuate", "region": "east", "owner": "amy" + nasty, "reason": nasty,
            "made_ms": now, "until_ms": now + 3600000}
    fact = {"id": 1, "time": "2026-11-22T08:27:00.123Z", "kind": "wish_made", "region": "east",
            "actor": "amy", "reason": nasty, "numbers": {}, "text": "a person's wish"}
    with open(os.path.join(state, "wishes.json"), "w") as f:
        json.dump({"version": 1, "wishes": [wish]}, f)
    with open(os.path.join(state, "journal.jsonl"), "w") as f:
        f.write(json.dumps(fact, ensure_ascii=False) + "\n")
    p = t.proxy(regions={"east": [t.origin("east")], "west": [t.origin("west")]},
                top=_state(directory))
    _until_region(p, "east", "evacuated")
    until(lambda: "wished by amy" in _do(t, p, "explain", "shop"), "it is explained", 5)
    for args in (("status",), ("explain", "shop"), ("journal",), ("wishes",), ("status", "-j"),
                 ("explain", "shop", "-j"), ("journal", "-j"), ("wishes", "-j"),
                 ("evacuate", "east", "--reason", "again")):
        said = _do(t, p, *args)
        assert "\x1b" not in said and "\u009b" not in said, (args, said)
        assert "\nFORGED" not in said, (args, said)
    told = _do(t, p, "journal")
    assert "amy: a\\x1b[2Jb\\u009b1mc\\nFORGED" in told, told
    first = json.loads(_do(t, p, "journal", "-j").splitlines()[0])
    assert first["reason"] == nasty, first


@sanitize
def a_wish_ends_by_itself(t):
    p, _, _ = _two(t)
    _do(t, p, "evacuate", "east", "--reason", "a moment", "--for", "2s")
    _until_region(p, "east", "evacuated")
    _until_region(p, "east", "up", 15)
    assert _wishes(p) == []
    assert "wish_ended" in _kinds(p)


@sanitize
def a_pinned_share_is_kept_until_it_is_unpinned(t):
    p, _, _ = _two(t)
    _do(t, p, "pin", "shop", "east", "20%", "--reason", "a slow database")
    until(lambda: p.shares() == {"east": 0.2, "west": 0.8}, "the pin is in force", 15)
    said = _do(t, p, "evacuate", "east", "--reason", "x")
    assert "the pin of shop to 20 % there" in said and "no effect meanwhile" in said, said
    said = _do(t, p, "pin", "shop", "east", "20%", "--reason", "a slow database")
    assert "but east is evacuated" in said, said
    _do(t, p, "restore", "east")
    until(lambda: p.shares() == {"east": 0.2, "west": 0.8}, "it takes effect again", 15)
    explained = _do(t, p, "explain", "shop")
    assert re.search(r"east gets 20 %.*pinned", explained), explained
    listed = _do(t, p, "wishes")
    assert re.match(r"pin shop east 20% until 20\d\d-\S+; .*: a slow database\n$", listed), listed
    assert json.loads(_do(t, p, "wishes", "--json"))["wishes"][0]["share"] == 0.2
    _do(t, p, "unpin", "shop", "east")
    until(lambda: p.shares() == {"east": 0.5, "west": 0.5}, "shares are automatic again", 15)
    assert _do(t, p, "wishes") == "nothing is wished\n"


@sanitize
def pins_beyond_100_percent_are_refused_and_those_of_a_file_are_told_as_what_they_are(t):
    directory = t.directory("kept")
    state = os.path.join(directory, "state")
    os.makedirs(state)
    now = int(time.time() * 1000)
    pins = [{"wish": "pin", "service": "shop", "region": r, "share": share, "owner": "amy",
             "reason": "a test", "made_ms": now, "until_ms": now + 3600000}
            for r, share in (("east", 0.9), ("west", 0.6))]
    with open(os.path.join(state, "wishes.json"), "w") as f:
        json.dump({"version": 1, "wishes": pins}, f)
    p = t.proxy(regions={"east": [t.origin("east")], "west": [t.origin("west")]},
                top=_state(directory))
    said = "the pins of shop come to 150 %, so they count as east 60 %, west 40 %; unpin one"
    p.until_logged(said)
    p.reload()
    until(lambda: p.log_text().count(said) == 2, "a reload tells it too", 5)
    until(lambda: p.shares() == {"east": 0.6, "west": 0.4}, "they are scaled", 15)
    done = _run(t, p, "pin", "shop", "west", "20%", "--reason", "more")
    assert done.returncode == 1, done
    assert ("with it the pins of shop would come to 110 %: east is pinned to 90 % by amy (a test) "
            "until 20") in done.stderr, done
    assert "; at most 10 % is left for west, or unpin another one first" in done.stderr, done
    _do(t, p, "pin", "shop", "west", "10%", "--reason", "more")
    assert {w["region"]: w["share"] for w in _wishes(p)} == {"east": 0.9, "west": 0.1}


@sanitize
def names_may_be_as_long_as_the_configuration_allows(t):
    name = "r" * 128
    east, west = t.origin("east"), t.origin("west")
    p = t.proxy(regions={name: [east], "west": [west]}, top=_state(t.directory("kept")),
                service_text=_CHECK + _CALM)
    for o in (east, west):
        p.until_state(o, "up")
    _do(t, p, "evacuate", name, "--reason", "long")
    until(lambda: p.shares() == {name: 0, "west": 1}, "all goes to the other one", 15)
    assert _wishes(p)[0]["region"] == name
    assert p.metrics().values("detour_failovers_total", service="shop", to="west",
                              reason="person", **{"from": name}) == [1]
    p.stop()
    p.start()
    until(lambda: p.shares() == {name: 0, "west": 1}, "also after a restart", 15)


@sanitize
@deadline(90)
def a_region_that_waits_for_a_person_goes_on_when_restored(t):
    p, origins, _ = _two(t, 'failover = { hold_down = "200ms"; ramp = "500ms"; '
                            'failback = "manual"; };')
    origins["east"].stop()
    _until_region(p, "east", "down")
    again = t.origin("east", address=origins["east"].address, port=origins["east"].port)
    p.until_state(again, "up")
    _until_region(p, "east", "hold")
    for _ in range(20):
        assert p.get("/").expect(200).text.startswith("west")
    assert "detour restore east" in _do(t, p, "explain", "shop")
    assert re.search(r"well again for \d+s, waits for 'detour restore east'; tier 0",
                     _do(t, p, "status")), _do(t, p, "status")
    assert _region(p, "east")["region_state"] == "hold"
    _do(t, p, "restore", "east", "--reason", "looked at it")
    _until_region(p, "east", "up", 15)
    assert "restore_asked" in _kinds(p)


@sanitize
def a_region_in_its_hold_down_says_how_much_of_it_is_left(t):
    p, origins, _ = _two(t, 'failover = { hold_down = "1h"; };')
    origins["east"].stop()
    _until_region(p, "east", "down")
    t.origin("east", address=origins["east"].address, port=origins["east"].port)
    _until_region(p, "east", "hold")
    assert 3500 < _region(p, "east")["hold_left_s"] < 3600 + 5, _region(p, "east")
    assert re.search(r"well again for \d+s, hold-down: (59m\d\ds|1h00m) left; tier 0",
                     _do(t, p, "status")), _do(t, p, "status")
    _do(t, p, "freeze", "--reason", "an audit", "--owner", "zed")
    assert " left, held: all services frozen by zed (as root) until 20" in _do(t, p, "status")


@sanitize
def an_explanation_says_why_in_sentences_and_as_json(t):
    p, origins, _ = _two(t)
    _do(t, p, "freeze", "--reason", "a launch", "--for", "1h")
    until(lambda: "Frozen" in _do(t, p, "explain", "shop"), "the freeze is explained", 5)
    said = json.loads(_do(t, p, "explain", "shop", "--json"))
    assert len(said["sentences"]) == 3, said
    assert said["sentences"][1].startswith("east gets 50 %: UP"), said
    done = _run(t, p, "explain", "shopp")
    assert done.returncode == 1 and "no service 'shopp'" in done.stderr, done
    assert done.stderr.startswith("detour: there is no service"), done
    p.reload(services=[("blog", {"west": [origins["west"]]})])
    until(lambda: "\n\nblog goes by" in _do(t, p, "explain"), "all are explained", 5)
    each, text = [], _do(t, p, "explain", "--json")
    while text.strip():
        one, end = json.JSONDecoder().raw_decode(text)
        each, text = each + [len(one["sentences"])], text[end:].lstrip()
    assert each == [3, 2], each


@sanitize
def a_stopped_proxy_is_told_apart_from_a_refusal(t):
    done = subprocess.run([t.binary, "evacuate", "east", "--reason", "x", "-s", "/nowhere.sock"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False, text=True)
    assert done.returncode == 1 and "/nowhere.sock" in done.stderr, done


@sanitize
def a_region_restored_under_a_freeze_says_everywhere_that_it_is_held(t):
    p, _, _ = _two(t)
    _do(t, p, "evacuate", "east", "--reason", "upgrade")
    _until_region(p, "east", "evacuated")
    _do(t, p, "freeze", "--reason", "an audit", "--owner", "zed")
    said = _do(t, p, "restore", "east")
    assert re.search(r"by its ramp\nbut its share does not grow while all services are frozen "
                     r"by zed \(as root\) \(an audit\) until 20", said), said
    _until_region(p, "east", "ramp")
    explained = _do(t, p, "explain", "shop")
    assert re.search(r"east gets 0 %: RAMP .*0 % of its part, held: all services are frozen by "
                     r"zed \(as root\) \(an audit\) until 20\S+; full ", explained), explained
    status = _do(t, p, "status")
    assert "held: all services frozen by zed (as root) until 20" in status, status
    _do(t, p, "unfreeze")
    _until_region(p, "east", "up")


@sanitize
def an_evacuation_that_replaces_anothers_says_so_and_the_journal_too(t):
    p, _, _ = _two(t)
    _do(t, p, "evacuate", "east", "--reason", "upgrade", "--owner", "amy", "--for", "2h")
    said = _do(t, p, "evacuate", "east", "--reason", "a test", "--for", "5m")
    assert "it replaces that by amy (as root) (upgrade) until 20" in said, said
    told = [line for line in _do(t, p, "journal").splitlines() if "a test" in line]
    assert any("; replaces that by amy (as root) (upgrade) until 20" in line for line in told), told


@sanitize
def who_leaves_before_a_wish_is_answered_harms_nobody(t):
    p, _, _ = _two(t)
    body = json.dumps({"wish": "evacuate", "region": "east", "owner": "me", "reason": "r"})
    asked = "POST /v1/wishes/end HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body), body)
    for _ in range(100):
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(p.socket)
            c.sendall(asked.encode())
    done = _run(t, p, "restore", "east")
    assert done.returncode == 1 and "nothing to restore" in done.stderr, done
