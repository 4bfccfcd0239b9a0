#!/usr/bin/env bash
# No file over 600 lines, no C function over 80 (between its braces).
set -euo pipefail
cd "$(dirname "$0")/../.."

max_file=600
max_function=80
failed=0

# Exceptions, each with its reason: "file" or "file:function".
declare -A excepted=(
)

complain() {
    echo "size: $1" >&2
    failed=1
}

# functions_of FILE...: "file name line length" for each. Relies on the format of this tree: the name
# begins its line, and the braces of a function stand in column 0.
functions_of() {
    awk '
        FNR == 1 { name = ""; inside = 0 }
        /^[A-Za-z_][A-Za-z0-9_]*\(/ { name = $0; sub(/\(.*/, "", name) }
        /^START_TEST\(/ { name = $0; sub(/^START_TEST\(/, "", name); sub(/\).*/, "", name) }
        /^\{/ && name != "" { start = FNR; inside = 1 }
        /^\}/ && inside { print FILENAME, name, start, FNR - start - 1; inside = 0; name = "" }
    ' "$@"
}

roots=()
for root in src include tests bench conf deploy; do
    if [ -d "$root" ]; then roots+=("$root"); fi
done

# All files at once: a process for each of a thousand takes its time.
mapfile -t files < <(find "${roots[@]}" -type f \( -name '*.c' -o -name '*.h' -o -name '*.py' \) | sort)
while read -r lines file; do
    if [ "$lines" -gt $max_file ] && [ -z "${excepted[$file]:-}" ]; then
        complain "$file: $lines lines, $max_file allowed"
    fi
done < <(wc -l "${files[@]}" | sed '$d') # the last is their sum

mapfile -t files < <(printf '%s\n' "${files[@]}" | grep -v '\.py$')
while read -r file name line length; do
    if [ "$length" -gt $max_function ] && [ -z "${excepted[$file:$name]:-}" ]; then
        complain "$file:$line: $name has $length lines, $max_function allowed"
    fi
done < <(functions_of "${files[@]}")
exit $failed
