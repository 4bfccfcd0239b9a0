"""Tunnels: WebSocket after its upgrade, and connections of a TCP service, with notes through them.

What is in a tunnel when its region dies is lost, and seen to be lost; nothing of it is sent twice. Who
opens one meanwhile is served elsewhere.
"""

from cell import Cell, Expect
from strikes import go_on, kill, revive, stop, traffic

ENDS = ("reset", "closed", "cut")


def _opened(r):
    return r.kind == "open"


def _tunnels(w, checker, begin):
    """Those that led to the primary when the fault began."""
    names = {o.name for o in w.all()}
    found = [t for t in checker.tunnels
             if t.origin in names and t.due < begin and t.due + t.took > begin]
    assert len(found) >= 10, "only %d tunnels led there" % len(found)
    return found


def _end(within):
    """All tunnels into the region end visibly, and come to live elsewhere."""
    def also(w, checker, samples, begin, end):
        left = [t for t in _tunnels(w, checker, begin)
                if t.verdict not in ENDS or
                t.due + t.took - w.waits.during(w.struck, t.due + t.took) > w.struck + within]
        assert not left, "%d tunnels did not end within %.1f s: %s" % (len(left), within, left[:5])
        standby = {o.name for o in w.all("standby")}
        moved = [t for t in checker.tunnels if t.due > begin and t.origin in standby]
        assert moved, "no tunnel was opened at the standby"

    return also


def _stay(w, checker, samples, begin, end):
    """None of them ends: whoever is stopped may come back."""
    gone = [t for t in _tunnels(w, checker, begin) if t.verdict != "open"]
    assert not gone, "%d tunnels ended: %s" % (len(gone), gone[:5])


def _paced(w, checker, samples, begin, end):
    """They are ended, a tenth a second."""
    mine = _tunnels(w, checker, begin)
    # Connections of a TCP service that were made in vain are ended with the others.
    vain = [r.due + r.took for r in checker.failed(True) if r.kind == "open" and r.took > 0.5]
    gone = sorted([t.due + t.took for t in mine if t.verdict in ENDS and t.due + t.took < end] +
                  vain)
    had = len(mine) + sum(r.kind == "open" and r.took > 0.5 for r in checker.between(begin, end))
    assert len(gone) >= 2, "%d of %d tunnels were ended in time" % (len(gone), had)
    most = max(sum(at <= other < at + 1.0 for other in gone) for at in gone)
    # Each of two workers begins with one, and rounds up.
    assert most <= had * 0.1 + 4, "%d of %d tunnels were ended in a second" % (most, had)


def _shaking(also=None):
    """Who fails was in his handshake with an endpoint that died: who came later goes elsewhere."""
    def check(w, checker, samples, begin, end):
        late = [r for r in checker.failed(True) if r.kind == "open" and r.due >= w.struck]
        assert not late, "%d came after the fault and failed: %s" % (len(late), late[:5])
        if also is not None:
            also(w, checker, samples, begin, end)

    return check


def _expect(safe=0, unsafe=0, verdicts=("status",) + ENDS, **more):
    return Expect(safe=safe, unsafe=unsafe, unsent=unsafe, verdicts=verdicts, whom=_opened,
                  caught=True, **more)


# Of what is in a tunnel nobody knows where it stopped; that goes for the note of one just opened.
# One may be connected to just as its process dies.
DIES = {"safe": 2, "unsafe": 15, "worst_ms": 200, "late": 5, "state": "down"}
VANISHES = {"safe": 5, "worst_ms": 500, "late": 50, "state": "down"}
# The endpoints' own TLS, by the name that the client asks for. Checks see that somebody accepts.
# Whose process dies in the handshake has not been connected to; but it was sent a hello, and that goes
# to one endpoint only. A handshake takes the longer the busier the machine is.
SHAKES = ("refused",) + ENDS
UNOPENED = {"passthrough": True, "protocol": "tcp", "check":
            'health_check = { type = "tcp"; interval = "1s"; timeout = "500ms"; };'}


