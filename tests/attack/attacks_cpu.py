"""What is dear by nature: patterns, passwords, compression."""

import os
import subprocess
import time

import h1_floods as h1
from attack import MIB, Attack
from wire import Tally, drain, pump, reset

# The first takes 13 ms for 8000 bytes that are made for it, below PCRE2's own limit.
_EVIL = ("a.{0,1500}x!", "(a|aa)+x!", "a.{0,1400}y!", "(a+)+x!")


def _patterns(t):
    return ['{ path = "/"; headers = ( { name = "X-Evil"; regex = "%s"; } ); service = "shop"; }'
            % pattern for pattern in _EVIL] + ['{ path = "/"; service = "shop"; }']


def _htpasswd(t):
    path = os.path.join(t.directory("secrets"), "htpasswd")
    stored = subprocess.check_output(["openssl", "passwd", "-6", "secret"], text=True).strip()
    with open(path, "w") as f:
        f.write("amy:%s\n" % stored)
    return path


def _guarded(t):
    return ['{ path = "/secret"; service = "shop"; basic_auth = { file = "%s"; realm = "r"; }; }'
            % _htpasswd(t), '{ path = "/"; service = "shop"; }']


def _guesses(target, seconds, connections=100):
    """Another wrong password with every request."""
    import base64

    tally, number = Tally(), 0
    held = [target.open("http/1.1") for _ in range(connections)]
    tally.connections = connections
    fresh, end = set(held), time.monotonic() + seconds
    while time.monotonic() < end:
        for sock in held:
            heard, _ = drain(sock)
            for code in ("401", "503"):
                found = heard.count(b"HTTP/1.1 " + code.encode())
                tally.notes[code] = tally.notes.get(code, 0) + found
            if heard or sock in fresh:
                fresh.discard(sock)
                number += 1
                said = base64.b64encode(b"amy:%d" % number).decode()
                line = ("GET /secret HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n\r\n"
                        % (target.host, said))
                tally.bytes += pump(sock, line.encode(), 0.2, listen=False)[0]
                tally.units += 1
        time.sleep(0.005)
    for sock in held:
        reset(sock)
    return tally


def _most_are_turned_away(row):
    notes = row.tally.notes
    assert notes.get("503", 0) > notes.get("401", 0), notes


ATTACKS = [
    Attack("texts against patterns", h1.requests(more="X-Evil: %sb!\r\n" % ("a" * 8000) * 3),
           upstream=0, routes=_patterns),
    Attack("passwords guessed", _guesses, upstream=0, routes=_guarded, also=_most_are_turned_away),
    Attack("answers to compress", h1.requests("GET /big?bytes=1000000 HTTP/1.1",
                                              "Accept-Encoding: gzip\r\n"), memory=4 * MIB,
           routes=['{ path = "/big"; service = "shop"; gzip = true; }',
                   '{ path = "/"; service = "shop"; }']),
]
