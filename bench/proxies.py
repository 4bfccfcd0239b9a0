"""The three proxies: how each is started, and what the kernel says it used."""

import os
import re
import subprocess
import time

from place import PEERS, Failure, free_ports, wait_for_port


def _processes_below(pid):
    found = [pid]
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, tid)) as f:
            for child in f.read().split():
                found += _processes_below(int(child))
    return found


def _cpu_seconds(pid):
    # The clock of clock_getcpuclockid(3): user and system time of all threads, the ended ones
    # too. It is the sum behind utime + stime of /proc/PID/stat, not cut to ticks of 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def _pss_bytes(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise Failure("/proc/%d/smaps_rollup has no Pss" % pid)


class Proxy:
    """One of the three."""

    name = ""
    template = ""
    tls_settings = None

    def __init__(self, binary):
        self.binary = binary
        self.child = None

    def start(self, lab):
        """On the proxies' core, by the configuration that measures cost."""
        self.https_port, self.http_port = free_ports(2)
        self.launch(lab, lambda argv, **o: lab.spawn_on(lab.proxy_core, argv, **o), PEERS,
                    self.name, HTTPS_PORT=self.https_port, HTTP_PORT=self.http_port)
        wait_for_port(self.http_port, self.child, self.name, self.said)

    def launch(self, place, spawn, folder, label, **values):
        """By the template in folder; its files in the place are named by the label."""
        self.https_port = values["HTTPS_PORT"]
        conf = place.render(os.path.join(folder, self.template), label + ".conf", NAME=label,
                            **values)
        env = dict(os.environ)
        if self.tls_settings is not None:
            env["OPENSSL_CONF"] = os.path.join(PEERS, self.tls_settings)
        self.said = os.path.join(place.dir, label + ".said")
        with open(self.said, "w") as out:
            self.child = spawn(self.command(conf), env=env, stdout=out, stderr=subprocess.STDOUT)
        wait_for_port(self.https_port, self.child, self.name, self.said)

    def stop(self, place):
        place.stop(self.child)
        self.child = None

    def command(self, conf):
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def cpu_seconds(self):
        return sum(_cpu_seconds(pid) for pid in _processes_below(self.child.pid))

    def pss_bytes(self):
        return sum(_pss_bytes(pid) for pid in _processes_below(self.child.pid))

    def url(self, path, tls):
        return "%s://127.0.0.1:%d%s" % ("https" if tls else "http",
                                        self.https_port if tls else self.http_port, path)

    def _printed(self, *arguments):
        done = subprocess.run([self.binary, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=True)
        return done.stdout


class Detour(Proxy):
    name = "Detour"
    template = "detour.conf.in"

    def command(self, conf):
        return [self.binary, "run", "-c", conf]

    def version(self):
        lines = self._printed("version").splitlines()
        return " ".join(line.removeprefix("detour ").strip() for line in lines[:2])


class Before(Detour):
    """An older build of it, to see what a change costs."""

    name = "before"

    def command(self, conf):
        self._leave_out_what_it_does_not_know(conf)
        return super().command(conf)

    def _leave_out_what_it_does_not_know(self, conf):
        while True:
            done = subprocess.run([self.binary, "check", "-c", conf], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            unknown = re.search(r"unknown key [\"']?(\w+)", done.stdout)
            if unknown is None:
                return
            with open(conf) as f:
                text = f.read()
            with open(conf, "w") as f:
                f.write(re.sub(r"\b%s = [^;{]*;" % unknown.group(1), "", text))


class Haproxy(Proxy):
    name = "HAProxy"
    template = "haproxy.cfg.in"
    tls_settings = "haproxy.cnf"

    def command(self, conf):
        return [self.binary, "-db", "-f", conf]

    def version(self):
        return re.search(r"[Vv]ersion (\S+)", self._printed("-v")).group(1)


class Nginx(Proxy):
    name = "nginx"
    template = "nginx.conf.in"

    def command(self, conf):
        return [self.binary, "-c", conf]

    def version(self):
        return re.search(r"nginx/(\S+)", self._printed("-v")).group(1)


class H2o(Proxy):
    """In the rows of HTTP/2 only."""

    name = "h2o"
    template = "h2o.conf.in"

    def command(self, conf):
        return [self.binary, "-c", conf]

    def version(self):
        return re.search(r"h2o version (\S+)", self._printed("--version")).group(1)
