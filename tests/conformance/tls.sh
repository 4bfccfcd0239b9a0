#!/usr/bin/env bash
# TLS as three others see it: tests/conformance/tls.sh [path of detour]
# testssl.sh ($TESTSSL, or Debian's) finds nothing vulnerable and nothing of weight, and where it
# rates, A or better; sslscan's list of protocols, ciphers and curves is within Mozilla's
# intermediate profile; sslyze, if it is in PATH or $SSLYZE, agrees. Two to four minutes.
# Ends with "N passed, N failed" and a code to match.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
detour=$(realpath "${1:-$root/build/detour}")
testssl=${TESTSSL:-testssl}
sslyze=${SSLYZE:-$(command -v sslyze || true)}
PATH=$PATH:/usr/sbin:/sbin

dir=$(mktemp -d)
child=
end() {
    if [ -n "$child" ]; then kill "$child" 2> /dev/null || true; fi
    wait
    rm -rf "$dir"
}
trap end EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$dir"
# A CA of our own, and of it a certificate of each kind, as an edge would have them.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt \
    -days 30 -subj "/CN=Detour test CA" -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
issue() { # NAME, then how the key is made
    local name=$1
    shift
    openssl req -newkey "$@" -nodes -keyout "$name.key" -out "$name.csr" -subj /CN=localhost 2> /dev/null
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -sha256 \
        -extfile <(printf '%s\n' subjectAltName=DNS:localhost extendedKeyUsage=serverAuth \
        basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature) \
        -out "$name.crt" 2> /dev/null
}
issue ecdsa ec -pkeyopt ec_paramgen_curve:P-256
issue rsa rsa:2048
cat > detour.conf << END
workers = 1;
listeners = ( { name = "web"; bind = "127.0.0.1:$port"; tls = "site"; } );
tls = ( { name = "site"; certificates = ( { chain = "ecdsa.crt"; key = "ecdsa.key"; },
    { chain = "rsa.crt"; key = "rsa.key"; } ); } );
regions = ( { name = "here"; } );
services = ( { name = "app";
    regions = ( { region = "here"; endpoints = ( "http://127.0.0.1:1" ); } ); } );
admin = { socket = ""; };
log = { access = "off"; };
END
"$detour" run -c detour.conf > detour.log 2>&1 &
child=$!
for _ in $(seq 200); do
    if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then break; fi
    sleep 0.05
done

# 3.2 and later rate, which takes all they can do; of older ones what is judged below is enough.
parts=()
if ! grep -q rating < <("$testssl" --help); then
    parts=(--protocols --std --fs --server-preference --server-defaults --vulnerable)
fi
"$testssl" --quiet --color 0 --warnings off --nodns none --add-ca ca.crt "${parts[@]}" \
    --jsonfile testssl.json "localhost:$port" > testssl.out 2>&1 || true
sslscan --no-colour --show-certificate --xml=sslscan.xml "localhost:$port" > sslscan.out 2>&1 || true
if [ -n "$sslyze" ]; then
    "$sslyze" --mozilla_config=intermediate --certinfo_ca_file=ca.crt "localhost:$port" > sslyze.out 2>&1 || true
fi
status=0
python3 "$root/tests/conformance/tls_verdict.py" "$dir" || status=$?
if [ -n "${KEEP:-}" ]; then cp -r "$dir" "$KEEP"; fi
if ! kill -0 "$child"; then
    cat detour.log
    exit 1
fi
exit $status
