"""One proxy with regions of its own behind it and a load of its own in front."""

import os

from judge import Evidence
from lab import Checker, Kind, Load
from place import free_ports
from region import Region
from tap import Tap

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")

RATE = 500
# As many as a proxy may make wait for up to four seconds: new ones would cost handshakes, and a load that
# is busy with those is late itself.
CONNECTIONS = 2000
PATIENCE_S = 40
# Clients have machines of their own: what waits here for a processor is the load's request, or its
# answer, and would be put down to the proxies.
PUNCTUAL = ("nice", "-n", "-10")
ANSWER_MS = 5
REPORT_MS = 3000
KINDS = (Kind("quick", weight=93, path="/page", answer_bytes=1024),
         Kind("post", "POST", weight=5, path="/order", body_bytes=200),
         Kind("report", weight=2, path="/report", ms=REPORT_MS, answer_bytes=1024))

STANDBY_CAPACITY = 250
# Of an endpoint of the small standby: what a request takes of its processor, and how many may wait
# for that. At 250/s its processors are busy five sixths of the time; with the lines full it can do
# a tenth of what it can without.
SMALL = {"cost_us": 2 * 1000000 // 300, "slots": 1, "queue": 500, "collapse": 9}


class Side:
    def __init__(self, place, lease, proxy, label, tools, fault, values):
        self.place = place
        self.proxy = proxy
        self.label = label
        self.regions = {}
        self.tap = None
        self.load = None
        try:
            for name in ("primary", "standby"):
                options = SMALL if name == "standby" and fault.small_standby else {}
                self.regions[name] = Region(place, lease, label, name,
                                            os.path.join(tools, "lab-origin"), delay=ANSWER_MS,
                                            **options)
            self.tap = Tap([r.netns.link for r in self.regions.values()])
            self._start_proxy(values)
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.load is not None:
            self.load.kill()
        if self.proxy.child is not None:
            self.proxy.stop(self.place)
        if self.tap is not None:
            self.tap.close()
        for region in self.regions.values():
            region.close()

    def _start_proxy(self, values):
        (port,) = free_ports(1)
        for name, region in self.regions.items():
            for letter, endpoint in zip("AB", region.endpoints):
                values["%s_%s" % (name.upper(), letter)] = endpoint.url.split("//")[1]
        self.proxy.launch(self.place, self.place.spawn, PEERS, self.label, HTTPS_PORT=port,
                          **values)

    @property
    def primary(self):
        return self.regions["primary"]

    def start_load(self, binary):
        self.load = Load(binary, ("127.0.0.1", self.proxy.https_port),
                         os.path.join(self.place.dir, self.label + ".requests"), tag=self.label,
                         rate=RATE, kinds=KINDS, connections=CONNECTIONS,
                         ca=self.place.values["CERTIFICATE"], host="bench.test",
                         timeout=PATIENCE_S, wrap=PUNCTUAL)

    def evidence(self, lost, healed, ended):
        """Ends the load, waits for its last answer, and says all that was seen."""
        self.load.stop()
        self.tap.close()
        sent, self.tap = self.tap.sent, None
        seen = Checker([self.load.out], {n: r.endpoints for n, r in self.regions.items()})
        return Evidence(seen, sent, lost, healed, ended)
