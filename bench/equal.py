"""Is the contest fair? What must be the same for all three, asked before anything is measured."""

import os
import re
import ssl
import subprocess
import time
import urllib.request

from cost_lab import BODY_1K, BODY_1M, LOAD_TLS
from place import Failure

ONE_REQUEST = "GET /1k HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def _s_client(port):
    """One handshake, seen by openssl: what was agreed on, and how many tickets came."""
    env = dict(os.environ, OPENSSL_CONF=LOAD_TLS)
    done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, "-msg",
                           "-ign_eof"], input=ONE_REQUEST, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=env, timeout=10.0, check=False)
    return done.stdout


def agreed(port):
    """Protocol, cipher, group, kind of certificate, tickets: one text, to be compared."""
    text = _s_client(port)
    found = re.search(r"New, (TLSv[\d.]+), Cipher is (\S+)", text)
    group = re.search(r"Server Temp Key: (\S+),", text)
    signature = re.search(r"Peer signature type: (\S+)", text)
    if found is None or group is None or signature is None:
        raise Failure("no TLS on port %d:\n%s" % (port, text))
    tickets = len(re.findall(r"^<<< .*NewSessionTicket", text, re.MULTILINE))
    return "%s %s, %s, %s, tickets: %d" % (*found.groups(), group.group(1), signature.group(1),
                                           tickets)


def check_tls(proxies):
    """The same TLS with each of them; returns what it is."""
    seen = {p.name: agreed(p.https_port) for p in proxies}
    if len(set(seen.values())) != 1:
        raise Failure("TLS differs: %s" % seen)
    return next(iter(seen.values()))


def check_answers(proxies):
    """The same bytes from each of them, by TLS and without."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    for proxy in proxies:
        for path, length in (("/1k", len(BODY_1K)), ("/1m", BODY_1M)):
            for tls in (True, False):
                with urllib.request.urlopen(proxy.url(path, tls), timeout=10.0,
                                            context=trusting if tls else None) as answer:
                    got = len(answer.read())
                if got != length:
                    raise Failure("%s: %s has %d bytes" % (proxy.name, path, got))


def check_no_resumption(lab, handshakes):
    """The load of the handshake row, towards a server that writes down what it saw."""
    log = os.path.join(lab.dir, "witness.log")
    count = handshakes.load(lab, lab.witness_port, 1)
    time.sleep(0.2)
    with open(log) as f:
        lines = f.read().splitlines()
    resumed = sum(1 for line in lines if not line.endswith(" ."))
    if resumed or len(lines) < count:
        raise Failure("%d of %d handshakes were resumed" % (resumed, len(lines)))
    return len(lines)
