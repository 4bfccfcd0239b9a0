"""What a run shows: from the load's lines, the origins' logs and the tap on the wires."""

import collections

LATE_S = 0.1
# What counts as served at all; later, nobody waits for it.
GOOD_S = {"quick": 1.0, "post": 1.0, "report": 4.0}
# "From now on" means: until the end of what is looked at, and for so long at least.
LASTING_S = 1.0
# Around a moment.
AROUND_S = 0.05
# In flight when the fault struck.
BEFORE_S = {"quick": 0.1, "post": 0.1, "report": 3.1}


def in_time(request):
    return request.ok and request.took <= LATE_S


def is_good(request):
    return request.ok and request.took <= GOOD_S[request.kind]


class Evidence:
    """A checker's view of a whole run, the POSTs seen on the wires, and when what happened."""

    def __init__(self, seen, sent, lost, healed, ended):
        self.seen = seen
        self.requests = seen.requests
        self.sent = sent
        self.lost = lost
        self.healed = healed
        self.ended = ended

    def lag_ms_at(self, moment):
        """How late the load itself was just then."""
        return 1000 * max((r.lag for r in self.requests if abs(r.due - moment) < AROUND_S), default=0)


class Span:
    """The requests of one stretch of time, and what became of them."""

    def __init__(self, evidence, begin, end, before=None):
        self.begin = begin
        self.end = end
        self.region_of = evidence.seen.region_of
        lead = before or {}
        self.requests = [r for r in evidence.requests
                         if begin - lead.get(r.kind, 0) <= r.due < end]

    def of(self, kind):
        return [r for r in self.requests if r.kind == kind]

    def failed(self, kind):
        return sum(not r.ok for r in self.of(kind))

    @property
    def late(self):
        return sum(r.took > LATE_S for r in self.of("quick"))

    @property
    def worst(self):
        return max(self.of("quick"), key=lambda r: r.took)

    @property
    def worst_ms(self):
        return self.worst.took * 1000

    def until_all_from(self, region):
        """Seconds until all quick requests came from there and in time; None: never."""
        return self._until_no(lambda r: r.kind != "report" and
                              not (in_time(r) and self.region_of(r) == region))

    def until_all_good(self):
        return self._until_no(lambda r: not is_good(r))

    def _until_no(self, is_wrong):
        last = max((r.due for r in self.requests if r.due >= self.begin and is_wrong(r)),
                   default=self.begin)
        return None if last > self.end - LASTING_S else last - self.begin

    def by_second(self, wanted):
        """How many of its requests wanted() is true of, for each full second."""
        seconds = collections.Counter(int(r.due - self.begin) for r in self.requests
                                      if r.due >= self.begin and wanted(r))
        return [seconds[i] for i in range(int(self.end - self.begin))]

    @property
    def goodput(self):
        return self.by_second(is_good)


class Posts:
    """Of a whole run."""

    def __init__(self, evidence):
        failed = evidence.seen.failed(safe=False)
        self.twice = len(evidence.seen.twice())
        self.caught = sum(r.id in evidence.sent for r in failed)
        self.unsent = len(failed) - self.caught


class Verdict:
    """The numbers of one row of the report."""

    def __init__(self, evidence):
        self.lost = Span(evidence, evidence.lost, evidence.healed, BEFORE_S)
        self.back = Span(evidence, evidence.healed, evidence.ended)
        self.posts = Posts(evidence)
        self.moved_s = self.lost.until_all_from("standby")
        self.back_s = self.back.until_all_from("primary")
        self.goodput = self.lost.goodput
        self.lag_ms = evidence.seen.worst_lag_ms()
        self.decided = self.lost.worst.due  # the request by which it is judged


class Crowded:
    """The same for a standby that cannot take it all."""

    def __init__(self, evidence, ramped=None):
        lost = Span(evidence, evidence.lost, evidence.healed)
        back = Span(evidence, evidence.healed, evidence.ended)
        shed = [r for r in lost.of("quick") if r.status == 503]
        self.goodput = lost.goodput
        self.standby_most = evidence.seen.peak_rate("standby")
        self.shed = len(shed)
        self.shed_worst_ms = max((r.took for r in shed), default=0) * 1000
        self.decided = max(shed, key=lambda r: r.took).due if shed else evidence.lost
        # A POST that the fault caught after it was sent is counted with the POSTs.
        self.otherwise_failed = sum(not r.ok and r.status != 503 and r.id not in evidence.sent
                                    for r in lost.requests)
        self.lag_ms = evidence.seen.worst_lag_ms()
        self.full_s = back.until_all_good()
        self.full_after_ramp_s = None
        if ramped is not None and self.full_s is not None:
            self.full_after_ramp_s = max(0.0, evidence.healed + self.full_s - ramped)
        self.posts = Posts(evidence)
