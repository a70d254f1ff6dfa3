#!/bin/bash
# Two FRRouting routers for the tests with real devices: r1 and r2, each in its own network namespace,
# eBGP with TCP-MD5 between them and one neighbour that stays down. They are reached over OpenSSH with
# vtysh as the login shell. Needs root and the packages of setup.sh. Everything listens on loopback.
#
#   frr.sh start           start, wait until BGP is up, and write the inventory rig-devices.json
#   frr.sh stop            end everything that start began
#   frr.sh status          what runs; exit code 0 only where all of it does
#   frr.sh freeze r2       stop bgpd, so that a command hangs in the middle; thaw r2 lets it go on
#   frr.sh swap-host-key   give the SSH server of device r1-changed another host key, and end its sessions
#   frr.sh sessions        print the SSH sessions that are open, one per line
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

STATE=${RIG_STATE:-/var/tmp/vty-mcp-rig}
RUN=$STATE/run KEYS=$STATE/keys BIN=$STATE/bin INVENTORY=$STATE/rig-devices.json
CONF=/etc/frr SOCKETS=/var/run/frr DAEMONS=/usr/lib/frr
ROUTERS=(r1 r2)
USERS=(vtyops vtypager)
SSH_PORT=22221 CHANGED_PORT=22222 SILENT_PORT=22223 CLOSED_PORT=22229
BGP_WAIT=60 # seconds

fail() { echo "rig: $*" >&2; exit 1; }
address() { echo "127.0.21.${1#r}"; }   # where the router's SSH server listens
netns() { echo "vty-$1"; }
pathspace() { echo "vty$1"; }
vty() { local router=$1; shift; vtysh -N "$(pathspace "$router")" "$@"; }

# --- processes -----------------------------------------------------------------------------------

command_line() { { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true; }

alive() { # alive PIDFILE WORD: the process of the file runs and its command line has the word
    local pid
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] || return 1
    command_line "$pid" | grep -qF -- "$2"
}

spawn() { # spawn NAME COMMAND...: a process group of its own, log and pid under run/
    local name=$1
    shift
    setsid "$@" >"$RUN/$name.log" 2>&1 </dev/null &
    echo $! >"$RUN/$name.pid"
}

end_group() { # end_group NAME WORD: ends what spawn started
    local file=$RUN/$1.pid pid
    if alive "$file" "$2"; then
        pid=$(cat "$file")
        kill -- "-$pid" 2>/dev/null || true
        gone "$pid"
    fi
    rm -f "$file"
}

processes() { ps -o pid=,stat=,args= -u "$1" 2>/dev/null | awk '$2 !~ /^Z/' || true; }
no_processes() { [ -z "$(processes "$1")" ]; }

gone() { # gone PID: waits until the process has ended, and insists after 5 seconds
    local i
    for i in $(seq 50); do
        # One that has ended and waits for its parent has no command line any more.
        [ -n "$(command_line "$1")" ] || return 0
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
}

await() { # await SECONDS WHAT COMMAND...: polls a state
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "rig: $what did not happen in time" >&2; return 1; }
        sleep 0.2
    done
}

greets() { # greets ADDRESS PORT: an SSH server identifies itself there
    local line
    line=$(timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2 && read -r -t 1 -u 3 line && echo \"\$line\"" 2>/dev/null)
    [[ $line == SSH-* ]]
}

listens() { ss -Hltn "sport = :$2" | grep -qF "$1:$2"; }

# --- keys and users ------------------------------------------------------------------------------

key() { # key NAME OPTIONS...: makes a key once
    [ -s "$KEYS/$1" ] || ssh-keygen -q -C rig -f "$KEYS/$1" "${@:2}"
}

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

