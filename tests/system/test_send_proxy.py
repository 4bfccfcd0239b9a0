"""Connections to endpoints that begin with a PROXY header; nginx is who reads it."""

import threading

from harness import sanitize
from harness.client import Client

WHO = ('location /who { return 200 "$proxy_protocol_addr $proxy_protocol_port '
       '$proxy_protocol_server_addr $proxy_protocol_server_port $connection"; }')
CHECK = 'health_check = { path = "/healthz"; interval = "200ms"; };'


def _reader(t, name="east", tls=False):
    return t.nginx(name, pair=t.pki.site() if tls else None, proxy_protocol=True, locations=WHO)


def _region(endpoint, version="v2", more=""):
    trust = "tls = { verify = false; };" if endpoint.url.startswith("https") else ""
    return {"endpoints": [endpoint], "text": 'send_proxy = "%s"; %s %s' % (version, trust, more)}


def _who(c, fields=()):
    got = c.get("/who", fields)
    assert got.status == 200, got
    return got.text.split()


def _connections(p):
    return sum(e["connections"] for e in p.endpoints().values())


@sanitize
def the_endpoint_hears_who_the_client_is(t):
    for tls in (False, True):
        east = _reader(t, "tls" if tls else "clear", tls)
        for version in ("v1", "v2"):
            p = t.proxy(regions={"us-east-1": _region(east, version)}, service_text=CHECK,
                        top='trusted_proxies = ( "127.0.0.7" );')
            with p.client(tls=False, source="127.0.0.9") as c:
                port = c.socket.getsockname()[1]
                first = _who(c)
                assert first[:4] == ["127.0.0.9", str(port), p.http[0], str(p.http[1])], first
                assert _who(c) == first, "its own connection is used again"
            with p.client(tls=False, source="127.0.0.7") as c:
                named = _who(c, [("X-Forwarded-For", "2001:db8::5")])
                assert named[0] == "2001:db8::5" and named[-1] != first[-1], named
            # Checks say that they are nobody's.
            p.until_state(east, "up")
            p.stop()


@sanitize
def clients_never_share_a_connection(t):
    east = _reader(t)
    p = t.proxy(regions={"us-east-1": _region(east)}, workers=2)
    wrong, connections = [], {}

    def ask_often(source):
        with p.client(tls=False, source=source) as c:
            for _ in range(40):
                said = _who(c)
                connections.setdefault(said[4], set()).add(said[0])
                if said[0] != source:
                    wrong.append((source, said))

    threads = [threading.Thread(target=ask_often, args=("127.0.1.%d" % n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert all(len(sources) == 1 for sources in connections.values()), connections
    assert len(connections) <= 24, "they are kept, too: %d" % len(connections)


@sanitize
def the_limit_is_of_all_clients_together(t):
    east = _reader(t)
    p = t.proxy(regions={"us-east-1": _region(east)},
                service_text='limits = { max_connections = 3; max_wait = "10s"; };')
    clients = [p.client(tls=False, source="127.0.1.%d" % n) for n in range(8)]
    for _ in range(2):
        for c in clients:  # one that is idle makes room
            _who(c)
            assert _connections(p) <= 3
    for c in clients:  # all at once: who finds no room waits
        c.request("GET", "/who")
    for n, c in enumerate(clients):
        answer = c.response().expect(200)
        assert answer.text.split()[0] == "127.0.1.%d" % n, answer.text


@sanitize
def a_region_that_dies_is_left_as_without_headers(t):
    east, west = _reader(t, "east"), _reader(t, "west")
    p = t.proxy(regions={"us-east-1": _region(east),
                         "eu-west-1": _region(west, "v1", "tier = 1;")}, service_text=CHECK)
    clients = [p.client(tls=False, source="127.0.1.%d" % n) for n in range(5)]
    for c in clients:
        _who(c)
    p.until_state(west, "up")  # before its first check there is nowhere to go
    east.kill()
    for n, c in enumerate(clients * 3):
        assert _who(c)[0] == "127.0.1.%d" % (n % 5)


@sanitize
def a_reload_turns_it_on(t):
    east = t.nginx("east")
    p = t.proxy(regions={"us-east-1": [east]})
    with p.client(tls=False, source="127.0.0.9") as c:
        assert c.get("/").status == 200
        west = _reader(t, "west")
        p.reload(regions={"us-east-1": _region(west)})
        t.until(lambda: c.get("/who").text.startswith("127.0.0.9 "), "the header is sent")
        p.reload(regions={"us-east-1": _region(west, "v1")})
        t.until(lambda: c.get("/who").text.startswith("127.0.0.9 "), "in another version")


@sanitize
def connections_that_carry_no_requests_begin_so_too(t):
    """And are refused by address, and passed on with whom a header named."""
    east = _reader(t)
    address = t.lease.address()
    raw, named = t.lease.port(address), t.lease.port(address)
    listener = ('{ name = "%s"; bind = "%s:%d"; protocol = "tcp"; service = "db";'
                ' deny = ( "127.0.0.66" ); %s }')
    endpoints = {"text": 'send_proxy = "v2";',
                 "endpoints": ["tcp://%s:%d" % (east.address, east.port)]}
    t.proxy(regions={}, top='trusted_proxies = ( "127.0.0.7" );',
            routes=['{ path = "/"; service = "web"; }'],
            services=[("web", {"us-east-1": ["http://127.0.0.1:9"]}),
                      ("db", {"us-east-1": endpoints},
                       'protocol = "tcp"; health_check = { type = "tcp"; };')],
            listeners=[listener % ("raw", address, raw, ""),
                       listener % ("named", address, named, "proxy_protocol = true;")])
    with Client((address, raw), source="127.0.0.9") as c:
        first = _who(c)
        assert first[:2] == ["127.0.0.9", str(c.socket.getsockname()[1])], first
        assert _who(c) == first
    with Client((address, named), source="127.0.0.7") as c:
        c.send("PROXY TCP4 203.0.113.5 198.51.100.1 4711 8443\r\n")
        assert _who(c)[:4] == ["203.0.113.5", "4711", "198.51.100.1", "8443"]
    for port, source, header in ((raw, "127.0.0.66", ""),
                                 (named, "127.0.0.7", "PROXY TCP4 127.0.0.66 1.1.1.1 1 2\r\n")):
        try:
            with Client((address, port), source=source) as c:
                c.send(header + "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert c.rest() == b""
        except ConnectionError:  # a reset, perhaps before connect() has returned
            pass
