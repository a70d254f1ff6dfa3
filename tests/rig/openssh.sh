#!/bin/bash
# OpenSSH servers for the tests with real peers, each with one way to log in or one habit of its own, and a log of
# its own, run/openssh-NAME.log. Behind all of them is bash; its `dmesg` prints 3.5 MB, and its `lsblk` prints a few
# lines and then nothing until somebody writes to the pipe run/openssh-hold-PORT.
# Three servers form a chain: each of the last two can be reached from the one before it alone, because it listens in
# a network namespace of its own.
# Needs root and the packages of setup.sh. Everything listens on loopback.
#
#   openssh.sh start     start, and write the inventory openssh-devices.json, one device for each way to log in
#   openssh.sh stop      end everything that start began
#   openssh.sh status    what runs; exit code 0 only where all of it does
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

INVENTORY=$STATE/openssh-devices.json
USERS=(vtyssh vtyjump vtystale)
ADDRESS=127.0.25.1
FIRST_HOP=127.0.25.2 SECOND_HOP=127.0.25.3 BEHIND=127.0.25.4 CHAIN_PORT=22530
NAMESPACES=(vty-hop vty-end)
# Held sessions are told apart by the port that they came to.
HOLD_PORTS=(22541 22542 22543 22544 22545)
declare -A PORT=(
    [password]=22501 [interactive]=22502 [key]=22503 [certificate]=22504 [one-session]=22505 [rekey]=22506
    [host-certificate]=22507 [faults]=22508 [no-session]=22509 [no-pty]=22510 [closing]=22511 [banner]=22512
    [long-banner]=22513 [no-forwarding]=22514 [guarded]=22515 [fleet]=22516 [stale]=22517
)
SERVERS=($(printf '%s\n' "${!PORT[@]}" | sort) hold)
CHAIN=(first-hop second-hop behind)
# Each has a server that knows no other of its sort, in the order of their ports, if this OpenSSH has it at all. Behind
# the name stands the profile that it is in; what is in `legacy` alone and needs a server of its own is in legacy.sh.
FIRST_ALGORITHM_PORT=22801
ALGORITHMS=(
    KexAlgorithms=curve25519-sha256:modern KexAlgorithms=curve25519-sha256@libssh.org:modern
    KexAlgorithms=mlkem768x25519-sha256:modern KexAlgorithms=ecdh-sha2-nistp256:modern
    KexAlgorithms=ecdh-sha2-nistp384:modern KexAlgorithms=ecdh-sha2-nistp521:modern
    KexAlgorithms=diffie-hellman-group14-sha256:compatible KexAlgorithms=diffie-hellman-group16-sha512:compatible
    KexAlgorithms=diffie-hellman-group-exchange-sha256:compatible
    HostKeyAlgorithms=ssh-ed25519:modern HostKeyAlgorithms=ecdsa-sha2-nistp256:modern
    HostKeyAlgorithms=ecdsa-sha2-nistp384:modern HostKeyAlgorithms=ecdsa-sha2-nistp521:modern
    HostKeyAlgorithms=rsa-sha2-512:modern HostKeyAlgorithms=rsa-sha2-256:modern HostKeyAlgorithms=ssh-rsa:legacy
    Ciphers=chacha20-poly1305@openssh.com:modern Ciphers=aes256-gcm@openssh.com:modern
    Ciphers=aes128-gcm@openssh.com:modern Ciphers=aes256-ctr:modern Ciphers=aes192-ctr:modern Ciphers=aes128-ctr:modern
    Ciphers=aes256-cbc:legacy Ciphers=aes192-cbc:legacy Ciphers=aes128-cbc:legacy Ciphers=3des-cbc:legacy
    MACs=hmac-sha2-256-etm@openssh.com:modern MACs=hmac-sha2-512-etm@openssh.com:modern
    MACs=hmac-sha2-256:modern MACs=hmac-sha2-512:modern MACs=hmac-sha1-etm@openssh.com:legacy MACs=hmac-sha1:legacy
)

