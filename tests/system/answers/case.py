"""
One answer of an endpoint, byte by byte, and what a client must get of it.

A case is what the origin sends (pieces, with marks among them for when it waits or ends), what was
asked, what the client sees of it and whether the connection to the endpoint may be used again. The
same case is put by clients of HTTP/1.1, 1.0 and HTTP/2: what is whole is whole for each, what is
cut shows as cut in each one's own way.
"""

import threading


class Mark:
    """Among the pieces: not bytes, but something to do."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


SEEN = Mark("SEEN")  # waits until the client has seen something of the answer
TOLD = Mark("TOLD")  # waits until the client has all that it gets
FIN = Mark("FIN")  # ends the origin's direction; what it then reads is nobody's
RESET = Mark("RESET")

WHOLE, CUT = "whole", "cut"
H11, H10, H2 = "1.1", "1.0", "2"

OK = "HTTP/1.1 200 OK\r\n"
FIVE = OK + "Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + "Transfer-Encoding: chunked\r\n\r\n"
LAST = "0\r\n\r\n"


class Case:
    def __init__(self, name, pieces, kind, status, body, reused, **more):
        self.name = name
        self.pieces = [p.encode("latin-1") if isinstance(p, str) else p for p in pieces]
        self.kind = kind
        self.status = status
        self.body = body.encode("latin-1") if isinstance(body, str) else body
        self.reused = reused  # the connection to the endpoint; None: not judged
        self.method = more.pop("method", "GET")
        self.fields = more.pop("fields", ())  # of the request
        self.has = more.pop("has", ())  # (name, value) pairs of the answer, as it reaches 1.x
        self.hasnt = more.pop("hasnt", ())
        self.interim = more.pop("interim", [])  # statuses, for who understands them
        self.trailers = more.pop("trailers", [])  # where the answer is chunked
        self.by = more.pop("by", (H11, H10, H2))
        assert not more, more
        self.seen, self.told = threading.Event(), threading.Event()
        self.closed = threading.Event()  # the proxy has ended the connection
        self.connection = None

    def again(self):
        """Before it is put by another client."""
        for event in (self.seen, self.told, self.closed):
            event.clear()
        self.connection = None


def good(name, *pieces, body="hello", status=200, reused=True, **more):
    """Reaches the client whole."""
    return Case(name, pieces, WHOLE, status, body, reused, **more)


def bad(name, *pieces, **more):
    """Nothing of it reaches the client, who is answered 502."""
    more.setdefault("reused", False)
    return Case(name, pieces, WHOLE, 502, None, more.pop("reused"), **more)


def cut(name, *pieces, status=200, **more):
    """Its beginning has reached the client when it turns out bad."""
    return Case(name, pieces, CUT, status, None, False, **more)
