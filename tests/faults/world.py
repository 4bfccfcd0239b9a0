"""The world of one cell: regions in network namespaces, the proxy in front, load, and a witness."""

import datetime
import json
import os
import threading
import time

from harness.process import run
from harness.wait import until
from waits import Waits
from lab import CALLS, MIX, TCP, WEBSOCKET, Checker, Load, Origin, Wall, Way

# As an operator would have it who runs reports of many seconds: no timeout helps the proxy here.
TIMEOUTS = 'timeouts = { connect = "30s"; try = "30s"; request = "30s"; };'
CHECK = 'health_check = { type = "http"; path = "/healthz"; interval = "1s"; timeout = "500ms"; };'
GRPC_CHECK = 'health_check = { type = "grpc"; interval = "1s"; timeout = "500ms"; };'
TCP_CHECK = ('health_check = { type = "tcp"; send = "ASK healthz 0 2\\n"; expect = "ANSWER healthz"; '
             'interval = "1s"; timeout = "500ms"; };')
FAILOVER = 'failover = { hold_down = "2s"; ramp = "2s"; };'


class Region:
    """What a region of a cell is made of; far: over a Way; origin: options of its Origins."""

    def __init__(self, name, tier=0, weight=100, endpoints=2, capacity=0, far=False, **origin):
        self.name = name
        self.tier = tier
        self.weight = weight
        self.endpoints = endpoints
        self.capacity = capacity
        self.far = far
        self.origin = origin


# What the load of a protocol sends, what its endpoints speak, and how they are checked.
LOADS = {"h1": (MIX, "h1", CHECK), "h2": (MIX, "h1", CHECK), "grpc": (CALLS, "h2", GRPC_CHECK),
         "ws": (WEBSOCKET, "h1", CHECK), "ws2": (WEBSOCKET, "h1", CHECK),
         "tcp": (TCP, "notes", TCP_CHECK)}

TWO = (Region("primary"), Region("standby", tier=1))


class Sample:
    """What the proxy said about its regions at one moment: it was asked at, and answered by."""

    def __init__(self, at, by, service):
        self.at = at
        self.by = by
        self.fail_open = service["fail_open"]
        self.share = {r["name"]: r["share"] for r in service["regions"]}
        self.state = {r["name"]: r["region_state"] for r in service["regions"]}


class Unready(Exception):
    """It answers, but knows nothing yet."""


class Witness:
    """Asks the proxy for its status ten times a second until it is told to stop; looks at waits."""

    def __init__(self, proxy, waits):
        self.samples = []
        self._proxy = proxy
        self._waits = waits
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.1):
            self._waits.sample()
            try:
                sample = self._look()
                # Words are written one by one, gains first: twice in a row is no accident.
                self.samples.append(self._look() if sum(sample.share.values()) > 1.002 else sample)
            except OSError:
                continue  # stopped by the fault, or out of descriptors
            except Unready:
                continue  # one that takes over, and has not seen its regions yet

    def _look(self):
        at = time.monotonic()
        status = self._proxy.status()
        if not status["services"]:
            raise Unready()
        return Sample(at, time.monotonic(), status["services"][0])

    def stop(self):
        self._stop.set()
        self._thread.join(10)
        self._waits.sample()
        return self.samples


