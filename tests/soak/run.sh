#!/usr/bin/env bash
# The soak: one proxy with everything on, under a moderate load of all protocols, while regions
# fail, configurations change, processes take over and strangers misbehave, for as long as one likes.
#   tests/soak/run.sh [--minutes N] [--seed S] [--sanitize asan|tsan] [--detour PATH] [--rate PART]
# Builds what it runs unless --detour says where it is. Runs as root (network namespaces). Long: it is
# no part of tests/run.sh. What it holds the proxy to is in run.py; the code is 1 if it found anything.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
cd "$(dirname "$0")/../.."

dir=build options=()
for ((i = 1; i <= $#; i++)); do
    case ${!i} in
    --detour) exec tests/soak/run.py "$@" ;;
    asan) dir=build-asan options=(-Db_sanitize=address,undefined) ;;
    tsan) dir=build-tsan options=(-Db_sanitize=thread) ;;
    esac
done
if [ ! -f "$dir/build.ninja" ]; then meson setup "$dir" -Dwerror=true "${options[@]}"; fi
ninja -C "$dir" detour tests/faults/lab/lab-load tests/faults/lab/lab-origin
exec tests/soak/run.py --detour "$dir/detour" "$@"
