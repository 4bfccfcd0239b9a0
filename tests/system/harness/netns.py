"""A network namespace as a failure domain: reached over one veth pair, cut off by nft or SIGKILL."""

import subprocess

from .process import run, spawn


class Netns:
    """Made by t.netns(); deleted with all its processes' network when the test ends."""

    def __init__(self, lease, label):
        self.label = label
        self.near, self.address = lease.subnet()
        index = self.near.rsplit(".", 1)[1]
        self.name = "detour-%d-%s" % (lease.number, label)
        self.link = "dt%dn%s" % (lease.number, index)
        peer = "dt%df%s" % (lease.number, index)
        self.delete()
        run(["ip", "netns", "add", self.name])
        run(["ip", "link", "add", self.link, "type", "veth", "peer", "name", peer,
             "netns", self.name])
        run(["ip", "address", "add", self.near + "/30", "dev", self.link])
        run(["ip", "link", "set", self.link, "up"])
        run(["ip", "-n", self.name, "link", "set", "lo", "up"])
        run(["ip", "-n", self.name, "address", "add", self.address + "/30", "dev", peer])
        run(["ip", "-n", self.name, "link", "set", peer, "up"])
        self.peer = peer

    def delete(self):
        """Also clears what a killed run left under the same names."""
        for argv in (["ip", "netns", "delete", self.name], ["ip", "link", "delete", self.link]):
            subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def spawn(self, argv, **options):
        return spawn(["ip", "netns", "exec", self.name] + list(argv), **options)

    def run(self, argv, **options):
        return run(["ip", "netns", "exec", self.name] + list(argv), **options)

    def _rules(self, verdict):
        self.heal()
        self.run(["nft", "add", "table", "inet", "fault"])
        for hook in ("input", "output"):
            self.run(["nft", "add", "chain", "inet", "fault", hook,
                      "{ type filter hook %s priority 0 ; policy accept ; }" % hook])
        self.run(["nft", "add", "rule", "inet", "fault", "input"] + verdict)

    def blackhole(self, port=None):
        """Packets vanish, both ways, also those of established connections; or of one port."""
        self._rules((["tcp", "dport", port] if port else []) + ["drop"])
        self.run(["nft", "add", "rule", "inet", "fault", "output"] +
                 (["tcp", "sport", port] if port else []) + ["drop"])

    def answers_lost(self):
        """What is sent to it arrives; what it sends vanishes, acknowledgements too."""
        self.blackhole()
        self.run(["nft", "flush", "chain", "inet", "fault", "input"])

    def lossy(self, percent):
        """So many of the packets vanish, each way, by chance."""
        verdict = ["numgen", "random", "mod", "100", "<", percent, "drop"]
        self._rules(verdict)
        self.run(["nft", "add", "rule", "inet", "fault", "output"] + verdict)

    def deaf(self, port):
        """What comes in for one port of its own vanishes, as on a path that was lost."""
        self._rules(["tcp", "dport", port, "drop"])

    def reset(self):
        """Every TCP segment that comes in is answered by RST."""
        self._rules(["meta", "l4proto", "tcp", "reject", "with", "tcp", "reset"])

    def unreachable(self):
        self._rules(["reject", "with", "icmpx", "type", "host-unreachable"])

    def kill_connections(self):
        """All established ones, as by ss -K: both ends get RST."""
        self.run(["ss", "-K", "state", "established"])

    def heal(self):
        subprocess.run(["ip", "netns", "exec", self.name, "nft", "delete", "table", "inet",
                        "fault"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
