"""
What Detour forwards means the same to everybody: each distinct message is sent to nginx, Apache
and Python's http.server, and to Node where asked for (tests/conformance/replay.sh), which must
see the same method, target and body in it, and the next request right behind.
"""

import os
import re
import socket

from harness import deadline

from h1 import chunked, coding, fields, hop, host, length, line, sequence, servers, target
from h1 import canonical
from h1.judge import try_all, whole
from harness.wait import SLACK

_CANARY = ("GET", "/canary", b"")
_NEXT = b"GET /canary HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
_VARIES = re.compile(rb"(X-Request-Id: |CDN-Loop: |X-Forwarded-Port: )[^\r]*")


def _forwarded(t):
    """The distinct messages that all the tables make Detour forward."""
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.target))
    p = t.proxy(regions={"us-east-1": [origin]})
    cases = [c for m in (line, target, host, fields, length, coding, chunked, hop, sequence)
             for c in m.CASES if c.arrivals]
    distinct = {_VARIES.sub(rb"\1x", m): m for m in try_all(p, origin, cases, [whole])}
    return list(distinct.values())


def _send(server, data):
    with socket.create_connection(server.address, timeout=10 * SLACK) as s:
        s.sendall(data)
        while s.recv(65536):
            pass


def _replay(server, messages):
    """Sends each with another request behind it; returns what is wrong and how many it refused."""
    wrong, refused = [], 0
    for message in messages:
        before = len(server.seen())
        meant, _ = canonical.read(message)
        try:
            _send(server, message + _NEXT)
        except ConnectionError:
            pass  # refused with bytes unread
        wanted = [(meant.method, meant.target, meant.body), _CANARY]
        if servers.REFUSES[server.name](message):
            seen = server.seen()[before:]
            refused += 1
            if seen not in ([], [_CANARY]):
                wrong.append("%s: took %r of %r" % (server.name, seen, message[:200]))
            continue
        seen = server.seen()[before:]
        if seen != wanted:
            wrong.append("%s: %r of %r" % (server.name, seen, message[:300]))
    return wrong, refused


@deadline(120)
def every_server_sees_the_same_requests_in_what_is_forwarded(t):
    messages = _forwarded(t)
    assert len(messages) > 250, len(messages)
    replayed = [servers.nginx(t), servers.apache(t), servers.Python(t)]
    if os.environ.get("DETOUR_REPLAY_NODE"):
        replayed.append(servers.Node(t))
    wrong = []
    for server in replayed:
        bad, refused = _replay(server, messages)
        t.report("%s: %d messages, %d not for it" % (server.name, len(messages), refused))
        wrong += bad
    assert not wrong, "%d wrong\n%s" % (len(wrong), "\n".join(wrong))
