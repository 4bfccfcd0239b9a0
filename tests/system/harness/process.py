"""Child processes that never outlive their test, and what /proc says about them."""

import ctypes
import os
import signal
import subprocess

from .wait import until

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def spawn(argv, **options):
    """Popen whose child is killed when this thread's process ends. Call from the main thread."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([str(a) for a in argv], preexec_fn=_die_with_parent, **options)


def run(argv, **options):
    """Runs to the end; a failure shows what the command said."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s" % (" ".join(map(str, argv)), done.returncode, text))
    return text


def status_field(pid, name):
    """One field of /proc/PID/status as text."""
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
    raise KeyError(name)


def rss_bytes(pid):
    return int(status_field(pid, "VmRSS").split()[0]) * 1024


def peak_rss_bytes(pid):
    return int(status_field(pid, "VmHWM").split()[0]) * 1024


def threads(pid):
    """Thread ids and their names."""
    found = {}
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/comm" % (pid, tid)) as f:
            found[int(tid)] = f.read().strip()
    return found


def fd_count(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_stopped_by_end(pid):
    """Has the process ended (a zombie counts as ended)?"""
    try:
        return status_field(pid, "State").startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


class Stopped:
    """While all of it stands still, what is sent to it waits in its sockets, in this order."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        until(self._stand, "all of its threads have stopped")

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)

    def _stand(self):
        return all(self._state(tid) == "T" for tid in os.listdir("/proc/%d/task" % self.pid))

    def _state(self, tid):
        with open("/proc/%d/task/%s/stat" % (self.pid, tid)) as f:
            return f.read().rpartition(")")[2].split()[0]
