#!/usr/bin/env bash
# Attacks Detour, HAProxy and nginx in turn, prints what it cost them and a bystander, and writes it
# to bench/RESULTS.md if all was measured at full length. About 4 minutes.
# usage: bench/attack/run.sh [--quick] [--only WORDS] [--detour PATH] [--help]
. "$(dirname "$0")/../need.sh"
need taskset=util-linux
build detour tests/faults/lab/lab-load tests/faults/lab/lab-origin \
    tests/attack/tools/attack-tls

# An option of the caller's comes later and wins.
PYTHONDONTWRITEBYTECODE=1 exec python3 "$root/bench/attack/besiege.py" \
    --detour "$build/detour" --build "$build" "$@"
