"""TLS towards clients and towards endpoints."""

import socket
import ssl
import time

from harness import sanitize, until


def _peer_names(client):
    return {value for kind, value in client.socket.getpeercert()["subjectAltName"]}


@sanitize
def the_server_name_picks_the_certificate(t):
    pki = t.pki
    pairs = [pki.site(), pki.leaf("wild", ["*.wild.example.com"]),
             pki.leaf("exact", ["exact.wild.example.com"]),
             pki.leaf("other", ["other.example.org", "also.example.org"])]
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, certificates=pairs)
    for sni, wanted in (("shop.example.com", "shop.example.com"),
                        ("a.wild.example.com", "*.wild.example.com"),
                        ("A.WILD.example.com", "*.wild.example.com"),
                        ("exact.wild.example.com", "exact.wild.example.com"),
                        ("also.example.org", "other.example.org")):
        with p.client(sni=sni) as c:
            assert wanted in _peer_names(c), (sni, _peer_names(c))
            c.get("/").expect(200, "east")
    lenient = pki.client_context()
    lenient.check_hostname = False
    for sni in ("a.b.wild.example.com", "unknown.example.net", None):
        with p.client(tls=lenient, sni=sni) as c:
            assert "shop.example.com" in _peer_names(c), "anything else gets the first one"


@sanitize
def a_name_may_have_an_ecdsa_and_an_rsa_certificate(t):
    pairs = [t.pki.site(), t.pki.leaf("site-rsa", ["shop.example.com"], rsa=True)]
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, certificates=pairs)
    for ciphers, wanted in (("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA"),
                            ("ECDHE-RSA-AES128-GCM-SHA256", "RSA")):
        context = t.pki.client_context(maximum=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(ciphers)
        with p.client(tls=context) as c:
            assert wanted in c.socket.cipher()[0], c.socket.cipher()
            c.get("/").expect(200, "east")


@sanitize
def old_versions_and_foreign_protocols_are_refused(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    old = t.pki.client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    foreign = t.pki.client_context(alpn=("acme-tls/1",))
    weak = t.pki.client_context(maximum=ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0")
    for context in (old, foreign, weak):
        try:
            p.client(tls=context)
        except (ssl.SSLError, ConnectionError):
            continue
        raise AssertionError("the handshake went through")
    p.get("/").expect(200, "east")


@sanitize
def alpn_and_no_alpn_both_speak_http_1_1(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    for offer, got in ((("http/1.1",), "http/1.1"), (("spdy/3", "http/1.1"), "http/1.1"),
                       ((), None)):
        with p.client(tls=t.pki.client_context(alpn=offer)) as c:
            assert c.socket.selected_alpn_protocol() == got
            c.get("/").expect(200, "east")


@sanitize
def a_least_version_of_1_3_refuses_1_2(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, tls='min_version = "1.3";')
    try:
        p.client(tls=t.pki.client_context(maximum=ssl.TLSVersion.TLSv1_2))
    except (ssl.SSLError, ConnectionError):
        pass
    else:
        raise AssertionError("TLS 1.2 was accepted")
    with p.client() as c:
        assert c.socket.version() == "TLSv1.3"


@sanitize
def sessions_are_resumed_on_every_worker(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, workers=2)
    for maximum in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = t.pki.client_context(maximum=maximum)
        with p.client(tls=context) as c:
            c.get("/").expect(200)
            session = c.socket.session
        for _ in range(10):
            with p.client(tls=context, session=session) as c:
                assert c.socket.session_reused, maximum
                c.get("/").expect(200, "east")
                session = c.socket.session
    assert p.metrics().total("detour_tls_handshakes_total", result="resumed") >= 20


@sanitize
def a_session_does_not_resume_under_another_name(t):
    pairs = [t.pki.site(), t.pki.leaf("other", ["other.example.org", "also.example.org"])]
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, certificates=pairs)
    for maximum in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = t.pki.client_context(maximum=maximum)
        with p.client(tls=context) as c:
            c.get("/").expect(200)
            session = c.socket.session
        try:
            with p.client(tls=context, sni="other.example.org", session=session) as c:
                assert not c.socket.session_reused
                c.get("/").expect(200)
        except ssl.SSLError:
            pass  # refusing the handshake is as good


@sanitize
def client_certificates_are_off_requested_or_required(t):
    ca, mine = t.pki.authority("ca").chain, t.pki.leaf("client", ["client.example.com"])
    other = t.pki.leaf("foreign", ["client.example.com"], ca="other-ca")
    origin = t.origin("east")
    cases = [("off", None, True), ("off", mine, True),
             ("request", None, True), ("request", mine, True), ("request", other, False),
             ("require", None, False), ("require", mine, True), ("require", other, False)]
    proxies = {}
    for mode, pair, wanted in cases:
        if mode not in proxies:
            tls = "" if mode == "off" else 'client_ca = "%s"; client_auth = "%s";' % (ca, mode)
            proxies[mode] = t.proxy(regions={"us-east-1": [origin]}, tls=tls)
        for maximum in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = t.pki.client_context(pair=pair, maximum=maximum)
            try:
                with proxies[mode].client(tls=context) as c:
                    served = c.get("/").status == 200
            except (ssl.SSLError, ConnectionError, OSError):
                served = False
            except Exception as e:
                assert type(e).__name__ == "Closed", e
                served = False
            assert served == wanted, (mode, pair and pair.chain, maximum, served)


def a_handshake_that_fails_is_logged_with_its_client_and_the_reason(t):
    ca = t.pki.authority("ca").chain
    foreign = t.pki.leaf("foreign", ["client.example.com"], ca="other-ca")
    p = t.proxy(regions={"us-east-1": [t.origin("east")]},
                tls='client_ca = "%s"; client_auth = "require";' % ca)
    for _ in range(3):
        socket.create_connection(p.https).close()  # looks whether the port is open
    for pair, reason in ((None, "peer did not return a certificate"),
                         (foreign, "unable to get local issuer certificate")):
        # one line a second at most: ask until it is this one's turn
        told = "TLS handshake with 127.0.0.1 failed: %s" % reason
        deadline = time.monotonic() + 5
        while told not in p.log_text():
            assert time.monotonic() < deadline, p.log_tail()
            try:
                with p.client(tls=t.pki.client_context(pair=pair)) as c:
                    c.get("/")
            except Exception:
                pass  # that it is refused is another test's
            time.sleep(0.05)
    assert "client closed" not in p.log_text(), p.log_tail()


@sanitize
def a_resumed_session_keeps_the_client_certificate_requirement(t):
    """A ticket from a connection that showed a certificate opens; none comes without one."""
    ca, mine = t.pki.authority("ca").chain, t.pki.leaf("client", ["client.example.com"])
    open_block = ('{ name = "open"; certificates = ( { chain = "%s"; key = "%s"; } ); }'
                  % (t.pki.site().chain, t.pki.site().key))
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]},
                tls='client_ca = "%s"; client_auth = "require";' % ca, tls_blocks=[open_block])
    port = t.lease.port(p.https[0])
    p.write(listeners=['{ name = "open"; bind = "%s:%d"; tls = "open"; }' % (p.https[0], port)])
    p.start()
    for maximum in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        bare = t.pki.client_context(maximum=maximum)
        with p.client(tls=bare, address=(p.https[0], port)) as c:
            c.get("/").expect(200)
            session = c.socket.session
        try:
            with p.client(tls=bare, session=session) as c:
                status = c.get("/").status
        except Exception:
            status = 0
        assert status != 200, "a ticket of the open listener opened the guarded one"
        with p.client(tls=t.pki.client_context(pair=mine, maximum=maximum)) as c:
            c.get("/").expect(200, "east")


