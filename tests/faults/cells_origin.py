"""Endpoints that answer, but wrongly: errors, garbage, cut bodies, slowness behind quick checks."""

from cell import Cell, Expect
from slow import ASKED_S, LEARNT, LEFT_WITHIN, is_left
from strikes import checks, one, traffic
from lab import Kind
from world import Region


def _not_preferred(w, checker, samples, begin, end):
    """An endpoint that fails fastest looks least busy; it must not get more than the other one."""
    first, second = (sum(1 for e in o.events() if e[0] == "seen" and begin <= e[1] < end)
                     for o in w.all())
    assert first <= second * 1.2 + 10, "the failing endpoint got %d, the other %d" % (first, second)


def _cut_is_visible(w, checker, samples, begin, end):
    """Who was cut off sees it; a body that is not whole is never a good answer."""
    cut = [r for r in checker.requests if r.verdict in ("cut", "closed", "reset")]
    assert cut, "nobody was cut off"


# Whose failure shows in place of an answer: safe requests are answered elsewhere; others get their
# failure until the region is left.
WRONG = {"unsafe": 20, "worst_ms": 100, "late": 5}
# Who has begun to read an answer sees it end.
CUT = {"safe": 250, "unsafe": 30, "verdicts": ("cut",), "also": _cut_is_visible, "state": "grey"}

# What is neither retried nor lost is judged by comparison: with a standby that has traffic, or else
# with one that is lent some as soon as most answers are errors.
PEER = 'failover = { hold_down = "2s"; ramp = "2s"; standby_share = 0.1; };'

CELLS = [
    Cell("503 behind checks that pass", *traffic("status", 503),
         Expect(unsafe=20, worst_ms=50, late=2, settled=1.2), before=5.0),
    # 45 that may not be sent twice come, and a third of them gets it, more or less.
    Cell("a third of the answers is 503", *traffic("status", 503, 33), Expect(unsafe=25, late=5), before=5.0),
    Cell("500 from one endpoint at once", *one("status", 500),
         Expect(safe=150, unsafe=20, statuses=(500,), also=_not_preferred), lasts=4),
    Cell("500 from one endpoint at once, tried again elsewhere", *one("status", 500),
         Expect(unsafe=20, statuses=(500, 502, 503, 504), also=_not_preferred), lasts=4,
         text="retry = { on_status = ( 500, 502, 503, 504 ); };"),
    # Judged each second, first to be lent traffic and then by what came of it: within 3.3 s of 5.
    Cell("500 from a whole region", *traffic("status", 500),
         Expect(safe=450, unsafe=50, statuses=(500,), state="grey"), lasts=5.0),
    Cell("500 from a whole region beside one that has traffic", *traffic("status", 500),
         Expect(safe=250, unsafe=40, statuses=(500,), state="grey"), lasts=4.0, failover=PEER),
    # Who comes too often is told so, and by nobody else: it is no fault of the region.
    Cell("429 from a whole region", *traffic("status", 429),
         Expect(safe=600, unsafe=60, statuses=(429,), late=5, stays=True)),
    Cell("bytes that are not HTTP", *traffic("garbage"), Expect(**WRONG), before=5.0),
    Cell("heads of 200 KB", *traffic("oversize"), Expect(**WRONG), before=5.0),
    Cell("FIN in place of answers", *traffic("close"), Expect(**WRONG)),
    Cell("RST in place of answers", *traffic("reset"), Expect(**WRONG)),
    Cell("half-close in place of answers", *traffic("half"), Expect(**WRONG)),
    Cell("FIN in place of a tenth of the answers", *traffic("close", 0, 10),
         Expect(unsafe=12, worst_ms=150)),
    Cell("bodies cut by FIN", *traffic("cut"), Expect(**CUT), failover=PEER),
    Cell("bodies cut by RST", *traffic("cut_reset"), Expect(**dict(CUT, safe=400, unsafe=45))),
    Cell("chunked bodies cut by FIN", *traffic("cut_chunk"), Expect(**CUT), failover=PEER),
    # Seen a second late, judged each second: up to 2.2 s of 3.5.
    Cell("bodies that stop in the middle", *traffic("stall"),
         Expect(**dict(CUT, safe=300, unsafe=36)), lasts=3.5, failover=PEER,
         timeouts='timeouts = { try = "30s"; request = "30s"; idle = "1s"; };'),
    # One may be on its way to a connection that is closed just then.
    Cell("FIN after each answer, not announced", *traffic("bye"),
         Expect(unsafe=2, unsent=2, late=5)),
    Cell("bytes behind each answer", *traffic("extra"), Expect(unsafe=0, late=5)),
    Cell("idle connections closed again and again", lambda w: None, lambda w: None,
         Expect(unsafe=3, unsent=3, late=5), each=lambda w, turn: w.each(lambda o: o.end_idle()),
         period=0.05),
    # The last bytes of an answer that were on their way go down with the connection.
    Cell("idle connections reset again and again", lambda w: None, lambda w: None,
         Expect(safe=3, unsafe=3, unsent=3, verdicts=("status", "cut"), late=5), each=lambda w, turn: w.each(lambda o: o.end_idle(reset=True)),
         period=0.05),
    Cell("2 s slow behind quick checks", *traffic("slow", 2000),
         Expect(worst_ms=2200, late=200, state="down"), before=5.0, lasts=5.0),
    # Too quick for a silence: compared with what it usually takes, which is learnt first.
    Cell("300 ms slow behind quick checks", *traffic("slow", 300),
         Expect(state="grey", also=is_left()), before=40.0, lasts=LEFT_WITHIN + 2, long=True,
         regions=(Region("primary"), Region("standby"))),
    Cell("300 ms slow behind quick checks, soon after a restart", *traffic("slow", 300),
         Expect(state="grey", also=is_left()), lasts=LEFT_WITHIN + 2,
         regions=(Region("primary"), Region("standby")), learnt=LEARNT),
    Cell("300 ms slow behind quick checks, beside a standby without traffic",
         *traffic("slow", 300), Expect(state="grey", also=is_left(ASKED_S)),
         lasts=ASKED_S + LEFT_WITHIN + 2, learnt=LEARNT),
    Cell("one endpoint 2 s slow behind quick checks", *one("slow", 2000),
         Expect(worst_ms=2500), lasts=6.0, long=True),
    Cell("answers a byte at a time", *traffic("trickle", 5), Expect(), lasts=5.0, long=True,
         kinds=(Kind("get", weight=3), Kind("put", "PUT", body_bytes=300))),
    Cell("checks that pass while traffic hangs", *traffic("hang"),
         Expect(unsafe=25, worst_ms=1000, late=100, settled=1.5, state="down"), before=5.0),
    Cell("checks that fail while traffic passes", *checks("status", 500), Expect(late=5)),
    Cell("checks that hang while traffic passes", *checks("hang"), Expect(late=5)),
    Cell("checks of all regions fail while traffic passes",
         lambda w: [w.each(lambda o: o.health("status", 500), r) for r in w.origins],
         lambda w: [w.each(lambda o: o.health("ok"), r) for r in w.origins], Expect(late=5)),
]
