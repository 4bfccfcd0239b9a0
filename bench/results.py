"""RESULTS.md: a part for each benchmark, kept when another one writes its own; and the machine."""

import datetime
import os
import platform
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "RESULTS.md")


def _parts(text):
    """Each begins with a heading of the first level; commands in them are indented."""
    return [p for p in re.split(r"(?m)^(?=# )", text) if p.strip()]


def keep(path, part):
    """Puts the part in the place of the one with the same heading, or at the end."""
    try:
        with open(path) as f:
            parts = _parts(f.read())
    except FileNotFoundError:
        parts = []
    heading = part.split("\n", 1)[0]
    at = [i for i, p in enumerate(parts) if p.split("\n", 1)[0] == heading]
    if at:
        parts[at[0]] = part
    else:
        parts.append(part)
    with open(path, "w") as f:
        f.write("\n".join(p.strip("\n") + "\n" for p in parts))


def _cpu_model():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def _commit():
    done = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False)
    return done.stdout.strip() or "unknown"


def _debian():
    try:
        with open("/etc/debian_version") as f:
            return "Debian " + f.read().strip()
    except OSError:
        return platform.system()


def conditions(command, versions):
    """Under which it was measured, as lines of a list."""
    now = datetime.datetime.now(datetime.timezone.utc)
    yield "- Date: %s, commit %s, `%s`" % (now.strftime("%Y-%m-%d %H:%M UTC"), _commit(), command)
    yield "- Machine: %s, %d cores, %s, Linux %s; load average at the end %.1f" % (
        _cpu_model(), os.cpu_count(), _debian(), platform.release(), os.getloadavg()[0])
    yield "- Versions: %s" % ", ".join(versions)
