"""A fake DNS server on UDP whose answers the test holds in its hand."""

import socket
import struct
import threading

_TYPES = {1: "A", 28: "AAAA"}


class DnsServer:
    """records: name -> addresses; answer: how every query fares just now."""

    def __init__(self, address, port):
        self.address = address
        self.port = port
        self.records = {}
        self.ttl = 1
        self.answer = "good"  # good | nxdomain | servfail | silent | empty | garbage | nothing
        self.queries = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def has(self, name, *addresses, ttl=1):
        self.records[name] = addresses
        self.ttl = ttl
        return self

    def stop(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                query, peer = self._socket.recvfrom(4096)
                reply = self._reply(query)
                if reply is not None:
                    self._socket.sendto(reply, peer)
            except OSError:
                return

    def _reply(self, query):
        name, after = self._name(query)
        kind = struct.unpack("!H", query[after:after + 2])[0]
        question = query[12:after + 4]
        self.queries.append((name, _TYPES.get(kind, kind)))
        if self.answer == "silent":
            return None
        if self.answer == "nothing":
            return b""
        if self.answer == "garbage":
            return query[:2] + b"\xff" * 40
        code = {"nxdomain": 3, "servfail": 2}.get(self.answer, 0)
        known = self.records.get(name)
        if known is None and code == 0:
            code = 3
        found = []
        if code == 0 and self.answer != "empty":
            found = [a for a in known if (":" in a) == (kind == 28)]
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(found), 0, 0)
        body = b""
        for address in found:
            family = socket.AF_INET6 if kind == 28 else socket.AF_INET
            data = socket.inet_pton(family, address)
            body += struct.pack("!HHHIH", 0xc00c, kind, 1, self.ttl, len(data)) + data
        return head + question + body

    @staticmethod
    def _name(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
            at += 1 + query[at]
        return ".".join(labels), at + 1
