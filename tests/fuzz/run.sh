#!/bin/sh
# Fuzzes every parser, alone and within a whole proxy: tests/fuzz/run.sh [seconds per target, 30] [seed].
# "build" in place of the seconds only compiles the targets.
# Exits 1 if one fell over; the input that did it is then in $FUZZ_BUILD (default build-fuzz), and its
# name is printed. With a seed the inputs are the same in every run, as far as the time reaches; without
# one they are new each time, which is what finds something.
set -eu
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac

seconds=${1:-30}
seed=${2:-0}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${FUZZ_BUILD:-$root/build-fuzz}

if [ ! -f "$build/build.ninja" ]; then
	CC=${CC:-clang} meson setup "$build" "$root" -Dfuzz=true -Dtests=false -Dwerror=false \
		-Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false \
		'-Dc_args=-fsanitize=fuzzer-no-link -g1' >"$build.log" 2>&1 || {
		cat "$build.log"
		exit 1
	}
fi
ninja -C "$build" fuzzers >"$build.log" 2>&1 || {
	cat "$build.log"
	exit 1
}
if [ "$seconds" = build ]; then exit 0; fi

# What the fuzzer finds is kept in the build directory and used by the next run; seeds are only read.
fuzz_one() {
	name=$1
	found=$build/corpus/$name
	mkdir -p "$found"
	set -- "$found"
	[ ! -d "$here/corpus/$name" ] || set -- "$@" "$here/corpus/$name"
	if "$build/tests/fuzz/fuzz_$name" -seed="$seed" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
		-rss_limit_mb=2048 -dict="$here/http.dict" -artifact_prefix="$build/$name-" \
		-print_final_stats=1 "$@" >"$build/$name.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log")
		echo "fuzz $name: $runs inputs, none fell over"
	else
		tail -n 40 "$build/$name.log"
		echo "fuzz $name: FAILED, see $build/$name.log"
		return 1
	fi
}

failed=0
running=
for target in "$here"/*_fuzz.c; do
	name=$(basename "$target" _fuzz.c)
	fuzz_one "$name" &
	running="$running $!"
	set -- $running
	if [ $# -ge "$(nproc)" ]; then
		wait "$1" || failed=1
		shift
		running="$*"
	fi
done
for pid in $running; do
	wait "$pid" || failed=1
done
exit $failed
