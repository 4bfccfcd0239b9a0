"""
A region that is suddenly far away: every packet takes longer, those that connect too (lab/way.c). A
round trip is within the machine before.
"""

from cell import Cell, Expect
from slow import LEARNT, LEFT_WITHIN, is_left
from world import Region

PAIR = {"regions": (Region("primary", far=True), Region("standby")), "learnt": LEARNT,
        "failover": 'failover = { hold_down = "30s"; ramp = "2s"; };'}
# Requests must go there however long it takes: what the network may do is up to who configures it.
ALONE = {"regions": (Region("primary", far=True),), "learnt": LEARNT,
         "timeouts": 'timeouts = { connect = "30s"; try = "30s"; request = "30s"; '
                     'unacknowledged = "20s"; };'}
DRIFT_MS, DRIFT_S, DRIFT_STEP_S = 200, 2.0, 0.1


def _takes(ms):
    """Begin and end of it. More are under way then, and most of them have to connect first."""
    return (lambda w: w.ways["primary"].takes(ms), lambda w: w.ways["primary"].takes(0))


def _drifts(w, turn):
    part = min(1.0, (turn + 1) * DRIFT_STEP_S / DRIFT_S)
    w.ways["primary"].takes(int(part * DRIFT_MS))


def _waits(ms, round_trips):
    """
    Nowhere else to go: nobody fails, though connects take longer than ever before; and nobody waits
    longer than his connection, its TLS and his request take, and for half a second of losses.
    """
    return Expect(worst_ms=ms * round_trips + 500)


def _far(ms, **more):
    """Who is caught waits no longer than in a region whose packets vanish."""
    return Cell("a region is %g s further away%s" % (ms / 1000, more.pop("name", "")), *_takes(ms),
                Expect(worst_ms=500, also=is_left()), lasts=LEFT_WITHIN + 1, **PAIR, **more)


CELLS = [
    _far(200),
    _far(1000, long=True),
    _far(5000, long=True),
    _far(200, name=" behind TLS", secure=True, long=True),
    _far(1000, name=" behind TLS", secure=True, long=True),
    _far(5000, name=" behind TLS", secure=True, long=True),
    # No step that looks like a loss: compared with what it usually takes, and with its peer; unless
    # connects are so late that it counts as one.
    Cell("a region moves away bit by bit", lambda w: None, lambda w: w.ways["primary"].takes(0),
         Expect(also=is_left(after=DRIFT_S)), each=_drifts, period=DRIFT_STEP_S,
         lasts=DRIFT_S + LEFT_WITHIN + 1, long=True, **PAIR),
] + [
    Cell("the only region is %g s further away%s" % (ms / 1000, " behind TLS" if tls else ""),
         *_takes(ms), _waits(ms, 3 if tls else 2), lasts=lasts, after=1.0, secure=tls,
         rate=40,  # of which many are under way at a time
         long=(ms, tls) != (200, True), **ALONE)
    for ms, lasts in ((200, 3.0), (1000, 8.0), (5000, 24.0)) for tls in (False, True)
]
