"""
A region that is one address: many servers behind a balancer, one of which dies.

All of its connections are reset in one moment, while the others go on answering.
"""

import calendar
import json
import random
import threading
import time

from harness import rounds, sanitize, sanitized, tcp, until, websocket
from harness.h2_origin import MAX_CONCURRENT_STREAMS
from harness.wait import stays

# On a busy machine it is these origins that are slow to accept.
_USUAL = 'timeouts = { connect = "5s"; }; '
_CHECK = 'health_check = { type = "http"; path = "/healthz"; }; ' + _USUAL
_ANSWER_S = 0.3  # so that at 200 requests a second each of five servers is busy with twelve
_LEAVING = ("region_down", "region_hold", "region_grey", "region_ramp", "shares_moved")


def _answers_slowly(x, headers=(), after_s=_ANSWER_S):
    if x.request.target != "/healthz":
        x.origin.stopping.wait(after_s)
    x.answer(200, "%s %s" % (x.origin.name, x.request.get("x-load-id")), headers)


def _answers_once(x):
    """So each request has a connection of its own."""
    _answers_slowly(x, [("Connection", "close")])
    x.close()


def _hangs_on_long(x):
    if x.request.target == "/long" and x.origin.name != "standby":
        x.origin.stopping.wait(20)
    else:
        _answers_slowly(x)


class _World:
    """Five servers behind a balancer are the primary region, one endpoint is the standby."""

    def __init__(self, t, script=_answers_slowly, standby="", tier=1, text=_CHECK):
        self.t = t
        self.backends = [t.origin("b%d" % i).does(script) for i in range(5)]
        self.standby = t.origin("standby").does(script)
        self._start(text, {"endpoints": [self.standby], "tier": tier, "text": standby})

    def _start(self, text, standby, scheme="http", more="", **parts):
        self.balancer = self.t.balancer(*self.backends)
        url = self.balancer.url(scheme)
        regions = {"primary": {"endpoints": [url], "text": more}, "standby": standby}
        if "services" in parts:
            parts["services"] = parts["services"](regions)
            regions = {}
        self.proxy = self.t.proxy(workers=4, regions=regions, service_text=text, **parts)
        self.proxy.until_state(url, "up")
        self.proxy.until_state(self.standby, "up")

    def load(self, **options):
        return self.t.load(self.proxy, tls=False, **{"rate": 200, **options})

    def all_to(self, backend, count, open_one):
        """What open_one() returns count times, all of it at this backend; others get the rest."""
        self.balancer.routes_to(backend)
        opened = [open_one() for _ in range(count)]
        self.balancer.routes_to(*(b for b in self.backends if b is not backend))
        return opened

    def busy_with(self, backend):
        return self.balancer.waiting_of(backend)

    def lose_the_busiest(self, noticed=True):
        """Returns how many requests were lost with it."""

        def busy():
            return max(self.backends, key=self.busy_with)

        until(lambda: self.busy_with(busy()) >= 10, "one is busy with ten requests", 10)
        busiest = busy()
        lost = self.busy_with(busiest)
        self.balancer.lose(busiest, noticed)
        return lost

    def leavings(self):
        """What was decided against the primary region since it serves."""
        facts = json.loads(self.proxy.ask_socket("/v1/journal?limit=0").body)["facts"]
        return [f for f in facts if f.get("region") == "primary" and f["kind"] in _LEAVING
                and not (f["kind"] == "shares_moved" and f["numbers"]["from"] == 0)]

    def expect_kept(self):
        """It serves all that is new, and nothing was ever held against it."""
        assert not self.leavings(), self.leavings()


def _expect_clean(w, load, by_standby):
    totals = load.stop_clean()
    w.expect_kept()
    assert totals["by"].get("standby", 0) <= by_standby, totals["by"]


@sanitize
@rounds
def a_server_that_dies_takes_no_region_along(t):
    w = _World(t)
    load = w.load().until_ok(100)
    lost = w.lose_the_busiest()
    load.until_ok(200)
    _expect_clean(w, load, lost)


