#!/usr/bin/env bash
# Node's ws through Detour: tests/conformance/websocket.sh [detour, build/detour]. Needs node and npm;
# the ws package comes from the npm registry. Not part of tests/run.sh.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac

root=$(cd "$(dirname "$0")/../.." && pwd)
detour=${1:-$root/build/detour}
work=$(mktemp -d)
proxy=
finish() {
    if [ -n "$proxy" ]; then
        kill "$proxy" 2> /dev/null || true
        wait "$proxy" 2> /dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
origin=$(free_port)
front=$(free_port)

npm install --silent --no-audit --no-fund --prefix "$work" ws@8.18.0 > "$work/npm.log" 2>&1 || {
    cat "$work/npm.log"
    exit 1
}
cat > "$work/detour.conf" << END
listeners = ( { name = "web"; bind = "127.0.0.1:$front"; } );
regions = ( { name = "here"; } );
services = ( { name = "echo"; regions = ( { region = "here"; endpoints = ( "http://127.0.0.1:$origin" ); } ); } );
log = { access = "off"; };
END
"$detour" run -c "$work/detour.conf" 2> "$work/detour.log" &
proxy=$!
for _ in $(seq 100); do
    if (: < "/dev/tcp/127.0.0.1/$front") 2> /dev/null; then break; fi
    sleep 0.1
done
cp "$(dirname "$0")/websocket.js" "$work/"
for way in direct proxied; do
    port=$front
    if [ "$way" = direct ]; then port=$origin; fi
    if ! node "$work/websocket.js" "$origin" "ws://127.0.0.1:$port/"; then
        tail -n 20 "$work/detour.log"
        echo "websocket: FAILED, $way"
        exit 1
    fi
done
echo "websocket: frames up to 64 MiB, fragments, pings and close codes pass as they do directly"
