#!/usr/bin/env bash
# Measures Detour, HAProxy and nginx side by side, prints what came out, and writes it to
# bench/RESULTS.md if all was measured at full length.
# usage: bench/run.sh [--quick] [--detour PATH] [other options of side_by_side.py]
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
root=$(cd "$(dirname "$0")/.." && pwd)

# nginx and haproxy live in /usr/sbin, which not every user's PATH has.
PATH=$PATH:/usr/sbin:/sbin

missing=()
need() {
    command -v "$1" > /dev/null || missing+=("$2")
}

detour=
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    --detour)
        [ $# -ge 2 ] || { echo "bench: --detour needs a path" >&2; exit 2; }
        detour=$(realpath "$2")
        shift ;;
    *) arguments+=("$1") ;;
    esac
    shift
done

need nginx nginx
need haproxy haproxy
need wrk wrk
need h2load nghttp2-client
need h2o h2o
need openssl openssl
need python3 python3
need taskset util-linux
if [ -z "$detour" ]; then
    need meson meson
    need ninja ninja-build
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo "bench: missing; apt-get install ${missing[*]}" >&2
    exit 1
fi

if [ -z "$detour" ]; then
    # As users build it: no option given.
    build=$root/build-bench
    [ -f "$build/build.ninja" ] || meson setup "$build" "$root" > /dev/null
    ninja -C "$build" detour >&2
    detour=$build/detour
fi

PYTHONDONTWRITEBYTECODE=1 exec python3 "$root/bench/side_by_side.py" --detour "$detour" \
    ${arguments[@]+"${arguments[@]}"}
