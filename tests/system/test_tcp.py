"""TCP services and TLS passthrough: bytes through, failover of new connections."""

import os
import socket
import ssl
import subprocess
import threading
import time

from harness import alone, deadline, sanitize, sanitized, tcp, until

MIB = 1 << 20


@sanitize
def bytes_and_ends_pass_both_ways(t):
    endpoint = tcp.start(t)
    s = tcp.Setup(t, {"us-east-1": [endpoint]})
    body = os.urandom(3 * MIB)
    c = s.connect()
    threading.Thread(target=lambda: (c.sendall(body), c.shutdown(socket.SHUT_WR)),
                     daemon=True).start()
    assert tcp.rest(c) == body
    line = until(lambda: s.proxy.access(), "the log has its line")[0]
    assert line["protocol"] == "TCP" and line["status"] == 0 and line["reason"] == "-", line
    assert (line["bytes_in"], line["bytes_out"]) == (len(body), len(body)), line
    assert line["service"] == "db" and line["region"] == "us-east-1", line
    assert line["endpoint"] == endpoint.url and line["listener"] == "db", line
    assert not line["reused"] and line["connect_us"] > 0, line


@sanitize
def who_speaks_first_is_heard(t):
    s = tcp.Setup(t, {"us-east-1": [tcp.start(t, tcp.says(b"220 welcome\r\n"))]})
    clients = [s.connect() for _ in range(30)]
    for c in clients:
        assert tcp.exactly(c, 13) == b"220 welcome\r\n"
        c.sendall(b"hello")
        assert tcp.exactly(c, 5) == b"hello"
    daytime = tcp.Setup(t, {"us-east-1": [tcp.start(t, lambda sock: sock.sendall(b"noon"))]})
    for _ in range(10):
        assert tcp.rest(daytime.connect()) == b"noon"


@sanitize
def each_direction_ends_by_itself(t):
    got = []

    def answers_at_the_end(sock):
        got.append(tcp.rest(sock))
        sock.sendall(b"all of it")

    def ends_first(sock):
        sock.sendall(b"bye")
        sock.shutdown(socket.SHUT_WR)
        got.append(tcp.rest(sock))

    endpoint = tcp.start(t, answers_at_the_end)
    s = tcp.Setup(t, {"us-east-1": [endpoint]})
    c = s.connect()
    c.sendall(b"question")
    c.shutdown(socket.SHUT_WR)
    assert tcp.rest(c) == b"all of it" and got == [b"question"], got
    endpoint.script = ends_first
    c = s.connect()
    assert tcp.rest(c) == b"bye"
    c.sendall(b"one more thing")
    c.shutdown(socket.SHUT_WR)
    until(lambda: got[1:] == [b"one more thing"], "the other direction is whole")


@sanitize
def a_reset_passes_either_way(t):
    gone = threading.Event()

    def waits(sock):
        try:
            tcp.rest(sock)
        except ConnectionResetError:
            gone.set()

    endpoint = tcp.start(t, waits)
    s = tcp.Setup(t, {"us-east-1": [endpoint]})
    c = s.connect()
    until(lambda: endpoint.open == 1, "it is through")
    tcp.reset(c)
    assert gone.wait(5), "the endpoint was reset"
    endpoint.script = tcp.reset
    try:
        c = s.connect()
    except ConnectionResetError:
        return  # so soon that connect() was told already
    tcp.until_reset(c)


@sanitize
def tls_ends_here_and_begins_anew(t):
    pair = t.pki.site()
    inner = tcp.start(t, tls=t.pki.server_context(pair))
    s = tcp.Setup(t, {"us-east-1": {"endpoints": [inner], "text": 'tls = { ca = "%s"; sni = '
                                    '"shop.example.com"; };' % t.pki.authority("ca").chain}},
                  text='health_check = { type = "tcp"; };',
                  listener='protocol = "tcp"; service = "db"; tls = "site";')
    s.proxy.until_state(inner, "up")
    c = s.connect(tls=t.pki.client_context(), sni="shop.example.com")
    for _ in range(15):  # in turn: a TLS socket of Python's is not for two threads
        body = os.urandom(20000)
        c.sendall(body)
        assert tcp.exactly(c, len(body)) == body
    c.unwrap()
    assert until(lambda: s.proxy.access(), "the log has its line")[0]["tls"] == "TLSv1.3"


