"""The town of the soak: regions in network namespaces, everything that one proxy can be asked to do, on."""

import os
import subprocess
import time

from harness.process import run
from harness.wait import until
from lab import Origin

REGIONS = ("primary", "second", "third")  # each a tier behind the one before
TIMEOUTS = 'timeouts = { connect = "10s"; try = "10s"; request = "20s"; };'
HTTP_CHECK = 'health_check = { type = "http"; path = "/healthz"; interval = "1s"; timeout = "500ms"; };'
GRPC_CHECK = 'health_check = { type = "grpc"; interval = "1s"; timeout = "500ms"; };'
TCP_CHECK = ('health_check = { type = "tcp"; send = "ASK healthz 0 2\\n"; expect = "ANSWER healthz"; '
             'interval = "1s"; timeout = "500ms"; };')
CONNECT_CHECK = 'health_check = { type = "tcp"; interval = "1s"; timeout = "500ms"; };'
# What is idle goes soon, so that a rest shows what is left over.
CALM = ('failover = { hold_down = "1s"; ramp = "2s"; }; limits = { keep_alive = "3s"; };'
        'outlier = { base = "2s"; max = "10s"; slow_start = "1s"; };')
# Of the service whose standbys are small: requests a second.
SCARCE = {"primary": 200, "second": 30, "third": 20}
PASSWORD = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="  # "password"


class Place:
    """A region: its namespace, and its origins by what they are for."""

    def __init__(self, town, name):
        self.name = name
        self.space = town.t.netns(name[:7])
        self.secure = name == "third"  # its endpoints speak TLS
        site = town.t.pki.site()
        make = town.origin
        pair = site if self.secure else None
        self.h1 = [make(self, "h1a", 8080, pair=pair), make(self, "h1b", 8081, pair=pair)]
        self.h2 = [make(self, "h2a", 8082, pair=pair, protocol="h2"),
                   make(self, "h2b", 8083, pair=pair, protocol="h2")]
        self.notes = [make(self, "notes", 8084, protocol="notes")]
        self.sealed = [make(self, "sealed", 8085, protocol="notes", pair=site, opaque=True)]

    @property
    def all(self):
        return self.h1 + self.h2 + self.notes + self.sealed

    def __repr__(self):
        return self.name


