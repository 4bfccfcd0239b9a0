"""A rest: nobody asks anything. What is in use falls to nothing, what is held to what it was."""

import time

from harness.marks import sanitized
from harness.wait import SLACK, Timeout, until

GONE = ("detour_worker_requests_in_flight", "detour_worker_tunnels", "detour_worker_mirrors",
        "detour_worker_client_connections", "detour_listener_connections",
        "detour_endpoint_active_tries")
MIB = 1 << 20


def _in_use(metrics):
    """What is not 0 but should be."""
    left = ["%s%s = %g" % (name, sorted(labels.items()), value)
            for name, labels, value in metrics.samples if name in GONE and value != 0]
    busy = {}
    for name, labels, value in metrics.samples:
        if name in ("detour_endpoint_connections", "detour_endpoint_idle_connections"):
            key = (labels["service"], labels["region"], labels["endpoint"])
            busy.setdefault(key, {})[name] = value
    left += ["%s: %s" % (key, both) for key, both in busy.items() if len(set(both.values())) > 1]
    return left


class Rests:
    """The rests of a campaign; the first of each process is what its later ones are compared with."""

    def __init__(self, town, watch):
        self.town = town
        self.watch = watch
        self.bad = []
        self.rows = []
        self._base = {}

    def rest(self):
        try:
            until(lambda: not _in_use(self.town.proxy.metrics()), "nothing is in use", 20)
        except Timeout:
            left = _in_use(self.town.proxy.metrics())
            self.bad.append((time.monotonic(), "still in use at rest: %s" % left))
        self._hold()

    def _connections(self):
        return self.town.proxy.metrics().total("detour_endpoint_connections")

    def _hold(self):
        """Idle connections go by their keep-alive; what is held then is compared."""
        sizes = self.watch.sizes()
        base = self._base.get(sizes["pid"])
        most = None if base is None else base["fds"] + 12
        end = time.monotonic() + 8 * SLACK
        while time.monotonic() < end:
            sizes = self.watch.sizes()
            if most is not None and sizes["fds"] <= most and time.monotonic() > end - 4 * SLACK:
                break
            time.sleep(0.2)
        sizes["connections"] = self._connections()
        self.rows.append(sizes)
        if base is None:
            self._base[sizes["pid"]] = sizes
            return
        if sizes["fds"] > most:
            self._complain("descriptors", base["fds"], "%d: %s" % (sizes["fds"], self.watch.descriptors()))
        if sizes["threads"] != base["threads"]:
            self._complain("threads", base["threads"], sizes["threads"])
        if not sanitized() and sizes["rss"] > base["rss"] * 1.3 + 8 * MIB:
            self._complain("MiB", base["rss"] / MIB, sizes["rss"] / MIB)

    def _complain(self, what, base, now):
        self.bad.append((time.monotonic(), "%s at rest: %s at first, now %s" % (what, base, now)))

    def show(self):
        for row in self.rows:
            print("  rest: pid %d, %.1f MiB, %d descriptors, %d threads, %d connections to endpoints" % (
                row["pid"], row["rss"] / MIB, row["fds"], row["threads"], row["connections"]))