@sanitize
def who_resets_with_the_last_of_its_handshake_holds_nothing(t):
    """The session's tickets meet the reset before there is a tunnel that could be told."""
    s = tcp.Setup(t, {"us-east-1": [tcp.start(t)]}, listener='protocol = "tcp"; service = "db"; tls = "site";')
    sock = socket.create_connection(s.address, 10)
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = s.proxy.context.wrap_bio(came, goes, server_hostname="shop.example.com")
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(goes.read())
            came.write(sock.recv(65536))
    with s.proxy.stopped():
        sock.sendall(goes.read())
        tcp.reset(sock)
    until(lambda: s.proxy.metrics().total("detour_worker_accepted_connections_total") == 1,
          "it was accepted", 5)
    until(lambda: s.proxy.metrics().total("detour_worker_client_connections") == 0, "it is gone", 5)
    assert s.proxy.metrics().total("detour_worker_requests_in_flight") == 0


@sanitize
def a_connection_goes_to_whom_it_can_reach(t):
    dead, alive, west = [tcp.start(t, tcp.says(w)) for w in (b"e1", b"e2", b"w1")]
    s = tcp.Setup(t, {"us-east-1": [dead, alive], "us-west-2": {"endpoints": [west], "tier": 1}})
    dead.refuse()
    for _ in range(20):
        # Half a region may be given a part of its share only, once it is seen to be half.
        assert tcp.exactly(s.connect(), 2) in (b"e2", b"w1")
    alive.refuse()
    for _ in range(20):
        assert tcp.exactly(s.connect(), 2) == b"w1"
    west.refuse()
    try:
        tcp.until_reset(s.connect())
    except ConnectionResetError:
        pass  # before connect() had returned, even
    lines = until(lambda: len(s.proxy.access()) >= 1 and s.proxy.access(), "the log has its line")
    assert lines[0]["reason"] in ("connect_refused", "no_endpoint"), lines[0]


@sanitize
def a_check_may_talk(t):
    asked = []

    def script(sock):
        data = sock.recv(100)
        asked.append(data)
        if data == b"PING\r\n":
            sock.sendall(b"+PO")
            time.sleep(0.05)
            sock.sendall(b"NG\r\n")

    good, bad, silent = tcp.start(t, script), tcp.start(t, lambda sock: sock.sendall(b"-ERR\r\n")), \
        tcp.start(t, lambda sock: sock.recv(1) and sock.recv(1) and time.sleep(1))
    s = tcp.Setup(t, {"us-east-1": [good, bad, silent]},
                  text='health_check = { type = "tcp"; send = "PING\\r\\n"; expect = "+PONG"; '
                       'interval = "200ms"; fall = 1; rise = 1; };')
    s.proxy.until_state(good, "up")
    s.proxy.until_state(bad, "down")
    s.proxy.until_state(silent, "down")
    assert set(asked) == {b"PING\r\n"}, asked


_CHECKED = ('health_check = { type = "tcp"; interval = "100ms"; fast_interval = "50ms"; fall = 2;'
            ' rise = 2; }; ')


@sanitize
def old_connections_end_as_the_listener_says(t):
    for word in ("keep", "drain(600ms)", "reset"):
        east, west = tcp.start(t, tcp.says(b"east")), tcp.start(t, tcp.says(b"west"))
        s = tcp.Setup(t, {"us-east-1": [east], "us-west-2": {"endpoints": [west], "tier": 1}}, _CHECKED,
                      'protocol = "tcp"; service = "db"; on_region_down = "%s";' % word)
        s.proxy.until_state(east, "up")
        c = s.connect()
        assert tcp.exactly(c, 4) == b"east"
        east.refuse()
        s.proxy.until_state(east, "down")
        if word == "reset":
            tcp.until_reset(c)
        else:
            c.sendall(b"still")
            assert tcp.exactly(c, 5) == b"still"
        if word.startswith("drain"):
            assert tcp.rest(c) == b""
        elif word == "keep":
            time.sleep(0.3)
            c.sendall(b"still")
            assert tcp.exactly(c, 5) == b"still"
        assert tcp.exactly(s.connect(), 4) == b"west"


