"""Who a request is from: the peer, or whom a trusted proxy names; and requests that come again."""

from harness import sanitize

TRUST = 'trusted_proxies = ( "127.0.0.7", "127.1.0.0/16", "2001:db8::/32" );'

# (source, fields, X-Forwarded-For, X-Real-IP) as the endpoint must see them.
FORGERIES = [
    ("127.0.0.9", [("X-Forwarded-For", "203.0.113.1")], "127.0.0.9", "127.0.0.9"),
    ("127.0.0.9", [("X-Real-IP", "203.0.113.1")], "127.0.0.9", "127.0.0.9"),
    ("127.0.0.9", [("X-Forwarded-For", "127.0.0.7")], "127.0.0.9", "127.0.0.9"),
    ("127.0.0.9", [("Forwarded", "for=203.0.113.1")], "127.0.0.9", "127.0.0.9"),
    ("127.0.0.9", [("X-Forwarded-For", "203.0.113.1"), ("Connection", "X-Forwarded-For")],
     "127.0.0.9", "127.0.0.9"),
    ("127.0.0.7", [], "127.0.0.7", "127.0.0.7"),
    ("127.0.0.7", [("X-Forwarded-For", "203.0.113.1")], "203.0.113.1, 127.0.0.7", "203.0.113.1"),
    ("127.0.0.7", [("X-Forwarded-For", "203.0.113.1"), ("Connection", "X-Forwarded-For")],
     "203.0.113.1, 127.0.0.7", "203.0.113.1"),
    ("127.0.0.7", [("X-Forwarded-For", "6.6.6.6, 203.0.113.1, 127.1.2.3")],
     "6.6.6.6, 203.0.113.1, 127.1.2.3, 127.0.0.7", "203.0.113.1"),
    ("127.0.0.7", [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.1")],
     "6.6.6.6, 203.0.113.1, 127.0.0.7", "203.0.113.1"),
    ("127.1.9.9", [("X-Forwarded-For", "2001:db9::1"), ("X-Real-IP", "6.6.6.6")],
     "2001:db9::1, 127.1.9.9", "2001:db9::1"),
    ("127.0.0.7", [("X-Forwarded-For", "203.0.113.1, junk")], "203.0.113.1, junk, 127.0.0.7",
     "127.0.0.7"),
]


@sanitize
def the_client_is_whom_trusted_proxies_name_and_nobody_else(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, top=TRUST)
    for source, fields, listed, real in FORGERIES:
        with p.client(tls=False, source=source) as c:
            assert c.get("/", fields).status == 200
        seen = origin.last
        assert seen.all("x-forwarded-for") == [listed], (source, fields, seen.fields)
        assert seen.all("x-real-ip") == [real], (source, fields, seen.fields)
        forwarded = "for=%s" % ('"[%s]"' % real if ":" in real else real)
        assert seen.all("forwarded") == [
            "%s;host=shop.example.com;proto=http" % forwarded], seen.fields
    with p.client(tls=False, source="127.0.0.7") as c:
        c.get("/logged", [("X-Forwarded-For", "203.0.113.1")])
    line = p.until_access("/logged")[0]
    assert line["client"] == "203.0.113.1", line
    assert line["peer"].startswith("127.0.0.7:"), line


@sanitize
def forwarded_is_read_where_it_is_asked_for(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]},
                top=TRUST + ' client_ip_header = "Forwarded";')
    with p.client(tls=False, source="127.0.0.7") as c:
        c.get("/", [("Forwarded", 'for=6.6.6.6, for="203.0.113.1:99";proto=https'),
                    ("X-Forwarded-For", "6.6.6.6")])
    seen = origin.last
    assert seen.all("x-forwarded-for") == ["203.0.113.1"], seen.fields
    assert seen.all("x-forwarded-proto") == ["https"], seen.fields
    assert seen.all("forwarded") == [
        'for=6.6.6.6, for="203.0.113.1:99";proto=https, '
        'for=127.0.0.7;host=shop.example.com;proto=https'], seen.fields


@sanitize
def a_reload_changes_whom_an_open_connection_may_speak_for(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    named = [("X-Forwarded-For", "203.0.113.1")]
    with p.client(tls=False, source="127.0.0.7") as c:
        c.get("/", named)
        assert origin.last.all("x-real-ip") == ["127.0.0.7"]
        p.reload(top=TRUST)
        t.until(lambda: c.get("/", named).status == 200 and
                origin.last.all("x-real-ip") == ["203.0.113.1"], "the new list holds")


@sanitize
def a_proxy_that_ended_tls_is_not_sent_there_again(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, top=TRUST, plain="redirect_https = true;")
    for source, said, status in (("127.0.0.9", "https", 308), ("127.0.0.7", "https", 200),
                                 ("127.0.0.7", "http", 308), ("127.0.0.7", "https, http", 308),
                                 ("127.0.0.7", "http, https", 200)):
        with p.client(tls=False, source=source) as c:
            got = c.get("/", [("X-Forwarded-Proto", said)])
            assert got.status == status, (source, said, got.status)
    assert origin.last.all("x-forwarded-proto") == ["http, https"], origin.last.fields


@sanitize
def a_request_that_goes_round_in_circles_is_508(t):
    """A service whose endpoint is the proxy itself, by another way or not."""
    inner = t.origin("inner")
    p = t.proxy(start=False, regions={}, services=[("inner", {"r": [inner]})])
    itself = "http://%s:%d" % p.http
    p.write(regions={}, services=[("circle", {"r": [itself]}), ("inner", {"r": [inner]}),
                                    ("twice", {"r": [itself]})],
              routes=['{ path = "/circle"; service = "circle"; }',
                      '{ path = "/inner"; service = "inner"; }',
                      '{ path = "/outer"; service = "twice"; rewrite_prefix = "/inner"; }'])
    p.start()
    with p.client(tls=False) as c:
        assert c.get("/circle").status == 508
        # Through itself once, to another service, is no circle.
        assert c.get("/outer/x").status == 200
    marks = inner.last.all("cdn-loop")
    assert len(marks) == 2 and len(set(marks)) == 2, marks
    assert all(m.startswith("detour-") for m in marks), marks
    p.until_access("/circle", count=2)
    reasons = [x["reason"] for x in p.access() if x["path"] == "/circle"]
    assert reasons == ["loop", "-"], reasons
