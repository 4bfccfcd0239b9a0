"""HTTP/1.1: slow clients, and much ado about nothing."""

import h1_floods as h1
from attack import KIB, Attack


def _all_told(status):
    def also(row):
        told = row.tally.notes.get(status, 0)
        assert told >= row.tally.connections * 0.9, row.tally.notes
        assert row.tally.notes["held"] == 0, row.tally.notes

    return also


def _none_left(row):
    assert row.tally.notes["held"] == 0, row.tally.notes


def _each_cut(row):
    assert row.tally.cut >= row.tally.connections - 1, row.tally.notes


ATTACKS = [
    Attack("slowloris", h1.slowloris, seconds=4, memory=300 * 40 * KIB, upstream=0, warm=False,
           also=_all_told("408"), limits='request_head = "1s";'),
    Attack("slow bodies", h1.slow_body, seconds=5, memory=200 * 60 * KIB, warm=False,
           also=_all_told("408"), limits='min_rate_grace = "1s"; body_idle = "1s";'),
    Attack("slow readers", h1.slow_read, seconds=5, memory=20 * 200 * KIB, warm=False,
           also=_none_left, limits='send_stall = "1s";'),
    # Others wait behind those that read nothing, half a second for each time they fill the endpoint.
    Attack("slow readers, more than connections", h1.slow_read, seconds=3, memory=20 * 200 * KIB,
           warm=False, p99_ms=1500, service_text="limits = { max_connections = 10; };"),
    Attack("pipelines of 10000", h1.pipeline),
    Attack("chunks of a byte", h1.chunks_of_one_byte),
    Attack("chunk extensions", h1.chunk_extensions),
    Attack("heads as large as may be", h1.header_flood),
    Attack("heads without end", h1.header_too_large, upstream=0, also=_each_cut),
    Attack("empty lines", h1.empty_lines, upstream=0),
]
