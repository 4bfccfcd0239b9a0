"""
Answers of endpoints that keep to HTTP and of such that do not (RFC 9112, 9110): no client takes a
cut or mixed answer for a whole one, and no connection that went wrong is used again.
"""

from answers import framing, heads
from answers.table import Table
from harness import sanitize


@sanitize
def status_lines_are_read_by_the_letter(t):
    Table(t).run(heads.STATUS_LINES).check()


@sanitize
def fields_are_read_by_the_letter(t):
    Table(t).run(heads.FIELDS).check()


@sanitize
def what_is_of_one_hop_ends_there(t):
    Table(t).run(heads.HOP_BY_HOP).check()


@sanitize
def an_announced_length_means_one_thing_or_nothing(t):
    Table(t).run(framing.ANNOUNCED).check()


@sanitize
def answers_without_a_body_end_with_their_head(t):
    Table(t).run(framing.WITHOUT_BODY).check()


@sanitize
def what_comes_behind_an_answer_is_nobodys(t):
    Table(t).run(framing.BEHIND).check()


@sanitize
def a_cut_answer_shows_as_cut_to_every_client(t):
    Table(t).run(framing.CUT_SHORT).check()


@sanitize
def chunks_are_read_by_the_letter(t):
    Table(t).run(framing.CHUNKS).check()


@sanitize
def interim_answers_pass_within_limits(t):
    Table(t).run(framing.INTERIM).check()


@sanitize
def only_the_protocol_asked_for_is_switched_to(t):
    Table(t).run(framing.UPGRADES).check()
