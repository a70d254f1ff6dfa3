#!/bin/bash
# Two FRRouting routers for the tests with real devices: r1 and r2, each in its own network namespace,
# eBGP with TCP-MD5 between them and one neighbour that stays down. They are reached over OpenSSH with
# vtysh as the login shell, with and without a pager. Of r1 there is also the own CLI of its bgpd, which
# asks for a password, has `enable` with another one, and a pager ` --More-- `.
# Needs root and the packages of setup.sh. Everything listens on loopback.
#
#   frr.sh start           start, wait until BGP is up, and write the inventories rig-devices.json, for
#                          the client tests, and frr-devices.json, one device for each way to the CLI
#   frr.sh stop            end everything that start began
#   frr.sh status          what runs; exit code 0 only where all of it does
#   frr.sh freeze r2       stop bgpd, so that a command hangs in the middle; thaw r2 lets it go on
#   frr.sh swap-host-key   give the SSH server of device r1-changed another host key, and end its sessions
#   frr.sh sessions        print the SSH sessions that are open, one per line
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

INVENTORY=$STATE/rig-devices.json PEERS=$STATE/frr-devices.json
CONF=/etc/frr SOCKETS=/var/run/frr DAEMONS=/usr/lib/frr
ROUTERS=(r1 r2)
USERS=(vtyops vtypager)      # the shell is vtysh
CLI_USERS=(vtybgpd vtypaged) # the shell is the CLI of bgpd
SSH_PORT=22221 CHANGED_PORT=22222 SILENT_PORT=22223 CLI_PORT=22225 PAGED_PORT=22226 CLOSED_PORT=22229
BGP_WAIT=60 # seconds

address() { echo "127.0.21.${1#r}"; }   # where the router's SSH server listens
netns() { echo "vty-$1"; }
pathspace() { echo "vty$1"; }
vty() { local router=$1; shift; vtysh -N "$(pathspace "$router")" "$@"; }

# --- keys and users ------------------------------------------------------------------------------

keys() {
    key host_ed25519 -t ed25519 -N ''
    key host_rsa -t rsa -b 2048 -N ''
    key host_changed_a -t ed25519 -N ''
    key host_changed_b -t ed25519 -N ''
    key client_ed25519 -t ed25519 -N ''
    key client_rsa -t rsa -b 2048 -m PEM -N ''
    key client_locked -t ed25519 -N "$(secret passphrase)"
    cat "$KEYS"/client_*.pub >"$KEYS/authorized_keys"
    chmod 644 "$KEYS/authorized_keys"
}

