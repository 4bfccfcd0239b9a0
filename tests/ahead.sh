#!/usr/bin/env bash
# Does what only takes a processor, while tests wait for time to pass: tests/ahead.sh NAME... with
# the names of what tests/compile.sh compiles, tidy and cppcheck. What each said is then in
# build-logs/ahead-NAME.log, and its exit code in build-logs/ahead-NAME.status.
# To be started in a session of its own: that weighs next to nothing and runs only when nobody else
# wants to, until somebody waits for its end and sees to it that it goes on (hurry in tests/run.sh).
set -uo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
cd "$(dirname "$0")/.."

work() {
    case $1 in
    tidy) tests/static/clang-tidy.sh build ;;
    cppcheck) tests/static/cppcheck.sh build ;;
    *) tests/compile.sh "$1" ;;
    esac
}

mkdir -p build-logs
for name in "$@"; do
    # Each time anew, for who hurried the one before did not mean this one.
    echo 19 > /proc/self/autogroup || true # not every kernel groups sessions
    chrt --idle --pid 0 $$
    work "$name" > "build-logs/ahead-$name.log" 2>&1
    echo $? > "build-logs/ahead-$name.part"
    mv "build-logs/ahead-$name.part" "build-logs/ahead-$name.status"
done
