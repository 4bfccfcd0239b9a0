#!/usr/bin/env bash
# HTTP/2 to the letter, as h2spec sees it: tests/conformance/h2spec.sh [path of detour]
# Strict, all 147 tests, over TLS: against an answer of the proxy's own, a small answer of an
# HTTP/1.1 endpoint, a large one, and a large one of an endpoint behind TLS. Ends with "N passed, N failed" and a code to match.
# h2spec is found in PATH or $H2SPEC, or else installed as a Go module.
. "$(dirname "$0")/common.sh"
module=github.com/summerwind/h2spec/cmd/h2spec@af83a65f0b62

h2spec=${H2SPEC:-$(command -v h2spec || true)}
if [ -z "$h2spec" ]; then
    if ! GOBIN=$dir go install "$module"; then
        echo "h2spec.sh: build cmd/h2spec in a clone of ${module%%/cmd*} at ${module##*@}, and name" \
            "the binary in H2SPEC" >&2
        exit 2
    fi
    h2spec=$dir/h2spec
fi

origin=$(free_port)
secure=$(free_port)
port=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key.pem" \
    -out "$dir/cert.pem" -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> /dev/null
mkdir "$dir/www"
head -c 1024 /dev/urandom > "$dir/www/small"
head -c 1000000 /dev/urandom > "$dir/www/large"
cp "$dir/www/large" "$dir/www/secure"
cat > "$dir/nginx.conf" << END
daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.log;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
    uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    server { listen 127.0.0.1:$origin; listen 127.0.0.1:$secure ssl;
        ssl_certificate $dir/cert.pem; ssl_certificate_key $dir/key.pem; root $dir/www; error_page 405 =200 \$uri; }
}
END
cat > "$dir/detour.conf" << END
workers = 1;
listeners = ( { name = "web"; bind = "127.0.0.1:$port"; tls = "site"; } );
tls = ( { name = "site"; certificates = ( { chain = "cert.pem"; key = "key.pem"; } ); } );
regions = ( { name = "here"; } );
services = ( { name = "app";
    regions = ( { region = "here"; endpoints = ( "http://127.0.0.1:$origin" ); } ); },
  { name = "secure"; regions = ( { region = "here"; tls = { ca = "cert.pem"; sni = "localhost"; };
      endpoints = ( "https://127.0.0.1:$secure" ); } ); } );
routes = ( { path = "/small"; service = "app"; }, { path = "/large"; service = "app"; },
  { path = "/secure"; service = "secure"; } );
admin = { socket = ""; };
log = { access = "off"; };
END
chmod -R a+rX "$dir"
nginx -c "$dir/nginx.conf" 2> "$dir/nginx-said.log" &
children+=($!)
"$detour" run -c "$dir/detour.conf" > "$dir/detour.log" 2>&1 &
children+=($!)
until_open "$origin" nginx
until_open "$port" detour

passed=0
failed=0
for path in /own-answer /small /large /secure; do
    "$h2spec" -h 127.0.0.1 -p "$port" -t -k --strict -o 5 -P "$path" > "$dir/out" 2>&1 || true
    line=$(grep -E '^[0-9]+ tests, ' "$dir/out" | tail -n 1)
    echo "$path: ${line:-h2spec said nothing}"
    if [ -z "$line" ] || ! [[ $line =~ ^147\ tests,\ ([0-9]+)\ passed,\ 0\ skipped,\ ([0-9]+) ]]; then
        tail -n 60 "$dir/out"
        failed=$((failed + 147))
        continue
    fi
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    if [ "${BASH_REMATCH[2]}" -ne 0 ]; then sed -n '/^Failures/,$p' "$dir/out"; fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
