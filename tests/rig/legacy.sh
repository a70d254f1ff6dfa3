#!/bin/bash
# SSH servers as old devices have them: OpenSSH that is left nothing but old algorithms or odd ways to log in, each
# with a log of its own, run/legacy-NAME.log. Behind all of them is BusyBox ash.
# DSA is missing where OpenSSH has none any more (10.0 and later).
# Needs root and the packages of setup.sh. Everything listens on loopback.
#
#   legacy.sh start     start, and write the inventory legacy-devices.json, one device for each server
#   legacy.sh stop      end everything that start began
#   legacy.sh status    what runs; exit code 0 only where all of it does
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

INVENTORY=$STATE/legacy-devices.json
USERS=(vtyold)
ADDRESS=127.0.26.1 FIRST_PORT=22601
# In the order of their ports.
SERVERS=(group14 group1 exchange dsa sha1-key two-steps one-attempt one-channel sha1-96 md5 sntrup)

has_dsa() { ssh -Q key-plain | grep -x ssh-dss >/dev/null; }

port() { # port NAME
    local i
    for i in "${!SERVERS[@]}"; do [ "${SERVERS[i]}" != "$1" ] || echo $((FIRST_PORT + i)); done
}

keys() {
    key legacy_rsa -t rsa -b 2048 -N ''
    key legacy_rsa1024 -t rsa -b 1024 -N ''
    key legacy_ed25519 -t ed25519 -N ''
    ! has_dsa || key legacy_dsa -t dsa -N ''
    key client_rsa -t rsa -b 2048 -m PEM -N ''
    cp "$KEYS/client_rsa.pub" "$KEYS/legacy_authorized_keys"
    chmod 644 "$KEYS/legacy_authorized_keys"
}

users() {
    local user
    cat >"$BIN/vtyold" <<'SHELL'
#!/bin/sh
# A forced command comes with arguments, and there is none to run.
exec /bin/busybox ash -l
SHELL
    chmod 755 "$BIN/vtyold"
    for user in "${USERS[@]}"; do user "$user" "$(secret password)"; done
}

old() { # old NAME KEX CIPHER MAC KIND HOSTKEY LINE...: a server with one algorithm of each sort
    server "$1" "$6" "KexAlgorithms $2" "Ciphers $3" "MACs $4" "HostKeyAlgorithms $5" "RequiredRSASize 1024" "${@:7}"
}

server() { # server NAME HOSTKEY LINE...
    own_sshd "legacy-$1" $ADDRESS "$(port "$1")" vtyold "HostKey $KEYS/$2" "${@:3}" "AuthorizedKeysFile none"
}

servers() {
    local interactive="KbdInteractiveAuthentication yes" none="PasswordAuthentication no"
    printf '\n*** Authorized access only ***\nUsername: not a prompt#\n\n' >"$RUN/legacy-banner"
    old group14 diffie-hellman-group14-sha1 aes128-cbc hmac-sha1 ssh-rsa legacy_rsa "UsePAM yes" "$interactive" "$none" "Banner $RUN/legacy-banner"
    old group1 diffie-hellman-group1-sha1 3des-cbc hmac-sha1 ssh-rsa legacy_rsa1024
    old exchange diffie-hellman-group-exchange-sha1 aes256-cbc hmac-sha1 ssh-rsa legacy_rsa
    ! has_dsa || old dsa diffie-hellman-group-exchange-sha1 aes256-cbc hmac-sha1 ssh-dss legacy_dsa
    # OpenSSH 9.2 names rsa-sha2 in server-sig-algs all the same; so do old servers that know of no such list.
    server sha1-key legacy_rsa "PubkeyAcceptedAlgorithms ssh-rsa" "$none" "AuthorizedKeysFile $KEYS/legacy_authorized_keys"
    server two-steps legacy_rsa "UsePAM yes" "$interactive" "AuthenticationMethods password,keyboard-interactive"
    server one-attempt legacy_rsa "MaxAuthTries 1" "LoginGraceTime 5"
    server one-channel legacy_rsa "MaxSessions 1" "ForceCommand forced"
    old sha1-96 diffie-hellman-group14-sha1 aes128-cbc hmac-sha1-96 ssh-rsa legacy_rsa
    old md5 diffie-hellman-group14-sha1 aes128-cbc hmac-md5 ssh-rsa legacy_rsa
    server sntrup legacy_ed25519 "KexAlgorithms sntrup761x25519-sha512@openssh.com"
}

inventory() {
    local name auth comma=''
    {
        cat <<JSON
{
  "defaults": {
    "platform": "linux",
    "username": "vtyold",
    "auth": { "type": "password", "password": "$(secret password)" },
    "timeouts": { "connect_seconds": 5, "auth_seconds": 15, "command_seconds": 60, "idle_seconds": 20 }
  },
  "devices": {
JSON
        for name in "${SERVERS[@]}"; do
            [ "$name" != dsa ] || has_dsa || continue
            auth=
            [ "$name" != sha1-key ] || auth=", \"auth\": { \"type\": \"ssh_key\", \"private_key_path\": \"$KEYS/client_rsa\" }"
            printf '%s    "legacy-%s": { "address": "%s", "port": %d, "security": "legacy"%s }' "$comma" "$name" $ADDRESS "$(port "$name")" "$auth"
            comma=$',\n'
        done
        printf '\n  }\n}\n'
    } | write_private "$INVENTORY"
}

status() {
    local name state=0
    for name in "${SERVERS[@]}"; do
        [ "$name" != dsa ] || has_dsa || continue
        running "legacy-$name" sshd || state=1
    done
    return $state
}

start() {
    need ssh ssh-keygen useradd chpasswd /usr/sbin/sshd /bin/busybox
    if status >/dev/null && [ -s "$INVENTORY" ]; then
        echo "rig: legacy runs already; inventory $INVENTORY"
        return
    fi
    stop
    directories
    stop_unless_started
    keys
    users
    servers
    inventory
    echo "rig: ${#SERVERS[@]} old SSH servers run; inventory $INVENTORY"
}

stop() {
    [ "$(id -u)" = 0 ] || fail "stop needs root"
    local name user
    for name in "${SERVERS[@]}"; do end_group "legacy-$name" sshd; done
    for user in "${USERS[@]}"; do remove_user "$user"; done
    rm -f "$INVENTORY" "$RUN/legacy-banner"
}

case ${1:-} in
start | stop | status) "$1" ;;
*) usage "$0" ;;
esac
