#!/usr/bin/env bash
# Loses a region behind Detour, HAProxy and nginx in eight ways, prints what their users saw, and
# writes it to bench/RESULTS.md if all was measured at full length. About 14 minutes; root, for it
# makes network namespaces. Exit code 3: Detour missed a target.
# usage: bench/failover/run.sh [--quick] [--only FAULT,...] [--detour PATH] [--help]
. "$(dirname "$0")/../need.sh"
need ip=iproute2 nft=nftables
build detour tests/faults/lab/lab-load tests/faults/lab/lab-origin

# An option of the caller's comes later and wins.
PYTHONDONTWRITEBYTECODE=1 exec python3 "$root/bench/failover/failover.py" \
    --detour "$build/detour" --tools "$build/tests/faults/lab" "$@"
