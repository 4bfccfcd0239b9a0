"""Faults that come back, ends of faults that are none, capacity."""

import time

from cell import Cell, Expect
from harness.wait import SLACK
from strikes import kill, revive
from world import Region


def _flap(w, turn):
    (w.primary.heal if turn % 2 else w.primary.blackhole)()


def _moves(samples, region):
    """How often the region began to serve again."""
    return sum(1 for old, new in zip(samples, samples[1:])
               if old.share[region] == 0 and new.share[region] > 0)


def _one_way(most):
    """The region comes back at most so often, however often it pretends to."""
    def also(w, checker, samples, begin, end):
        assert _moves(samples, "primary") <= most, "it came back %d times" % _moves(
            samples, "primary")

    return also


def _relapse_doubles(w, checker, samples, begin, end):
    holds = [f["numbers"]["for_ms"] for f in w.facts_at_end if f["kind"] == "region_hold"]
    assert len(holds) >= 2 and holds[-1] >= 2 * holds[0], holds


def _ramp_then_kill(w):
    kill(w)
    w.go_on(1.5)
    revive(w)
    w.serves("primary")
    w.go_on(1.0)
    w.striking = time.monotonic()
    kill(w)


def _standby_is_not_overrun(w, checker, samples, begin, end):
    capacity = w.specs["standby"].capacity
    peak = checker.peak_rate("standby", begin)
    # Ten may come at once, a bucket's depth, and none of them belongs to the second before; nor does
    # what came while somebody waited for a processor.
    most = capacity * (1.05 + w.waits.longest) + 10
    least = capacity * (0.95 - w.waits.during(begin + 1, end) / (end - begin - 1))
    served = checker.goodput(begin + 1, end)
    w.t.report("the standby got %.0f/s at most, %.0f/s were served" % (peak, served))
    assert peak <= most, "the standby got %.0f/s, it can do %d/s" % (peak, capacity)
    assert served >= least, "%.0f/s served, %d/s are possible" % (served, capacity)
    slow = [r for r in checker.requests if r.status == 503 and w.took_ms(r) > 100]
    assert len(slow) <= 3, "shed late: %s" % slow[:5]


def _recovers(within, tries):
    """Goodput as before within so many seconds of the fault's end, and no storm of tries."""
    def also(w, checker, samples, begin, end):
        usual = checker.goodput(begin - 2.5, begin)
        stop = checker.requests[-1].due
        slices = [(at, checker.goodput(at, at + 1)) for at in
                  [end + i * 0.5 for i in range(int((stop - end - 1) / 0.5))]]
        late = [at - end for at, good in slices if good < 0.95 * usual]
        assert max(late, default=0) <= within, "below 95 %% of %.0f/s still %.1f s after its end" % (
            usual, max(late))
        # Not only over all: any ten seconds of them.
        arrivals = [at for region in w.origins for at in checker.arrivals(region)]
        at = checker.requests[0].due
        while at + 10 <= stop:
            ratio = (sum(at <= a < at + 10 for a in arrivals) /
                     len(checker.between(at, at + 10)))
            assert ratio <= tries, "%.2f tries for each request, %.0f s after the fault began" % (
                ratio, at - begin)
            at += 1.0

    return also


# An application with a real queue: 10 ms for each request, one after the other, twice as long when
# its line is full. It is said to do 90 of its 100 requests a second.
QUEUES = {"delay": 10, "slots": 1, "queue": 50, "collapse": 1}
THREE = (Region("primary", weight=2, endpoints=2, capacity=180, **QUEUES),
         Region("second", weight=1, endpoints=1, capacity=90, **QUEUES),
         Region("third", weight=1, endpoints=1, capacity=90, **QUEUES))


WEAKER = 0.3


def _revive_weaker(w):
    """It is back with a part of what it could do."""
    for o in w.all():
        o.delay = round(o.delay / WEAKER)
        o.start()


