"""Mirrors: another service gets copies of requests, and nobody else notices."""

import json
import os
import threading
import time

from harness import sanitize, until
from harness.client import chunked
from harness.h2 import H2, request as h2_request

KIB = 1024
MIB = 1024 * KIB


def _mirrored(t, mirror="", shadow=None, route="", shop=None, service="", **parts):
    shop = shop or t.origin("shop")
    shadow = shadow or t.origin("shadow")
    p = t.proxy(regions={"us-east-1": [shop]}, services=[("shadow", {"us-east-1": [shadow]}, service)],
                routes=['{ path = "/"; service = "shop"; %s mirror = { service = "shadow"; %s }; }'
                        % (route, mirror)], **parts)
    return p, shop, shadow


def _copies(p, result=None):
    if result is None:
        return p.metrics().total("detour_mirrors_total")
    return p.metrics().total("detour_mirrors_total", result=result)


def _until_copies(p, result, count):
    until(lambda: _copies(p, result) >= count, "%d copies are %s" % (count, result))
    assert _copies(p, result) == count


def _until_copies_are_over(p, client):
    """An answer may be read before its copy begins; the answer to another request may not."""
    client.get("/").expect(200)
    until(lambda: p.metrics().total("detour_worker_mirrors") == 0, "all copies are over")


def _said(request):
    """What a request says, but for what tells the copy from the original."""
    return sorted((n.lower(), v) for n, v in request.fields
                  if n.lower() not in ("x-mirrored-from", "cdn-loop"))


def _must_be_the_same(shop, shadow, target):
    until(lambda: len(shadow.of(target)) == 1, "the mirror has %s" % target)
    one, copy = shop.of(target)[0], shadow.of(target)[0]
    assert _said(one) == _said(copy), (_said(one), _said(copy))
    assert (one.method, one.body, one.trailers) == (copy.method, copy.body, copy.trailers)
    assert copy.all("x-mirrored-from") == ["shop"] and not one.has("x-mirrored-from")
    assert copy.get("cdn-loop") != one.get("cdn-loop")


@sanitize
def a_mirror_gets_what_the_service_gets_and_the_client_its_own_answer(t):
    p, shop, shadow = _mirrored(
        t, 'methods = ( "GET", "HEAD", "PUT", "DELETE" );',
        route='rewrite_prefix = "/inside/of/it/"; request_headers = { set = '
              '( { name = "X-Route"; value = "${client_ip}"; } ); };')
    shadow.does(lambda x: x.answer(500, "of the mirror", [("X-Mirror", "yes")]))
    c = p.client(tls=False)
    got = c.get("/a?q=1", [("Cookie", "a=b"), ("X-Mirrored-From", "me")])
    got.expect(200, "shop")
    assert not got.has("x-mirror")
    c.head("/head").expect(200)
    c.request("PUT", "/length", body=b"x" * 20000).response().expect(200, "shop")
    c.request("PUT", "/chunks", [("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")],
              chunked("some", "more", trailers="X-Sum: 1\r\n")).response().expect(200, "shop")
    c.send("PUT /slowly HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n")
    assert c.reader.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    c.send("half").send("half").response().expect(200, "shop")
    for path, body in (("/a?q=1", b""), ("/head", b""), ("/length", b"x" * 20000),
                       ("/chunks", b"somemore"), ("/slowly", b"halfhalf")):
        _must_be_the_same(shop, shadow, "/inside/of/it" + path)
        assert shadow.of("/inside/of/it" + path)[0].body == body
    _until_copies(p, "answered", 5)
    lines = [line for line in p.until_access("/a", count=2)]
    assert sorted((line.get("mirrored", False), line["service"], line["status"])
                  for line in lines) == [(False, "shop", 200), (True, "shadow", 500)], lines
    assert lines[0]["request_id"] == lines[1]["request_id"]
    p.get("/", [("X_Mirrored_From", "me")], tls=False).expect(400)
    # In no number of the clients' requests.
    m = p.metrics()
    assert m.total("detour_http_requests_total", code_class="5xx") == 0
    assert m.total("detour_worker_requests_total") == 6


@sanitize
def requests_of_http2_are_mirrored_too_and_a_mirror_may_speak_it(t):
    shadow = t.h2_origin("shadow")
    shop = t.origin("shop")
    p = t.proxy(regions={"us-east-1": [shop]}, plain="h2c = true;", services=[(
        "shadow", {"us-east-1": {"endpoints": [shadow], "text": 'protocol = "h2";'}}, "")],
        routes=['{ service = "shop"; mirror = { service = "shadow"; methods = ( "GET", "PUT" ); }; }'])
    with H2(p) as c:
        put = c.open(h2_request("PUT", "/put"), end=False)
        c.data(put, b"one").data(put, b"two", end=True)
        assert c.answer(put)[0] == 200
        assert c.answer(c.open(h2_request(path="/get")))[0] == 200
    _until_copies(p, "answered", 2)
    assert sorted(s.body for s in shadow.streams) == [b"", b"onetwo"]
    lines = p.until_access("/put", count=2)
    assert sorted(line.get("mirrored", False) for line in lines) == [False, True], lines
    assert {line["protocol"] for line in lines} == {"HTTP/2"}, lines


