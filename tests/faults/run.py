#!/usr/bin/env python3
"""
The fault matrix: every way a region, an endpoint or the proxy's own machine can fail, under a
constant load, each with what it may cost. Without --long: what fits into every run of the tests.

The cells are tables in cells_*.py; cell.py says how one is run and judged.
"""

import argparse
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
sys.dont_write_bytecode = True

from harness.rows import Rows  # noqa: E402
from harness.runner import Test, add_options, chosen, run_all  # noqa: E402

# The machine: for how long one of the processes had to wait for a processor. Times are without it.
COLUMNS = ("cell", "requests", "safe failed", "others failed", "worst ms", "> 100 ms", "settled s",
           "tries", "machine ms", "states", "")


def _test(module, cell, protocol):
    def function(t):
        cell.run(t, protocol)

    function.alone = False
    function.deadline = cell.seconds()
    return Test(module, cell.name, function)


def tables():
    for file in sorted(os.listdir(HERE)):
        if file.startswith("cells_") and file.endswith(".py"):
            yield file[6:-3], importlib.import_module(file[:-3])


def cells_of(row):
    others = "%d" % row["unsafe"]
    if row["unsent"]:
        others += " (%d unsent)" % row["unsent"]
    return (row["cell"], str(row["requests"]), str(row["safe"]), others,
            "%.0f" % row["worst_ms"], str(row["late"]), "%.2f" % row["settled"],
            "%.2f" % row["tries"], "%.0f" % row["waited_ms"], " ".join(row["states"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--long", action="store_true", help="the whole matrix, double faults too")
    parser.add_argument("--protocol", default="h1", help="what the load of cells without a protocol speaks (h1, h2)")
    options = parser.parse_args()
    cells = [(module, cell) for module, table in tables() for cell in table.CELLS
             if options.long or not cell.long]
    tests = chosen([_test(module, cell, options.protocol) for module, cell in cells], options)
    tests.sort(key=lambda test: -test.deadline)  # or the longest would run alone at the end
    rows = Rows("row", "row.json")
    return run_all(tests, options, rows.keep, lambda: rows.show(COLUMNS, cells_of, (0, 9)))


if __name__ == "__main__":
    sys.exit(main())
