#!/usr/bin/env python3
"""Measures a fleet of simulated devices with our client, the SSH library alone, netmiko and scrapli, all on
this machine and in one run, prints one table and fails when a goal is missed.

    python3 benches/fleet.py              build, install the peers, measure
    python3 benches/fleet.py --write      the same, and put the table into benches/README.md
    python3 benches/fleet.py warm open    only these parts; there are: cold idle open isolation warm

Devices run in processes of their own, on the second half of the cores; each client has all of them, as it has where
it is used.
"""

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benches" / "peers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
README = ROOT / "benches" / "README.md"
MARKS = ("<!-- the table of fleet.py -->\n", "<!-- end of the table -->\n")
PARTS = ["cold", "idle", "open", "isolation", "warm"]

COLD, IDLE = 1000, 5000  # devices
OPEN, COMMANDS, DELAY_MS = 200, 10, 50
OPENING = 64  # devices at once where logins are measured: more only wait for a processor
LIMIT_S = 120  # no part of a measurement takes longer


class Table:
    def __init__(self):
        self.rows, self.notes, self.missed = [], [], 0

    def add(self, what, ours, against, goal=None, met=None):
        verdict = "" if met is None else "met" if met else "**missed**"
        self.missed += met is False
        self.rows.append((what, ours, against, goal or "", verdict))
        print(f"  {what}: {ours}; {against}; {goal or 'no goal'} {verdict}", flush=True)

    def note(self, text):
        self.notes.append(text)
        print(f"  NOTE: {text}", flush=True)

    def text(self):
        head = ("figure", "vty-mcp", "measured in the same run", "goal", "")
        lines = [head, tuple("---" for _ in head), *self.rows]
        table = "".join("| " + " | ".join(line) + " |\n" for line in lines)
        return table + "".join(f"\n{note}\n" for note in self.notes)


# --- processes -----------------------------------------------------------------------------------


def halves():
    """The cores of the clients, which are all as they are for users, and those of the devices."""
    cores = sorted(os.sched_getaffinity(0))
    middle = len(cores) // 2
    return (cores, cores[middle:]) if middle else (cores, cores)


CLIENTS, DEVICES = halves()


def on(cores, nice=0):
    def prepare():
        os.sched_setaffinity(0, cores)
        os.nice(nice)

    return prepare


