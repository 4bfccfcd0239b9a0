"""
A tap on the wires to the regions: which POSTs a proxy has sent to anybody.

Proxies differ in what their logs tell of a failed request; what is on the wire is the same for all.
The kernel filters, so that only the segments a POST begins with reach this program.
"""

import ctypes
import re
import selectors
import socket
import struct
import threading

_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26
_ID = re.compile(rb"(?i)\r\nx-id: *([^\r]+)\r\n")

# Ethernet, IPv4, TCP, payload that begins with "POST".
_PROGRAM = [
    (0x28, 0, 0, 12),           # A = type of the frame
    (0x15, 0, 10, 0x0800),      # not IPv4: drop
    (0x30, 0, 0, 23),           # A = protocol
    (0x15, 0, 8, 6),            # not TCP: drop
    (0xb1, 0, 0, 14),           # X = length of the IP header
    (0x50, 0, 0, 14 + 12),      # A = offset of TCP's data, in its upper half
    (0x54, 0, 0, 0xf0),
    (0x74, 0, 0, 2),            # A = length of the TCP header
    (0x0c, 0, 0, 0),            # A += X
    (0x07, 0, 0, 0),            # X = A
    (0x40, 0, 0, 14),           # A = the first four bytes; none: drop
    (0x15, 1, 0, int.from_bytes(b"POST", "big")),
    (0x06, 0, 0, 0),            # drop
    (0x06, 0, 0, 0xffff),       # take
]


def _listen(link):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    code = b"".join(struct.pack("HBBI", *line) for line in _PROGRAM)
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HL", len(_PROGRAM), ctypes.addressof(held))
    s.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    s.bind((link, 0))
    return s


class Tap:
    """Listens from its making until close(); sent has the ids then."""

    def __init__(self, links):
        self.sent = set()
        self._ended = False
        self._selector = selectors.DefaultSelector()
        for link in links:
            self._selector.register(_listen(link), selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended:
            for key, _ in self._selector.select(0.2):
                found = _ID.search(key.fileobj.recv(4096))
                if found:
                    self.sent.add(found.group(1).decode("latin-1"))

    def close(self):
        self._ended = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
