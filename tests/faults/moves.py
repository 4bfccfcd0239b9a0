"""How fast shares may move, whatever the fault: judged from samples of the status and the journal."""

import datetime
import time

# A share that comes back grows by 10 points a second; what leaves a grey region goes by 25, or in two
# steps within a second where most of its answers are slow.
CALM, GREY, SUDDEN = 0.10, 0.25, 1.00
SUDDEN_S = 3.0  # s: by then it has left
SLACK_POINTS = 0.06  # a step may fall just inside a window of samples
# A region that loses an endpoint for good reason gives up that part at once.
HITS = {"endpoint_down", "endpoint_ejected", "region_down"}
GONE = {"down", "evacuated", "hold", "suspect"}


def _gave_up(old, new, hit, sudden):
    """What regions in hard trouble lost between two samples, and what the grey ones may a second."""
    hard = sum(old.share[r] - new.share[r] for r in old.share
               if (new.state[r] in GONE or r in hit) and new.share[r] < old.share[r])
    grey = sum(SUDDEN if r in sudden else GREY for r in old.share
               if "grey" in (new.state[r], old.state[r]))
    return hard, grey


def _too_fast(old, new, hit, sudden):
    hard, grey = _gave_up(old, new, hit, sudden)
    allowed = (grey or CALM) * (new.by - old.at) + hard + SLACK_POINTS
    for region in old.share:
        grown = new.share[region] - old.share[region]
        if grown > allowed:
            yield "%s grew by %.0f points in %.2f s (%.0f allowed), %s -> %s" % (
                region, grown * 100, new.by - old.at, allowed * 100, old.state, new.state)


def _eligible(sample):
    return any(state not in ("down", "hold", "evacuated") for state in sample.state.values())


def _is_hit(fact):
    """One in two answers an error is no matter of comparison: that region is left at once."""
    return fact["kind"] in HITS or (fact["kind"] == "region_grey" and
                                    fact["signal"] in ("errors", "errors_in_a_row")
                                    and fact["numbers"]["threshold"] >= 0.5)


def _is_sudden(fact):
    return fact["kind"] == "region_grey" and fact["signal"] == "latency_p50"


def _time(fact):
    return datetime.datetime.fromisoformat(fact["time"].replace("Z", "+00:00")).timestamp()


def complaints_about_moves(samples, facts):
    """Lines that say what moved faster than the rules allow."""
    found = []
    first = 0
    clock = time.time() - time.monotonic()
    hits = [(_time(f) - clock, f["region"]) for f in facts if _is_hit(f)]
    sudden = [(_time(f) - clock, f["region"]) for f in facts if _is_sudden(f)]
    for new in samples:
        while samples[first].at < new.at - 1.0:
            first += 1
        window = samples[first:samples.index(new) + 1]
        # When nothing is fit to serve, and when that ends, there is no slow way.
        if all(_eligible(s) and not s.fail_open for s in window):
            hit = {region for at, region in hits if window[0].at - 0.1 <= at <= new.by + 0.1}
            suddenly = {region for at, region in sudden
                        if window[0].at - SUDDEN_S <= at <= new.by}
            found += _too_fast(window[0], new, hit, suddenly)
    held = {}
    for fact in facts:
        key = (fact.get("service"), fact.get("region"))
        if fact["kind"] == "region_hold":
            held[key] = (_time(fact), fact["numbers"]["for_ms"] / 1000)
        elif fact["kind"] == "region_ramp" and key in held:
            at, wait = held.pop(key)
            if _time(fact) < at + wait - 0.15:
                found.append("%s ramps %.1f s after its hold of %.1f s began" % (
                    key[1], _time(fact) - at, wait))
    return found[:3]
