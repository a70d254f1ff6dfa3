#!/bin/bash
# Plain Unix shells for the tests with real devices: bash and BusyBox ash, each over OpenSSH and over dropbear.
# Needs root and the packages of setup.sh. Everything listens on loopback.
#
#   linux.sh start     start, and write the inventory linux-devices.json
#   linux.sh stop      end everything that start began
#   linux.sh status    what runs; exit code 0 only where all of it does
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

INVENTORY=$STATE/linux-devices.json
USERS=(vtybash vtyash)
ADDRESS=127.0.22.1 OPENSSH_PORT=22231 DROPBEAR_PORT=22232

users() {
    local user
    key client_ed25519 -t ed25519 -N ''
    cat >"$BIN/vtybash" <<'SHELL'
#!/bin/bash
exec -a -bash /bin/bash "$@"
SHELL
    cat >"$BIN/vtyash" <<'SHELL'
#!/bin/sh
exec /bin/busybox ash -l "$@"
SHELL
    chmod 755 "$BIN"/*
    for user in "${USERS[@]}"; do
        user "$user" "$(secret password)"
        # Where dropbear looks, and it insists on whose they are.
        install -d -m 700 -o "$user" -g "$user" "$HOMES/$user/.ssh"
        install -m 600 -o "$user" -g "$user" "$KEYS/client_ed25519.pub" "$HOMES/$user/.ssh/authorized_keys"
        # dropbear lets nobody in whose shell is not listed.
        grep -qxF "$BIN/$user" /etc/shells || echo "$BIN/$user" >>/etc/shells
    done
}

servers() {
    local type options=()
    key host_ed25519 -t ed25519 -N ''
    {
        echo "ListenAddress $ADDRESS:$OPENSSH_PORT"
        echo "HostKey $KEYS/host_ed25519"
        sshd_settings "${USERS[@]}"
    } >"$RUN/linux-sshd.conf"
    start_sshd linux-sshd "$ADDRESS $OPENSSH_PORT"
    for type in ed25519 ecdsa; do
        [ -s "$KEYS/dropbear_$type" ] || dropbearkey -t $type -f "$KEYS/dropbear_$type" >/dev/null 2>&1
        options+=(-r "$KEYS/dropbear_$type")
    done
    spawn linux-dropbear /usr/sbin/dropbear -F -E -m -p "$ADDRESS:$DROPBEAR_PORT" "${options[@]}" -P "$RUN/dropbear.own.pid"
    await 15 "the greeting of dropbear" greets "$ADDRESS" "$DROPBEAR_PORT" ||
        { cat "$RUN/linux-dropbear.log" >&2; fail "dropbear does not start"; }
}

inventory() {
    write_private "$INVENTORY" <<JSON
{
  "defaults": {
    "platform": "linux",
    "auth": { "type": "password", "password": "$(secret password)" },
    "timeouts": { "connect_seconds": 5, "auth_seconds": 15, "command_seconds": 60, "idle_seconds": 20 }
  },
  "devices": {
    "linux-bash-openssh": { "address": "$ADDRESS", "port": $OPENSSH_PORT, "username": "vtybash" },
    "linux-bash-dropbear": { "address": "$ADDRESS", "port": $DROPBEAR_PORT, "username": "vtybash" },
    "linux-ash-openssh": { "address": "$ADDRESS", "port": $OPENSSH_PORT, "username": "vtyash" },
    "linux-ash-dropbear": { "address": "$ADDRESS", "port": $DROPBEAR_PORT, "username": "vtyash" }
  }
}
JSON
}

status() {
    local state=0
    running linux-sshd sshd || state=1
    running linux-dropbear dropbear || state=1
    return $state
}

start() {
    need ssh-keygen useradd chpasswd /usr/sbin/sshd /usr/sbin/dropbear dropbearkey /bin/busybox
    if status >/dev/null && [ -s "$INVENTORY" ]; then
        echo "rig: linux runs already; inventory $INVENTORY"
        return
    fi
    stop
    directories
    stop_unless_started
    users
    servers
    inventory
    echo "rig: bash and ash run over OpenSSH and dropbear; inventory $INVENTORY"
}

stop() {
    [ "$(id -u)" = 0 ] || fail "stop needs root"
    local user rest
    end_group linux-sshd sshd
    end_group linux-dropbear dropbear
    for user in "${USERS[@]}"; do
        remove_user "$user"
        rest=$(grep -vxF "$BIN/$user" /etc/shells) && printf '%s\n' "$rest" >/etc/shells
    done
    rm -f "$INVENTORY"
}

case ${1:-} in
start | stop | status) "$1" ;;
*) usage "$0" ;;
esac
