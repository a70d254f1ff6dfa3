#!/bin/bash
# FakeNOS, a simulator of network devices written by others: prompts and recorded outputs of those of its
# platforms that are ours. Needs root and setup.sh. Everything listens on loopback.
#
#   fakenos.sh start     start, and write the inventory fakenos-devices.json
#   fakenos.sh stop      end everything that start began
#   fakenos.sh status    what runs; exit code 0 only where all of it does
#
# It is a simulator: it greets with "Custom SSH Shell", draws no pager, asks for no enable password, answers
# most unknown commands with "Unknown command", and echoes ten milliseconds after each key.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

INVENTORY=$STATE/fakenos-devices.json
ADDRESS=127.0.23.1 FIRST_PORT=22300
PYTHON=$STATE/venv-fakenos/bin/python

# PLATFORM NAME SIGN: a prompt is NAME and SIGN. FakeNOS begins with `>` and goes to `#` on `enable`, or has `$`;
# SIGN is `#` where the real system has no `>`, and the session begins there. NAME makes it the prompt of the system.
platforms() {
    cat <<'LIST'
alcatel_sros A:r1 #
arista_eos leaf1 >
cisco_asa fw1 >
cisco_ios r1 >
cisco_nxos n9k1 #
cisco_xr RP/0/RP0/CPU0:r1 #
fortinet fgt1_ #
huawei_vrp <sw1 >
juniper_junos netops@mx1 >
linux netops@srv1:~ $
mikrotik_routeros [netops@gw1]_ >
paloalto_panos netops@fw1 >
vyatta_vyos vyos@r1: ~$
LIST
}

program() {
    cat <<'PYTHON'
import os
import sys
import time

from fakenos import FakeNOS
from fakenos.core.nos import Nos
from fakenos.plugins.nos import nos_plugins
from fakenos.plugins.servers import ssh_server_paramiko as ssh

exact, tap = ssh.ParamikoSshServerInterface.check_auth_password, ssh.channel_to_shell_tap


def check(server, username, password):
    # RouterOS takes options of the console behind the name, as in `netops+ct511w1000h`.
    return exact(server, username.partition("+")[0], password)


class Keys:
    """What a client types. FakeNOS would take a carriage return with a newline for Enter twice."""

    def __init__(self, file):
        self.file, self.last = file, b""

    def read(self, size):
        key = self.file.read(size)
        if (self.last, key) == (b"\r", b"\n"):
            key = self.file.read(size)
        self.last = key
        return key

    def __getattr__(self, name):
        return getattr(self.file, name)


ssh.ParamikoSshServerInterface.check_auth_password = check
ssh.channel_to_shell_tap = lambda file, *rest: tap(Keys(file), *rest)
address, first, list_file = sys.argv[1:]
plugins, hosts = [], {}
for number, line in enumerate(open(list_file)):
    platform, name, sign = line.split()
    nos = Nos(filename=nos_plugins[platform])
    nos.name = f"rig_{platform}"
    nos.initial_prompt = "{base_prompt}" + sign
    plugins.append(nos)
    shell = {"plugin": "CMDShell", "configuration": {"base_prompt": name.replace("_", " ")}}
    hosts[platform] = {"port": int(first) + number, "nos": {"plugin": nos.name}, "shell": shell}
server = {"plugin": "ParamikoSshServer", "configuration": {"address": address, "timeout": 1}}
default = {"username": "netops", "password": os.environ["FAKENOS_PASSWORD"], "server": server}
FakeNOS(inventory={"default": default, "hosts": hosts}, plugins=plugins).start()
print("started", flush=True)
while True:
    time.sleep(3600)
PYTHON
}

inventory() {
    local platform rest port=$FIRST_PORT comma=''
    {
        cat <<JSON
{
  "defaults": {
    "username": "netops",
    "auth": { "type": "password", "password": "$(secret password)" },
    "enable": "not-asked-for",
    "timeouts": { "connect_seconds": 10, "auth_seconds": 30, "command_seconds": 60, "idle_seconds": 20 }
  },
  "devices": {
JSON
        while read -r platform rest; do
            printf '%s    "fakenos-%s": { "address": "%s", "port": %d, "platform": "%s" }' "$comma" "$platform" "$ADDRESS" "$port" "$platform"
            port=$((port + 1)) comma=$',\n'
        done < <(platforms)
        printf '\n  }\n}\n'
    } | write_private "$INVENTORY"
}

status() { running fakenos venv-fakenos; }

start() {
    need setpriv "$PYTHON"
    if status >/dev/null && [ -s "$INVENTORY" ]; then
        echo "rig: FakeNOS runs already; inventory $INVENTORY"
        return
    fi
    stop
    directories
    stop_unless_started
    platforms >"$RUN/fakenos.list"
    program >"$RUN/simulators.py"
    FAKENOS_PASSWORD=$(secret password) spawn fakenos setpriv --reuid nobody --regid nogroup --clear-groups \
        "$PYTHON" "$RUN/simulators.py" "$ADDRESS" $FIRST_PORT "$RUN/fakenos.list"
    local last=$((FIRST_PORT + $(platforms | wc -l) - 1))
    await 60 "the start of FakeNOS" grep -qx started "$RUN/fakenos.log" && await 30 "the greeting of FakeNOS" greets $ADDRESS $last ||
        { cat "$RUN/fakenos.log" >&2; fail "FakeNOS does not start"; }
    inventory
    echo "rig: FakeNOS serves $(platforms | wc -l) platforms; inventory $INVENTORY"
}

stop() {
    end_group fakenos venv-fakenos
    rm -f "$INVENTORY"
}

case ${1:-} in
start | stop | status) "$1" ;;
*) usage "$0" ;;
esac
