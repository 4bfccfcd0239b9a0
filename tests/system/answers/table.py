"""Puts cases to a proxy, one after another, and collects what is wrong."""

import os
import socket

from harness import sanitized
from harness.client import Closed
from harness.h2 import DATA, H2, HEADERS, RST_STREAM, request

from .case import CUT, FIN, H10, H11, H2 as BY_H2, RESET, SEEN, TOLD, WHOLE

_PATIENCE = 10.0
_MEMORY = 16 << 20  # buffers that are kept for the next time, and no more


class View:
    """What a client got of an answer."""

    def __init__(self):
        self.kind = None
        self.status = None
        self.body = b""
        self.interim = []
        self.trailers = []
        self.head = None  # of HTTP/1: the message
        self.why = ""


class Table:
    """An origin that plays cases, the proxy in front of it, and clients."""

    def __init__(self, t, tls=None, **parts):
        self.t = t
        self.origin = t.origin("scripted", tls=tls).does(self._script)
        self.plays = {}
        self.wrong = []
        self.count = 0
        text = parts.pop("service_text", 'health_check = { type = "none"; };'
                         'outlier = { consecutive = 100; failure_share = 1.0; };')
        self.p = t.proxy(regions=parts.pop("regions", None) or {"us-east-1": [self.origin]},
                         service_text=text, plain="h2c = true;", **parts)
        self._h2 = None
        self.p.get("/first")
        self._pid, self._rss = self.p.pid, self.p.rss()
        self._others = self._descriptors() - self.open_connections()

    def open_connections(self):
        """To the endpoint."""
        return self.origin.open_connections

    def _descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.p.pid))

    # the origin's side

    def _script(self, x):
        case = self.plays.get(x.request.target)
        if case is None:
            x.answer(200, x.request.target)
            return
        case.connection = x.connection
        try:
            self._play(x, case)
        finally:
            if case.closed.is_set():
                x.close()

    def _play(self, x, case):
        for piece in case.pieces:
            if piece is SEEN:
                case.seen.wait(_PATIENCE)
            elif piece is TOLD:
                case.told.wait(_PATIENCE)
            elif piece is RESET:
                case.closed.set()
                x.reset()
            elif piece is FIN:
                x.socket.shutdown(socket.SHUT_WR)
            else:
                try:
                    x.send(piece)
                except OSError:  # the proxy has had enough of it
                    case.closed.set()
                    return
        if not case.reused:
            self._until_closed(x, case)

    @staticmethod
    def _until_closed(x, case):
        x.socket.settimeout(_PATIENCE)
        try:
            while x.socket.recv(65536):
                pass
        except socket.timeout:
            return
        except OSError:
            pass
        case.closed.set()

    # the clients' side

    def run(self, cases, by=None):
        for case in cases:
            for protocol in case.by:
                if by is None or protocol in by:
                    self._put(case, protocol)
        return self

    def check(self):
        """Complains of all that was wrong, and of a proxy that is not what it was before."""
        if self._h2 is not None:
            self._h2.close()
        assert self.p.is_running() and self.p.pid == self._pid
        self.t.until(lambda: self._descriptors() <= self._others + self.open_connections(),
                     "no connection is left over")
        assert self.p.metrics().total("detour_worker_requests_in_flight") == 0
        grown = self.p.rss() - self._rss
        assert sanitized() or grown < _MEMORY, "%d KiB more than before" % (grown // 1024)
        assert not self.wrong, "%d of %d:\n%s" % (len(self.wrong), self.count,
                                                  "\n".join(self.wrong))

    def _put(self, case, protocol):
        target = "/%d/%s" % (self.count, protocol)
        self.count += 1
        case.again()
        self.plays[target] = case
        client = None
        try:
            if protocol == BY_H2:
                view = self.ask_h2(case.method, target, case.seen.set)
                case.told.set()
            else:
                client = self.p.client(tls=False)
                view = self._ask_h1(client, case, target, protocol)
            complaint = self._judge(case, protocol, view) or self._after(case, client, view, target)
        except Exception as e:
            complaint = "%s: %s" % (type(e).__name__, e)
        case.seen.set()
        case.told.set()
        if client is not None:
            client.close()
        if complaint:
            self.wrong.append("%s (to %s): %s" % (case.name, protocol, complaint))

    def _ask_h1(self, client, case, target, protocol):
        view = View()
        client.request(case.method, target, case.fields, version="HTTP/" + protocol)
        try:
            if SEEN in case.pieces:
                client.reader.fill()
                case.seen.set()
            got = client.response(case.method)
        except (Closed, ConnectionError) as e:
            view.kind, view.why = CUT, str(e)
            return view
        finally:
            case.told.set()
        view.kind, view.status, view.body, view.head = WHOLE, got.status, got.body, got
        view.interim = [i.status for i in got.interim]
        view.trailers = got.trailers
        if client.reader.buffer:
            view.why = "bytes behind it: %r" % client.reader.buffer[:80]
        return view

    def ask_h2(self, method, target, saw):
        """By the one HTTP/2 connection, which outlives whatever befalls its streams."""
        view = View()
        if self._h2 is None:
            self._h2 = H2(self.p)
        h = self._h2
        stream = h.open(request(method, target))
        while view.kind is None:
            f = h.until(lambda f: f.stream == stream and f.kind in (HEADERS, DATA, RST_STREAM))
            if f.kind == HEADERS and (view.status is None or view.status < 200):
                if view.status is not None:
                    view.interim.append(view.status)
                view.status = f.status
            elif f.kind == DATA:
                view.body += f.payload
                h.window(0, max(1, len(f.payload)))
                if not f.ends:
                    h.window(stream, max(1, len(f.payload)))
            elif f.kind == RST_STREAM:
                view.kind, view.why = CUT, "RST_STREAM %d" % f.error
            saw()
            if f.ends:
                view.kind = WHOLE
        return view

    # judging

    def _judge(self, case, protocol, view):
        if view.kind != case.kind:
            return "is %s, should be %s (%s %r %s)" % (view.kind, case.kind, view.status,
                                                       view.body[:60], view.why)
        if view.kind == CUT:
            return ""
        if view.status != case.status:
            return "status %r, should be %d" % (view.status, case.status)
        if case.body is not None and view.body != case.body:
            return "body %r, should be %r" % (view.body[:60], case.body[:60])
        if view.why:
            return view.why
        if case.interim != view.interim and protocol != H10:
            return "interim %r, should be %r" % (view.interim, case.interim)
        if protocol == H10 and view.interim:
            return "1.0 knows no interim answer: %r" % view.interim
        if protocol == H11 and view.trailers != case.trailers:
            return "trailers %r, should be %r" % (view.trailers, case.trailers)
        return "" if view.head is None else self._judge_head(case, protocol, view.head)

    @staticmethod
    def _judge_head(case, protocol, head):
        if head.version != "HTTP/1.1":
            return "answers as " + head.version
        for name in case.hasnt:
            if head.has(name):
                return "has %s: %s" % (name, head.all(name))
        for name in {n for n, _ in case.has}:
            wanted = [v for n, v in case.has if n == name]
            got = head.all(name)
            if got != wanted and not (wanted == [None] and len(got) == 1):
                return "%s is %r, should be %r" % (name, got, wanted)
        for name in ("connection", "transfer-encoding", "content-length"):
            if len(head.all(name)) > 1:
                return "%s twice: %r" % (name, head.all(name))
        both = head.has("content-length") + head.has("transfer-encoding")
        if both > 1 or (protocol == H10 and head.has("transfer-encoding")):
            return "framed as %r" % head.fields
        bodiless = case.method == "HEAD" or case.status in (204, 304)
        if protocol == H11 and not both and not bodiless:
            return "its end cannot be proven: %r" % head.fields
        return ""

    def _after(self, case, client, view, target):
        """The connections: the client's own, and the endpoint's that the next client may get."""
        if case.reused is False and not case.closed.wait(_PATIENCE):
            return "the connection to the endpoint stays open"
        if view.kind == WHOLE and client is not None and view.head.version == "HTTP/1.1" and \
                not view.head.has("connection"):
            again = client.get(target + "/again")
            if again.status != 200 or again.text != target + "/again":
                return "the same client then got %s %r" % (again.line, again.text[:60])
        elif view.kind == WHOLE and client is not None and client.rest() != b"":
            return "bytes behind the last answer"
        with self.p.client(tls=False) as other:
            answer = other.get(target + "/next")
        if answer.status != 200 or answer.text != target + "/next":
            return "the next client got %s %r" % (answer.line, answer.text[:60])
        used = self.origin.of(target + "/next")[-1].connection
        if case.reused is True and used != case.connection:
            return "the connection to the endpoint was not used again"
        if case.reused is False and used == case.connection:
            return "the connection to the endpoint was used again"
        return ""


__all__ = ["Table"]
