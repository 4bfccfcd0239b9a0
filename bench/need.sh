# What the benches beside HAProxy and nginx begin with; they source it, they do not run it. Sets root,
# answers --help, and has need and build.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)

# nginx, haproxy and nft live in /usr/sbin, which not every user's PATH has.
PATH=$PATH:/usr/sbin:/sbin

need() { # PROGRAM=PACKAGE...; also what all of them need
    local missing=() pair
    for pair in nginx=nginx haproxy=haproxy openssl=openssl python3=python3 meson=meson \
        ninja=ninja-build "$@"; do
        command -v "${pair%%=*}" > /dev/null || missing+=("${pair#*=}")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "$(basename "$(dirname "$0")"): missing; apt-get install ${missing[*]}" >&2
        exit 1
    fi
}

build() { # TARGET...; sets build. As users build it: no option given.
    build=$root/build-bench
    [ -f "$build/build.ninja" ] || meson setup "$build" "$root" > /dev/null
    ninja -C "$build" "$@" >&2
}
