"""The journal: what changed in routing and on what evidence, in memory and on disk."""

import json
import os
import shutil
import signal
import subprocess

from harness import deadline, process, sanitize, until

_CHECK = ('health_check = { type = "http"; path = "/healthz"; interval = "300ms"; '
          'fast_interval = "100ms"; timeout = "250ms"; fall = 2; rise = 2; };'
          'failover = { hold_down = "500ms"; ramp = "500ms"; };')


def _facts(p, since=0):
    return json.loads(p.ask_socket("/v1/journal?limit=0&since=%d" % since).body)["facts"]


def _find(p, kind, region):
    return [f for f in _facts(p) if f["kind"] == kind and f.get("region") == region]


def _lines(state):
    try:
        with open(os.path.join(state, "journal.jsonl")) as f:
            return [json.loads(line) for line in f.read().split("\n")[:-1]]
    except FileNotFoundError:
        return []


def _two(t, state=None, loaded=False):
    origins = {n: t.nginx(n) if loaded else t.origin(n) for n in ("east", "west")}
    p = t.proxy(regions={n: [o] for n, o in origins.items()}, service_text=_CHECK,
                top='state_dir = "%s";' % state if state else "")
    for o in origins.values():
        p.until_state(o, "up")
    return p, origins


def _lose(p, origins, name="east"):
    (origins[name].kill if hasattr(origins[name], "kill") else origins[name].stop)()
    until(lambda: _find(p, "region_down", name), "the journal tells of %s" % name, 10)


@sanitize
def the_death_of_a_region_is_told_with_its_evidence(t):
    p, origins = _two(t)
    _lose(p, origins)
    down = _find(p, "region_down", "east")[0]
    assert down["service"] == "shop" and down["actor"] == "detour", down
    assert down["signal"] and down["numbers"] and down["text"], down
    assert down["time"].endswith("Z") and len(down["time"]) == 24, down
    until(lambda: _find(p, "shares_moved", "west"), "the move is told", 5)
    moved = [f for f in _find(p, "shares_moved", "west") if f["numbers"]["to"] > 0.9]
    assert moved and moved[0]["id"] > down["id"], moved
    endpoint = [f for f in _facts(p) if f["kind"] in ("endpoint_down", "endpoint_ejected")]
    assert endpoint and endpoint[0]["endpoint"] == origins["east"].url, endpoint


@sanitize
def failing_open_is_told_and_counted_as_that_and_not_as_a_failover(t):
    p, origins = _two(t)
    _lose(p, origins)
    _lose(p, origins, "west")
    until(lambda: any(f["kind"] == "fail_open" for f in _facts(p)), "it fails open", 5)
    over = [f for f in _facts(p) if f["kind"] == "failed_over"]
    assert [(f["region"], f["into"]) for f in over] == [("east", "west")], over
    m = p.metrics()
    assert m.total("detour_failovers_total") == 1, m.values("detour_failovers_total")
    assert m.values("detour_service_fail_opens_total", service="shop") == [1]
    told = process.run([t.binary, "journal", "-s", p.socket])
    assert "shop: no region is fit: health is ignored, traffic goes by weight (" in told, told


def _down_because(t, origin, text=""):
    """Journal, log, status and explain of a proxy whose one endpoint is down by its checks."""
    p = t.proxy(regions={"east": {"endpoints": [origin], "text": text}},
                service_text=_CHECK)
    p.until_state(origin, "down")
    until(lambda: _find(p, "endpoint_down", "east"), "the journal tells of it", 5)
    fact = _find(p, "endpoint_down", "east")[0]
    line = "shop, east, %s: %s; %s" % (origin.url, fact["text"], fact["reason"])
    p.until_logged(line)
    explained = process.run([t.binary, "explain", "shop", "-s", p.socket])
    assert "0 of 1 endpoints up, 1 down: " in explained, explained
    shown = process.run([t.binary, "journal", "-s", p.socket])
    assert line in shown, shown
    return fact["reason"], explained


@sanitize
def an_endpoint_that_is_down_is_told_with_the_cause(t):
    trust = 'tls = { ca = "%s"; };' % t.pki.authority("ca").chain

    def https(name, names, **options):
        address = t.lease.address()
        return t.origin(name, address=address, tls=t.pki.server_context(
            t.pki.leaf(name + "-" + address, [n % address for n in names], **options)))

    for origin, cause, text in (
            (t.origin("refused").refuse(), "checks failed: connection refused", ""),
            (t.origin("sick").answers(503, "sick"), "check answered 503", ""),
            (t.origin("mute").hangs(), "check had no answer after", ""),
            (https("expired", ["IP:%s"], days=-1), "TLS, the certificate has expired", trust),
            (https("other", ["x%.0s.example"]), "TLS, the certificate is for another name", trust),
            (https("strange", ["IP:%s"], ca="other"), "TLS, the certificate is not trusted",
             trust)):
        reason, explained = _down_because(t, origin, text=text)
        assert cause in reason and cause in explained, (cause, reason, explained)


@sanitize
def facts_are_numbered_without_gaps_and_in_order(t):
    p, origins = _two(t)
    _lose(p, origins)
    facts = _facts(p)
    assert [f["id"] for f in facts] == list(range(1, len(facts) + 1))
    half = len(facts) // 2
    assert _facts(p, facts[half]["id"])[0]["id"] == facts[half]["id"] + 1
    over_tcp = json.loads(p.ask("/v1/journal?limit=1").body)
    assert len(over_tcp["facts"]) == 1 and over_tcp["next"] >= facts[-1]["id"], over_tcp