@sanitize
@rounds
def nothing_new_is_shed_when_a_server_dies_and_the_standby_is_small(t):
    w = _World(t, standby="capacity = 5;")
    load = w.load().until_ok(100)
    lost = w.lose_the_busiest()
    load.until_ok(200)
    totals = load.stop()
    shed = [line for line in w.proxy.access() if line["reason"] == "shed"]
    assert all(line["tries"] > 0 for line in shed), "some that were never with that server"
    assert totals["failed"] == len(shed) <= lost, totals["failures"]
    w.expect_kept()


class _Http2(_World):
    """The same with HTTP/2 to the endpoints; each connection takes so many streams."""

    def __init__(self, t, streams, answer_s=_ANSWER_S):
        self.t = t
        self.waiting = set()
        self.answer_s = answer_s
        self.backends = [t.h2_origin("b%d" % i) for i in range(5)]
        self.standby = t.h2_origin("standby")
        for origin in self.backends:
            origin.settings = {MAX_CONCURRENT_STREAMS: streams}
            origin.does(self._answer)
        h2 = 'protocol = "h2";'
        self._start('health_check = { type = "tcp"; }; ' + _USUAL, {
            "endpoints": [self.standby], "tier": 1, "text": h2}, more=h2)

    def _answer(self, stream):
        def answer():
            self.waiting.discard(stream)
            try:
                stream.answer(200, "ok")
            except OSError:
                pass  # lost in the meantime

        self.waiting.add(stream)
        timer = threading.Timer(self.answer_s, answer)
        timer.daemon = True
        timer.start()

    def busy_with(self, backend):
        return sum(s.connection.origin is backend for s in list(self.waiting))


@sanitize
def a_server_that_dies_with_its_http2_connections_takes_no_region_along(t):
    w = _Http2(t, streams=2)
    load = w.load(echo=False).until_ok(100)
    lost = w.lose_the_busiest()
    load.until_ok(200)
    load.stop_clean()
    assert sanitized() or len(w.standby.streams) <= lost + 5, (len(w.standby.streams), lost)
    w.expect_kept()


@sanitize
@rounds
def streams_that_are_lost_while_nothing_else_comes_take_no_region_along(t):
    w = _Http2(t, streams=100, answer_s=20)
    for _ in range(60):
        w.proxy.client(tls=False).request("GET", "/")
    until(lambda: len(w.waiting) == 60, "all are waited for")
    lost = w.lose_the_busiest()
    until(lambda: len(w.standby.streams) + len(w.waiting) >= 60 + lost,
          "the lost ones were sent again")
    stays(lambda: not w.leavings(), "the region is kept", 0.5)
    before = len(w.standby.streams)
    w.answer_s = 0
    w.proxy.get("/").expect(200, "ok")
    assert len(w.standby.streams) == before


@sanitize
@rounds
def long_polls_that_are_lost_among_few_requests_take_no_region_along(t):
    """More of them than begin in a second; but they began before."""
    w = _World(t, _hangs_on_long)

    def poll():
        before = len(w.backends[0].of("/long"))
        w.proxy.client(tls=False).request("GET", "/long")
        until(lambda: len(w.backends[0].of("/long")) > before, "it has come")

    w.all_to(w.backends[0], 40, poll)
    load = w.load(rate=30, connections=12).until_ok(35)
    lost = w.lose_the_busiest()
    until(lambda: sum(len(o.of("/long")) for o in w.backends + [w.standby]) >= 40 + lost,
          "the lost ones were sent again")
    load.until_ok(20)
    _expect_clean(w, load, 0)


@sanitize
@rounds
def hundreds_of_long_requests_that_are_lost_at_once_take_no_young_region_along(t):
    """It has served for a second, and they begin anew while it is hardly known."""
    many = 100 if sanitized() else 400
    w = _World(t, _hangs_on_long)
    dying, *others = w.backends
    w.balancer.routes_to(dying)
    for _ in range(many):
        w.proxy.client(tls=False).request("GET", "/long")
    until(lambda: len(dying.of("/long")) == many, "all of them have come")
    w.balancer.routes_to(*others)
    load = w.load().until_ok(200)
    w.balancer.lose(dying)
    load.until_ok(200)
    _expect_clean(w, load, 0)


