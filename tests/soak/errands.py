"""What people do to the proxy meanwhile: reloads, wishes, rotations, take-overs."""

import json
import os
import signal
import time

from harness.wait import SLACK, until

DEADLINE = 15.0  # s, of whatever a person asks for


def _reload(m, **changes):
    m.town.now.update(changes)
    m.town.proxy.write(**m.town.parts())
    return _hang_up(m)


def _hang_up(m):
    return m.town.proxy.reload_now()


def reload(m):
    assert _hang_up(m), "a reload of the same was refused"


def _toggle(what):
    def errand(m):
        now = not m.town.now[what]
        assert _reload(m, **{what: now}), "a reload was refused: %s %s" % (what, now)

    errand.__name__ = what
    return errand


def certificate(m):
    """The other one; who connects from now on is shown it."""
    other = 1 - m.town.now["certificate"]
    assert _reload(m, certificate=other), "a reload was refused: another certificate"


def bad_reload(m):
    """Is refused, and what was there goes on."""
    p = m.town.proxy
    with open(p.conf_path, encoding="utf-8") as f:
        good = f.read()
    bad = m.random.choice((
        good.replace('service = "shop"', 'service = "nobody"', 1),
        good.replace("workers = 2;", "workers = two;"),
        good + "}",
        good.replace('interval = "1s"', 'interval = "1"', 1)))
    p.write(text=bad)
    try:
        assert not _hang_up(m), "a bad configuration was taken"
    finally:
        p.write(text=good)


def rotate(m):
    """logrotate's way: renamed, then SIGUSR1."""
    m.logs.rotate()


def take_over(m):
    """Another process takes the place of the first, which drains and ends well."""
    p = m.town.proxy
    if m.town.dns.answer != "good":
        return  # it would wait until names are resolved, and so would we
    first = p.take_over()
    until(lambda: p.status()["pid"] == p.pid, "the new process answers at the socket", DEADLINE)
    m.leaving.append((first, time.monotonic()))
    m.watch.forget()


def until_left(m):
    """Whoever was taken over has ended, with 0, once its clients have gone or its time was over."""
    for first, since in m.leaving:
        left = since + 40 * SLACK - time.monotonic()
        code = first.wait(max(left, 1))
        # 3: a tunnel or a request was still there when its time was over.
        assert code in (0, 3), "who was taken over ended with %d" % code
    m.leaving.clear()


# ---- wishes; each ends by itself should its end be missed ----

WHO = ("--owner", "soak", "--for", "5m", "--reason", "soak")


def _say(m, *words, may_fail=()):
    code, said = m.town.say(*words)
    assert code == 0 or any(text in said for text in may_fail), "%s: %d, %s" % (" ".join(words), code, said)
    return code == 0


def evacuate(m, place):
    # The last region of a service is kept by a rule, and that may be this one just now.
    return _say(m, "evacuate", place.name, *WHO, may_fail=("last_region", "refused"))


def restore(m, place):
    _say(m, "restore", place.name, may_fail=("nothing to restore",))


def freeze(m):
    _say(m, "freeze", "shop", *WHO)


def unfreeze(m):
    _say(m, "unfreeze", "shop", may_fail=("no freeze",))


def pin(m):
    _say(m, "pin", "shop", "second", "%d%%" % m.random.choice((5, 20, 40)), *WHO, may_fail=("refused",))


def unpin(m):
    _say(m, "unpin", "shop", "second", may_fail=("no pin",))


def names_fail(m):
    m.town.dns.answer = m.random.choice(("nxdomain", "servfail", "empty", "silent", "garbage", "nothing"))


def names_work(m):
    m.town.dns.answer = "good"


# errand, weight
ONCE = ((reload, 4), (_toggle("region"), 2), (_toggle("endpoint"), 2), (_toggle("service"), 2),
        (_toggle("listener"), 1), (certificate, 2), (bad_reload, 2), (rotate, 2), (take_over, 1))
# begin, end, weight
LASTING = ((freeze, unfreeze, 1), (pin, unpin, 2), (names_fail, names_work, 2))


class Logs:
    """The access log: rotated, read, and held to what it is to be."""

    def __init__(self, town):
        self._town = town
        self._old = []
        self.lines = 0
        self.bad = []

    def rotate(self):
        p = self._town.proxy
        self._old.append(self._town.rotate())
        p.signal(signal.SIGUSR1)
        until(lambda: os.path.exists(p.access_path), "the access log is opened anew", DEADLINE)

    def read(self, keep):
        """
        All that has been put aside: every line is whole. At a rest, when nobody writes any more.
        keep: of a round in which something was found, for who looks into it.
        """
        self.rotate()
        for old in self._old:
            with open(old, errors="replace") as f:
                for line in f:
                    self.lines += 1
                    try:
                        json.loads(line)
                    except ValueError:
                        self.bad.append(line[:300])
            if not keep:
                os.unlink(old)
        self._old.clear()
        return self.lines
