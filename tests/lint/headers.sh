#!/usr/bin/env bash
# Every header compiles alone: it includes or declares all that it uses.
set -euo pipefail
cd "$(dirname "$0")/../.."

read -ra cc <<< "${CC:-cc}"
read -ra library_flags <<< "$(pkg-config --cflags libevent openssl libcares libconfig libpcre2-8 jansson)"
flags=(-std=gnu11 -D_GNU_SOURCE -Iinclude -fsyntax-only -Wall -Wextra -Wshadow
    -Wstrict-prototypes -Wpointer-arith -Wno-unused-parameter -Werror "${library_flags[@]}")
failed=0

# Through a file that includes it, twice: then its guard works too, and no warning is about a
# header being compiled as a main file.
while IFS= read -r header; do
    name=${header#include/}
    if ! printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
        "${cc[@]}" "${flags[@]}" -x c - ; then
        echo "headers: $header does not compile alone" >&2
        failed=1
    fi
done < <(find include -name '*.h' | sort)
exit $failed
