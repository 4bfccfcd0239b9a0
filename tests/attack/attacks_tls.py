"""TLS: what a handshake costs, and what may be said after one."""

import h1_floods as h1
import tls_floods as tls
from attack import KIB, MIB, Attack, with_test


def _lab(mode):
    @with_test
    def make(t):
        return tls.tool(tls.lab(t, "attack-tls"), mode)

    return make


def _none_left(row):
    assert row.tally.notes["held"] == 0, row.tally.notes


def _each_cut(row):
    tally = row.tally
    assert tally.cut >= max(1, tally.connections - 1), (tally.cut, tally.connections)


def _soon_cut(row):
    """Refused, more than once, but not as often as anybody cares to ask."""
    _each_cut(row)
    each = row.tally.units / row.tally.connections
    assert 5 < each < 300, "%.1f a connection" % each


ATTACKS = [
    Attack("handshakes", tls.handshakes, memory=4 * MIB, upstream=0),
    Attack("handshakes begun", tls.half_hellos, seconds=4, memory=300 * 64 * KIB, upstream=0, warm=False,
           also=_none_left, limits='tls_handshake = "2s";'),
    Attack("KeyUpdates", _lab("keyupdate"), upstream=0, also=_each_cut),
    Attack("renegotiation", _lab("renegotiate"), memory=4 * MIB, upstream=0, also=_each_cut),
    Attack("renegotiation, again and again", _lab("insist"), memory=4 * MIB, upstream=0,
           also=_soon_cut),
    Attack("connections", h1.connections(3000), memory=20 * MIB, upstream=0),
]
