"""Faults of the network and of whole processes. Phases: connect, TLS, head, body, waiting, idle."""

from cell import Cell, Expect
from strikes import go_on, kill, revive, stop

# The region's packets vanish: delayed by at most 500 ms, new requests elsewhere within a second.
# Who may not be sent twice and was under way gets its 504; it may have reached nobody.
VANISHES = {"unsafe": 12, "unsent": 12, "worst_ms": 500, "late": 50, "settled": 1.0,
            "state": "down"}
# Nothing but the requests under way at that moment can be lost, and only those sent: some of them
# to a kernel whose process did not read them any more. An answer on its way to the client is cut.
DIES = {"unsafe": 3, "unsent": 3, "begun": 2, "worst_ms": 100, "late": 5, "settled": 0.3,
        "state": "down"}
HANGS = {"unsafe": 25, "worst_ms": 1000, "late": 100, "settled": 1.5, "state": "down"}


CELLS = [
    Cell("a region is dropped", lambda w: w.primary.blackhole(), lambda w: w.primary.heal(),
         Expect(**VANISHES)),
    Cell("a region behind TLS on both sides is dropped", lambda w: w.primary.blackhole(),
         lambda w: w.primary.heal(), Expect(**VANISHES), tls=True, secure=True),
    Cell("a region's answers are lost", lambda w: w.primary.answers_lost(),
         lambda w: w.primary.heal(), Expect(**VANISHES)),
    Cell("a region resets everything", lambda w: w.primary.reset(), lambda w: w.primary.heal(),
         Expect(**DIES)),
    Cell("a region is unreachable by ICMP", lambda w: w.primary.unreachable(),
         lambda w: w.primary.heal(), Expect(**{**VANISHES, "worst_ms": 500})),
    Cell("a region is killed", kill, revive, Expect(**DIES)),
    Cell("a region behind TLS on both sides is killed", kill, revive, Expect(**DIES), tls=True,
         secure=True),
    Cell("a region is stopped", stop, go_on, Expect(**HANGS), before=5.0),
    Cell("a region behind TLS on both sides is stopped", stop, go_on, Expect(**HANGS), before=5.0, tls=True,
         secure=True),
    Cell("a region loses a tenth of its packets", lambda w: w.primary.lossy(10),
         lambda w: w.primary.heal(), Expect(unsafe=20, unsent=20), lasts=5.0),
    Cell("a region loses a third of its packets", lambda w: w.primary.lossy(33),
         lambda w: w.primary.heal(), Expect(unsafe=40, unsent=40), lasts=5.0),
    Cell("one endpoint of two is dropped", lambda w: w.primary.blackhole(8080),
         lambda w: w.primary.heal(), Expect(unsafe=12, unsent=12, worst_ms=500, late=50)),
    Cell("one endpoint of two is killed", lambda w: w.all()[0].kill(),
         lambda w: w.all()[0].start(), Expect(unsafe=3, unsent=3, worst_ms=100, late=5)),
    Cell("one endpoint of two is stopped", lambda w: w.all()[0].pause(),
         lambda w: w.all()[0].go_on(), Expect(unsafe=40, worst_ms=2700), lasts=4.0),
    # Who reads a long answer at that moment sees it cut.
    Cell("all connections are killed again and again", lambda w: None, lambda w: None,
         Expect(safe=3, unsafe=12, unsent=12, verdicts=("status", "cut"), worst_ms=150, late=10),
         each=lambda w, turn: w.primary.kill_connections()),
]
