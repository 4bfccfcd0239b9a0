"""Tunnels: WebSocket after its upgrade, and connections of a TCP service, with notes through them.

What is in a tunnel when its region dies is lost, and seen to be lost; nothing of it is sent twice. Who
opens one meanwhile is served elsewhere.
"""

from cell import Cell, Expect
from faults import go_on, kill, revive, stop, traffic

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
                if t.verdict not in ENDS or t.due + t.took > begin + within]
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
    gone = sorted(t.due + t.took for t in mine if t.verdict in ENDS and t.due + t.took < end)
    assert len(gone) >= 2, "%d of %d tunnels were ended in time" % (len(gone), len(mine))
    most = max(sum(at <= other < at + 1.0 for other in gone) for at in gone)
    # Each of two workers begins with one, and rounds up.
    assert most <= len(mine) * 0.1 + 4, "%d of %d tunnels were ended in a second" % (most, len(mine))


def _expect(safe=0, unsafe=0, **more):
    return Expect(safe=safe, unsafe=unsafe, unsent=unsafe, verdicts=("status",) + ENDS,
                  whom=_opened, **more)


def _rows(name, **world):
    # Half of what follows was written to tunnels that had just died.
    dies = {"unsafe": 10, "worst_ms": 100, "late": 5, "settled": 0.3, "state": "down"}
    vanishes = {"unsafe": 400, "worst_ms": 500, "late": 50, "settled": 1.0, "state": "down"}
    calm = {"lasts": 5.0, **world}
    return [
        Cell(name + ": a region is killed", kill, revive, _expect(also=_end(0.5), **dies), **world),
        Cell(name + ": a region is dropped", lambda w: w.primary.blackhole(),
             lambda w: w.primary.heal(), _expect(also=_end(3.5), **vanishes), lasts=4.0, **world),
        Cell(name + ": a region's answers are lost", lambda w: w.primary.answers_lost(),
             lambda w: w.primary.heal(), _expect(also=_end(3.5), **vanishes), lasts=4.0, long=True,
             **world),
        Cell(name + ": a region resets everything", lambda w: w.primary.reset(),
             lambda w: w.primary.heal(), _expect(also=_end(1.0), **dies), long=True, **world),
        Cell(name + ": a region is stopped, tunnels are reset", stop, go_on,
             _expect(unsafe=300, state="down", also=_paced), on_down="reset", **calm),
        Cell(name + ": a region is stopped, tunnels are kept", stop, go_on,
             _expect(state="down", also=_stay), long=True, **calm),
        Cell(name + ": a region is stopped, tunnels are drained", stop, go_on,
             _expect(unsafe=300, state="down", also=_paced), on_down="drain(500ms)", long=True,
             **calm),
        Cell(name + ": one endpoint of two is killed", lambda w: w.all()[0].kill(),
             lambda w: w.all()[0].start(), _expect(unsafe=10, worst_ms=100, late=5), long=True,
             **world),
        Cell(name + ": half-close in place of an echo", *traffic("half"), _expect(unsafe=500, safe=500),
             long=True, **world),
        Cell(name + ": echoes are slow", *traffic("slow", 300), _expect(), long=True, **world),
        Cell(name + ": RST in place of an echo", *traffic("reset"), _expect(unsafe=500, safe=500),
             long=True, **world),
    ]


CELLS = _rows("WebSocket", protocol="ws") + _rows("TCP", protocol="tcp") + [
    Cell("WebSocket: upgrades are answered by 503", *traffic("status", 503),
         _expect(worst_ms=100, late=5), protocol="ws"),
    Cell("WebSocket: FIN in place of upgrades", *traffic("close"), _expect(unsafe=300), long=True,
         protocol="ws"),
]
