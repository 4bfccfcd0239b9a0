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
    mapfile -t files < <(files_of "$layer")
    if [ -n "$later" ]; then
        while IFS= read -r hit; do
            complain "$hit: a layer after $layer"
        done < <(grep -HnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<]($later)/" "${files[@]}")
    fi
    while IFS= read -r hit; do
        complain "$hit: a relative path goes around the layers"
    done < <(grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"(\.\.?/|[^"]*/\.\./)' "${files[@]}")
done

# A folder that is in no layer would be checked by nobody.
for dir in src/*/ include/*/; do
    name=$(basename "$dir")
    if [[ " ${order[*]} " != *" $name "* ]]; then
        complain "$dir: not a layer (${order[*]})"
    fi
done
exit $failed
