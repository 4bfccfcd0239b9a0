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
from cells_network import DIES
from strikes import kill, revive
from world import Region

# Who was caught by its end, or came before it was back. Not what may be sent twice either: nobody
# is there to do it.
ENDED = ("refused", "reset", "closed", "cut")
THREE = (Region("primary"), Region("standby", tier=1), Region("third"))
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


# its clock on the wall is set, while checks, deadlines, shares and certificates depend on time

HOUR = 3600
# s: two checks and a hold of 2 s; and what it failed by is seen for ten.
BACK = 15.0


def _jump(seconds):
    """Begin and end: it is set, and set right again."""
    return (lambda w: w.jump(seconds), lambda w: w.jump(-seconds))


def _jump_and_die(seconds):
    def begin(w):
        w.jump(seconds)
        w.striking = time.monotonic()
        kill(w)

    return begin, revive


def _calm(w, checker, samples, begin, end):
    """Nobody takes the jump for a standstill of the proxy: it decides by another clock."""
    told = [f["kind"] for f in w.facts_at_end if f["kind"].startswith("self_")]
    assert not told, told


def _stays_evacuated(w, checker, samples, begin, end):
    states = {s.state["third"] for s in samples if s.at > w.striking}
    assert states == {"evacuated"}, "half an hour is not over: %s" % states
    wishes = json.loads(w.proxy.ask_socket("/v1/wishes").body)["wishes"]
    left = wishes[0]["until_ms"] / 1000 - time.time() - w.wall.ahead
    assert 0 < 1800 - left < 60, "by that clock it would end in %.0f s" % left
    assert _kept(w, "wishes.json")["wishes"] == wishes, "a restart would know it otherwise"


def _evacuate_and_jump(seconds):
    def begin(w):
        _evacuate(w, "third")
        w.go_on(1.0)  # its share has moved
        w.striking = time.monotonic()
        w.jump(seconds)

    return begin, lambda w: None


# it waits for a processor

def _schedule(w, how):
    """Of the threads that do the work; the one that watches over them is let run."""
    for tid, name in process.threads(w.proxy.pid).items():
        if name.startswith("worker") or name == "control":
            subprocess.run(["chrt", how, "--pid", "0", str(tid)], check=True)


def _starve(w):
    """
    Everything else comes first, and there is enough of it: for the proxy, that is; the endpoints and
    the load come before all that, and who has another session has his own part of the machine.
    """
    _schedule(w, "--idle")
    w.burners = [process.spawn(["nice", "-n", "5", "sh", "-c", "while :; do :; done"])
                 for _ in range(4 * os.cpu_count())]
    for burner in w.burners:
        w.t.at_end(burner.kill)


def _feed(w):
    for burner in w.burners:
        burner.kill()
        burner.wait()
    _schedule(w, "--other")


def _was_starved(w, checker, samples, begin, end):
    waited = w.waits.during(begin, end)
    w.t.report("waited for %.1f s, %.1f s at a time" % (waited, w.waits.longest))
    assert waited > 1.0, "in %.1f s it waited %.2f s for a processor" % (end - begin, waited)


# another process takes over, again and again

def _take_over(w, turn):
    w.olds = getattr(w, "olds", []) + [w.proxy.take_over()]
    # While one does, who wants to as well is refused.
    w.proxy.until(lambda: w.proxy.log_text().count("is told to leave") == len(w.olds),
                  "it has taken over", 15)


def _all_leave(w):
    for old in w.olds:
        assert old.wait(20 * SLACK) == 0, "one that was told to leave ended with %d" % old.returncode
    w.t.report("%d took over" % len(w.olds))


# no memory

def _refuse_memory(w):
    """From here on there is no more than it has: each new page is refused."""
    has = int(process.status_field(w.proxy.pid, "VmData").split()[0]) * 1024
    resource.prlimit(w.proxy.pid, resource.RLIMIT_DATA, (has + (1 << 20), resource.RLIM_INFINITY))
    w.ends = []
    w.hogs = []


