#!/usr/bin/env python3
"""vty-mcp against SSH servers that nobody wrote for it: how it gets in, why it does not, and what spoils a connection.

Start the rigs first (tests/rig/{openssh,legacy,linux}.sh start), then run this as root with any Python 3.11:

    tests/clients/test_ssh.py [PART OF A CASE'S NAME ...]

Every case is a call of the program with an inventory and a state directory of its own. What reached a server is read
in the server's own log, so that a second attempt with a refused password, or a way around a jump host, is seen.

VTY_BIN is the program under test, target/debug/vty-mcp unless set. Prints the fault matrix, and ends with a line
`N passed, N failed`.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BIN = os.environ.get("VTY_BIN", str(ROOT / "target/debug/vty-mcp"))
STATE = Path(os.environ.get("RIG_STATE", "/var/tmp/vty-mcp-rig"))
KEYS, RUN = STATE / "keys", STATE / "run"
RIGS = ("openssh", "legacy", "linux")
AT_ONCE = 12  # most of them wait
LIMIT = 170  # seconds for one call; a hang is a failure

SHORT, LONG, HELD = "uname -r", "dmesg", "lsblk"
OUTPUT = {
    SHORT: os.uname().release + "\n",
    LONG: "".join(f"[{n:6}] eth{n % 4}: line {n:05} of 50000, and no two of them are the same\n" for n in range(1, 50001)),
}


class Fails(NamedTuple):
    """The device cannot be asked: the code, and words of the message or the hint."""

    code: str
    words: tuple = ()


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of the program, and what must come of it. None stands for the whole output of every command."""

    fails: Fails | None = None
    changes: dict = dataclasses.field(default_factory=dict)  # of keys in the inventory; None takes one away
    commands: tuple = (SHORT,)
    logged: dict = dataclasses.field(default_factory=dict)  # how often patterns appear in the server's log
    device: str | None = None  # the case's, unless named
    environment: dict = dataclasses.field(default_factory=dict)
    before: tuple = ()  # what an operator types before, as arguments of the program
    meanwhile: Callable | None = None  # called with the device's keys while the program runs


@dataclasses.dataclass(frozen=True)
class Visit(Call):
    """One call of the doctor. What its report must show, by path: a value, or a check of what stands there."""

    shows: dict = dataclasses.field(default_factory=dict)
    beside: str | None = None  # a further device to visit in the same call


@dataclasses.dataclass(frozen=True)
class Case:
    """Calls that share one state directory."""

    name: str
    device: str
    calls: tuple = (Call(),)
    others: dict = dataclasses.field(default_factory=dict)  # further devices, and what to change in them
    log: str | None = None  # of the server, the device's unless named
    known_hosts: Callable | None = None  # gives what is recorded before
    recorded: bool | None = None  # whether a host key must be recorded afterwards
    fault: tuple | None = None  # what and in which phase, for the matrix


def read(name):
    return (KEYS / name).read_text().strip()


# --- who gets in, and who does not ----------------------------------------------------------------

# Patterns of what OpenSSH logs.
ACCEPTED, CONNECTED, FAILED = r"Accepted \S+ for ", "Connection from ", "Failed password for "
WRONG = {"auth": {"type": "password", "password": "wrong"}}
CLIENT_KEY = {"type": "ssh_key", "private_key_path": str(KEYS / "client_ed25519")}


def fingerprint(name):
    return output_of("ssh-keygen", "-lf", KEYS / f"{name}.pub").split()[1]


def password(**source):
    return {"auth": {"type": "password", "password": source}}


def lets_in(device, way, **more):
    """A peer that answers, and whose log names the way in."""
    return Case(f"{device} answers", device, (Call(logged={ACCEPTED: 1, f"Accepted {way} for ": 1, CONNECTED: 1}),), **more)


def refuses(name, device, code, *words, logged=None, changes=None, **more):
    return Case(name, device, (Call(Fails(code, words), changes or {}, logged={ACCEPTED: 0, **(logged or {})}),), **more)


def authority():
    return f"@cert-authority [127.0.25.1]:22507 {read('authority.pub')}\n"


