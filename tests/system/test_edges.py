"""Corners of the data path where two things happen at once."""

import os
import socket
import subprocess
import sys
import threading
import time

from harness import alone, process, sanitize, sanitized, until
from harness.client import chunked
from harness.message import Response


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


def _took(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


@sanitize
def a_reset_right_behind_half_an_answer_is_seen_at_once(t):
    """Bytes and reset come in one event; no other will tell of the reset."""
    east = t.origin("east")
    p = t.proxy(regions={"us-east-1": [east]}, service_text='health_check = { type = "tcp"; }; '
                'timeouts = { try = "20s"; request = "20s"; idle = "20s"; };')
    p.until_state(east, "up", 15)
    for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                   b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf"):
        east.resets(after=answer)
        for _ in range(20):
            c = p.client(tls=False)
            c.request("GET", "/")
            assert _took(c.rest) < (5 if sanitized() else 2)
    east.resets(after=b"HTTP/1.1 200 OK\r\nContent-")
    for _ in range(20):
        c = p.client(tls=False)
        assert _took(lambda c=c: c.get("/").expect(502)) < (5 if sanitized() else 2)


@sanitize
def an_end_in_the_middle_of_a_tls_record_is_seen_at_once(t):
    east = t.origin("east", tls=t.pki.server_context(t.pki.site()))
    p = t.proxy(regions={"us-east-1": {"endpoints": [east], "text": "tls = { verify = false; };"}},
                service_text='health_check = { type = "tcp"; }; '
                'timeouts = { try = "20s"; request = "20s"; idle = "20s"; };')
    p.until_state(east, "up", 15)

    def cut(x):
        os.write(x.socket.fileno(), b"\x17\x03\x03\x01\x00only a part of it")
        x.socket.shutdown(socket.SHUT_RDWR)
        x.close()

    east.does(cut)
    for _ in range(20):
        c = p.client(tls=False)
        assert _took(lambda c=c: c.get("/").expect(502)) < (5 if sanitized() else 2)


@sanitize
def an_old_idle_connection_does_not_keep_a_post_waiting(t):
    """It is too old for a POST, but the place it takes is not."""
    east = t.origin("east")
    p = t.proxy(regions={"us-east-1": [east]}, service_text='health_check = { type = "tcp"; }; '
                'limits = { max_connections = 1; max_wait = "3s"; };')
    p.until_state(east, "up", 15)
    c = p.client()
    c.get("/").expect(200, "east")
    time.sleep(1.2)  # longer than a kept connection is good enough for a POST
    assert _took(lambda: c.post("/post", b"x").expect(200, "east")) < 2
    assert east.of("/post")[0].connection != east.of("/")[0].connection


@sanitize
def keep_alive_0_closes_after_each_answer_on_both_sides(t):
    east = t.origin("east")
    p = t.proxy(regions={"us-east-1": [east]}, limits='keep_alive = "0s"; request_head = "500ms";',
                service_text='health_check = { type = "tcp"; }; limits = { keep_alive = "0s"; };')
    p.until_state(east, "up", 15)
    for tls in (True, False):
        for _ in range(3):
            c = p.client(tls=tls)
            assert c.get("/").expect(200, "east").get("Connection") == "close"
            c.expect_close()
        p.client(tls=tls).expect_close()  # one that says nothing
    assert len({r.connection for r in east.of("/")}) == 6
    p.until(lambda: east.open_connections == 0, "no connection is kept")


@sanitize
def the_widest_limits_on_heads_fit_the_buffers(t):
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    widest = {}
    for key, sizes in (("request_line", (256, 64, 32, 16, 8)), ("headers", (256, 64, 32)),
                       ("header_line", (256, 64, 32))):
        for size in sizes:
            p.write(limits='%s = "%dKiB";' % (key, size))
            if p.check()[0] == 0:
                widest[key] = size << 10
                break
    p.write(limits=" ".join('%s = "%dB";' % pair for pair in widest.items()),
            routes=['{ path = "/"; service = "shop"; rewrite_prefix = "/%s/"; }' % ("p" * 998)])
    p.start()
    for path, line in ((10, 100), (widest["request_line"] - 30, 1), (10, widest["headers"] - 300),
                       (widest["request_line"] - 30,
                        widest["headers"] - widest["request_line"] - 300)):
        for step in (1, 1000000):
            c = p.client()
            head = b"GET /%s HTTP/1.1\r\nHost: shop.example.com\r\nX-Long: %s\r\n\r\n" % (
                b"a" * (path - 1), b"b" * max(line, 1))
            c.send(head[:-step % len(head)]).send(head[-step % len(head):])
            assert c.response().status in (200, 414, 431)


@sanitize
def a_kept_body_larger_than_the_sockets_take_reaches_a_slow_endpoint_whole(t):
    """What is kept for another try is written no faster than the endpoint reads."""
    bad, slow = t.origin("bad"), t.origin("slow")
    slow.refuse()
    slow.receive_buffer = 4096
    slow.accept(segment=500)  # as over a network: the proxy's own socket takes little
    slow.before_body = lambda x, r: time.sleep(0.5)
    p = t.proxy(regions={"us-east-1": [bad], "us-west-2": {"endpoints": [slow], "tier": 1}},
                service_text='health_check = { type = "tcp"; }; '
                'retry = { attempts = 2; replay_buffer = "1MiB"; budget = 1.0; };')
    p.until_state(bad, "up", 15)
    p.until_state(slow, "up", 15)
    bad.resets()
    body = os.urandom(1 << 20)
    for headers, sent in (((), body),
                          ([("Transfer-Encoding", "chunked")],
                           chunked(body[:600000], body[600000:], trailers="X-End: yes\r\n"))):
        slow.requests.clear()
        p.client().request("PUT", "/kept", headers, sent).response().expect(200, "slow")
        assert slow.last.body == body
        assert slow.last.trailers == ([("X-End", "yes")] if headers else [])


_FLOOD = """
import socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
r = s.dup()
def read():
    while r.recv(1 << 20):
        pass
threading.Thread(target=read, daemon=True).start()
print("begun", flush=True)
many = b"GET /none HTTP/1.1\\r\\nHost: shop.example.com\\r\\n\\r\\n" * 20000
while True:
    s.sendall(many)
"""


@alone
def a_client_that_never_stops_asking_has_only_its_turn(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, log='access = "off";',
                routes=['{ path = "/served"; service = "shop"; }'])
    c = p.client(tls=False)
    flood = process.spawn([sys.executable, "-c", _FLOOD, p.http[0], str(p.http[1])],
                          stdout=subprocess.PIPE)
    try:
        flood.stdout.readline()
        worst = max(_took(lambda: c.get("/served").expect(200, "east")) for _ in range(50))
    finally:
        flood.kill()
        flood.wait()
    t.report("beside a flood of pipelined requests: %.1f ms at worst" % (worst * 1000))
    assert worst < 0.25, worst


@sanitize
def a_client_that_does_not_take_trailers_is_given_up(t):
    """The first bytes that do not fit may be those of a trailer section."""
    east = t.origin("east")
    p = t.proxy(regions={"us-east-1": [east]}, limits='send_stall = "1s"; keep_alive = "2s";')
    trailer = b"X-Long: " + b"t" * 12000 + b"\r\n"
    east.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
               + trailer + trailer.replace(b"Long", b"Longer") + b"\r\n")
    stalled = [p.client(tls=False, receive_buffer=4096) for _ in range(4)]
    for c in stalled:
        for _ in range(60):
            c.request("GET", "/")
        c.socket.setblocking(False)
        try:
            for _ in range(1000):
                c.send(b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
        except BlockingIOError:
            pass
    p.until(lambda: p.metrics().total("detour_worker_client_connections") == 0,
            "the stalled clients are given up", 12)


@sanitize
def what_was_trusted_by_old_rules_is_not_used_under_new_ones(t):
    address = t.lease.address()
    pair = t.pki.leaf("trusted-" + address, ["IP:" + address])
    east = t.origin("east", tls=t.pki.server_context(pair), address=address)

    def region(ca):
        return {"us-east-1": {"endpoints": [east],
                              "text": 'tls = { ca = "%s"; };' % t.pki.authority(ca).chain}}

    p = t.proxy(regions=region("ca"), service_text='health_check = { type = "tcp"; };')
    p.until_state(east, "up", 15)
    for held in (False, True):
        go = threading.Event()
        if held:
            east.does(lambda x, go=go: (go.wait(20), x.answer(200, "east")))
        else:
            go.set()
        c = p.client()
        before = len(east.of("/before"))
        c.request("GET", "/before")
        east.until_requests(1)
        p.until(lambda before=before: len(east.of("/before")) > before, "it is asked")
        if not held:
            c.response().expect(200, "east")
        assert p.reload(regions=region("other-ca"))
        if held:  # what is under way ends well
            go.set()
            c.response().expect(200, "east")
        east.answers(200, "east")
        p.until(lambda: c.get("/meanwhile").status == 502, "the new rules are in force")
        for _ in range(3):
            assert c.get("/after").status == 502
        assert p.reload(regions=region("ca"))
        east.answers(200, "east")
        p.until(lambda: c.get("/again").status == 200, "the old rules are in force again")
    assert not east.of("/after")


@sanitize
def a_client_that_pauses_in_its_body_is_not_held_against_the_endpoint(t):
    east = t.origin("east")
    p = t.proxy(regions={"us-east-1": [east]}, limits='body_idle = "20s";',
                service_text='timeouts = { idle = "500ms"; };')
    for method in ("PUT", "POST"):
        c = p.client()
        c.send("%s /paused HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf" % method)
        c.response().expect(408)
    assert {line["reason"] for line in p.until_access("/paused", count=2)} == {"request_timeout"}
    assert p.metrics().total("detour_http_retries_total") == 0


@sanitize
def a_client_that_sends_before_it_reads_has_time_to_read(t):
    """The end of its body does not start a deadline for bytes that wait for itself."""
    size = 16 << 20
    east = t.origin("east")
    east.before_body = lambda x, r: threading.Thread(target=x.send, args=(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size),)).start()
    east.does(lambda x: None)
    p = t.proxy(regions={"us-east-1": [east]}, limits='send_stall = "20s";',
                service_text='health_check = { type = "tcp"; }; timeouts = { idle = "1s"; };')
    p.until_state(east, "up", 15)
    c = p.client(tls=False)
    c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
    time.sleep(0.5)
    c.send("halves")
    time.sleep(2.5)
    assert len(c.response().expect(200).body) == size


