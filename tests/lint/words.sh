#!/usr/bin/env bash
# Calls that have a safe sister, and words that say a thing is not finished.
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=0

# forbid REGEX WHY
forbid() {
    local hits
    hits=$(grep -rnE --include='*.c' --include='*.h' --include='*.def' -- "$1" src include) ||
        [ $? -eq 1 ]
    [ -z "$hits" ] && return
    while IFS= read -r hit; do
        echo "words: $hit: $2" >&2
    done <<< "$hits"
    failed=1
}

# call NAMES: any of them called, not as the end of a longer name.
call() {
    echo "(^|[^_[:alnum:]])($1)[[:space:]]*\\("
}

forbid "$(call 'strcpy|strcat|sprintf|vsprintf|gets')" "writes without a bound"
forbid "$(call 'strtok')" "keeps hidden state"
forbid "$(call 'alloca')" "takes stack without a bound"
forbid "$(call 'atoi')" "cannot tell an error from 0"
forbid "$(call 'rand')" "is predictable and locked"
# The type of a function that returns a struct is fine.
word='[_[:alnum:]]+'
forbid "^[[:space:]]*typedef[[:space:]]+struct([[:space:]]+$word)?[[:space:]]*(\{|\$)" "write struct x"
forbid "^[[:space:]]*typedef[[:space:]]+struct[[:space:]]+$word[[:space:]*]+$word[[:space:]]*;" "write struct x"
forbid '(^|[^_[:alnum:]])(TODO|FIXME|XXX)([^_[:alnum:]]|$)' "is not finished"
exit $failed
