#!/bin/bash
# Installs what the rig and the client tests need on Debian or Ubuntu. Needs root. Repeating it costs
# nothing, and no service starts by itself.
set -euo pipefail

packages=(frr openssh-server openssh-client socat iproute2 procps python3-venv)
# Package names to leave out where the machine has its own, such as a Python that is not Debian's.
[ $# -eq 0 ] || packages=("$@")

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "installed already: ${packages[*]}"
    exit 0
fi
[ "$(id -u)" = 0 ] || { echo "setup.sh: run as root to install: ${missing[*]}" >&2; exit 1; }

# Without this, installing starts FRR and sshd.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi

log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -q && apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -40 "$log" >&2
    echo "setup.sh: cannot install ${missing[*]}" >&2
    exit 1
fi
rm -f "$log"
echo "installed: ${missing[*]}"
