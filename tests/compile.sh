#!/usr/bin/env bash
# Compiles what the tests run: tests/compile.sh NAME... with the names plain, asan, tsan and fuzz. Two
# callers do not get into each other's way: the second one waits, and finds the work done.
# tests/compile.sh threaded: names the unit tests that are compiled for tsan.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
cd "$(dirname "$0")/.."

# With sanitizers: compiled in half the time, and the lines of a report are right all the same. What
# may be cut off or unset gcc knows from what it optimises; there its warnings do not count.
quick=(-Dwerror=false -Doptimization=1 -Dc_args=-g1)

configure() { # DIR OPTIONS...
    if [ ! -f "$1/build.ninja" ]; then meson setup "$@"; fi
}

# threaded DIR: of the unit tests those that have threads, for elsewhere TSan has nothing to see.
threaded() {
    local file layer name
    for file in $(grep -lE 'pthread_|thread_start|_thread\(|worker_start|controller_start' tests/unit/*/*.c); do
        layer=$(basename "$(dirname "$file")") name=$(basename "$file" .c)
        if grep -q "^build tests/unit/$layer/test_${layer}_$name:" "$1/build.ninja"; then
            echo "tests/unit/$layer/test_${layer}_$name"
        fi
    done
}

compile() {
    case $1 in
    plain) configure build -Dwerror=true && ninja -C build ;;
    asan) configure build-asan -Db_sanitize=address,undefined "${quick[@]}" && ninja -C build-asan ;;
    tsan) configure build-tsan -Db_sanitize=thread "${quick[@]}" && ninja -C build-tsan detour $(threaded build-tsan) ;;
    fuzz) tests/fuzz/run.sh build ;;
    threaded) threaded build-tsan ;;
    *)
        echo "compile.sh: no such build: $1" >&2
        return 2
        ;;
    esac
}

mkdir -p build-logs
for name in "$@"; do
    exec {lock}> "build-logs/$name.lock"
    flock "$lock"
    compile "$name"
    exec {lock}>&-
done