@sanitize
def certificates_are_replaced_on_reload(t):
    second = t.pki.leaf("renewed", ["shop.example.com", "renewed.example"])
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    held = p.client()
    held.get("/").expect(200)
    assert "renewed.example" not in _peer_names(held)
    assert p.reload(certificates=[second])

    def renewed():
        with p.client() as c:
            return "renewed.example" in _peer_names(c)

    until(renewed, "the new certificate is shown")
    held.get("/").expect(200, "east")


@sanitize
def a_tls_handshake_that_never_ends_is_ended(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, limits='tls_handshake = "300ms";')
    c = p.client(tls=False, address=p.https)
    c.send(b"\x16\x03\x01\x02\x00\x01")
    until(lambda: not c.is_open(), "the connection is closed", 3)
    p.get("/").expect(200, "east")


# Towards endpoints

def _https_origin(t, name, pair, **options):
    return t.origin(name, tls=t.pki.server_context(pair, **options))


def _region(origin, text="", ca="ca", pki=None):
    return {"endpoints": [origin], "text": 'tls = { ca = "%s"; %s };' % (
        pki.authority(ca).chain, text)}


@sanitize
def an_https_endpoint_is_verified_and_served(t):
    address = t.lease.address()
    pair = t.pki.leaf("origin-" + address, ["IP:" + address])
    origin = t.origin("secure", tls=t.pki.server_context(pair), address=address)
    p = t.proxy(regions={"us-east-1": _region(origin, pki=t.pki)})
    c = p.client()
    for i in range(10):
        c.post("/%d" % i, b"body").expect(200, "secure")
    assert origin.connections == 1
    assert origin.last.body == b"body"


@sanitize
def the_name_to_verify_is_sni_or_host_of_the_region(t):
    origin = _https_origin(t, "secure", t.pki.leaf("gcp", ["shop.gcp.example.com"]))
    for text in ('host = "shop.gcp.example.com"; tls = { ca = "%s"; };',
                 'tls = { ca = "%s"; sni = "shop.gcp.example.com"; };'):
        region = {"endpoints": [origin], "text": text % t.pki.authority("ca").chain}
        p = t.proxy(regions={"gcp": region})
        p.get("/").expect(200, "secure")
        p.stop()


