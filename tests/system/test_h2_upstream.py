"""HTTP/2 to endpoints: many requests on few connections, and what becomes of them."""

import signal
import threading
import time
from collections import Counter

from harness import alone, deadline, sanitize, sanitized, until
from harness.h2 import H2, request
from harness.message import Closed
from harness.h2_origin import (ACK, CANCEL, DATA, INTERNAL_ERROR, MAX_CONCURRENT_STREAMS, NO_ERROR,
                               PING, REFUSED_STREAM, SETTINGS, frame, settings)
from harness.message import Closed

_H2 = 'protocol = "h2";'
_CALM = ('health_check = { type = "none"; }; outlier = { consecutive = 100; failure_share = 1.0; };'
         'retry = { attempts = 2; budget = 1.0; }; balance = "round_robin";')


def _region(*endpoints, text=_H2):
    return {"endpoints": list(endpoints), "text": text}


def _one(t, text=_CALM, **parts):
    o = t.h2_origin("good")
    return t.proxy(regions={"us-east-1": _region(o)}, service_text=text, **parts), o


def _two(t):
    """A bad and a good endpoint of one region; round robin meets both."""
    bad, good = t.h2_origin("bad"), t.h2_origin("good")
    p = t.proxy(regions={"us-east-1": _region(bad, good)}, service_text=_CALM)
    return p, bad, good