def hashed(text):
    """The lines with the names hashed, as OpenSSH does it."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "known_hosts"
        file.write_text(text)
        output_of("ssh-keygen", "-q", "-H", "-f", str(file))
        return file.read_text()


def openssh():
    agent = {"SSH_AUTH_SOCK": str(RUN / "openssh-agent.sock")}
    yield lets_in("openssh-password", "password")
    yield lets_in("openssh-interactive", "keyboard-interactive/pam")
    for key in ("ed25519", "rsa", "ecdsa", "locked"):
        yield lets_in(f"openssh-{key}", "publickey")
    yield Case("openssh-agent answers", "openssh-agent", (Call(environment=agent, logged={"Accepted publickey for ": 1}),))
    yield lets_in("openssh-certificate", "publickey")
    yield Case("openssh-one-session answers twice in one session", "openssh-one-session", (Call(commands=(SHORT, SHORT), logged={ACCEPTED: 1, "Starting session: shell": 1}),))
    yield Case("openssh-rekey changes keys within an answer", "openssh-rekey", (Call(commands=(LONG, SHORT)),))
    yield Case("openssh-host-certificate is known by its authority", "openssh-host-certificate", (Call(changes={"host_keys": "strict"}),), known_hosts=authority)
    yield refuses("openssh-host-certificate is a stranger without it", "openssh-host-certificate", "host_key_unknown", "SHA256:", changes={"host_keys": "strict"})
    for name, source in {"environment": {"env": "VTY_RIG_PASSWORD"}, "command": {"command": ["/bin/cat", str(KEYS / "password.secret")]}, "file": {"file": str(KEYS / "password.secret")}}.items():
        given = {"VTY_RIG_PASSWORD": read("password.secret")}
        yield Case(f"the password comes from the {name}", "openssh-password", (Call(changes=password(**source), environment=given, logged={ACCEPTED: 1}),))

    nothing = {CONNECTED: 0}
    yield refuses("the environment has no password", "openssh-password", "credential_unavailable", "VTY_RIG_PASSWORD", changes=password(env="VTY_RIG_PASSWORD"), logged=nothing)
    yield refuses("the command has no password", "openssh-password", "credential_unavailable", "/bin/false", changes=password(command=["/bin/false"]), logged=nothing)
    yield refuses("the passphrase is wrong", "openssh-locked", "credential_unavailable", "client_locked", changes={"auth": {**CLIENT_KEY, "private_key_path": str(KEYS / "client_locked"), "passphrase": "wrong"}})
    yield Case("there is no agent", "openssh-agent", (Call(Fails("credential_unavailable", ("SSH_AUTH_SOCK",)), environment={"SSH_AUTH_SOCK": None}, logged={ACCEPTED: 0}),))
    unknown = {"auth": {"type": "agent", "key": fingerprint("client_stranger")}}
    yield Case("the agent has another key", "openssh-agent", (Call(Fails("credential_unavailable", (fingerprint("client_stranger"),)), unknown, environment=agent, logged={ACCEPTED: 0}),))
    yield refuses("the key is a stranger's", "openssh-stranger", "auth_failed")
    yield refuses("the certificate has expired", "openssh-certificate-expired", "credential_unavailable", "has expired")
    yield refuses("the certificate is somebody else's", "openssh-certificate-principal", "auth_failed")
    yield refuses("a key where a password is wanted", "openssh-password", "auth_method_unsupported", "password", changes={"auth": CLIENT_KEY})
    yield refuses("a password where a key is wanted", "openssh-ed25519", "auth_method_unsupported", "publickey", changes={"auth": {"type": "password", "password": "any"}}, logged={FAILED: 0})
    pinned = {"host_keys": "pinned", "host_key": fingerprint("host_ed25519")}
    yield Case("the pinned host key", "openssh-password", (Call(changes=pinned),))
    yield refuses("another host key than the pinned one", "openssh-password", "host_key_changed", fingerprint("client_rsa"), "SHA256:", changes={**pinned, "host_key": fingerprint("client_rsa")}, logged={FAILED: 0})
    here, strict = "[127.0.25.1]:22501", Call(changes={"host_keys": "strict"})
    for name, text in {
        "recorded by OpenSSH under a hashed name": lambda: hashed(f"{here} {read('host_ed25519.pub')}\n"),
        "recorded under a pattern": lambda: f"[127.0.25.*]:22501,!192.0.2.1 {read('host_ed25519.pub')}\n",
        "recorded as RSA, which is asked for first": lambda: f"{here} {read('host_rsa.pub')}\n",
    }.items():
        yield Case(f"a host key {name}", "openssh-password", (strict,), known_hosts=text)
    for name, text in {
        "revoked": lambda: f"@revoked * {read('host_ed25519.pub')}\n{here} {read('host_ed25519.pub')}\n",
        "another one than recorded": lambda: f"{here} {read('client_ed25519.pub')}\n",
    }.items():
        yield refuses(f"a host key that is {name}", "openssh-password", "host_key_changed", fingerprint("host_ed25519"), logged={FAILED: 0}, known_hosts=text)
    yield refuses("a host key that nobody recorded", "openssh-password", "host_key_unknown", changes={"host_keys": "strict"}, recorded=False)

    device, strict = "openssh-password", {"host_keys": "strict"}
    trust = ("host-key", "trust", device, "--fingerprint", fingerprint("host_ed25519"))
    yield Case(
        "a host key that an operator records, and forgets",
        device,
        (
            Call(Fails("host_key_unknown"), strict, logged={ACCEPTED: 0}),
            Call(changes=strict, before=trust, logged={ACCEPTED: 1}),
            Call(Fails("host_key_unknown"), strict, before=("host-key", "forget", device), logged={ACCEPTED: 0}),
        ),
    )
    # The password is right, and PAM wants another one before it lets anybody in.
    yield refuses("a password that must be changed", "openssh-stale", "auth_failed", "new password", logged={"Postponed keyboard-interactive/pam for ": 1})

    yield Case(
        "a refused password is sent once and held, and another one is tried",
        "openssh-password",
        (
            Call(Fails("auth_failed"), WRONG, logged={FAILED: 1, CONNECTED: 1}),
            Call(Fails("credential_held"), WRONG, logged={FAILED: 0, CONNECTED: 0}),
            Call(logged={ACCEPTED: 1}),
        ),
    )
    yield Case(
        "a refused password is sent again when an operator says so",
        "openssh-password",
        (
            Call(Fails("auth_failed"), WRONG, logged={FAILED: 1}),
            Call(Fails("auth_failed"), WRONG, before=("lockout", "reset", "openssh-password"), logged={FAILED: 1}),
        ),
    )
    yield Case(
        "a refused answer to keyboard-interactive is held too",
        "openssh-interactive",
        (
            Call(Fails("auth_failed"), WRONG, logged={"Failed keyboard-interactive/pam for ": 1, CONNECTED: 1}),
            Call(Fails("credential_held"), WRONG, logged={CONNECTED: 0}),
        ),
    )
    yield Case(
        "two devices that refuse a password hold it for a third",
        "openssh-fleet",
        (
            Call(Fails("auth_failed"), WRONG, device="openssh-guarded"),
            Call(Fails("auth_failed"), WRONG, device="openssh-faults"),
            Call(Fails("credential_held"), WRONG, logged={CONNECTED: 0}),
        ),
        others={"openssh-guarded": WRONG, "openssh-faults": WRONG},
    )


def algorithms(known):
    """Each algorithm that we offer works where the server has no other one."""
    for device in known:
        if device.startswith("openssh-only-"):
            yield Case(f"{device} answers", device, log="openssh-algorithms")
            profile, name = known[device]["devices"][device]["security"], device.removeprefix("openssh-only-").replace("_", "@")
            stricter = {"modern": None, "compatible": "modern", "legacy": "compatible"}[profile]
            if stricter:
                fails = Fails("algorithm_mismatch", (name, f'"security": "{profile}"'))
                yield Case(f"{device} is refused under {stricter}", device, (Call(fails, {"security": stricter}),), log="openssh-algorithms")


CHAIN = {"openssh-first-hop": {}, "openssh-second-hop": {}}
# A device of the inventory keeps its own password, and hosts that stand here alone bring their keys.
JUMP_CONFIG = f"""
Host end
    HostName 127.0.25.4
    Port 22530
    User vtyssh
    ProxyJump second
