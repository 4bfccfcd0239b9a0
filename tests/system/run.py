#!/usr/bin/env python3
"""
Runs the system tests: every function of tests/system/test_*.py that takes `t`.

A name is a sentence that becomes false when the test fails. Each test runs in a process of its
own with a directory, addresses and a deadline of its own, so tests go side by side; those that
measure (@alone) go one after another at the end.
"""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
# Before the harness is loaded, which reads its environment then.
if "--sanitize" in sys.argv:
    os.environ["DETOUR_TEST_SANITIZED"] = "1"
    os.environ["DETOUR_TEST_SLACK"] = "4"
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")
    os.environ["TSAN_OPTIONS"] = ("halt_on_error=0:exitcode=99:second_deadlock_stack=1:"
                                  "suppressions=" + os.path.join(HERE, "tsan.supp"))

from harness.runner import add_options, chosen, discover, run_all  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--sanitize", action="store_true",
                        help="only those marked @sanitize, with more time: the binary is slow")
    options = parser.parse_args()
    tests = [t for t in discover(HERE) if not options.sanitize or t.sanitize]
    return run_all(chosen(tests, options), options)


if __name__ == "__main__":
    sys.exit(main())
