#!/usr/bin/env bash
# Which lines of the parsers the committed corpora alone reach: tests/fuzz/coverage.sh [percent, 90].
# Exits 1 if a file of the list below has less. --missed prints the lines that nothing reaches.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
cd "$(dirname "$0")/../.."

least=90
missed=
while [ $# -gt 0 ]; do
    case $1 in
    --missed) missed=yes ;;
    *) least=$1 ;;
    esac
    shift
done

# What reads bytes that an outsider, or a disk, gives.
parsers=(
    src/base/ip.c src/base/regex.c
    src/conf/htpasswd.c src/conf/variable.c
    src/control/state_file.c src/control/wish_file.c
    src/http/client_origin.c src/http/coding.c src/http/forward_fields.c src/http/forward_request.c
    src/http/forward_response.c src/http/grpc.c src/http/h1_body.c src/http/h1_fields.c
    src/http/h1_meaning.c src/http/h1_request.c src/http/h1_response.c src/http/h2_fields.c
    src/http/h2_head.c src/http/message.c src/http/own_answer.c src/http/query.c src/http/uri.c
    src/net/client_hello.c src/net/proxy_protocol.c src/net/resolver_set.c
    src/proxy/access_format.c src/proxy/cors.c src/proxy/sticky.c
)

build=${FUZZ_COVERAGE_BUILD:-build-fuzz-coverage}
if [ ! -f "$build/build.ninja" ]; then
    CC=${CC:-clang} meson setup "$build" -Dfuzz=true -Dtests=false -Dwerror=false \
        -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
        "-Dc_args=-fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping" \
        "-Dc_link_args=-fprofile-instr-generate" > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }
fi
ninja -C "$build" fuzzers > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }

objects=()
rm -f "$build"/*.profraw
for target in tests/fuzz/*_fuzz.c; do
    name=$(basename "$target" _fuzz.c)
    program=$build/tests/fuzz/fuzz_$name
    objects+=(-object "$program") # the first one goes without the word
    # Each input once, nothing drawn.
    LLVM_PROFILE_FILE=$build/$name.profraw "$program" -runs=0 "tests/fuzz/corpus/$name" \
        > "$build/$name.log" 2>&1 || { tail -n 20 "$build/$name.log"; exit 1; }
done
llvm-profdata merge -sparse -o "$build/all.profdata" "$build"/*.profraw
of=(-instr-profile="$build/all.profdata" "${objects[@]:1}")
if [ -n "$missed" ]; then
    llvm-cov show "${of[@]}" | tests/fuzz/coverage.py missed "${parsers[@]}"
fi
llvm-cov export -summary-only "${of[@]}" | tests/fuzz/coverage.py "$least" "${parsers[@]}"