@sanitize
def a_cut_answer_without_a_length_shows_as_cut_to_a_1_0_client_too(t):
    east = t.origin("east")
    p = t.proxy(regions={"us-east-1": [east]})
    east.sends_and_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    for _ in range(5):
        c = p.client(tls=False)
        c.request("GET", "/", version="HTTP/1.0", headers=[("Host", "shop.example.com")])
        try:
            rest = c.rest()
        except ConnectionResetError:
            continue
        raise AssertionError("half an answer passed for a whole one: %r" % rest)


def _accepts_and(t, action):
    """A listener whose connections last no longer than action(socket); its URL, and their list."""
    listener = socket.socket()
    address = t.lease.address()
    listener.bind((address, t.lease.port(address)))
    listener.listen(1024)
    seen = []

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            seen.append(s)
            action(s)

    threading.Thread(target=serve, daemon=True).start()
    t.at_end(listener.close)
    return "http://%s:%d" % listener.getsockname(), seen


@sanitize
def an_endpoint_that_closes_what_it_accepts_costs_nothing_but_a_try(t):
    """A balancer with nothing behind it does that."""
    for action in (lambda s: s.close(),
                   lambda s: (s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           b"\1\0\0\0\0\0\0\0"), s.close())):
        url, seen = _accepts_and(t, action)
        east = t.origin("east")
        p = t.proxy(regions={"gone": [url], "us-east-1": {"endpoints": [east], "tier": 1}},
                    service_text='health_check = { type = "tcp"; interval = "60s"; }; '
                    'limits = { keep_alive = "0s"; }; retry = { attempts = 2; budget = 1.0; };')
        p.until_state(url, "up", 15)
        p.until_state(east, "up", 15)
        c = p.client()
        before = len(seen)
        took = _took(lambda: [c.get("/").expect(200, "east") for _ in range(10)])
        t.report("10 requests took %.3f s and %d connections" % (took, len(seen) - before))
        assert took < (5 if sanitized() else 2)
        assert len(seen) - before <= 20
        p.stop()


