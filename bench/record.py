"""Serves what bench/run.sh measures, by a build that records the ways it takes."""

import signal
import sys

from cost_lab import Lab
from proxies import Detour
from rows import Handshakes, Http2, KeepAlive

SECONDS = 2

# At its end a recording process locks and writes files, which a proxy does not.
RECORDING = """
process = { seccomp = "off"; };
"""


class Recording(Detour):
    """It writes what it recorded when it ends by itself."""

    def command(self, conf):
        with open(conf, "a") as f:
            f.write(RECORDING)
        return super().command(conf)

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(timeout=60)
        if code != 0:
            sys.exit("profile: detour ended with %d" % code)


def main():
    with Lab() as lab:
        proxy = Recording(sys.argv[1])
        proxy.start(lab)
        for row in (KeepAlive("HTTP, 1 KiB", "/1k", False, 64),
                    KeepAlive("HTTPS, 1 KiB", "/1k", True, 64),
                    KeepAlive("HTTPS, 1 MiB", "/1m", True, 16),
                    Http2("HTTP/2", "/1k", 8, 16), Handshakes()):
            row.sample(lab, proxy, SECONDS)
        proxy.end()
        lab.children.remove(proxy.child)


main()
