#!/usr/bin/env bash
# clang-tidy over src; what is left out and why stands in .clang-tidy.
# Usage: clang-tidy.sh BUILD_DIR [deep]
# The analyzer follows each function through so many states (50,000) and no more, which makes a
# run three times as short; "deep" lets it have its own bound.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
bound=(--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=50000)
if [ "${2:-}" = deep ]; then bound=(); fi

# clang does not know the options by which gcc reads its record of ways taken.
tidy=$build/tidy
mkdir -p "$tidy"
sed -E 's/ "?-(fprofile-|Wno-missing-profile|Wno-coverage-mismatch)[^ "]*"?//g' "$build/compile_commands.json" > "$tidy/compile_commands.json"

# One file a process: with several, clang 14's analyzer takes state of one file into the next and
# sees va_lists that were never started.
python3 - "$tidy" <<'PY' | xargs -P "$(nproc)" -n 1 clang-tidy -p "$tidy" --quiet "${bound[@]}" 2> /dev/null
import json, os, sys
build = sys.argv[1]
root = os.path.realpath("src") + "/"
for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
    file = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
    if file.startswith(root):
        print(file)
PY
