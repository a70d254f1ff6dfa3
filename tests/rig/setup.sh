#!/bin/bash
# Installs what the rig and the client tests need on Debian or Ubuntu. Needs root. Repeating it costs
# nothing, and no service starts by itself. The simulators of PyPI get environments of their own under
# the rig's state.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

FAKENOS=fakenos==1.2.1 UNICON=unicon==26.9

packages=(frr openssh-server openssh-client dropbear-bin busybox telnet socat iproute2 procps python3-venv)
# Package names to leave out where the machine has its own, such as a Python that is not Debian's.
[ $# -eq 0 ] || packages=("$@")

log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() { # quietly WHAT COMMAND...: shows the end of what it printed only where it fails
    local what=$1
    shift
    "$@" >"$log" 2>&1 </dev/null || { tail -40 "$log" >&2; fail "cannot install $what"; }
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }

debian() {
    local package missing=() policy=/usr/sbin/policy-rc.d
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        echo "installed already: ${packages[*]}"
        return
    fi
    [ "$(id -u)" = 0 ] || fail "run setup.sh as root to install: ${missing[*]}"
    # Without this, installing starts FRR and sshd.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$log" /usr/sbin/policy-rc.d' EXIT
    fi
    quietly "the list of packages" apt update
    quietly "${missing[*]}" apt install -y --no-install-recommends "${missing[@]}"
    echo "installed: ${missing[*]}"
}

simulator() { # simulator NAME REQUIREMENT: an environment with one package from PyPI
    local venv=$STATE/venv-$1
    if [ "$(cat "$venv/installed" 2>/dev/null)" = "$2" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        echo "installed already: $2"
        return
    fi
    directories
    rm -rf "$venv"
    # The simulators run as users who may not enter the home of a Python of one's own.
    quietly "$2" /usr/bin/python3 -m venv "$venv"
    quietly "$2" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$2"
    echo "$2" >"$venv/installed"
    echo "installed: $2"
}

stand_in() { # unicon names one exception of genie, which is six hundred megabytes of other things
    local module=$STATE/venv-unicon/stand-in/genie/metaparser/util
    mkdir -p "$module"
    touch "$module/../../__init__.py" "$module/../__init__.py" "$module/__init__.py"
    echo 'class SchemaEmptyParserError(Exception): pass' >"$module/exceptions.py"
}

debian
simulator fakenos $FAKENOS
simulator unicon $UNICON
stand_in