class World:
    """Everything is up and the load runs when it is made."""

    def __init__(self, t, regions=TWO, rate=150, kinds=None, tls=False, secure=False, text="",
                 failover=FAILOVER, check=None, timeouts=TIMEOUTS, protocol="h1", timeout=40.0,
                 endpoints=None, on_down="keep", dns=False, disk=False, wrap=(), connections=20,
                 passthrough=False, learnt=None, state=False, wall=False, **parts):
        self.t = t
        self.lab = os.path.join(os.path.dirname(t.binary), "tests", "faults", "lab")
        self.specs = {r.name: r for r in regions}
        self.spaces = {}
        self.ways = {}
        self.origins = {}
        usual = LOADS[protocol]
        tls = tls or passthrough or protocol in ("h2", "grpc", "ws2")  # agreed on by ALPN
        self._speak = endpoints or usual[1]  # one of the origin's --protocol
        self._secure = secure
        self._passthrough = passthrough  # TLS is the endpoints'; their certificates are the client's matter
        self.facts_at_end = []
        self._logs = t.directory("logs")
        for r in regions:
            self._make_region(r)
        self.dns = t.dns() if dns else None
        self.disk = self._make_disk() if disk else None
        self.state = t.directory("state") if state or learnt else None
        if learnt:
            self._restore(learnt)
        self._wrap = list(wrap)
        self._jumps = []  # (how many facts there were, seconds)
        self.wall = None
        if wall:
            self.wall = Wall(os.path.join(self.lab, "liblab-wall.so"),
                             os.path.join(t.directory("wall"), "ahead"))
            self._wrap += self.wall.wrap
        made = {r.name: self._conf(r) for r in regions}
        text = (check or usual[2]) + timeouts + failover + text
        self.rate = rate
        self.to = None  # of a TCP listener
        if protocol == "tcp":
            parts.update(self._tcp(made, text, on_down))
        else:
            parts.update(regions=made, service_text=text, routes=[
                '{ path = "/"; service = "shop"; on_region_down = "%s"; }' % on_down])
        self.proxy = t.proxy(start=False, workers=2, top=self._top(), **parts)
        self.proxy.start(wrap=self._wrap)
        until(self._all_up, "all endpoints are up", 15)
        self.load = None
        self.waits = Waits([self._load_pids, self._proxy_pids, self._origin_pids])
        self.witness = Witness(self.proxy, self.waits)
        self.load = Load(os.path.join(self.lab, "lab-load"),
                         self.to or (self.proxy.https if tls else self.proxy.http),
                         os.path.join(self._logs, "load"), rate=rate, kinds=kinds or usual[0],
                         connections=connections, protocol=protocol, timeout=timeout,
                         ca=t.pki.authority("ca").chain if tls else None)
        t.at_end(self.load.kill)
        self.load.until_ok(int(rate))

    def _tcp(self, regions, text, on_down):
        """Parts of the configuration: a listener and a service without requests."""
        address = self.t.lease.address()
        self.to = (address, self.t.lease.port(address))
        routes = ['{ path = "/"; service = "web"; }']
        kind = 'protocol = "tcp"; service = "shop"; on_region_down = "%s";' % on_down
        if self._passthrough:
            kind = 'protocol = "tls_passthrough";'
            routes.append('{ listener = "notes"; host = "shop.example.com"; service = "shop"; '
                          'on_region_down = "%s"; }' % on_down)
        return {"regions": {}, "routes": routes,
                "services": [("shop", regions, 'protocol = "tcp"; ' + text),
                             ("web", {next(iter(regions)): ["http://127.0.0.1:9"]})],
                "listeners": ['{ name = "notes"; bind = "%s:%d"; %s }' % (*self.to, kind)]}

    def _make_region(self, r):
        space = self.t.netns(r.name[:7])
        self.spaces[r.name] = space
        address = space.address
        if r.far:
            self.ways[r.name] = way = Way(os.path.join(self.lab, "lab-way"), space, self.t.lease)
            self.t.at_end(way.stop)
            address = way.address
        pair = self.t.pki.site() if self._secure or self._passthrough else None
        self.origins[r.name] = [
            Origin(os.path.join(self.lab, "lab-origin"), "%s%d" % (r.name, i), address,
                   8080 + i, os.path.join(self._logs, "%s%d" % (r.name, i)), space, pair,
                   protocol=self._speak, opaque=self._passthrough, **r.origin) for i in range(r.endpoints)]
        for o in self.origins[r.name]:
            self.t.at_end(o.stop)

    def _top(self):
        top = ""
        if self.dns is not None:
            top += ('resolver = { servers = "%s:%d"; timeout = "300ms"; max_ttl = "1s"; };'
                    % (self.dns.address, self.dns.port))
        if self.disk is not None:
            top += 'state_dir = "%s/state";' % self.disk
        if self.state is not None:
            top += 'state_dir = "%s";' % self.state
        return top

    def _restore(self, usual_ms):
        """
        A state as another process has left it: what its regions (name -> ms) took for their first
        byte. To learn that under load takes half a minute.
        """
        regions = [{"service": "shop", "region": name, "state": "up", "age_ms": 600000,
                    "relapses": 0.0, "hold_left_ms": 0, "p50_us": ms * 1000, "p95_us": ms * 1000,
                    "mean_us": ms * 1000, "factor": 1.0} for name, ms in usual_ms.items()]
        with open(os.path.join(self.state, "state.json"), "w") as f:
            json.dump({"version": 1, "saved_wall_ms": int(time.time() * 1000),
                       "regions": regions, "endpoints": [], "names": []}, f)

    def _conf(self, r):
        text = 'protocol = "h2";' if self._speak == "h2" else ""
        if r.capacity:
            text += "capacity = %d;" % r.capacity
        if self._secure:
            text += (' tls = { ca = "%s"; sni = "shop.example.com"; };'
                     % self.t.pki.authority("ca").chain)
        endpoints = self.origins[r.name]
        if self.dns is not None:
            name = r.name + ".test"
            self.dns.has(name, endpoints[0].address)
            endpoints = ["http://%s:%d" % (name, o.port) for o in endpoints]
        return {"endpoints": endpoints, "tier": r.tier, "weight": r.weight, "text": text}

    def _all_up(self):
        states = [e["state"] for (service, _, _), e in self.proxy.endpoints().items()
                  if service == "shop"]
        return len(states) == sum(map(len, self.origins.values())) and set(states) == {"up"}

    def _load_pids(self):
        return [] if self.load is None else [self.load.pid]

    def _proxy_pids(self):
        return [self.proxy.pid] if self.proxy.is_running() else []

    def _origin_pids(self):
        return [o.pid for origins in self.origins.values() for o in origins]

    def _make_disk(self):
        """A disk that the proxy writes to and that can be full."""
        path = self.t.directory("disk")
        run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", path])
        self.t.at_end(lambda: run(["umount", path]))
        return path

    # what faults take hold of

    @property
    def primary(self):
        return self.spaces["primary"]

    def all(self, region="primary"):
        return self.origins[region]

    def each(self, action, region="primary"):
        for o in self.origins[region]:
            action(o)

    def go_on(self, seconds):
        """The load runs on for this long."""
        end = time.monotonic() + seconds
        until(lambda: time.monotonic() >= end, "%.1f s have passed" % seconds, seconds + 5)

    def serves(self, region, seconds=30.0):
        """Waits until the region has a part in the traffic."""
        def now():
            samples = self.witness.samples
            return samples and samples[-1].share[region] > 0

        until(now, "%s serves" % region, seconds)

    def took_ms(self, request):
        """What it took beyond what a busy machine let it wait."""
        end = request.due + request.took
        return max(0.0, request.took - self.waits.during(request.due, end)) * 1000

    def facts(self):
        """The journal: what was decided, when and why; times as without the jumps of its clock."""
        facts = json.loads(self.proxy.ask_socket("/v1/journal?limit=0").body)["facts"]
        for first, seconds in self._jumps:
            for fact in facts[first:]:
                at = datetime.datetime.fromisoformat(fact["time"].replace("Z", "+00:00"))
                at -= datetime.timedelta(seconds=seconds)
                fact["time"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return facts

    def jump(self, seconds):
        """The clock on the proxy's wall, not the one it must go by, is set so much ahead."""
        self._jumps.append((len(self.facts()), seconds))
        self.wall.jumps_by(seconds)

    # its own process

    def starts_anew(self):
        """As deploy/detour.service has it after any bad end: 200 ms later it is started again."""
        self.proxy.wait_exit()
        self.go_on(0.2)
        self.proxy.start(wrap=self._wrap)

    def finish(self):
        """Ends the load; returns the checker and the samples."""
        self.load.stop()
        return Checker([self.load.out], self.origins), self.witness.stop()
