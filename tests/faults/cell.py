"""A cell of the fault matrix: one fault in one world, and what it may cost. Tables are in cells_*.py.

The script of every cell is the same: a second of load without a fault, the fault begins, it lasts,
it ends, the load goes on for a while; then all that clients saw is compared with all that origins
executed and with what the proxy said about its regions.
"""

import json
import os
import time

from harness.marks import sanitized
from harness.wait import SLACK
from moves import complaints_about_moves
from world import World


FOUND_OUT = 1.5  # s: by then a fault has had its consequences
HUNG = 0.25  # s: after that the proxy may ask whether there is anybody


class Expect:
    """What a fault may cost. Numbers are upper limits; times are seconds or milliseconds."""

    def __init__(self, safe=0, unsafe=0, unsent=0, verdicts=("status",), statuses=(502, 503, 504),
                 begun=0, worst_ms=None, late=None, settled=None, back=None, state=None, stays=False,
                 also=None, whom=None, caught=False, opening=False):
        self.safe = safe  # failed requests that may be sent twice
        self.unsafe = unsafe  # failed ones that may not: they were caught after they were sent
        self.unsent = unsent  # those of them that reached nobody (packets were lost on the way)
        self.begun = begun  # answers to such that had begun when it struck, and were cut off
        self.verdicts = verdicts  # how a failure may look to a client ...
        self.statuses = statuses  # ... and which statuses are failures it may see
        # Whose times count; others may have to wait for as long as their timeouts say: what may
        # not be sent twice, and an answer that has begun.
        self.whom = whom or (lambda r: r.safe and r.kind != "big")
        # Not of them: what was in the region's hands before it was lost, and stays there (a tunnel).
        self.caught = caught
        # Connections that are being opened as it strikes may fail, and count as safe requests.
        self.opening = opening
        self.worst_ms = worst_ms  # slowest good answer to one of those, from the fault on
        self.late = late  # good answers to those that took over 100 ms
        self.settled = settled  # from then on nobody notices the fault: no failure, nothing late
        self.back = back  # s after the fault's end until the region serves again
        self.state = state  # that the region reaches
        self.stays = stays  # no share moves at all
        self.also = also  # also(world, checker, samples, begin, end): raises AssertionError


