"""The way program, from Python: see way.c."""

import subprocess

from harness.process import run, spawn


class Way:
    """
    A second way into a network namespace, as long as one wants: what listens on `address` there is
    reached over it.
    """

    def __init__(self, binary, space, lease):
        self.near, self.address = lease.subnet()
        number = "%dn%s" % (lease.number, self.near.rsplit(".", 1)[1])
        near, far = "dw%s" % number, "df%s" % number
        self._process = spawn([binary, "--near", near, "--far", far, "--netns", space.name],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("ready")
        for name, address, inside in ((near, self.near, run), (far, self.address, space.run)):
            inside(["ip", "address", "add", address + "/30", "dev", name])
            # What is on a long way stands in a queue here: none of it is to be dropped.
            inside(["ip", "link", "set", name, "txqueuelen", "10000", "up"])

    def takes(self, ms):
        """So long takes a round trip from now on."""
        self._process.stdin.write("takes %d\n" % ms)
        self._process.stdin.flush()
        self._expect("done")
        return self

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        self._process.stdin.close()
        self._process.wait(5)

    def _expect(self, word):
        line = self._process.stdout.readline()
        assert line == word + "\n", "the way said %r, not %r" % (line, word)
