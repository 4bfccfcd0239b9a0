"""Bursts at a stated capacity: what is more than a bucket waits for its turn, or is shed at once."""

import threading
import time

from harness import alone, deadline, sanitize, until
from harness.h2 import DATA, HEADERS, H2, RST_STREAM, block, frame, request


def _proxy(t, capacity, origin, text="", **parts):
    p = t.proxy(regions={"us-east-1": {"endpoints": [origin],
                                       "text": "capacity = %d; %s" % (capacity, text)}}, **parts)
    p.until_state(origin, "up")
    return p


def _page(p, streams, path="/page"):
    """The statuses of so many streams of one connection that are opened in one write."""
    with H2(p, tls=True) as c:
        ids = [c.next_id() for _ in range(streams)]
        c.send(b"".join(frame(HEADERS, 5, i, block(request(path=path))) for i in ids))
        seen = {}
        while len(seen) < streams:
            f = c.until(lambda f: f.kind == HEADERS and f.stream not in seen, "all answers")
            seen[f.stream] = f.status
        return list(seen.values())


def _at_once(p, count, path="/page"):
    """The statuses of so many HTTP/1 connections that send together."""
    clients = [p.client(tls=False) for _ in range(count)]
    for c in clients:
        c.request("GET", path)
    return [c.response().status for c in clients]


@sanitize
def a_page_of_twenty_streams_is_served_whole_at_an_idle_region(t):
    for capacity in (400, 100):
        p = _proxy(t, capacity, t.nginx("only-%d" % capacity))
        assert _page(p, 20) == [200] * 20
        waits = sorted(line["queue_us"] for line in p.until_access("/page", count=20))
        assert waits[-1] > 10000, waits
        p.stop()


@sanitize
def twenty_connections_are_served_whole_at_an_idle_region(t):
    for capacity in (400, 100):
        p = _proxy(t, capacity, t.nginx("only-%d" % capacity))
        assert _at_once(p, 20) == [200] * 20
        p.stop()
