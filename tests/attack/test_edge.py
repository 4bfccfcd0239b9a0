"""What comes before a request: PROXY headers, ClientHellos, connections; and the admin's ports."""

import os
import random
import socket
import ssl
import struct
import urllib.parse

from harness import sanitize, until
from tls_floods import client_hello, extensions_of, rebuilt, record

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_TRUST = {"top": 'trusted_proxies = ( "127.0.0.0/8" );', "plain": "proxy_protocol = true;"}
_ADDRESSES = socket.inet_aton("203.0.113.5") + socket.inet_aton("198.51.100.1") + \
    struct.pack(">HH", 4711, 8443)


def _v2(body, said=None, family=0x11, command=0x21):
    return _SIGNATURE + bytes([command, family]) + struct.pack(
        ">H", len(body) if said is None else said) + body


# Type, length, value: as they should be, and one byte or a thousand off.
_TLVS = {
    "a value longer than all": _v2(_ADDRESSES + b"\x04\xff\xffab"),
    "a value one byte short": _v2(_ADDRESSES + b"\x04\x00\x03ab"),
    "a type alone": _v2(_ADDRESSES + b"\x04"),
    "half a length": _v2(_ADDRESSES + b"\x04\x00"),
    "TLS inside shorter than it must be": _v2(_ADDRESSES + b"\x20\x00\x01\x01"),
    "TLS inside, and in it a value too long": _v2(
        _ADDRESSES + b"\x20\x00\x0a\x01\0\0\0\0\x21\xff\xffab"),
    "addresses cut off": _v2(_ADDRESSES[:7]),
    "no addresses": _v2(b""),
    "six said, four sent": _v2(_ADDRESSES, family=0x21),
    "a unix socket's, cut off": _v2(b"/x", family=0x31),
    "an unknown family": _v2(_ADDRESSES, family=0xf1),
    "an unknown command": _v2(_ADDRESSES, command=0x2f),
    "another version": _v2(_ADDRESSES, command=0x31),
    "as much as may be said": _v2(_ADDRESSES + (b"\x04\x00\xfc" + b"x" * 252) * 255),
    "a checksum that is none": _v2(_ADDRESSES + b"\x03\x00\x04abcd"),
    "a checksum of three bytes": _v2(_ADDRESSES + b"\x03\x00\x03abc"),
    "values of nothing, many": _v2(_ADDRESSES + b"\x04\0\0" * 1000),
}


@sanitize
def no_proxy_header_is_read_beyond_its_end(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, limits='proxy_header = "500ms";', **_TRUST)
    request = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"
    for name, header in _TLVS.items():
        with p.client(tls=False) as c:
            try:
                c.send(header + request)
                got = c.socket.recv(4096)
            except OSError:
                got = b""
            # Whole, or nothing: what is served says whom it was for.
            assert got == b"" or got.startswith(b"HTTP/1.1 200 "), (name, got)
    for seen in origin.requests:
        assert seen.target == "/behind", seen
        assert seen.all("x-real-ip")[0] in ("203.0.113.5", "127.0.0.1"), seen.fields
    draw = random.Random(7)
    good = _v2(_ADDRESSES + b"\x04\x00\x05abcde\x20\x00\x05\x01\0\0\0\0")
    for _ in range(200):
        bad = bytearray(good)
        for _ in range(draw.randrange(1, 4)):
            bad[draw.randrange(len(_SIGNATURE), len(bad))] = draw.randrange(256)
        with p.client(tls=False) as c:
            try:
                c.send(bytes(bad)).reset()
            except OSError:
                pass
    with p.client(tls=False) as c:
        c.send(good)
        c.get("/behind").expect(200, "east")


def _sni(name, kind=0, listed=None, said=None):
    entry = bytes([kind]) + struct.pack("!H", len(name) if said is None else said) + name
    return struct.pack("!H", len(entry) if listed is None else listed) + entry


_GOOD_ALPN = b"\x00\x09\x08http/1.1"
# Extension type -> payload in place of the good one.
_HELLOS = {
    "NUL in the name": {0: _sni(b"shop.example.com\0.evil.example")},
    "a name of 256 bytes": {0: _sni(b"a" * 256)},
    "a name of 16000 bytes": {0: _sni(b"a." * 8000)},
    "an empty name": {0: _sni(b"")},
    "a name of another kind": {0: _sni(b"shop.example.com", kind=1)},
    "an empty list of names": {0: b"\0\0"},
    "no list of names": {0: b""},
    "a list shorter than said": {0: _sni(b"shop.example.com", listed=500)},
    "a name shorter than said": {0: _sni(b"shop.example.com", said=500)},
    "two names": {0: struct.pack("!H", 18) + (b"\0\0\x06a.test") * 2},
    "a name with a slash": {0: _sni(b"shop.example.com/../..")},
    "a name of Latin-1": {0: _sni(b"caf\xe9.example")},
    "ALPN without protocols": {16: b"\0\0"},
    "ALPN, empty": {16: b""},
    "a protocol of nothing": {16: b"\x00\x01\x00"},
    "a protocol longer than the list": {16: b"\x00\x04\x08htt"},
    "a list longer than ALPN": {16: b"\xff\xff\x08http/1.1"},
    "a hundred protocols": {16: struct.pack("!H", 600) + b"\x05other" * 100},
    "key shares cut off": {51: b"\x00\x24\x00\x1d\x00\x20abc"},
    "no groups": {10: b"\0\0"},
    "no versions": {43: b"\0"},
    "a version of the past": {43: b"\x02\x03\x00"},
}


