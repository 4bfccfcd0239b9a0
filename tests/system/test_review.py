"""Corners of the data path where two things happen at once."""

import socket

from harness import sanitize, until


def _more_tls(t):
    """A second TLS listener: its address, and the parts that configure it."""
    address = t.lease.address()
    more = address, t.lease.port(address)
    site = t.pki.site()
    return more, {
        "tls_blocks": ['{ name = "more"; certificates = ( { chain = "%s"; key = "%s"; } ); }'
                       % (site.chain, site.key)],
        "listeners": ['{ name = "more"; bind = "%s:%d"; tls = "more"; }' % more]}


@sanitize
def clients_in_the_queue_of_a_listener_that_leaves_are_served_by_it(t):
    more, parts = _more_tls(t)
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, limits="max_connections = 2;", **parts)
    held = [p.client() for _ in range(2)]
    for c in held:
        c.get("/").expect(200, "east")
    queued = [socket.create_connection(more, 10) for _ in range(3)]
    # Room for those who wait comes with the same reload that takes their listener away.
    assert p.reload(limits="max_connections = 100;", tls_blocks=[], listeners=[])
    for s in queued:
        with p.context.wrap_socket(s, server_hostname="shop.example.com") as c:
            c.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n")
            assert c.recv(65536).startswith(b"HTTP/1.1 200 ")


@sanitize
def a_raised_limit_on_connections_holds_at_once(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, limits="max_connections = 2;")
    held = [p.client() for _ in range(2)]
    for c in held:
        c.get("/").expect(200, "east")
    assert p.reload(limits="max_connections = 100;")
    p.get("/").expect(200, "east")