def _rows(name, hang=0, caught=0, worst_ms=None, **world):
    """hang: who opens one at a stopped region before it is left: of a TCP service nobody can tell
    whether what was sent has been read. caught: who is connected to an endpoint just as it dies."""
    calm = {"lasts": 5.0, **world}
    return [
        Cell(name + ": a region is killed", kill, revive, _expect(also=_end(0.5), **DIES), **world),
        Cell(name + ": a region is dropped, tunnels are reset", lambda w: w.primary.blackhole(),
             lambda w: w.primary.heal(), _expect(unsafe=500, also=_paced, **VANISHES),
             on_down="reset", **world),
        Cell(name + ": a region is dropped, tunnels are kept", lambda w: w.primary.blackhole(),
             lambda w: w.primary.heal(), _expect(also=_stay, **VANISHES), long=True, **world),
        Cell(name + ": a region's answers are lost", lambda w: w.primary.answers_lost(),
             lambda w: w.primary.heal(), _expect(also=_stay, **VANISHES), long=True, **world),
        Cell(name + ": a region resets everything", lambda w: w.primary.reset(),
             lambda w: w.primary.heal(), _expect(also=_end(1.0), **{**DIES, "unsafe": 30}), long=True,
             **world),
        Cell(name + ": a region is stopped, tunnels are reset", stop, go_on,
             _expect(safe=hang, unsafe=600, worst_ms=worst_ms, state="down", also=_paced),
             on_down="reset", **calm),
        Cell(name + ": a region is stopped, tunnels are kept", stop, go_on,
             _expect(state="down", also=_stay), long=True, **calm),
        Cell(name + ": a region is stopped, tunnels are drained", stop, go_on,
             _expect(safe=hang, unsafe=600, worst_ms=worst_ms, state="down", also=_paced),
             on_down="drain(500ms)", long=True, **calm),
        Cell(name + ": one endpoint of two is killed", lambda w: w.all()[0].kill(),
             lambda w: w.all()[0].start(), _expect(safe=caught, unsafe=10, worst_ms=100, late=5),
             long=True, **world),
        Cell(name + ": half-close in place of an echo", *traffic("half"), _expect(unsafe=500, safe=500),
             long=True, **world),
        Cell(name + ": echoes are slow", *traffic("slow", 300), _expect(), long=True, **world),
        Cell(name + ": RST in place of an echo", *traffic("reset"), _expect(unsafe=500, safe=500),
             long=True, **world),
    ]


WEBSOCKET = _rows("WebSocket", worst_ms=2700, protocol="ws")
TCP = _rows("TCP", hang=120, caught=1, protocol="tcp")

CELLS = WEBSOCKET + TCP + [
    Cell("TCP: a region behind TLS is killed", kill, revive, _expect(also=_end(0.5), **DIES), secure=True,
         before=2.0, long=True, protocol="tcp"),
    Cell("TCP: a region behind TLS is dropped, tunnels are reset", lambda w: w.primary.blackhole(),
         lambda w: w.primary.heal(), _expect(unsafe=500, also=_paced, **VANISHES), secure=True,
         before=2.0, on_down="reset", long=True, protocol="tcp"),
    Cell("TCP: a region behind TLS is stopped, tunnels are kept", stop, go_on,
         _expect(state="down", also=_stay), secure=True, lasts=5.0, long=True, protocol="tcp"),
    Cell("TCP: TLS passes unopened, a region is killed", kill, revive,
         _expect(also=_shaking(_end(0.5)), verdicts=SHAKES, opening=True, **DIES), **UNOPENED),
    Cell("TCP: TLS passes unopened, a region is dropped, tunnels are reset",
         lambda w: w.primary.blackhole(), lambda w: w.primary.heal(),
         _expect(unsafe=500, also=_paced, verdicts=SHAKES, **VANISHES), on_down="reset", long=True,
         **UNOPENED),
    Cell("TCP: TLS passes unopened, one endpoint of two is killed", lambda w: w.all()[0].kill(),
         lambda w: w.all()[0].start(),
         _expect(safe=1, unsafe=10, worst_ms=100, late=5, verdicts=SHAKES, opening=True,
                 also=_shaking()), long=True, **UNOPENED),
    # WebSockets by HTTP/2 (RFC 8441): tunnels are streams, five to a connection of the client's.
    Cell("WebSocket by HTTP/2: a region is killed", kill, revive, _expect(also=_end(0.5), **DIES),
         protocol="ws2"),
    Cell("WebSocket by HTTP/2: a region is dropped, tunnels are reset", lambda w: w.primary.blackhole(),
         lambda w: w.primary.heal(), _expect(unsafe=500, also=_paced, **VANISHES), on_down="reset",
         long=True, protocol="ws2"),
    Cell("WebSocket by HTTP/2: a region is stopped, tunnels are kept", stop, go_on,
         _expect(state="down", also=_stay), lasts=5.0, long=True, protocol="ws2"),
    Cell("WebSocket by HTTP/2: a region is stopped, tunnels are drained", stop, go_on,
         _expect(unsafe=600, worst_ms=2700, state="down", also=_paced), lasts=5.0,
         on_down="drain(500ms)", long=True, protocol="ws2"),
    Cell("WebSocket: upgrades are answered by 503", *traffic("status", 503),
         _expect(worst_ms=100, late=5), before=5.0, protocol="ws"),
    Cell("WebSocket: FIN in place of upgrades", *traffic("close"), _expect(safe=5, unsafe=300), long=True,
         protocol="ws"),
]
