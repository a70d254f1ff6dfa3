#!/usr/bin/env python3
"""vty-mcp against CLIs that nobody wrote for it: real ones, and simulators written by others.

Start the rigs first (tests/rig/{frr,linux,fakenos,unicon}.sh start), then run this as root with any Python 3.11:

    tests/clients/test_peers.py [PART OF A DEVICE'S NAME ...]

What a peer prints is not written down here but asked of the peer itself, past vty-mcp: of vtysh and the shells on
this machine, of a bare telnet connection, and of the data that the simulators are installed with. Answers must be
the same to the byte, so that no echo, prompt or rest of a pager goes unnoticed. A secret's place is the only one
where they may differ.

VTY_BIN is the program under test, target/debug/vty-mcp unless set. Ends with a table and a line `N passed, N failed`.
"""

import concurrent.futures
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BIN = os.environ.get("VTY_BIN", str(ROOT / "target/debug/vty-mcp"))
STATE = Path(os.environ.get("RIG_STATE", "/var/tmp/vty-mcp-rig"))
RIGS = ("frr", "linux", "fakenos", "unicon")
AT_ONCE = 6  # simulators share one interpreter and become slow
BATCH = 25  # commands in one call


class Refused(NamedTuple):
    """The device does not take the command, and says so with these words."""

    reason: str
    words: str


class Failed(NamedTuple):
    """Nothing can be asked of the device, for this reason."""

    code: str
    words: str


class Case(NamedTuple):
    """One command, and what must come of it: the text, or how it fails."""

    command: str
    expected: str | Refused | Failed


class Peer(NamedTuple):
    rig: str
    device: str
    platform: str
    cases: list
    changes: dict = {}  # of its keys in the inventory; None takes one away


# --- what the real ones print --------------------------------------------------------------------


