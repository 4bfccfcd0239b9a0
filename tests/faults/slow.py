"""How soon a region that has become slow is left: promised of those with 20 answers a second or more."""

LEFT_WITHIN = 3.0  # s
ASKED_S = 3.0  # and so much more where the others have no traffic: they are asked whether they do better
LEFT = 0.1  # of the traffic is as good as none: what it keeps is evidence for its return
# ms for a first byte, as a process before this one has learnt: under load that takes half a minute.
LEARNT = {"primary": 6, "standby": 6}


def is_left(after=0.0):
    """So many seconds after the fault's begin it is slow; then it is left in time, and for good."""
    def also(w, checker, samples, begin, end):
        by = begin + after + LEFT_WITHIN
        by += w.waits.during(begin, by)
        late = ["%.1f s: %.3f" % (s.at - begin, s.share["primary"]) for s in samples
                if by < s.at < end and s.share["primary"] > LEFT]
        assert not late, "it still had %s" % late[:5]

    return also
