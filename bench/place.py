"""A directory on tmpfs, a certificate, ports, processes: what every benchmark here needs."""

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
FILES = 16384

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """The benchmark cannot go on; the text says why."""


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


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


class Place:
    """Owns every file and every process of a run; leaving it removes and ends them all."""

    def __init__(self):
        raise_file_limit()
        self.dir = tempfile.mkdtemp(prefix="detour-bench-", dir="/dev/shm")
        # nginx's worker is nobody when its master is root.
        os.chmod(self.dir, 0o755)
        self.children = []
        self.values = {"DIR": self.dir}

    def __enter__(self):
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def open(self):
        """What a run needs before it begins."""
        self._make_certificate()

    def close(self):
        for child in reversed(self.children):
            self.stop(child)
        shutil.rmtree(self.dir, ignore_errors=True)

    def _make_certificate(self):
        cert, key, pem = (os.path.join(self.dir, n) for n in ("site.crt", "site.key", "site.pem"))
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                   "-subj", "/CN=bench.test", "-addext", "subjectAltName=DNS:bench.test"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with open(pem, "w") as out:
            for part in (cert, key):
                with open(part) as f:
                    out.write(f.read())
        self.values.update(CERTIFICATE=cert, KEY=key, PEM=pem)

    def render(self, template, name=None, **values):
        """Fills in a template and returns where the result stands."""
        with open(template) as f:
            text = f.read()
        for key, value in {**self.values, **values}.items():
            text = text.replace("@%s@" % key, str(value))
        path = os.path.join(self.dir, name or os.path.basename(template)[:-len(".in")])
        with open(path, "w") as f:
            f.write(text)
        return path

    def spawn(self, argv, **options):
        """A process in a group of its own."""
        options.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen([str(a) for a in argv], preexec_fn=_die_with_parent,
                                 start_new_session=True, **options)
        self.children.append(child)
        return child

    def save(self, folder):
        """Keeps what its files say, for whoever wants to know more than the report says."""
        shutil.copytree(self.dir, folder, dirs_exist_ok=True,
                        ignore=lambda d, names: [n for n in names if not os.path.isfile(
                            os.path.join(d, n)) and not os.path.isdir(os.path.join(d, n))])

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



def say(text):
    print(text, file=sys.stderr, flush=True)