@sanitize
def a_connection_that_rests_too_long_ends(t):
    endpoint = tcp.start(t)
    s = tcp.Setup(t, {"us-east-1": [endpoint]}, 'timeouts = { tunnel = "300ms"; };')
    assert tcp.rest(s.connect()) == b""
    until(lambda: endpoint.open == 0, "the endpoint hears of it too")
    assert until(lambda: s.proxy.access(), "the log has its line")[0]["reason"] == "tunnel_idle"


@sanitize
def names_pick_the_service_of_tls_that_passes_unopened(t):
    def origin(*names):
        pair = t.pki.leaf("sni-" + names[0].replace("*", "wild"), names)
        return tcp.start(t, tcp.says(names[0].encode()), t.pki.server_context(pair),
                         opaque=True)

    exact, wild, other = origin("db.example.com"), origin("*.example.com"), origin("elsewhere.org")
    s = tcp.Setup(
        t, {"us-east-1": [other]}, listener='protocol = "tls_passthrough"; service = "db";',
        services=[("exact", {"us-east-1": [exact]}, 'protocol = "tcp";'),
                  ("wild", {"us-east-1": [wild]}, 'protocol = "tcp";')],
        routes=['{ listener = "db"; host = "db.example.com"; service = "exact"; }',
                '{ listener = "db"; host = "*.example.com"; service = "wild"; }'])
    context = t.pki.client_context()
    for name, word in (("db.example.com", b"db.example.com"), ("a.example.com", b"*.example.com"),
                       ("elsewhere.org", b"elsewhere.org")):
        c = s.connect(tls=context, sni=name)  # verifies the endpoint's own certificate
        assert tcp.exactly(c, len(word)) == word
        # One after the other: a TLS socket of Python's is not for two threads.
        body = os.urandom(20000)
        c.sendall(body)
        assert tcp.exactly(c, len(body)) == body
        c.close()
    done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % s.address, "-servername",
                           "DB.example.com", "-CAfile", t.pki.authority("ca").chain,
                           "-verify_return_error", "-verify_hostname", "db.example.com"],
                          input=b"Q\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                          check=False)
    assert b"Verify return code: 0 (ok)" in done.stdout, done.stdout.decode()
    hosts = until(lambda: len(s.proxy.access()) == 4 and
                  {line["host"] for line in s.proxy.access()}, "the log has four lines")
    assert hosts == {"db.example.com", "a.example.com", "elsewhere.org"}, hosts


@sanitize
def who_names_nothing_known_is_told_so(t):
    endpoint = tcp.start(t)
    s = tcp.Setup(t, {"us-east-1": [endpoint]}, listener='protocol = "tls_passthrough";',
                  limits='tls_handshake = "300ms";',
                  routes=['{ listener = "db"; host = "db.example.com"; service = "db"; }'])
    try:
        s.connect(tls=t.pki.client_context(), sni="other.example.com")
        raise AssertionError("a handshake with nobody")
    except OSError as e:
        assert "UNRECOGNIZED_NAME" in str(e), e
    c = s.connect()
    c.sendall(b"GET / HTTP/1.1\r\nHost: db.example.com\r\n\r\n")
    assert tcp.rest(c) == b"\x15\x03\x03\x00\x02\x02\x32"
    slow = s.connect()
    slow.sendall(b"\x16\x03\x01")
    tcp.until_reset(slow)
    s.connect().close()
    assert endpoint.accepted == 0
    reasons = [line["reason"] for line in until(lambda: len(s.proxy.access()) == 3 and
                                                s.proxy.access(), "three lines")]
    assert reasons == ["no_route", "bad_request", "request_timeout"], reasons


