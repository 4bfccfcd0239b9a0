"""The faults: how the primary region is lost and how it comes back, and what Detour promises."""

import time

FLAPS = 10
# The loads go before all else. Where one was late itself by so much of the worst request that is
# wanted, the machine stood still just then, and what a proxy did cannot be told from that.
LATE_SHARE = 1 / 8
LATE_LEAST_MS = 2.5  # by which they are late now and then on any machine
SHED_MS = 10  # within which a request that finds no room is answered
TRIES = 3
# From the end of one proxy's outage to the loss of the next one's region. What both cost the machine
# (processes that end, hundreds of connections anew, thousands of requests that hung) is not to be paid by
# the others' requests: when nginx's region went on, the whole machine stood still for 0.1 s.
RECOVERY_S = 3.0


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

    def is_disturbed(self, lag_ms):
        worst_ms = SHED_MS if self.small_standby else self.target.worst_ms
        return lag_ms > max(LATE_SHARE * worst_ms, LATE_LEAST_MS)

    @property
    def apart(self):
        return self.lasts + RECOVERY_S

    def seconds(self, regions):
        return self.lead + (regions - 1) * self.apart + self.lasts + self.after

    def strike(self, regions):
        """Loses and heals them, one after the other; returns when each was lost and healed."""
        return self._strike(regions, flaps=1, apart=self.apart)

    def _strike(self, regions, flaps, apart):
        began = time.monotonic()
        when = [[] for _ in regions]
        turns = sorted((i * apart + n * self.lasts, i, self.heal if n % 2 else self.lose)
                       for i in range(len(regions)) for n in range(2 * flaps))
        for at, i, act in turns:
            time.sleep(max(0.0, began + at - time.monotonic()))
            when[i].append(_at(act, regions[i]))
        return [(moments[0], moments[-1]) for moments in when]


class Flapping(Fault):
    def strike(self, regions):
        return self._strike(regions, FLAPS, apart=self.lasts / (len(regions) + 1))

    def seconds(self, regions):
        return self.lead + (2 * FLAPS - 1) * self.lasts + self.after


def _at(act, region):
    when = time.monotonic()
    act(region)
    return when


# Grey regions have to be clean for 60 s before they are given traffic again, and come back in a ramp.
_GREY_AFTER = 85.0

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
