"""How soon a region that has become slow is left: promised of those with 20 answers a second or more."""

# s: three seconds that are judged, then four steps of a second. What is promised is 3.
LEFT_WITHIN = 7.5
LEFT = 0.1  # of the traffic is as good as none: what it keeps is evidence for its return
# ms for a first byte, as a process before this one has learnt: under load that takes half a minute.
LEARNT = {"primary": 6, "standby": 6}


def is_left(after=0.0):
    """So many seconds after the fault's begin it is slow; then it is left in time, and for good."""
    def also(w, checker, samples, begin, end):
        late = ["%.1f s: %.3f" % (s.at - begin, s.share["primary"]) for s in samples
                if begin + after + LEFT_WITHIN < s.at < end and s.share["primary"] > LEFT]
        assert not late, "it still had %s" % late[:5]

    return also
