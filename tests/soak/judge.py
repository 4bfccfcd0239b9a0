"""Compares all that was asked in a round with what the promises allow while this and that happened."""

import collections

from lab import Checker

from town import SCARCE

SETTLES = 1.5  # s after the end of a trouble: what it broke has been told by then
# Of who opens a tunnel, or sends through one, nothing is promised while its region is in trouble.
TUNNELS = ("sockets", "sockets2", "notes", "sealed")


class Window:
    """Something that went on: shows: what safe requests may see of it; breaks: may others fail?"""

    def __init__(self, name, begin, end=None, shows=(), breaks=(), place=None):
        self.name = name
        self.begin = begin
        self.end = end
        self.shows = set(shows)
        self.breaks = set(breaks)  # of "unsafe", "tunnel", "keep-alive"
        self.place = place

    def overlaps(self, begin, end):
        return begin < (self.end or float("inf")) + SETTLES and end > self.begin - 0.2

    def __repr__(self):
        return "%s%s %.2f-%.2f" % (self.name, " in %s" % self.place if self.place else "", self.begin,
                                   self.end or 0)


class Judge:
    def __init__(self, town, watch, windows):
        self.town = town
        self.watch = watch
        self.windows = windows
        self.bad = []
        self.asked = 0
        self.failed = 0
        self.excused = collections.Counter()

    def round(self, outs, strangers):
        for name, out in outs.items():
            self._load(name, out)
        for began, complaint in strangers.bad:
            near = self._during(began, began + 5)
            if not any(w.shows or "keep-alive" in w.breaks for w in near):
                self.bad.append((began, "a stranger: %s; meanwhile %s" % (complaint, near)))

    def _during(self, begin, end):
        return [w for w in self.windows if w.overlaps(begin, end)]

    def _load(self, name, out):
        checker = Checker([out], self.town.origins())
        self.asked += len(checker.requests)
        try:
            checker.sound()
        except AssertionError as e:
            self.bad.append((checker.requests[0].due, "%s: %s" % (name, e)))
        bad = []
        for r in checker.requests:
            if r.ok:
                continue
            self.failed += 1
            near = self._during(r.due, r.due + r.took)
            if not self._excused(name, r, near):
                bad.append((r, near))
                continue
            self.excused[name, "safe" if r.safe else "unsafe", r.verdict, r.status,
                         " + ".join(sorted({w.name for w in near if w.shows or w.breaks}))] += 1
        if bad:
            self.bad.append((bad[0][0].due, "%s: %d failed without excuse: %s" % (
                name, len(bad), "\n      ".join("%r; meanwhile %s" % each for each in bad[:8]))))
        if name == "scarce":
            self._capacity(checker)

    def _excused(self, name, r, near):
        if name == "scarce" and r.status == 503 and self._is_short(r):
            return True
        shown = r.status if r.verdict == "status" else r.verdict
        if any(shown in w.shows for w in near):
            return True
        if name in TUNNELS:
            return any("tunnel" in w.breaks for w in near)
        if r.verdict in ("closed", "reset") and any("keep-alive" in w.breaks for w in near):
            return True
        return not r.safe and any("unsafe" in w.breaks or (
            r.kind == "stream" and "tunnel" in w.breaks) for w in near)

    def _is_short(self, r):
        """Had the large region not all of it then, or was it in trouble?"""
        if any(w.place is not None for w in self._during(r.due - 2, r.due + r.took)):
            return True
        return any(shares["scarce"].get("primary", 1) < 1 for at, shares in self.watch.shares
                   if r.due - 2 < at < r.due + r.took + 2)

    def _capacity(self, checker):
        """By their origins' logs: those of this load only, and no region gets more than it can do."""
        for region, capacity in SCARCE.items():
            times = sorted(at for o in self.town.places[region].h1 for word, at, _, ident, _ in o.events()
                           if word == "seen" and ident.startswith("scarce"))
            first, most, when = 0, 0, 0.0
            for i, at in enumerate(times):
                while times[first] <= at - 1.0:
                    first += 1
                if i - first + 1 > most:
                    most, when = i - first + 1, at
            # Ten may come at once, a bucket's depth, and none of them belongs to the second before.
            if most > capacity * 1.05 + 10 and not self._own_trouble(region, when):
                self.bad.append((when, "%s got %d requests in a second, it can do %d; meanwhile %s" % (
                    region, most, capacity, self._during(when - 1, when))))

    def _own_trouble(self, region, at):
        """What waited there for the end of its trouble arrives at once."""
        return any(w.place is not None and w.place.name == region for w in self._during(at - 1, at))

    def clear(self, outs):
        """What has been judged is not kept: a campaign may last for days."""
        for out in outs.values():
            open(out, "w").close()
        for origins in self.town.origins().values():
            for o in origins:
                open(o.log, "w").close()
        open(self.town.copies.log, "w").close()
        del self.watch.shares[:-10]
        del self.windows[:]

    def show(self):
        """What failed and why it may: for people, who may find that odd."""
        for (name, safe, verdict, status, why), count in self.excused.most_common(40):
            print("  %5d %-8s %-6s %s %d while %s" % (count, name, safe, verdict, status, why))
