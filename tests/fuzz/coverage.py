#!/usr/bin/env python3
"""
Of what llvm-cov tells on stdin, some files: "coverage.py 90 FILE..." sums up its export by lines and
exits 1 if one has less; "coverage.py missed FILE..." prints the lines of its listing that nothing
reached.
"""

import json
import os
import re
import sys


def missed(files):
    shown = False
    for line in sys.stdin:
        if line.startswith("/"):
            path = os.path.relpath(os.path.realpath(line.strip().rstrip(":")))
            shown = path in files
            if shown:
                print(path)
        elif shown and re.match(r" *[0-9]+\| +0\|", line):
            print(line.rstrip())


def summary(least, files):
    rows = []
    for entry in json.load(sys.stdin)["data"][0]["files"]:
        path = os.path.relpath(os.path.realpath(entry["filename"]))
        if path in files:
            lines = entry["summary"]["lines"]
            rows.append((lines["percent"], lines["covered"], lines["count"], path))
    for percent, covered, count, path in sorted(rows):
        print("%6.1f %%  %4d of %4d lines  %s" % (percent, covered, count, path))
    covered, count = sum(r[1] for r in rows), sum(r[2] for r in rows)
    print("%6.1f %%  %4d of %4d lines in all; %g %% of each file is wanted" % (
        100.0 * covered / count, covered, count, least))
    absent = set(files) - {r[3] for r in rows}
    assert not absent, "in no target: %s" % sorted(absent)
    return min(rows)[0] < least


if sys.argv[1] == "missed":
    missed(sys.argv[2:])
else:
    sys.exit(summary(float(sys.argv[1]), sys.argv[2:]))
