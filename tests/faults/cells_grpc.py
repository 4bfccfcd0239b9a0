"""gRPC: calls with one answer, and calls whose answers go on for a second.

All are POSTs: who was sent and lost its endpoint hears UNAVAILABLE (14) and is never executed twice;
who was not sent goes elsewhere. A stream ends with a status of its own, whatever became of its region.
"""

from cell import Cell, Expect
from strikes import go_on, kill, revive, stop, traffic
from world import Region

UNAVAILABLE = 14
STREAMS = 45  # and calls that are under way at any moment, at most


def _calls(r):
    return r.kind == "call"


def _told(unsafe, unsent=0, statuses=(UNAVAILABLE,), **more):
    """Failures are told by a status in trailers: none is a stream that just breaks off."""
    return Expect(unsafe=unsafe, unsent=unsent, statuses=statuses, whom=_calls, **more)


def _only_at_once(seconds):
    """Who failed was under way when the fault began; nobody came too late to be saved."""
    def also(w, checker, samples, begin, end):
        after = [r for r in checker.failed(False) if r.due > begin + seconds]
        assert not after, "%d calls failed that came later: %s" % (len(after), after[:5])

    return also


GRPC = {"protocol": "grpc"}

CELLS = [
    Cell("gRPC: a region is killed", kill, revive,
         _told(STREAMS, 15, worst_ms=100, late=5, settled=0.3, state="down",
               also=_only_at_once(0.3)), **GRPC),
    Cell("gRPC: a region is dropped", lambda w: w.primary.blackhole(), lambda w: w.primary.heal(),
         _told(STREAMS + 15, 15, state="down", also=_only_at_once(2.0)), **GRPC),
    Cell("gRPC: streams are refused", *traffic("refuse"), _told(0, worst_ms=100, late=5), **GRPC),
    Cell("gRPC: GOAWAY leaves calls out", *traffic("goaway"), _told(0, worst_ms=150, late=5),
         long=True, **GRPC),
    Cell("gRPC: GOAWAY after each answer", *traffic("bye"), _told(0, worst_ms=150, late=5),
         long=True, **GRPC),
    # Calls may be sent once only, so they do not probe a standby: regions side by side are compared.
    Cell("gRPC: UNAVAILABLE behind checks that pass", *traffic("status", UNAVAILABLE),
         _told(300, state="grey"), regions=(Region("primary"), Region("standby")), before=3.0,
         lasts=4.0, **GRPC),
    Cell("gRPC: a region is stopped", stop, go_on, _told(0, state="down"), before=5.0,
         long=True, **GRPC),
    Cell("gRPC: a region's answers are lost", lambda w: w.primary.answers_lost(),
         lambda w: w.primary.heal(), _told(STREAMS + 15, 15, state="down", also=_only_at_once(2.0)),
         long=True, **GRPC),
    Cell("gRPC: a region resets everything", lambda w: w.primary.reset(),
         lambda w: w.primary.heal(), _told(STREAMS, 15, worst_ms=100, late=5, settled=0.3,
                                           state="down", also=_only_at_once(0.3)),
         long=True, **GRPC),
    Cell("gRPC: a region behind TLS on both sides is killed", kill, revive,
         _told(STREAMS, 15, worst_ms=100, late=5, settled=0.3, state="down"), secure=True, long=True,
         **GRPC),
    Cell("gRPC: one endpoint of two is killed", lambda w: w.all()[0].kill(),
         lambda w: w.all()[0].start(), _told(STREAMS, 15, worst_ms=100, late=5,
                                             also=_only_at_once(0.3)), long=True, **GRPC),
    Cell("gRPC: calls are reset in place of answers", *traffic("stream_reset"), _told(300),
         regions=(Region("primary"), Region("standby")), before=3.0, lasts=4.0, long=True, **GRPC),
    Cell("gRPC: FIN in place of answers", *traffic("close"), _told(60), long=True, **GRPC),
    Cell("gRPC: answers are cut by RST_STREAM", *traffic("cut"), _told(500),
         regions=(Region("primary"), Region("standby")), long=True, **GRPC),
    Cell("gRPC: answers are cut by RST", *traffic("cut_reset"), _told(500),
         regions=(Region("primary"), Region("standby")), long=True, **GRPC),
    Cell("gRPC: calls hang behind checks that pass", *traffic("hang"),
         _told(150, statuses=(UNAVAILABLE, 4), state="down"), before=5.0, long=True,
         timeouts='timeouts = { try = "5s"; request = "5s"; };', **GRPC),
]
