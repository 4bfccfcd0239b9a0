"""The place where it happens: a directory on tmpfs, a certificate, ports, cores, processes."""

import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
LOAD_TLS = os.path.join(PEERS, "load.cnf")
BODY_1K = "0123456789abcdef" * 64
BODY_1M = 1 << 20
FILES = 16384

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """The benchmark cannot go on; the text says why."""


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def two_cores():
    """One core for the proxies, another for all that is not measured."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Failure("two cores are needed, this process may use %d" % len(cores))
    return cores[0], cores[1]


def raise_file_limit():
    """Children inherit it; HAProxy asks for what its maxconn needs."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < FILES:
        raise Failure("%d open files are needed, the limit is %d (ulimit -Hn)" % (FILES, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_ports(count):
    """All held until all are known, so that none comes twice."""
    held = [socket.socket() for _ in range(count)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def wait_for_port(port, child, name, said, seconds=10.0):
    """Until the child listens; if it ends instead, what it said is the reason."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if child.poll() is not None:
            with open(said) as f:
                raise Failure("%s ended with exit code %d\n%s" % (name, child.returncode, f.read()))
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failure("%s does not listen on port %d" % (name, port))


class Lab:
    """Owns every file and every process of a run; leaving it removes and ends them all."""

    def __init__(self):
        raise_file_limit()
        self.proxy_core, self.load_core = two_cores()
        self.dir = tempfile.mkdtemp(prefix="detour-bench-", dir="/dev/shm")
        # nginx's worker is nobody when its master is root.
        os.chmod(self.dir, 0o755)
        self.children = []
        self.values = {"DIR": self.dir, "BODY_1K": BODY_1K}

    def __enter__(self):
        try:
            self._make_files()
            self._start_origin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        for child in reversed(self.children):
            self.stop(child)
        shutil.rmtree(self.dir, ignore_errors=True)

    def _make_files(self):
        cert, key, pem = (os.path.join(self.dir, n) for n in ("site.crt", "site.key", "site.pem"))
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                   "-subj", "/CN=bench.test", "-addext", "subjectAltName=DNS:bench.test"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with open(pem, "w") as out:
            for part in (cert, key):
                with open(part) as f:
                    out.write(f.read())
        os.mkdir(os.path.join(self.dir, "files"))
        with open(os.path.join(self.dir, "files", "1m"), "wb") as f:
            f.write(os.urandom(BODY_1M))
        self.values.update(CERTIFICATE=cert, KEY=key, PEM=pem)

    def _start_origin(self):
        self.origin_port, self.witness_port = free_ports(2)
        self.values.update(ORIGIN_PORT=self.origin_port, WITNESS_PORT=self.witness_port)
        conf = self.render("origin.conf.in")
        said = os.path.join(self.dir, "origin.said")
        with open(said, "w") as out:
            child = self.spawn(self.load_core, ["nginx", "-c", conf], stdout=out,
                               stderr=subprocess.STDOUT)
        wait_for_port(self.origin_port, child, "origin", said)

    def render(self, template, **values):
        """Fills in a file of peers/ and returns where the result stands."""
        with open(os.path.join(PEERS, template)) as f:
            text = f.read()
        for name, value in {**self.values, **values}.items():
            text = text.replace("@%s@" % name, str(value))
        path = os.path.join(self.dir, template[:-len(".in")])
        with open(path, "w") as f:
            f.write(text)
        return path

    def spawn(self, core, argv, **options):
        """A process on one core, in a group of its own."""
        options.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen(["taskset", "-c", str(core)] + [str(a) for a in argv],
                                 preexec_fn=_die_with_parent, start_new_session=True, **options)
        self.children.append(child)
        return child

    def stop(self, child):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(3.0)
            except subprocess.TimeoutExpired:
                # Its group is its own: workers end with it.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if child in self.children:
            self.children.remove(child)

    def run(self, argv, seconds):
        """Runs load to its end on the load's core and returns what it printed."""
        return self.run_all([argv], seconds)[0]

    def run_all(self, commands, seconds):
        env = dict(os.environ, OPENSSL_CONF=LOAD_TLS)
        children = [self.spawn(self.load_core, c, env=env, stdout=subprocess.PIPE,
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


def say(text):
    print(text, file=sys.stderr, flush=True)
