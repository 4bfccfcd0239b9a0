"""Runs tests, each in a process of its own with a directory and a deadline; says how they went."""

import importlib
import inspect
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from .pki import Pki
from .proxy import FINDINGS
from .scenario import Scenario
from .wait import SLACK

HERE = os.path.dirname(os.path.abspath(__file__))
# How many failed tests may be the machine's doing; more are a fault whose cause is here.
MOST_AGAIN = 8
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
DEADLINE = 60.0


class Test:
    def __init__(self, module, name, function):
        self.module = module
        self.name = name
        self.function = function
        self.sanitize = getattr(function, "sanitize", False)
        self.alone = getattr(function, "alone", False)
        self.deadline = getattr(function, "deadline", DEADLINE)
        self.number = 0
        self.pid = 0
        self.began = 0.0
        self.directory = ""
        self.complaint = ""  # why it failed, in a line


def discover(folder):
    """The tests in its files test_*.py: functions that take t. The folder is on sys.path."""
    tests = []
    for file in sorted(os.listdir(folder)):
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        module = importlib.import_module(file[:-3])
        for name, function in vars(module).items():
            if (inspect.isfunction(function) and function.__module__ == module.__name__
                    and list(inspect.signature(function).parameters)[:1] == ["t"]
                    and not name.startswith("_")):
                tests.append(Test(file[5:-3], name, function))
    return tests


