"""Prints the line coverage that llvm-cov tells of on stdin, by file; exits 1 if one has too little."""

import json
import os
import sys

least = float(sys.argv[1])
data = json.load(sys.stdin)["data"][0]
worst = 100.0
for entry in sorted(data["files"], key=lambda e: e["summary"]["lines"]["percent"]):
    lines = entry["summary"]["lines"]
    worst = min(worst, lines["percent"])
    print("%6.1f %%  %4d of %4d lines  %s" % (lines["percent"], lines["covered"], lines["count"],
                                           os.path.relpath(entry["filename"])))
total = data["totals"]["lines"]
print("%6.1f %%  %4d of %4d lines in all; %.0f %% of each file is wanted" % (
    total["percent"], total["covered"], total["count"], least))
sys.exit(worst < least)
