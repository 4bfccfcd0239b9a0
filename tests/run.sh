#!/usr/bin/env bash
# Every check there is, in one run; ends with "N passed, N failed" and a code to match.
#   tests/run.sh                 all phases
#   tests/run.sh PHASE...        only these: build hardening lint unit sim attack faults system asan
#                                tsan system-asan system-tsan attack-asan tidy cppcheck fuzz
#                                quickstart
# Runs on Debian 12 as root (network namespaces, ports below 1024); installs what is missing.
set -uo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
cd "$(dirname "$0")/.."

# What measures the proxy's CPU time comes before anything is done beside it, see ahead.
phases=(build hardening lint unit sim attack faults system asan tsan system-asan system-tsan attack-asan
    tidy cppcheck fuzz quickstart)
if [ $# -gt 0 ]; then phases=("$@"); fi

plain=build
asan=build-asan
tsan=build-tsan
logs=build-logs
passed=0
failed=0
failures=()
mkdir -p "$logs"

# count PASSED FAILED: adds to the sum.
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# from_meson LOG: meson's own summary as counts; a run without one is one failure.
from_meson() {
    local ok bad timeouts
    ok=$(sed -n 's/^Ok: *\([0-9]*\).*/\1/p' "$1" | tail -n 1)
    bad=$(sed -n 's/^Fail: *\([0-9]*\).*/\1/p' "$1" | tail -n 1)
    timeouts=$(sed -n 's/^Timeout: *\([0-9]*\).*/\1/p' "$1" | tail -n 1)
    if [ -z "$ok" ]; then
        count 0 1
    else
        count "$ok" $((${bad:-0} + ${timeouts:-0}))
    fi
}

# from_summary LOG: the line "N passed, N failed" as counts.
from_summary() {
    local line
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$1" | tail -n 1)
    if [ -z "$line" ]; then
        count 0 1
    else
        count "${line%% *}" "$(echo "$line" | sed 's/.*, \([0-9]*\) failed/\1/')"
    fi
}

# ahead PHASE...: what those that are to come only compute begins now, beside tests that mostly wait
# for time to pass. The fault matrix takes what its processes wait for a processor off its times.
coming=()
worker=
ahead() {
    local phase
    for phase in "$@"; do
        case $phase in asan | tsan | tidy | cppcheck | fuzz) coming+=("$phase") ;; esac
    done
    if [ ${#coming[@]} -eq 0 ]; then return; fi
    setsid tests/ahead.sh "${coming[@]}" > "$logs/ahead.log" 2>&1 &
    worker=$!
    trap 'if [ -n "$(jobs -pr)" ]; then kill -- "-$worker"; fi' EXIT
}

# hurry NAME: waits for what was begun ahead, which from now on weighs as much as anybody. Fails if
# there is no end of it.
hurry() {
    local end=$logs/ahead-$1.status pid
    if [[ " ${coming[*]} " != *" $1 "* ]]; then return 1; fi
    until [ -f "$end" ]; do
        if ! kill -0 "$worker"; then return 1; fi
        echo 0 > "/proc/$worker/autogroup"
        for pid in $(pgrep --session "$worker"); do
            if [ "$pid" -ne "$worker" ]; then chrt --other --pid 0 "$pid"; fi
        done
        sleep 0.2
    done
} 2> /dev/null

# either NAME COMMAND...: what was found ahead, or else what the command finds.
either() {
    if ! hurry "$1"; then
        "${@:2}"
        return
    fi
    cat "$logs/ahead-$1.log"
    return "$(< "$logs/ahead-$1.status")"
}

# UBSan prints and stops, leaks count.
export ASAN_OPTIONS=detect_leaks=1:exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99
export TSAN_OPTIONS=halt_on_error=0:exitcode=99:second_deadlock_stack=1

unit_tests() { # DIR MULTIPLIER [TESTS...]
    # Check allows a test 4 seconds; a sanitizer on a busy machine needs more.
    CK_DEFAULT_TIMEOUT=40 meson test -C "$1" --suite unit --no-rebuild --print-errorlogs --num-processes 4 \
        --timeout-multiplier "$2" "${@:3}"
}

phase_build() { tests/compile.sh plain; }
phase_hardening() { tests/static/hardening.sh "$plain/detour"; }
phase_lint() {
    local status=0 script pid pids=()
    for script in tests/lint/*.sh; do
        { if "$script"; then echo "PASS $script"; else echo "FAIL $script" && false; fi; } &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || status=1; done
    return $status
}
phase_tidy() { either tidy tests/static/clang-tidy.sh "$plain"; }
phase_cppcheck() { either cppcheck tests/static/cppcheck.sh "$plain"; }
phase_unit() { unit_tests "$plain" 1; }
phase_asan() { either asan tests/compile.sh asan && unit_tests "$asan" 4; }
phase_tsan() {
    local program tests=()
    either tsan tests/compile.sh tsan || return 1
    for program in $(tests/compile.sh threaded); do
        program=${program##*/test_}
        tests+=("${program/_/-}")
    done
    unit_tests "$tsan" 6 "${tests[@]}"
}
# Four at a time, for some measure, and TSan has a processor busy with two; six where most is waiting.
phase_system() { tests/system/run.py -j 4 --detour "$plain/detour"; }
phase_system-asan() { tests/system/run.py -j 6 --sanitize --detour "$asan/detour"; }
phase_system-tsan() { tests/system/run.py -j 4 --sanitize --detour "$tsan/detour"; }
phase_attack() { tests/attack/run.py -j 3 --detour "$plain/detour"; }
# What has no size: the floods say nothing about a binary that sanitizers slow down.
phase_attack-asan() { tests/attack/run.py -j 4 --sanitize -k /names: -k /edge: -k /downgrade: --detour "$asan/detour"; }
# Six at a time: most of a cell is waiting for time to pass.
phase_faults() { tests/faults/run.py -j 6 --detour "$plain/detour"; }
phase_sim() { BUILD=$plain tests/sim/run.sh; }
phase_fuzz() { either fuzz tests/compile.sh fuzz && tests/fuzz/run.sh 1 1; }
phase_quickstart() { deploy/quickstart.sh --check; }

tally() { # PHASE STATUS LOG
    case $1 in
    unit | asan | tsan) from_meson "$3" ;;
    sim | system* | attack* | faults) from_summary "$3" ;;
    lint) count "$(grep -c '^PASS ' "$3")" "$(grep -c '^FAIL ' "$3")" ;;
    *) if [ "$2" -eq 0 ]; then count 1 0; else count 0 1; fi ;;
    esac
}