def output_of(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, f"{command[:4]} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def by_vtysh(command):
    return output_of("vtysh", "-N", "vtyr1", "-c", command)


# Runs in r1's network namespace. The daemon waits for no telnet options; they are cut out of what it prints.
TELNET = r"""
import json, re, socket, sys
daemon = socket.create_connection(("127.0.0.1", 2605), timeout=20)
def until(pattern):
    text = b""
    while not re.search(pattern, text):
        data = daemon.recv(65536)
        assert data, text
        text = re.sub(rb"\xff[\xfb-\xfe].", b"", text + data, flags=re.S)
    return text.decode()
def ask(line, pattern=rb"\r1[>#] $"):
    daemon.sendall(line.encode() + b"\r\n")
    return until(pattern)
until(rb"Password: $")
ask(sys.argv[1])
ask("enable", rb"Password: $")
ask(sys.argv[2])
ask("terminal length 0")
print(json.dumps({line: ask(line).split("\r\n", 1)[1].rsplit("r1# ", 1)[0].replace("\r\n", "\n") for line in sys.argv[3:]}))
""".replace(r"\r1[", "r1[")


def by_telnet(*commands):
    password = (STATE / "keys/password.secret").read_text()
    spoken = output_of("ip", "netns", "exec", "vty-r1", "python3", "-c", TELNET, password, "enable-secret", *commands)
    return [Case(command, text) for command, text in json.loads(spoken).items()]


def frr(device):
    if "bgpd" in device:
        # `show running-config` needs the privileges that `enable` gives, and fills two screens of `frr-bgpd-paged`.
        return [*by_telnet("show version", "show running-config", "show bgp ipv4 unicast", "show bgp views"), Case("show foo", Refused("syntax", "% [BGP] Unknown command: show foo")), Case("show", Refused("incomplete", "% Command incomplete."))]
    commands = ("show version", "show running-config", "show interface brief", "show bgp ipv4 unicast")
    return [*(Case(command, by_vtysh(command)) for command in commands), Case("show foo", Refused("syntax", "% Unknown command: show foo"))]


def linux(device):
    shell = ["bash", "-c"] if "bash" in device else ["busybox", "ash", "-c"]
    commands = ("uname -a", "hostname", "cat /etc/os-release", "cat /proc/devices", "cat /proc/devices | sort", "mount", "mount | wc -l")
    missing = next(name for name in ("lldpcli show neighbors", "chronyc -n tracking", "ntpq -pn") if not shutil.which(name.split()[0]))
    return [
        *(Case(command, output_of(*shell, command, env={**os.environ, "LC_ALL": "C"})) for command in commands),
        Case("cat /proc/net/vlan/none", Refused("other", "No such file or directory")),
        Case(missing, Refused("syntax", "not found")),
    ]


# --- what the simulators know --------------------------------------------------------------------

FAKENOS = r"""
import json, sys
from fakenos.core.nos import Nos
from fakenos.plugins.nos import nos_plugins
known = {}
for line in open(sys.argv[1]):
    platform, name, sign = line.split()
    nos = Nos(filename=nos_plugins[platform])
    base = name.replace("_", " ")
    # Where there is an `enable`, vty-mcp comes to stay behind it.
    prompts = {base + sign, base + "#"} if platform in sys.argv[2:] else {base + sign}
    known[platform] = {}
    for command, told in nos.commands.items():
        allowed, output = told.get("prompt"), told.get("output")
        allowed = [allowed] if isinstance(allowed, str) else allowed
        if allowed and not prompts & {prompt.format(base_prompt=base) for prompt in allowed}:
            continue
        if command.startswith("_") or {"new_prompt", "alias"} & set(told) or output is True:
            continue
        if callable(output):
            if command == "show clock":
                continue
            output = output(nos.device, base_prompt=base, current_prompt=base + "#", command=command)
        text = "" if output is None else str(output).replace("{base_prompt}", base)
        known[platform][command] = "".join(f"{line}\n" for line in text.splitlines())
print(json.dumps(known))
"""
# FakeNOS has no words of the system for a command that it does not know, but for the first two;
# what it says instead is a refusal to us on one more.
UNKNOWN = {
    "arista_eos": Refused("syntax", "% Invalid input"),
    "cisco_ios": Refused("syntax", "% Invalid input detected at '^' marker."),
    "cisco_nxos": Refused("syntax", "Unknown command"),
}
# What was recorded here is a refusal.
RECORDED = {
    ("cisco_nxos", "show ip pim neighbor vrf all"): Refused("syntax", "% Invalid command at '^' marker."),
    ("mikrotik_routeros", "interface ethernet poe print without-paging"): Refused("syntax", "bad command name po"),
}
VERBS = {"huawei_vrp": "display foo", "fortinet": "get foo", "linux": "uname --foo", "mikrotik_routeros": "system resource print"}


@functools.cache
def fakenos_data():
    python = STATE / "venv-fakenos/bin/python"
    return json.loads(output_of(python, "-c", FAKENOS, STATE / "run/fakenos.list", "arista_eos", "cisco_asa", "cisco_ios"))


def fakenos(device):
    platform = device.removeprefix("fakenos-")
    if platform == "linux":
        # It is no shell, and a session on Linux begins with setting the shell's prompt.
        return [Case("uname -a", Failed("mode_unreachable", "Unknown command"))]
    known = [Case(command, RECORDED.get((platform, command), text)) for command, text in fakenos_data()[platform].items()]
    return [*known, Case(VERBS.get(platform, "show foo"), UNKNOWN.get(platform, "Unknown command\n"))]


# The answers of the states, without those that lead to another one, but for a pager.
UNICON = r"""
import json, pathlib, sys, yaml
import unicon.plugins
tests = pathlib.Path(unicon.plugins.__path__[0]) / "tests"
known = {}
for wanted in sys.argv[1:]:
    system, state = wanted.split(":")
    known[wanted] = {}
    for path in sorted((tests / "mock_data" / system).glob("*.yaml")):
        commands = (yaml.safe_load(path.read_text()) or {}).get(state, {}).get("commands", {})
        if commands:
            known[wanted][""] = "".join(f" {command}\n" for command in sorted(commands))
        for command, told in commands.items():
            if isinstance(told, dict) and (set(told) <= {"response", "timing"} or told.get("new_state") == "version_more"):
                told = told["response"]
            if isinstance(told, list):
                told = told[0]
            if not isinstance(told, str):
                continue
            if told.startswith("file|"):
                told = (tests / told[5:]).read_text()
            # A blank that is taken back at once leaves nothing on a screen.
            known[wanted][command] = "".join(f"{line}\n" for line in told.replace(" \b", "").splitlines())
print(json.dumps(known))
"""
# What a mock says to a line that it does not know, before a list of all that it knows.
SAYS = {"hvrp": "Error: Unrecognized command found '{}'", "sros": "Error: Bad command '{}'"}
# These are no words of Junos, so that there the list is an answer like any other.
FOREIGN = "juniper_junos"
# The state in which commands are run, by what the device's name begins with.
STATES = {
    "cisco_ios-xe": "iosxe:general_enable",
    "cisco_ios": "ios:enable",
    "cisco_xr": "iosxr:enable",
    "cisco_nxos": "nxos:exec",
    "cisco_asa-failover": "asa:asa_enable_pri_act",
    "cisco_asa-pager": "asa:asa_enable_more",
    "cisco_asa": "asa:asa_enable",
    "arista_eos": "eos:enable",
    "juniper_junos": "junos:exec",
    "alcatel_sros-md": "sros:mdcli_execute",
    "alcatel_sros": "sros:classiccli_execute",
    "huawei_vrp": "hvrp:exec",
}


@functools.cache
def unicon_data():
    environment = {**os.environ, "PYTHONPATH": str(STATE / "venv-unicon/stand-in")}
    return json.loads(output_of(STATE / "venv-unicon/bin/python", "-c", UNICON, *sorted(set(STATES.values())), env=environment))


def unicon(device):
    if device.endswith("-no_secret"):
        return [Case("show version", Failed("mode_unreachable", "% No password set"))]
    if device.endswith("-uncommitted"):
        # The mock takes no answer but `yes` to "commit them before exiting", and ours is `no`.
        return [Case("show version", Failed("needs_input", "Uncommitted changes found"))]
    name = device.removeprefix("unicon-")
    state = next(state for start, state in STATES.items() if name.startswith(start))
    known = unicon_data()[state]
    cases = [Case(command, text) for command, text in known.items() if command.strip() and text and not command.startswith("not a real")]
    if name == "cisco_asa-pager":
        # An ASA draws over its pager. The mock echoes the key and ends the line, and a line of blanks is left.
        cases = [case._replace(expected=case.expected + 15 * " " + "\n") for case in cases]
    # A quoted prompt is proven to be none with a newline. The mock is busy then, and its terminal draws what comes.
    cases = [case._replace(expected=case.expected.replace("tail", "^Mtail")) if "transient" in case.command else case for case in cases]
    unknown = VERBS.get(name.split("-")[0], "show foo")
    words = SAYS.get(state.split(":")[0], "% Invalid command '{}'").format(unknown)
    if name.startswith(FOREIGN):
        return [*cases, Case(unknown, f"{words}\nValid commands:\n{known['']}")]
    return [*cases, Case(unknown, Refused("syntax", words))]


# --- logins that must fail, or stay where they are -------------------------------------------------

WRONG = [
    ("frr-bgpd", {"enable": "wrong"}, Failed("mode_unreachable", "refused the enable secret")),
    ("frr-bgpd", {"enable": None}, Failed("mode_unreachable", "asks for a password and the inventory has no `enable`")),
    ("unicon-cisco_ios", {"enable": "wrong"}, Failed("mode_unreachable", "refused the enable secret")),
    # Without a secret the session stays where it landed, and this is known behind `enable` only.
    ("unicon-cisco_ios", {"enable": None}, Refused("syntax", "% Invalid command 'show redundancy sta | inc Redundancy State'")),
    ("unicon-cisco_asa", {"enable": "wrong"}, Failed("mode_unreachable", "refused the enable secret")),
    *(
        (device, {"auth": {"type": "password", "password": "wrong"}}, Failed("auth_failed", ""))
        for device in ("frr-vtysh", "linux-bash-openssh", "linux-ash-dropbear", "fakenos-cisco_ios", "unicon-cisco_ios")
    ),
]


def wrong(peers):
    """The same peers once more, with something wrong in the inventory."""
    known = {peer.device: peer for peer in peers}
    command = "show redundancy sta | inc Redundancy State"
    return [
        known[device]._replace(cases=[Case(command if isinstance(expected, Refused) else known[device].cases[0].command, expected)], changes=changes)
        for device, changes, expected in WRONG
        if device in known
    ]


# --- the program ---------------------------------------------------------------------------------


def program(*arguments, timeout=300):
    return subprocess.run([BIN, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout)


@contextlib.contextmanager
def only(inventory, device, changes):
    """Arguments for an inventory with this device alone, so that no other's mistake counts, and with no state."""
    keys = {key: value for key, value in {**inventory["devices"][device], **changes}.items() if value is not None}
    with tempfile.TemporaryDirectory(prefix="vty-mcp-peers-") as directory:
        file = Path(directory) / "devices.json"
        file.touch(0o600)
        file.write_text(json.dumps({**inventory, "devices": {device: keys}}))
        yield ["--json", "-f", str(file), "--state-dir", f"{directory}/state"]


def answers(inventory, device, changes, commands):
    """What `vty-mcp run` answers, command for command."""
    found = []
    with only(inventory, device, changes) as arguments:
        for first in range(0, len(commands), BATCH):
            done = program("run", *arguments, device, *commands[first : first + BATCH])
            assert done.returncode in (0, 3) and done.stdout, f"ended with {done.returncode}: {done.stderr}"
            found += json.loads(done.stdout)[0]["answers"]
    return found


def found_out(inventory, device, command):
    """The platform that vty-mcp finds out by itself; None where it cannot."""
    with only(inventory, device, {"platform": "auto"}) as arguments:
        program("run", *arguments, device, command)
        return json.loads(program("check", *arguments).stdout)["auto"][0]["platform"]


PLACEHOLDER = re.compile(r"<secret:[^>]*>")


def difference(text, expected):
    """The first line that is not the peer's, or None. Where a secret was, anything may have stood."""
    # Invisible characters are shown as what they are.
    expected = "".join(f"\\u{{{ord(char):x}}}" if unicodedata.category(char) == "Cf" else char for char in expected)
    ours, theirs = text.splitlines(keepends=True), expected.splitlines(keepends=True)
    for number in range(max(len(ours), len(theirs))):
        our = ours[number] if number < len(ours) else None
        their = theirs[number] if number < len(theirs) else None
        if our == their:
            continue
        if our and their and PLACEHOLDER.search(our):
            pattern = ".+".join(re.escape(part) for part in PLACEHOLDER.split(our))
            if re.fullmatch(pattern, their, re.DOTALL):
                continue
        return f"line {number + 1} is {our!r}, the peer printed {their!r}"
    return None


def judge(case, answer):
    """What is wrong with an answer; None if nothing is."""
    error = answer.get("error")
    if isinstance(case.expected, Failed):
        if not error or error["code"] != case.expected.code or case.expected.words not in error["message"]:
            return f"expected {case.expected}, got {error or answer['text'][:200]}"
        return None
    if isinstance(case.expected, Refused):
        if not error:
            return f"answered: {answer['text'][:200]!r}"
        if error["code"] != "command_rejected" or error.get("reason") != case.expected.reason or case.expected.words not in error["message"]:
            return f"expected {case.expected}, got {error}"
        return None
    if error:
        return f"{error['code']} {error.get('reason', '')}: {error['message'][:300]}"
    return difference(answer["text"], case.expected)


# The failures that all commands of a device have in common.
LOST = ("session_lost", "auth_failed", "connect_failed", "connect_timeout", "prompt_timeout", "mode_unreachable", "algorithm_mismatch")


class Outcome(NamedTuple):
    peer: Peer
    seconds: float
    passed: int
    denied: list
    failed: list


def run(peer, inventory):
    started = time.monotonic()
    passed, denied, failed = 0, [], []
    try:
        assert peer.cases, "there is nothing to ask"
        found = answers(inventory, peer.device, peer.changes, [case.command for case in peer.cases])
        if not isinstance(peer.cases[0].expected, Failed):
            lost = {answer["error"]["message"] for answer in found if answer.get("error", {}).get("code") in LOST}
            assert not lost, "; ".join(sorted(lost))
        # In order, because a command may look like a secret, and is then shown without it.
        for case, answer in zip(peer.cases, found, strict=True):
            if answer.get("error", {}).get("code") == "policy_denied":
                denied.append(case.command)
            elif failure := judge(case, answer):
                failed.append(f"{case.command}: {failure}")
            else:
                passed += 1
        assert passed or failed, f"the gate lets nothing pass: {denied}"
    except Exception as error:
        failed.append(f"{type(error).__name__}: {error}")
    return Outcome(peer, time.monotonic() - started, passed, denied, failed)


# --- the run -------------------------------------------------------------------------------------

# Who prints what its platform is known by. Of the others the platform must not be told, and never a wrong one:
# they have a question first, or know no `show version` where the login lands.
TELLING = {
    *("frr-vtysh", "linux-bash-openssh", "linux-bash-dropbear", "linux-ash-openssh", "linux-ash-dropbear"),
    *(f"fakenos-{name}" for name in ("cisco_asa", "cisco_nxos", "cisco_xr", "fortinet", "huawei_vrp", "juniper_junos")),
    *(f"unicon-{name}" for name in ("cisco_ios", "cisco_ios-xe", "cisco_xr", "cisco_asa-pager", "alcatel_sros", "alcatel_sros-md", "huawei_vrp")),
}


def find_out(peer, inventory):
    started = time.monotonic()
    try:
        found = found_out(inventory, peer.device, peer.cases[0].command)
        wanted = peer.platform if peer.device in TELLING else None
        # Better than expected is no failure.
        failed = [] if found in (wanted, peer.platform) else [f"it is taken for {found}"]
    except Exception as error:
        failed = [f"{type(error).__name__}: {error}"]
    return Outcome(peer._replace(changes={"platform": "auto"}), time.monotonic() - started, 1 - len(failed), [], failed)


def peers_of(rig, inventory, parts):
    for device, keys in inventory["devices"].items():
        if not parts or any(part in device for part in parts):
            platform = keys.get("platform") or inventory["defaults"]["platform"]
            yield Peer(rig, device, platform, CASES[rig](device))


CASES = {"frr": frr, "linux": linux, "fakenos": fakenos, "unicon": unicon}


def checked(rig):
    """The rig's inventory, which `vty-mcp check` finds in order."""
    file = STATE / f"{rig}-devices.json"
    assert file.exists(), f"the rig does not run; start it with tests/rig/{rig}.sh start"
    with tempfile.TemporaryDirectory() as state:
        done = program("check", "-f", str(file), "--state-dir", state)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


def name_of(peer):
    words = {"platform": "to be found out", "enable": "wrong enable", "auth": "wrong password"}
    return ", ".join([peer.device, *(words[key] if value else f"no {key}" for key, value in peer.changes.items())])


def table(outcomes, platforms):
    print(f"\n{'platform':<20}" + "".join(f"{rig:>16}" for rig in RIGS))
    for platform in sorted(platforms | {outcome.peer.platform for outcome in outcomes}):
        cells = []
        for rig in RIGS:
            those = [outcome for outcome in outcomes if (outcome.peer.platform, outcome.peer.rig) == (platform, rig)]
            bad = sum(len(outcome.failed) for outcome in those)
            good = sum(outcome.passed for outcome in those)
            cells.append(f"{good} ok" + (f", {bad} FAILED" if bad else "") if those else "-")
        print(f"{platform:<20}" + "".join(f"{cell:>16}" for cell in cells))


def main(parts):
    inventories, peers, passed, failed = {}, [], 0, 0
    for rig in RIGS:
        try:
            inventories[rig] = checked(rig)
            peers += peers_of(rig, inventories[rig], parts)
        except Exception as error:
            print(f"{rig} ... FAILED\n    {type(error).__name__}: {error}")
            failed += 1
        else:
            print(f"{rig} ... the inventory is in order")
            passed += 1
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(run, peer, inventories[peer.rig]) for peer in peers + wrong(peers)]
        running += [pool.submit(find_out, peer, inventories[peer.rig]) for peer in peers]
        for outcome in (future.result() for future in running):
            outcomes.append(outcome)
            said = f"{outcome.passed} ok" + (f", {len(outcome.denied)} not allowed by the gate" if outcome.denied else "")
            print(f"{name_of(outcome.peer)} ... {'FAILED' if outcome.failed else 'ok'} ({said}, {outcome.seconds:.1f} s)")
            if outcome.denied:
                print(f"    not allowed: {', '.join(outcome.denied)}")
            for failure in outcome.failed:
                print(f"    {failure}")
            passed += outcome.passed
            failed += len(outcome.failed)
    with contextlib.suppress(json.JSONDecodeError):
        table(outcomes, set(json.loads(program("check", "--json").stdout)["platforms"]))
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
