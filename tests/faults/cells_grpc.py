"""gRPC: calls with one answer, and calls whose answers go on for a second.

All are POSTs: who was sent and lost its endpoint hears UNAVAILABLE (14) and is never executed twice;
who was not sent goes elsewhere. A stream ends with a status of its own, whatever became of its region.
"""

from cell import Cell, Expect
from strikes import go_on, kill, one, revive, stop, traffic
from world import Region

UNAVAILABLE = 14
STREAMS = 32  # and calls that are under way at any moment: 19 a second that last a second, and few


def _calls(r):
    return r.kind == "call"


def _told(unsafe, unsent=0, statuses=(UNAVAILABLE,), **more):
    """Failures are told by a status in trailers: none is a stream that just breaks off."""
    return Expect(unsafe=unsafe, unsent=unsent, statuses=statuses, whom=_calls, **more)


def _only_at_once(seconds):
    """Who failed was under way when the fault began; nobody came too late to be saved."""
    def also(w, checker, samples, begin, end):
        after = [r for r in checker.failed(False)
                 if r.due - w.waits.during(w.struck, r.due) > w.struck + seconds]
        assert not after, "%d calls failed that came later: %s" % (len(after), after[:5])

    return also


def _is_ejected(w, checker, samples, begin, end):
    """By what its calls say of themselves (grpc-status), though HTTP says 200 and checks pass."""
    found = [f for f in w.facts_at_end if f["kind"] == "endpoint_ejected"]
    assert [f["signal"] for f in found] == ["errors"], found


def _streams_are_ended(w, checker, samples, begin, end):
    """Those of the region are told, a tenth a second; who has asked and waits is let wait."""
    ended = sorted(r.due + r.took for r in checker.failed(False))
    others = [r for r in checker.failed(False) if r.kind != "stream" or not r.origin]
    assert not others, "no streams, or not begun: %s" % others[:5]
    assert len(ended) >= 2, "%d streams were ended" % len(ended)
    most = max(sum(at <= other < at + 1.0 for other in ended) for at in ended)
    # Each of two workers begins with one, and rounds up.
    assert most <= STREAMS * 0.1 + 4, "%d streams were ended in a second" % most


GRPC = {"protocol": "grpc"}
# An idle standby is lent a part of the calls before it can be seen to do better.
ALONE = {"before": 3.0, "lasts": 4.0, **GRPC}
# In the middle of what it says, a call that has been answered is nobody's to repeat.
DIES = {"unsafe": STREAMS, "unsent": 8, "worst_ms": 100, "late": 5, "settled": 0.3, "state": "down"}
VANISHES = {"unsafe": 60, "unsent": 15, "worst_ms": 500, "late": 20, "settled": 1.0, "state": "down"}

CELLS = [
    Cell("gRPC: a region is killed", kill, revive, _told(also=_only_at_once(0.3), **DIES), **GRPC),
    Cell("gRPC: a region is dropped", lambda w: w.primary.blackhole(), lambda w: w.primary.heal(),
         _told(also=_only_at_once(1.0), **VANISHES), **GRPC),
    Cell("gRPC: streams are refused", *traffic("refuse"), _told(0, worst_ms=100, late=5), **GRPC),
    Cell("gRPC: GOAWAY leaves calls out", *traffic("goaway"), _told(0, worst_ms=150, late=5),
         long=True, **GRPC),
    Cell("gRPC: GOAWAY after each answer", *traffic("bye"), _told(0, worst_ms=150, late=5),
         long=True, **GRPC),
    Cell("gRPC: UNAVAILABLE behind checks that pass", *traffic("status", UNAVAILABLE),
         _told(80, settled=1.2, state="grey"), regions=(Region("primary"), Region("standby")),
         **ALONE),
    # Calls may be sent once only, so none of them shows by its second try how the standby does.
    Cell("gRPC: UNAVAILABLE from the only region with calls", *traffic("status", UNAVAILABLE),
         _told(300, settled=2.5, state="grey"), **ALONE),
    Cell("gRPC: calls are reset by the only region that has them", *traffic("stream_reset"),
         _told(300, settled=2.5, state="grey"), long=True, **ALONE),
    Cell("gRPC: a region is stopped", stop, go_on, _told(0, settled=1.5, state="down"), before=5.0,
         long=True, **GRPC),
    Cell("gRPC: a region is stopped, streams are reset", stop, go_on,
         _told(STREAMS, state="down", also=_streams_are_ended), before=5.0, lasts=5.0,
         on_down="reset", long=True, **GRPC),
    Cell("gRPC: a region's answers are lost", lambda w: w.primary.answers_lost(),
         lambda w: w.primary.heal(), _told(also=_only_at_once(1.0), **VANISHES), long=True, **GRPC),
    Cell("gRPC: a region resets everything", lambda w: w.primary.reset(),
         lambda w: w.primary.heal(), _told(also=_only_at_once(0.3), **DIES), long=True, **GRPC),
    Cell("gRPC: a region behind TLS on both sides is killed", kill, revive,
         _told(also=_only_at_once(0.3), **DIES), secure=True, long=True, **GRPC),
    Cell("gRPC: one endpoint of two is killed", lambda w: w.all()[0].kill(),
         lambda w: w.all()[0].start(), _told(STREAMS, 10, worst_ms=100, late=5,
                                             also=_only_at_once(0.3)), long=True, **GRPC),
    Cell("gRPC: UNAVAILABLE from one endpoint of two", *one("status", UNAVAILABLE),
         _told(300, also=_is_ejected), long=True, before=3.0, lasts=6.0, **GRPC),
    Cell("gRPC: calls are reset in place of answers", *traffic("stream_reset"),
         _told(80, settled=1.2, state="grey"), regions=(Region("primary"), Region("standby")),
         long=True, **ALONE),
    # What is on the connection when it closes is lost with the call that was to be answered.
    Cell("gRPC: FIN in place of answers", *traffic("close"),
         _told(40, 8, worst_ms=100, late=5, settled=0.5, state="down"), long=True, **GRPC),
    Cell("gRPC: answers are cut by RST_STREAM", *traffic("cut"), _told(120, settled=1.2, state="grey"),
         regions=(Region("primary"), Region("standby")), long=True, **ALONE),
    Cell("gRPC: answers are cut by RST", *traffic("cut_reset"),
         _told(120, 8, settled=1.2, state="grey"),
         regions=(Region("primary"), Region("standby")), long=True, **ALONE),
    Cell("gRPC: calls hang behind checks that pass", *traffic("hang"),
         _told(150, statuses=(UNAVAILABLE, 4), settled=1.5, state="down"), before=5.0, long=True,
         timeouts='timeouts = { try = "5s"; request = "5s"; };', **GRPC),
]