@sanitize
def what_may_not_be_sent_twice_is_not_mirrored_and_what_is_too_large_neither(t):
    p, shop, shadow = _mirrored(t, 'methods = ( "GET", "PUT" );',
                                service_text='retry = { replay_buffer = "16KiB"; };')
    c = p.client(tls=False)
    c.post("/post", b"x").expect(200)
    c.request("PATCH", "/patch", body=b"x").response().expect(200)
    c.request("DELETE", "/delete").response().expect(200)
    c.get("/upgrade", [("Connection", "upgrade"), ("Upgrade", "websocket")]).expect(200)
    assert _copies(p) == 0
    c.request("PUT", "/large", body=b"x" * (200 * KIB)).response().expect(200)
    c.request("PUT", "/chunks", [("Transfer-Encoding", "chunked")],
              chunked(b"x" * 10000, b"y" * 10000)).response().expect(200)
    assert _copies(p, "skipped_body") == 2, p.metrics()
    c.request("PUT", "/fits", body=b"x" * (16 * KIB)).response().expect(200)
    _until_copies(p, "answered", 1)
    assert [r.target for r in shadow.requests] == ["/fits"]


@sanitize
def a_body_that_ends_while_its_endpoint_takes_no_more_is_copied(t):
    """Most of it was kept while there was no connection; the rest comes while that still waits."""
    shop = t.origin("shop")
    hold, begun, go = threading.Event(), threading.Event(), threading.Event()
    shop.refuse()
    shop.receive_buffer = 4096
    shop.accept(segment=536)  # the sender's kernel takes the less, the smaller its segments are
    shop.on_data = lambda data: (begun.set(), go.wait(20))
    shop.does(lambda x: (hold.wait(20) if x.request.target == "/first" else None,
                         x.answer(200, "shop")))
    p, shop, shadow = _mirrored(
        t, 'methods = ( "PUT" );', shop=shop, service_text='limits = { max_connections = 1; }; '
        'retry = { replay_buffer = "1MiB"; };')
    first = p.client(tls=False).request("GET", "/first")
    shop.until_requests(1)
    c = p.client(tls=False).send("PUT /body HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
                                 % (900 * KIB))
    c.send(b"x" * (900 * KIB - 1))
    until(lambda: p.metrics().total("detour_worker_requests_in_flight") == 2, "it waits")
    hold.set()
    first.response().expect(200)
    assert begun.wait(10), "its first bytes have come"
    c.send(b"x")
    other = p.client(tls=False).send("BAD\r\n\r\n")  # it has been seen once this is answered
    assert other.response().status == 400
    go.set()
    c.response().expect(200, "shop")
    _until_copies(p, "answered", 1)
    assert shadow.of("/body")[0].body == b"x" * (900 * KIB)


@sanitize
def the_percentage_is_kept_to(t):
    p, shop, shadow = _mirrored(t, "percent = 12.5;")
    c = p.client(tls=False)
    for _ in range(1000):
        c.get("/").expect(200)
    _until_copies_are_over(p, c)
    assert 72 <= len(shadow.requests) <= 178, len(shadow.requests)  # 5 standard deviations
    assert len(shop.requests) == 1001
    p.reload(routes=['{ service = "shop"; mirror = { service = "shadow"; percent = 0; }; }'])
    _until_copies_are_over(p, c)
    before = len(shadow.requests)
    for _ in range(100):
        c.get("/").expect(200)
    assert len(shadow.requests) == before


def _endless(x):
    x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        x.send(b"10000\r\n" + b"e" * 65536 + b"\r\n")


def _slowest(p, count):
    """The slowest of so many requests but the very slowest, which are the machine's own."""
    c = p.client(tls=False)
    took = []
    for _ in range(count):
        began = time.monotonic()
        c.get("/").expect(200, "shop")
        took.append(time.monotonic() - began)
    return sorted(took)[int(count * 0.95)]


@sanitize
def nothing_a_mirror_does_is_felt(t):
    p, shop, shadow = _mirrored(t, "max_in_flight = 20;", service='timeouts = { request = "2s"; };')
    usual = _slowest(p, 100)
    for does, result in ((lambda: shadow.hangs(), "skipped_full"),
                         (lambda: shadow.does(_endless), "answered"),
                         (lambda: shadow.resets(), "failed"),
                         (lambda: shadow.sends_and_closes("HTTP/1.1 200 OK\r\nX: \0\r\n\r\n"), "failed"),
                         (lambda: shadow.answers(503, "no"), "answered"),
                         (lambda: shadow.refuse(), "failed")):
        before = _copies(p, result)
        does()
        took = _slowest(p, 100)
        assert took < 0.1 + 5 * usual, (result, took, usual)
        until(lambda: _copies(p, result) > before, "copies were %s" % result)
        shadow.drop_connections()
        until(lambda: p.metrics().total("detour_worker_mirrors") == 0, "all copies are over")
    m = p.metrics()
    assert len(shop.requests) == m.total("detour_http_requests_total", code_class="2xx") == 700
    assert m.total("detour_http_request_faults_total") == 0, m
    assert m.total("detour_http_retries_total") == 0
    assert m.total("detour_loop_longest_stall_seconds", loop="worker-0") < 0.5


