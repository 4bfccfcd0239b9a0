"""What bench/run.sh has to say in RESULTS.md: where, how, and the tables."""

import statistics

import results

HEAD = """# Side by side

Detour, HAProxy and nginx on the same machine in the same run, each with one worker on the same
core; the load and the origin share another core. Written by `bench/run.sh`; how it is measured
is in [README.md](README.md), the configurations are in [peers/](peers).

"""

BEFORE = """# Before and after

Detour and an older build of it on the same machine in the same run, as in "Side by side": what all
that came since costs. Written by `bench/run.sh --before PATH --output FILE`.

"""

COST = """## Cost

CPU time of the proxy for each request: user and system time of all its processes and threads, by
the kernel's account. Medians of {rounds} interleaved rounds, least and most in brackets. The
ratio is the best peer's median divided by Detour's: at 1.0 and above Detour costs no more. By
round it is the least of that round's peers over Detour, so there luck sides with the peers.
h2o runs in the rows of HTTP/2 only.

"""

RATE = """## Throughput

Requests per second (median), and how much of its core the proxy used meanwhile. Only where that is
near 100 % did the proxy set the pace; elsewhere it was the load, or others on this machine. With
a core half idle, fewer requests are ready at each turn of a proxy's loop, and each costs more.

"""


def _command_line(arguments):
    return " ".join(repr(a) if " " in str(a) else str(a) for a in arguments)


def _costs(samples):
    return [s.cost for s in samples]


def _cell(samples, unit):
    costs = _costs(samples)
    if len(costs) == 1:
        return "%.1f %s" % (costs[0], unit)
    return "%.1f %s (%.1f–%.1f)" % (statistics.median(costs), unit, min(costs), max(costs))


def ratio(samples_by_name):
    """The better peer's median over Detour's, and the same for each round: least and most."""
    by_round = [[s.cost for s in r] for r in zip(*samples_by_name.values())]
    medians = [statistics.median(_costs(s)) for s in samples_by_name.values()]
    ratios = [min(r[1:]) / r[0] for r in by_round]
    return min(medians[1:]) / medians[0], min(ratios), max(ratios)


def _cost_table(measured, names):
    yield "| | " + " | ".join(names) + " | ratio | by round |"
    yield "|---|" + "---|" * (len(names) + 2)
    for row, samples in measured:
        middle, least, most = ratio(samples)
        rounds = "%.2f–%.2f" % (least, most) if len(samples[names[0]]) > 1 else ""
        cells = [_cell(samples[n], row.unit) if n in samples else "–" for n in names]
        yield "| %s | %s | **%.2f** | %s |" % (row.title, " | ".join(cells), middle, rounds)


def _rate_table(measured, names):
    yield "| | " + " | ".join(names) + " |"
    yield "|---|" + "---|" * len(names)
    for row, samples in measured:
        if row.unit != "µs":
            continue
        cells = ["%.0f/s, %.0f %%" % (statistics.median(s.rate for s in samples[n]),
                                      statistics.median(s.busy for s in samples[n]) * 100)
                 if n in samples else "–" for n in names]
        yield "| %s | %s |" % (row.title, " | ".join(cells))


def _conditions(run):
    yield "## Conditions", ""
    yield from results.conditions(run.command, run.versions)
    yield "- TLS, the same with all: %s; resumed handshakes among %d that a witness saw: 0" % (
        run.tls, run.witnessed)
    yield "- Rounds: %d, %d s for each measurement, order rotated; the whole took %d s" % (
        run.rounds, run.seconds, run.took)
    yield ""
    yield "Commands of the load, on core %d (the proxies are on core %d):" % (
        run.load_core, run.proxy_core)
    yield ""
    for line in run.loads:
        yield "    " + _command_line(line)


def _flat(parts):
    for part in parts:
        if isinstance(part, tuple):
            yield from part
        else:
            yield part


def text(run, measured):
    names = run.names
    head = BEFORE if "before" in names else HEAD
    lines = [head.rstrip("\n"), "", COST.format(rounds=run.rounds).rstrip("\n"), ""]
    lines += list(_cost_table(measured, names)) + ["", RATE.rstrip("\n"), ""]
    lines += list(_rate_table(measured, names)) + [""] + list(_flat(_conditions(run)))
    return "\n".join(lines) + "\n"
