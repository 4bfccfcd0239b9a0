"""Sticky sessions: a client stays with its endpoint, and never with a region that has been left."""

from harness import process, sanitize

_QUICK = ('health_check = { type = "tcp"; interval = "100ms"; fast_interval = "20ms"; timeout = "500ms";'
          ' fall = 2; rise = 2; }; failover = { hold_down = "200ms"; ramp = "0s"; };')
_STICKY = 'sticky = { cookie = "srv"; ttl = "1h"; };'


def _cookie(got):
    values = [v for v in got.all("set-cookie") if v.startswith("srv=")]
    assert len(values) <= 1, got.fields
    return values[0] if values else None


def _jar(got):
    return [("Cookie", "other=1; " + _cookie(got).split(";")[0])]


@sanitize
def a_client_stays_with_the_endpoint_it_met(t):
    origins = [t.origin("o%d" % i) for i in range(4)]
    p = t.proxy(regions={"a": origins[:2], "b": origins[2:]}, service_text=_STICKY)
    c = p.client(tls=False)
    seen = set()
    for _ in range(12):
        first = c.get("/").expect(200)
        cookie = _cookie(first)
        assert cookie.endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"), cookie
        assert first.text not in cookie and "127." not in cookie
        seen.add(first.text)
        for _ in range(8):
            again = c.get("/", _jar(first)).expect(200, first.text)
            assert _cookie(again) is None, again.fields
    assert len(seen) > 1, seen
    # A name nobody has is like none.
    for name in ("srv=0123456789abcdef", "srv=x", "srv=", "srv=0123456789ABCDEF"):
        assert _cookie(c.get("/", [("Cookie", name)]).expect(200)) is not None
    assert "; Secure" in _cookie(p.get("/"))


@sanitize
def a_session_ends_with_its_endpoint_and_with_its_region(t):
    a, b = t.origin("a"), t.origin("b")
    p = t.proxy(regions={"east": [a], "west": [b]}, service_text=_STICKY + _QUICK)
    p.until_state(a, "up")
    p.until_state(b, "up")
    c = p.client(tls=False)
    first = c.get("/").expect(200)
    while first.text != "a":
        first = c.get("/").expect(200)
    jar = _jar(first)
    c.get("/", jar).expect(200, "a")
    a.refuse()
    got = c.get("/", jar).expect(200, "b")
    assert _cookie(got) is not None
    a.accept()
    p.until(lambda: p.shares()["east"] > 0.4, "east is back", 10)
    c.get("/", jar).expect(200, "a")
    process.run([t.binary, "evacuate", "-s", p.socket, "east", "--reason", "a test"])
    p.until(lambda: p.shares()["east"] == 0, "east is evacuated", 10)
    got = c.get("/", jar).expect(200, "b")
    assert _cookie(got) is not None