def _need_memory(w, turn):
    """Clients that send half of a large body, and wait; whatever becomes of them."""
    if not w.proxy.is_running():
        w.ends.append((time.monotonic(), w.proxy.wait_exit()))
        w.starts_anew()
    if w.ends:
        return  # a unit that starts anew has its memory back
    for _ in range(20):
        try:
            hog = w.proxy.client(tls=False, timeout=0.5)
            w.hogs.append(hog)
            hog.send(b"PUT / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 200000\r\n\r\n" +
                     b"x" * 60000)
        except OSError:
            return  # it ended by that


def _memory_is_back(w):
    if not w.ends:
        resource.prlimit(w.proxy.pid, resource.RLIMIT_DATA,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for hog in w.hogs:
        hog.close()


def _began_anew_once(w, checker, samples, begin, end):
    """What cannot be had is the end of it, in good order and said so; and then all is well."""
    assert len(w.ends) == 1, "it ended %d times" % len(w.ends)
    at, code = w.ends[0]
    assert code == -signal.SIGABRT and "out of memory" in w.proxy.log_text(), code
    _none_later_than(w, checker, at, RESTART)


CELLS = [
    Cell("the proxy is killed after it moved a region", _lose_and_kill, lambda w: None,
         Expect(safe=_rate(RESTART), unsafe=_rate(RESTART, 0.1) + 10, unsent=_rate(RESTART, 0.1) + 10,
                verdicts=ENDED + ("status",), also=_knows_still), lasts=3.0, after=0.5, state=True,
         regions=THREE, failover='failover = { hold_down = "20s"; ramp = "2s"; };'),
    Cell("the clock is set an hour ahead", *_jump(HOUR), Expect(late=5, stays=True, also=_calm),
         wall=True, tls=True, secure=True, long=True),
    # Of TLS behind it an hour back makes certificates of this minute those of the future.
    Cell("the clock is set an hour back", *_jump(-HOUR), Expect(late=5, stays=True, also=_calm),
         wall=True, tls=True, long=True),
    Cell("the clock is set an hour ahead and a region dies", *_jump_and_die(HOUR),
         Expect(**dict(DIES, back=BACK, also=_calm)), lasts=2.0, after=0.5, wall=True, tls=True,
         secure=True),
    Cell("the clock is set an hour back and a region dies", *_jump_and_die(-HOUR),
         Expect(**dict(DIES, back=BACK, also=_calm)), lasts=2.0, after=0.5, wall=True, tls=True),
    Cell("the clock is set an hour ahead while a region is evacuated", *_evacuate_and_jump(HOUR),
         Expect(also=_stays_evacuated), lasts=2.0, after=0.5, wall=True, state=True, regions=THREE),
    Cell("the clock is set an hour back while a region is evacuated", *_evacuate_and_jump(-HOUR),
         Expect(also=_stays_evacuated), lasts=2.0, after=0.5, wall=True, state=True, regions=THREE,
         long=True),
    Cell("no processor is left", _starve, _feed, Expect(stays=True, also=_was_starved), lasts=4.0),
    Cell("another process takes over, again and again", lambda w: None, _all_leave,
         Expect(late=10, stays=True), each=_take_over, period=0.1, lasts=3.0, state=True),
    # What one has seen is on disk a second later.
    Cell("another process takes over each 1.5 s and a region dies", kill,
         lambda w: (revive(w), _all_leave(w)),
         Expect(**dict(DIES, worst_ms=200, late=10, settled=0.5)), each=_take_over, period=1.5,
         lasts=6.0, state=True, long=True),
    Cell("no memory is left", _refuse_memory, _memory_is_back,
         Expect(safe=_rate(2 * RESTART), unsafe=_rate(2 * RESTART, 0.1) + 10,
                unsent=_rate(2 * RESTART, 0.1) + 10, verdicts=ENDED + ("status",),
                also=_began_anew_once), each=_need_memory, period=0.1, lasts=3.0),
]
