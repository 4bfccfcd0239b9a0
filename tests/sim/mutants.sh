#!/usr/bin/env bash
# Does the simulator find mistakes? Each mutant is a small mistake made in a copy of the tree; the
# simulator must fail there. Ends with "N passed, N failed": caught, survived.
#   tests/sim/mutants.sh [NAME...]       all, or only these
# Takes some minutes, so it is a command of its own and no part of tests/run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for part in include src tests meson.build meson_options.txt; do cp -r "$part" "$copy/"; done
meson setup "$copy/build" "$copy" > "$copy/setup.log" || { cat "$copy/setup.log"; exit 1; }
seconds=${SECONDS_EACH:-100000}
passed=0
failed=0
wanted=("$@")

# mutant NAME FILE SED: SED must change FILE, a file under src/steer or include/steer.
mutant() {
    local name=$1 file=$2 edit=$3 found=
    if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then return; fi
    sed -i -E "$edit" "$copy/$file"
    if cmp -s "$file" "$copy/$file"; then
        echo "STALE    $name: its edit changes nothing in $file"
        failed=$((failed + 1))
        return
    fi
    if ! ninja -C "$copy/build" tests/sim/sim > "$copy/build.log" 2>&1; then
        echo "BROKEN   $name: does not compile"
        tail -n 20 "$copy/build.log"
        failed=$((failed + 1))
        cp "$file" "$copy/$file"
        return
    fi
    if ! "$copy/build/tests/sim/sim" --replay tests/sim/seeds/*.txt > "$copy/out" 2>&1; then
        found=$(grep -m 1 '^# broken' "$copy/out" || echo "by a crash")
    elif ! "$copy/build/tests/sim/sim" --first --seed 1 --seconds "$seconds" > "$copy/out" 2>&1; then
        found=$(grep -m 1 '^# broken' "$copy/out" || echo "by a crash")
    fi
    if [ -n "$found" ]; then
        echo "CAUGHT   $name: ${found#\# }"
        passed=$((passed + 1))
    else
        echo "SURVIVED $name"
        failed=$((failed + 1))
    fi
    cp "$file" "$copy/$file"
}

# The unchanged tree must pass, or nothing below means anything.
ninja -C "$copy/build" tests/sim/sim > /dev/null
"$copy/build/tests/sim/sim" --seed 1 --seconds "$seconds" > "$copy/out" ||
    { cat "$copy/out"; echo "the unchanged tree fails"; exit 1; }

@MUTANTS@
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
