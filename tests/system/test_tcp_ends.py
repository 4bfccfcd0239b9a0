"""Connections of tcp services that their endpoint ends before anything was said."""

import socket
import threading
import time

from harness import sanitize, tcp, until


def _ends(end, after=0.05, heard=0):
    """After a moment, in which a connection is through; heard: it waits for so many bytes instead."""

    def script(sock):
        if heard > 0:
            tcp.exactly(sock, heard)
        else:
            time.sleep(after)
        end(sock)

    return script


def _in_front(t, endpoint, text=""):
    """A region with this endpoint, and another that steps in."""
    west = tcp.start(t, tcp.says(b"west"))
    return west, tcp.Setup(t, {"us-east-1": {"endpoints": [endpoint], "text": text},
                               "us-west-2": {"endpoints": [west], "tier": 1}})


def _closes(sock):
    sock.close()


@sanitize
def an_end_before_anything_was_said_leads_a_connection_elsewhere(t):
    for end in (_closes, tcp.reset):
        east = tcp.start(t, _ends(end))
        _, s = _in_front(t, east)
        c = s.connect()
        assert tcp.exactly(c, 4) == b"west"
        assert east.accepted == 1
        c.sendall(b"hello")
        c.shutdown(socket.SHUT_WR)
        assert tcp.rest(c) == b"hello"
        line = until(lambda: s.proxy.access(), "the log has its line")[0]
        assert (line["region"], line["reason"]) == ("us-west-2", "-"), line
        until(lambda: s.proxy.metrics().total("detour_worker_requests_in_flight") == 0, "it is over")
        assert s.proxy.metrics().total("detour_worker_tunnels") == 0


@sanitize
def an_end_is_the_clients_to_hear_once_a_byte_was_sent_or_time_has_passed(t):
    west, s = _in_front(t, tcp.start(t, _ends(_closes, heard=5)))
    c = s.connect()
    c.sendall(b"order")
    assert tcp.rest(c) == b""
    west, late = _in_front(t, tcp.start(t, _ends(_closes, after=1.5)))
    assert tcp.rest(late.connect()) == b""
    assert west.accepted == 0
    alone = tcp.Setup(t, {"us-east-1": [tcp.start(t, _ends(_closes))]})
    assert tcp.rest(alone.connect()) == b""


@sanitize
def an_endpoint_that_knows_the_client_has_answered_him_by_an_end(t):
    """Access rules of endpoints refuse one client so, who would get all of them taken out else."""
    west, s = _in_front(t, tcp.start(t, _ends(_closes)), text='send_proxy = "v2";')
    for _ in range(30):
        c = s.connect()
        try:
            assert tcp.rest(c) == b""
        except ConnectionResetError:
            pass
    assert west.accepted == 0
    assert all(e["state"] != "down" for e in s.proxy.endpoints().values())


class _Gate:
    """A TLS context whose handshakes wait until they may begin."""

    def __init__(self, context):
        self.context = context
        self.may = threading.Event()

    def wrap_socket(self, *args, **options):
        assert self.may.wait(30)
        return self.context.wrap_socket(*args, **options)


@sanitize
def a_kept_connection_that_ends_unused_costs_its_endpoint_nothing(t):
    """Kept, as another region was quicker; a fresh one is made in its place, to the same endpoint."""
    ends, gate = threading.Event(), _Gate(t.pki.server_context(t.pki.site()))

    def script(sock):
        if not ends.is_set():
            ends.wait(30)
        else:
            sock.sendall(b"east")
            tcp.echo(sock)

    east, west = tcp.start(t, script, gate), tcp.start(t, tcp.says(b"west"))
    s = tcp.Setup(t, {"us-east-1": {"endpoints": [east], "text": "tls = { verify = false; };"},
                      "us-west-2": {"endpoints": [west], "tier": 1}},
                  text='health_check = { type = "none"; }; timeouts = { connect = "30s"; };')
    of_east = lambda name: s.proxy.metrics().total("detour_endpoint_" + name, endpoint=east.url)
    assert tcp.exactly(s.connect(), 4) == b"west"
    gate.may.set()
    until(lambda: of_east("idle_connections") == 1, "what came too late is kept")
    errors = of_east("errors_total")
    c = s.connect()
    until(lambda: of_east("idle_connections") == 0, "it is given away")
    ends.set()
    assert tcp.exactly(c, 4) == b"east"
    assert (east.accepted, west.accepted) == (2, 1)
    assert of_east("errors_total") == errors


@sanitize
def an_endpoint_that_ends_all_connections_before_anything_was_said_is_left(t):
    """None of them is an answer, which would end the row of three that it takes."""
    east = tcp.start(t, _closes)
    _, s = _in_front(t, east)
    for _ in range(10):
        assert tcp.exactly(s.connect(), 4) == b"west"
        time.sleep(0.15)  # each is counted in a tick of its own
    found = s.proxy.endpoints()["db", "us-east-1", east.url]
    assert found["requests"] == found["errors"] == east.accepted == 3, found
    assert s.proxy.shares("db") == {"us-east-1": 0, "us-west-2": 1}