@sanitize
@deadline(90)
def the_file_holds_what_memory_holds_and_goes_on_after_a_restart(t):
    state = os.path.join(t.directory("kept"), "state")
    p, origins = _two(t, state)
    _lose(p, origins)
    until(lambda: _lines(state)[-1]["id"] >= _find(p, "region_down", "east")[0]["id"],
          "the file has it", 5)
    last = _facts(p)[-1]["id"]
    p.stop()
    lines = _lines(state)
    assert [f["id"] for f in lines] == list(range(1, len(lines) + 1)) and len(lines) >= last
    p.start()
    until(lambda: len(_lines(state)) > len(lines), "it goes on", 10)
    assert _find(p, "region_down", "east"), "what was before the restart is gone"
    assert _facts(p)[len(lines)]["id"] == len(lines) + 1


@sanitize
@deadline(90)
def losing_the_disk_loses_no_request_and_no_failover(t):
    state = os.path.join(t.directory("kept"), "state")
    p, origins = _two(t, state, loaded=True)
    until(lambda: _lines(state), "the journal is written", 5)
    load = t.load(p, rate=100)
    load.until_ok(100)
    shutil.rmtree(state)
    with open(state, "w") as f:  # nothing can be made there any more
        f.write("in the way")
    p.signal(signal.SIGUSR1)
    _lose(p, origins)
    p.until_logged("the journal is kept in memory only")
    load.until_ok(200)
    totals = load.stop_clean()
    assert totals["by"]["west"] > 100, totals["by"]
    os.unlink(state)
    os.mkdir(state)
    origins["east"].start()
    until(lambda: _lines(state), "it is written again", 10)
    p.until_logged("the journal is written again")


@sanitize
def a_person_is_named_with_the_reason(t):
    p, _ = _two(t)
    done = subprocess.run([t.binary, "evacuate", "east", "--reason", "a fire drill", "--owner",
                           "alice", "-s", p.socket], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False, text=True)
    assert done.returncode == 0, done
    until(lambda: _find(p, "region_evacuated", "east"), "control carries it out", 5)
    for kind in ("wish_made", "region_evacuated"):
        fact = _find(p, kind, "east")[0]
        assert fact["actor"].startswith("alice"), fact
        assert fact["reason"] == "a fire drill" and fact["signal"] == "person", fact
    # What follows from it has an actor too: Detour, upon a person's wish.
    until(lambda: _find(p, "shares_moved", "west"), "the shares move", 5)
    moved = _find(p, "shares_moved", "west")[-1]
    assert moved["actor"] == "detour" and moved["signal"] == "person", moved


@sanitize
def starts_reloads_and_ends_are_facts_with_who_and_why(t):
    state = os.path.join(t.directory("kept"), "state")
    p, origins = _two(t, state)
    started = _facts(p)[0]
    assert started["kind"] == "started" and started["actor"] == "detour", started
    assert str(p.pid) in started["reason"] and p.conf_path in started["reason"], started
    assert started["numbers"] == {"services": 1, "endpoints": 2, "routes": 1}, started
    assert p.reload(services=[("blog", {"west": [origins["west"]]})])
    done = [f for f in _facts(p) if f["kind"] == "reloaded"][0]
    assert done["actor"] == "SIGHUP" and done["time"].endswith("Z"), done
    assert done["reason"] == ("version 2 of this process, services 1 -> 2, endpoints 2 -> 3; "
                              "services added: blog"), done
    assert p.reload_now()
    assert _facts(p)[-1]["reason"] == "version 3 of this process; the same as before"
    p.until_logged("1 routes; the same as before")
    with open(p.conf_path, "a") as f:
        f.write("wrokers = 1;\nnonsense = 2;\n")
    assert not p.reload_now()
    refused = [f for f in _facts(p) if f["kind"] == "reload_refused"][0]
    assert refused["actor"] == "SIGHUP" and refused["numbers"] == {"errors": 2}, refused
    assert "did you mean \"workers\"?" in refused["reason"], refused
    shown = subprocess.run([t.binary, "journal", "-s", p.socket], stdout=subprocess.PIPE,
                           timeout=60, check=True, text=True).stdout
    assert "another configuration is applied (2 services, 3 endpoints, 1 route); SIGHUP: " in shown
    assert "the old one serves on (2 errors); SIGHUP: " + refused["reason"] in shown, shown
    assert "Detour starts (1 service, 2 endpoints, 1 route); version " in shown, shown
    p.drain()
    p.wait_exit()
    leaving, ended = _lines(state)[-2:]
    assert leaving["kind"] == "leaving" and leaving["actor"] == "SIGTERM", leaving
    assert ended["kind"] == "ended" and ended["reason"] == "drained", ended
    p.stop()


@sanitize
def the_journal_command_shows_and_follows(t):
    p, origins = _two(t)
    shown = subprocess.run([t.binary, "journal", "-s", p.socket, "-n", "1"],
                           stdout=subprocess.PIPE, timeout=60, check=True, text=True).stdout
    assert len(shown.splitlines()) == 1, shown
    follow = subprocess.Popen([t.binary, "journal", "-s", p.socket, "--follow", "--json", "-n",
                               "1"], stdout=subprocess.PIPE, text=True)
    t.at_end(follow.wait)
    t.at_end(follow.kill)
    first = json.loads(follow.stdout.readline())
    _lose(p, origins)
    seen = [first]
    while seen[-1]["kind"] != "region_down":
        seen.append(json.loads(follow.stdout.readline()))
    assert [f["id"] for f in seen] == list(range(first["id"], first["id"] + len(seen)))
    assert "region is down" in subprocess.run([t.binary, "journal", "-s", p.socket],
                                              stdout=subprocess.PIPE, timeout=60, check=True,
                                              text=True).stdout