def _is_spared(w, checker, samples, begin, end):
    """
    The ramp waits, or is given up, for what its answers take as the region nears what it can do now.
    Judged each second, by whole seconds: two of them are 20 points more.
    """
    most = WEAKER * 2 * 1000 / QUEUES["delay"] / w.rate + 0.2
    told = [f for f in w.facts_at_end if f["kind"] in ("region_ramp_paused", "region_grey")
            and f["region"] == "primary" and f["signal"].startswith("latency")]
    assert told, "nobody minded: %s" % [f["kind"] for f in w.facts_at_end]
    share = max(s.share["primary"] for s in samples if s.at > end)
    assert share <= most, "it was given %.0f %%, and can do %.0f %%" % (share * 100, most * 100 - 20)
    # No longer than a line takes that has just become full; one that stays full takes twice as long.
    most_ms = QUEUES["queue"] * QUEUES["delay"] / WEAKER
    times = sorted(w.took_ms(r) for r in checker.requests if r.safe and r.due > end)
    p99 = times[len(times) * 99 // 100]
    w.t.report("p99 %.0f ms, %.0f %% at most" % (p99, share * 100))
    assert p99 <= most_ms * SLACK, "p99 is %.0f ms, a line takes %.0f ms" % (p99, most_ms)


# One that is alone learns slowly what it usually takes: here it is known.
WEAK = {"learnt": {"primary": 12, "standby": 12},
        "failover": 'failover = { hold_down = "9s"; ramp = "10s"; };'}

CELLS = [
    Cell("dropped and back each second", lambda w: None, lambda w: w.primary.heal(),
         Expect(unsafe=40, unsent=40, worst_ms=700, late=200, also=_one_way(1)), each=_flap,
         period=1.0, lasts=6.0),
    Cell("dropped and back each second, ten times", lambda w: None, lambda w: w.primary.heal(),
         Expect(unsafe=60, unsent=60, worst_ms=700, late=300, also=_one_way(3)), each=_flap,
         period=1.0, lasts=20.0, long=True),
    Cell("dropped and back each 10 s", lambda w: None, lambda w: w.primary.heal(),
         Expect(unsafe=60, unsent=60, worst_ms=700, late=300, also=_one_way(4)), each=_flap,
         period=10.0, lasts=60.0, long=True),
    Cell("dropped and back each 60 s", lambda w: None, lambda w: w.primary.heal(),
         Expect(unsafe=60, unsent=60, worst_ms=700, late=300, also=_one_way(3)), each=_flap,
         period=60.0, lasts=240.0, long=True),
    Cell("failback", kill, revive, Expect(unsafe=3, unsent=3, worst_ms=100, late=3, back=6.0), lasts=2.0,
         after=12.0),
    Cell("failback that relapses in its ramp", _ramp_then_kill, revive,
         Expect(unsafe=6, unsent=6, worst_ms=150, late=5, also=_relapse_doubles), lasts=2.5, after=4.0),
    # The errors of its end are in what is judged for ten seconds; by then it waits no more.
    Cell("failback at 30 % of its capacity", kill, _revive_weaker,
         Expect(unsafe=3, unsent=3, also=_is_spared), lasts=1.5, after=17.0, **WEAK,
         regions=(Region("primary", **QUEUES), Region("standby", tier=1, delay=10))),
    Cell("failback at 30 % of the capacity that is stated", kill, _revive_weaker,
         Expect(unsafe=3, unsent=3, also=_is_spared), lasts=1.5, after=17.0, long=True, **WEAK,
         regions=(Region("primary", capacity=180, **QUEUES),
                  Region("standby", tier=1, capacity=400, delay=10))),
    Cell("a standby too small", kill, revive,
         Expect(safe=1000, unsafe=150, unsent=150, statuses=(502, 503),
                also=_standby_is_not_overrun),
         lasts=4.0, regions=(Region("primary"), Region("standby", tier=1, capacity=75)),
         failover='failover = { hold_down = "2s"; ramp = "2s"; warm_up = "0s"; };'),
    # 108/s fit nowhere until the region is back: shed, and nothing but that.
    Cell("2 s blackout of the largest region at 80 % load, soon after the start",
         lambda w: w.primary.blackhole(), lambda w: w.primary.heal(),
         Expect(safe=700, unsafe=90, unsent=90, also=_recovers(15, 1.2)),
         lasts=2.0, after=18.0, regions=THREE, rate=288, before=13.0, long=True,
         timeouts='timeouts = { try = "5s"; request = "10s"; };'),
    # What a region can have in flight is known after ten seconds with answers. It may take 30 s to
    # recover, and who is well by then stays so for ten more.
    Cell("5 s blackout of the largest region at 80 % load, soon after the start",
         lambda w: w.primary.blackhole(), lambda w: w.primary.heal(),
         Expect(safe=2500, unsafe=300, unsent=300, also=_recovers(30, 1.2)),
         lasts=5.0, after=40.0, regions=THREE, rate=288, before=13.0,
         timeouts='timeouts = { try = "5s"; request = "10s"; };'),
    Cell("5 s blackout of the largest region at 80 % load", lambda w: w.primary.blackhole(),
         lambda w: w.primary.heal(),
         Expect(safe=2500, unsafe=300, unsent=300, worst_ms=600, also=_recovers(30, 1.2)),
         lasts=5.0, after=45.0, regions=THREE, rate=288, before=35.0, long=True,
         timeouts='timeouts = { try = "5s"; request = "10s"; };'),
]
