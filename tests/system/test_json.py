"""deploy/JSON.md says what the commands print with --json: every key of it, and no other."""

import json
import os
import re
import subprocess

from harness import sanitize, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What these hold is named by what it is about, not by words of ours.
_NAMED = {"faults": "REASON", "shares": "REGION", "numbers": "NUMBER"}
_TYPES = {str: "text", int: "number", float: "number", bool: "flag", type(None): "null"}
_CHECK = ('health_check = { type = "http"; path = "/healthz"; interval = "300ms"; '
          'fast_interval = "100ms"; timeout = "250ms"; fall = 2; rise = 2; };')


def _documented(heading):
    """Of one section: each key with the types it may have."""
    with open(os.path.join(ROOT, "deploy", "JSON.md")) as f:
        section = f.read().split("\n## `%s`" % heading)[1].split("\n## ")[0]
    rows = [(key, set(types.split(" or ")))
            for keys, types in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| ", section, re.M)
            for key in re.findall(r"`([^`]+)`", keys)]
    assert rows and len(rows) == len(dict(rows)), "a key stands twice: %s" % rows
    return dict(rows)


def _is_wish(value):
    return isinstance(value, dict) and "wish" in value and "until" in value


def _said(value, path="", found=None):
    """Each key of values that hold no other, with the types it has: "regions[].name" is text."""
    found = {} if found is None else found
    if isinstance(value, dict):
        named = _NAMED.get(path.rsplit(".", 1)[-1])
        for key, inner in value.items():
            _said(inner, (path + "." if path else "") + (named or key), found)
    elif isinstance(value, list):
        for inner in value:
            if path.startswith("services[]") and _is_wish(inner):
                _compare("detour wishes --json", {"wishes": [inner]}, whole=False)
                found.setdefault(path + "[]", set()).add("wish")
            else:
                _said(inner, path + "[]", found)
    else:
        found.setdefault(path, set()).add(_TYPES[type(value)])
    return found


def _compare_journal(answer):
    """Its facts are those of `detour journal --json`, and the rest is its own."""
    assert answer["facts"], answer
    _compare("detour journal --json", *answer["facts"])
    documented = _documented("/v1/journal")
    assert documented == {"facts[]": {"fact"}, "next": {"number"}}, documented
    assert set(answer) == {"facts", "next"} and isinstance(answer["next"], int), answer
    assert answer["next"] == answer["facts"][-1]["id"], answer


def _compare(heading, *samples, whole=True):
    documented, said = _documented(heading), {}
    for sample in samples:
        _said(sample, found=said)
    # null in the place of a whole object or list: what is in it is documented
    said = {key: types for key, types in said.items() if types != {"null"} or key in documented
            or not any(re.match(re.escape(key) + r"[.\[]", d) for d in documented)}
    unknown, unsaid = set(said) - set(documented), set(documented) - set(said) if whole else ()
    assert not unknown and not unsaid, "undocumented: %s; never said: %s" % (
        sorted(unknown), sorted(unsaid))
    wrong = {k: (said[k], documented[k]) for k in said if not said[k] <= documented[k]}
    assert not wrong, "other types than documented: %s" % wrong


def _run(t, p, *args, code=0):
    done = subprocess.run([t.binary, args[0], "-s", p.socket] + list(args[1:]),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False, text=True)
    assert done.returncode == code, done
    return done.stdout


def _ask(t, p, *args, code=0):
    return json.loads(_run(t, p, *args, "--json", code=code))


def _facts(t, p):
    return [json.loads(line) for line in _run(t, p, "journal", "--json").splitlines()]