keys() {
    key host_ed25519 -t ed25519 -N ''
    key host_rsa -t rsa -b 2048 -N ''
    key host_certified -t ed25519 -N ''
    key host_ecdsa256 -t ecdsa -b 256 -N ''
    key host_ecdsa384 -t ecdsa -b 384 -N ''
    key host_ecdsa521 -t ecdsa -b 521 -N ''
    key client_ed25519 -t ed25519 -N ''
    key client_rsa -t rsa -b 2048 -m PEM -N ''
    key client_ecdsa -t ecdsa -b 256 -N ''
    key client_locked -t ed25519 -N "$(secret passphrase)"
    key client_agent -t ed25519 -N ''
    key client_stranger -t ed25519 -N ''
    key client_certified -t ed25519 -N ''
    key authority -t ed25519 -N ''
    cat "$KEYS"/client_{ed25519,rsa,ecdsa,locked,agent}.pub >"$KEYS/openssh_authorized_keys"
    chmod 644 "$KEYS/openssh_authorized_keys"
    certificate host -h -n "$ADDRESS,vty-host" host_certified
    certificate good -n vtyssh client_certified
    certificate expired -n vtyssh -V 20200101:20200102 client_certified
    certificate principal -n somebody-else client_certified
}

certificate() { # certificate NAME OPTIONS... KEY: signs a key with our own authority once
    local file=$KEYS/$1-cert.pub key=${*: -1}
    [ -s "$file" ] && return
    cp "$KEYS/$key.pub" "$KEYS/$1.pub"
    ssh-keygen -q -s "$KEYS/authority" -I "rig-$1" "${@:2:$#-2}" "$KEYS/$1.pub" # writes NAME-cert.pub
    rm "$KEYS/$1.pub"
}

