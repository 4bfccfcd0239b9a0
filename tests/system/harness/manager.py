"""What a service manager is to the process it starts: a socket on which it is told how things are."""

import socket

from .wait import until


class Manager:
    """Listens as systemd does; environment() is what a service is started with."""

    def __init__(self, name, watchdog_ms=None):
        self.name = "@" + name
        self._watchdog_ms = watchdog_ms
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind("\0" + name)
        self.told = []

    def close(self):
        self._socket.close()

    def wrap(self):
        """Words in front of a command that make it a service of this manager."""
        words = ["env", "NOTIFY_SOCKET=" + self.name]
        if self._watchdog_ms is not None:
            words.append("WATCHDOG_USEC=%d" % (self._watchdog_ms * 1000))
        return words

    def count(self, line):
        """How often it was told so, by now."""
        while True:
            try:
                self.told.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                break
        return sum(line in text.split("\n") for text in self.told)

    def until_told(self, line, count=1, seconds=10.0):
        until(lambda: self.count(line) >= count, "told %r %d times" % (line, count), seconds)