def child(test, options, pki):
    """The test's own process: never returns."""
    code = 1
    os.setsid()
    output = os.open(os.path.join(test.directory, "output"), os.O_WRONLY | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        t = Scenario(test.name, test.directory, pki, options.detour)
        try:
            test.function(t)
            code = 0
        except BaseException:  # a test may fail in any way
            traceback.print_exc()
        try:
            t.close()
        except BaseException:
            traceback.print_exc()
            code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def launch(test, options, pki, base):
    test.directory = os.path.join(base, str(test.number))  # short: a unix socket lies in it
    os.makedirs(test.directory)
    sys.stdout.flush()
    test.began = time.monotonic()
    test.pid = os.fork()
    if test.pid == 0:
        child(test, options, pki)


def sweep(test):
    """Ends what a killed test could not end itself: its session, its namespaces."""
    try:
        os.killpg(test.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _complaint(text):
    """The line of a test's output that says best why it failed."""
    lines = [line.rstrip() for line in text.split("\n")]
    raised = [i for i, line in enumerate(lines) if re.match(r"[\w.]+(:|$)", line) and i > 0
              and lines[i - 1].startswith("  ")]
    if not raised:
        return next((line for line in reversed(lines) if line), "")
    # A list of complaints comes indented below its heading; a bare assertion stands above its name.
    i = raised[0]
    if ":" not in lines[i]:
        return lines[i] + ": " + lines[i - 1].strip()
    return lines[i] + (" " + lines[i + 1].strip() if lines[i].endswith(":") else "")


def show(test, good, why):
    took = time.monotonic() - test.began
    print("%s %s: %s (%.1f s)%s" % ("PASS" if good else "FAIL", test.module,
                                    test.name.replace("_", " "), took, why), flush=True)
    with open(os.path.join(test.directory, "output"), errors="replace") as f:
        text = f.read()
    for line in text.split("\n"):
        if line.startswith("REPORT "):
            print("     " + line[7:], flush=True)
    if good:
        return
    test.complaint = why.strip() or _complaint(text)
    print("     | " + text[-6000:].rstrip().replace("\n", "\n     | "))
    for root, _, files in os.walk(test.directory):
        for name in files:
            if name == "error.log":
                with open(os.path.join(root, name), errors="replace") as f:
                    tail = f.read()[-3000:]
                if tail:
                    print("     %s:\n     > %s" % (os.path.join(root, name),
                                                  tail.rstrip().replace("\n", "\n     > ")))
    sys.stdout.flush()


def run(tests, options, at_a_time, pki, base, on_end):
    """Returns those that failed."""
    waiting, running, failed = list(tests), {}, []
    while waiting or running:
        while waiting and len(running) < at_a_time:
            test = waiting.pop(0)
            launch(test, options, pki, base)
            running[test.pid] = test
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            now = time.monotonic()
            for test in running.values():
                if now - test.began > test.deadline * SLACK:
                    os.kill(test.pid, signal.SIGKILL)
            time.sleep(0.02)
            continue
        test = running.pop(pid, None)
        if test is None:
            continue
        sweep(test)
        why = ""
        if os.WIFSIGNALED(status):
            why = " killed by signal %d after its deadline of %.0f s" % (
                os.WTERMSIG(status), test.deadline * SLACK)
        good = status == 0
        show(test, good, why)
        if on_end is not None:
            on_end(test, good)
        if not good:
            failed.append(test)
        elif not options.keep:
            subprocess.run(["rm", "-rf", test.directory], check=False)
    return failed


def add_options(parser):
    """What every command that runs tests understands."""
    parser.add_argument("-k", action="append", default=[], metavar="WORDS",
                        help="only tests whose /file:name holds WORDS (several: any of them)")
    parser.add_argument("-j", type=int, default=2, help="how many at a time (2)")
    parser.add_argument("--detour", default=os.path.join(ROOT, "build", "detour"))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the directories of passed tests")
    parser.add_argument("--repeat", type=int, default=1)


def chosen(tests, options):
    """Those that -k speaks of."""
    if not options.k:
        return tests
    words = [k.replace(" ", "_") for k in options.k]
    return [t for t in tests
            if any(w in "/%s:%s" % (t.module, t.name.replace(" ", "_")) for w in words)]


def _defect(test):
    """Whether the proxy itself broke: no second run excuses that."""
    signs = [part for finding in FINDINGS for part in ("-e", finding)]
    signs += ["-e", "has been standing still", "-e", "ended with -"]
    return subprocess.run(["grep", "-rqF"] + signs + [test.directory], check=False).returncode == 0


def _again(failed, options, pki, base, on_end):
    """
    Runs those of them once more, one at a time, that may have failed because the machine stood
    still or was busy with other tests; returns those that are left. Who passes then is named in
    the summary.
    """
    if not failed or len(failed) > MOST_AGAIN:
        return failed
    left = [test for test in failed if _defect(test)]
    suspects = [test for test in failed if test not in left]
    if suspects:
        print("Once more, one at a time:")
    still = run(suspects, options, 1, pki, base, on_end)
    for test in suspects:
        if test not in still:
            print("FLAKY %s: %s: failed among others, passed alone" % (
                test.module, test.name.replace("_", " ")))
    return left + still


def _name_failed(failed):
    """The last lines there are: of a long log often only the end is seen."""
    print("Failed:")
    for test in failed:
        print("  %s:%s (files in %s)" % (test.module, test.name, test.directory))
        print("    " + test.complaint[:400])


def run_all(tests, options, on_end=None, at_end=None):
    """
    Runs them, prints the sum and returns the exit code. on_end(test, good) before files go,
    at_end() before failures are named and counted.
    """
    options.detour = os.path.abspath(options.detour)
    if options.list:
        for test in tests:
            print("%s: %s" % (test.module, test.name.replace("_", " ")))
        return 0
    if not os.access(options.detour, os.X_OK):
        print("no binary at %s; build it first" % options.detour)
        return 2
    base = tempfile.mkdtemp(prefix="detour-test-")
    os.chmod(base, 0o755)
    pki = Pki(os.path.join(base, "pki"))
    pki.authority("ca")
    pki.authority("other-ca")
    pki.site()
    for number, test in enumerate(tests):
        test.number = number
    failed, passed = [], 0
    for turn in range(options.repeat):
        where = os.path.join(base, str(turn))
        bad = run([t for t in tests if not t.alone], options, options.j, pki, where, on_end)
        bad += run([t for t in tests if t.alone], options, 1, pki, where, on_end)
        bad = _again(bad, options, pki, os.path.join(where, "again"), on_end)
        failed += bad
        passed += len(tests) - len(bad)
    if at_end is not None:
        at_end()
    if failed:
        _name_failed(failed)
    elif not options.keep:
        subprocess.run(["rm", "-rf", base], check=False)
    print("%d passed, %d failed" % (passed, len(failed)))
    return 1 if failed or not tests else 0
