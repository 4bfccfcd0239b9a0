#!/usr/bin/env bash
# A folder is a layer; it includes only itself and the layers before it.
set -euo pipefail
cd "$(dirname "$0")/../.."

order=(base conf net http steer proxy control cmd)
failed=0

complain() {
    echo "layers: $1" >&2
    failed=1
}

# files_of LAYER: its contract, its code and its tests, which link up to the same layer.
files_of() {
    local roots=()
    for root in "src/$1" "include/$1" "tests/unit/$1"; do
        if [ -d "$root" ]; then roots+=("$root"); fi
    done
    find "${roots[@]}" -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) | sort
}

for i in "${!order[@]}"; do
    layer=${order[$i]}
    later=$(IFS='|'; echo "${order[*]:$((i + 1))}")
    while IFS= read -r file; do
        if [ -n "$later" ]; then
            while IFS= read -r hit; do
                complain "$file:$hit: a layer after $layer"
            done < <(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<]($later)/" "$file")
        fi
        while IFS= read -r hit; do
            complain "$file:$hit: a relative path goes around the layers"
        done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"(\.\.?/|[^"]*/\.\./)' "$file")
    done < <(files_of "$layer")
done

# A folder that is in no layer would be checked by nobody.
for dir in src/*/ include/*/; do
    name=$(basename "$dir")
    if [[ " ${order[*]} " != *" $name "* ]]; then
        complain "$dir: not a layer (${order[*]})"
    fi
done
exit $failed
