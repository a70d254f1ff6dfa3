# What the rig's scripts share: where things lie, keys and secrets, users, processes, SSH servers. To be sourced.
# Everything listens on loopback, and all state is under RIG_STATE.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

STATE=${RIG_STATE:-/var/tmp/vty-mcp-rig}
RUN=$STATE/run KEYS=$STATE/keys BIN=$STATE/bin HOMES=$STATE/home

fail() { echo "rig: $*" >&2; exit 1; }

need() { # need TOOL...: commands or paths without which start cannot work
    [ "$(id -u)" = 0 ] || fail "start needs root, for users and namespaces"
    local tool
    for tool; do
        command -v "$tool" >/dev/null || fail "$tool is missing; run tests/rig/setup.sh"
    done
}

directories() { install -d -m 755 "$STATE" "$RUN" "$BIN" "$KEYS" "$HOMES"; }

stop_unless_started() { # a start that fails half-way leaves nothing running
    trap 'code=$?; [ $code = 0 ] || { echo "rig: START FAILED" >&2; stop; }' EXIT
}

usage() { # usage SCRIPT: its own head
    sed -n '2,/^[^#]/p' "$1" | sed -n 's/^# \{0,1\}//p' >&2
    exit 2
}

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

running() { # running NAME WORD: one line of a status
    if alive "$RUN/$1.pid" "$2"; then printf '  %-24s running\n' "$1"; else printf '  %-24s down\n' "$1"; return 1; fi
}

# --- keys and secrets ----------------------------------------------------------------------------

key() { # key NAME OPTIONS...: makes a key once
    [ -s "$KEYS/$1" ] || ssh-keygen -q -C rig -f "$KEYS/$1" "${@:2}"
}

secret() { # secret NAME: a random word, made once
    local file=$KEYS/$1.secret
    [ -s "$file" ] || (umask 077 && od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$file")
    cat "$file"
}

write_private() { (umask 077 && cat >"$1" && chmod 600 "$1"); } # write_private FILE: what comes on standard input

# --- users ---------------------------------------------------------------------------------------

ours() { [ "$(getent passwd "$1" | cut -d: -f7)" = "$BIN/$1" ]; }

user() { # user NAME PASSWORD: a user whose login shell is the script of that name in BIN
    ! id "$1" >/dev/null 2>&1 || ours "$1" || fail "there is a user $1 that is not the rig's"
    id "$1" >/dev/null 2>&1 || useradd --no-create-home --home-dir "$HOMES/$1" --shell "$BIN/$1" "$1"
    install -d -o "$1" -g "$1" -m 755 "$HOMES/$1"
    echo "$1:$2" | chpasswd
}

remove_user() { # remove_user NAME: ends what it runs; the sessions of a user have process groups of their own
    ours "$1" || return 0
    pkill -KILL -u "$1" || true
    await 5 "the end of $1's sessions" no_processes "$1" || true
    userdel "$1" 2>/dev/null || true
    rm -rf "${HOMES:?}/$1"
}

# --- SSH servers ---------------------------------------------------------------------------------

sshd_settings() { # sshd_settings USER...: what every OpenSSH server of the rig has
    cat <<CONF
AllowUsers $*
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
    # OpenSSH 9.8 and later makes a client that was refused wait; here all come from one address.
    ! grep -qai persourcepenalties /usr/sbin/sshd || echo "PerSourcePenalties no"
}

start_sshd() { # start_sshd NAME ADDRESS...: with the configuration run/NAME.conf; each ADDRESS is `host port`
    local name=$1 where
    shift
    mkdir -p /run/sshd # sshd wants it for privilege separation
    spawn "$name" /usr/sbin/sshd -D -e -f "$RUN/$name.conf"
    for where; do
        await 15 "the greeting of $name at $where" greets $where || { cat "$RUN/$name.log" >&2; fail "$name does not start"; }
    done
}

own_sshd() { # own_sshd NAME ADDRESS PORT USER LINE...: an OpenSSH server with a log of its own; of each keyword sshd takes the first line
    local name=$1 address=$2 port=$3 user=$4
    shift 4
    {
        printf '%s\n' "$@"
        echo "ListenAddress $address:$port"
        echo "LogLevel VERBOSE"
        sshd_settings "$user"
    } >"$RUN/$name.conf"
    start_sshd "$name" "$address $port"
}
