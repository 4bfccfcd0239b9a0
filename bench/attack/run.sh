#!/usr/bin/env bash
# Attacks Detour, HAProxy and nginx in turn, prints what it cost them and a bystander, and writes it
# to bench/RESULTS.md if all was measured at full length. About 4 minutes.
# usage: bench/attack/run.sh [--quick] [--only WORDS] [--detour PATH] [--help]
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)

# nginx and haproxy live in /usr/sbin, which not every user's PATH has.
PATH=$PATH:/usr/sbin:/sbin

missing=()
need() {
    command -v "$1" > /dev/null || missing+=("$2")
}
need nginx nginx
need haproxy haproxy
need openssl openssl
need python3 python3
need taskset util-linux
need meson meson
need ninja ninja-build
if [ ${#missing[@]} -gt 0 ]; then
    echo "attack: missing; apt-get install ${missing[*]}" >&2
    exit 1
fi

# As users build it: no option given.
build=$root/build-bench
[ -f "$build/build.ninja" ] || meson setup "$build" "$root" > /dev/null
ninja -C "$build" detour tests/faults/lab/lab-load tests/faults/lab/lab-origin \
    tests/attack/tools/attack-tls >&2

# An option of the caller's comes later and wins.
PYTHONDONTWRITEBYTECODE=1 exec python3 "$root/bench/attack/besiege.py" \
    --detour "$build/detour" --build "$build" "$@"