secret() { # secret NAME: a random word, made once
    local file=$KEYS/$1.secret
    [ -s "$file" ] || (umask 077 && od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$file")
    cat "$file"
}

ours() { [ "$(getent passwd "$1" | cut -d: -f7)" = "$BIN/$1" ]; }

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
    chmod 755 "$BIN"/*
    for user in "${USERS[@]}"; do
        ! id "$user" >/dev/null 2>&1 || ours "$user" || fail "there is a user $user that is not the rig's"
        id "$user" >/dev/null 2>&1 || useradd --no-create-home --home-dir /nonexistent --shell "$BIN/$user" "$user"
        usermod --append --groups frrvty,frr "$user"
        echo "$user:$(secret password)" | chpasswd
    done
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
    local n=${1#r} other peer i
    other=$((3 - n)) peer="10.77.12.$((3 - n))"
    cat <<CONF
hostname $1
password login-secret
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
    local name=$1 port=$2 router hostkey
    shift 2
    {
        for router in "${ROUTERS[@]}"; do echo "ListenAddress $(address "$router"):$port"; done
        for hostkey; do echo "HostKey $hostkey"; done
        cat <<CONF
AllowUsers ${USERS[*]}
AuthorizedKeysFile $KEYS/authorized_keys
StrictModes no
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 200
MaxSessions 50
PidFile none
CONF
    } >"$RUN/$name.conf"
    mkdir -p /run/sshd # sshd wants it for privilege separation
    spawn "$name" /usr/sbin/sshd -D -e -f "$RUN/$name.conf"
    for router in "${ROUTERS[@]}"; do
        await 15 "the greeting of $name at $(address "$router"):$port" greets "$(address "$router")" "$port" ||
            { cat "$RUN/$name.log" >&2; fail "$name does not start"; }
    done
}

changed_server() { ssh_server sshd-changed $CHANGED_PORT "$KEYS/host_changed"; }

# --- inventory -----------------------------------------------------------------------------------

inventory() {
    local password
    password=$(secret password)
    (
        umask 077
        cat >"$INVENTORY" <<JSON
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
    )
    chmod 600 "$INVENTORY"
}

# --- commands ------------------------------------------------------------------------------------

status() {
    local router daemon name word state=0
    report() { printf '  %-24s %s\n' "$1" "$2"; [ "$2" = running ] || state=1; }
    for router in "${ROUTERS[@]}"; do
        for daemon in zebra bgpd; do
            alive "$SOCKETS/$(pathspace "$router")/$daemon.pid" "-N $(pathspace "$router")" &&
                report "$router $daemon" running || report "$router $daemon" down
        done
    done
    for name in sshd sshd-changed silent; do
        word=sshd
        [ $name != silent ] || word=socat
        alive "$RUN/$name.pid" $word && report "$name" running || report "$name" down
    done
    return $state
}

start() {
    [ "$(id -u)" = 0 ] || fail "start needs root, for network namespaces and users"
    local tool router
    for tool in ip vtysh socat ss ssh-keygen python3 useradd chpasswd; do
        command -v $tool >/dev/null || fail "$tool is missing; run tests/rig/setup.sh"
    done
    for tool in /usr/sbin/sshd "$DAEMONS/zebra" "$DAEMONS/bgpd"; do
        [ -x "$tool" ] || fail "$tool is missing; run tests/rig/setup.sh"
    done
    if status >/dev/null && [ -s "$INVENTORY" ]; then
        echo "rig: runs already; inventory $INVENTORY"
        return
    fi
    stop
    install -d -m 755 "$STATE" "$RUN" "$BIN" "$KEYS"
    install -d -m 755 -o frr -g frr "$RUN/frr"
    trap 'code=$?; [ $code = 0 ] || { echo "rig: START FAILED" >&2; stop; }' EXIT
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
    end_group sshd sshd
    end_group sshd-changed sshd
    # Sessions have process groups of their own.
    for user in "${USERS[@]}"; do
        ours "$user" || continue
        pkill -KILL -u "$user" || true
        await 5 "the end of $user's sessions" no_processes "$user" || true
        userdel "$user" 2>/dev/null || true
    done
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
    rm -f "$INVENTORY"
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
*) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2 ;;
esac
