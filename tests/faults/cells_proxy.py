"""Faults of what the proxy itself stands on: names, disk, descriptors, its processor; reloads."""

import os
import signal

from cell import Cell, Expect

FARES = ("nxdomain", "servfail", "empty", "silent", "garbage", "nothing")


def _next_answer(w, turn):
    w.dns.answer = FARES[turn % len(FARES)]


def _good_answers(w):
    w.dns.answer = "good"


def _fill(w):
    with open(os.path.join(w.disk, "filler"), "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass  # it is full


def _clean(w):
    os.unlink(os.path.join(w.disk, "filler"))


def _fill_and_kill(w):
    _fill(w)
    w.each(lambda o: o.kill())


def _clean_and_revive(w):
    _clean(w)
    w.each(lambda o: o.start())


def _reload(w, turn=0):
    w.proxy.signal(signal.SIGHUP)


def _hog(w):
    """Clients that only connect, until the proxy has no descriptor left."""
    w.hogs = []
    for _ in range(400):
        client = w.proxy.client(tls=False, timeout=0.5)
        w.hogs.append(client)


def _let_go(w):
    for client in w.hogs:
        client.close()


CELLS = [
    Cell("name servers fail in every way", lambda w: None, _good_answers,
         Expect(late=5, stays=True), dns=True, each=_next_answer, period=0.8, lasts=5.0),
    Cell("name servers fail and a region dies", lambda w: w.each(lambda o: o.kill()),
         lambda w: (w.each(lambda o: o.start()), _good_answers(w)),
         Expect(unsafe=3, unsent=3, worst_ms=100, late=5, settled=0.3), dns=True, each=_next_answer,
         period=0.4),
    Cell("a full disk", _fill, _clean, Expect(late=5, stays=True), disk=True),
    Cell("a full disk and a region dies", _fill_and_kill, _clean_and_revive,
         Expect(unsafe=3, unsent=3, worst_ms=100, late=5, settled=0.3, state="down"), disk=True),
    Cell("reloads without a pause", lambda w: None, lambda w: None, Expect(late=10, stays=True),
         each=_reload, period=0.05),
    Cell("reloads without a pause and a region dies", lambda w: w.each(lambda o: o.kill()),
         lambda w: w.each(lambda o: o.start()),
         Expect(unsafe=3, unsent=3, worst_ms=200, late=10, settled=0.5, state="down"), each=_reload,
         period=0.05),
    Cell("reloads without a pause and a region is dropped", lambda w: w.primary.blackhole(),
         lambda w: w.primary.heal(),
         Expect(unsafe=12, unsent=12, worst_ms=700, late=60, settled=1.2, state="down"),
         each=_reload, period=0.05),
    Cell("the proxy is stopped for 5 s", lambda w: w.proxy.signal(signal.SIGSTOP),
         lambda w: w.proxy.signal(signal.SIGCONT), Expect(stays=True), lasts=5.0),
    Cell("no descriptors are left", _hog, _let_go, Expect(), wrap=("prlimit", "--nofile=256:256")),
]
