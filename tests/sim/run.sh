#!/usr/bin/env bash
# The failover core in simulated worlds; ends with "N passed, N failed" and a code to match.
#   tests/sim/run.sh                     what is written down, fixed seeds and fresh ones
#   tests/sim/run.sh --seed S            scenarios drawn from S on (with --seconds N: so long)
#   tests/sim/run.sh --seconds N         fresh seeds for N simulated seconds
#   tests/sim/run.sh --campaign MINUTES  fresh seeds for so long, on the clock
#   tests/sim/run.sh --speed             simulated seconds a second of CPU: 10,000 at least
# SIM names a simulator that is built already; BUILD the build directory (build).
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
cd "$(dirname "$0")/../.."

build=${BUILD:-build}
if [ -z "${SIM:-}" ]; then
    if [ ! -f "$build/build.ninja" ]; then meson setup "$build" > /dev/null; fi
    ninja -C "$build" tests/sim/sim > /dev/null
    SIM=$build/tests/sim/sim
fi

seed=
seconds=
campaign=
while [ $# -gt 0 ]; do
    case $1 in
        --seed) seed=${2:?} ;;
        --seconds) seconds=${2:?} ;;
        --campaign) campaign=${2:?} ;;
        --speed) exec "$SIM" --speed ;;
        *)
            sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
    shift 2
done

passed=0
failed=0
phase() { # NAME COMMAND...
    local name=$1
    shift
    printf '== %s\n' "$name"
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

if [ -n "$campaign" ]; then
    phase "campaign of $campaign minutes" "$SIM" --campaign "$campaign"
elif [ -n "$seed" ]; then
    phase "seeds from $seed" "$SIM" --seed "$seed" --seconds "${seconds:-100000}"
elif [ -n "$seconds" ]; then
    phase "fresh seeds" "$SIM" --fresh "$seconds"
else
    for file in tests/sim/seeds/*.txt; do
        phase "$(basename "$file" .txt)" "$SIM" --replay "$file"
    done
    phase "fixed seeds" "$SIM" --seed 1 --seconds 100000
    # Others in each run. One that fails prints its seed and, shrunk, a scenario as text: it is
    # mended and kept as a file in seeds/. Long campaigns go first, so that it is news.
    phase "fresh seeds" "$SIM" --fresh 210000
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