def _ends(address, data):
    """The connection ends, or stands as a handshake under way does: it is never served."""
    with socket.create_connection(address, timeout=10) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while True:
                more = s.recv(65536)
                if not more:
                    return got
                got += more
        except ConnectionError:
            return b""


@sanitize
def no_client_hello_does_any_harm(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    passing = t.proxy(start=False, regions={"us-east-1": [origin]}, services=[
        ("raw", {"us-east-1": ["tcp://%s:%d" % p.https]}, 'protocol = "tcp";')],
        routes=['{ path = "/"; service = "shop"; }',
                '{ listener = "through"; host = "shop.example.com"; service = "raw"; }'])
    port = t.lease.port(passing.https[0])
    passing.write(listeners=['{ name = "through"; bind = "%s:%d"; protocol = "tls_passthrough"; }'
                             % (passing.https[0], port)])
    passing.start()
    through = (passing.https[0], port)
    hello = client_hello("shop.example.com")
    before, good = extensions_of(hello)
    assert rebuilt(before, good) == record(hello[5:]), "taken apart and put together"
    for address in (p.https, through):
        for name, changed in _HELLOS.items():
            data = rebuilt(before, [(k, changed.get(k, v)) for k, v in good])
            assert b"HTTP/1." not in _ends(address, data), name
        _ends(address, rebuilt(before, good + good))
        _ends(address, rebuilt(before, [(k, b"") for k in range(0x5000, 0x5f00)]))
        _ends(address, record(b"\x01\xff\xff\xff" + b"x" * 1000))
        _ends(address, b"".join(record(hello[5 + i:6 + i]) for i in range(len(hello) - 5)))
        _ends(address, b"\x16\x03\x01\x00\x00" * 1000)
        _ends(address, hello[:200] + os.urandom(16000))
        draw = random.Random(11)
        for _ in range(100):
            bad = bytearray(hello)
            for _ in range(draw.randrange(1, 6)):
                bad[draw.randrange(len(bad))] = draw.randrange(256)
            _ends(address, bytes(bad[:draw.randrange(1, len(bad) + 1)]))
    assert not origin.requests, "nobody got as far as a request"
    p.get("/").expect(200, "east")
    passing.get("/", address=through).expect(200, "east")


def _is_served(c):
    try:
        return c.get("/").status == 200
    except (OSError, Exception):  # closed in any way
        return False


@sanitize
def a_client_that_takes_all_its_connections_takes_no_one_elses(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, limits="max_connections_per_client = 50;",
                **_TRUST)

    def arrive(client):
        c = p.client(tls=False)
        c.send(_v2(socket.inet_aton(client) + _ADDRESSES[4:]))
        return c

    held = [arrive("203.0.113.%d" % (i % 250)) for i in range(200)]
    until(lambda: p.metrics().total("detour_worker_refused_connections_total") >= 150,
          "those beyond 50 are refused")
    others = [arrive("198.51.%d.7" % i) for i in range(20)]
    assert all(_is_served(c) for c in others)
    assert sum(_is_served(c) for c in held) == 50


@sanitize
def the_admins_port_can_be_read_and_not_written(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    paths = ["/", "/metrics", "/livez", "/readyz", "/v1/status", "/v1/journal", "/v1/wishes",
             "/v1/evacuate", "/v1/restore", "/v1/drain", "/v1/reload", "/v1/stop", "/v1/explain",
             "/v1/wish", "/v1/hold", "/..", "/v1/../v1/wishes",
             "/v1/evacuate?" + urllib.parse.urlencode({"region": "us-east-1"})]
    before = p.status()["services"]
    for path in paths:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            try:
                status = p.ask(path, method).status
            except Exception as e:  # closed: as good
                status = 400
                assert not isinstance(e, AssertionError), e
            assert status in (400, 403, 404, 405, 501), (method, path, status)
    after = p.status()["services"]
    assert [r["share"] for s in after for r in s["regions"]] == \
        [r["share"] for s in before for r in s["regions"]]
    p.get("/").expect(200, "east")
    # And the ports of traffic say nothing of it.
    for path in ("/metrics", "/v1/status"):
        assert p.get(path).expect(200).text == "east"


@sanitize
def a_listener_of_tls_takes_no_clear_text_and_the_other_way_round(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]})
    request = b"GET /clear HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"
    assert b"200" not in _ends(p.https, request)
    assert b" 200 " not in _ends(p.http, client_hello("shop.example.com"))
    # What comes along with a ClientHello in clear text is not taken for the session's.
    assert b"200" not in _ends(p.https, client_hello("shop.example.com") + request)
    assert not origin.requests
    context = t.pki.client_context(maximum=ssl.TLSVersion.TLSv1_2)
    p.client(tls=context).get("/").expect(200, "east")