# blame PHASE: what failed in it, in a few lines.
blame() {
    local log=$logs/$1.log
    case $1 in
    unit | asan | tsan) grep -hE '^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT)' "$log" | sort -u | head -n 20 ;;
    sim | system* | attack* | faults) sed -n '/^Failed:$/,$p' "$log" | head -n 20 ;;
    *) tail -n 10 "$log" ;;
    esac | sed "s/^/$1: /"
}

run_phase() {
    local name=$1 log=$logs/$1.log began=$SECONDS status=0 before=$failed
    printf '== %s\n' "$name"
    if [[ $name == system* ]]; then # the only ones that are worth watching
        "phase_$name" 2>&1 | tee "$log" || status=1
    else
        "phase_$name" > "$log" 2>&1 || status=1
    fi
    tally "$name" $status "$log"
    if [ $status -ne 0 ] && [ "$failed" -eq "$before" ]; then count 0 1; fi
    if [ $status -eq 0 ] && [ "$failed" -eq "$before" ]; then
        printf '   %s: good, %d s\n' "$name" $((SECONDS - began))
        return
    fi
    failures+=("$name")
    if [[ $name != system* ]]; then tail -n 80 "$log"; fi
    printf '   %s: FAILED, %d s (all of it in %s)\n' "$name" $((SECONDS - began)) "$log"
}

if ! deploy/packages.sh test; then
    echo "0 passed, 1 failed"
    exit 1
fi
for phase in "${phases[@]}"; do
    if ! declare -F "phase_$phase" > /dev/null; then
        echo "no such phase: $phase" >&2
        exit 2
    fi
done
rm -f "$logs"/ahead-*.status
for i in "${!phases[@]}"; do
    case ${phases[i]} in faults | system) if [ -z "$worker" ]; then ahead "${phases[@]:i}"; fi ;; esac
    run_phase "${phases[i]}"
done

printf '== %d s in all\n' $SECONDS
if [ ${#failures[@]} -gt 0 ]; then echo "Failed: ${failures[*]}"; fi
for phase in "${failures[@]}"; do blame "$phase"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
