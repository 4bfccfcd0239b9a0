#!/usr/bin/env bash
# What the compiler and linker were told to guard is guarded in the program as built:
#   tests/static/hardening.sh [PROGRAM]
# Position-independent, relocations read-only from the start, no stack and no segment that is
# writable and executable, stack protector, fortified library calls, branch targets marked (x86)
# and no search path of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-build/detour}
export LC_ALL=C
failed=0

wants() { # WHAT, then a command that must succeed
    local what=$1
    shift
    if "$@" > /dev/null; then return; fi
    echo "hardening: $program: $what" >&2
    failed=1
}
lacks() { # TEXT EXTENDED_REGEX
    ! grep -qE "$2" <<< "$1"
}
has() {
    grep -qE "$2" <<< "$1"
}

header=$(readelf --file-header --wide "$program")
segments=$(readelf --program-headers --wide "$program")
dynamic=$(readelf --dynamic --wide "$program")
symbols=$(readelf --dyn-syms --wide "$program")

wants "not position-independent (-fPIE -pie)" has "$header" 'Type: +DYN'
wants "not marked as such" has "$dynamic" 'FLAGS_1.*PIE'
wants "relocations stay writable (-z relro)" has "$segments" 'GNU_RELRO'
wants "relocations are made late (-z now)" has "$dynamic" 'BIND_NOW|FLAGS.*NOW'
wants "says nothing of its stack" has "$segments" 'GNU_STACK'
wants "the stack is executable" lacks "$segments" 'GNU_STACK.* RWE '
wants "a segment is writable and executable" lacks "$segments" 'LOAD.* RWE '
wants "has a search path for libraries" lacks "$dynamic" 'R(UN)?PATH'
wants "text relocations" lacks "$dynamic" 'TEXTREL'
wants "no stack protector (-fstack-protector-strong)" has "$symbols" '__stack_chk_fail'
wants "no fortified calls (-D_FORTIFY_SOURCE=2)" has "$symbols" '__(memcpy|snprintf|vsnprintf|read|fdelt)_chk'
# The note of it is lost when the C library's own start files lack it; the instructions are not.
marks=$(LC_ALL=C grep -oaP '\xf3\x0f\x1e\xfa' "$program" | wc -l)
if has "$header" 'X86-64'; then
    wants "indirect branches are unmarked (-fcf-protection)" test "$marks" -gt 100
fi
exit $failed