class Cell:
    """begin(world) and end(world) make and mend the fault; each(world) repeats while it lasts."""

    def __init__(self, name, begin, end, expect, lasts=3.0, after=2.0, each=None, period=0.25,
                 long=False, lost="primary", before=0.0, protocol=None, **world):
        self.name = name
        self.begin = begin
        self.end = end
        self.each = each
        self.period = period
        self.expect = expect
        self.lasts = lasts
        self.after = after
        self.long = long  # not in the short selection
        self.lost = lost  # the region that the fault is in
        self.before = before  # more seconds of load without a fault
        self.protocol = protocol  # what the load speaks; None: as the run is told to
        self.world = world

    def seconds(self):
        return self.before + self.lasts + self.after + 60

    def run(self, t, protocol):
        w = World(t, protocol=self.protocol or protocol, **self.world)
        w.go_on(self.before)
        w.striking = begin = time.monotonic()
        self.begin(w)
        w.struck = struck = time.monotonic()
        self._last(w, begin)
        end = time.monotonic()
        self.end(w)
        if self.expect.back is not None:
            w.serves(self.lost, self.expect.back + 20)
        w.go_on(self.after)
        w.facts_at_end = w.facts()
        checker, samples = w.finish()
        self._judge(w, checker, samples, begin, struck, end)

    def _last(self, w, begin):
        if self.each is None:
            w.go_on(self.lasts)
            return
        turn = 0
        while time.monotonic() < begin + self.lasts:
            self.each(w, turn)
            w.go_on(self.period)
            turn += 1

    # judging

    def _being_opened(self, checker, begin):
        """At a time: as many as came while the slowest took that was opened before the fault."""
        calm = [r for r in checker.between(0, begin) if r.kind == "open" and r.due + r.took < begin]
        return max(r.took for r in calm) * len(calm) / (begin - calm[0].due)

    def _settled(self, w, checker, struck, end):
        """Seconds from when the fault was whole to the last request that noticed it."""
        whom = self.expect.whom
        noticed = [r.due - struck for r in checker.between(struck, end) if (r.safe or whom(r)) and (
            not r.ok or w.took_ms(r) > 250 or checker.region_of(r) == self.lost)]
        last = max(noticed, default=0.0)
        return last - w.waits.during(struck, struck + last)

    def _judge(self, w, checker, samples, begin, struck, end):
        e = self.expect
        bad = []
        safe, unsafe = checker.failed(True), checker.failed(False)
        cut = [r for r in safe if r.verdict == "cut" and
               r.due - w.waits.during(struck, r.due) <= struck] if e.begun else []
        safe = [r for r in safe if r not in cut]
        touched = [r for r in checker.between(begin, end + 60) if e.whom(r) and not (
            e.caught and r.due < struck and checker.region_of(r) == self.lost)]
        # What a busy machine adds is not the fault's doing: see waits.py.
        times = [w.took_ms(r) for r in touched if r.ok]
        worst, late = max(times, default=0.0), sum(ms > 100 for ms in times)
        settled = self._settled(w, checker, struck, end)
        back = next((s.at - end - w.waits.during(end, s.at) for s in samples
                     if s.at > end and s.share[self.lost] > 0), None)
        states = list(dict.fromkeys(s.state[self.lost] for s in samples))
        row = {"cell": self.name, "requests": len(checker.requests), "safe": len(safe) + len(cut),
               "unsafe": len(unsafe), "unsent": len(checker.lost_unsent()), "worst_ms": worst,
               "late": late, "settled": settled, "back": back, "states": states,
               "tries": checker.tries() / max(1, len(checker.requests)),
               "lag_ms": checker.worst_lag_ms(), "waited_ms": w.waits.longest * 1000,
               "raw_ms": checker.worst_ms(touched),
               "facts": [f["kind"] for f in w.facts_at_end if f["kind"].startswith("region")]}
        with open(os.path.join(w.t.directory("row"), "row.json"), "w") as f:
            json.dump(row, f)
        quick = sanitized() or checker.worst_lag_ms() > 200  # the machine itself stood still

        def no_more(what, found, limit, but=None):
            if limit is not None and found > limit:
                bad.append("%s: %.1f, allowed %.1f %s" % (what, found, limit, but or ""))

        # Until a fault is found out others come; while the proxy waits for a processor, more of them.
        waited = w.waits.during(struck, struck + FOUND_OUT) + min(struck - w.striking, FOUND_OUT)
        more = w.rate * waited * sum(not r.safe for r in checker.requests) / len(checker.requests)
        opening = self._being_opened(checker, begin) if e.opening else 0
        no_more("safe requests failed", len(safe), e.safe * (1 + waited / FOUND_OUT) + opening,
                safe[:5])
        no_more("answers cut off", len(cut), e.begun, cut[:5])
        # Where none is allowed: an endpoint that gave no sign of life for so long is taken for hung.
        hung = w.waits.longest > HUNG
        no_more("others failed", len(unsafe), e.unsafe + more if e.unsafe or hung else 0, unsafe[:5])
        no_more("others failed and reached nobody", row["unsent"],
                e.unsent + more if e.unsent or hung else 0, checker.lost_unsent()[:5])
        strange = [r for r in safe + unsafe if r.verdict not in e.verdicts or (
            r.verdict == "status" and r.status not in e.statuses)]
        no_more("failed in another way than %s %s" % (e.verdicts, e.statuses), len(strange), 0,
                strange[:5])
        if not quick:
            no_more("slowest, ms", worst, e.worst_ms and e.worst_ms * SLACK)
            no_more("over 100 ms", late, None if e.late is None else e.late * SLACK)
            no_more("settled after, s", settled, e.settled and e.settled * SLACK)
            no_more("back after, s", back if back is not None else 1e9,
                    e.back and e.back * SLACK)
        if e.state is not None and e.state not in states:
            bad.append("%s was never %s: %s" % (self.lost, e.state, states))
        if e.stays:
            shares = {json.dumps(s.share, sort_keys=True) for s in samples}
            if len(shares) > 1:
                bad.append("shares moved: %s" % sorted(shares))
        bad += complaints_about_moves(samples, w.facts_at_end)
        for judge in (checker.sound, lambda: e.also and e.also(w, checker, samples, begin, end)):
            try:
                judge()
            except AssertionError as found:
                bad.append(str(found))
        assert not bad, "\n  ".join(["the cell expects otherwise:"] + bad + [
            "%.2f s %s" % (s.at - begin, list(zip(s.state.items(), s.share.values())))
            for s, before in zip(samples[1:], samples) if s.state != before.state])