@sanitize
def a_name_may_be_for_some_only(t):
    endpoint = tcp.start(t, lambda sock: (sock.recv(4096), sock.sendall(b"in")))
    s = tcp.Setup(t, {"us-east-1": [endpoint]}, listener='protocol = "tls_passthrough";', routes=[
        '{ listener = "db"; host = "a.example.com"; service = "db"; deny = ( "0.0.0.0/0" ); }',
        '{ listener = "db"; host = "b.example.com"; service = "db"; allow = ( "127.0.0.0/8" ); }'])
    for name in ("a.example.com", "b.example.com"):
        c = s.connect()
        c.sendall(_hello(t, name))
        if name[0] == "a":
            tcp.until_reset(c)
        else:
            assert tcp.rest(c) == b"in"
            c.close()
    assert endpoint.accepted == 1
    lines = until(lambda: len(s.proxy.access()) == 2 and s.proxy.access(), "the log has two lines")
    assert [line["reason"] for line in lines] == ["denied", "-"], lines


def _hello(t, name):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = t.pki.client_context().wrap_bio(into, out, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


@sanitize
def a_hello_in_pieces_is_waited_for(t):
    endpoint = tcp.start(t, lambda sock: sock.sendall(sock.recv(4096)))
    s = tcp.Setup(t, {"us-east-1": [endpoint]}, listener='protocol = "tls_passthrough";',
                  routes=['{ listener = "db"; host = "db.example.com"; service = "db"; }'])
    hello = _hello(t, "db.example.com")
    c = s.connect()
    for i in range(0, len(hello), 97):
        c.sendall(hello[i:i + 97])
        time.sleep(0.005)
    assert tcp.rest(c) == hello, "it was not passed on as it came"


@sanitize
def what_passes_without_a_copy_is_exact_and_waits(t):
    """Both ways at once, with readers that rest, so that pipes fill and empty."""
    size = 24 * MIB
    block = os.urandom(MIB)

    def both(sock):
        sender = threading.Thread(
            target=lambda: [sock.sendall(block) for _ in range(size // MIB)], daemon=True)
        sender.start()
        got = bytearray()
        while len(got) < size:
            if len(got) % (4 * MIB) < 65536:
                time.sleep(0.02)
            got += sock.recv(1 << 18)
        sender.join()
        same.append(got == block * (size // MIB))
        sock.shutdown(socket.SHUT_WR)
        tcp.rest(sock)

    same = []
    s = tcp.Setup(t, {"us-east-1": [tcp.start(t, both)]})
    c = s.connect(timeout=30)
    threading.Thread(target=lambda: [c.sendall(block) for _ in range(size // MIB)],
                     daemon=True).start()
    time.sleep(0.2)
    assert tcp.rest(c) == block * (size // MIB) and same == [True]
    c.close()
    assert s.proxy.metrics().total("detour_spliced_bytes_total") > size
    line = until(lambda: s.proxy.access(), "the log has its line")[0]
    assert (line["bytes_in"], line["bytes_out"], line["reason"]) == (size, size, "-"), line


@deadline(90)
@sanitize
@alone
def much_passes_while_memory_stays_flat(t):
    size = (64 if sanitized() else 1024) * MIB
    block = os.urandom(MIB)
    twice = memoryview(block + block)

    def sink(sock):
        at = 0
        for data in tcp.pieces(sock):
            if data != twice[at % MIB:at % MIB + len(data)]:
                return
            at += len(data)
        sock.sendall(b"%d" % at)

    s = tcp.Setup(t, {"us-east-1": [tcp.start(t, sink)]})
    c = s.connect(timeout=60)
    base, most = s.proxy.settled_rss(0.3), 0
    began = time.monotonic()
    for i in range(size // MIB):
        c.sendall(block)
        if i % 32 == 0:
            most = max(most, s.proxy.rss())
    c.shutdown(socket.SHUT_WR)
    assert tcp.rest(c) == b"%d" % size, "not every byte as it was"
    took = time.monotonic() - began
    now = s.proxy.metrics()
    t.report("%d MiB in %.1f s, %.2f s of it the proxy's, memory grew by %d KiB" % (
        size // MIB, took, now.total("process_cpu_seconds_total"), (most - base) // 1024))
    assert now.total("detour_spliced_bytes_total") > size * 0.8, "bytes were copied"
    assert sanitized() or most - base < MIB, most - base


def _listens(address, port):
    with socket.socket() as s:
        return s.connect_ex((address, port)) == 0


@sanitize
@alone
@deadline(60)
def no_new_connection_fails_when_a_region_vanishes(t):
    spaces = [t.netns("east"), t.netns("west")]
    script = ("import socketserver\nclass H(socketserver.BaseRequestHandler):\n"
              "    def handle(self):\n        try:\n            self.request.sendall(b'%s')\n"
              "            self.request.recv(1)\n        except OSError:\n            pass\n"
              "socketserver.ThreadingTCPServer.request_queue_size = 1000\n"
              "socketserver.ThreadingTCPServer(('%s', 7000), H).serve_forever()\n")
    for space, name in zip(spaces, ("east", "west")):
        server = space.spawn(["python3", "-c", script % (name, space.address)])
        t.at_end(lambda server=server: (server.kill(), server.wait()))
        until(lambda space=space: _listens(space.address, 7000), "%s listens" % name, 20)
    urls = ["tcp://%s:7000" % space.address for space in spaces]
    s = tcp.Setup(t, {"us-east-1": [urls[0]], "us-west-2": {"endpoints": [urls[1]], "tier": 1}},
                  'health_check = { type = "tcp"; interval = "1s"; timeout = "500ms"; }; '
                  'timeouts = { connect = "30s"; };', workers=2)
    for url in urls:
        s.proxy.until_state(url, "up", 20)
    said, slowest = [], 0.0

    def ask(count):
        nonlocal slowest
        for _ in range(count):
            began = time.monotonic()
            with tcp.connect(s.address, timeout=20) as c:
                said.append(tcp.exactly(c, 4))
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.005)

    ask(50)
    assert set(said) == {b"east"}, said
    del said[:]
    spaces[0].blackhole()
    ask(100)
    t.report("dropped: 100 connections, 0 failed, slowest %.0f ms" % (slowest * 1000))
    assert said[0] == b"west" and said[-1] == b"west" and len(said) == 100
    assert sanitized() or slowest < 0.5, slowest


@sanitize
@deadline(60)
def a_silent_endpoint_that_is_gone_is_found_out(t):
    space = t.netns("gone")
    server = space.spawn(["python3", "-c", (
        "import socketserver\nclass H(socketserver.BaseRequestHandler):\n"
        "    def handle(self):\n        while True:\n"
        "            self.request.sendall(self.request.recv(100))\n"
        "socketserver.ThreadingTCPServer(('%s', 7000), H).serve_forever()\n" % space.address)])
    t.at_end(lambda: (server.kill(), server.wait()))
    until(lambda: _listens(space.address, 7000), "it listens", 20)
    kept, found = (tcp.Setup(t, {"us-east-1": ["tcp://%s:7000" % space.address]}, text=(
        'health_check = { type = "none"; }; limits = { tcp_keepalive = "%s"; '
        'tcp_keepalive_interval = "1s"; tcp_keepalive_probes = 1; };' % idle))
        for idle in ("1h", "1s"))
    patient, quick = kept.connect(), found.connect()
    for c in (patient, quick):
        c.sendall(b"there")
        assert tcp.exactly(c, 5) == b"there"
    time.sleep(1.5)  # probed, and there
    quick.sendall(b"still")
    assert tcp.exactly(quick, 5) == b"still"
    space.blackhole()
    quick.settimeout(10)
    tcp.until_reset(quick)
    patient.settimeout(0.5)
    try:
        ended = patient.recv(1)
    except TimeoutError:
        ended = None
    assert ended is None, "nobody was to ask so soon"
