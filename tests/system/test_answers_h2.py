"""
The same by HTTP/2 (RFC 9113): an answer that goes wrong costs its stream, an endpoint that does its
connection, and no client takes a part for the whole.
"""

from answers import frames
from answers.case import CUT, WHOLE
from answers.table import Table, View
from harness import sanitize, until
from harness.client import Closed

_H2 = 'protocol = "h2";'
_CALM = ('health_check = { type = "none"; }; retry = { attempts = 1; };'
         'outlier = { consecutive = 100; failure_share = 1.0; };')


class Frames(Table):
    """The same with an origin that speaks HTTP/2."""

    def __init__(self, t):
        self.h2_origin = t.h2_origin("scripted")
        super().__init__(t, regions={"us-east-1": {"endpoints": [self.h2_origin], "text": _H2}},
                         service_text=_CALM)

    def open_connections(self):
        return sum(1 for c in self.h2_origin.connections if c.is_open)

    def run(self, answers, by=None):
        for answer in answers:
            for ask in (self._by_h1, self._by_h2):
                self.count += 1
                try:
                    complaint = self._put_to(answer, ask)
                except Exception as e:
                    complaint = "%s: %s" % (type(e).__name__, e)
                if complaint:
                    self.wrong.append("%s (%s): %s" % (answer.name, ask.__name__, complaint))
        return self

    def _by_h1(self, answer):
        view = View()
        with self.p.client(tls=False) as c:
            c.request(answer.method, "/")
            try:
                got = c.response(answer.method)
            except (Closed, ConnectionError) as e:
                view.kind, view.why = CUT, str(e)
                return view
            assert not c.reader.buffer, "bytes behind it"
            assert answer.kind is None or c.is_open(), "the client's connection has ended"
        view.kind, view.status, view.body = WHOLE, got.status, got.body
        view.interim = [i.status for i in got.interim]
        return view

    def _by_h2(self, answer):
        return self.ask_h2(answer.method, "/", lambda: None)

    def _put_to(self, answer, ask):
        self.h2_origin.does(lambda s: s.answer(200, "before"))
        self.p.get("/").expect(200, "before")
        before = self.h2_origin.connections[-1]
        self.h2_origin.does(answer.script)
        view = ask(answer)
        self.h2_origin.does(lambda s: s.answer(200, "after"))
        wanted = answer.kind
        if wanted == frames.CUT_OR_REFUSED:
            wanted = WHOLE if view.status == 502 else CUT
        if wanted is not None and view.kind != wanted:
            return "is %s, should be %s (%s %r %s)" % (view.kind, wanted, view.status,
                                                       view.body[:60], view.why)
        if view.kind == WHOLE and view.status != answer.status:
            return "status %r, should be %d" % (view.status, answer.status)
        if view.kind == WHOLE and answer.body is not None and view.body != answer.body:
            return "body %r, should be %r" % (view.body[:60], answer.body)
        if view.kind == WHOLE and view.interim != answer.interim:
            return "interim %r, should be %r" % (view.interim, answer.interim)
        if answer.same is False:
            until(lambda: not before.is_open, "the connection to the endpoint ends")
        if answer.same is None:  # it may end at any moment, with whatever is on it
            until(lambda: self.p.get("/").status == 200, "others are served")
        self.p.get("/").expect(200, "after")
        same = self.h2_origin.connections[-1] is before
        if answer.same is not None and same != answer.same:
            return "the connection to the endpoint was%s used again" % ("" if same else " not")
        return ""


@sanitize
def answers_in_frames_pass_whole(t):
    Frames(t).run(frames.GOOD).check()


@sanitize
def malformed_heads_cost_their_stream_alone(t):
    Frames(t).run(frames.HEADS).check()


@sanitize
def a_body_that_goes_wrong_shows_as_cut(t):
    Frames(t).run(frames.BODIES).check()


@sanitize
def what_follows_the_end_of_an_answer_reaches_nobody(t):
    Frames(t).run(frames.BEHIND).check()


@sanitize
def who_breaks_the_protocol_loses_the_connection(t):
    Frames(t).run(frames.CONNECTIONS).check()
