"""`t`: what a test has in its hand. Everything it makes is ended when the test ends."""

import os

from .balancer import Balancer
from .dns import DnsServer
from .h2_origin import H2Origin
from .lease import Lease
from .load import Load
from .netns import Netns
from .nginx import Nginx
from .origin import Origin
from .proxy import Proxy
from .rounds import Witness
from .wait import until


class Scenario:
    def __init__(self, name, directory, pki, binary):
        self.name = name
        self._directory = directory
        self.pki = pki
        self.binary = binary
        self.lease = Lease()
        self.proxies = []
        self.clients = []
        self._endings = []
        self._loads = 0
        self.witnesses = []

    def directory(self, name):
        path = os.path.join(self._directory, name)
        os.makedirs(path)
        return path

    def at_end(self, action):
        self._endings.append(action)

    def part(self, name):
        """A scenario of its own within this one; whoever asks for it closes it."""
        return Scenario(self.name, self.directory(name), self.pki, self.binary)

    def origin(self, name="origin", tls=None, address=None, port=None):
        """A scripted origin; it answers 200 with its name until told otherwise."""
        address = address or self.lease.address()
        made = Origin(name, address, port or self.lease.port(address), tls)
        self.at_end(made.stop)
        return made

    def h2_origin(self, name="origin", tls=None, address=None, port=None):
        """A scripted HTTP/2 origin; it answers 200 with its name until told otherwise."""
        address = address or self.lease.address()
        made = H2Origin(name, address, port or self.lease.port(address), tls)
        self.at_end(made.stop)
        return made

    def balancer(self, *backends):
        """One address with these origins behind it."""
        address = self.lease.address()
        made = Balancer(address, self.lease.port(address), backends)
        self.at_end(made.stop)
        self.witnesses.append(Witness(made))
        self.at_end(self.witnesses[-1].stop)
        return made

    def nginx(self, name, netns=None, **options):
        """A real nginx, in a network namespace if one is given."""
        address = netns.address if netns is not None else self.lease.address()
        port = 8080 if netns is not None else self.lease.port(address)
        made = Nginx(name, self.directory("nginx-" + name), address, port, netns, **options)
        self.at_end(made.stop)
        return made

    def netns(self, label):
        made = Netns(self.lease, label)
        self.at_end(made.delete)
        return made

    def dns(self):
        address = self.lease.address()
        made = DnsServer(address, 53535)
        self.at_end(made.stop)
        return made

    def proxy(self, start=True, **parts):
        """Detour over these regions; see config.build() for the parts."""
        made = Proxy(self, "proxy" if not self.proxies else "proxy%d" % len(self.proxies), **parts)
        self.proxies.append(made)
        return made.start() if start else made

    def load(self, proxy, tls=True, **options):
        """Requests at a constant rate; it has begun when this returns."""
        self._loads += 1
        made = Load(proxy.https if tls else proxy.http, "%s-%d" % (self.name[:20], self._loads),
                    ca=self.pki.authority("ca").chain if tls else None, **options)
        self.at_end(made.kill)
        until(lambda: made.ok > 0, "the load runs", 20)
        return made

    def until(self, condition, what, seconds=5.0):
        return until(condition, what, seconds)

    def report(self, text):
        """A measured number for the reader of the run, not judged."""
        print("REPORT %s: %s" % (self.name, text), flush=True)

    def close(self):
        """Ends everything, the proxies first; the first complaint is raised when all is ended."""
        complaint = None
        for action in [p.stop for p in self.proxies] + self._endings[::-1]:
            try:
                action()
            except Exception as e:  # every other ending must still run
                complaint = complaint or e
        self.lease.close()
        if complaint is not None:
            raise complaint
