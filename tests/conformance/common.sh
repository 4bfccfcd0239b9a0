# What the scripts here begin with; they source it, they do not run it. Sets root, detour (from the
# first argument), dir (gone at the end) and children (pids to end), and has free_port and until_open.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
detour=$(realpath "${1:-$root/build/detour}")
PATH=$PATH:/usr/sbin:/sbin

dir=$(mktemp -d)
children=()
end() {
    for pid in "${children[@]}"; do kill "$pid" 2> /dev/null || true; done
    wait
    rm -rf "$dir"
}
trap end EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
until_open() { # PORT NAME
    for _ in $(seq 200); do
        if (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; then return; fi
        sleep 0.05
    done
    echo "$(basename "$0"): $2 did not start" >&2
    cat "$dir"/*.log >&2
    exit 1
}
