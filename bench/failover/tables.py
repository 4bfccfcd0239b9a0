"""The part of RESULTS.md that bench/failover writes."""

import os

import results
from faults import SHED_MS
from side import ANSWER_MS, CONNECTIONS, RATE, STANDBY_CAPACITY

HEAD = """# Failover

Detour, HAProxy and nginx side by side while a region is lost. Each has a primary and a standby
region of its own with two endpoints each, and a load of its own: {rate} requests/s over TLS on
{connections} connections, on a constant schedule, latency counted from the scheduled moment. The
endpoints answer in {answer} ms; 2 % of the requests are reports that take 3 s, and 5 % are POSTs.
All proxies therefore give the application 30 s to answer. The peers are configured as someone who
knows them would, with reasons beside the lines, in [failover/peers](failover/peers); how it is
measured is in [failover/README.md](failover/README.md). Written by `bench/failover/run.sh`.

- *failed*: GETs, and reports, that got no good answer; POSTs are counted apart
- *over 100 ms*, *worst*: GETs other than reports, from the fault to its end
- *moved*: seconds until everything came from the standby in time; *back*: the same for the
  primary after the fault's end
- *failback*: GETs and reports that failed, and GETs over 100 ms, after the fault's end
- *POSTs*: executed twice; failed though they were never sent to anybody; failed after they were
  sent (a proxy that keeps the promise not to repeat them can only say so)
- *goodput*: good answers a second while the fault lasts, the least of all full seconds and of all
  but the first (quick ones within 1 s, reports within 4 s; {rate} were asked for)

"""

SMALL = """{title}. With all of the load on it the standby collapses: each request costs more the
more are waiting. Detour is told `capacity = {capacity}`; the others have no such notion.

"""


def _seconds(value):
    return "never" if value is None else "%.2f s" % value


def _pair(a, b):
    return "%d / %d" % (a, b)


def _row(name, v):
    return [name, _pair(v.lost.failed("quick"), v.lost.failed("report")), str(v.lost.late),
            "%.0f ms" % v.lost.worst_ms, _seconds(v.moved_s),
            "%d / %d" % (v.back.failed("quick") + v.back.failed("report"), v.back.late),
            _seconds(v.back_s), "%d / %d / %d" % (v.posts.twice, v.posts.unsent, v.posts.caught),
            _pair(min(v.goodput, default=0), min(v.goodput[1:], default=0))]


_COLUMNS = ["", "failed: GETs / reports", "over 100 ms", "worst", "moved",
            "failback: failed / over 100 ms", "back",
            "POSTs: twice / failed unsent / failed sent", "goodput: least / from 2nd s"]


def _small_row(name, v):
    return [name, _pair(min(v.goodput, default=0), min(v.goodput[1:], default=0)),
            "%d/s" % v.standby_most, str(v.shed), "%.1f ms" % v.shed_worst_ms,
            str(v.otherwise_failed), _seconds(v.full_s),
            "" if v.full_after_ramp_s is None else _seconds(v.full_after_ramp_s),
            "%d / %d" % (v.posts.twice, v.posts.caught)]


_SMALL_COLUMNS = ["", "goodput: least / from 2nd s", "standby took at most", "shed (503)",
                  "shed GETs answered within", "failed otherwise", "full goodput after the fault",
                  "after the ramp", "POSTs: twice / failed sent"]


def table(fault, rows):
    columns, row = (_SMALL_COLUMNS, _small_row) if fault.small_standby else (_COLUMNS, _row)
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for name, verdict in rows:
        yield "| " + " | ".join(row(name, verdict)) + " |"


def _missed(fault, v):
    """What Detour promises and did not keep."""
    target = fault.target
    if v.lost.failed("quick") + v.lost.failed("report") > 0:
        yield "%d GETs and %d reports failed" % (v.lost.failed("quick"), v.lost.failed("report"))
    if v.lost.worst_ms > target.worst_ms:
        yield "worst %.0f ms, not %d ms" % (v.lost.worst_ms, target.worst_ms)
    if v.lost.late > target.late:
        yield "%d over 100 ms, not %d" % (v.lost.late, target.late)
    if target.moved_s is not None and (v.moved_s is None or v.moved_s > target.moved_s):
        yield "moved after %s, not %.2f s" % (_seconds(v.moved_s), target.moved_s)
    if v.back.failed("quick") + v.back.failed("report") + v.back.late > 0:
        yield "failback: %d failed, %d over 100 ms" % (
            v.back.failed("quick") + v.back.failed("report"), v.back.late)
    yield from _missed_posts(v)


def _missed_posts(v):
    if v.posts.twice > 0:
        yield "%d POSTs executed twice" % v.posts.twice
    if v.posts.unsent > 0:
        yield "%d POSTs failed that had reached nobody" % v.posts.unsent


def _missed_small(v):
    least = min(v.goodput[1:], default=0)
    if least < 0.95 * STANDBY_CAPACITY:
        yield "goodput %d/s, not %d/s" % (least, 0.95 * STANDBY_CAPACITY)
    if v.standby_most > 1.05 * STANDBY_CAPACITY:
        yield "the standby took %d in a second, not %d" % (v.standby_most, 1.05 * STANDBY_CAPACITY)
    if v.shed_worst_ms >= SHED_MS:
        yield "shed after %.1f ms, not %d ms" % (v.shed_worst_ms, SHED_MS)
    if v.otherwise_failed > 0:
        yield "%d failed that were not shed" % v.otherwise_failed
    if v.full_after_ramp_s is None or v.full_after_ramp_s > 1:
        yield "full goodput %s after the ramp's end, not 1 s" % _seconds(v.full_after_ramp_s)
    if v.posts.twice > 0:
        yield "%d POSTs executed twice" % v.posts.twice


class Text:
    def __init__(self, measured, repeated, versions, took):
        self.measured = measured
        self.repeated = repeated
        self.versions = versions
        self.took = took
        self.missed = [(fault.name, why) for fault, rows in measured for name, v in rows
                       if name == "Detour"
                       for why in (_missed_small(v) if fault.small_standby
                                   else _missed(fault, v))]

    def _lines(self):
        yield HEAD.format(rate=RATE, connections=CONNECTIONS, answer=ANSWER_MS).rstrip("\n")
        for fault, rows in self.measured:
            title = fault.title[0].upper() + fault.title[1:]
            yield ""
            yield "## " + title
            yield ""
            if fault.small_standby:
                yield SMALL.format(title=title, capacity=STANDBY_CAPACITY)
            yield from table(fault, rows)
        yield ""
        yield "## Conditions of the failover tables"
        yield ""
        yield from results.conditions("bench/failover/run.sh", self.versions)
        yield "- All proxies of a table ran at the same time; the whole took %.0f s" % self.took
        yield "- The load was at most %.0f ms late with a request; that is in the latencies" % max(
            (v.lag_ms for _, rows in self.measured for _, v in rows), default=0)
        yield "- Times that the machine stood still as a region was lost, or as Detour's slowest request was " \
            "due, and the fault was seen once more (the third time it is judged all the same): %s" % (
            ", ".join(self.repeated) or "none")
        yield "- Targets that Detour missed: %s" % (
            "; ".join("%s: %s" % m for m in self.missed) or "none")

    def __str__(self):
        return "\n".join(self._lines()) + "\n"
