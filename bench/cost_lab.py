"""Where cost is measured: cores, an origin and files beside what every benchmark needs."""

import os
import subprocess
import time

from place import PEERS, Failure, Place, free_ports, wait_for_port

LOAD_TLS = os.path.join(PEERS, "load.cnf")
BODY_1K = "0123456789abcdef" * 64
BODY_1M = 1 << 20


def two_cores():
    """One core for the proxies, another for all that is not measured."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Failure("two cores are needed, this process may use %d" % len(cores))
    return cores[0], cores[1]


class Lab(Place):
    """A place with an origin, and a core for the proxies and one for all else."""

    def __init__(self):
        self.proxy_core, self.load_core = two_cores()
        super().__init__()
        self.values["BODY_1K"] = BODY_1K

    def open(self):
        super().open()
        os.mkdir(os.path.join(self.dir, "files"))
        with open(os.path.join(self.dir, "files", "1m"), "wb") as f:
            f.write(os.urandom(BODY_1M))
        self._start_origin()

    def _start_origin(self):
        self.origin_port, self.witness_port = free_ports(2)
        self.values.update(ORIGIN_PORT=self.origin_port, WITNESS_PORT=self.witness_port)
        conf = self.render(os.path.join(PEERS, "origin.conf.in"))
        said = os.path.join(self.dir, "origin.said")
        with open(said, "w") as out:
            child = self.spawn_on(self.load_core, ["nginx", "-c", conf], stdout=out,
                                  stderr=subprocess.STDOUT)
        wait_for_port(self.origin_port, child, "origin", said)

    def spawn_on(self, core, argv, **options):
        return self.spawn(["taskset", "-c", str(core)] + list(argv), **options)

    def run(self, argv, seconds):
        """Runs load to its end on the load's core and returns what it printed."""
        return self.run_all([argv], seconds)[0]

    def run_all(self, commands, seconds):
        env = dict(os.environ, OPENSSL_CONF=LOAD_TLS)
        children = [self.spawn_on(self.load_core, c, env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True) for c in commands]
        until = time.monotonic() + seconds
        texts = []
        for child, command in zip(children, commands):
            try:
                text, _ = child.communicate(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise Failure("%s did not end in %d s" % (command[0], seconds)) from None
            self.children.remove(child)
            if child.returncode != 0:
                raise Failure("%s: exit code %d\n%s" % (command[0], child.returncode, text))
            texts.append(text)
        return texts