@sanitize
@rounds
def a_balancer_that_forgets_its_connections_is_kept(t):
    w = _World(t)
    load = w.load().until_ok(100)
    w.balancer.forget()
    load.until_ok(200)
    _expect_clean(w, load, 100)


@sanitize
@rounds
def a_balancer_that_forgets_more_than_begins_in_a_second_is_kept(t):
    """Its answers take so long."""
    w = _World(t, lambda x: _answers_slowly(x, after_s=0.8))
    load = w.load(rate=60, connections=100).until_ok(60)
    w.balancer.forget()
    load.until_ok(60)
    _expect_clean(w, load, 100)


@sanitize
@rounds
def all_that_a_process_of_a_second_is_busy_with_may_be_lost_at_once(t):
    """It has earned few retries yet."""
    w = _World(t, _answers_once)  # no request is on a kept connection, which may end at any time
    load = w.load().until_ok(40)
    until(lambda: sum(w.busy_with(b) for b in w.backends) >= 50, "fifty are waited for", 10)
    w.balancer.forget()
    load.until_ok(100)
    load.stop_clean()


def _expect_kept_though_a_fifth_is_refused(t, draw):
    w = _World(t, _answers_once)
    w.balancer.draw = draw
    load = w.load().until_ok(100)
    w.lose_the_busiest(noticed=False)
    until(lambda: w.balancer.refusals >= 40, "forty of two hundred are refused", 10)
    load.stop_clean()
    w.expect_kept()


@sanitize
@rounds
def a_dead_server_whose_turn_comes_as_before_takes_no_region_along(t):
    _expect_kept_though_a_fifth_is_refused(t, None)


@sanitize
@rounds
def a_dead_server_that_is_drawn_as_before_takes_no_region_along(t):
    """So that by chance several in a row meet it."""
    _expect_kept_though_a_fifth_is_refused(t, random.Random(7))


@sanitize
@rounds
def tunnels_that_are_lost_at_once_take_no_region_along(t):
    """Among few new requests: most of what ends in that second was lost."""
    w = _World(t, lambda x: websocket.grants(websocket.echo)(x) if x.request.has("upgrade")
               else _answers_slowly(x))

    def tunnel():
        c = w.proxy.client(tls=False)
        c.send(websocket.OPENING % "/chat").response().expect(101)
        return c

    tunnels = w.all_to(w.backends[0], 40, tunnel)
    load = w.load(rate=20, connections=8).until_ok(5)
    w.balancer.lose(w.backends[0])
    until(lambda: not any(c.is_open() for c in tunnels), "all of them are gone")
    load.until_ok(20)
    _expect_clean(w, load, 0)


@sanitize
@rounds
def connections_of_a_tcp_service_that_are_lost_at_once_take_no_region_along(t):
    def endpoint(word):
        address = t.lease.address()
        made = tcp.Endpoint(address, t.lease.port(address),
                            lambda sock: (sock.sendall(word), tcp.echo(sock)))
        t.at_end(made.stop)
        return made

    def word():
        c = tcp.connect(listens)
        t.at_end(c.close)
        return tcp.exactly(c, 2)

    w = _World.__new__(_World)
    w.t, w.backends, w.standby = t, [endpoint(b"b%d" % i) for i in range(5)], endpoint(b"st")
    address = t.lease.address()
    listens = (address, t.lease.port(address))
    w._start("", {"endpoints": [w.standby], "tier": 1}, "tcp", services=lambda regions: [
        ("web", {"primary": ["http://127.0.0.1:9"]}),
        ("db", regions, 'protocol = "tcp"; health_check = { type = "tcp"; };')],
        routes=['{ path = "/"; service = "web"; }'],
        listeners=['{ name = "db"; bind = "%s:%d"; protocol = "tcp"; service = "db"; }' % listens])
    assert w.all_to(w.backends[0], 40, word) == [b"b0"] * 40
    w.balancer.lose(w.backends[0])
    until(lambda: w.proxy.metrics().total("detour_worker_tunnels") == 0, "all of them are gone")
    stays(lambda: word() in (b"b1", b"b2", b"b3", b"b4"), "the other servers are used", 0.5)
    w.expect_kept()


