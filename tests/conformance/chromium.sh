#!/usr/bin/env bash
# Chromium's WebSockets over HTTP/2 (RFC 8441) through Detour: tests/conformance/chromium.sh [detour]
# A page opens three at once on the connection that it came by, echoes up to 4 MiB and closes with a
# code; the access log says that all went by HTTP/2. Needs Debian's chromium and python3-websockets, and root.
# Not part of tests/run.sh.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac

# Chromium closes its connections whenever an interface comes or goes (ERR_NETWORK_CHANGED), and other
# tests make and remove them: it has a network of its own.
if [ -z "${CHROMIUM_NETWORK:-}" ]; then
    CHROMIUM_NETWORK=own exec unshare --net -- "$BASH" -c 'PATH=$PATH:/sbin:/usr/sbin
        ip link set lo up && exec "$BASH" "$@"' chromium.sh "$0" "$@"
fi
root=$(cd "$(dirname "$0")/../.." && pwd)
detour=$(realpath "${1:-$root/build/detour}")
work=$(mktemp -d)
children=()
finish() {
    for pid in "${children[@]}"; do kill "$pid" 2> /dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
until_open() { # PORT
    for _ in $(seq 200); do
        if (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; then return; fi
        sleep 0.05
    done
    echo "chromium.sh: nobody listens on port $1" >&2
    exit 1
}

origin=$(free_port)
front=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key.pem" \
    -out "$work/cert.pem" -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> /dev/null
cat > "$work/detour.conf" << END
workers = 1;
listeners = ( { name = "web"; bind = "127.0.0.1:$front"; tls = "site"; } );
tls = ( { name = "site"; certificates = ( { chain = "cert.pem"; key = "key.pem"; } ); } );
regions = ( { name = "here"; } );
services = ( { name = "app"; health_check = { type = "none"; };
    regions = ( { region = "here"; endpoints = ( "http://127.0.0.1:$origin" ); } ); } );
admin = { socket = ""; };
log = { access = "$work/access.log"; format = "json"; };
END
/usr/bin/python3 "$root/tests/conformance/chromium.py" "$origin" > "$work/said" 2> "$work/origin.log" &
endpoint=$!
children+=("$endpoint")
until_open "$origin"
"$detour" run -c "$work/detour.conf" 2> "$work/detour.log" &
children+=($!)
until_open "$front"
HOME=$work chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --ignore-certificate-errors --user-data-dir="$work/profile" --remote-debugging-port=0 \
    "https://localhost:$front/" > "$work/chromium.log" 2>&1 &
children+=($!)
if ! wait "$endpoint"; then
    cat "$work/said"
    tail -n 20 "$work/origin.log" "$work/detour.log" "$work/chromium.log"
    grep -v '"reason":"-"' "$work/access.log" | tail -n 20 || true
    echo "chromium: FAILED"
    exit 1
fi
python3 - "$work/access.log" << 'END'
import json, sys, time
for _ in range(100):
    lines = [json.loads(line) for line in open(sys.argv[1])]
    tunnels = [line for line in lines if line["path"].startswith("/ws/")]
    if len(tunnels) == 3:
        break
    time.sleep(0.05)
assert len(tunnels) == 3, lines
for line in tunnels:
    assert (line["protocol"], line["status"], line["reason"]) == ("HTTP/2", 200, "-"), line
    assert line["bytes_in"] > 4 << 20 and line["bytes_out"] > 4 << 20, line
refused = [line for line in lines if line["path"] == "/refused"]
assert [line["status"] for line in refused] == [403], refused
END
echo "chromium: three WebSockets over one HTTP/2 connection echo up to 4 MiB and close as they should"
