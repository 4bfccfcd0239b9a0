"""HTTP/2 to endpoints: what the network and processes do to many requests on few connections, and
what only HTTP/2 can say. The load speaks HTTP/2 too; cells that name HTTP/1.1 show that it does not matter."""

from cell import Cell, Expect
from cells_network import DIES, HANGS, VANISHES
from cells_origin import CUT, PEER, WRONG
from strikes import checks, kill, one, revive, traffic

H2 = {"protocol": "h2", "endpoints": "h2"}
# A connection that dies takes all that is on it along.
DIES = {**DIES, "unsafe": 4, "unsent": 4}

CELLS = [
    Cell("h2: a region is killed", kill, revive, Expect(**DIES), **H2),
    Cell("h2: a region is dropped", lambda w: w.primary.blackhole(), lambda w: w.primary.heal(),
         Expect(**VANISHES), **H2),
    Cell("h2: streams are refused", *traffic("refuse"), Expect(worst_ms=100, late=5), **H2),
    Cell("h2: GOAWAY leaves requests out", *traffic("goaway"), Expect(worst_ms=150, late=5), **H2),
    Cell("h2: no window for bodies behind answers that go on", *traffic("shut"),
         Expect(unsafe=80, worst_ms=1300), before=3.0, lasts=4.0,
         timeouts='timeouts = { try = "1s"; request = "10s"; };', long=True, **H2),
    Cell("h2: GOAWAY after each answer", *traffic("bye"), Expect(late=5), long=True, **H2),
    Cell("h2: streams are reset in place of answers", *traffic("stream_reset"), Expect(**WRONG),
         before=5.0, long=True, **H2),
    Cell("h2: a region behind TLS on both sides is killed", kill, revive, Expect(**DIES),
         secure=True, long=True, **H2),
    Cell("h2: from HTTP/1.1, a region is killed", kill, revive, Expect(**DIES), protocol="h1",
         endpoints="h2", long=True),
    Cell("h2: a region's answers are lost", lambda w: w.primary.answers_lost(),
         lambda w: w.primary.heal(), Expect(**VANISHES), long=True, **H2),
    Cell("h2: a region resets everything", lambda w: w.primary.reset(), lambda w: w.primary.heal(),
         Expect(**DIES), long=True, **H2),
    Cell("h2: a region is stopped", lambda w: w.each(lambda o: o.pause()),
         lambda w: w.each(lambda o: o.go_on()), Expect(**HANGS), before=5.0, long=True, **H2),
    Cell("h2: one endpoint of two is killed", lambda w: w.all()[0].kill(),
         lambda w: w.all()[0].start(), Expect(unsafe=4, unsent=4, worst_ms=100, late=5), long=True,
         **H2),
    Cell("h2: all connections are killed again and again", lambda w: None, lambda w: None,
         Expect(safe=3, unsafe=20, unsent=20, verdicts=("status", "cut"), worst_ms=150, late=10),
         each=lambda w, turn: w.primary.kill_connections(), long=True, **H2),
    Cell("h2: 503 behind checks that pass", *traffic("status", 503),
         Expect(unsafe=20, worst_ms=50, late=2, settled=1.2), before=5.0, long=True, **H2),
    Cell("h2: FIN in place of answers", *traffic("close"), Expect(**WRONG), long=True, **H2),
    Cell("h2: half-close in place of answers", *traffic("half"), Expect(**WRONG), long=True, **H2),
    Cell("h2: RST in place of answers", *traffic("reset"), Expect(**WRONG), long=True, **H2),
    Cell("h2: bytes that are no frames", *traffic("garbage"), Expect(**WRONG), before=5.0,
         long=True, **H2),
    Cell("h2: bodies cut by RST_STREAM", *traffic("cut"), Expect(**CUT), failover=PEER, long=True,
         **H2),
    Cell("h2: bodies cut by RST", *traffic("cut_reset"), Expect(**CUT), failover=PEER, long=True,
         **H2),
    Cell("h2: 500 from one endpoint at once, tried again elsewhere", *one("status", 500),
         Expect(unsafe=20, statuses=(500, 502, 503, 504)), lasts=4, long=True,
         text="retry = { on_status = ( 500, 502, 503, 504 ); };", **H2),
    Cell("h2: checks that fail while traffic passes", *checks("status", 500), Expect(late=5),
         long=True, **H2),
]