def _begins(x):
    x.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun")


def _begins_streams(x):
    if x.request.target == "/stream":
        _begins(x)
        x.origin.stopping.wait(60)
    else:
        _answers_slowly(x)


def _expect_kept_though_streams_are_cut(t, count, over_s):
    def stream():
        c = w.proxy.client(tls=False).request("GET", "/stream")
        c.reader.until(b"begun")

    w = _World(t, _begins_streams, tier=0)
    w.all_to(w.backends[0], count, stream)  # half of them are the standby's
    load = w.load().until_ok(200)
    w.balancer.lose(w.backends[0], over_s=over_s)
    load.until_ok(700)  # three windows of a second, and what one waits for the first
    load.stop_clean()
    w.expect_kept()


@sanitize
@rounds
def answers_that_are_cut_at_once_make_no_region_of_two_grey(t):
    _expect_kept_though_streams_are_cut(t, 80, 0)


@sanitize
@rounds
def answers_that_are_seen_cut_one_after_the_other_make_no_region_of_two_grey(t):
    """As on a machine that is slow to see one moment."""
    _expect_kept_though_streams_are_cut(t, 160, 0.3)


def _expect_grey_where_all_is_cut(t, after_s, within_s):
    ill = threading.Event()

    def script(x):
        if x.origin.name == "standby" or x.request.target == "/healthz" or not ill.is_set():
            _answers_slowly(x)
            return
        _begins(x)
        x.origin.stopping.wait(after_s)
        x.reset()

    w = _World(t, script, tier=0)
    load = w.load(connections=400).until_ok(200)
    at = time.time()
    ill.set()
    greys = until(lambda: [f for f in w.leavings() if f["kind"] == "region_grey"], "it is grey")
    took = _seconds(greys[0]["time"]) - at
    t.report("grey after %.0f ms" % (took * 1000))
    load.stop()
    assert sanitized() or took < within_s, took


@sanitize
def a_region_that_cuts_every_answer_is_left_at_once(t):
    _expect_grey_where_all_is_cut(t, 0.1, 1)


@sanitize
def a_region_that_cuts_every_answer_late_is_left_long_before_three_windows(t):
    _expect_grey_where_all_is_cut(t, 1.3, 3)


def _seconds(text):
    """Of a fact's time."""
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


def _expect_left(t, fault, within_s, script=_answers_slowly, **how):
    """At 100 requests a second; and nothing fails."""
    w = _World(t, script, **how)
    load = w.load(rate=100).until_ok(50)
    at = time.time()
    fault(w)
    downs = until(lambda: [f for f in w.leavings() if f["kind"] == "region_down"], "it is down")
    took = _seconds(downs[0]["time"]) - at
    t.report("left after %.0f ms by %s" % (took * 1000, downs[0]["signal"]))
    load.until_ok(30)
    totals = load.stop_clean()
    assert totals["by"]["standby"] >= 30, totals["by"]
    assert sanitized() or took < within_s, took


@sanitize
def a_balancer_that_dies_is_left_at_once(t):
    _expect_left(t, lambda w: w.balancer.die(), 0.2)


@sanitize
def a_balancer_that_resets_every_request_is_left_at_once(t):
    _expect_left(t, lambda w: w.balancer.fall_ill(), 0.3)


@sanitize
def a_balancer_that_resets_every_connection_is_left_at_once(t):
    _expect_left(t, lambda w: w.balancer.fall_ill("accept"), 0.3)


@sanitize
def a_balancer_with_more_dead_servers_than_living_ones_is_left(t):
    """Never many in a row: their turns come one after the other; and its checks do not tell."""

    def most_die(w):
        for backend in w.backends[:3]:
            w.balancer.lose(backend, noticed=False)

    _expect_left(t, most_die, 2, _answers_once,
                 text='health_check = { type = "none"; }; ' + _USUAL)
