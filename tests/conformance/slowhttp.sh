#!/usr/bin/env bash
# slowhttptest's four ways to be slow, each with a bystander who must not notice:
# tests/conformance/slowhttp.sh [path of detour]
# -H heads that never end, -B bodies that trickle, -R ranges, -X answers read byte by byte; each by
# 600 connections of one address for 15 seconds. The bystander asks 20 times a second from another
# address, each time on a new connection. Ends with "N passed, N failed" and a code to match.
. "$(dirname "$0")/common.sh"
seconds=15
connections=600

origin=$(free_port)
port=$(free_port)
admin=$(free_port)
mkdir "$dir/www"
echo served > "$dir/www/index.html"
head -c 4000000 /dev/urandom > "$dir/www/large"
cat > "$dir/nginx.conf" << END
daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
    uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    server { listen 127.0.0.1:$origin backlog=4096 sndbuf=128k; root $dir/www; error_page 405 =200 \$uri; }
}
END
cat > "$dir/detour.conf" << END
workers = 1;
listeners = ( { name = "web"; bind = "127.0.0.1:$port"; } );
regions = ( { name = "here"; } );
services = ( { name = "app";
    regions = ( { region = "here"; endpoints = ( "http://127.0.0.1:$origin" ); } ); } );
routes = ( { path = "/"; service = "app"; } );
admin = { bind = "127.0.0.1:$admin"; socket = ""; };
log = { access = "off"; };
END
chmod -R a+rX "$dir"
nginx -c "$dir/nginx.conf" 2> "$dir/nginx-said.log" &
children+=($!)
"$detour" run -c "$dir/detour.conf" > "$dir/detour.log" 2>&1 &
children+=($!)
proxy=$!
until_open "$origin" nginx
until_open "$port" detour

# Asks until the file it is given is gone; says how it went.
cat > "$dir/bystander.py" << 'END'
import http.client, os, sys, time
port, flag = int(sys.argv[1]), sys.argv[2]
took, failed = [], []
while os.path.exists(flag):
    began = time.monotonic()
    try:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=5,
                                       source_address=("127.0.0.2", 0))
        c.request("GET", "/index.html")
        answer = c.getresponse()
        if answer.status != 200 or answer.read() != b"served\n":
            failed.append(answer.status)
        c.close()
    except OSError as e:
        failed.append(repr(e))
    took.append(time.monotonic() - began)
    time.sleep(max(0, 0.05 - (time.monotonic() - began)))
took.sort()
print("%d requests, %d failed, p99 %.1f ms, longest %.1f ms %s" % (
    len(took), len(failed), took[int(len(took) * 0.99)] * 1e3, took[-1] * 1e3, failed[:3]))
sys.exit(0 if len(took) > 50 and not failed and took[int(len(took) * 0.99)] < 1 else 1)
END

passed=0
failed=0
attack() { # NAME ARGUMENTS...
    local name=$1 status=0
    shift
    touch "$dir/going"
    python3 "$dir/bystander.py" "$port" "$dir/going" > "$dir/bystander" 2>&1 &
    local bystander=$!
    slowhttptest -c $connections -r 200 -l $seconds -p 2 "$@" > "$dir/attack" 2>&1 || true
    rm "$dir/going"
    wait $bystander || status=1
    if ! grep -q "^Exit status" <(sed 's/\x1b\[[0-9;]*m//g' "$dir/attack"); then
        tail -n 5 "$dir/attack"
        status=1
    fi
    if [ $status -eq 0 ] && kill -0 "$proxy"; then
        passed=$((passed + 1))
        echo "PASS $name: $(cat "$dir/bystander")"
    else
        failed=$((failed + 1))
        echo "FAIL $name: $(cat "$dir/bystander")"
    fi
}
attack "heads that never end" -H -i 2 -u "http://127.0.0.1:$port/"
attack "bodies that trickle" -B -i 2 -s 8192 -u "http://127.0.0.1:$port/"
attack "ranges" -R -a 10 -b 3000 -t HEAD -u "http://127.0.0.1:$port/large"
attack "answers read slowly" -X -w 512 -y 1024 -n 5 -z 32 -k 3 -u "http://127.0.0.1:$port/large"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