@sanitize
def a_copy_is_sent_once(t):
    p, shop, shadow = _mirrored(t)
    other = t.origin("other")
    shadow.resets()
    other.resets()
    p.reload(services=[("shadow", {"us-east-1": [shadow, other]}, "")])
    for i in range(20):
        p.get("/%d" % i).expect(200, "shop")
    _until_copies(p, "failed", 20)
    targets = [r.target for r in shadow.requests + other.requests]
    assert len(targets) == len(set(targets)), targets


@sanitize
def a_mirrors_own_capacity_holds(t):
    shop, shadow = t.origin("shop"), t.origin("shadow")
    p = t.proxy(regions={"us-east-1": [shop]}, services=[(
        "shadow", {"us-east-1": {"endpoints": [shadow], "text": "capacity = 10;"}}, "")],
        routes=['{ service = "shop"; mirror = { service = "shadow"; }; }'])
    c = p.client(tls=False)
    for _ in range(200):
        c.get("/").expect(200, "shop")
    until(lambda: p.metrics().total("detour_worker_mirrors") == 0, "all copies are over")
    assert _copies(p, "failed") + _copies(p, "answered") == 200
    assert 0 < len(shadow.requests) < 100, len(shadow.requests)


@sanitize
def a_circle_is_not_mirrored_again(t):
    shop = t.origin("shop")
    p = t.proxy(start=False, regions={"us-east-1": [shop]})
    p.write(services=[("shadow", {"us-east-1": ["http://%s:%d" % p.http]}, "")],
            routes=['{ service = "shop"; mirror = { service = "shadow"; }; }'])
    p.start()
    p.get("/round").expect(200, "shop")
    _until_copies(p, "answered", 1)
    assert _copies(p, "skipped_loop") == 1
    assert len(shop.of("/round")) == 2


@sanitize
def copies_outlive_their_service_and_end_with_the_worker(t):
    p, shop, shadow = _mirrored(t)
    shadow.hangs()
    c = p.client(tls=False)
    for _ in range(5):
        c.get("/").expect(200)
    shadow.until_requests(5)
    assert p.reload(services=[], routes=['{ service = "shop"; }'])
    c.get("/").expect(200, "shop")
    assert p.metrics().total("detour_worker_mirrors") == 5
    shadow.drop_connections()
    _until_copies(p, "failed", 5)
    p.reload(services=[("shadow", {"us-east-1": [shadow]}, "")],
             routes=['{ service = "shop"; mirror = { service = "shadow"; }; }'])
    for _ in range(5):
        c.get("/").expect(200)
    shadow.until_requests(10)
    c.close()
    p.expected_exit = 0  # nobody is waiting for anything
    p.drain()
    assert p.wait_exit() == 0


@sanitize
def an_endpoint_that_hangs_does_not_shut_the_region_to_copies(t):
    shop = t.origin("shop")
    good, fine, bad = t.origin("good"), t.origin("fine"), t.origin("bad").hangs()
    p = t.proxy(start=False, top='state_dir = "state";', regions={"us-east-1": [shop]}, services=[(
        "shadow", {"us-east-1": {"endpoints": [good, fine, bad], "text": "capacity = 1000;"}},
        'balance = "round_robin"; timeouts = { try = "60s"; request = "60s"; };')],
        routes=['{ service = "shop"; mirror = { service = "shadow"; }; }'])
    directory = os.path.join(p.directory, "state")
    os.mkdir(directory)
    with open(os.path.join(directory, "state.json"), "w") as f:
        json.dump({"version": 1, "saved_wall_ms": int(time.time() * 1000), "endpoints": [],
                   "names": [], "regions": [{
                       "service": "shadow", "region": "us-east-1", "state": "up", "age_ms": 1000,
                       "relapses": 0.0, "hold_left_ms": 0, "p50_us": 5000, "p95_us": 5000,
                       "mean_us": 5000}]}, f)
    p.start()

    def limit():
        s = [s for s in p.status()["services"] if s["name"] == "shadow"][0]
        return s["regions"][0]["in_flight_limit"]

    until(lambda: limit() == 17, "a limit", 5)
    c = p.client(tls=False)
    for n in range(1, 81):
        c.get("/order").expect(200, "shop")
        until(lambda: len(good.of("/order")) + len(fine.of("/order")) + len(bad.of("/order"))
              + _copies(p, "failed") == n, "%d copies" % n)
    assert not _copies(p, "failed")