class Farm:
    """Devices that run while the `with` block does."""

    def __init__(self, program, *what, nice=0):
        self.command = [program, "farm", None, *map(str, what)]
        self.nice = nice

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="vty-mcp-farm-")
        self.command[2] = self.directory
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=on(DEVICES, self.nice),
        )
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("the devices do not start")
        return self

    def devices(self):
        with open(f"{self.directory}/devices.json", encoding="utf-8") as file:
            return json.load(file)["devices"]

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def client(program, role, devices, *arguments, at_once=1000):
    """Runs a client against devices and returns what it measured."""
    # A result may hold as much as it ever may, so that few answers of a call over hundreds are cut.
    settings = f"[limits]\ndevices_at_once = {at_once}\nresult_bytes = {1 << 20}\nsessions = {IDLE}\n"
    directory = tempfile.mkdtemp(prefix="vty-mcp-client-")
    try:
        inventory = Path(directory, "devices.json")
        inventory.touch(mode=0o600)
        inventory.write_text(json.dumps({"devices": devices}), encoding="utf-8")
        Path(directory, "settings.toml").write_text(settings, encoding="utf-8")
        ended = subprocess.run(
            [*program, *role, directory, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
            preexec_fn=on(CLIENTS),
        )
        if ended.returncode != 0:
            raise SystemExit(f"{' '.join([*program, *role])} ended with {ended.returncode}")
        return json.loads(ended.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{' '.join([*program, *role])} did not end within {LIMIT_S} s") from None
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Clients:
    def __init__(self, program, python):
        self.program, self.python = program, python

    def run(self, who, devices, commands=1, rounds=0, rest_ms=0):
        work = (len(devices), commands, rounds, rest_ms)
        if who in ("raw", "ours"):
            at_once = OPENING if rounds == 0 else 1000
            return client([self.program], [who], devices, *work, at_once=at_once)
        return client([self.python], [str(PEERS / f"{who}_peer.py")], devices, *work)

    def isolation(self, devices, hostile, phases, phase_ms):
        return client([self.program], ["isolation"], devices, hostile, phases, phase_ms)


def part_of(values, part):
    ordered = sorted(values)
    return ordered[int((len(ordered) - 1) * part)]


def percentiles(seconds):
    p50, p95, p99 = (part_of(seconds, part) * 1e3 for part in (0.5, 0.95, 0.99))
    return f"p50 {p50:.2f}, p95 {p95:.2f}, p99 {p99:.2f} ms"


# --- the figures ---------------------------------------------------------------------------------


def cold_and_idle(clients, table, parts):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    idle = IDLE if "idle" in parts else COLD
    # A device needs a listener and a connection.
    if 2 * idle + 200 > limit:
        idle = (limit - 200) // 2
        table.note(
            f"**Scaled down:** {limit} open files are allowed, enough for {idle} devices instead of {IDLE}; "
            "`ulimit -n 12000` allows them all."
        )
    with Farm(clients.program, idle, 0) as farm:
        devices = farm.devices()
        if "cold" in parts:
            some = dict(list(devices.items())[:COLD])
            floor = clients.run("raw", some)
            runs = [clients.run("ours", some) for _ in range(3)]
            wall = statistics.median(run["open_s"] for run in runs)
            cpu = statistics.median(run["open_cpu_s"] for run in runs)
            peak = max(run["peak_mb"] for run in runs)
            what = f"{len(some)} devices, one `show` each, from cold"
            table.add(
                f"{what}: time",
                f"{wall:.2f} s (CPU {cpu:.2f} s)",
                f"SSH library alone {floor['open_s']:.2f} s (CPU {floor['open_cpu_s']:.2f} s)",
                f"at most 5 s, here on {os.cpu_count()} cores",
                wall <= 5,
            )
            table.add(
                f"{what}: most memory",
                f"{peak:.0f} MB",
                f"SSH library alone {floor['peak_mb']:.0f} MB",
                "at most 150 MB",
                peak <= 150,
            )
        if "idle" in parts:
            floor = clients.run("raw", devices, rest_ms=1000)
            ours = clients.run("ours", devices, rest_ms=1000)
            if ours["sockets"] < len(devices):
                raise SystemExit(f"only {ours['sockets']} sessions stayed open")
            most = max(ours["idle_mb"], ours["peak_mb"])
            table.add(
                f"{len(devices)} idle sessions: memory",
                f"{ours['idle_mb']:.0f} MB, at most {most:.0f} MB ({ours['idle_mb'] * 1024 / len(devices):.0f} KB each)",
                f"SSH library alone {floor['idle_mb']:.0f} MB ({floor['idle_mb'] * 1024 / len(devices):.0f} KB each)",
                "at most 500 MB",
                most * IDLE / len(devices) <= 500,
            )


def open_sessions(clients, table):
    with Farm(clients.program, OPEN, DELAY_MS) as farm:
        devices = farm.devices()
        run = {}
        # Ours and the floor twice, around the others, so that a change in the machine's load shows.
        for who in ("raw", "ours", "netmiko", "scrapli", "ours", "raw"):
            rounds = 3
            got = clients.run(who, devices, COMMANDS, rounds)
            run.setdefault(who, []).append((statistics.median(got["walls_s"]), got["cpu_s"] / rounds, got))
    wall = {who: statistics.median(one[0] for one in runs) for who, runs in run.items()}
    cpu = {who: statistics.median(one[1] for one in runs) for who, runs in run.items()}
    least = COMMANDS * DELAY_MS / 1000
    what = f"{OPEN} devices × {COMMANDS} commands, {DELAY_MS} ms each, sessions open"
    table.add(
        f"{what}: time",
        f"{wall['ours']:.3f} s",
        f"delays alone {least:.3f} s, SSH library alone {wall['raw']:.3f} s, "
        f"netmiko {wall['netmiko']:.2f} s, scrapli {wall['scrapli']:.2f} s",
        f"at most 1.2 × the SSH library alone ({wall['ours'] / wall['raw']:.2f} ×)",
        wall["ours"] <= 1.2 * wall["raw"],
    )
    for peer, times in (("netmiko", 10), ("scrapli", 5)):
        ratio = cpu[peer] / cpu["ours"]
        table.add(
            f"{what}: CPU time against {peer}",
            f"{cpu['ours']:.3f} s",
            f"{peer} {cpu[peer]:.2f} s, SSH library alone {cpu['raw']:.3f} s",
            f"at most 1/{times} (1/{ratio:.1f})",
            ratio >= times,
        )
    peaks = {who: max(one[2]["peak_mb"] for one in runs) for who, runs in run.items()}
    threads = {who: runs[0][2]["threads"] for who, runs in run.items()}
    peers = ", ".join(f"{who} {peaks[who]:.0f} MB and {threads[who]:.0f}" for who in ("netmiko", "scrapli"))
    table.add(f"{what}: most memory, threads", f"{peaks['ours']:.0f} MB and {threads['ours']:.0f}", peers)


def isolation(clients, table):
    # The two that misbehave are machines of their own and take no time from the others' devices.
    with Farm(clients.program, 100, 0) as good, Farm(clients.program, "bad", nice=19) as bad:
        devices = {**good.devices(), **bad.devices()}
        for hostile in ("flood", "dribble", "garbage"):
            got = clients.isolation(devices, hostile, 3, 2500)
            calm, troubled = (part_of(got[key], 0.99) for key in ("calm_ms", "troubled_ms"))
            medians = [statistics.median(got[key]) for key in ("calm_ms", "troubled_ms")]
            table.add(
                f"98 devices beside a stalled one and one that sends {hostile}: p99 (p50)",
                f"{troubled:.2f} ms ({medians[1]:.2f} ms)",
                f"without the two {calm:.2f} ms ({medians[0]:.2f} ms); "
                f"{got['hostile_calls']} hostile answers, {got['peak_mb']:.0f} MB",
                "25 % or 2 ms more",
                troubled <= calm * 1.25 or troubled - calm <= 2,
            )


def warm(clients, table):
    with Farm(clients.program, 1, 0) as farm:
        devices = farm.devices()
        times = {}
        for who, rounds in (("raw", 1000), ("ours", 1000), ("scrapli", 500), ("netmiko", 50), ("ours", 1000), ("raw", 1000)):
            times.setdefault(who, []).extend(clients.run(who, devices, 1, rounds)["walls_s"])
    ours = part_of(times["ours"], 0.5)
    for peer, wanted in (("netmiko", 50), ("scrapli", 2)):
        ratio = part_of(times[peer], 0.5) / ours
        table.add(
            f"warm `show` of 1.2 KB against {peer}",
            percentiles(times["ours"]),
            f"{peer} {percentiles(times[peer])}; SSH library alone {percentiles(times['raw'])}",
            f"{wanted} × faster ({ratio:.1f} ×)",
            ratio >= wanted,
        )


# --- the run -------------------------------------------------------------------------------------


def install_peers():
    """Installs the peers outside the tree of sources; once they are there this costs nothing."""
    directory = TARGET / "peers"
    python = directory / "bin" / "python"
    requirements = (PEERS / "requirements.txt").read_text(encoding="ascii")
    stamp = directory / "installed"
    if not (stamp.exists() and stamp.read_text(encoding="ascii") == requirements):
        venv.create(directory, clear=True, with_pip=True)
        quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([python, *quiet, "--requirement", PEERS / "requirements.txt"], check=True)
        stamp.write_text(requirements, encoding="ascii")
    return str(python)


def build():
    """Builds our parts and returns the program."""
    command = ["cargo", "bench", "--locked", "--bench", "fleet", "--no-run", "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    messages = (json.loads(line) for line in lines if line.startswith("{"))
    programs = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "fleet"]
    return programs[-1]


def versions(python):
    """What was compared, in words."""
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    russh = re.search(r'name = "russh"\nversion = "([^"]+)"', lock)[1]
    peers = ", ".join((PEERS / "requirements.txt").read_text(encoding="ascii").split()).replace("==", " ")
    version = subprocess.run([python, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    revision = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout.strip()
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return (
        f"Measured on {time.strftime('%Y-%m-%d')}, commit {revision or 'unknown'}, russh {russh}, {peers}, {version}, "
        f"Linux {platform.release().split('-')[0]}, {os.cpu_count()} cores"
        f"{' of ' + model[1].strip() if model else ''}; devices on core {','.join(map(str, DEVICES))}, "
        f"clients on core {','.join(map(str, CLIENTS))}."
    )


def write(text):
    """Puts the table into the page that holds the latest one."""
    page = README.read_text(encoding="utf-8")
    before, rest = page.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text(before + MARKS[0] + text + MARKS[1] + after, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--write", action="store_true", help="put the table into benches/README.md")
    parser.add_argument("--report", action="store_true", help="succeed also where a goal is missed; the table says so")
    parser.add_argument("--program", help="our parts, already built, instead of building them")
    arguments = parser.parse_args()
    parts = arguments.parts or PARTS
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = Clients(arguments.program or build(), install_peers())
    table = Table()
    if {"cold", "idle"} & set(parts):
        cold_and_idle(clients, table, parts)
    if "open" in parts:
        open_sessions(clients, table)
    if "isolation" in parts:
        isolation(clients, table)
    if "warm" in parts:
        warm(clients, table)
    table.note(versions(clients.python))
    if arguments.program:
        table.note("Our parts were built beforehand, perhaps with another profile than the released program.")
    print()
    print(table.text())
    if arguments.write:
        write(table.text())
    if table.missed:
        print(f"{table.missed} goals are missed", file=sys.stderr)
    return 1 if table.missed and not arguments.report else 0


if __name__ == "__main__":
    sys.exit(main())