@sanitize
def an_endpoint_that_cannot_be_trusted_gets_nothing(t):
    address = t.lease.address()
    wrong_ca = t.origin("a", address=address, tls=t.pki.server_context(
        t.pki.leaf("wrong-ca-" + address, ["IP:" + address], ca="other-ca")))
    wrong_name = t.origin("b", tls=t.pki.server_context(t.pki.leaf("wrongname", ["x.example"])))
    clear = t.origin("c")
    for origin, url in ((wrong_ca, wrong_ca.url), (wrong_name, wrong_name.url),
                        (clear, clear.url.replace("http:", "https:"))):
        region = {"endpoints": [url], "text": 'tls = { ca = "%s"; };' % (
            t.pki.authority("ca").chain)}
        p = t.proxy(regions={"us-east-1": region})
        answer = p.get("/untrusted", [("Accept", "application/json")])
        reason = p.until_access("/untrusted")[0]["reason"]
        if origin is clear:  # it waits for the end of what it takes for a head
            assert (answer.status, reason) in ((502, "tls_failed"), (504, "connect_timeout"))
        else:
            assert (answer.status, reason) == (502, "tls_untrusted"), (answer, reason)
        assert origin.requests == [], "not one byte of the request"
        p.stop()


@sanitize
def a_region_that_cannot_be_trusted_costs_no_request_and_gets_none_in_clear_text(t):
    """Nothing was sent, so whatever the method, another region is asked."""
    def https(name, names, **options):
        address = t.lease.address()
        return t.origin(name, address=address, tls=t.pki.server_context(
            t.pki.leaf(name + "-" + address, [n % address for n in names], **options)))

    west = t.origin("west")
    for east in (https("expired", ["IP:%s"], days=-1), https("stranger", ["IP:%s"], ca="other-ca"),
                 https("namesake", ["x%.0s.example"])):
        p = t.proxy(regions={"us-east-1": _region(east, pki=t.pki),
                             "us-west-2": {"endpoints": [west], "tier": 1}})
        c = p.client()
        for i in range(5):
            c.get("/%d" % i).expect(200, "west")
            c.post("/%d" % i, b"once").expect(200, "west")
        assert east.requests == [] and not any(east.raw), (east.requests, east.raw)
        p.stop()


@sanitize
def verification_can_be_switched_off(t):
    origin = _https_origin(t, "secure", t.pki.leaf("wrongname", ["x.example"]))
    p = t.proxy(regions={"us-east-1": {"endpoints": [origin], "text": "tls = { verify = false; };"}})
    p.get("/").expect(200, "secure")


@sanitize
def the_proxy_shows_its_certificate_to_an_endpoint_that_asks(t):
    address = t.lease.address()
    pair = t.pki.leaf("origin-" + address, ["IP:" + address])
    origin = t.origin("mutual", address=address, tls=t.pki.server_context(
        pair, client_ca=t.pki.authority("ca").chain))
    mine = t.pki.leaf("proxy-client", ["proxy.example.com"])
    good = _region(origin, 'certificate = "%s"; key = "%s";' % (mine.chain, mine.key), pki=t.pki)
    p = t.proxy(regions={"us-east-1": good})
    p.get("/").expect(200, "mutual")
    p2 = t.proxy(regions={"us-east-1": _region(origin, pki=t.pki)})
    p2.get("/").expect(502)


@sanitize
def sessions_with_endpoints_are_resumed(t):
    address = t.lease.address()
    pair = t.pki.leaf("origin-" + address, ["IP:" + address])
    origin = t.origin("secure", address=address, tls=t.pki.server_context(pair))
    origin.does(lambda x: x.answer(200, "x", [("Connection", "close")]) or x.close())
    p = t.proxy(regions={"us-east-1": _region(origin, pki=t.pki)})
    for _ in range(5):
        p.get("/").expect(200, "x")
    good = [resumed for resumed, error in origin.handshakes if error is None]
    assert len(good) == 5 and all(good[1:]), origin.handshakes


@sanitize
def plain_bytes_before_the_handshake_of_an_endpoint_are_not_an_answer(t):
    """nginx CVE-2026-1642: an answer injected before TLS stands."""
    address = t.lease.address()
    port = t.lease.port(address)
    listener = socket.create_server((address, port))
    t.at_end(listener.close)
    import threading

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            try:
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON")
                sock.settimeout(5)
                sock.recv(65536)
            except OSError:
                pass
            sock.close()

    threading.Thread(target=serve, daemon=True).start()
    p = t.proxy(regions={"us-east-1": {"endpoints": ["https://%s:%d" % (address, port)],
                                       "text": "tls = { verify = false; };"}})
    p.get("/").expect(502)
