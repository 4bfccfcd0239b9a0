"""Connections that say in front of their first byte whom they are from."""

import socket
import struct

from harness import sanitize
from harness.message import Closed

TRUST = 'trusted_proxies = ( "127.0.0.7" );'
LISTENERS = {"top": TRUST, "listener": "proxy_protocol = true;", "plain": "proxy_protocol = true;"}
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 203.0.113.5 198.51.100.1 4711 8443\r\n"


def v2(source="203.0.113.5", destination="198.51.100.1", extras=b"", command=0x21):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    body = (socket.inet_pton(family, source) + socket.inet_pton(family, destination) +
            struct.pack(">HH", 4711, 8443) + extras)
    return (SIGNATURE + bytes([command, 0x21 if ":" in source else 0x11]) +
            struct.pack(">H", len(body)) + body)


def connect(p, source="127.0.0.7"):
    return p.client(tls=False, source=source)


def start_tls(p, c):
    """The header has been sent; what comes now is TLS."""
    c.socket = p.context.wrap_socket(c.socket, server_hostname="shop.example.com",
                                     suppress_ragged_eofs=False)


@sanitize
def the_client_is_whom_the_header_names(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, **LISTENERS)
    tls_extra = b"\x20\x00\x05\x01\0\0\0\0"
    cases = [
        ("v1", V1, "203.0.113.5", "8443", "http"),
        ("v2", v2(), "203.0.113.5", "8443", "http"),
        ("v2-six", v2("2001:db8::5", "2001:db8::1"), "2001:db8::5", "8443", "http"),
        ("v2-tls", v2(extras=tls_extra), "203.0.113.5", "8443", "https"),
        ("v2-more", v2(extras=b"\x04\x00\x05abcde"), "203.0.113.5", "8443", "http"),
        ("v1-unknown", b"PROXY UNKNOWN\r\n", "127.0.0.7", str(p.http[1]), "http"),
        ("v2-local", SIGNATURE + b"\x20\0\0\0", "127.0.0.7", str(p.http[1]), "http"),
    ]
    for name, header, client, port, scheme in cases:
        request = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % name.encode()
        cuts = [[header + request], [header, request]]
        if name in ("v1", "v2"):
            cuts.append([header[:5], header[5:14], header[14:] + request[:9], request[9:]])
        for pieces in cuts:
            with connect(p) as c:
                for piece in pieces:
                    c.send(piece)
                    if len(pieces) > 2:
                        t.until(lambda: unread(p, c) == 0, "the piece is read")
                assert c.response().status == 200, name
            seen = origin.last
            assert seen.all("x-forwarded-for") == [client], (name, seen.fields)
            assert seen.all("x-forwarded-port") == [port], (name, seen.fields)
            assert seen.all("x-forwarded-proto") == [scheme], (name, seen.fields)
    line = p.until_access("/v2")[0]
    assert line["client"] == "203.0.113.5:4711", line


def unread(p, c):
    """Bytes that wait in the proxy's socket of this connection."""
    mine, its = c.socket.getsockname(), c.socket.getpeername()
    with open("/proc/net/tcp") as f:
        for line in f.read().splitlines()[1:]:
            words = line.split()
            if words[1] == _hex(its) and words[2] == _hex(mine):
                return int(words[4].split(":")[1], 16)
    return 0


def _hex(address):
    return "%08X:%04X" % (struct.unpack("<I", socket.inet_aton(address[0]))[0], address[1])


@sanitize
def the_header_comes_before_tls(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, **LISTENERS)
    for header in (V1, v2()):
        with p.client(tls=False, source="127.0.0.7", address=p.https) as c:
            c.send(header)
            start_tls(p, c)
            for _ in range(2):
                assert c.get("/").status == 200
            assert origin.last.all("x-forwarded-for") == ["203.0.113.5"], origin.last.fields
            assert origin.last.all("x-forwarded-proto") == ["https"], origin.last.fields


@sanitize
def without_a_good_header_nobody_is_served(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, limits='proxy_header = "300ms";', **LISTENERS)

    def bad():
        return p.metrics().total("detour_worker_bad_proxy_headers_total")

    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    cases = [("127.0.0.7", request), ("127.0.0.7", b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n" + request),
             ("127.0.0.7", v2(extras=b"\x03\x00\x04abcd") + request),
             ("127.0.0.7", SIGNATURE + b"\x21\x11\xff\xff"),
             ("127.0.0.7", b"P"), ("127.0.0.7", b""),  # until its time is up
             ("127.0.0.9", V1 + request), ("127.0.0.9", b"")]
    for number, (source, said) in enumerate(cases):
        try:
            with connect(p, source) as c:
                c.send(said)
                assert c.rest() == b"", said
        except ConnectionError:  # a reset, perhaps before connect() has returned
            pass
        t.until(lambda: bad() == number + 1, "it is counted: %r" % said)
    before = bad()
    with connect(p) as c:  # a load balancer looks whether the port is open
        c.half_close()
        c.expect_close()
    assert bad() == before
    assert origin.requests == [], "nothing got through"


@sanitize
def curl_speaks_it(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, top='trusted_proxies = ( "127.0.0.0/8" );',
                plain="proxy_protocol = true;")
    p.curl("--haproxy-protocol", "--interface", "127.0.0.44", "http://%s:%d/" % p.http)
    assert origin.last.all("x-forwarded-for") == ["127.0.0.44"], origin.last.fields


@sanitize
def what_the_header_names_may_be_trusted_in_turn(t):
    """A CDN behind a load balancer: the header names the CDN, and the CDN the client."""
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, plain="proxy_protocol = true;",
                top='trusted_proxies = ( "127.0.0.7", "203.0.113.0/24" );')
    with connect(p) as c:
        c.send(V1)
        c.get("/", [("X-Forwarded-For", "6.6.6.6, 192.0.2.99")])
    assert origin.last.all("x-real-ip") == ["192.0.2.99"], origin.last.fields
    assert origin.last.all("x-forwarded-for") == ["6.6.6.6, 192.0.2.99, 203.0.113.5"]


@sanitize
def a_client_has_so_many_connections_and_no_more(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, limits="max_connections_per_client = 3;",
                **LISTENERS)

    def arrive(source):
        c = connect(p)
        c.send(v2(source))
        return c

    def is_served(c):
        try:
            return c.get("/").status == 200
        except (ConnectionError, Closed):
            return False

    inside = [arrive("203.0.113.%d" % n) for n in range(3)]
    assert all(is_served(c) for c in inside)
    assert not is_served(arrive("203.0.113.77"))
    others = [arrive("203.0.114.1"), arrive("203.0.115.1")]
    assert all(is_served(c) for c in others)
    assert p.metrics().total("detour_worker_refused_connections_total") == 1
    inside.pop().close()
    t.until(lambda: is_served(arrive("203.0.113.77")), "a place is free again")