Host second
    HostName 127.0.25.3
    Port 22530
    User vtyjump
    ProxyJump vtyjump@127.0.25.2:22530
Host second 127.0.25.2
    IdentityFile {KEYS}/client_ed25519
"""


def jump_hosts():
    hop = Call(logged={ACCEPTED: 1}, device="openssh-behind")
    for log in ("openssh-first-hop", "openssh-second-hop", "openssh-behind"):
        yield Case(f"over two jump hosts, seen by {log}", "openssh-behind", (hop,), CHAIN, log)
    chain = {"jump": ["openssh-first-hop", "openssh-second-hop"]}
    yield Case("over a list of jump hosts", "openssh-behind", (Call(changes=chain, logged={ACCEPTED: 1}),), {**CHAIN, "openssh-second-hop": {"jump": None}})
    config = {"ssh_config": "FILE:ssh_config", "address": "end", "jump": None, "port": None, "username": None}
    yield Case("over the jump hosts of ssh_config", "openssh-behind", (Call(changes=config, logged={ACCEPTED: 1}),))
    yield Case("past the jump hosts", "openssh-behind", (Call(Fails("connect_failed"), {"jump": None}, logged={CONNECTED: 0}),))

    # This device could be reached directly, and must not be.
    broken = {
        "a jump host that is down": ("openssh-first-hop", {"port": 22599}, ("openssh-first-hop",)),
        "a jump host that refuses the password": ("openssh-first-hop", WRONG, ("openssh-first-hop",)),
        "a jump host that is a stranger": ("openssh-first-hop", {"host_keys": "strict"}, ("openssh-first-hop", "SHA256:")),
        "a jump host that does not forward": ("openssh-no-forwarding", {}, ("openssh-no-forwarding",)),
    }
    # What a person must change keeps its own code; the text names the jump host.
    codes = {"a jump host that refuses the password": "auth_failed", "a jump host that is a stranger": "host_key_unknown"}
    for name, (host, changes, words) in broken.items():
        call = Call(Fails(codes.get(name, "jump_host_failed"), words), {"jump": host}, logged={CONNECTED: 0})
        yield Case(name, "openssh-guarded", (call,), {host: changes})
    call = Call(Fails("connect_failed", ("openssh-second-hop",)), {"port": 22599}, logged={CONNECTED: 0})
    yield Case("a device that is down behind its jump hosts", "openssh-behind", (call,), CHAIN)
    call = Call(Fails("jump_host_failed", ("openssh-second-hop",)), logged={CONNECTED: 0})
    yield Case("a second jump host that is down", "openssh-behind", (call,), {**CHAIN, "openssh-second-hop": {"port": 22599}})


# What each server has nothing but, and what of it is in no profile but `legacy`.
OLD = {
    "group14": ("diffie-hellman-group14-sha1", "keyboard-interactive/pam"),
    "group1": ("diffie-hellman-group1-sha1", "password"),
    "exchange": ("diffie-hellman-group-exchange-sha1", "password"),
    "dsa": ("diffie-hellman-group-exchange-sha1", "password"),
}
# What nobody has an algorithm for.
NEVER = {"sha1-96": "hmac-sha1-96", "md5": "hmac-md5", "sntrup": "sntrup761x25519-sha512@openssh.com"}


def legacy(known):
    for name, (algorithm, way) in OLD.items():
        device = f"legacy-{name}"
        if device not in known:
            print(f"{device} ... SKIPPED: this OpenSSH has no such algorithm")
            continue
        yield lets_in(device, way)
        for profile in ("modern", None):
            # The server's offer, one of ours, and the way out.
            words = (algorithm, "curve25519-sha256", '"security": "legacy"')
            yield refuses(f"{device} is refused under {profile or 'the default'}", device, "algorithm_mismatch", *words, changes={"security": profile}, logged={FAILED: 0})
    for name, algorithm in NEVER.items():
        yield refuses(f"legacy-{name} is refused for what we lack", f"legacy-{name}", "algorithm_mismatch", algorithm, "no security profile", logged={FAILED: 0})
    yield lets_in("legacy-sha1-key", "publickey")
    yield refuses("legacy-sha1-key is refused under the default", "legacy-sha1-key", "auth_failed", "legacy", changes={"security": None})
    # With these only the way in is old.
    yield Case("legacy-two-steps answers", "legacy-two-steps", (Call(changes={"security": None}, logged={"Accepted keyboard-interactive/pam for ": 1, "Partial password for ": 1}),))
    yield Case("legacy-one-attempt answers", "legacy-one-attempt", (Call(changes={"security": "modern"}, logged={"Accepted password for ": 1, CONNECTED: 1}),))
    yield refuses("legacy-one-attempt sees one wrong password", "legacy-one-attempt", "auth_failed", changes=WRONG, logged={FAILED: 1, CONNECTED: 1})
    yield Case("legacy-one-channel answers twice", "legacy-one-channel", (Call(changes={"security": "modern"}, commands=(SHORT, SHORT), logged={ACCEPTED: 1}),))


def dropbear():
    for device in ("linux-bash-dropbear", "linux-ash-dropbear"):
        yield Case(f"{device} answers", device, (Call(),), log="linux-dropbear")
        yield Case(f"{device} answers to a key", device, (Call(changes={"auth": CLIENT_KEY}, logged={"Pubkey auth succeeded": 1}),), log="linux-dropbear")
    yield Case(
        "dropbear refuses a password once",
        "linux-bash-dropbear",
        (Call(Fails("auth_failed"), WRONG, logged={"Bad password attempt": 1}), Call(Fails("credential_held"), WRONG, logged={"Child connection from": 0})),
        log="linux-dropbear",
    )


# --- what the doctor says ---------------------------------------------------------------------------


def has(*parts):
    """A check of a text, or of a list of texts: all the parts stand in it."""
    return lambda found: all(part in str(found) for part in parts)


def doctor():
    old = ["diffie-hellman-group14-sha1", "ssh-rsa", "aes128-cbc", "hmac-sha1"]
    usable = {"ok": True, "error": None, "cli.platform": "linux", "cli.looks_like": "linux", "cli.mode": "shell", "cli.paging_off": True}
    seen = {**usable, "ssh.chosen": old, "ssh.weak": old, "ssh.strictest": "legacy", "ssh.host_key": has(fingerprint("legacy_rsa")), "advice": has("hmac-sha1")}
    refused = {"ok": False, "error.code": "algorithm_mismatch", "error.message": has(*old, "curve25519-sha256"), "advice": has('"security": "legacy"'), "steps": has("algorithms", "failed", "skipped")}
    visits = {
        "legacy-group14": Visit(shows=seen),
        "legacy-group14 under the default": Visit(changes={"security": None}, shows=refused, logged={FAILED: 0}),
        "legacy-md5": Visit(shows={"ok": False, "error.message": has("hmac-md5", "no security profile"), "advice": has("software")}),
        "openssh-password": Visit(shows={**usable, "ssh.methods": has("password"), "ssh.host_key": has(fingerprint("host_ed25519")), "ssh.weak": [], "ssh.strictest": "modern"}, logged={ACCEPTED: 1}),
        "openssh-key for a password": Visit(changes={"auth": {"type": "password", "password": "any"}}, device="openssh-ed25519", shows={"ok": False, "ssh.methods": has("publickey"), "error.code": "auth_method_unsupported"}),
        "openssh-guarded with a wrong password": Visit(changes=WRONG, shows={"ok": False, "error.code": "auth_failed", "ssh.methods": has("password")}, logged={FAILED: 1}),
        "openssh-fleet where nobody listens": Visit(changes={"port": 22599}, shows={"ok": False, "error.code": "connect_failed", "steps": has("connect", "failed")}),
        "linux-ash-dropbear": Visit(shows={**usable, "ssh.ident": has("dropbear")}),
    }
    for name, visit in visits.items():
        device = visit.device or name.split()[0]
        log = "linux-dropbear" if "dropbear" in device else None
        yield Case(f"the doctor visits {name}", device, (visit,), log=log)
    hops = {**usable, "jump": ["openssh-first-hop", "openssh-second-hop"]}
    # One connection to a jump host carries both.
    both = Visit(shows=hops, beside="openssh-second-hop", logged={ACCEPTED: 1})
    yield Case("the doctor goes over jump hosts", "openssh-behind", (both,), CHAIN, log="openssh-first-hop")


# --- what spoils a connection ---------------------------------------------------------------------

PROXY_ADDRESS, PROXY_PORT = "127.0.27.1", 22701
# Long enough for a busy machine, short enough to wait for.
HASTY = {"timeouts": {"connect_seconds": 4, "auth_seconds": 6, "command_seconds": 20, "idle_seconds": 5}}
PATIENT = {"timeouts": {"connect_seconds": 120, "auth_seconds": 120, "command_seconds": 160, "idle_seconds": 160}}
MIDDLE = 500_000  # bytes after the key exchange: within the long answer, far behind the login


class Spoilt(NamedTuple):
    """A cell of the matrix: what the proxy does, in which phase, and what is told of it."""

    name: str
    phase: str
    fault: str
    fails: Fails | None
    command: str = SHORT
    changes: dict = HASTY


FAILS, LATE, LOST, SILENT = Fails("connect_failed"), Fails("connect_timeout"), Fails("session_lost"), Fails("command_timeout")

SPOILT = (
    Spoilt("blackhole", "connect", "full", LATE),
    Spoilt("accepted, then silent", "connect", "freeze@accept", LATE),
    Spoilt("reset", "connect", "reset@accept", FAILS),
    Spoilt("closed", "connect", "close@accept", FAILS),
    Spoilt("one byte a second", "version", "slow:1", LATE),
    Spoilt("one byte a second, with patience", "version", "slow:1", None, changes=PATIENT),
    Spoilt("one-byte segments", "all", "chop", None),
    Spoilt("a web server", "version", "says:HTTP/1.1 400 Bad Request", Fails("connect_failed", ("HTTP/1.1 400",))),
    Spoilt("version garbage", "version", "says:\x01\x02\xfe\xff", FAILS),
    Spoilt("version garbage, then silent", "version", "waits:\x01\x02\xfe\xff", LATE),
    Spoilt("SSH 1 alone", "version", "waits:SSH-1.5-old", Fails("connect_failed", ("SSH-1.5",))),
    Spoilt("2 KB of lines before the version", "version", "lines:2000", None),
    Spoilt("100 KB of lines before the version", "version", "lines:100000", FAILS),
    Spoilt("no key exchange", "kex", "freeze@ident", LATE),
    Spoilt("no reply in the key exchange", "kex", "freeze@kexinit", LATE),
    Spoilt("reset", "kex", "reset@kexinit", FAILS),
    Spoilt("closed", "kex", "close@kexinit", FAILS),
    Spoilt("one bit flipped", "kex", "flip@kexinit+130", FAILS),
    Spoilt("half-open", "auth", "freeze@newkeys", LATE),
    Spoilt("reset", "auth", "reset@newkeys", FAILS),
    Spoilt("closed", "auth", "close@newkeys", FAILS),
    Spoilt("one bit flipped", "auth", "flip@newkeys+20", FAILS),
    Spoilt("half-open", "show", f"freeze@newkeys+{MIDDLE}", SILENT, LONG),
    Spoilt("half-open, found by keepalives", "show", f"freeze@newkeys+{MIDDLE}", LOST, LONG, PATIENT),
    Spoilt("reset", "show", f"reset@newkeys+{MIDDLE}", LOST, LONG),
    Spoilt("closed", "show", f"close@newkeys+{MIDDLE}", LOST, LONG),
    Spoilt("one bit flipped", "show", f"flip@newkeys+{MIDDLE}", LOST, LONG),
)


def through_the_proxy():
    for number, spoilt in enumerate(SPOILT):
        changes = {**spoilt.changes, "address": PROXY_ADDRESS, "port": PROXY_PORT + number}
        call = Call(spoilt.fails, changes, (spoilt.command,))
        # A host key is recorded once its owner has proven it, and not before. A reset may take the proof with it.
        recorded = None if spoilt.phase == "auth" else spoilt.fails is None or spoilt.phase == "show"
        yield Case(f"{spoilt.name} ({spoilt.phase})", "openssh-faults", (call,), fault=(spoilt.name, spoilt.phase), recorded=recorded)


@contextlib.contextmanager
def proxy():
    listeners = [f"{PROXY_ADDRESS}:{PROXY_PORT + number}={spoilt.fault}" for number, spoilt in enumerate(SPOILT)]
    server = "127.0.25.1:22508"
    process = subprocess.Popen([sys.executable, ROOT / "tests/rig/fault_proxy.py", server, *listeners], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n", "the fault proxy does not start"
        yield
    finally:
        process.terminate()
        process.wait()


def sessions(port):
    """The processes of sshd that serve connections to a port."""
    connections = output_of("ss", "-Htnp", "state", "established", f"( sport = :{port} )")
    return sorted({int(pid) for pid in re.findall(r"pid=(\d+)", connections)})


@contextlib.contextmanager
def held(port):
    """Waits until the command is running and has printed what it prints."""
    pipe, end = RUN / f"openssh-hold-{port}", time.monotonic() + 60
    while True:
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            assert time.monotonic() < end, "the command does not start"
            time.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)


def with_signal(number):
    """Whoever serves the session gets a signal, and goes on when the program is done."""

    def strike(keys, process):
        with held(keys["port"]):
            pids = sessions(keys["port"])
            assert pids, "nobody serves the session"
            for pid in pids:
                os.kill(pid, number)
            process.wait(LIMIT)
            for pid in pids if number == signal.SIGSTOP else ():
                os.kill(pid, signal.SIGKILL)

    return strike


def with_kernel_reset(keys, process):
    with held(keys["port"]):
        killed = output_of("ss", "-KHtn", "state", "established", f"( sport = :{keys['port']} )")
        assert killed.strip(), "the kernel ended no connection"
        process.wait(LIMIT)


def of_the_server():
    down = {"address": "127.0.25.1", "port": 22599}
    yield Case("refused (connect)", "openssh-faults", (Call(Fails("connect_failed"), {**HASTY, **down}),), fault=("refused", "connect"))
    for name, phase, device, fails in (
        ("200 KB banner", "auth", "openssh-banner", None),
        ("1 MB banner in one packet", "auth", "openssh-long-banner", FAILS),
        ("channel refused", "shell", "openssh-no-session", FAILS),
        ("pseudo-terminal refused", "shell", "openssh-no-pty", FAILS),
        ("shell that closes at once", "shell", "openssh-closing", LOST),
    ):
        yield Case(f"{name} ({phase})", device, (Call(fails, HASTY),), fault=(name, phase))
    for port, name, strike, fails, changes in (
        (22541, "server stopped (SIGSTOP)", with_signal(signal.SIGSTOP), SILENT, HASTY),
        (22542, "keepalives ignored (SIGSTOP)", with_signal(signal.SIGSTOP), LOST, PATIENT),
        (22543, "server killed", with_signal(signal.SIGKILL), LOST, PATIENT),
        (22544, "reset by the kernel (ss -K)", with_kernel_reset, LOST, PATIENT),
    ):
        call = Call(fails, changes, (HELD,), meanwhile=strike)
        yield Case(f"{name} (show)", f"openssh-hold-{port}", (call,), fault=(name, "show"))


# --- the program ----------------------------------------------------------------------------------


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command[:3]} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def program(arguments, environment, meanwhile=None):
    """Runs the program; `meanwhile` is called while it runs."""
    setting = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    process = subprocess.Popen([BIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=setting)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reading = pool.submit(process.communicate)
        try:
            if meanwhile:
                meanwhile(process)
            out, err = reading.result(LIMIT)
        except BaseException:
            process.kill()
            raise
    return process.returncode, out, err


def with_changes(keys, changes, directory):
    keys = {key: value for key, value in {**keys, **changes}.items() if value is not None}
    if keys.get("ssh_config", "").startswith("FILE:"):
        (directory / "ssh_config").write_text(JUMP_CONFIG)
        keys["ssh_config"] = str(directory / "ssh_config")
    return keys


def inventory_of(case, call, known, directory):
    """Writes an inventory with the device alone, and those that it needs; gives its arguments."""
    name = call.device or case.device
    devices = {other: with_changes(known[other]["devices"][other], changes, directory) for other, changes in case.others.items()}
    devices[name] = with_changes(known[name]["devices"][name], call.changes, directory)
    file = directory / "devices.json"
    file.touch(0o600)
    file.write_text(json.dumps({"defaults": known[name]["defaults"], "devices": devices}))
    return ["--json", "-f", str(file), "--state-dir", str(directory / "state")], name, devices[name]


def answers(case, call, known, directory):
    """What `vty-mcp run` answers, command for command."""
    arguments, name, keys = inventory_of(case, call, known, directory)
    meanwhile = call.meanwhile and (lambda process: call.meanwhile(keys, process))
    status, out, err = program(["run", *arguments, name, *call.commands], call.environment, meanwhile)
    assert status in (0, 3) and out, f"ended with {status}: {err.strip()[-600:]}"
    return json.loads(out)[0]["answers"]


def visited(case, call, known, directory):
    """What `vty-mcp check --connect` reports, device for device."""
    arguments, name, keys = inventory_of(case, call, known, directory)
    names = [name, call.beside] if call.beside else [name]
    status, out, err = program(["check", "--connect", *arguments, *names], call.environment)
    assert status in (0, 3) and out, f"ended with {status}: {err.strip()[-600:]}"
    return json.loads(out)


def at(report, path):
    for key in path.split("."):
        report = report.get(key) if report else None
    return report


def attempt(case, call, known, directory):
    """Makes a call; gives what is wrong with what came of it, and the code it ended with."""
    if call.before:
        arguments, _, _ = inventory_of(case, call, known, directory)
        # Standard output is for people there.
        status, _, err = program([*call.before, *arguments[1:]], call.environment)
        assert status == 0, f"{' '.join(call.before)} ended with {status}: {err.strip()[-300:]}"
    if isinstance(call, Visit):
        report = visited(case, call, known, directory)[0]
        found = {path: at(report, path) for path in call.shows}
        right = {path: wanted(found[path]) if callable(wanted) else found[path] == wanted for path, wanted in call.shows.items()}
        error = report.get("error") or {}
        return [f"the report has {path} {found[path]!r}; {error.get('message', '')}" for path in found if not right[path]], error.get("code", "ok")
    found = answers(case, call, known, directory)
    wrong = [judge(call, command, answer) for command, answer in zip(call.commands, found, strict=True)]
    return [one for one in wrong if one], found[0].get("error", {}).get("code", "ok")


def judge(call, command, answer):
    """What is wrong with an answer; None if nothing is."""
    error = answer.get("error")
    if call.fails is None:
        if error:
            return f"{error['code']}: {error['message'][:400]}"
        return None if answer["text"] == OUTPUT[command] and answer["complete"] else f"answered {answer['text'][:100]!r}, {len(answer['text'])} characters"
    if not error:
        return f"expected {call.fails.code}, and it answered {answer['text'][:100]!r}"
    said = f"{error['message']} | {error.get('hint', '')}"
    if error["code"] != call.fails.code:
        return f"expected {call.fails.code}, got {error['code']}: {said[:400]}"
    missing = [word for word in call.fails.words if word not in said]
    if missing:
        return f"{error['code']} does not say {missing}: {said[:600]}"
    return None


class Log:
    """What a server wrote since this was made."""

    def __init__(self, name):
        self.path = RUN / f"{name}.log"
        self.start = self.path.stat().st_size

    def added(self):
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read().decode(errors="replace")

    def wrong(self, expected):
        """The counts that are not as expected. A server writes a line after it did what the line says."""
        end = time.monotonic() + 5
        while True:
            text = self.added()
            found = {pattern: len(re.findall(pattern, text)) for pattern in expected}
            wrong = [f"the log has `{pattern}` {found[pattern]} times, not {count}" for pattern, count in expected.items() if found[pattern] != count]
            if not wrong or time.monotonic() > end:
                return wrong
            time.sleep(0.1)


# --- the run --------------------------------------------------------------------------------------

LOCKS = collections.defaultdict(threading.Lock)  # for the servers whose logs are counted


class Outcome(NamedTuple):
    case: Case
    seconds: float
    failed: list
    code: str


def log_of(case):
    if case.log:
        return case.log
    server = {"ed25519": "key", "rsa": "key", "ecdsa": "key", "locked": "key", "stranger": "key", "agent": "key"}
    rig, _, name = case.device.partition("-")
    name = "certificate" if name.startswith("certificate") else "hold" if name.startswith("hold") else server.get(name, name)
    return f"{rig}-{name}"


def run(case, known):
    logs = {log_of(case)}
    # Whoever counts must be alone there, and whoever goes there must not disturb those who count.
    if case.fault is None:
        logs |= {log_of(Case("", name)) for name in (*case.others, *(call.device for call in case.calls if call.device)) if name in known}
    started, failed, code = time.monotonic(), [], "-"
    with contextlib.ExitStack() as stack:
        for name in sorted(logs) if case.fault is None else ():
            stack.enter_context(LOCKS[name])
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vty-mcp-ssh-")))
        started = time.monotonic()
        recorded = directory / "state/known_hosts"
        if case.known_hosts:
            recorded.parent.mkdir(mode=0o700)
            recorded.touch(0o600)
            recorded.write_text(case.known_hosts())
        for number, call in enumerate(case.calls, 1):
            prefix = f"call {number}: " if len(case.calls) > 1 else ""
            try:
                log = Log(log_of(case))
                wrong, code = attempt(case, call, known, directory)
                failed += [prefix + one for one in (*wrong, *log.wrong(call.logged))]
            except Exception as error:
                failed.append(f"{prefix}{type(error).__name__}: {error}")
        if case.recorded is not None:
            text = recorded.read_text() if recorded.exists() else ""
            if bool(text.strip()) != case.recorded:
                failed.append(f"the recorded host keys are {text!r}")
    return Outcome(case, time.monotonic() - started, failed, code)


def matrix(outcomes):
    cells = [outcome for outcome in outcomes if outcome.case.fault]
    if cells:
        print(f"\n{'fault':<38}{'phase':<10}{'judge':<10}code")
    order = ("connect", "version", "kex", "auth", "shell", "show", "all")
    for outcome in sorted(cells, key=lambda outcome: (order.index(outcome.case.fault[1]), outcome.case.fault[0])):
        name, phase = outcome.case.fault
        print(f"{name:<38}{phase:<10}{'OpenSSH':<10}{outcome.code}{', FAILED' if outcome.failed else ''}")


def main(parts):
    known = {}
    for rig in RIGS:
        file = STATE / f"{rig}-devices.json"
        assert file.exists(), f"the rig does not run; start it with tests/rig/{rig}.sh start"
        inventory = json.loads(file.read_text())
        known |= {name: inventory for name in inventory["devices"]}
    # The long ones first: they wait for each other's sake.
    faults = [*through_the_proxy(), *of_the_server()]
    faults.sort(key=lambda case: case.calls[0].changes.get("timeouts") != PATIENT["timeouts"])
    cases = [*faults, *openssh(), *algorithms(known), *jump_hosts(), *legacy(known), *dropbear(), *doctor()]
    cases = [case for case in cases if not parts or any(part in case.name for part in parts)]
    passed, failed, outcomes = 0, 0, []
    with proxy(), concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for future in [pool.submit(run, case, known) for case in cases]:
            outcome = future.result()
            outcomes.append(outcome)
            print(f"{outcome.case.name} ... {'FAILED' if outcome.failed else 'ok'} ({outcome.code}, {outcome.seconds:.1f} s)", flush=True)
            for failure in outcome.failed:
                print(f"    {failure}")
            passed += not outcome.failed
            failed += bool(outcome.failed)
    matrix(outcomes)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
