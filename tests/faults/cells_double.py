"""
Two faults at once, drawn by a seed: what one rule does to another shows only there.

The first hits the primary; the second hits the primary too, or what the proxy stands on. The
standby stays well, so no safe request may fail. FAULTS_SEED=N draws others; a cell's name holds its seed.
"""

import os
import random
import signal

from cell import Cell, Expect
from world import Region

SEED = int(os.environ.get("FAULTS_SEED", "1"))
CELLS_DRAWN = 12

# name: (begin, end, what it does again and again or None)
REGION = {
    "dropped": (lambda w: w.primary.blackhole(), lambda w: w.primary.heal(), None),
    "answers lost": (lambda w: w.primary.answers_lost(), lambda w: w.primary.heal(), None),
    "resetting": (lambda w: w.primary.reset(), lambda w: w.primary.heal(), None),
    "unreachable": (lambda w: w.primary.unreachable(), lambda w: w.primary.heal(), None),
}
PROCESS = {
    "killed": (lambda w: w.each(lambda o: o.kill()), lambda w: w.each(lambda o: o.start()), None),
    "half killed": (lambda w: w.all()[0].kill(), lambda w: w.all()[0].start(), None),
    "stopped": (lambda w: w.each(lambda o: o.pause()), lambda w: w.each(lambda o: o.go_on()),
                None),
    "half stopped": (lambda w: w.all()[0].pause(), lambda w: w.all()[0].go_on(), None),
    "hanging": (lambda w: w.each(lambda o: o.traffic("hang")),
                lambda w: w.each(lambda o: o.traffic("ok")), None),
    "503": (lambda w: w.each(lambda o: o.traffic("status", 503)),
            lambda w: w.each(lambda o: o.traffic("ok")), None),
    "garbage": (lambda w: w.each(lambda o: o.traffic("garbage")),
                lambda w: w.each(lambda o: o.traffic("ok")), None),
    "FIN": (lambda w: w.each(lambda o: o.traffic("close")),
            lambda w: w.each(lambda o: o.traffic("ok")), None),
    "lying checks": (lambda w: w.each(lambda o: o.health("status", 500)),
                     lambda w: w.each(lambda o: o.health("ok")), None),
}
SELF = {
    "reloads": (lambda w: None, lambda w: None, lambda w, turn: w.proxy.signal(signal.SIGHUP)),
    "lost connections": (lambda w: None, lambda w: None,
                         lambda w, turn: w.primary.kill_connections()),
    "name servers": (lambda w: setattr(w.dns, "answer", "servfail"),
                     lambda w: setattr(w.dns, "answer", "good"), None),
    "a stopped proxy": (lambda w: w.proxy.signal(signal.SIGSTOP),
                        lambda w: w.proxy.signal(signal.SIGCONT), None),
}


class Double:
    """The second fault begins some time after the first and ends before or after it."""

    def __init__(self, seed):
        r = random.Random(seed)
        self.names = (r.choice(sorted(REGION)) if r.random() < 0.5 else r.choice(sorted(PROCESS)),
                      r.choice(sorted(PROCESS if r.random() < 0.5 else SELF)))
        while self.names[0] in PROCESS and self.names[1] in PROCESS:
            # Two ways to treat the same processes would mend each other.
            self.names = (r.choice(sorted(REGION)), self.names[1])
        every = {**REGION, **PROCESS, **SELF}
        self.parts = [every[name] for name in self.names]
        self.gap = r.choice((0.0, 0.3, 1.0, 2.5))
        self.first_ends_first = r.random() < 0.5

    def begin(self, w):
        self.parts[0][0](w)
        w.go_on(self.gap)
        self.parts[1][0](w)

    def end(self, w):
        order = self.parts if self.first_ends_first else self.parts[::-1]
        order[0][1](w)
        w.go_on(self.gap)
        order[1][1](w)

    def each(self, w, turn):
        for part in self.parts:
            if part[2] is not None:
                part[2](w, turn)


def _cell(seed):
    d = Double(seed)
    name = "%s and %s, %.1f s apart (seed %d)" % (*d.names, d.gap, seed)
    repeats = any(part[2] is not None for part in d.parts)
    return Cell(name, d.begin, d.end,
                # One in a hundred may read an answer whose connection is taken from under it.
                Expect(safe=3 if "lost connections" in d.names else 0, unsafe=90, unsent=90,
                       verdicts=("status", "cut"), back=40.0),
                each=d.each if repeats else None, period=0.2, lasts=4.0, after=3.0, before=5.0,
                long=True, dns=True, regions=(Region("primary"), Region("standby", tier=1)),
                failover='failover = { hold_down = "1s"; ramp = "1s"; };')


CELLS = [_cell(SEED * 1000 + i) for i in range(CELLS_DRAWN)]
