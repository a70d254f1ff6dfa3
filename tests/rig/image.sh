#!/bin/bash
# Runs the second stage of the Dockerfile by hand, where there is no Docker: an empty root with nothing in
# it but the program, the libraries it is linked against, and the user, directories and environment that
# the Dockerfile gives it. Needs root, for namespaces, mounts and owners.
#
#   tests/rig/image.sh PROGRAM       for example: tests/rig/image.sh target/release/vty-mcp
#
# It prints one line per check and `N passed, N failed`, and ends with 0 when none failed.
# What it cannot show: that the first stage builds, and that Docker does what its manual says.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() { echo "image.sh: $*" >&2; exit 1; }
PROGRAM=$(readlink -f "${1:?which program}")
[ -x "$PROGRAM" ] || fail "$1 is no program"
[ "$(id -u)" = 0 ] || fail "needs root"
for tool in unshare setpriv ldd mount timeout python3 curl pgrep; do
    command -v $tool >/dev/null || fail "$tool is missing"
done

# What the Dockerfile says; a line that is not there ends this script.
value() { # value PATTERN: the first group of the first line that matches
    local found
    found=$(sed -nE "s|.*$1.*|\1|p" Dockerfile | head -1)
    [ -n "$found" ] || fail "the Dockerfile has no line like $1"
    echo "$found"
}
IDS=$(value '^USER ([0-9]+:[0-9]+)') || exit 1
WORKDIR=$(value '^WORKDIR (\S+)') || exit 1
DEVICES=$(value 'VTY_DEVICES=(\S+)') || exit 1
STATE=$(value 'VTY_STATE_DIR=(\S+)') || exit 1
ENTRYPOINT=$(value '^ENTRYPOINT \["([^"]+)"\]') || exit 1
CMD=$(value '^CMD \["([^"]+)"\]') || exit 1
INSTALLED=$(value '^COPY --from=build \S+ (\S+)') || exit 1
USERID=${IDS%:*} GROUPID=${IDS#*:}
CONFIG=$(dirname "$DEVICES")

WORK=$(mktemp -d)
ROOT=$WORK/root
SERVER=
trap 'set -- $SERVER; [ $# -eq 0 ] || kill -KILL "$@" 2>/dev/null; rm -rf "$WORK"' EXIT

# --- the image -----------------------------------------------------------------------------------

chmod 755 "$WORK"
install -d "$ROOT"/{etc,proc,dev} "$ROOT$WORKDIR" "$ROOT$CONFIG"
install -d -m 1777 "$ROOT/tmp"
install -d -m 700 -o "$USERID" -g "$GROUPID" "$ROOT$STATE"
install -D -m 755 "$PROGRAM" "$ROOT$INSTALLED"
echo "vty:x:$USERID:$GROUPID::$WORKDIR:/usr/sbin/nologin" >"$ROOT/etc/passwd"
echo "vty:x:$GROUPID:" >"$ROOT/etc/group"
ldd "$PROGRAM" | grep -oE '/[^ ]+' | sort -u | while read -r library; do
    install -D -m 755 "$library" "$ROOT$library"
done
touch "$ROOT/dev/null" "$ROOT/dev/urandom"

# --- containers ----------------------------------------------------------------------------------

# Mounts and enters; the program is the first process of its namespace, as in a container.
cat >"$WORK/enter.py" <<'PYTHON'
import os, subprocess, sys

root, workdir, uid, gid, count, *rest = sys.argv[1:]
mounts, words = rest[:int(count)], rest[int(count):]
mount = lambda *options: subprocess.run(["mount", *options], check=True)
mount("--make-rprivate", "/")
mount("--bind", root, root)
mount("-t", "proc", "proc", f"{root}/proc")
for device in ("null", "urandom"):
    mount("--bind", f"/dev/{device}", f"{root}/dev/{device}")
for words_of in mounts:
    source, target, mode = words_of.split(":")
    target = root + target
    # As Docker does it: a source that is missing is made, and it is made a directory.
    if not os.path.exists(source):
        os.mkdir(source)
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "a").close()
    mount("--bind", source, target)
    if mode == "ro":
        mount("-o", "remount,bind,ro", target)
