#!/usr/bin/env python3
"""Detour, HAProxy and nginx attacked in turn, by the attacks of tests/attack. Started by run.sh."""

import argparse
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, *p) for p in (("bench",), ("tests", "attack"),
                                                  ("tests", "faults"), ("tests", "system"))]

# pylint: disable=wrong-import-position
import h1_floods as h1
import h2_floods as h2
import results
import siege
import tls_floods as tls
from place import Failure, Place, free_ports, say
from proxies import Detour, Haproxy, Nginx
from wire import Target

PEERS = os.path.join(HERE, "peers")
RATE = 200
MIB = 1 << 20

HEAD = """# Attacks

Detour, HAProxy and nginx attacked one after the other by the clients of `tests/attack`, over TLS on
loopback, each started anew for each attack with one worker on a core of its own; attacker, bystander
and origin have the other core. Written by `bench/attack/run.sh`. The peers have settings that
someone would choose who expects attacks ([attack/peers](attack/peers), with reasons); Detour has what
it ships with.

- **memory**: PSS of all its processes, before and at its most while the attack ran.
- **CPU**: seconds of its processor in {seconds:.1f} s of attack, what the bystander needs taken off;
  and how often what the attacker spent on sending and listening.
- **upstream**: requests of the attacker that reached the origin.
- **cut**: connections of the attacker that the proxy ended, of all; an attacker who is cut off comes
  back.
- **bystander**: p99 of {rate} requests a second over four connections (HTTP/1.1 over TLS) before the
  attack and during it, and how many of its requests failed.

Slow attacks are shown while they are borne: all three end them after a timeout that is longer than
this measurement. Who is cut off and comes back has new handshakes to pay for, and so has the proxy, and
a few requests of each new connection get through before it shows what it is: compare upstream with the
number of connections, and CPU with what the attacker spent.

"""


def attacks(build):
    """(title, attack, may it be tried before): the tables of tests/attack, the notable ones."""
    return [
        ("rapid reset", h2.rapid_reset, True),
        ("MadeYouReset, window overflow", h2.made_you_reset("window overflow"), True),
        ("CONTINUATION without end, Huffman", h2.continuation_flood("huffman"), True),
        ("HPACK bomb, 4 KiB × 4000 × 100", h2.hpack_bomb, True),
        ("HTTP/2 bomb of 2026", h2.bomb_of_2026, False),
        ("PING flood", h2.frame_flood("PING"), True),
        ("SETTINGS flood", h2.frame_flood("SETTINGS"), True),
        ("empty DATA flood", h2.frame_flood("empty DATA"), True),
        ("8 × 100 streams, windows of nothing", h2.pinned_windows, False),
        ("slowloris, 300 connections", h1.slowloris, False),
        ("20 slow readers", h1.slow_read, False),
        ("chunks of a byte", h1.chunks_of_one_byte, True),
        ("heads as large as may be", h1.header_flood, True),
        ("TLS handshakes", tls.handshakes, True),
        ("KeyUpdate flood", tls.tool(os.path.join(build, "tests", "attack", "tools", "attack-tls"),
                                     "keyupdate"), True),
    ]


def on_core(place, core):
    """Spawns on that core."""
    return lambda argv, **options: place.spawn(["taskset", "-c", str(core), *argv], **options)


def measure(place, proxy, number, title, attack, warm, options):
    label = "%s%d" % (proxy.name, number)
    origin_port, port = free_ports(2)
    log = os.path.join(place.dir, label + ".seen")
    origin = siege.origin_at(siege.lab_program(options.build, "lab-origin"),
                             ("127.0.0.1", origin_port), log)
    by = None
    try:
        proxy.launch(place, on_core(place, options.cores - 1), PEERS, label, HTTPS_PORT=port,
                     ORIGIN_PORT=origin_port)
        target = Target(("127.0.0.1", port), None, place.values["CERTIFICATE"], "bench.test")
        by = siege.Bystander(siege.lab_program(options.build, "lab-load"), target,
                             os.path.join(place.dir, label + ".requests"), rate=RATE,
                             wrap=("nice", "-n", "-10"))
        siege.is_served(by)
        return siege.lay(title, attack, target, proxy.child.pid, by, origin, options.seconds,
                         before=options.before, warm=warm)
    finally:
        if by is not None:
            by.load.kill()
        if proxy.child is not None:
            proxy.stop(place)
        origin.stop()


def line(title, name, row):
    tally = row.tally
    return "| %s | %s | %.1f → %.1f | %.2f | %.1f | %d | %d of %d | %.1f → %.1f | %d |" % (
        title, name, row.memory_before / MIB, row.memory_most / MIB, row.cpu, row.ratio,
        row.upstream, tally.cut, tally.connections, row.p99_before_ms, row.p99_during_ms,
        len(row.failed))


def table(rows):
    yield ("| attack | proxy | memory, MiB | CPU, s | × attacker's | upstream | cut | "
           "bystander p99, ms | failed |")
    yield "|---|---|---|---|---|---|---|---|---|"
    for title, measured in rows:
        for i, (name, row) in enumerate(measured):
            yield line(title if i == 0 else "", name, row)


def bench(options):
    began = time.monotonic()
    makers = [lambda: Detour(options.detour), lambda: Haproxy("haproxy"), lambda: Nginx("nginx")]
    versions = ["%s %s" % (p.name, p.version()) for p in (make() for make in makers)]
    rows = []
    for number, (title, attack, warm) in enumerate(attacks(options.build)):
        if options.only not in title:
            continue
        measured = []
        for make in makers:
            with Place() as place:
                proxy = make()
                measured.append((proxy.name, measure(place, proxy, number, title, attack, warm,
                                                     options)))
                say(line(title, *measured[-1]))
        rows.append((title, measured))
    lines = [HEAD.format(seconds=options.seconds, rate=RATE).rstrip("\n"), ""]
    lines += list(table(rows)) + ["", "## Conditions", ""]
    lines += list(results.conditions("bench/attack/run.sh", versions))
    lines.append("- The whole took %d s" % (time.monotonic() - began))
    return "\n".join(lines) + "\n"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/attack/run.sh", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a rough picture, printed only")
    parser.add_argument("--only", metavar="WORDS", default="", help="attacks whose title has WORDS")
    parser.add_argument("--detour", required=True, metavar="PATH", help="the binary")
    parser.add_argument("--build", required=True, metavar="DIR", help="where the tools were built")
    parser.add_argument("--output", metavar="FILE",
                        help="where the report goes; RESULTS.md for a run of full length")
    options = parser.parse_args(arguments)
    options.seconds, options.before = (1.0, 0.5) if options.quick else (2.5, 1.2)
    if options.output is None and not (options.quick or options.only):
        options.output = results.PATH
    options.cores = os.cpu_count()
    if options.cores < 2:
        parser.error("two cores are needed")
    return options


def main():
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # This process attacks; the proxies have the last core.
    os.sched_setaffinity(0, range(options.cores - 1))
    try:
        text = bench(options)
    except (Failure, AssertionError) as failure:
        sys.exit("attack: %s" % failure)
    if options.output is not None:
        results.keep(options.output, text)
    print(text)


if __name__ == "__main__":
    main()
