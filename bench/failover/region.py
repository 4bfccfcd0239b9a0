"""A region: a network namespace with two endpoints, and the ways in which it can be lost."""

import os
import signal

from harness.netns import Netns
from lab import Origin

ENDPOINTS = 2
PORT = 8000
SOON = -10  # nice


class Region:
    def __init__(self, place, lease, side, name, binary, **options):
        self.name = name
        self.netns = Netns(lease, "%s-%s" % (side, name))
        self.endpoints = []
        try:
            for number in range(ENDPOINTS):
                label = "%s-%s-%d" % (side, name, number)
                self.endpoints.append(Origin(
                    binary, label, self.netns.address, PORT + number,
                    os.path.join(place.dir, label + ".log"), netns=self.netns, **options))
        except BaseException:
            self.close()
            raise

    def close(self):
        for e in self.endpoints:
            e.stop()
        self.netns.delete()

    def kill(self):
        # At one moment: while the end of one is waited for, the others would go on serving. Ending takes
        # a processor, which on a machine of their own they would have.
        for e in self.endpoints:
            os.setpriority(os.PRIO_PROCESS, e.pid, SOON)
            os.kill(e.pid, signal.SIGKILL)
        for e in self.endpoints:
            e.kill()

    def start(self):
        for e in self.endpoints:
            e.start()

    def pause(self):
        for e in self.endpoints:
            e.pause()

    def go_on(self):
        for e in self.endpoints:
            e.go_on()

    def traffic(self, *words):
        for e in self.endpoints:
            e.traffic(*words)
