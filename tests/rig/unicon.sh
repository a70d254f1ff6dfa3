#!/bin/bash
# The mock devices of Cisco's unicon, written by others to test their own driver: dialogs of many systems, over
# OpenSSH. Needs root and setup.sh. Everything listens on loopback.
#
#   unicon.sh start     start, and write the inventory unicon-devices.json
#   unicon.sh stop      end everything that start began
#   unicon.sh status    what runs; exit code 0 only where all of it does
#
# They are state machines: each knows a dozen lines, letter by letter, answers all others with "% Invalid command"
# and a list of what it knows, and echoes passwords. Their line editor takes carriage returns only, so the
# terminal in front of it makes them of newlines, as devices do.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

INVENTORY=$STATE/unicon-devices.json
ADDRESS=127.0.24.1 FIRST_PORT=22241
USER_NAME=vtysim
VENV=$STATE/venv-unicon IOS_DATA=$STATE/unicon-ios

# DEVICE PLATFORM OS STATE ENABLE: what is behind each port. Behind the dash is where a login lands that is not
# in the mode in which commands are run: in configuration, with changes or without, in a shell, at a question.
mocks() {
    cat <<'LIST'
cisco_ios cisco_ios ios exec cisco
cisco_ios-login cisco_ios ios login cisco
cisco_ios-xe cisco_ios iosxe general_exec cisco
cisco_ios-no_secret cisco_ios iosxe disable_to_enable_no_passwd cisco
cisco_xr cisco_xr iosxr enable -
cisco_nxos cisco_nxos nxos exec -
cisco_asa cisco_asa asa asa_disable cisco
arista_eos arista_eos eos exec -
juniper_junos juniper_junos junos exec -
juniper_junos-shell juniper_junos junos ssh -
cisco_ios-config cisco_ios ios config -
cisco_ios-setup cisco_ios ios ios_setup cisco
cisco_xr-uncommitted cisco_xr iosxr large_config -
cisco_xr-admin cisco_xr iosxr admin -
cisco_xr-shell cisco_xr iosxr bash_console -
cisco_nxos-config cisco_nxos nxos config -
cisco_nxos-shell cisco_nxos nxos bash -
cisco_nxos-guestshell cisco_nxos nxos guestshell -
cisco_asa-config cisco_asa asa asa_config -
cisco_asa-failover cisco_asa asa asa_disable_pri_act cisco
cisco_asa-pager cisco_asa asa asa_enable_more -
arista_eos-config arista_eos eos config -
huawei_vrp-config huawei_vrp hvrp config -
alcatel_sros alcatel_sros sros classiccli_execute -
alcatel_sros-md alcatel_sros sros mdcli_execute -
huawei_vrp huawei_vrp hvrp exec -
LIST
}

shell() {
    local device platform os state rest port=$FIRST_PORT
    cat <<'SHELL'
#!/bin/sh
# The login shell: the device is picked by the port that the client came to.
case ${SSH_CONNECTION##* } in
SHELL
    while read -r device platform os state rest; do
        # The state asks who logs in, and the data knows a name and a password of its own.
        [ "$state" != login ] || state="$state --mock_data_dir $IOS_DATA"
        echo "$port) set -- --os $os --state $state ;;"
        port=$((port + 1))
    done < <(mocks)
    cat <<SHELL
*) exit 1 ;;
esac
export PYTHONPATH=$VENV/stand-in
stty inlcr
exec $VENV/bin/mock_device_cli "\$@" 2>/dev/null
SHELL
}

ios_data() { # the states of IOS, with the rig's user and password in those of the login
    local data
    data=$(echo "$VENV"/lib/python3*/site-packages/unicon/plugins/tests/mock_data/ios)
    [ -s "$data/ios_mock_data.yaml" ] || fail "unicon has no mock data of IOS; run tests/rig/setup.sh"
    rm -rf "$IOS_DATA"
    cp -r "$data" "$IOS_DATA"
    sed -i -e "/^login:/,/^\$/s/\"cisco\":/\"$USER_NAME\":/" -e "/^password:/,/^\$/s/\"cisco\":/\"$(secret password)\":/" "$IOS_DATA/ios_mock_data.yaml"
    chown -R "$USER_NAME" "$IOS_DATA"
    chmod -R go-rwx "$IOS_DATA"
}

servers() { # an OpenSSH server listens at 16 addresses at most
    local first last port number=0
    key host_ed25519 -t ed25519 -N ''
    for ((first = FIRST_PORT; first < FIRST_PORT + $(mocks | wc -l); first += 16)); do
        last=$((first + 15)) number=$((number + 1))
        {
            for port in $(seq $first $last); do echo "ListenAddress $ADDRESS:$port"; done
            echo "HostKey $KEYS/host_ed25519"
            sshd_settings $USER_NAME
        } >"$RUN/unicon-sshd-$number.conf"
        start_sshd "unicon-sshd-$number" "$ADDRESS $first" "$ADDRESS $last"
    done
}

inventory() {
    local device platform os state enable port=$FIRST_PORT comma=''
    {
        cat <<JSON
{
  "defaults": {
    "username": "$USER_NAME",
    "auth": { "type": "password", "password": "$(secret password)" },
    "timeouts": { "connect_seconds": 10, "auth_seconds": 30, "command_seconds": 60, "idle_seconds": 20 }
  },
  "devices": {
JSON
        while read -r device platform os state enable; do
            [ "$enable" = - ] && enable='' || enable=", \"enable\": \"$enable\""
            printf '%s    "unicon-%s": { "address": "%s", "port": %d, "platform": "%s"%s }' "$comma" "$device" "$ADDRESS" "$port" "$platform" "$enable"
            port=$((port + 1)) comma=$',\n'
        done < <(mocks)
        printf '\n  }\n}\n'
    } | write_private "$INVENTORY"
}

status() {
    local number state=0
    for number in 1 2; do running unicon-sshd-$number sshd || state=1; done
    return $state
}

start() {
    need ssh-keygen useradd chpasswd /usr/sbin/sshd "$VENV/bin/mock_device_cli"
    if status >/dev/null && [ -s "$INVENTORY" ]; then
        echo "rig: unicon's mock devices run already; inventory $INVENTORY"
        return
    fi
    stop
    directories
    stop_unless_started
    shell >"$BIN/$USER_NAME"
    chmod 755 "$BIN/$USER_NAME"
    user $USER_NAME "$(secret password)"
    ios_data
    servers
    inventory
    echo "rig: unicon serves $(mocks | wc -l) devices; inventory $INVENTORY"
}

stop() {
    [ "$(id -u)" = 0 ] || fail "stop needs root"
    end_group unicon-sshd-1 sshd
    end_group unicon-sshd-2 sshd
    remove_user $USER_NAME
    rm -rf "$INVENTORY" "${IOS_DATA:?}"
}

case ${1:-} in
start | stop | status) "$1" ;;
*) usage "$0" ;;
esac