users() {
    local port user
    install -d -m 755 "$BIN/tools"
    cat >"$BIN/vtyssh" <<SHELL
#!/bin/bash
export PATH=$BIN/tools:\$PATH PS1='\\u@\\h:\\w\\$ '
exec /bin/bash --norc "\$@"
SHELL
    cat >"$BIN/vtyjump" <<'SHELL'
#!/bin/sh
echo "This account is for forwarding alone."
exit 1
SHELL
    cat >"$BIN/tools/dmesg" <<'SHELL'
#!/bin/sh
exec awk 'BEGIN { for (n = 1; n <= 50000; n++) printf "[%6d] eth%d: line %05d of 50000, and no two of them are the same\n", n, n % 4, n }'
SHELL
    cat >"$BIN/tools/lsblk" <<SHELL
#!/bin/sh
seq -f 'disk%.0f' 200
exec cat "$RUN/openssh-hold-\${SSH_CONNECTION##* }"
SHELL
    cp "$BIN/vtyssh" "$BIN/vtystale"
    chmod 755 "$BIN/vtyssh" "$BIN/vtyjump" "$BIN/vtystale" "$BIN"/tools/*
    for port in "${HOLD_PORTS[@]}"; do
        rm -f "$RUN/openssh-hold-$port"
        mkfifo "$RUN/openssh-hold-$port"
        chmod 644 "$RUN/openssh-hold-$port"
    done
    for user in "${USERS[@]}"; do user "$user" "$(secret password)"; done
    # The password must be changed at the next login.
    chage -d 0 vtystale
}

server() { # server NAME LINE...: one of PORT
    own_sshd "openssh-$1" $ADDRESS "${PORT[$1]}" vtyssh "${@:2}" "HostKey $KEYS/host_ed25519" "HostKey $KEYS/host_rsa"
}

servers() {
    local port listen=() none="AuthorizedKeysFile none" keys="AuthorizedKeysFile $KEYS/openssh_authorized_keys" word="PasswordAuthentication no"
    server password "$none" "PubkeyAuthentication no"
    server interactive "$none" "PubkeyAuthentication no" "$word" "UsePAM yes" "KbdInteractiveAuthentication yes"
    server key "$keys" "$word"
    server certificate "$none" "$word" "TrustedUserCAKeys $KEYS/authority.pub"
    server one-session "MaxSessions 1"
    server rekey "RekeyLimit 1M"
    own_sshd openssh-host-certificate $ADDRESS "${PORT[host-certificate]}" vtyssh "HostKey $KEYS/host_certified" "HostCertificate $KEYS/host-cert.pub"
    server faults
    server no-session "MaxSessions 0"
    server no-pty "PermitTTY no"
    server closing "ForceCommand /bin/true"
    banner 200000 >"$RUN/openssh-banner"
    banner 1048576 >"$RUN/openssh-long-banner" # the longest that sshd sends
    server banner "Banner $RUN/openssh-banner"
    server long-banner "Banner $RUN/openssh-long-banner"
    own_sshd openssh-no-forwarding $ADDRESS "${PORT[no-forwarding]}" vtyjump "AllowTcpForwarding no" "HostKey $KEYS/host_ed25519"
    server guarded
    server fleet
    own_sshd openssh-stale $ADDRESS "${PORT[stale]}" vtystale "UsePAM yes" "$word" "KbdInteractiveAuthentication yes" "HostKey $KEYS/host_ed25519"
    for port in "${HOLD_PORTS[@]}"; do listen+=("ListenAddress $ADDRESS:$port"); done
    own_sshd openssh-hold $ADDRESS 22540 vtyssh "${listen[@]}" "HostKey $KEYS/host_ed25519"
}

banner() { # banner BYTES: lines of 64 characters
    head -c "$1" < <(yes "Authorized access only. Everything that is done here is logged.")
}

# The server of a hop runs in the namespace that the next one listens in: what it forwards begins there.
chain() {
    local namespace keys="AuthorizedKeysFile $KEYS/openssh_authorized_keys"
    for namespace in "${NAMESPACES[@]}"; do
        ip netns add "$namespace"
        ip -n "$namespace" link set lo up
    done
    hop first-hop $FIRST_HOP '' vty-hop vtyjump "AllowTcpForwarding yes" "$keys"
    hop second-hop $SECOND_HOP vty-hop vty-end vtyjump "AllowTcpForwarding yes" "$keys"
    hop behind $BEHIND vty-end vty-end vtyssh "AllowTcpForwarding no"
}

hop() { # hop NAME ADDRESS LISTENING-NAMESPACE OWN-NAMESPACE USER LINE...
    local name=openssh-$1 address=$2 listen=$3 own=$4
    {
        printf '%s\n' "${@:6}"
        echo "HostKey $KEYS/host_ed25519"
        echo "LogLevel VERBOSE"
        sshd_settings "$5"
    } >"$RUN/$name.conf"
    spawn "$name" ${listen:+ip netns exec "$listen"} socat "TCP-LISTEN:$CHAIN_PORT,bind=$address,reuseaddr,fork" \
        "EXEC:ip netns exec $own /usr/sbin/sshd -i -e -f $RUN/$name.conf,nofork"
    await 15 "the greeting of $name" ${listen:+ip netns exec "$listen"} bash -c \
        "exec 3<>/dev/tcp/$address/$CHAIN_PORT && read -r -t 1 -u 3 line && [[ \$line == SSH-* ]]" ||
        { cat "$RUN/$name.log" >&2; fail "$name does not start"; }
}

has_algorithm() { # has_algorithm ENTRY: this OpenSSH knows it
    local name=${1#*=}
    { ssh -Q kex; ssh -Q HostKeyAlgorithms; ssh -Q cipher; ssh -Q mac; } | grep -x "${name%:*}" >/dev/null
}

# A server for each algorithm, started for each connection anew.
algorithms() {
    local i entry listeners=()
    {
        printf 'HostKey %s\n' "$KEYS"/host_{ed25519,rsa,ecdsa256,ecdsa384,ecdsa521}
        sshd_settings vtyssh
    } >"$RUN/openssh-algorithms.conf"
    for i in "${!ALGORITHMS[@]}"; do
        entry=${ALGORITHMS[i]%:*}
        has_algorithm "$entry" || continue
        # A cipher that is its own MAC would leave no MAC to agree on.
        [[ $entry != MACs=* ]] || entry="$entry -o Ciphers=aes256-ctr"
        listeners+=("$((FIRST_ALGORITHM_PORT + i)) $entry")
    done
    # shellcheck disable=SC2016
    spawn openssh-algorithms bash -c '
        address=$1 configuration=$2
        shift 2
        for listener; do
            socat "TCP-LISTEN:${listener%% *},bind=$address,reuseaddr,fork" "EXEC:/usr/sbin/sshd -i -e -f $configuration -o ${listener#* },nofork" &
        done
        wait' socat-for-each $ADDRESS "$RUN/openssh-algorithms.conf" "${listeners[@]}"
    for entry in "${listeners[@]}"; do
        await 15 "the listener for ${entry#* }" listens $ADDRESS "${entry%% *}" || fail "openssh-algorithms does not start"
    done
}

agent() {
    rm -f "$RUN/openssh-agent.sock"
    spawn openssh-agent ssh-agent -D -a "$RUN/openssh-agent.sock"
    export SSH_AUTH_SOCK=$RUN/openssh-agent.sock
    await 5 "the start of ssh-agent" test -S "$SSH_AUTH_SOCK"
    ssh-add -q "$KEYS/client_agent"
}

algorithm_devices() {
    local i entry name
    for i in "${!ALGORITHMS[@]}"; do
        entry=${ALGORITHMS[i]%:*} name=${ALGORITHMS[i]#*=}
        ! has_algorithm "$entry" || printf '    "openssh-only-%s": { "address": "%s", "port": %d, "security": "%s" },\n' "$(tr @ _ <<<"${name%:*}")" \
            $ADDRESS $((FIRST_ALGORITHM_PORT + i)) "${name##*:}"
    done
}

device() { # device NAME SERVER AUTH: one line of the inventory
    printf '    "openssh-%s": { "address": "%s", "port": %d%s },\n' "$1" $ADDRESS "${PORT[$2]}" "${3:+, \"auth\": { $3 \}}"
}

inventory() {
    local file="\"type\": \"ssh_key\", \"private_key_path\": \"$KEYS" chained="\"port\": $CHAIN_PORT"
    write_private "$INVENTORY" <<JSON
{
  "defaults": {
    "platform": "linux",
    "username": "vtyssh",
    "auth": { "type": "password", "password": "$(secret password)" },
    "timeouts": { "connect_seconds": 5, "auth_seconds": 15, "command_seconds": 60, "idle_seconds": 20 }
  },
  "devices": {
$(device password password)
$(device interactive interactive)
$(device ed25519 key "$file/client_ed25519\"")
$(device rsa key "$file/client_rsa\"")
$(device ecdsa key "$file/client_ecdsa\"")
$(device locked key "$file/client_locked\", \"passphrase\": \"$(secret passphrase)\"")
$(device stranger key "$file/client_stranger\"")
$(device agent key "\"type\": \"agent\", \"key\": \"$(ssh-keygen -lf "$KEYS/client_agent.pub" | cut -d' ' -f2)\"")
$(device certificate certificate "$file/client_certified\", \"certificate_path\": \"$KEYS/good-cert.pub\"")
$(device certificate-expired certificate "$file/client_certified\", \"certificate_path\": \"$KEYS/expired-cert.pub\"")
$(device certificate-principal certificate "$file/client_certified\", \"certificate_path\": \"$KEYS/principal-cert.pub\"")
$(for name in one-session rekey host-certificate faults no-session no-pty closing banner long-banner guarded fleet; do device "$name" "$name"; done)
$(for port in "${HOLD_PORTS[@]}"; do PORT[hold]=$port; device "hold-$port" hold; done)
$(algorithm_devices)
    "openssh-no-forwarding": { "address": "$ADDRESS", "port": ${PORT[no-forwarding]}, "username": "vtyjump" },
    "openssh-stale": { "address": "$ADDRESS", "port": ${PORT[stale]}, "username": "vtystale" },
    "openssh-first-hop": { "address": "$FIRST_HOP", $chained, "username": "vtyjump" },
    "openssh-second-hop": { "address": "$SECOND_HOP", $chained, "username": "vtyjump", "jump": "openssh-first-hop" },
    "openssh-behind": { "address": "$BEHIND", $chained, "jump": "openssh-second-hop" }
  }
}
JSON
}

status() {
    local name state=0
    for name in "${SERVERS[@]}"; do running "openssh-$name" sshd || state=1; done
    for name in "${CHAIN[@]}"; do running "openssh-$name" socat || state=1; done
    running openssh-algorithms socat-for-each || state=1
    running openssh-agent ssh-agent || state=1
    return $state
}

start() {
    need ip socat ss ssh-keygen ssh-agent ssh-add useradd chpasswd chage /usr/sbin/sshd
    if status >/dev/null && [ -s "$INVENTORY" ]; then
        echo "rig: OpenSSH runs already; inventory $INVENTORY"
        return
    fi
    stop
    directories
    stop_unless_started
    keys
    users
    servers
    chain
    algorithms
    agent
    inventory
    echo "rig: $((${#SERVERS[@]} + ${#CHAIN[@]})) OpenSSH servers run, and one for each algorithm; inventory $INVENTORY"
}

stop() {
    [ "$(id -u)" = 0 ] || fail "stop needs root"
    local name user
    for name in "${SERVERS[@]}"; do end_group "openssh-$name" sshd; done
    for name in "${CHAIN[@]}"; do end_group "openssh-$name" socat; done
    end_group openssh-algorithms socat-for-each
    end_group openssh-agent ssh-agent
    for user in "${USERS[@]}"; do remove_user "$user"; done
    for name in "${NAMESPACES[@]}"; do
        ! ip netns list 2>/dev/null | grep -qw "$name" || ip netns del "$name"
    done
    rm -rf "$INVENTORY" "$BIN/tools" "$RUN"/openssh-hold-* "$RUN"/openssh-*banner "$RUN/openssh-agent.sock"
}

case ${1:-} in
start | stop | status) "$1" ;;
*) usage "$0" ;;
esac
