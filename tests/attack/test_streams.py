"""What streams cost by their number: twice as many, twice as much."""

import os

import h2_floods
import siege
from meter import cpu_seconds
from wire import Target


def a_stream_among_many_costs_no_more_to_end_than_one_among_few(t):
    """Opened and reset together; were something looked for among all of them, it would show."""
    folder, files, address = os.path.dirname(t.binary), t.directory("lab"), t.lease.address()
    origin = siege.origin_at(siege.lab_program(folder, "lab-origin"),
                             (address, t.lease.port(address)), os.path.join(files, "origin"), 50)
    t.at_end(origin.stop)
    p = t.proxy(regions={"here": [origin]}, plain="h2c = true;", limits="h2_max_streams = 1000;",
                service_text="limits = { max_connections = 4000; };")
    target = Target(p.https, p.http, t.pki.authority("ca").chain)
    costs = {}
    for streams in (20, 800):
        attack = h2_floods.mass_reset(streams, tls=False)
        attack(target, 0.2)
        before = cpu_seconds(p.pid)
        tally = attack(target, 1.0)
        costs[streams] = (cpu_seconds(p.pid) - before) / tally.units * 1e6
    t.report("us for each of 20 streams %.1f, of 800 %.1f" % (costs[20], costs[800]))
    assert costs[800] < 3 * costs[20], costs