users() {
    local user
    cat >"$BIN/vtyops" <<'SHELL'
#!/bin/sh
# The login shell: the router is picked by the address that the client came to, 127.0.21.N.
set -f
set -- "$SSH_CONNECTION" "$@"
server=${1% *}
shift
exec /usr/bin/vtysh -N "vtyr${server##*.}" "$@"
SHELL
    cat >"$BIN/vtypager" <<'SHELL'
#!/bin/sh
# The same with a pager, from the greeting on.
server=${SSH_CONNECTION% *}
export VTYSH_PAGER=/bin/more
exec /usr/bin/vtysh -N "vtyr${server##*.}" "$@"
SHELL
    cat >"$BIN/vtybgpd" <<SHELL
#!/bin/sh
# The CLI of bgpd, over telnet. It asks for the same password once more.
exec /usr/bin/telnet -E $(address r1) $CLI_PORT
SHELL
    cat >"$BIN/vtypaged" <<SHELL
#!/bin/sh
# The same where the daemon cannot be told to switch its pager off, on a small screen.
stty rows 24 columns 80
exec /usr/bin/telnet -E $(address r1) $PAGED_PORT
SHELL
    chmod 755 "$BIN"/*
    for user in "${USERS[@]}"; do
        user "$user" "$(secret password)"
        usermod --append --groups frrvty,frr "$user"
    done
    for user in "${CLI_USERS[@]}"; do user "$user" "$(secret password)"; done
}

# --- routers -------------------------------------------------------------------------------------

link() {
    local router
    for router in "${ROUTERS[@]}"; do
        ip netns add "$(netns "$router")"
        ip -n "$(netns "$router")" link set lo up
    done
    ip link add name to-r2 netns "$(netns r1)" type veth peer name to-r1 netns "$(netns r2)"
    ip -n "$(netns r1)" link set to-r2 up
    ip -n "$(netns r2)" link set to-r1 up
}

configuration() { # configuration ROUTER
    local n=${1#r} other peer i login=login-secret
    other=$((3 - n)) peer="10.77.12.$((3 - n))"
    # Whoever logs in to a device twice types the same password.
    [ "$1" != r1 ] || login=$(secret password)
    cat <<CONF
hostname $1
password $login
enable password enable-secret
interface lo
 ip address 10.77.255.$n/32
exit
interface to-r$other
 description link to r$other
 ip address 10.77.12.$n/24
exit
CONF
    # More than the screen that the server asks for, and more than one tool result holds.
    if [ "$1" = r2 ]; then
        for i in $(seq 5 5 6000); do
            echo "bgp community-list standard LONG seq $i permit 65002:$i"
        done
    fi
    cat <<CONF
router bgp $((65000 + n))
 bgp router-id 10.77.255.$n
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor $peer remote-as $((65000 + other))
 neighbor $peer description peer r$other
 neighbor $peer password bgp-secret
 neighbor $peer timers connect 1
 neighbor 10.77.12.99 remote-as 65099
 neighbor 10.77.12.99 description never there
 neighbor 10.77.12.99 password bgp-secret
 address-family ipv4 unicast
  network 10.77.255.$n/32
  network 198.51.10$n.0/24
 exit-address-family
exit
CONF
}

router() { # router ROUTER: configuration and daemons
    local space conf daemon
    space=$(pathspace "$1") conf=$CONF/$(pathspace "$1")
    # `write memory` is done by the user who typed it: files are renamed and made here.
    install -d -o frr -g frrvty -m 770 "$conf"
    install -d -o frr -g frr -m 755 "$SOCKETS/$space"
    configuration "$1" >"$conf/frr.conf"
    printf 'service integrated-vtysh-config\nhostname %s\n' "$1" >"$conf/vtysh.conf"
    chown frr:frrvty "$conf"/*.conf
    chmod 660 "$conf"/*.conf
    for daemon in mgmtd zebra bgpd; do
        # mgmtd came with FRRouting 9.
        [ -x "$DAEMONS/$daemon" ] || [ $daemon != mgmtd ] || continue
        # The namespace for the host name keeps the machine's own out of the configuration.
        ip netns exec "$(netns "$1")" unshare --uts sh -c 'hostname "$0" && exec "$@"' "$1" "$DAEMONS/$daemon" -d -N "$space" -A 127.0.0.1 -f /dev/null \
            -i "$SOCKETS/$space/$daemon.pid" --log "file:$RUN/frr/$1-$daemon.log" >>"$RUN/$1.log" 2>&1 ||
            { cat "$RUN/$1.log" >&2; fail "$daemon of $1 does not start"; }
    done
    vty "$1" -b >>"$RUN/$1.log" 2>&1 || { cat "$RUN/$1.log" >&2; fail "$1 does not take its configuration"; }
}

established() { # established ROUTER: the session is up and both prefixes of the other side are there
    vty "$1" -c 'show bgp ipv4 unicast summary json' | python3 -c '
import json, sys
peers = json.load(sys.stdin)["peers"].values()
sys.exit(0 if any(p["state"] == "Established" and p["pfxRcd"] == 2 for p in peers) else 1)'
}

# --- SSH servers ---------------------------------------------------------------------------------

ssh_server() { # ssh_server NAME PORT HOSTKEY...: an OpenSSH server on the routers' addresses
    local name=$1 port=$2 router listeners=()
    shift 2
    for router in "${ROUTERS[@]}"; do listeners+=("$(address "$router") $port"); done
    {
        printf 'ListenAddress %s\n' "${listeners[@]/ /:}"
        printf 'HostKey %s\n' "$@"
        echo "AuthorizedKeysFile $KEYS/authorized_keys"
        sshd_settings "${USERS[@]}" "${CLI_USERS[@]}"
    } >"$RUN/$name.conf"
    start_sshd "$name" "${listeners[@]}"
}

cli_server() { # cli_server NAME PORT COMMAND...: what a connection to r1 at PORT talks to, in r1's namespace
    local name=$1 port=$2
    shift 2
    spawn "$name" socat "TCP-LISTEN:$port,bind=$(address r1),reuseaddr,fork" "EXEC:ip netns exec $(netns r1) $*,nofork"
    await 10 "the listener of $name" listens "$(address r1)" "$port"
}

changed_server() { ssh_server sshd-changed $CHANGED_PORT "$KEYS/host_changed"; }

# --- inventory -----------------------------------------------------------------------------------

inventory() {
    local password
    password=$(secret password)
    write_private "$INVENTORY" <<JSON
{
  "defaults": {
    "platform": "frr",
    "port": $SSH_PORT,
    "username": "vtyops",
    "auth": { "type": "password", "password": "$password" },
    "tags": ["rig"],
    "timeouts": { "connect_seconds": 5, "auth_seconds": 15, "command_seconds": 60, "idle_seconds": 20 }
  },
  "groups": {
    "answering": {},
    "failing": { "tags": ["broken"] }
  },
  "devices": {
    "r1": { "address": "127.0.21.1", "groups": ["answering"] },
    "r1-key": { "address": "127.0.21.1", "groups": ["answering"], "auth": { "type": "ssh_key", "private_key_path": "keys/client_ed25519" } },
    "r1-rsa": { "address": "127.0.21.1", "groups": ["answering"], "auth": { "type": "ssh_key", "private_key_path": "keys/client_rsa" } },
    "r1-locked": { "address": "127.0.21.1", "groups": ["answering"], "auth": { "type": "ssh_key", "private_key_path": "keys/client_locked", "passphrase": "$(secret passphrase)" } },
    "r1-pager": { "address": "127.0.21.1", "groups": ["answering"], "username": "vtypager" },
    "r2": { "address": "127.0.21.2", "groups": ["answering"] },
    "r2-pager": { "address": "127.0.21.2", "groups": ["answering"], "username": "vtypager" },
    "r2-hasty": { "address": "127.0.21.2", "timeouts": { "idle_seconds": 2 } },
    "r1-change": { "address": "127.0.21.1", "allow_unprotected": true },
    "r1-changed": { "address": "127.0.21.1", "port": $CHANGED_PORT },
    "r1-wrong": { "address": "127.0.21.1", "groups": ["failing"], "auth": { "type": "password", "password": "not-the-password" } },
    "r1-nowhere": { "address": "127.0.21.1", "groups": ["failing"], "port": $CLOSED_PORT },
    "r1-silent": { "address": "127.0.21.1", "groups": ["failing"], "port": $SILENT_PORT, "timeouts": { "connect_seconds": 2, "auth_seconds": 4 } }
  }
}
JSON
    write_private "$PEERS" <<JSON
{
  "defaults": {
    "platform": "frr",
    "port": $SSH_PORT,
    "auth": { "type": "password", "password": "$password" },
    "timeouts": { "connect_seconds": 5, "auth_seconds": 15, "command_seconds": 60, "idle_seconds": 20 }
  },
  "devices": {
    "frr-vtysh": { "address": "127.0.21.1", "username": "vtyops" },
    "frr-vtysh-pager": { "address": "127.0.21.1", "username": "vtypager" },
    "frr-bgpd": { "address": "127.0.21.1", "username": "vtybgpd", "enable": "enable-secret" },
    "frr-bgpd-paged": { "address": "127.0.21.1", "username": "vtypaged", "enable": "enable-secret" }
  }
}
JSON
}

# --- commands ------------------------------------------------------------------------------------

status() {
    local router daemon name state=0
    report() { printf '  %-24s %s\n' "$1" "$2"; [ "$2" = running ] || state=1; }
    for router in "${ROUTERS[@]}"; do
        for daemon in zebra bgpd; do
            alive "$SOCKETS/$(pathspace "$router")/$daemon.pid" "-N $(pathspace "$router")" &&
                report "$router $daemon" running || report "$router $daemon" down
        done
    done
    for name in sshd sshd-changed; do running $name sshd || state=1; done
    for name in silent bgpd-cli bgpd-paged; do running $name socat || state=1; done
    return $state
}

start() {
    need ip vtysh socat ss ssh-keygen python3 telnet useradd chpasswd /usr/sbin/sshd "$DAEMONS/zebra" "$DAEMONS/bgpd"
    local router
    if status >/dev/null && [ -s "$INVENTORY" ] && [ -s "$PEERS" ]; then
        echo "rig: runs already; inventory $INVENTORY"
        return
    fi
    stop
    directories
    cp "$(dirname "${BASH_SOURCE[0]}")/keep_pager.py" "$RUN/"
    install -d -m 755 -o frr -g frr "$RUN/frr"
    stop_unless_started
    keys
    users
    link
    for router in "${ROUTERS[@]}"; do router "$router"; done
    # The first attempts were made before the password and the timers were there.
    for router in "${ROUTERS[@]}"; do vty "$router" -c 'clear bgp *'; done
    ssh_server sshd $SSH_PORT "$KEYS/host_ed25519" "$KEYS/host_rsa"
    cp -p "$KEYS/host_changed_a" "$KEYS/host_changed"
    changed_server
    spawn silent socat "TCP-LISTEN:$SILENT_PORT,bind=$(address r1),reuseaddr,fork" "SYSTEM:cat >/dev/null"
    await 10 "the silent listener" listens "$(address r1)" $SILENT_PORT
    cli_server bgpd-cli $CLI_PORT socat STDIO TCP\\:127.0.0.1\\:2605
    cli_server bgpd-paged $PAGED_PORT "$(command -v python3)" "$RUN/keep_pager.py" 127.0.0.1 2605
    for router in "${ROUTERS[@]}"; do
        await $BGP_WAIT "BGP on $router" established "$router" ||
            { vty "$router" -c 'show ip bgp summary' >&2; fail "BGP on $router does not come up"; }
    done
    inventory
    echo "rig: r1 and r2 run, BGP is established; inventory $INVENTORY"
}

stop() {
    [ "$(id -u)" = 0 ] || fail "stop needs root"
    local router file pid user
    end_group silent socat
    end_group bgpd-cli socat
    end_group bgpd-paged socat
    end_group sshd sshd
    end_group sshd-changed sshd
    for user in "${USERS[@]}" "${CLI_USERS[@]}"; do remove_user "$user"; done
    for router in "${ROUTERS[@]}"; do
        for file in "$SOCKETS/$(pathspace "$router")"/*.pid; do
            alive "$file" "-N $(pathspace "$router")" || continue
            pid=$(cat "$file")
            # Nothing of it is kept, so it need not say goodbye to its neighbours.
            kill -KILL "$pid" 2>/dev/null || true
            gone "$pid"
        done
        rm -rf "${SOCKETS:?}/$(pathspace "$router")" "${CONF:?}/$(pathspace "$router")"
        ! ip netns list 2>/dev/null | grep -qw "$(netns "$router")" || ip netns del "$(netns "$router")"
    done
    rm -f "$INVENTORY" "$PEERS"
}

signal_bgpd() { # signal_bgpd SIGNAL ROUTER
    local file=$SOCKETS/$(pathspace "$2")/bgpd.pid
    alive "$file" "-N $(pathspace "$2")" || fail "bgpd of $2 does not run"
    kill "-$1" "$(cat "$file")"
}

swap_host_key() {
    local next=host_changed_b sessions
    cmp -s "$KEYS/host_changed" "$KEYS/host_changed_b" && next=host_changed_a
    # Sessions outlive the server that took them, and a client may keep one: they end as when a router is replaced.
    sessions=$(ss -Htnp state established "sport = :$CHANGED_PORT" | grep -oP 'pid=\K\d+' | sort -u || true)
    end_group sshd-changed sshd
    [ -z "$sessions" ] || kill -KILL $sessions 2>/dev/null || true
    cp -p "$KEYS/$next" "$KEYS/host_changed"
    changed_server
}

sessions() { # what a client that went away must not leave behind
    ss -Htn state established "( sport = :$SSH_PORT or sport = :$CHANGED_PORT )"
    local user
    for user in "${USERS[@]}"; do processes "$user"; done
}

case ${1:-} in
start | stop | status | sessions) "$1" ;;
freeze) signal_bgpd STOP "${2:?which router}" ;;
thaw) signal_bgpd CONT "${2:?which router}" ;;
swap-host-key) swap_host_key ;;
*) usage "$0" ;;
esac
