"""Compares what was asked and answered with what the origins executed.

All times are seconds of CLOCK_MONOTONIC, as time.monotonic() gives them.
"""

import collections

SAFE = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}
# Of a TCP service: a connection that is made for one note. Nothing of it may be sent twice, but
# until its first byte was sent it may go elsewhere.
DIAL = "DIAL"


class Request:
    """One line of the load: due is its scheduled moment, from which took counts."""

    __slots__ = ("id", "kind", "method", "due", "lag", "took", "status", "origin", "verdict")

    def __init__(self, line):
        self.id, self.kind, self.method, due, lag, took, status, origin, self.verdict = line.split()
        self.due = int(due) / 1e6
        self.lag = int(lag) / 1e6
        self.took = int(took) / 1e6
        self.status = int(status)
        self.origin = origin if origin != "-" else None

    @property
    def ok(self):
        return self.verdict == "ok"

    @property
    def safe(self):
        """Can a proxy bring it to a good end, although what it went to first has died?"""
        return self.method in SAFE or self.method == DIAL

    def __repr__(self):
        return "%s %s at %.3f: %s %d after %.0f ms from %s" % (
            self.method, self.id, self.due, self.verdict, self.status, self.took * 1000,
            self.origin)


class Checker:
    """outs: files of the load; regions: region name -> its origins."""

    def __init__(self, outs, regions):
        self.requests = []
        for out in outs:
            with open(out) as f:
                self.requests += [Request(line) for line in f]
        # Tunnels: due is when one was opened, took how long it lived, verdict how it ended.
        self.tunnels = [r for r in self.requests if r.method == "TUNNEL"]
        self.requests = sorted((r for r in self.requests if r.method != "TUNNEL"),
                               key=lambda r: r.due)
        self.regions = regions
        self._events = {region: sorted((at, word, method, ident, rest) for o in origins
                                       for word, at, method, ident, rest in o.events())
                        for region, origins in regions.items()}
        self._region_of = {o.name: region for region, origins in regions.items()
                           for o in origins}

    # what clients saw

    def between(self, begin, end):
        """Requests that were due then."""
        return [r for r in self.requests if begin <= r.due < end]

    def failed(self, safe):
        return [r for r in self.requests if not r.ok and r.safe == safe]

    def verdicts(self):
        return collections.Counter(r.verdict for r in self.requests)

    def worst_ms(self, requests=None):
        return max((r.took for r in (self.requests if requests is None else requests) if r.ok),
                   default=0) * 1000

    def over_ms(self, limit_ms, requests=None):
        """How many good answers took longer."""
        return sum(1 for r in (self.requests if requests is None else requests)
                   if r.ok and r.took * 1000 > limit_ms)

    def goodput(self, begin, end, in_time=None):
        """Good answers a second among what was due then; in_time: those that took no longer."""
        good = [r for r in self.between(begin, end)
                if r.ok and (in_time is None or r.took <= in_time)]
        return len(good) / (end - begin)

    def worst_lag_ms(self):
        """How late the load itself was: what it measures is no better than this."""
        return max((r.lag for r in self.requests), default=0) * 1000

    def region_of(self, request):
        """Where its answer came from; None: from the proxy itself, or from nowhere."""
        return self._region_of.get(request.origin)

    # what origins saw

    def arrivals(self, region, word="seen"):
        return [at for at, w, _, _, _ in self._events[region] if w == word]

    def peak_rate(self, region, begin=0.0, end=float("inf"), window=1.0):
        """Most requests that arrived within any window, as a rate."""
        times = collections.deque()
        most = 0
        for at in self.arrivals(region):
            if not begin <= at < end:
                continue
            times.append(at)
            while times[0] <= at - window:
                times.popleft()
            most = max(most, len(times))
        return most / window

    def _all(self, word):
        for events in self._events.values():
            for _, w, method, ident, rest in events:
                if w == word:
                    yield method, ident, rest

    def tries(self):
        """Requests that reached an origin, each as often as it did."""
        return sum(1 for _ in self._all("seen"))

    # what must never be

    def twice(self):
        """Ids of requests that are not safe and reached origins more than once."""
        seen = collections.Counter(i for method, i, _ in self._all("seen") if method not in SAFE)
        return [ident for ident, n in seen.items() if n > 1]

    def bad_bodies(self):
        """Ids that were executed with a body that was not their own."""
        return [ident for _, ident, rest in self._all("run") if rest == "bad"]

    def invented(self):
        """Good answers to requests that no origin executed."""
        run = {ident for _, ident, _ in self._all("run")}
        return [r for r in self.requests if r.ok and r.id not in run]

    def mixed_up(self):
        """Good answers with a body that was not their own."""
        return [r for r in self.requests if r.verdict == "wrong"]

    def lost_unsent(self):
        """Requests that are not safe, failed, and reached nobody."""
        seen = {ident for _, ident, _ in self._all("seen")}
        return [r for r in self.failed(safe=False) if r.id not in seen]

    def sound(self):
        """Holds what no fault excuses; returns itself."""
        for what, found in (("not safe, but sent twice", self.twice()),
                            ("executed with another request's body", self.bad_bodies()),
                            ("answered with another request's body", self.mixed_up()),
                            ("answered by nobody", self.invented())):
            assert not found, "%s: %d, %s" % (what, len(found), found[:5])
        return self
