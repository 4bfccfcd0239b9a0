"""The proxy's own process: killed, out of memory, starved, replaced; and its clock on the wall."""

import json
import os
import resource
import signal
import subprocess
import time

from cell import Cell, Expect
from harness import process
from harness.wait import SLACK, until
from strikes import kill, revive
from world import TWO, Region

# Who was caught by its end, or came before it was back. Not what may be sent twice either: nobody
# is there to do it.
ENDED = ("refused", "reset", "closed", "cut")
RESTART = 1.0  # s: 0.2 to wait, and 0.8 to load and check everything, as deploy/PRODUCTION.md says


def _rate(seconds, part=1.0):
    return int(150 * seconds * part)


def _none_later_than(w, checker, since, seconds):
    """Who comes so many seconds after a moment is served."""
    late = [r for r in checker.requests
            if not r.ok and r.due - w.waits.during(since, r.due) > since + seconds * SLACK]
    assert not late, "failed later: %s" % late[:5]


# killed after a region was lost and moved; the region is well again when it starts anew

def _evacuate(w, region):
    done = subprocess.run([w.t.binary, "evacuate", region, "--reason", "cell", "--for", "30m",
                           "-c", w.proxy.conf_path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode in (0, 3), done.stdout
    until(lambda: w.witness.samples[-1].state[region] == "evacuated", region + " is evacuated", 10)


def _kept(w, name):
    with open(os.path.join(w.state, name)) as f:
        return json.load(f)


def _lose_and_kill(w):
    _evacuate(w, "third")
    kill(w)
    until(lambda: "down" in [r["state"] for r in _kept(w, "state.json")["regions"]
                             if r["region"] == "primary"], "the loss is kept", 10)
    revive(w)
    w.killed = time.monotonic()
    w.proxy.signal(signal.SIGKILL)
    w.starts_anew()


def _knows_still(w, checker, samples, begin, end):
    _none_later_than(w, checker, w.killed, RESTART)
    # What the kernel took for the dead process is not a request of the new one.
    got = {r: sum(at > w.killed + 0.05 for at in checker.arrivals(r)) for r in w.origins}
    assert got["primary"] == 0, "what was lost got %d requests, it waits for 20 s" % got["primary"]
    assert got["third"] == 0, "what is evacuated got %d requests" % got["third"]
    after = [s for s in samples if s.at > w.struck]
    states = {r: {s.state[r] for s in after} for r in w.origins}
    assert states["third"] == {"evacuated"}, states
    assert states["primary"] <= {"down", "hold"} and after, states


CELLS = [
    Cell("the proxy is killed after it moved a region", _lose_and_kill, lambda w: None,
         Expect(safe=_rate(RESTART), unsafe=_rate(RESTART, 0.1) + 10, unsent=_rate(RESTART, 0.1) + 10,
                verdicts=ENDED + ("status",), also=_knows_still), lasts=3.0, after=0.5, state=True,
         regions=(Region("primary"), Region("standby", tier=1), Region("third")),
         failover='failover = { hold_down = "20s"; ramp = "2s"; };'),
]