os.chroot(root)
os.chdir(workdir)
os.setgroups([])
os.setresgid(int(gid), int(gid), int(gid))
os.setresuid(int(uid), int(uid), int(uid))
os.execvpe(words[0], words, {key: value for key, value in os.environ.items() if key.startswith("VTY_")}
           | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": workdir})
PYTHON

enter() { # enter [-v FROM:TO:MODE]… WORD…: without words, the image's own
    local mounts=()
    while [ "${1:-}" = -v ]; do mounts+=("$2"); shift 2; done
    [ $# -gt 0 ] || set -- "$CMD"
    exec env -u VTY_SETTINGS -u VTY_LOG -u VTY_LOG_FORMAT "VTY_DEVICES=$DEVICES" "VTY_STATE_DIR=$STATE" \
        unshare --mount --pid --ipc --uts --fork --kill-child setpriv --no-new-privs \
        python3 -I "$WORK/enter.py" "$ROOT" "$WORKDIR" "$USERID" "$GROUPID" \
        ${#mounts[@]} "${mounts[@]}" "$ENTRYPOINT" "$@"
}

# Runs a container to its end: its output is in $OUT and $ERR, its exit code in $CODE.
contain() {
    (enter "$@") </dev/null >"$WORK/out" 2>"$WORK/err" &
    await $!
}
await() {
    SERVER="$(pgrep -P "$1") $1"
    for _ in $(seq 300); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -0 "$1" 2>/dev/null && { kill -KILL $SERVER 2>/dev/null; echo "image.sh: it did not end" >>"$WORK/err"; }
    wait "$1" 2>/dev/null
    CODE=$? SERVER=
    OUT=$(cat "$WORK/out") ERR=$(cat "$WORK/err")
    # Mount points are no part of the image.
    rm -rf "${ROOT:?}${CONFIG:?}"
    install -d "$ROOT$CONFIG"
}

# --- checks --------------------------------------------------------------------------------------

passed=0 failed=0
check() { # check TEXT COMMAND…
    local text=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok    $text"
    else
        failed=$((failed + 1))
        echo "FAIL  $text"
        printf '        code %s\n' "$CODE"
        printf '%s\n' "$OUT" "$ERR" | grep . | head -12 | sed 's/^/        /'
    fi
}
is() { [ "$1" = "$2" ]; }
has() { grep -qF -- "$1" <<<"$2"; }
within() { # within SECONDS COMMAND…: until it succeeds
    local ends=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $ends ] || return 1
        sleep 0.1
    done
}

device_file() { # device_file FILE OWNER MODE [AUTH]
    local auth=${4:-'{ "type": "password", "password": "change-me" }'}
    printf '{ "devices": { "core-r1": { "platform": "cisco_ios", "address": "192.0.2.1", "username": "netops", "auth": %s } } }\n' "$auth" >"$1"
    chown "$2" "$1" && chmod "$3" "$1"
}

contain --version
check "--version names the program" eval 'is "$CODE" 0 && [[ $OUT =~ ^vty-mcp\ [0-9]+\.[0-9]+\.[0-9]+ ]]'

device_file "$WORK/devices.json" "$IDS" 600
mkfifo "$WORK/in"
(enter -v "$WORK/devices.json:$DEVICES:ro") <"$WORK/in" >"$WORK/out" 2>"$WORK/err" &
pid=$!
exec 9>"$WORK/in"
cat >&9 <<'JSON'
{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"image","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_devices","arguments":{}}}
JSON
within 20 grep -q '"id":2' "$WORK/out"
# As `docker run -i` does it when its client is gone.
exec 9>&-
await $pid
check "on standard input it answers initialize" has '"serverInfo":{"name":"vty-mcp"' "$OUT"
check "and lists the mounted device" has core-r1 "$OUT"
check "and prints nothing but MCP" eval '! grep -qv "^{\"jsonrpc\":\"2.0\"" <<<"$OUT"'
check "and says nothing on standard error" is "$ERR" ""
check "and ends with 0 when the client leaves" is "$CODE" 0
check "its state is its own, and nobody else's" is "$(stat -c '%u %a' "$ROOT$STATE/redaction.key" 2>&1)" "$USERID 600"

contain -v "$WORK/devices.json:$DEVICES:ro" check
check "check finds everything in order" eval 'is "$CODE" 0 && has "1 devices" "$OUT" && has "everything is in order" "$OUT"'

device_file "$WORK/open.json" 0:0 644
contain -v "$WORK/open.json:$DEVICES:ro" check
check "a device file that all may read gets a warning" eval 'is "$CODE" 0 && has "chmod 600 $DEVICES" "$ERR"'

contain -v "$WORK/missing.json:$DEVICES:ro"
check "a mount that is missing ends the start" is "$CODE" 2
check "and is called a directory" eval 'has "inv_not_file" "$ERR" && has "$DEVICES" "$ERR"'
check "and Docker's habit is explained" eval 'grep -qi "docker.*mount\|mount.*docker" <<<"$ERR"'

contain
check "without any mount the file is missed" eval 'is "$CODE" 2 && has "inv_not_found" "$ERR" && has "$DEVICES" "$ERR"'

device_file "$WORK/closed.json" 0:0 600
contain -v "$WORK/closed.json:$DEVICES:ro"
check "a device file of somebody else is explained" eval 'is "$CODE" 2 && has "inv_permission" "$ERR"'
check "and nothing is on standard output" is "$OUT" ""

if command -v ssh-keygen >/dev/null; then
    install -d "$WORK/keys"
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/keys/netops" -C image
    device_file "$WORK/keyed.json" "$IDS" 600 '{ "type": "ssh_key", "private_key_path": "keys/netops" }'
    keyed() {
        chown "$1" "$WORK/keys/netops" && chmod "$2" "$WORK/keys/netops"
        contain -v "$WORK/keyed.json:$DEVICES:ro" -v "$WORK/keys:$CONFIG/keys:ro" check
    }
    keyed 0:0 600
    check "a key file of somebody else is explained" eval 'is "$CODE" 2 && has "key_unreadable" "$ERR"'
    keyed 0:0 644
    check "a key file that all may read is refused" eval 'is "$CODE" 2 && has "key_mode" "$ERR"'
    keyed "$IDS" 600
    check "a key file of its own is taken" eval 'is "$CODE" 0 && is "$ERR" ""'
else
    echo "      (no ssh-keygen: key files are not checked)"
fi

install -d -m 755 "$WORK/state"
contain -v "$WORK/devices.json:$DEVICES:ro" -v "$WORK/state:$STATE:rw"
check "a state directory of somebody else is named" eval 'is "$CODE" 2 && has "state directory $STATE" "$ERR"'

# --- over HTTP -----------------------------------------------------------------------------------

PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
http=(-v "$WORK/devices.json:$DEVICES:ro" serve -t http -H 0.0.0.0 -p "$PORT")
contain "${http[@]}"
check "without a token it does not listen to others" eval 'is "$CODE" 2 && has "token create" "$ERR"'

contain token create image --role operator
TOKEN=$OUT
check "token create prints the token alone" eval 'is "$CODE" 0 && [[ $TOKEN =~ ^vty_[0-9a-f]{8}_[0-9a-f]{64}$ ]]'
check "the token is not in the state directory" eval '[ -n "$TOKEN" ] && ! grep -qrF "${TOKEN##*_}" "$ROOT$STATE"'

(enter "${http[@]}") </dev/null >"$WORK/out" 2>"$WORK/err" &
pid=$!
healthy() { curl -fsS -m 2 "http://127.0.0.1:$PORT/healthz" >/dev/null 2>&1; }
within 20 healthy
CODE='still runs' OUT='' ERR=$(cat "$WORK/err")
check "/healthz answers" healthy
check "and so it does to the health check of compose.yaml" timeout 5 bash -c "exec 2>/dev/null; $(
    python3 - "$PORT" <<'PYTHON'
import re, sys
text = open("compose.yaml").read()
script = " ".join(re.search(r">-\n((?: {10}.*\n)+)", text).group(1).split())
print(script.replace("$$", "$").replace("30030", sys.argv[1]))
PYTHON
)"
post() { # post HEADER…: the status
    local headers=() header
    for header; do headers+=(-H "$header"); done
    curl -sS -m 5 -o "$WORK/body" -w '%{http_code}' "http://127.0.0.1:$PORT/mcp" "${headers[@]}" \
        -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
        -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"image","version":"1"}}}' 2>&1
}
check "with the token it answers initialize" eval 'is "$(post "Authorization: Bearer $TOKEN")" 200 && grep -q serverInfo "$WORK/body"'
check "without it, nothing" is "$(post)" 401
check "and nothing for another host name" is "$(post "Authorization: Bearer $TOKEN" "Host: evil.example")" 403
# The program is the first process of its namespace: it gets only signals that it handles.
kill -TERM $(pgrep -P $pid) 2>/dev/null
await $pid
check "it ends with 0 when it is stopped" is "$CODE" 0

echo "$passed passed, $failed failed"
[ $failed = 0 ]
