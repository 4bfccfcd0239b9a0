"""Basic authentication: who passes, who waits, and that nobody else does."""

import base64
import os
import subprocess
import threading
import time

from harness import sanitize


def _htpasswd(t, **users):
    path = os.path.join(t.directory("secrets"), "htpasswd")
    with open(path, "w", encoding="utf-8") as f:
        f.write("# users\n\n" + "".join("%s:%s\n" % (n.replace("_", " "), h) for n, h in users.items()))
    return path


def _openssl(kind, password):
    return subprocess.check_output(["openssl", "passwd", kind, password], text=True).strip()


def _basic(name, password):
    text = ("%s:%s" % (name, password)).encode()
    return [("Authorization", "Basic " + base64.b64encode(text).decode())]


_SHA = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="  # "password"


def _route(path, extra=""):
    return ('{ path = "/"; service = "shop"; basic_auth = { file = "%s"; realm = "the shop"; }; %s }'
            % (path, extra))


@sanitize
def only_who_has_the_password_passes(t):
    origin = t.origin("east")
    path = _htpasswd(t, amy=_openssl("-apr1", "apple"), ben=_openssl("-6", "bär"), cat=_SHA)
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[
        _route(path), '{ path = "/open"; service = "shop"; }'])
    c = p.client(tls=False)
    for headers in ([], _basic("amy", "pear"), _basic("amy", ""), _basic("dan", "apple"),
                    _basic("", ""), _basic("ben", "apple"), _basic("amy", "apple2"),
                    [("Authorization", "Basic !!!")], [("Authorization", "Bearer abc")],
                    [("Authorization", "Basic YW15")], _basic("cat", _SHA), _basic("amy", "a" * 300)):
        got = c.get("/", headers).expect(401)
        assert got.all("www-authenticate") == ['Basic realm="the shop", charset="UTF-8"'], got.fields
    assert not origin.requests
    for name, password in (("amy", "apple"), ("ben", "bär"), ("cat", "password")) * 2:
        c.get("/", _basic(name, password)).expect(200, "east")
        c.get("/", _basic(name, password + "x")).expect(401)
    c.post("/", b"x" * 300000, _basic("amy", "apple")).expect(200)
    assert len(origin.last.body) == 300000
    p.client(tls=False).post("/", b"x" * 300000, _basic("amy", "no")).expect(401)
    c.get("/open").expect(200)
    assert [line["reason"] for line in p.until_access("/", count=2)[:1]] == ["unauthorized"]


@sanitize
def a_reload_takes_a_password_back(t):
    origin = t.origin("east")
    path = _htpasswd(t, amy=_SHA, bob=_SHA)
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[_route(path)])
    c = p.client(tls=False)
    c.get("/", _basic("amy", "password")).expect(200)
    with open(path, "w", encoding="utf-8") as f:
        f.write("amy:%s\n" % _openssl("-5", "new"))
    c.get("/", _basic("amy", "password")).expect(200)
    assert p.reload_now()
    p.until(lambda: c.get("/", _basic("amy", "password")).status == 401, "the old one is refused")
    c.get("/", _basic("amy", "new")).expect(200)
    c.get("/", _basic("bob", "password")).expect(401)
    with open(path, "w", encoding="utf-8") as f:
        f.write("amy:plain\n")
    assert not p.reload_now()
    c.get("/", _basic("amy", "new")).expect(200)


@sanitize
def who_is_verified_slowly_delays_nobody_else(t):
    """A hash that takes long by design: the one worker serves on, and the answer is kept."""
    origin = t.origin("east")
    path = _htpasswd(t, amy=_openssl("-6", "x").replace("$6$", "$6$rounds=400000$", 1))
    # The right password for it is not known to anybody: what matters is how long it takes.
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[
        _route(path), '{ path = "/open"; service = "shop"; }'])
    done = []

    def guess(i):
        got = p.get("/", _basic("amy", "guess%d" % (i % 4)), tls=False)
        done.append(got.status)

    guessers = [threading.Thread(target=guess, args=(i,)) for i in range(12)]
    for g in guessers:
        g.start()
    c = p.client(tls=False)
    worst = 0.0
    served = 0
    while len(done) < 4 and served < 400:
        began = time.monotonic()
        c.get("/open").expect(200)
        worst = max(worst, time.monotonic() - began)
        served += 1
    for g in guessers:
        g.join()
    assert done.count(401) + done.count(503) == 12 and done.count(401) >= 4, done
    assert served > 20, served
    t.report("while passwords were verified: %d served, worst %.0f ms" % (served, worst * 1000))
    # A client that leaves while it waits is forgotten.
    for i in range(4):
        gone = p.client(tls=False).request("GET", "/", _basic("amy", "gone%d" % i))
        gone.reset()
    c.get("/open").expect(200)


@sanitize
def who_guesses_passwords_keeps_nobody_else_from_being_verified(t):
    """A client has a few of them verified at a time, whatever it asks for."""
    origin = t.origin("east")
    path = _htpasswd(t, amy=_openssl("-6", "x").replace("$6$", "$6$rounds=40000$", 1),
                     ben=_openssl("-6", "bär"))
    p = t.proxy(regions={"us-east-1": [origin]}, routes=[_route(path)])
    guessers = [p.client(tls=False, source="127.0.0.8") for _ in range(80)]
    for i, c in enumerate(guessers):
        c.request("GET", "/", _basic("amy", "guess%d" % i))
    turned_away = 0
    for c in guessers[4:]:
        turned_away += c.response().status == 503
    assert turned_away >= 70, turned_away
    for i, c in enumerate(guessers[4:], 100):
        c.request("GET", "/", _basic("amy", "guess%d" % i))
    p.client(tls=False, source="127.0.0.9").get("/", _basic("ben", "bär")).expect(200, "east")
    assert all(c.response().status in (401, 503) for c in guessers)


@sanitize
def slashes_that_are_merged_lead_nobody_round_a_password(t):
    guard = ['{ path = "/in"; service = "shop"; basic_auth = { file = "%s"; realm = "r"; }; }'
             % _htpasswd(t, amy=_SHA), '{ path = "/"; service = "shop"; }']
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.target))
    for limits, status in (("", 200), ('slashes = "merge";', 401)):
        p = t.proxy(regions={"us-east-1": [origin]}, routes=guard, limits=limits)
        code, told = p.check()
        assert code == 0 and ('"//in" passes this route by' in told) == (status == 200), told
        for path in ("//in", "/./%2e//in/x", "///in"):
            p.client(tls=False).get(path).expect(status)
        p.client(tls=False).get("/in").expect(401)
