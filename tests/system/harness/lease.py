"""A number that belongs to one test on this machine while it runs, and what follows from it.

From it come loopback addresses nobody else binds, a private subnet for network namespaces, and
names: so tests, and whole runs by different people, go side by side.
"""

import fcntl
import itertools
import os
import socket

_DIR = "/tmp/detour-test-leases"


class Lease:
    def __init__(self):
        os.makedirs(_DIR, exist_ok=True)
        self._lock = None
        for number in range(1, 250):
            handle = os.open("%s/%d" % (_DIR, number), os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            self._lock = handle
            self.number = number
            break
        if self._lock is None:
            raise RuntimeError("all test leases are taken; is %s stale?" % _DIR)
        self._hosts = itertools.count(10)
        self._ports = itertools.count(11000)
        self._subnets = itertools.count(0)

    def close(self):
        os.close(self._lock)

    def address(self):
        """A loopback address only this test uses."""
        return "127.77.%d.%d" % (self.number, next(self._hosts))

    def port(self, ip, kind=socket.SOCK_STREAM):
        """A port on ip that is free now, below the range the kernel hands out by itself."""
        for port in self._ports:
            with socket.socket(socket.AF_INET, kind) as s:
                try:
                    s.bind((ip, port))
                except OSError:
                    continue
            return port
        raise RuntimeError("no free port")

    def subnet(self):
        """Two addresses of a /30: ours and the namespace's."""
        base = next(self._subnets) * 4
        return ("10.213.%d.%d" % (self.number, base + 1), "10.213.%d.%d" % (self.number, base + 2))
