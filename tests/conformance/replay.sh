#!/usr/bin/env bash
# What Detour forwards, replayed into nginx, Apache, Python's http.server and Node, which must all
# see the same requests in it: tests/conformance/replay.sh [path of detour]
# The suite does the same without Node, which Debian 12 has as nodejs. Ends with "N passed, N failed".
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! command -v node > /dev/null; then
    echo "replay.sh: there is no node; apt-get install nodejs" >&2
    exit 2
fi
DETOUR_REPLAY_NODE=1 exec "$root/tests/system/run.py" --detour "${1:-$root/build/detour}" -k http1_replay
