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

# functions_of FILE: "name line length" for each. Relies on the format of this tree: the name
# begins its line, and the braces of a function stand in column 0.
functions_of() {
    awk '
        /^[A-Za-z_][A-Za-z0-9_]*\(/ { name = $0; sub(/\(.*/, "", name) }
        /^START_TEST\(/ { name = $0; sub(/^START_TEST\(/, "", name); sub(/\).*/, "", name) }
        /^\{/ && name != "" { start = NR; inside = 1 }
        /^\}/ && inside { print name, start, NR - start - 1; inside = 0; name = "" }
    ' "$1"
}

roots=()
for root in src include tests bench conf deploy; do
    if [ -d "$root" ]; then roots+=("$root"); fi
done

while IFS= read -r file; do
    lines=$(wc -l < "$file")
    if [ "$lines" -gt $max_file ] && [ -z "${excepted[$file]:-}" ]; then
        complain "$file: $lines lines, $max_file allowed"
    fi
    [[ $file == *.py ]] && continue
    while read -r name line length; do
        if [ "$length" -gt $max_function ] && [ -z "${excepted[$file:$name]:-}" ]; then
            complain "$file:$line: $name has $length lines, $max_function allowed"
        fi
    done < <(functions_of "$file")
done < <(find "${roots[@]}" -type f \( -name '*.c' -o -name '*.h' -o -name '*.py' \) | sort)
exit $failed
