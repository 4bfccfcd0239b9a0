#!/usr/bin/env bash
# Does the simulator find mistakes? Each mutant is a small mistake made in a copy of the tree; the
# simulator must fail there. Ends with "N passed, N failed": caught, survived.
#   tests/sim/mutants.sh [NAME...]       all, or only these
# Takes some minutes, so it is a command of its own and no part of tests/run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for part in include src tests bench meson.build meson_options.txt; do cp -r "$part" "$copy/"; done
meson setup "$copy/build" "$copy" > "$copy/setup.log" || { cat "$copy/setup.log"; exit 1; }
seconds=${SECONDS_EACH:-200000}
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

# ---- states
mutant hold-down-skipped src/steer/region.c \
    's/now_ms - r->since_ms >= r->hold_ms/now_ms >= r->since_ms/'
mutant relapses-not-counted src/steer/region.c \
    's/relapses_now\(r, now_ms\) \+ 1;/relapses_now(r, now_ms);/'
mutant ramp-four-times-too-fast src/steer/region.c \
    's/\(double\)s->dt_ms \/ s->policy->ramp_ms/4.0 * (double)s->dt_ms \/ s->policy->ramp_ms/'
mutant health-compared-the-wrong-way src/steer/region.c \
    's/e->health < s->policy->min_healthy/e->health > s->policy->min_healthy/'
mutant local-failures-ignored include/steer/evidence.h \
    's/return e->not_sent \+ e->broken;/return 0;/'
mutant freeze-forgotten src/steer/steer_regions.c \
    's/if \(s->frozen\)/if (false)/'
mutant evacuation-forgotten src/steer/steer_regions.c \
    's/\.evacuated = r->evacuated,/.evacuated = false,/'
# ---- comparison
mutant grey-failure-not-seen src/steer/grey.c \
    's/v->grey \|= .*/v->grey |= false;/'
mutant slowness-seen-everywhere src/steer/grey.c \
    's/slow_us = 100e3/slow_us = 1/; s/slow_times = 3;/slow_times = 1.01;/; s/slow_peers_times = 2;/slow_peers_times = 1.01;/'
# ---- endpoints
mutant ejection-for-five-hours src/steer/outlier.c \
    's/\(uint64_t\)policy->base_ms \* \(o->times \+ 1\)/(uint64_t)policy->base_ms * 600/; s/return ms < policy->max_ms \? ms : policy->max_ms;/return ms;/'
mutant ejected-endpoints-still-used src/steer/steer_endpoints.c \
    's/out\.state = ENDPOINT_DOWN;/out.state = ENDPOINT_UP;/'
# ---- shares
mutant down-regions-keep-their-share src/steer/steer_shares.c \
    's/in->factor = factor_of\(s, r, settle\);/in->factor = r->region.state == REGION_DOWN ? 1 : factor_of(s, r, settle);/'
mutant evacuated-regions-serve-in-need src/steer/steer_shares.c \
    's/in->evacuated = .*/in->evacuated = false;/'
mutant cap-forgotten src/steer/steer_shares.c \
    's/r->limit = limit;/r->limit = 2 * limit;/'
mutant shed-part-not-counted src/steer/steer_shares.c \
    's/s->shed = fmax\(0, 1 - sum_of/s->shed = fmin(0, 1 - sum_of/'
mutant soft-moves-at-once src/steer/steer_shares.c \
    's/return s->plan->policy\.move_per_s;/return 10;/'
mutant never-fails-open src/steer/share.c \
    's/policy->fail_open/!policy->fail_open/'
# ---- retries
mutant retry-budget-doubled src/steer/budget.c \
    's/\+= share;/+= 2 * share;/'
# ---- memory
mutant states-lost-at-reload src/steer/steer.c \
    's/if \(from != NULL\)$/if (from == (const void *)s)/'
mutant wait-forgotten-at-restart src/steer/steer.c \
    's/left_ms = saved->hold_left_ms > passed_ms \? .*/left_ms = 0;/'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
