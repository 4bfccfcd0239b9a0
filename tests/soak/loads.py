"""The loads of the soak: each protocol by itself, at a constant rate, every request with its own id."""

import os

from lab import Kind, Load
from lab.load import CALLS, TCP, WEBSOCKET

SHOP = (Kind("get", weight=14), Kind("put", "PUT", 3, body_bytes=300),
        Kind("big", weight=1, answer_bytes=100000),
        Kind("post", "POST", 2, body_bytes=300), Kind("zipped", path="/zipped", weight=2, answer_bytes=3000),
        Kind("mirrored", path="/mirrored", weight=3), Kind("copied", "PUT", 1, "/mirrored", body_bytes=2000))
TWO = (Kind("get", weight=14, path="/two"), Kind("put", "PUT", 3, "/two", body_bytes=300),
       Kind("big", weight=1, path="/two", answer_bytes=100000),
       Kind("post", "POST", 2, "/two", body_bytes=300))
FEW = (Kind("scarce", path="/scarce"),)

# name: protocol, kinds, requests a second, connections, where, TLS
ALL = (("outside", "h1", SHOP, 70, 12, "web", True),
       ("clear", "h1", SHOP, 40, 8, "http", False),
       ("streams", "h2", SHOP, 60, 4, "https", True),
       ("two", "h2", TWO, 60, 4, "https", True),
       ("h2c", "h2", TWO, 30, 3, "http", False),
       ("mixed", "h1", TWO, 30, 8, "https", True),
       ("calls", "grpc", CALLS, 30, 4, "https", True),
       ("sockets", "ws", WEBSOCKET, 30, 8, "https", True),
       ("sockets2", "ws2", WEBSOCKET, 25, 10, "https", True),
       ("notes", "tcp", TCP, 30, 8, "notes", False),
       ("sealed", "tcp", TCP, 15, 6, "sealed", True),
       ("scarce", "h1", FEW, 50, 6, "https", True))


class Loads:
    """From construction until stop(); turn: makes ids of this time different from all others."""

    def __init__(self, town, turn):
        self.outs = {}
        self._loads = []
        ca = town.t.pki.authority("ca").chain
        for name, protocol, kinds, rate, connections, where, tls in ALL:
            out = os.path.join(town.logs, "load-%s-%d" % (name, turn))
            to = getattr(town, where, None) or getattr(town.proxy, where)
            wrap = ["ip", "netns", "exec", town.outside.name] if where == "web" else []
            load = Load(os.path.join(town.lab, "lab-load"), to, out, tag="%s%d" % (name, turn),
                        rate=rate * town.rate, kinds=kinds, connections=connections,
                        protocol=protocol, timeout=40.0, ca=ca if tls else None, wrap=wrap)
            town.t.at_end(load.kill)
            self._loads.append(load)
            self.outs[name] = out

    def until_well(self):
        for load in self._loads:
            load.until_ok(5)

    def pids(self):
        return [load.pid for load in self._loads]

    def stop(self):
        for load in self._loads:
            load._order("stop")
        for load in self._loads:
            load.stop()

    @property
    def sent(self):
        return sum(load.sent for load in self._loads)