def _in_parallel(p, count, ask):
    """ask(client, i) by count clients at once; their answers in order."""
    answers = [None] * count

    def run(i):
        answers[i] = ask(p.client(), i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert None not in answers, answers
    return answers


@sanitize
def many_requests_share_one_connection(t):
    p, o = _one(t)
    together = threading.Barrier(20)
    o.does(lambda s: threading.Thread(target=lambda: (together.wait(20), s.answer(200, s.body)))
           .start())
    answers = _in_parallel(p, 20, lambda c, i: c.post("/", b"number %d" % i))
    assert [a.text for a in answers] == ["number %d" % i for i in range(20)]
    assert len(o.connections) == 1, len(o.connections)
    c = p.client()
    for i in range(3):
        o.does(lambda s: s.answer(200, "again"))
        c.get("/").expect(200, "again")
    assert len(o.connections) == 1
    assert p.until_access("/")[-1]["reused"]


@sanitize
def an_endpoints_limit_of_streams_is_kept(t):
    p, o = _one(t)
    o.settings = {MAX_CONCURRENT_STREAMS: 2}
    go = threading.Event()
    most = []

    def script(s):
        most.append(sum(1 for other in s.connection.streams.values() if not other.answered))
        threading.Thread(target=lambda: (go.wait(20), s.answer(200, "ok"))).start()

    def count(s):
        s.answered = False
        answer = s.answer
        s.answer = lambda *a: (setattr(s, "answered", True), answer(*a))

    o.at_head, o.script = count, script
    threading.Timer(0.5, go.set).start()
    for a in _in_parallel(p, 9, lambda c, i: c.get("/")):
        a.expect(200, "ok")
    assert max(most) <= 2, most
    assert len(o.connections) >= 4, "a second connection when the places of one are taken"


@sanitize
def bodies_heads_and_trailers_pass_both_ways(t):
    p, o = _one(t)

    def script(s):
        s.head(103, [("link", "</a.css>; rel=preload")])
        s.head(200, [("x-way", "back"), ("trailer", "x-sum")])
        s.data(s.body)
        s.trailers([("x-sum", str(len(s.body)))])

    o.does(script)
    c = p.client()
    body = bytes(range(256)) * 2000
    r = c.post("/up", body, [("TE", "trailers")])
    r.expect(200, body)
    assert [i.status for i in r.interim] == [103], r.interim
    assert r.get("x-way") == "back" and not r.has("connection"), r.fields
    assert r.trailers == [("x-sum", str(len(body)))], r.trailers
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(x), x) for x in (b"one", b"two" * 9000)) + b"0\r\n\r\n"
    c.send("POST /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    c.send(chunks)
    c.response().expect(200, b"one" + b"two" * 9000)


@sanitize
def heads_without_bodies_are_whole(t):
    p, o = _one(t)
    o.does(lambda s: s.head(200, [("content-length", "1000")], end=True))
    r = p.client().head("/")
    assert r.status == 200 and r.get("content-length") == "1000"
    for status in (204, 304):
        o.does(lambda s: s.head(status, end=True))
        c = p.client()
        assert c.get("/").status == status
        o.does(lambda s: s.answer(200, "next"))
        c.get("/").expect(200, "next")


@sanitize
def a_refused_stream_goes_elsewhere_whatever_the_method(t):
    p, bad, good = _two(t)
    bad.does(lambda s: s.reset_with(REFUSED_STREAM))
    bodies = []
    good.does(lambda s: (bodies.append(s.body), s.answer(200, "good")))
    c = p.client()
    for i in range(10):
        c.get("/").expect(200, "good")
        c.post("/", b"post %d" % i).expect(200, "good")
    assert bad.streams, "the bad one was tried"
    assert Counter(b for b in bodies if b) == Counter(b"post %d" % i for i in range(10))


@sanitize
def a_goaway_sends_what_it_left_out_elsewhere_and_lets_the_rest_finish(t):
    p, o = _one(t)
    first = []

    def script(s):
        if len(o.connections) > 1:
            s.answer(200, b"new " + s.body)
        elif not first:
            first.append(s)
        else:
            s.connection.goaway(first[0].id)
            first[0].answer(200, b"old " + first[0].body)

    o.does(script)
    a = threading.Thread(target=lambda: results.append(p.client().post("/", b"one").text))
    results = []
    a.start()
    until(lambda: first, "the first request is there")
    p.client().post("/", b"two").expect(200, "new two")
    a.join(10)
    assert results == ["old one"], results
    assert len(o.connections) == 2
    p.client().get("/").expect(200, "new ")
    assert len(o.connections) == 2, "the new connection stays"


@sanitize
def a_reset_stream_is_repeated_only_if_that_is_safe(t):
    p, bad, good = _two(t)
    bad.does(lambda s: s.reset_with(INTERNAL_ERROR))
    c = p.client()
    for _ in range(10):
        c.get("/").expect(200, "good")
    posts = []
    for o in (bad, good):
        o.at_head = posts.append
    answers = [p.client().post("/post", b"x") for _ in range(10)]
    assert Counter(r.status for r in answers) == {200: 5, 502: 5}, answers
    assert len(posts) == 10, "a POST was sent twice"
    assert {a["reason"] for a in p.until_access("/post", count=10)} == {"-", "stream_reset"}


@sanitize
def a_cut_answer_shows_as_cut(t):
    p, o = _one(t)
    for end in (lambda s: s.reset_with(INTERNAL_ERROR), lambda s: s.reset_with(NO_ERROR),
                lambda s: s.connection.close()):
        o.does(lambda s: (s.head(200), s.data(b"half"), end(s)))
        try:
            whole = p.client().get("/")
        except (ConnectionError, Closed):
            continue
        raise AssertionError("passes for whole: %r" % whole)


@sanitize
def an_answer_may_come_before_the_request_has_ended(t):
    p, o = _one(t)
    o.at_head = lambda s: (s.head(413), s.data(b"no", end=True), s.reset_with(NO_ERROR))
    o.script = lambda s: None
    c = p.client()
    c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin")
    c.response().expect(413, "no")
    o.at_head = None
    o.does(lambda s: s.answer(200, "fine"))
    p.client().get("/").expect(200, "fine")
    assert len(o.connections) == 1, "one stream's end is not the connection's"


@sanitize
def malformed_answers_are_refused_and_cost_their_stream_alone(t):
    p, o = _one(t)
    long = "x" * 40000
    cases = [
        [("X-Upper", "1")], [("bad name", "1")], [("connection", "close")],
        [("transfer-encoding", "chunked")], [("x", "a\r\nb")], [("x", "a\0b")], [(":path", "/")],
        [("content-length", "5")], [("content-length", "nonsense")], [("x", long)],
        [("content-length", "2"), ("content-length", "3")],
    ]
    for fields in cases:
        o.does(lambda s: (s.head(200, fields), s.data(b"ab", end=True)))
        try:
            assert p.client().get("/").status == 502, fields
        except (ConnectionError, Closed):
            # What is found out after the head has gone can only be cut off.
            assert fields == [("content-length", "5")], fields
    o.does(lambda s: s.head("20x", end=True))
    assert p.client().get("/").status == 502
    o.does(lambda s: s.data(b"no head", end=True))
    assert p.client().get("/").status == 502
    o.does(lambda s: s.answer(200, "well"))
    p.client().get("/").expect(200, "well")


@sanitize
def who_does_not_speak_http2_is_not_sent_anything(t):
    plain, tls_h1 = t.origin("plain"), t.origin("h1", tls=t.pki.server_context(t.pki.site()))
    good = t.h2_origin("good")
    plain.sends_and_closes("HTTP/1.1 400 Bad Request\r\n\r\n")
    ca = ' tls = { ca = "%s"; sni = "shop.example.com"; };' % t.pki.authority("ca").chain
    p = t.proxy(regions={"a": _region(plain), "b": _region(tls_h1, text=_H2 + ca),
                         "c": _region(good)}, service_text=_CALM)
    c = p.client()
    for _ in range(12):
        c.post("/", b"x").expect(200, "good")
    assert not tls_h1.requests
    assert b'reason="wrong_protocol"' in p.ask("/metrics").body


@sanitize
def tls_agrees_on_http2(t):
    context = t.pki.server_context(t.pki.site())
    context.set_alpn_protocols(["h2"])
    o = t.h2_origin("good", tls=context)
    ca = ' tls = { ca = "%s"; sni = "shop.example.com"; };' % t.pki.authority("ca").chain
    p = t.proxy(regions={"us-east-1": _region(o, text=_H2 + ca)}, service_text=_CALM)
    for _ in range(3):
        p.client().get("/").expect(200, "good")
    assert len(o.connections) == 1


@sanitize
def windows_hold_back_either_side(t):
    p, o = _one(t)
    size = 8 * 1024 * 1024
    sent = [0]

    def stream(s):
        s.head(200)
        while sent[0] < size:
            n = min(256 * 1024 + s.credit - sent[0], 16384, size - sent[0])
            if n <= 0:
                time.sleep(0.002)
                continue
            s.data(b"d" * n)
            sent[0] += n
        s.data(b"", end=True)

    o.does(lambda s: threading.Thread(target=stream, args=(s,), daemon=True).start())
    c = p.client(tls=False, receive_buffer=65536)
    c.request("GET", "/")
    last = [-1]

    def stalled():
        if sent[0] == last[0]:
            return True
        last[0] = sent[0]
        time.sleep(0.3)
        return False

    until(stalled, "the origin has to wait", 15)
    assert sent[0] < size, "a slow client must stop the endpoint"
    assert len(c.response().body) == size

    # The other way: the endpoint's window is all that is sent.
    o.credits = False
    o.does(lambda s: s.answer(200, str(len(s.body))))
    got = lambda: sum(len(f[3]) for f in list(o.frames) if f[0] == DATA)
    began = got()
    c = p.client(tls=False)
    body = b"u" * 400000
    threading.Thread(target=lambda: c.request("POST", "/", (), body), daemon=True).start()
    until(lambda: got() - began == 65535, "the window is used up")
    time.sleep(0.2)
    assert got() - began == 65535
    o.credits = True
    stream_id = o.streams[-1].id
    o.connections[-1].credit(1 << 20)
    o.connections[-1].credit(1 << 20, stream_id)
    c.response().expect(200, str(len(body)))


@sanitize
def who_leaves_cancels_its_stream(t):
    p, o = _one(t)
    o.does(lambda s: None)
    c = p.client()
    c.request("GET", "/")
    until(lambda: o.streams, "it has come")
    c.socket.close()
    until(lambda: o.streams[0].reset == CANCEL, "it is cancelled")
    o.does(lambda s: s.answer(200, "on"))
    p.client().get("/").expect(200, "on")
    assert len(o.connections) == 1


@sanitize
def a_connection_of_age_takes_nothing_new_and_ends_with_its_last_stream(t):
    p, o = _one(t, _CALM + 'limits = { max_age = "400ms"; };')
    go = threading.Event()

    def script(s):
        if s.body == b"late":
            threading.Thread(target=lambda: (go.wait(20), s.answer(200, "late"))).start()
        else:
            s.answer(200, "good")

    o.does(script)
    late = p.client()
    late.request("POST", "/", (), b"late")
    until(lambda: o.streams, "it has begun")
    first = o.connections[0]

    def elsewhere():
        p.client().get("/").expect(200, "good")
        return len(o.connections) > 1

    until(elsewhere, "what is new goes elsewhere")
    assert not first.goaways and not first.ended, "it still carries a request"
    go.set()
    late.response().expect(200, "late")
    until(lambda: first.ended, "it ends with its last stream", 5)
    assert first.goaways == [(0, NO_ERROR)], first.goaways
    idle = o.connections[1]
    until(lambda: idle.ended, "one without a stream ends by itself", 5)
    assert idle.goaways == [(0, NO_ERROR)], idle.goaways
    assert all(e["not_sent"] == 0 for e in p.endpoints().values() if "not_sent" in e)


@sanitize
def a_connection_makes_way_after_its_requests(t):
    p, o = _one(t, _CALM + "limits = { max_requests = 3; };")
    for _ in range(7):
        p.client().get("/").expect(200, "good")
    assert [len(c.streams) for c in o.connections] == [3, 3, 1]
    until(lambda: [c.ended for c in o.connections] == [True, True, False], "the full ones end")
    assert [c.goaways for c in o.connections] == [[(0, NO_ERROR)], [(0, NO_ERROR)], []]


@sanitize
def an_endpoint_may_take_fewer_requests_than_before(t):
    """Those that a connection has no place for any more go by another one."""
    p, o = _one(t)
    held = []
    o.does(lambda s: held.append(s) if s.body == b"held" else s.answer(200, "good"))
    c = p.client().request("PUT", "/held", body=b"held")
    until(lambda: held, "one is under way")
    o.connections[0].send(settings({MAX_CONCURRENT_STREAMS: 1}))
    until(lambda: any(f[0] == SETTINGS and f[1] & ACK for f in list(o.frames)[2:]), "that is known")
    for _ in range(3):
        p.client(timeout=5).get("/").expect(200, "good")
    assert len(o.connections) == 2, len(o.connections)
    held[0].answer(200, "late")
    c.response().expect(200, "late")


@sanitize
def a_silent_connection_is_asked_before_a_post(t):
    p, o = _one(t)
    p.client().get("/").expect(200, "good")
    time.sleep(1.2)
    p.client().post("/", b"x").expect(200, "good")
    assert len(o.connections) == 1 and o.connections[0].pings == 1, (
        len(o.connections), o.connections[0].pings)
    o.answers_pings = False
    time.sleep(1.2)
    p.client().post("/", b"y").expect(200, "good")
    assert len(o.connections) == 2, "who does not answer is not used"
    assert [s.body for s in o.streams].count(b"y") == 1


@sanitize
def a_silent_try_has_its_connection_asked_once(t):
    p, o = _one(t, _CALM + 'timeouts = { try = "20s"; request = "20s"; };')
    done = threading.Event()
    o.does(lambda s: threading.Thread(target=lambda: (done.wait(20), s.answer(200, "late")))
           .start())
    c = p.client()
    c.request("GET", "/")
    until(lambda: any(f[0] == PING for f in list(o.frames)), "it is asked", 8)
    time.sleep(1.3)
    done.set()
    c.response().expect(200, "late")
    assert sum(1 for f in o.frames if f[0] == PING) == 1


@sanitize
def a_stop_while_a_connection_is_asked_is_a_clean_one(t):
    p, o = _one(t)
    o.answers_pings = False
    o.does(lambda s: None)
    c = p.client()
    c.request("GET", "/hangs")
    until(lambda: any(f[0] == PING for f in list(o.frames)), "it is asked", 8)
    p.signal(signal.SIGINT)
    p.expected_exit = 3
    assert p.wait_exit() == 3, p.log_tail()


@sanitize
def an_endpoint_that_floods_costs_only_itself(t):
    p, bad, good = _two(t)

    def flood(s):
        try:
            for _ in range(200):
                s.connection.send(frame(PING, 0, 0, b"12345678") * 100)
        except OSError:
            pass

    bad.does(flood)
    c = p.client()
    for _ in range(6):
        c.get("/").expect(200, "good")
    assert len(good.connections) == 1, "the other endpoint's connection stays"


@sanitize
def an_endpoint_may_ask_whether_we_are_there_as_long_as_a_call_lasts(t):
    """As gRPC servers do, every few seconds, on a connection whose calls are silent for hours."""
    p, o = _one(t)
    o.at_head = lambda s: (s.head(200), s.data(b"first"))
    o.does(lambda s: None)
    c = p.client()
    c.request("GET", "/watch")
    c.reader.until(b"first")
    there = o.connections[0]
    for _ in range(40):  # in 2 s as many as in hours
        there.send(frame(PING, 0, 0, b"12345678") * 40)
        time.sleep(0.05)
    until(lambda: sum(1 for f in list(o.frames) if f[0] == PING and f[2] == 0) == 1600, "all are answered")
    o.streams[0].data(b"last", end=True)
    c.reader.until(b"last")
    assert there.is_open and len(o.connections) == 1


def _h2_regions(t, names=("primary", "standby"), **options):
    spaces, regions = {}, {}
    for region in names:
        spaces[region] = t.netns(region)
        regions[region] = t.nginx(region, netns=spaces[region], http2=True, **options)
    text = ('health_check = { type = "http"; path = "/healthz"; interval = "1s"; '
            'timeout = "500ms"; }; timeouts = { connect = "30s"; try = "30s"; request = "30s"; };'
            'failover = { hold_down = "2s"; ramp = "2s"; };')
    p = t.proxy(regions={r: {"endpoints": [regions[r]], "tier": i, "text": _H2}
                         for i, r in enumerate(names)}, service_text=text, workers=2)
    for o in regions.values():
        p.until_state(o, "up")
    return p, spaces, regions


def _judge(t, load, worst_ms, what):
    totals = load.stop_clean()
    t.report("%s: %d requests, 0 failed, p99 %.0f ms, slowest %.0f ms" % (
        what, totals["ok"], totals["p99_ms"], totals["slowest_ms"]))
    assert sanitized() or totals["slowest_ms"] <= worst_ms, totals


@alone
@deadline(60)
def a_killed_region_fails_no_request_over_http2(t):
    p, _, regions = _h2_regions(t)
    load = t.load(p, rate=500)
    load.until_ok(500)
    regions["primary"].kill()
    load.until_ok(1000)
    _judge(t, load, 1000, "killed")


@alone
@deadline(60)
def a_region_that_vanishes_fails_no_request_over_http2(t):
    p, spaces, _ = _h2_regions(t)
    load = t.load(p, rate=500, timeout=40.0)
    load.until_ok(500)
    spaces["primary"].blackhole()
    load.until_ok(1000)
    _judge(t, load, 600, "dropped")


@deadline(60)
def no_post_is_executed_twice_over_http2(t):
    p, spaces, regions = _h2_regions(t, log_ids=True)
    load = t.load(p, rate=300, post_every=1, timeout=40.0)
    load.until_ok(300)
    spaces["primary"].answers_lost()
    load.until_ok(600)
    spaces["primary"].heal()
    load.stop()
    seen = Counter(line for o in regions.values() for line in o.executed()
                   if line.startswith("POST"))
    twice = [line for line, n in seen.items() if n > 1]
    assert not twice, twice


@sanitize
def the_most_fields_and_the_most_that_is_added_fit(t):
    def group(name, prefix):
        return "%s = { add = ( %s ); };" % (name, ", ".join(
            '{ name = "%s-%d"; value = "v"; }' % (prefix, i) for i in range(32)))

    o = t.h2_origin("good").does(
        lambda s: s.head(200, [("f%d" % i, "v") for i in range(120)], end=True))
    p = t.proxy(
        regions={"us-east-1": _region(o)}, limits="header_fields = 128;", plain="h2c = true;",
        service_text=_CALM + "via = \"both\"; sticky = { cookie = \"stay\"; };" +
        group("request_headers", "a") + group("response_headers", "b"),
        routes=['{ path = "/"; service = "shop"; gzip = true; cors = { credentials = true; '
                'origins = ( "https://a.example.com" ); }; %s %s }' % (
                    group("request_headers", "c"), group("response_headers", "d"))])
    many = [("X-%d" % i, "v") for i in range(120)]
    answer = p.get("/", many + [("Origin", "https://a.example.com"), ("TE", "trailers")])
    assert answer.status == 200, answer
    assert len(answer.fields) >= 120 + 64, len(answer.fields)
    with H2(p) as c:
        assert c.answer(c.open(request(more=[("x-%d" % i, "v") for i in range(110)] + [
            ("cookie", "a=b")] * 5 + [("origin", "https://a.example.com")])))[0] == 200
