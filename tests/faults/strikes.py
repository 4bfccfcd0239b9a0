"""Begins and ends of faults that several tables speak of."""


def kill(w):
    w.each(lambda o: o.kill())


def revive(w):
    w.each(lambda o: o.start())


def stop(w):
    w.each(lambda o: o.pause())


def go_on(w):
    w.each(lambda o: o.go_on())


def traffic(*words):
    """Begin and end of a primary whose traffic gets this while its checks pass."""
    return (lambda w: w.each(lambda o: o.traffic(*words)),
            lambda w: w.each(lambda o: o.traffic("ok")))


def one(*words):
    """The same of one of its endpoints."""
    return (lambda w: w.all()[0].traffic(*words), lambda w: w.all()[0].traffic("ok"))


def checks(*words):
    """Begin and end of a primary whose checks get this while its traffic passes."""
    return (lambda w: w.each(lambda o: o.health(*words)),
            lambda w: w.each(lambda o: o.health("ok")))
