"""Sends the cases and holds what arrives at a recording endpoint against them."""

import random
import socket

from harness.client import Closed
from harness.wait import until

from . import canonical


class Recorder:
    """Cuts what an origin records into canonical requests."""

    def __init__(self, origin):
        self.origin = origin
        origin.record = True
        self._at = []  # how far each connection has been read
        self.forwarded = []  # the bytes of every request

    def take(self):
        """The requests that have come since, and whether a part of one came."""
        found, partly = [], False
        for number in range(len(self.origin.raw)):
            if number == len(self._at):
                self._at.append(0)
            data = bytes(self.origin.raw[number])
            at = self._at[number]
            while at < len(data):
                try:
                    request, at = canonical.read(data, at)
                except canonical.Incomplete:
                    partly = True
                    break
                except canonical.NotCanonical:
                    self._at[number] = len(data)  # said once
                    raise
                found.append(request)
                self.forwarded.append(request.raw)
            self._at[number] = at
        return found, partly


def whole(data):
    return [data]


def bytewise(data):
    """Byte by byte; long ones in a few pieces that end in bytes."""
    if len(data) <= 512:
        return [data[i:i + 1] for i in range(len(data))]
    return [data[:-64]] + [data[i:i + 1] for i in range(len(data) - 64, len(data))]


def cut_at_random(seed):
    draw = random.Random(seed)

    def cut(data):
        borders = sorted(draw.randrange(len(data) + 1) for _ in range(draw.randrange(1, 5)))
        return [data[a:b] for a, b in zip([0] + borders, borders + [len(data)]) if a < b]

    return cut


def _send(c, pieces):
    try:
        for piece in pieces:
            c.send(piece)
    except OSError:
        pass  # refused before it was all sent; the answer says so


def _answers(c, case):
    """Reads the answers; returns what is wrong with them, or None."""
    for method, wanted in zip(case.methods, case.answers):
        answer = c.response(method)
        if answer.status not in wanted:
            return "answered %s" % answer.line
        if 400 <= answer.status and not answer.has("date"):
            return "answered without Date"
        if answer.status == 405 and not answer.has("allow"):
            return "405 without Allow"
    if not case.closes:
        return None
    if answer.get("connection") != "close":
        return "the last answer does not say close"
    try:
        rest = c.rest()
    except ConnectionResetError:
        return None  # more was on its way to it when it closed
    return "%r behind the last answer" % rest[:80] if rest else None


def _differs(got, wanted):
    if (got.method, got.target) != (wanted.method, wanted.target):
        return "line %s %s" % (got.method, got.target)
    if wanted.host is not None and got.all("host") != [wanted.host]:
        return "host %r" % got.all("host")
    if got.body != wanted.body:
        return "body %r" % got.body[:80]
    if got.end_to_end != wanted.fields:
        return "fields %r" % got.end_to_end
    if got.trailers != wanted.trailers:
        return "trailers %r" % got.trailers
    for name, value in wanted.has:
        if got.all(name.lower()) != [value]:
            return "%s: %r" % (name, got.all(name.lower()))
    for name in wanted.lacks:
        if got.all(name):
            return "%s has arrived" % name
    if b"SMUGGLED" in got.raw and b"SMUGGLED" not in wanted.body:
        return "smuggled"
    return None


def _arrivals(case, got, partly, split):
    if len(got) != len(case.arrivals):
        return "%d requests arrived: %r" % (len(got), got)
    # What came in one piece is known to be bad before anything of it is sent.
    if partly and not split:
        return "a part of it arrived"
    for have, wanted in zip(got, case.arrivals):
        wrong = _differs(have, wanted)
        if wrong:
            return wrong
    return None


def _probe(p, recorder, c, target):
    """One request that must be answered and arrive, and nothing beside it."""
    c.get(target, host="a.example").expect(200)
    got, _ = recorder.take()
    assert [r.target for r in got] == [target], "beside the probe: %r" % got


def _try_one(p, recorder, case, cut):
    with p.client(tls=False) as c:
        _send(c, cut(case.data))
        wrong = _answers(c, case)
        got, partly = recorder.take()
        wrong = wrong or _arrivals(case, got, partly, cut is not whole)
        if not wrong and not case.closes:
            _probe(p, recorder, c, "/probe")
        return wrong


def _try(p, recorder, case, cut):
    """What is wrong, or None."""
    try:
        return _try_one(p, recorder, case, cut)
    except (AssertionError, Closed, OSError) as e:
        return "%s: %s" % (type(e).__name__, e)


def try_all(p, origin, cases, cuts):
    """Every case with every cut; raises what is wrong, all of it. Returns the bytes forwarded."""
    recorder = Recorder(origin)
    wrong = []
    for cut in cuts:
        for case in cases:
            why = _try(p, recorder, case, cut)
            if why:
                wrong.append("%s (%s): %s" % (case.name, cut.__name__, why))
    # Whoever comes next gets an own answer, and nothing that was sent before surfaces.
    until(lambda: origin.open_connections <= len(origin.raw), "the origin has counted")
    with p.client(tls=False) as c:
        for i in range(2):
            c.get("/bystander%d" % i, host="a.example").expect(200, "/bystander%d" % i)
    got, _ = recorder.take()
    beside = [r for r in got if not r.target.startswith("/bystander")]
    if beside:
        wrong.append("came late: %r" % beside)
    assert not wrong, "%d wrong\n%s" % (len(wrong), "\n".join(wrong))
    return recorder.forwarded


__all__ = ["bytewise", "cut_at_random", "socket", "try_all", "whole"]
