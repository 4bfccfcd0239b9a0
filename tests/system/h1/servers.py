"""Real servers that say which requests they took: nginx, Apache, Node and Python's http.server."""

import http.server
import json
import os
import re
import shutil
import socketserver
import subprocess
import threading

from harness.process import spawn
from harness.wait import until

_NGINX = """daemon off; master_process off; worker_processes 1; pid {dir}/pid; user root;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
	access_log off; client_max_body_size 0; merge_slashes off;
	client_header_buffer_size 32k; large_client_header_buffers 4 32k;
	client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
	uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	server {{
		listen {address}:{port};
		location / {{ proxy_pass {behind}; proxy_http_version 1.1; proxy_set_header Host $http_host; }}
	}}
}}
"""

_APACHE = """ServerRoot {dir}
PidFile {dir}/pid
DefaultRuntimeDir {dir}
Listen {address}:{port}
ServerName a.example
User nobody
Group nogroup
ErrorLog {dir}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LimitRequestFieldSize 32768
LimitRequestLine 16384
LimitRequestFields 200
AllowEncodedSlashes NoDecode
MergeSlashes Off
TraceEnable extended
ProxyPreserveHost On
ProxyPass / {behind}/ nocanon
"""

_NODE = """
const fs = require('fs');
require('http').createServer({ maxHeaderSize: 65536 }, (req, res) => {
	const pieces = [];
	req.on('data', (d) => pieces.push(d));
	req.on('end', () => {
		const body = Buffer.concat(pieces).toString('hex');
		fs.writeSync(1, JSON.stringify([req.method, req.url, body]) + '\\n');
		res.end('ok');
	});
}).listen(+process.argv[3], process.argv[2]);
"""

_MODULES = "/usr/lib/apache2/modules"


class _Passing:
    """A server that hands on what it took to an endpoint of the test's, which tells."""

    def __init__(self, t, name, argv, conf):
        self.name = name
        self.behind = t.origin("behind-" + name)
        directory = t.directory(name)
        address = t.lease.address()
        self.address = (address, t.lease.port(address))
        path = os.path.join(directory, "conf")
        with open(path, "w") as f:
            f.write(conf.format(dir=directory, address=address, port=self.address[1],
                                behind=self.behind.url, modules=_MODULES))
        _run(t, self, argv(path), directory)

    def seen(self):
        return [(r.method, r.target, r.body) for r in list(self.behind.requests)]


def _run(t, server, argv, directory):
    with open(os.path.join(directory, "out"), "wb") as out, \
            open(os.path.join(directory, "error.log"), "wb") as err:
        process = spawn(argv, stdout=out, stderr=err)
    t.at_end(lambda: (process.terminate(), process.wait(10)))
    until(lambda: _listens(server.address) or process.poll() is not None, server.name + " listens",
          10)
    assert process.poll() is None, "%s ended:\n%s" % (
        server.name, open(os.path.join(directory, "error.log"), errors="replace").read())


def _listens(address):
    done = subprocess.run(["ss", "-Hltn", "src = %s:%d" % address], stdout=subprocess.PIPE,
                          check=True)
    return bool(done.stdout)


def nginx(t):
    return _Passing(t, "nginx", lambda conf: [shutil.which("nginx") or "/usr/sbin/nginx", "-c",
                                              conf], _NGINX)


def apache(t):
    return _Passing(t, "apache", lambda conf: ["/usr/sbin/apache2", "-DFOREGROUND", "-f", conf],
                    _APACHE)


class Node:
    name = "node"

    def __init__(self, t):
        directory = t.directory("node")
        address = t.lease.address()
        self.address = (address, t.lease.port(address))
        self._out = os.path.join(directory, "out")
        path = os.path.join(directory, "server.js")
        with open(path, "w") as f:
            f.write(_NODE)
        self._seen, self._read = [], 0
        _run(t, self, ["node", path, address, self.address[1]], directory)

    def seen(self):
        with open(self._out, "rb") as f:
            f.seek(self._read)
            lines = f.read().split(b"\n")[:-1]
        self._read += sum(len(line) + 1 for line in lines)
        for line in lines:
            method, url, body = json.loads(line)
            self._seen.append((method, url, bytes.fromhex(body)))
        return self._seen


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def _chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline().strip(), 16)
            if size == 0:
                break
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _any(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() == "chunked":
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # path is not what was asked for: it loses slashes
        self.server.requests.append((self.command, self.requestline.split(" ")[1], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Python:
    name = "python"

    def __init__(self, t):
        address = t.lease.address()
        self.address = (address, t.lease.port(address))
        self._server = socketserver.ThreadingTCPServer(self.address, _Handler)
        self._server.daemon_threads = True
        self._server.requests = []
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        t.at_end(self._server.shutdown)

    def seen(self):
        return list(self._server.requests)


# What each of them does not take for reasons of its own, whoever sends it.
_NODES = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|PROPFIND|PURGE|REPORT|"
                    rb"M-SEARCH|QUERY) ")
REFUSES = {
    # methods of capitals, '-' and '_'; no TRACE, no "*"
    "nginx": lambda m: not re.match(rb"[A-Z_-]+ /", m) or m.startswith(b"TRACE "),
    # "OPTIONS *" it answers itself, and whoever may go no further; hosts must not look like a piece of
    # an address, and a port must have a number
    "apache": lambda m: (m.startswith(b"OPTIONS * ") or b"\r\nMax-Forwards: 0\r\n" in m or
                         re.search(rb"\r\nHost: (\d+(\.\d+){0,2}|[^\r]*:)\r\n", m)),
    # a list of methods
    "node": lambda m: not _NODES.match(m),
    # a hundred fields
    "python": lambda m: m.count(b"\r\n") > 100,
}


def target_behind(name, target):
    """What a server hands on of a target: Apache's proxy takes slashes in front for one."""
    return "/" + target.lstrip("/") if name == "apache" and target.startswith("//") else target
