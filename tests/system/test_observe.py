"""What an operator sees: status, metrics, logs; and what the kernel sees of a worker."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from harness import alone, deadline, h2, process, sanitize, until


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _busy(t, **parts):
    east, west = t.origin("east"), t.origin("west").answers(404, "no")
    p = t.proxy(regions={"us-east-1": {"endpoints": [east], "weight": 75},
                         "us-west-2": {"endpoints": [west], "weight": 25}}, **parts)
    c = p.client()
    for _ in range(100):
        c.get("/page")
    return p, east, west


@sanitize
def status_tells_services_regions_and_endpoints(t):
    p, east, _ = _busy(t)
    status = p.status()
    service = [s for s in status["services"] if s["name"] == "shop"][0]
    regions = {r["name"]: r for r in service["regions"]}
    assert set(regions) == {"us-east-1", "us-west-2"}
    assert abs(regions["us-east-1"]["share"] - 0.75) < 0.01, regions
    endpoint = regions["us-east-1"]["endpoints"][0]
    assert endpoint["url"] == east.url and endpoint["state"] == "up", endpoint
    assert endpoint["requests"] == len(east.requests), (endpoint, len(east.requests))
    for key in ("state", "reason", "since", "requests", "errors", "p50_ms", "p99_ms"):
        assert key in endpoint, (key, endpoint)
    assert sum(e["requests"] for e in p.endpoints().values()) == 100


@sanitize
def the_status_command_shows_people_and_programs_the_same(t):
    p, east, _ = _busy(t)
    text = process.run([t.binary, "status", "--socket", p.socket])
    for word in ("shop", "us-east-1", "us-west-2", east.url.split("//")[1], "75"):
        assert word in text, (word, text)
    assert max(len(line) for line in text.split("\n")) <= 160, text
    told = json.loads(process.run([t.binary, "status", "--socket", p.socket, "--json"]))
    assert [s["name"] for s in told["services"]] == ["shop"]
    by_file = process.run([t.binary, "status", "-c", p.conf_path])
    assert "us-east-1" in by_file
    gone = subprocess.run([t.binary, "status", "--socket", p.socket + ".none"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert gone.returncode == 1 and gone.stderr, gone


@sanitize
def metrics_are_well_formed_and_count_what_happened(t):
    p, east, west = _busy(t)
    m = p.metrics()
    for name, _, _ in m.samples:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in m.types or base in m.types, "no TYPE for " + name
        assert name in m.helps or base in m.helps, "no HELP for " + name
        assert name.startswith(("detour_", "process_")), name
        if m.types.get(name) == "counter":
            assert name.endswith("_total"), name
    assert m.total("detour_http_requests_total") >= 100
    assert m.total("detour_endpoint_tries_total", region="us-east-1") == len(east.requests)
    assert m.total("detour_endpoint_tries_total", region="us-west-2") == len(west.requests)
    assert abs(m.total("detour_region_share_ratio", region="us-east-1") - 0.75) < 0.01
    assert m.values("detour_build_info") == [1]
    assert m.total("detour_config_last_reload_successful") == 1
    for name, kind in m.types.items():
        if kind != "histogram":
            continue
        series = {}
        for n, labels, value in m.samples:
            if n == name + "_bucket":
                rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
                series.setdefault(rest, []).append((float(labels["le"]), value))
        for rest, buckets in series.items():
            assert [v for _, v in buckets] == sorted(v for _, v in buckets), (name, buckets)
            assert buckets[-1][0] == float("inf"), (name, buckets)
            assert buckets[-1][1] == m.values(name + "_count", **dict(rest))[0]


def the_alerts_ask_for_metrics_that_there_are(t):
    p, _, _ = _busy(t)
    known = set(p.metrics().types) | {"up"}
    with open(os.path.join(ROOT, "deploy", "alerts.yml")) as f:
        asked = set(re.findall(r"\b(?:detour|process)_\w+|\bup\b", re.sub("#.*", "", f.read())))
    with open(os.path.join(ROOT, "deploy", "PRODUCTION.md")) as f:
        asked |= set(re.findall(r"`((?:detour|process)_\w+)`", f.read()))
    assert len(asked) > 15 and asked <= known, asked - known


@sanitize
def livez_and_readyz_answer_and_the_admin_port_takes_no_orders(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    assert p.ask("/livez").status == 200
    assert p.ask("/readyz").status == 200
    assert p.ask("/nothing").status == 404
    for address in (p.admin, p.socket):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "CONNECT"):
            for target in ("/v1/status", "/v1/wishes", "/v1/explain/shop", "/nothing", "a:443"):
                if (method, target, address) == ("POST", "/v1/wishes", p.socket):
                    continue
                with p.client(tls=False, address=address) as c:
                    answer = c.request(method, target).response(method)
                    wanted = 403 if (method, target) == ("POST", "/v1/wishes") else 405
                    assert answer.status == wanted, (method, target, answer)
                    assert wanted == 403 or answer.get("allow"), (method, target, answer)
                    c.get("/livez").expect(200)  # the answer was a whole one and nothing behind it
    import stat
    assert stat.S_IMODE(os.stat(p.socket).st_mode) & 0o007 == 0, "not for everybody"


@sanitize
def an_access_line_tells_the_whole_story(t):
    refused, good = t.origin("refused").refuse(), t.origin("good")
    p = t.proxy(regions={"us-east-1": [refused], "us-west-2": [good]})
    c = p.client()
    c.request("POST", "/story?secret=1", [("X-Request-Id", "from-outside"),
                                          ("User-Agent", 'odd "agent"\x7f'.replace("\x7f", ""))],
              b"12345").response().expect(200, "good")
    line = p.until_access("/story")[0]
    assert line["method"] == "POST" and line["status"] == 200, line
    assert line["service"] == "shop" and line["region"] == "us-west-2", line
    assert line["endpoint"] == good.url, line
    assert line["host"] == "shop.example.com", line
    assert "secret" not in json.dumps(line), "queries are not logged"
    assert 1 <= line["tries"] <= 2
    assert 'odd "agent"' in json.dumps(line).replace('\\"', '"')
    assert line["reason"] in ("-", "", None), line
    assert "TLSv1.3" in json.dumps(line), line
    assert any(v == 5 for v in line.values()), "body bytes in: %r" % line


@sanitize
def text_logs_are_one_line_each_and_survive_hostile_bytes(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]})
    q = t.proxy(start=False, regions={"us-east-1": [t.origin("east2")]})
    q.write(log='access = "%s"; format = "text"; level = "info";' % q.access_path)
    q.start()
    hostile = "\x80\xff\"\\ <script> \t"
    for proxy in (p, q):
        proxy.client().get("/hostile", [("User-Agent", hostile), ("Referer", hostile)]).expect(200)
    p.until_access("/hostile")  # is valid JSON, whatever came
    until(lambda: "/hostile" in open(q.access_path, errors="replace").read(), "the line is there")
    with open(q.access_path, "rb") as f:
        data = f.read()
    lines = [line for line in data.split(b"\n") if b"/hostile" in line]
    assert len(lines) == 1
    assert all(32 <= byte < 127 for byte in lines[0]), lines[0]


@sanitize
def request_ids_are_unique_and_the_same_everywhere(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, workers=2)
    for _ in range(50):
        p.get("/id").expect(200)
    ids = [r.get("x-request-id") for r in origin.requests]
    assert len(set(ids)) == 50 and all(ids), ids
    logged = {line["request_id"] for line in p.until_access("/id", count=50)}
    assert logged == set(ids)


@alone
@deadline(90)
def a_worker_makes_no_futex_call_under_load(t):
    if shutil.which("strace") is None:
        raise AssertionError("strace is needed")
    origin = t.nginx("east")
    p = t.proxy(regions={"us-east-1": [origin]}, workers=1)
    load = t.load(p, rate=500)
    load.until_ok(500)
    tids = p.worker_tids()
    assert len(tids) == 1, process.threads(p.pid)
    out = p.directory + "/strace"
    trace = process.spawn(["strace", "-p", tids[0], "-o", out,
                           "-e", "trace=futex,brk,mmap,munmap,epoll_wait"],
                          stderr=subprocess.DEVNULL)
    until(lambda: "epoll_wait" in _read(out), "strace is attached", 10)
    load.until_ok(2000)
    trace.send_signal(signal.SIGINT)
    trace.wait(10)
    load.stop_clean()
    text = _read(out)
    assert text.count("epoll_wait") > 500
    calls = [line for line in text.split("\n")
             if re.search(r"^(futex|brk|mmap|munmap)\(", line)]
    assert calls == [], calls[:20]


def _read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


@alone
@deadline(90)
def the_allocation_counter_stays_flat_under_load(t):
    origin = t.nginx("east")
    p = t.proxy(regions={"us-east-1": [origin]}, workers=2)
    load = t.load(p, rate=500)
    load.until_ok(2500)
    before = p.metrics().total("detour_worker_allocations_total")
    load.until_ok(3000)
    after = p.metrics().total("detour_worker_allocations_total")
    load.stop_clean()
    t.report("%d allocations in 3000 requests" % (after - before))
    # A new peak of concurrency takes its blocks once; a block per request would be thousands.
    assert after - before <= 150, (before, after)


@sanitize
def what_is_open_goes_back_to_nothing(t):
    """Gauges count down whichever way a request, a connection or a try ended."""
    origin, bad = t.origin("east"), t.origin("bad").resets()
    p = t.proxy(regions={"us-east-1": [origin, bad]}, limits='request_head = "300ms";')
    for _ in range(10):
        p.get("/")
        p.client().post("/", b"x")
        p.client(tls=False).send("broken\r\n\r\n").rest()
        p.client().request("GET", "/left").reset()
        p.client().send("GET / HTTP").close()
        p.client(tls=False, address=p.https).close()
    for proxy_client in t.clients:
        proxy_client.close()

    def nothing():
        m = p.metrics()
        return (m.total("detour_worker_client_connections") == 0 and
                m.total("detour_worker_requests_in_flight") == 0 and
                m.total("detour_endpoint_active_tries") == 0 and
                m.total("detour_listener_connections") == 0)

    until(nothing, "nothing is open")


@alone
@deadline(60)
def an_idle_proxy_sleeps(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, workers=2)
    p.get("/").expect(200)
    before = process.cpu_seconds(p.pid)
    time.sleep(3)
    used = process.cpu_seconds(p.pid) - before
    assert used < 0.1, "%.2f s of CPU in 3 idle seconds" % used


@sanitize
def observers_under_load_do_not_disturb_traffic(t):
    origin = t.origin("east")
    p = t.proxy(regions={"us-east-1": [origin]}, workers=2)
    stop = threading.Event()
    wrong = []

    def watch():
        while not stop.is_set():
            try:
                p.status()
                p.metrics()
            except Exception as e:
                wrong.append(repr(e))
                return

    thread = threading.Thread(target=watch)
    thread.start()
    c = p.client()
    try:
        for _ in range(500):
            c.get("/").expect(200, "east")
    finally:
        stop.set()
        thread.join()
    assert not wrong, wrong


@sanitize
def a_refused_request_is_logged_with_what_is_known_of_it(t):
    p = t.proxy(regions={"us-east-1": [t.origin("east")]}, plain="h2c = true;")
    many = [("x-%d" % i, "y") for i in range(101)]
    with h2.H2(p) as c:
        assert c.answer(c.open(h2.request("DELETE", "/by-h2?q", more=many)))[0] == 431
    c = p.client(tls=False)
    c.send("PUT /by-h1?q HTTP/1.1\r\nHost: shop.example.com\r\n" + "X: a\r\n" * 101 + "\r\n")
    c.response().expect(431)
    c = p.client(tls=False)
    c.send("PUT /in-pieces HTTP/1.1\r\nHost: shop.example.com\r\nX: a\r\n")
    p.metrics()  # by now the first piece is most likely read; the line must not depend on it
    c.send("X: a\r\n" * 101 + "\r\n")
    c.response().expect(431)
    for path, method in (("/by-h2", "DELETE"), ("/by-h1", "PUT"), ("/in-pieces", "PUT")):
        line = p.until_access(path)[0]
        assert line["method"] == method and line["status"] == 431, line
        assert line["reason"] == "head_too_large", line
    assert p.until_access("/by-h2")[0]["host"], "its authority"
