"""HTTP/2: floods, bombs, and windows that stay shut."""

import h2_floods as h2
from attack import KIB, MIB, Attack


def _nearly_all_cut(row):
    """Who floods is cut off; only what the end of the time caught still stood."""
    tally = row.tally
    assert tally.cut >= tally.connections - 1, "cut %d of %d" % (tally.cut, tally.connections)


# A connection that is cut stays for up to two seconds, for its last word to be heard, and an attacker
# who comes back makes hundreds of those.
_LINGERING = 12 * MIB


def _flood(name, run, **options):
    return Attack(name, run, memory=_LINGERING, cut=1.0, also=_nearly_all_cut, **options)


def _caused_little(row):
    """A request opened to be reset reaches the endpoint only as long as nobody could tell."""
    _nearly_all_cut(row)
    most = 20 * row.tally.connections
    assert row.upstream <= most, "%d requests, %d would be bearable" % (row.upstream, most)


def _bomb_is_defused(row):
    assert row.tally.notes["held"] == 0, "it still stands"


def _reset(streams):
    """Each stream is ended, or its connection."""

    def also(row):
        tally = row.tally
        most = streams * (tally.connections - tally.cut)
        assert tally.units >= most, "%d of %d are reset" % (tally.units, most)

    return also


# What requests of HTTP/2 hold, sent on by HTTP/1: an exchange, two sides, a connection, their bytes.
_REQUEST = 8 * KIB
# A connection with its TLS and its HTTP/2, and nothing under way.
_CONNECTION = 48 * KIB

_SHORT_STALL = 'send_stall = "1s";'

ATTACKS = [
    Attack("rapid reset", h2.rapid_reset, memory=_LINGERING, cut=1.0, also=_caused_little, delay=20),
    *(Attack("made you reset: " + name, h2.made_you_reset(name), memory=_LINGERING, cut=1.0,
             also=_caused_little, delay=20, seconds=0.7) for name in h2.TRIGGERS),
    *(_flood("endless header section: " + kind, h2.continuation_flood(kind), upstream=0,
             seconds=0.7) for kind in ("empty", "literal", "huffman")),
    _flood("HPACK bomb", h2.hpack_bomb),
    Attack("HTTP/2 bomb of 2026", h2.bomb_of_2026, memory=1 * MIB, cut=30.0, also=_bomb_is_defused),
    *(_flood("flood of frames: " + kind, h2.frame_flood(kind), seconds=0.7) for kind in h2.FRAMES
      if kind != "unknown"),
    # These are passed over at 50 ns each, and are not counted.
    Attack("flood of frames: unknown", h2.frame_flood("unknown"), seconds=0.7, ratio=2),
    # Connections have h2_max_streams requests each, and come 10 ms apart at the quickest. A late proxy
    # has four of them to hear of; of each, that it is gone is known 100 ms after its last bytes. The
    # bystander opens some more, as his requests take longer.
    Attack("many streams reset at once", h2.mass_reset(100), delay=50,
           memory=4 * 100 * _REQUEST + 10 * _CONNECTION),
    Attack("PINGs unread", h2.unread_answers, cut=None),
    # For each answer that waits, until its time is over: 4 KiB of it, its exchange, a connection.
    Attack("windows pinned at nothing", h2.pinned_windows, seconds=10, memory=8 * 100 * 16 * KIB,
           also=_reset(100), warm=False, limits=_SHORT_STALL),
    # Others wait behind those that pin, half a second for each time they fill the endpoint.
    Attack("windows pinned at nothing, more than connections", h2.pinned_windows, seconds=3,
           memory=8 * 100 * 16 * KIB, warm=False, p99_ms=1500,
           service_text="limits = { max_connections = 500; };"),
    Attack("windows by the byte", h2.window_by_the_byte, seconds=10, memory=5 * 20 * 96 * KIB,
           also=_reset(20), warm=False, limits=_SHORT_STALL),
]
