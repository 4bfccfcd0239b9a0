"""Real nginx origins, each an own process tree that a test may kill."""

import os
import signal
import socket
import time

from .process import spawn, status_field
from .wait import until

_CONF = """daemon off;
master_process on;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
user root;
events {{ worker_connections 4096; }}
http {{
	log_format ids "$request_method $http_x_load_id";
	access_log {log};
	keepalive_timeout {keepalive};
	keepalive_requests 1000000;
	client_max_body_size 0;
	default_type text/plain;
	client_body_temp_path {directory}/body;
	proxy_temp_path {directory}/proxy;
	fastcgi_temp_path {directory}/fastcgi;
	uwsgi_temp_path {directory}/uwsgi;
	scgi_temp_path {directory}/scgi;
	server {{
		listen {address}:{port}{ssl}{http2}{header} backlog=4096;
		{tls}
		location = /healthz {{ return 200 "ok\\n"; }}
		location / {{ return 200 "{name} $http_x_load_id\\n"; }}
		location /files/ {{ alias {directory}/files/; }}
		{locations}
	}}
}}
"""


class Nginx:
    """Answers every path with "NAME ID", where ID is the request's X-Load-Id."""

    def __init__(self, name, directory, address, port, netns=None, pair=None, locations="",
                 keepalive="75s", log_ids=False, http2=False, proxy_protocol=False):
        self.name = name
        self.address = address
        self.port = port
        self.directory = directory
        self._netns = netns
        self._tls = pair is not None
        os.makedirs(os.path.join(directory, "files"))
        self._conf = os.path.join(directory, "nginx.conf")
        self._log_path = os.path.join(directory, "ids")
        tls = ("ssl_certificate %s; ssl_certificate_key %s;" % (pair.chain, pair.key)
               if pair else "")
        with open(self._conf, "w") as f:
            f.write(_CONF.format(directory=directory, keepalive=keepalive, address=address,
                                 port=port, ssl=" ssl" if pair else "", tls=tls, name=name,
                                 http2=" http2" if http2 else "",
                                 header=" proxy_protocol" if proxy_protocol else "",
                                 locations=locations,
                                 log=self._log_path + " ids" if log_ids else "off"))
        self._process = None
        self.start()

    @property
    def url(self):
        return "%s://%s:%d" % ("https" if self._tls else "http", self.address, self.port)

    def start(self):
        argv = ["nginx", "-e", os.path.join(self.directory, "error.log"), "-c", self._conf]
        make = self._netns.spawn if self._netns is not None else spawn
        with open(os.path.join(self.directory, "output"), "ab") as out:
            self._process = make(argv, stdout=out, stderr=out)
        until(self._listens, "nginx %s listens on %s:%d" % (self.name, self.address, self.port))
        return self

    def _listens(self):
        if self._process.poll() is not None:
            with open(os.path.join(self.directory, "error.log")) as f:
                raise AssertionError("nginx %s ended: %s" % (self.name, f.read()[-2000:]))
        try:
            socket.create_connection((self.address, self.port), 0.5).close()
            return True
        except OSError:
            return False

    def _children(self):
        with open("/proc/%d/task/%d/children" % (self._process.pid, self._process.pid)) as f:
            return [int(pid) for pid in f.read().split()]

    def kill(self):
        """SIGKILL to all of it at once: the kernel answers for it with RST from here on."""
        pids = [self._process.pid] + self._children()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(self._alive(pid) for pid in pids), "nginx %s is gone" % self.name)
        return time.monotonic()

    def pause(self):
        """SIGSTOP to all of it: the kernel takes connections and bytes for it, nobody answers."""
        for pid in [self._process.pid] + self._children():
            os.kill(pid, signal.SIGSTOP)
        return self

    def go_on(self):
        for pid in [self._process.pid] + self._children():
            os.kill(pid, signal.SIGCONT)
        return self

    def executed(self):
        """With log_ids: "METHOD ID" of each request it has answered, in order."""
        with open(self._log_path) as f:
            return f.read().splitlines()

    @staticmethod
    def _alive(pid):
        try:
            return not status_field(pid, "State").startswith(("Z", "X"))
        except (FileNotFoundError, ProcessLookupError):
            return False

    def stop(self):
        if self._process is not None and self._process.poll() is None:
            self.go_on()
            self._process.terminate()
            self._process.wait(10)

    def file(self, name, size):
        """A sparse file of zeros below /files/."""
        with open(os.path.join(self.directory, "files", name), "wb") as f:
            f.truncate(size)
        return "/files/" + name