@sanitize
def the_documented_keys_are_those_that_a_running_detour_prints(t):
    east, west = t.origin("east"), t.origin("west")
    p = t.proxy(regions={"east": {"endpoints": [east], "text": "capacity = 1000;"},
                         "west": {"endpoints": [west], "text": "capacity = 1000;"}},
                service_text=_CHECK + 'failover = { hold_down = "1h"; };',
                top="safety = ( { at_least = 1; } );")
    p.until_state(east, "up")
    p.until_state(west, "up")
    p.get("/").expect(200)
    quiet = _ask(t, p, "status")
    east.refuse()
    for _ in range(20):
        p.get("/").expect(200)
    until(lambda: [f for f in _facts(t, p) if f["kind"] == "endpoint_down"], "east is down", 10)
    east.accept()
    until(lambda: _ask(t, p, "status")["services"][0]["regions"][0]["hold_left_s"] is not None,
          "east waits", 10)
    holding = _ask(t, p, "status")
    answers = [_ask(t, p, "evacuate", "east", "--reason", "a"),
               _ask(t, p, "evacuate", "east", "--reason", "b"),
               _ask(t, p, "freeze", "shop", "--reason", "c"),
               _ask(t, p, "pin", "shop", "west", "1", "--reason", "d"),
               _ask(t, p, "evacuate", "west", "--reason", "e", code=1)]
    until(lambda: len(_facts(t, p)) and _facts(t, p)[-1]["kind"] == "refused", "it is refused", 5)
    _compare("detour status --json", quiet, holding, _ask(t, p, "status"))
    _compare("detour explain SERVICE --json", _ask(t, p, "explain", "shop"))
    _compare("detour journal --json", *_facts(t, p))
    _compare_journal(json.loads(p.ask_socket("/v1/journal?limit=0").body))
    _compare("detour wishes --json", _ask(t, p, "wishes"))
    _compare("detour evacuate REGION --json", *answers)


@sanitize
def the_documented_keys_are_those_that_check_prints(t):
    p = t.proxy(start=False, service_text='health_check = { type = "http"; path = "/up"; };', regions={
        "east": {"endpoints": ["http://127.0.0.1:1"], "text": "capacity = 1000;"},
        "west": {"endpoints": ["http://127.0.0.1:1"], "text": "capacity = 1000;"}})
    passwords = p.conf_path + ".htpasswd"
    with open(passwords, "w") as f:
        f.write("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    p.write(
        top="safety = ( { at_least = 2; } );",
        services=[("blog", {"west": ["http://127.0.0.1:1"]}),
                  ("raw", {"west": ["tcp://127.0.0.1:1"]}, 'protocol = "tcp";'),
                  ("unused", {"west": ["http://127.0.0.1:1"]})],
        listener='deny = ( "192.0.2.7" ); allow = ( "0.0.0.0/0" ); '
                 'rate_limit = { rate = 10; };',
        listeners=['{ name = "tls"; bind = "127.0.0.1:1"; protocol = "tls_passthrough"; '
                   'service = "raw"; }'],
        routes=['{ listener = "tls"; host = "a.example.com"; service = "raw"; }',
                '{ path = "/"; splits = ( { service = "shop"; weight = 1; } ); '
                'mirror = { service = "blog"; }; allow = ( "10.0.0.0/8" ); deny = ( "10.6.6.6" ); '
                'basic_auth = { file = "%s"; }; '
                'rate_limit = { rate = 1; key = "header"; header = "X-Key"; }; }' % passwords,
                '{ path = "/if"; methods = ( "GET" ); headers = ( { name = "A"; value = "a"; } ); '
                'query = ( { name = "q"; prefix = "p"; }, { name = "r"; regex = "s"; } ); '
                'service = "shop"; rewrite_prefix = "/"; }',
                '{ path = "/re"; rewrite_regex = "^/re"; rewrite_to = "/"; service = "shop"; }',
                '{ path = "/old"; redirect_regex = "^/old/(.*)$"; redirect = "/$1"; }'])
    samples = []
    for args in ((), ("--lose", "east")):
        done = subprocess.run([t.binary, "check", "-c", p.conf_path, "--json"] + list(args),
                              stdout=subprocess.PIPE, timeout=60, check=False)
        assert done.returncode == 3, done
        samples.append(json.loads(done.stdout))
    _compare("detour check --json", *samples)
