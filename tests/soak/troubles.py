"""What befalls a region, one at a time for each: begins, ends, and what safe requests may see of it."""


class Trouble:
    """begin(place), end(place), each(place) every quarter of a second while it lasts."""

    def __init__(self, name, begin, end, shows=(), each=None):
        self.name = name
        self.begin = begin
        self.end = end
        self.shows = set(shows)  # verdicts and statuses of safe requests
        self.each = each


def _all(action):
    return lambda place: [action(o) for o in place.all]


def _heal(place):
    place.space.heal()


def _nothing(place):
    pass


def _network(name, begin):
    return Trouble(name, begin, _heal)


def _traffic(name, pick, *words, shows=()):
    """Traffic gets this, checks pass."""
    return Trouble(name, lambda p: [o.traffic(*words) for o in pick(p)],
                   lambda p: [o.traffic("ok") for o in pick(p)], shows)


def _checks(name, *words):
    """Checks get this, traffic passes."""
    return Trouble(name, _all(lambda o: o.health(*words)), _all(lambda o: o.health("ok")))


def _h1(place):
    return place.h1


def _h2(place):
    return place.h2


def _http(place):
    return place.h1 + place.h2


def _every(place):
    return place.all


# Who reads an answer as its connection is taken sees it cut: nothing can be done for that one.
CUT = ("cut",)

TROUBLES = (
    _network("dropped", lambda p: p.space.blackhole()),
    _network("answers lost", lambda p: p.space.answers_lost()),
    _network("resetting", lambda p: p.space.reset()),
    _network("unreachable", lambda p: p.space.unreachable()),
    Trouble("killed", _all(lambda o: o.kill()), _all(lambda o: o.start()), CUT),
    Trouble("stopped", _all(lambda o: o.pause()), _all(lambda o: o.go_on())),
    Trouble("half killed", lambda p: [p.h1[0].kill(), p.h2[0].kill()],
            lambda p: [p.h1[0].start(), p.h2[0].start()], CUT),
    Trouble("half stopped", lambda p: [p.h1[0].pause(), p.h2[0].pause()],
            lambda p: [p.h1[0].go_on(), p.h2[0].go_on()]),
    Trouble("connections killed", _nothing, _nothing, CUT, lambda p: p.space.kill_connections()),
    Trouble("idle closed", _nothing, _nothing, CUT, _all(lambda o: o.end_idle())),
    Trouble("idle reset", _nothing, _nothing, CUT, _all(lambda o: o.end_idle(True))),
    _traffic("503", _h1, "status", 503),
    _traffic("a third is 503", _h1, "status", 503, 33),
    _traffic("500", _h1, "status", 500, shows=(500,)),
    _traffic("UNAVAILABLE", _h2, "status", 14, shows=(14,)),
    _traffic("garbage", _http, "garbage"),
    _traffic("heads too large", _h1, "oversize"),
    _traffic("FIN", _http, "close"),
    _traffic("RST", _http, "reset"),
    _traffic("half-close", _http, "half"),
    _traffic("FIN after each", _http, "bye"),
    _traffic("bytes behind each", _h1, "extra"),
    _traffic("bodies cut", _http, "cut", shows=CUT),
    _traffic("bodies cut by RST", _http, "cut_reset", shows=CUT),
    _traffic("slow", _every, "slow", 400),
    _traffic("hanging", _http, "hang"),
    _traffic("streams refused", _h2, "refuse"),
    _traffic("GOAWAY", _h2, "goaway"),
    _traffic("streams reset", _h2, "stream_reset"),
    _checks("checks fail", "status", 500),
    _checks("checks hang", "hang"),
)
