"""The faults: how the primary region is lost and how it comes back, and what Detour promises."""

import time

FLAPS = 10


class Target:
    """What Detour promises of quick requests; None: nothing."""

    def __init__(self, worst_ms, late, moved_s):
        self.worst_ms = worst_ms
        self.late = late
        self.moved_s = moved_s


class Fault:
    """lose() and heal() act on the primary region; after() seconds it has to be back by."""

    def __init__(self, name, title, lose, heal, target, lead=13.0, lasts=10.0, after=28.0,
                 small_standby=False):
        self.name = name
        self.title = title
        self.lose = lose
        self.heal = heal
        self.target = target
        self.lead = lead
        self.lasts = lasts
        self.after = after
        self.small_standby = small_standby

    @property
    def seconds(self):
        return self.lead + self.lasts + self.after

    def strike(self, regions):
        """Loses all of them and heals them; returns when each was lost and healed."""
        lost = [_at(self.lose, r) for r in regions]
        time.sleep(self.lasts)
        return list(zip(lost, [_at(self.heal, r) for r in regions]))


class Flapping(Fault):
    def strike(self, regions):
        spans = super().strike(regions)
        for _ in range(FLAPS - 1):
            time.sleep(self.lasts)
            again = super().strike(regions)
            spans = [(first[0], last[1]) for first, last in zip(spans, again)]
        return spans

    @property
    def seconds(self):
        return self.lead + (2 * FLAPS - 1) * self.lasts + self.after


def _at(act, region):
    when = time.monotonic()
    act(region)
    return when


# Grey regions have to be clean for 60 s before they are given traffic again.
_GREY_AFTER = 75.0

ALL = [
    Fault("killed", "killed: processes end, connects and connections are reset",
          lambda r: r.kill(), lambda r: r.start(), Target(20, 0, 0.25)),
    Fault("stopped", "stopped: the kernel accepts and acknowledges, nobody answers (SIGSTOP)",
          lambda r: r.pause(), lambda r: r.go_on(),
          Target(1000, 200, 1.5)),
    Fault("dropped", "dropped: packets vanish, both ways (nft drop)",
          lambda r: r.netns.blackhole(), lambda r: r.netns.heal(), Target(500, 150, 1.0)),
    Fault("one-way", "one way: requests arrive, answers and acknowledgements vanish",
          lambda r: r.netns.answers_lost(), lambda r: r.netns.heal(), Target(500, 150, 1.0)),
    Fault("errors", "503 to every request, checks pass",
          lambda r: r.traffic("status", 503), lambda r: r.traffic("ok"),
          Target(50, 0, 0.5), after=_GREY_AFTER),
    Fault("slow", "2 s slower, checks are quick",
          lambda r: r.traffic("slow", 2000), lambda r: r.traffic("ok"),
          Target(1500, 500, 4.0)),
    Flapping("flapping", "flapping: dropped and back each second, ten times",
             lambda r: r.netns.blackhole(), lambda r: r.netns.heal(), Target(500, 600, None),
             lasts=1.0),
    Fault("small", "killed, and the standby can do 250/s",
          lambda r: r.kill(), lambda r: r.start(), None, lead=30.0, lasts=15.0, small_standby=True),
]

# A rough run sees the fault, and not how a grey region comes back.
QUICK_AFTER = 28.0
