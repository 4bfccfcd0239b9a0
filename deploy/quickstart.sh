#!/usr/bin/env bash
# From a fresh Debian 12 to a running demo: packages, build, demo.
#   quickstart.sh            builds and serves until Ctrl-C; arguments go to `detour demo`
#   quickstart.sh --check    serves on 8443 or a free port, asks once, stops: for machines
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac

check=false
if [ "${1:-}" = --check ]; then
    check=true
    shift
fi

deploy/packages.sh build
if [ ! -f build/build.ninja ]; then meson setup build > /dev/null; fi
ninja -C build detour

if ! $check; then exec build/detour demo "$@"; fi

out=$(mktemp)
demo=
finish() {
    if [ -n "$demo" ] && kill -0 "$demo" 2> /dev/null; then
        kill "$demo"
        wait "$demo" || true
    fi
    rm -f "$out"
}
trap finish EXIT

build/detour demo "$@" > "$out" 2>&1 &
demo=$!
for _ in $(seq 150); do
    url=$(grep -oE 'https://[^[:space:]]+:[0-9]+' "$out" | head -n 1 || true)
    if [ -n "$url" ] && answer=$(curl -ksS --max-time 5 "$url/" 2> /dev/null); then
        echo "$answer"
        echo "quickstart: the demo answers at $url"
        exit 0
    fi
    if ! kill -0 "$demo" 2> /dev/null; then break; fi
    sleep 0.1
done
echo "quickstart: the demo did not answer; it said:" >&2
cat "$out" >&2
exit 1