class Town:
    """Everything is up when it is made. What differs between reloads is in `self.now`."""

    def __init__(self, t, rate=1.0):
        self.t = t
        self.rate = rate
        self.lab = os.path.join(os.path.dirname(t.binary), "tests", "faults", "lab")
        self.logs = t.directory("logs")
        self.places = {name: Place(self, name) for name in REGIONS}
        self.extra = self.origin(self.places["third"], "extra", 8090)  # of what reloads add
        self.copies = self.origin(self.places["third"], "copies", 8091)  # of the mirror
        self.outside = t.netns("clients")  # who is not on loopback is counted
        self.web = (self.outside.near, 8443)
        self.sealed, self.notes = self._address(), self._address()
        self.secret_notes, self.sometimes = self._address(), self._address()
        self.dns = t.dns()
        self.pairs = [t.pki.site(), t.pki.leaf("other", ["shop.example.com", "example.com"], days=15)]
        self.htpasswd = os.path.join(t.directory("secrets"), "htpasswd")
        with open(self.htpasswd, "w") as f:
            f.write("amy:%s\n" % PASSWORD)
        self.state = t.directory("state")
        self.now = {"certificate": 0, "region": False, "endpoint": False, "service": False,
                    "listener": False}
        self.proxy = t.proxy(start=False, workers=2, **self.parts())
        self.proxy.start()
        until(self.all_up, "all endpoints are up", 20)

    def _address(self):
        address = self.t.lease.address()
        return (address, self.t.lease.port(address))

    def origin(self, place, what, port, **options):
        name = "%s-%s" % (place.name, what)
        made = Origin(os.path.join(self.lab, "lab-origin"), name, place.space.address, port,
                      os.path.join(self.logs, name), place.space, **options)
        self.t.at_end(made.stop)
        return made

    def origins(self):
        """Region -> origins, as the checker wants them; what answers a mirror is nobody's answer."""
        found = {name: list(place.all) for name, place in self.places.items()}
        found["third"].append(self.extra)
        return found

    # the configuration

    def _regions(self, pick, scheme=None, **keys):
        made = {}
        for tier, (name, place) in enumerate(self.places.items()):
            endpoints = list(pick(place))
            if name == "second" and scheme is not None:  # by name, as in a cloud
                self.dns.has("second.test", place.space.address)
                endpoints = ["%s://second.test:%d" % (scheme, o.port) for o in endpoints]
            text = keys.get("text", "")
            if place.secure:
                text += ' tls = { ca = "%s"; sni = "shop.example.com"; };' % self.t.pki.authority("ca").chain
            if keys.get("capacity"):
                text += "capacity = %d;" % keys["capacity"][name]
            made[name] = {"endpoints": endpoints, "tier": tier, "text": text}
        return made

    def _services(self):
        h1 = HTTP_CHECK + TIMEOUTS + CALM
        shop = self._regions(lambda p: p.h1[:1] if self.now["endpoint"] else p.h1, "http")
        if self.now["region"]:
            shop["fourth"] = {"endpoints": [self.extra], "tier": 3}
        two = self._regions(lambda p: p.h2, text='protocol = "h2";')
        made = [("shop", shop, h1),
                ("two", two, h1),
                ("calls", two, GRPC_CHECK + TIMEOUTS + CALM),
                ("scarce", self._regions(lambda p: p.h1, capacity=SCARCE), h1),
                ("visits", self._regions(lambda p: p.h1),
                 h1 + 'sticky = { cookie = "seat"; }; balance = "round_robin";'),
                ("notes", self._regions(lambda p: p.notes),
                 'protocol = "tcp";' + TCP_CHECK + TIMEOUTS + CALM),
                ("sealed", self._regions(lambda p: p.sealed),
                 'protocol = "tcp";' + CONNECT_CHECK + TIMEOUTS + CALM),
                ("copies", {"third": [self.copies]}, h1)]
        if self.now["service"]:
            made.append(("late", {"third": [self.extra]}, h1))
        return made

    def _routes(self):
        made = ['{ path = "/"; service = "shop"; on_region_down = "drain(1s)"; }',
                '{ path = "/two"; service = "two"; }',
                '{ path = "/lab.Notes"; service = "calls"; on_region_down = "drain(1s)"; }',
                '{ path = "/scarce"; service = "scarce"; }',
                '{ path = "/visits"; service = "visits"; }',
                '{ path = "/zipped"; service = "shop"; gzip = true; }',
                '{ path = "/mirrored"; service = "shop"; mirror = { service = "copies"; '
                'methods = ( "GET", "PUT" ); percent = 50; }; }',
                '{ path = "/guarded"; service = "shop"; basic_auth = { file = "%s"; }; }' % self.htpasswd,
                '{ path = "/limited"; service = "shop"; rate_limit = { rate = 5; burst = 5; '
                'key = "header"; header = "X-Key"; }; }',
                '{ listener = "sealed"; host = "shop.example.com"; service = "sealed"; '
                'on_region_down = "drain(1s)"; }']
        if self.now["service"]:
            made.append('{ path = "/late"; service = "late"; }')
        return made

    def parts(self):
        listeners = [
            '{ name = "outside"; bind = "%s:%d"; tls = "site"; }' % self.web,
            '{ name = "notes"; bind = "%s:%d"; protocol = "tcp"; service = "notes"; '
            'on_region_down = "drain(1s)"; }' % self.notes,
            '{ name = "secret"; bind = "%s:%d"; protocol = "tcp"; service = "notes"; tls = "site"; }' %
            self.secret_notes,
            '{ name = "sealed"; bind = "%s:%d"; protocol = "tls_passthrough"; }' % self.sealed]
        if self.now["listener"]:
            listeners.append('{ name = "sometimes"; bind = "%s:%d"; }' % self.sometimes)
        return {"services": self._services(), "routes": self._routes(), "listeners": listeners,
                "plain": "h2c = true;", "certificates": [self.pairs[self.now["certificate"]]],
                "limits": 'max_connections_per_client = 150; max_age = "20s"; h2_max_requests = 700; '
                          'keep_alive = "20s";',
                "drain": 'timeout = "2s"; hard_stop = "25s";',
                "top": 'state_dir = "%s"; resolver = { servers = "%s:%d"; timeout = "300ms"; '
                       'max_ttl = "1s"; };' % (self.state, self.dns.address, self.dns.port)}

    # what it says about itself

    def services(self):
        return {s["name"]: s for s in self.proxy.status()["services"]}

    def unwell(self):
        """What is not as usual: not up, or in tier 0 without all of its share."""
        found = []
        for name, service in self.services().items():
            for r in service["regions"]:
                bad = ["%s %s" % (e["url"], e["state"]) for e in r["endpoints"] if e["state"] != "up"]
                if r["region_state"] != "up" or bad:
                    found.append("%s, %s: %s %s" % (name, r["name"], r["region_state"], bad))
            if service["regions"][0]["share"] != 1:
                found.append("%s: shares %s" % (name, [r["share"] for r in service["regions"]]))
        return found

    def all_up(self):
        return not self.unwell()

    def is_well(self, name):
        """Is the region of that name up in all services, with all its endpoints?"""
        for service in self.services().values():
            for region in service["regions"]:
                if region["name"] == name and (
                        region["region_state"] in ("down", "suspect", "grey") or
                        any(e["state"] != "up" for e in region["endpoints"])):
                    return False
        return True

    def say(self, *words):
        """One of the commands that ask the running proxy; returns (code, all it said)."""
        done = subprocess.run([self.t.binary, words[0], "-s", self.proxy.socket] + list(words[1:]),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False, text=True)
        return done.returncode, done.stdout

    def rotate(self):
        """As logrotate does it; returns the file that is complete once the next line is elsewhere."""
        old = "%s.%d" % (self.proxy.access_path, time.monotonic_ns())
        os.rename(self.proxy.access_path, old)
        return old


__all__ = ["REGIONS", "SCARCE", "Town", "run"]
