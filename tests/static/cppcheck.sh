#!/usr/bin/env bash
# cppcheck over src; what is suppressed and why stands in cppcheck.txt. Usage: cppcheck.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1

# The build directory keeps what did not change from being checked again.
mkdir -p "$build/cppcheck"
cppcheck --project="$build/compile_commands.json" --file-filter='*src/*' \
    --cppcheck-build-dir="$build/cppcheck" -j "$(nproc)" --std=c11 --quiet --error-exitcode=1 \
    --enable=warning,performance,portability --inline-suppr \
    --suppressions-list=tests/static/cppcheck.txt --library=tests/static/jansson.cfg
