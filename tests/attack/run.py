#!/usr/bin/env python3
"""
Attacks: what hostile clients (and name servers) may cost, who else notices, and what gets through.
--long: each lasts three times as long, and those that take their time are among them.

The tables in attacks_*.py are measured: memory, CPU, requests caused, a bystander's p99. The files
test_*.py hold what has no size: what reaches an endpoint, who is let in.
"""

import argparse
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system"),
                os.path.join(os.path.dirname(HERE), "faults")]
sys.dont_write_bytecode = True

# Before the harness is loaded, which reads its environment then.
if "--sanitize" in sys.argv:
    os.environ["DETOUR_TEST_SANITIZED"] = "1"
    os.environ["DETOUR_TEST_SLACK"] = "4"
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")

from harness.rows import Rows  # noqa: E402
from harness.runner import Test, add_options, chosen, discover, run_all  # noqa: E402

COLUMNS = ("attack", "MiB", "CPU s", "x sender", "upstream", "conns", "cut", "p99 before",
           "during, ms", "")


def tables(long):
    for file in sorted(os.listdir(HERE)):
        if file.startswith("attacks_") and file.endswith(".py"):
            for attack in importlib.import_module(file[:-3]).ATTACKS:
                if long or not attack.long:
                    yield file[8:-3], attack


def measured(module, attack, long):
    def function(t):
        t.long = long
        attack.test(t)

    function.sanitize = True
    return Test(module, attack.name, function)


def cells_of(row):
    return (row["name"], "%.1f" % (row["growth"] / (1 << 20)), "%.2f" % row["cpu"],
            "%.1f" % row["ratio"], str(row["upstream"]), "%d" % row["connections"],
            "%d" % row["cut"], "%.1f" % row["p99_before_ms"], "%.1f" % row["p99_during_ms"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--long", action="store_true", help="longer, and those that take longer")
    parser.add_argument("--sanitize", action="store_true",
                        help="for a binary with sanitizers: nothing is held against its speed")
    options = parser.parse_args()
    tests = [measured(module, attack, options.long) for module, attack in tables(options.long)]
    tests += [t for t in discover(HERE) if not options.sanitize or t.sanitize]
    tests = chosen(tests, options)
    rows = Rows("siege", "row.json")
    return run_all(tests, options, rows.keep, lambda: rows.show(COLUMNS, cells_of))


if __name__ == "__main__":
    sys.exit(main())
