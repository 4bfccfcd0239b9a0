#!/bin/sh
# Makes DIR/site.crt and DIR/site.key: a self-signed ECDSA P-256 certificate to try things with.
#
#   deploy/self-signed.sh DIR [NAME...]      names default to localhost; "*.NAME" is a wildcard
#
# Leaves a pair that is there already alone: remove it to get a new one.
set -eu

if [ $# -lt 1 ] || [ "$1" = "--help" ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
dir=$1
shift
[ $# -gt 0 ] || set -- localhost

if [ -e "$dir/site.key" ] && [ -e "$dir/site.crt" ]; then
    echo "$dir/site.crt is there already"
    exit 0
fi

names=IP:127.0.0.1,IP:::1
for name in "$@"; do
    names=$names,DNS:$name
done

mkdir -p "$dir"
# The key is never readable by others, not even while it is written.
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 90 \
    -subj "/CN=$1" -addext "subjectAltName=$names" \
    -addext "basicConstraints=critical,CA:FALSE" -addext "extendedKeyUsage=serverAuth" \
    -keyout "$dir/site.key.new" -out "$dir/site.crt.new" 2> "$dir/openssl.log" || {
    cat "$dir/openssl.log" >&2
    rm -f "$dir/site.key.new" "$dir/site.crt.new" "$dir/openssl.log"
    exit 1
}
rm -f "$dir/openssl.log"
chmod 644 "$dir/site.crt.new"
mv "$dir/site.key.new" "$dir/site.key"
mv "$dir/site.crt.new" "$dir/site.crt"
echo "made $dir/site.crt for $*"
