#!/usr/bin/env bash
# Records which ways requests take through the code, for the compiler to lay it out by (bench/profile).
# To be run and committed when the request path has changed; it takes a minute or two.
# usage: bench/record.sh
# Builds in build-profile with gcc, and serves the rows of bench/run.sh for two seconds each.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-profile

# nginx lives in /usr/sbin, which not every user's PATH has.
PATH=$PATH:/usr/sbin:/sbin

for tool in gcc meson ninja nginx wrk h2load openssl python3 taskset; do
    command -v "$tool" > /dev/null || { echo "profile: $tool is missing" >&2; exit 1; }
done
[ -f "$build/build.ninja" ] || CC=gcc meson setup "$build" "$root" -Dprofile=record -Dtests=false > /dev/null
ninja -C "$build" detour >&2
rm -rf "$build/profile"
PYTHONDONTWRITEBYTECODE=1 python3 "$root/bench/record.py" "$build/detour"

# Only of what the way of a request leads through. Beside it all else would count as never run, and what
# control does ten times a second for each endpoint would be made small instead of fast.
steer='admission|balance|balancer|budget|endpoint|least_request|round_robin|sticky'
kept=$(find "$build/profile" -name '*.gcda' | grep -vE '#histogram\.c' |
    grep -E "#libdetour-((base|net|http|proxy)\.a\.p#|conf\.a\.p#route_index\.c|steer\.a\.p#($steer)\.c)" || true)
[ -n "$kept" ] || { echo "profile: nothing was recorded" >&2; exit 1; }
rm -rf "$root/bench/profile"
mkdir "$root/bench/profile"
gcc -dumpfullversion | cut -d . -f 1-2 > "$root/bench/profile/gcc"
xargs -d '\n' cp -t "$root/bench/profile" <<< "$kept"
echo "profile: $(wc -l <<< "$kept") files, $(du -sh --apparent-size "$root/bench/profile" | cut -f 1)"
