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
        # good | nxdomain | servfail | silent | empty | garbage | nothing | truncated | other-id |
        # other-question | loop (of compressed names) | alias (a CNAME to itself) | half
        self.answer = "good"
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
        if self.answer in ("loop", "alias"):
            return query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + question + \
                self._circle(len(question), kind)
        ident = struct.pack("!H", struct.unpack("!H", query[:2])[0] ^ 1) \
            if self.answer == "other-id" else query[:2]
        if self.answer == "other-question":
            question = b"\x05other\x04test\0" + question[-4:]
        flags = 0x8180 | code | (0x0200 if self.answer == "truncated" else 0)
        head = ident + struct.pack("!HHHHH", flags, 1, len(found), 0, 0)
        body = b""
        for address in found:
            family = socket.AF_INET6 if kind == 28 else socket.AF_INET
            data = socket.inet_pton(family, address)
            body += struct.pack("!HHHIH", 0xc00c, kind, 1, self.ttl, len(data)) + data
        reply = head + question + body
        return reply[:len(reply) // 2] if self.answer == "half" else reply

    def _circle(self, question_len, kind):
        """A name that is a pointer to itself; or an alias of the name that was asked for."""
        if self.answer == "alias":
            return struct.pack("!HHHIH", 0xc00c, 5, 1, self.ttl, 2) + b"\xc0\x0c"
        itself = struct.pack("!H", 0xc000 | (12 + question_len))
        return itself + struct.pack("!HHIH", kind, 1, self.ttl, 4) + b"\x7f\0\0\x01"

    @staticmethod
    def _name(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
            at += 1 + query[at]
        return ".".join(labels), at + 1
