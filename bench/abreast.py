#!/usr/bin/env python3
"""What a change costs: two builds serve the same load abreast, on one core at the same time.

usage: bench/abreast.py OLD NEW [--rounds N] [--seconds S] [--connections N]

Whatever disturbs the machine disturbs both alike, so their ratio is known to half a percent where
their times vary by a third. The ratio is the old build's CPU time for each request by the new one's:
at 1.0 and above the new one costs no more. Needs nginx and wrk.
"""

import argparse
import os
import re
import statistics

from cost_lab import Lab
from place import Failure
from proxies import Before

PATHS = (("HTTP keep-alive, 1 KiB", "/1k", False), ("HTTPS keep-alive, 1 KiB", "/1k", True))


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=2, help="length of a round")
    parser.add_argument("--connections", type=int, default=64, help="to each of the two")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("a mean and its error take two rounds at least")
    return options


def build(name, path):
    proxy = Before(os.path.abspath(path))
    proxy.name = name
    return proxy


def cost(lab, pair, path, tls, options):
    """One round: CPU time in us for each request, of either build."""
    before = [p.cpu_seconds() for p in pair]
    said = lab.run_all([["wrk", "-t", "1", "-c", str(options.connections),
                         "-d", "%ds" % options.seconds, p.url(path, tls)] for p in pair],
                       options.seconds + 30)
    spent = [p.cpu_seconds() - b for p, b in zip(pair, before)]
    costs = []
    for text, seconds in zip(said, spent):
        if "Non-2xx" in text or "Socket errors" in text:
            raise Failure("requests failed:\n" + text)
        costs.append(seconds / int(re.search(r"(\d+) requests in", text).group(1)) * 1e6)
    return costs


def main():
    options = parse()
    with Lab() as lab:
        pair = [build("old", options.old), build("new", options.new)]
        for proxy in pair:
            proxy.start(lab)
        for title, path, tls in PATHS:
            cost(lab, pair, path, tls, options)  # to get warm
            rounds = [cost(lab, pair, path, tls, options) for _ in range(options.rounds)]
            ratios = [old / new for old, new in rounds]
            print("%-26s old %.1f us, new %.1f us; old / new %.3f +- %.3f" % (
                title, statistics.median(r[0] for r in rounds),
                statistics.median(r[1] for r in rounds), statistics.mean(ratios),
                statistics.stdev(ratios) / len(ratios) ** 0.5), flush=True)


main()
