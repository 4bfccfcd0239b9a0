#!/usr/bin/env python3
"""Detour, HAProxy and nginx side by side while a region is lost. Started by run.sh."""

import argparse
import datetime
import json
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, *p) for p in (("bench",), ("tests", "faults"),
                                                  ("tests", "system"))]

# pylint: disable=wrong-import-position
import faults
import tables
import results
from harness.lease import Lease
from judge import Crowded, Verdict
from place import Failure, Place, say
from proxies import Detour, Haproxy, Nginx
from side import Side

USUAL = {"ANSWER_TIMEOUT": "30s", "STANDBY_LIMIT": "", "STANDBY_CAPACITY": ""}
NAMES = ["Detour", "HAProxy", "nginx"]


class Contender:
    """A proxy with the values of one variant of its configuration."""

    def __init__(self, name, make, **values):
        self.name = name
        self.make = make
        self.values = {**USUAL, **values}

    def side(self, place, lease, options, fault):
        values = dict(self.values)
        values["ACCESS"] = (os.path.join(place.dir, self.label + ".access") if options.keep
                            else "off")
        values["STATE"] = self.state_dir(place)
        os.mkdir(values["STATE"])
        if fault.small_standby:
            values["STANDBY_CAPACITY"] = "capacity = 250;"
        return Side(place, lease, self.make(), self.label, options.tools, fault, values)

    def state_dir(self, place):
        return os.path.join(place.dir, self.label + ".state")

    @property
    def label(self):
        return self.name.replace(" ", "")


def contenders(options):
    """Three at a time whatever is asked for: five loads would be too much for two processors."""
    wait, suffix = ("1s", " 1 s") if options.impatient else ("30s", "")
    found = [Contender("Detour", lambda: Detour(options.detour)),
             Contender("HAProxy" + suffix, lambda: Haproxy("haproxy"), ANSWER_TIMEOUT=wait),
             Contender("nginx" + suffix, lambda: Nginx("nginx"), ANSWER_TIMEOUT=wait)]
    wanted = options.proxies.split(",")
    return [c for c in found if wanted == [""] or c.name.removesuffix(suffix) in wanted]


def ramp_end(state_dir):
    """When Detour's journal says that the primary had its whole share again; monotonic time."""
    path = os.path.join(state_dir, "journal.jsonl")
    if not os.path.exists(path):
        return None
    with open(path) as f:
        facts = [json.loads(line) for line in f]
    ends = [fact["time"] for fact in facts
            if fact["kind"] == "region_up" and fact["region"] == "primary"]
    if not ends:
        return None
    when = datetime.datetime.fromisoformat(ends[-1].replace("Z", "+00:00")).timestamp()
    return when - time.time() + time.monotonic()


def note(place, spans, ended):
    """For whoever keeps the logs: when what happened, by both clocks."""
    wall = time.time() - time.monotonic()
    with open(os.path.join(place.dir, "times"), "w") as f:
        for lost, healed in spans:
            for word, when in (("lost", lost), ("healed", healed), ("ended", ended)):
                clock = datetime.datetime.utcfromtimestamp(when + wall).strftime("%H:%M:%S.%f")
                f.write("%s %.6f %sZ\n" % (word, when, clock))


def strike(sides, tools, fault):
    """All under load at once, the last of them struck first; what was seen of each."""
    for side in sides:
        side.start_load(os.path.join(tools, "lab-load"))
    for side in sides:
        side.load.until_ok(1, 90)
    time.sleep(fault.lead)
    # What is judged by targets comes last: nobody's recovery falls into its way back.
    spans = fault.strike([s.primary for s in reversed(sides)])[::-1]
    time.sleep(fault.after)
    ended = time.monotonic()
    note(sides[0].place, spans, ended)
    # All are looked at for as long, however soon their turn came.
    return [side.evidence(lost, healed, min(ended, healed + fault.after))
            for side, (lost, healed) in zip(sides, spans)]


def run_fault(place, options, fault):
    """
    [(name, verdict)] of one fault, and how late the loads were, in ms: as the regions were lost, and
    as the request was due by which Detour is judged.
    """
    sides, lease = [], Lease()
    try:
        entered = contenders(options)
        for c in entered:
            sides.append(c.side(place, lease, options, fault))
        seen = strike(sides, options.tools, fault)
    finally:
        for side in sides:
            side.close()
        lease.close()
    if fault.small_standby:
        rows = [(c.name, Crowded(e, ramp_end(c.state_dir(place)))) for c, e in zip(entered, seen)]
    else:
        rows = [(c.name, Verdict(e)) for c, e in zip(entered, seen)]
    lags = [e.lag_ms_at(e.lost) for e in seen]
    lags += [e.lag_ms_at(v.decided) for e, (name, v) in zip(seen, rows) if name == "Detour"]
    return rows, max(lags)


def see(options, fault):
    """As run_fault(), again if the machine stood still; the second is how often it did, of TRIES."""
    for again in range(faults.TRIES):
        with Place() as place:
            say("%s: %.0f s" % (fault.title, fault.seconds(len(contenders(options)))))
            try:
                rows, lag_ms = run_fault(place, options, fault)
            finally:
                if options.keep:
                    place.save(os.path.join(options.keep, fault.name + "-again" * again))
        if not fault.is_disturbed(lag_ms):
            break
        say("the machine stood still for %.1f ms just then" % lag_ms)
    else:
        return rows, faults.TRIES
    return rows, again


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/failover/run.sh", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="without the long ways back of grey regions; printed only")
    parser.add_argument("--only", metavar="FAULT", default="",
                        help="one or more of: " + ", ".join(f.name for f in faults.ALL))
    parser.add_argument("--proxies", metavar="NAME", default="", help="of " + ", ".join(NAMES))
    parser.add_argument("--impatient", action="store_true",
                        help="the peers with timeouts of 1 s; printed only")
    parser.add_argument("--detour", required=True, metavar="PATH", help="the binary")
    parser.add_argument("--tools", required=True, metavar="DIR", help="of lab-load, lab-origin")
    parser.add_argument("--keep", metavar="DIR", help="logs of the run are put there")
    parser.add_argument("--output", metavar="FILE",
                        help="where the report goes; RESULTS.md for a run of full length")
    options = parser.parse_args(arguments)
    known = {f.name for f in faults.ALL}
    for name in filter(None, options.only.split(",")):
        if name not in known:
            parser.error("no such fault: %s" % name)
    partial = options.quick or options.only or options.proxies or options.impatient
    if options.output is None and not partial:
        options.output = results.PATH
    return options


def chosen(options):
    names = options.only.split(",") if options.only else [f.name for f in faults.ALL]
    for fault in faults.ALL:
        if fault.name in names:
            if options.quick:
                fault.after = min(fault.after, faults.QUICK_AFTER)
            yield fault


def bench(options):
    began = time.monotonic()
    measured, repeated = [], []
    versions = ["%s %s" % (p.name, p.version()) for p in
                (Detour(options.detour), Haproxy("haproxy"), Nginx("nginx"))]
    for fault in chosen(options):
        rows, again = see(options, fault)
        measured.append((fault, rows))
        repeated.extend([fault.name] * again)
        say("\n".join(tables.table(fault, rows)))
    return tables.Text(measured, repeated, versions, time.monotonic() - began)


def main():
    options = parse(sys.argv[1:])
    # Leaves through the doors, which end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        text = bench(options)
    except (Failure, AssertionError) as failure:
        sys.exit("failover: %s" % failure)
    if options.output is not None:
        results.keep(options.output, str(text))
    print(text)
    if text.missed:
        sys.exit(3)


if __name__ == "__main__":
    main()
