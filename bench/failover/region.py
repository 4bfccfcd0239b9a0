"""A region: a network namespace with two endpoints, and the ways in which it can be lost."""

import contextlib
import os
import signal

from harness.netns import Netns
from lab import Origin

ENDPOINTS = 2
PORT = 8000
NOW = 1  # real-time priority


@contextlib.contextmanager
def _soonest():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(NOW + 1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


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
        # a processor, which on a machine of their own they would have; nor may the first one take it
        # from whoever is about to kill the second.
        with _soonest():
            for e in self.endpoints:
                os.sched_setscheduler(e.pid, os.SCHED_FIFO, os.sched_param(NOW))
            for e in self.endpoints:
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
