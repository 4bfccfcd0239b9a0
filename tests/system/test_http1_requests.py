"""
HTTP/1.1 requests by the letter: the tables of h1/, tried whole, byte by byte and cut at random.

Judged by the bytes that reach a recording endpoint: nothing, or one request in canonical form.
"""

from harness import deadline, sanitize

from h1 import chunked, coding, fields, hop, host, length, line, sequence, target
from h1.judge import bytewise, cut_at_random, try_all, whole


def _try(t, cases):
    names = [c.name for c in cases]
    twice = {n for n in names if names.count(n) > 1}
    assert not twice, "names of two cases: %r" % twice
    origin = t.origin("east").does(lambda x: x.answer(200, x.request.target))
    p = t.proxy(regions={"us-east-1": [origin]}, service_text='via = "requests";')
    sent = try_all(p, origin, cases, [whole, bytewise, cut_at_random(1)])
    t.report("%d cases, %d requests forwarded" % (len(cases), len(sent)))


@sanitize
@deadline(60)
def request_lines_are_read_to_the_letter(t):
    _try(t, line.CASES)


@sanitize
@deadline(60)
def targets_have_one_of_four_forms_and_one_meaning(t):
    _try(t, target.CASES)


@sanitize
@deadline(60)
def a_host_is_one_name(t):
    _try(t, host.CASES)


@sanitize
@deadline(60)
def fields_are_read_to_the_letter(t):
    _try(t, fields.CASES)


@sanitize
@deadline(60)
def a_length_is_one_number(t):
    _try(t, length.CASES)


@sanitize
@deadline(60)
def a_coding_is_chunked_and_alone(t):
    _try(t, coding.CASES)


@sanitize
@deadline(60)
def chunks_are_read_to_the_letter_and_framed_anew(t):
    _try(t, chunked.CASES)


@sanitize
@deadline(60)
def what_belongs_to_a_connection_ends_with_it(t):
    _try(t, hop.CASES)


@sanitize
@deadline(60)
def requests_of_a_connection_are_answered_in_order_until_one_is_refused(t):
    _try(t, sequence.CASES)


def _asked(t, target="/a", headers=(), **parts):
    """The status of one request to a proxy of these parts, and what arrived of it."""
    origin = t.origin()
    p = t.proxy(regions={"us-east-1": [origin]}, **parts)
    status = p.client(tls=False).get(target, headers).status
    return status, origin.requests[-1] if origin.requests else None


@sanitize
def underscores_in_names_are_kept_or_refused_where_asked_for(t):
    status, seen = _asked(t, headers=[("User_Id", "7")], limits='underscores = "keep";')
    assert status == 200 and seen.all("user_id") == ["7"], seen.fields
    status, seen = _asked(t, headers=[("Content_Length", "7")], limits='underscores = "keep";')
    assert status == 400 and seen is None, "an alias of framing is refused all the same"
    status, seen = _asked(t, headers=[("User_Id", "7")], limits='underscores = "refuse";')
    assert status == 400 and seen is None


@sanitize
def encoded_slashes_are_refused_where_asked_for(t):
    status, seen = _asked(t, "/a%2fb", limits='encoded_slash = "refuse";')
    assert status == 400 and seen is None
    status, seen = _asked(t, "/a?b=%2f", limits='encoded_slash = "refuse";')
    assert status == 200 and seen.target == "/a?b=%2f", "a query is nobody's path"


@sanitize
def slashes_are_merged_or_refused_where_asked_for(t):
    status, seen = _asked(t, "//a/.//b//")
    assert status == 200 and seen.target == "//a//b//", seen.target
    status, seen = _asked(t, "///a/.//b/..//c//?d=//", limits='slashes = "merge";')
    assert status == 200 and seen.target == "/a/c/?d=//", seen.target
    status, seen = _asked(t, "/a//b", limits='slashes = "refuse";')
    assert status == 400 and seen is None
    status, seen = _asked(t, "/a/b?c=//", limits='slashes = "refuse";')
    assert status == 200 and seen.target == "/a/b?c=//"


@sanitize
def via_is_added_where_asked_for(t):
    _, seen = _asked(t, service_text='via = "requests";')
    assert seen.all("via") == ["1.1 detour"], seen.fields
    _, seen = _asked(t)
    assert not seen.has("via"), seen.fields
