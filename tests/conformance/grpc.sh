#!/usr/bin/env bash
# gRPC's interoperability tests through Detour: tests/conformance/grpc.sh [detour, build/detour]
# Every case that passes directly has to pass in the same way over TLS to an endpoint in clear text, over
# TLS to one over TLS, and in clear text (h2c) on both sides. Ends with "N passed, N failed" and a code
# to match. Client and server are Go's; they are found in $GRPC_INTEROP (client and server in one
# directory), or else installed as Go modules. GRPC_CASES="a b" runs only these.
. "$(dirname "$0")/common.sh"
module=google.golang.org/grpc/interop
version=v1.76.0
# Those that need neither an account at a provider of clouds nor several servers.
cases=${GRPC_CASES:-empty_unary large_unary client_streaming server_streaming ping_pong empty_stream
    timeout_on_sleeping_server cancel_after_begin cancel_after_first_response status_code_and_message
    special_status_message custom_metadata unimplemented_method unimplemented_service
    orca_per_rpc orca_oob rpc_soak channel_soak}

interop=${GRPC_INTEROP:-}
if [ -z "$interop" ]; then
    GOBIN=$dir go install "$module/client@$version" "$module/server@$version"
    interop=$dir
fi

clear=$(free_port)
secure=$(free_port)
front=$(free_port)
front_clear=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key.pem" \
    -out "$dir/cert.pem" -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,DNS:secure.test 2> /dev/null
cat > "$dir/detour.conf" << END
workers = 2;
listeners = (
  { name = "front"; bind = "127.0.0.1:$front"; tls = "site"; },
  { name = "front-clear"; bind = "127.0.0.1:$front_clear"; h2c = true; } );
tls = ( { name = "site"; certificates = ( { chain = "cert.pem"; key = "key.pem"; } ); } );
regions = ( { name = "here"; } );
services = (
  { name = "clear"; regions = ( { region = "here"; protocol = "h2";
      endpoints = ( "http://127.0.0.1:$clear" ); } ); },
  { name = "secure"; regions = ( { region = "here"; protocol = "h2"; host = "localhost";
      tls = { ca = "cert.pem"; }; endpoints = ( "https://127.0.0.1:$secure" ); } ); } );
routes = ( { path = "/"; service = "clear"; },
  { host = "secure.test"; path = "/"; service = "secure"; } );
admin = { socket = ""; };
log = { access = "access.log"; };
END
"$interop/server" -port "$clear" > "$dir/server.log" 2>&1 &
children+=($!)
"$interop/server" -port "$secure" -use_tls -tls_cert_file "$dir/cert.pem" \
    -tls_key_file "$dir/key.pem" > "$dir/server-secure.log" 2>&1 &
children+=($!)
(cd "$dir" && exec "$detour" run -c "$dir/detour.conf") > "$dir/detour.log" 2>&1 &
children+=($!)
until_open "$clear" server
until_open "$secure" server
until_open "$front" detour

# passes CASE PORT [OPTION...]
passes() {
    timeout 60 "$interop/client" -server_host localhost -server_port "$2" -test_case "$1" \
        -service_config_json \
        '{ "loadBalancingConfig": [{ "test_backend_metrics_load_balancer": {} }] }' \
        "${@:3}" > "$dir/client.log" 2>&1
}
tls=(-use_tls -use_test_ca -ca_file "$dir/cert.pem" -server_host_override)

passed=0
failed=0
for case in $cases; do
    if ! passes "$case" "$clear" || ! passes "$case" "$secure" "${tls[@]}" localhost; then
        echo "$case: does not pass directly"
        tail -n 3 "$dir/client.log"
        failed=$((failed + 1)) # nothing to compare with
        continue
    fi
    for way in "TLS to clear:$front:${tls[*]} localhost" \
        "TLS to TLS:$front:${tls[*]} secure.test" \
        "clear to clear:$front_clear:"; do
        IFS=: read -r name port options <<< "$way"
        # shellcheck disable=SC2086  # options are words
        if passes "$case" "$port" $options; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "$case: FAILED, $name"
            tail -n 20 "$dir/client.log"
            tail -n 3 "$dir/access.log" || true
        fi
    done
done
if [ "$failed" -ne 0 ]; then tail -n 20 "$dir/detour.log"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
