#!/usr/bin/env bash
# Installs what is needed from Debian 12, and only what is missing.
#   packages.sh build    to build and run Detour
#   packages.sh test     the same, and what tests/run.sh uses
#   packages.sh bench    the same, and what bench/run.sh compares with
#   packages.sh conformance    what tests/conformance judges by, as far as Debian has it
set -euo pipefail

build=(gcc libc6-dev meson ninja-build pkg-config git ca-certificates
    libevent-dev libssl-dev libc-ares-dev libconfig-dev libjansson-dev libnghttp2-dev check
    libpcre2-dev zlib1g-dev libcrypt-dev libseccomp-dev)
test=(clang clang-format clang-tidy cppcheck libclang-rt-14-dev llvm python3 openssl curl
    nginx-light apache2-bin nftables iproute2 procps strace python3-websockets logrotate
    nghttp2-client)
bench=(haproxy wrk h2o)
conformance=(testssl.sh sslscan slowhttptest)

case ${1:-build} in
build) wanted=("${build[@]}" curl) ;;
test) wanted=("${build[@]}" "${test[@]}") ;;
bench) wanted=("${build[@]}" "${test[@]}" "${bench[@]}") ;;
conformance) wanted=("${build[@]}" "${test[@]}" "${conformance[@]}") ;;
*)
    echo "usage: packages.sh [build|test|bench|conformance]" >&2
    exit 2
    ;;
esac

# nginx comes in flavours; any of them will do, and installing another would replace it.
has() {
    if [ "$1" = nginx-light ] && command -v nginx > /dev/null; then return 0; fi
    dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null | grep -qx installed
}

missing=()
for package in "${wanted[@]}"; do
    if ! has "$package"; then missing+=("$package"); fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null; then
        echo "packages.sh: these packages are missing, and there is neither root nor sudo:" >&2
        echo "    apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "Installing: ${missing[*]}"
# A package's service must not start because a test wants its binary: nginx would take port 80.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" > /dev/null
    "${as_root[@]}" chmod 755 "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get -qq update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${missing[@]}" > /dev/null
