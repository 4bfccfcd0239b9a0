#!/usr/bin/env python3
"""Measures Detour, HAProxy, nginx and h2o side by side. Started by run.sh."""

import argparse
import os
import signal
import sys
import time

import equal
import report
import results
from cost_lab import Lab
from place import Failure, say
from proxies import Before, Detour, H2o, Haproxy, Nginx
from rows import Handshakes, Http2, IdleConnections, KeepAlive

TITLE_WIDTH = 40

# A busy machine stretches a round. After this time no more of them than LEAST_ROUNDS are begun.
PATIENCE_S = 220
LEAST_ROUNDS = 5


class Run:
    """What a run is, for the report."""

    def __init__(self, options):
        self.rounds = options.rounds or (3 if options.quick else 7)
        self.seconds = options.seconds or (1 if options.quick else 2)
        self.idle = options.idle or (1000 if options.quick else 5000)
        self.command = "bench/run.sh" + (" --quick" if options.quick else "")
        self.began = time.monotonic()

    @property
    def took(self):
        return time.monotonic() - self.began


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a rough picture in 90 s")
    parser.add_argument("--detour", required=True, metavar="PATH", help="the binary")
    parser.add_argument("--rounds", type=int, help="measurements of each row and proxy")
    parser.add_argument("--seconds", type=int, help="length of a measurement")
    parser.add_argument("--idle", type=int, help="number of idle connections")
    parser.add_argument("--only", metavar="TEXT", default="", help="rows whose title has TEXT")
    parser.add_argument("--before", metavar="PATH",
                        help="an older build, which is measured in the peers' place")
    parser.add_argument("--output", metavar="FILE",
                        help="where the report goes; RESULTS.md for a run of full length")
    options = parser.parse_args(arguments)
    shortened = (options.quick, options.rounds, options.seconds, options.idle, options.only,
                 options.before)
    if options.output is None and not any(shortened):
        options.output = results.PATH
    return options


def loaded_rows():
    return [
        KeepAlive("HTTPS keep-alive, 1 KiB", "/1k", True, 64),
        KeepAlive("HTTP keep-alive, 1 KiB", "/1k", False, 64),
        Handshakes(),
        KeepAlive("HTTPS, 1 MiB bodies", "/1m", True, 16),
        Http2("HTTP/2, 1 KiB, 8 connections × 16", "/1k", 8, 16),
    ]


def rotated(proxies, by):
    by %= len(proxies)
    return proxies[by:] + proxies[:by]


def running(row, proxies):
    """Detour, and those that the row compares it with."""
    return [p for p in proxies if isinstance(p, Detour) or p.name in row.peers]


def measure_load(lab, run, rows, proxies):
    """Round by round, so that what disturbs the machine disturbs all of them."""
    results = [(row, {p.name: [] for p in running(row, proxies)}) for row in rows]
    for number in range(run.rounds):
        for row, samples in results:
            for proxy in rotated(running(row, proxies), number):
                sample = row.sample(lab, proxy, run.seconds)
                samples[proxy.name].append(sample)
            say("round %d  %-*s %s" % (number + 1, TITLE_WIDTH, row.title, "  ".join(
                "%s %.1f" % (name, s[-1].cost) for name, s in samples.items())))
        if number + 1 >= LEAST_ROUNDS and run.took > PATIENCE_S:
            run.rounds = number + 1
            break
    return results


def measure_idle(lab, row, proxies):
    samples = {}
    for proxy in running(row, proxies):
        proxy.start(lab)
        samples[proxy.name] = [row.sample(lab, proxy)]
        proxy.stop(lab)
        say("%-*s %s %.1f" % (TITLE_WIDTH, row.title, proxy.name, samples[proxy.name][0].cost))
    return [(row, samples)]


def load_commands(run, rows, idle, proxy):
    for row in rows:
        if isinstance(row, Handshakes):
            yield row.command(proxy.https_port, run.seconds) + ["(8 of them)"]
        else:
            yield row.command(proxy, run.seconds)
    yield ["idle_clients.py", proxy.https_port, idle.count]


def bench(options):
    run = Run(options)
    proxies = [Detour(options.detour)]
    if options.before is not None:
        proxies += [Before(options.before)]
    else:
        proxies += [Haproxy("haproxy"), Nginx("nginx"), H2o("h2o")]
    run.names = [p.name for p in proxies]
    run.versions = ["%s %s" % (p.name, p.version()) for p in proxies]
    rows = [r for r in loaded_rows() if options.only in r.title]
    idle = IdleConnections(run.idle)
    with Lab() as lab:
        run.proxy_core, run.load_core = lab.proxy_core, lab.load_core
        for proxy in proxies:
            proxy.start(lab)
        equal.check_answers(proxies)
        run.tls = equal.check_tls(proxies[:3])
        run.witnessed = equal.check_no_resumption(lab, Handshakes())
        run.loads = list(load_commands(run, rows, idle, proxies[0]))
        results = measure_load(lab, run, rows, proxies)
        for proxy in proxies:
            proxy.stop(lab)
        if options.only in idle.title:
            results += measure_idle(lab, idle, proxies)
    return report.text(run, results)


def main():
    options = parse(sys.argv[1:])
    # Leaves through the lab's door, which ends what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        text = bench(options)
    except Failure as failure:
        sys.exit("bench: %s" % failure)
    if options.output is not None:
        results.keep(options.output, text)
    print(text)


if __name__ == "__main__":
    main()