@sanitize
def a_certificate_chain_larger_than_the_socket_takes_reaches_its_client(t):
    pair = t.pki.leaf("long-chain", ["shop.example.com"])
    with open(t.pki.authority("ca").chain) as f:
        ca = f.read()
    with open(pair.chain) as f:
        leaf = f.read()
    pair.chain = os.path.join(t.directory("chain"), "chained.crt")
    with open(pair.chain, "w") as f:
        f.write(leaf + ca * 150)
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, certificates=[pair],
                limits='tls_handshake = "5s";')
    raw = socket.socket()
    t.at_end(raw.close)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.connect(p.https)
    raw.settimeout(20)
    c = p.context.wrap_socket(raw, server_hostname="shop.example.com")
    c.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert c.recv(65536).startswith(b"HTTP/1.1 200 ")


@sanitize
def a_client_is_told_to_continue_once(t):
    bad, east = t.origin("bad"), t.origin("east")
    p = t.proxy(regions={"us-west-2": [bad], "us-east-1": {"endpoints": [east], "tier": 1}},
                service_text='health_check = { type = "tcp"; }; '
                'retry = { attempts = 2; budget = 1.0; };')
    p.until_state(bad, "up", 15)
    p.until_state(east, "up", 15)
    bad.before_body = lambda x, r: x.reset()
    c = p.client()
    c.request("PUT", "/", [("Expect", "100-continue"), ("Content-Length", "4")])
    c.reader.head(Response)
    time.sleep(0.3)
    c.send("body")
    answer = c.response().expect(200, "east")
    assert answer.interim == [], answer.interim
    assert len(bad.requests) == 0 and east.last.body == b"body"


def _end_listening(address):
    """By the administrator: ss finds one of several that share a port, so until none is left."""
    ours = ["-H", "-t", "-a", "-n", "state", "listening", "src", "%s:%d" % address]
    until(lambda: not process.run(["ss", "-K", *ours]) and not process.run(["ss", *ours]),
          "nobody listens")


@sanitize
def a_socket_that_is_made_to_listen_no_more_listens_again_and_costs_nothing_until_then(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, workers=2)
    assert p.get("/", tls=False).status == 200
    _end_listening(p.http)
    cpu, began = process.cpu_seconds(p.pid), time.monotonic()
    assert p.get("/").status == 200, "the other listener goes on"
    until(lambda: p.log_text().count("it does again") == 2, "both workers do")
    used = (process.cpu_seconds(p.pid) - cpu) / (time.monotonic() - began)
    assert sanitized() or used < 0.3, "%.0f %% of a processor" % (used * 100)
    assert p.get("/", tls=False).status == 200
    _end_listening(p.http)
    p.expected_exit = 0
    p.drain()
    assert p.wait_exit() == 0
