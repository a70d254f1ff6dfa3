#!/usr/bin/env python3
"""Measures how fast output becomes records, against Python's ntc-templates in the same run, prints one table and
fails when a goal is missed.

    python3 benches/parse.py              build, install the peer, measure
    python3 benches/parse.py --write      the same, and put the table into benches/README.md

The outputs are those of the corpus beside the repository, or where NTC_CORPUS_DIR says, and three long made-up ones.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fleet import README, ROOT, TARGET, Table, part_of

MARKS = ("<!-- the table of parse.py -->\n", "<!-- end of the table of parse.py -->\n")
CORPUS = Path(os.environ.get("NTC_CORPUS_DIR", ROOT.parent / "shared" / "corpus" / "ntc"))
LONG = 100_000  # lines
INTERFACES = 1_000
SLOWEST = 10
LIMIT_S = 300


# --- made-up outputs -----------------------------------------------------------------------------


def interfaces(count):
    blocks = []
    for n in range(count):
        mac = f"0011.22{n >> 8 & 255:02x}.{n & 255:02x}00"
        blocks.append(
            f"GigabitEthernet{n // 48 + 1}/0/{n % 48 + 1} is up, line protocol is up (connected) \n"
            f"  Hardware is Gigabit Ethernet, address is {mac} (bia {mac})\n"
            f"  Description: port {n} to rack {n % 40}\n"
            f"  Internet address is 10.{n >> 8 & 255}.{n & 255}.1/24\n"
            "  MTU 1500 bytes, BW 1000000 Kbit/sec, DLY 10 usec, \n"
            "     reliability 255/255, txload 1/255, rxload 1/255\n"
            "  Encapsulation ARPA, loopback not set\n"
            "  Keepalive set (10 sec)\n"
            "  Full-duplex, 1000Mb/s, media type is 10/100/1000BaseTX\n"
            "  input flow-control is off, output flow-control is unsupported \n"
            "  ARP type: ARPA, ARP Timeout 04:00:00\n"
            f"  Last input 00:00:{n % 60:02}, output 00:00:01, output hang never\n"
            '  Last clearing of "show interface" counters never\n'
            "  Input queue: 0/75/0/0 (size/max/drops/flushes); Total output drops: 0\n"
            "  Queueing strategy: fifo\n"
            "  Output queue: 0/40 (size/max)\n"
            f"  5 minute input rate {n * 7} bits/sec, {n} packets/sec\n"
            f"  5 minute output rate {n * 9} bits/sec, {n} packets/sec\n"
            f"     {n * 1001} packets input, {n * 90001} bytes, 0 no buffer\n"
            f"     Received {n} broadcasts ({n} multicasts)\n"
            "     0 runts, 0 giants, 0 throttles \n"
            f"     {n % 3} input errors, 0 CRC, 0 frame, 0 overrun, 0 ignored\n"
            f"     0 watchdog, {n} multicast, 0 pause input\n"
            "     0 input packets with dribble condition detected\n"
            f"     {n * 2002} packets output, {n * 80002} bytes, 0 underruns\n"
            "     0 output errors, 0 collisions, 2 interface resets\n"
            "     0 unknown protocol drops\n"
            "     0 babbles, 0 late collision, 0 deferred\n"
            "     0 lost carrier, 0 no carrier, 0 pause output\n"
            "     0 output buffer failures, 0 output buffers swapped out\n"
        )
    return "".join(blocks)


def bgp(count):
    lines = [
        "BGP table version is 123456, local router ID is 192.0.2.1",
        "Status codes: s suppressed, d damped, h history, * valid, > best, i - internal",
        "Origin codes: i - IGP, e - EGP, ? - incomplete",
        "",
        "     Network          Next Hop            Metric LocPrf Weight Path",
    ]
    for n in range(count):
        hop = f"198.51.100.{n % 250 + 1}"
        network = "" if n % 3 == 2 else f"10.{n >> 8 & 255}.{n & 255}.0/24"
        best = " " if n % 3 == 2 else ">"
        lines.append(f" *{best}  {network:<16} {hop:<15} {n % 100:>10} {100:>6} {0:>6} 65010 {64512 + n % 900} i")
    return "\n".join(lines) + "\n"


def routes(count):
    lines = [
        "Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP",
        "       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area ",
        "",
        "Gateway of last resort is 192.0.2.1 to network 0.0.0.0",
        "",
        "S*    0.0.0.0/0 [1/0] via 192.0.2.1",
    ]
    for n in range(count):
        network, hop = f"10.{n >> 8 & 255}.{n & 255}.0/24", f"192.0.2.{n % 200 + 1}"
        lines.append(
            f"C        {network} is directly connected, GigabitEthernet0/{n % 8}"
            if n % 10 == 9
            else f"S        {network} [1/0] via {hop}"
            if n % 10 == 8
            else f"                     [110/{n % 50}] via {hop}, 1d02h, GigabitEthernet0/{n % 8}"
            if n % 10 == 7
            else f"B        {network} [20/{n % 100}] via {hop}, 2w{n % 7}d"
            if n % 10 < 4
            else f"O        {network} [110/{n % 100}] via {hop}, 1d02h, GigabitEthernet0/{n % 8}"
        )
    return "\n".join(lines) + "\n"


# --- the run -------------------------------------------------------------------------------------


def corpus():
    jobs = []
    for path in sorted(CORPUS.glob("*/*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        jobs.append({key: case[key] for key in ("platform", "command", "templates")} | {"output": str(path.with_suffix(".raw"))})
    return jobs


def long_ones(directory):
    jobs = []
    for command, text in (
        ("show interfaces", interfaces(INTERFACES)),
        ("show ip bgp", bgp(LONG)),
        ("show ip route", routes(LONG)),
    ):
        path = Path(directory, command.replace(" ", "_"))
        path.write_text(text, encoding="ascii")
        template = f"cisco_ios_{path.name}.textfsm"
        jobs.append({"platform": "cisco_ios", "command": command, "templates": [template], "output": str(path)})
    return jobs


def ask(*command):
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


def both(program, python, directory, jobs, rounds_of_ours, rounds_of_theirs):
    """Measures the same jobs on both sides."""
    file = Path(directory, "jobs")
    file.write_text("".join(json.dumps(job) + "\n" for job in jobs), encoding="utf-8")
    theirs = ask(python, ROOT / "benches" / "peers" / "textfsm_peer.py", file, str(rounds_of_theirs))
    ours = ask(program, "measure", theirs["templates"], file, str(rounds_of_ours))
    if ours["records"] != theirs["records"]:
        raise SystemExit("the two do not find the same number of records")
    return ours, theirs, file


def milliseconds(seconds):
    return f"{seconds * 1e3:,.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def add(table, what, ours, theirs, alone, goal=None):
    ratio = theirs / ours
    table.add(
        what,
        milliseconds(ours),
        f"`parse_output` {milliseconds(theirs)}; `ParseText` alone, template ready, {milliseconds(alone)} ({alone / ours:.1f} ×)",
        f"{goal} × faster ({ratio:.1f} ×)" if goal else f"({ratio:.1f} ×)",
        ratio >= goal if goal else None,
    )


def measure(program, python, table):
    with tempfile.TemporaryDirectory(prefix="vty-mcp-parse-") as directory:
        jobs = corpus()
        if jobs:
            ours, theirs, file = both(program, python, directory, jobs, 5, 2)
            slow_first = sorted(range(len(jobs)), key=lambda at: -theirs["parse_output_s"][at])
            for what, part in ((f"{len(jobs)} outputs of the corpus, warm", slow_first), (f"without Python's {SLOWEST} slowest", slow_first[SLOWEST:])):
                sums = [sum(times[at] for at in part) for times in (ours["warm_s"], theirs["parse_output_s"], theirs["parse_text_s"])]
                add(table, what, *sums, goal=15)
            cold = ours["cold_s"]
            median = statistics.median(cold) * 1e3
            table.add(
                "first parse: template read and compiled",
                f"p50 {median:.2f}, p99 {part_of(cold, 0.99) * 1e3:.1f}, most {max(cold) * 1e3:.1f} ms",
                f"`parse_output` each time: p50 {statistics.median(theirs['parse_output_s']) * 1e3:.2f} ms",
                "p50 at most 5 ms",
                median <= 5,
            )
            memory = ask(program, "memory", theirs["templates"], file)
            table.add(
                f"all {memory['templates']} templates used once: resident memory",
                f"{memory['most_mb']:.0f} MB at most, {memory['after_mb']:.0f} MB after",
                f"before {memory['before_mb']:.0f} MB; {memory['with_output']} on an output of theirs, the others on unknown lines",
                "at most 120 MB",
                memory["most_mb"] <= 120,
            )
        else:
            table.note(f"**Skipped:** there is no corpus in {CORPUS.name}.")
        jobs = long_ones(directory)
        ours, theirs, _ = both(program, python, directory, jobs, 7, 2)
        for at, (what, goal) in enumerate(
            (
                (f"`show interfaces` of {INTERFACES:,} interfaces", 20),
                (f"`show ip bgp` of {LONG:,} lines", 15),
                (f"`show ip route` of {LONG:,} lines", 40),
            )
        ):
            add(table, what, ours["warm_s"][at], theirs["parse_output_s"][at], theirs["parse_text_s"][at], goal)


def build():
    """Builds our part and returns the program."""
    command = ["cargo", "bench", "--locked", "--bench", "parse", "--no-run", "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    messages = (json.loads(line) for line in lines if line.startswith("{"))
    return [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "parse"][-1]


def install():
    script = ROOT / "tests" / "clients" / "textfsm.sh"
    ended = subprocess.run(["bash", script, TARGET / "textfsm"], stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout.splitlines()[-1]


def conditions(python):
    versions = ROOT / "tests" / "clients" / "textfsm.txt"
    lines = [line for line in versions.read_text(encoding="ascii").split("\n") if "==" in line]
    version = subprocess.run([python, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    revision = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout.strip()
    return (
        f"Measured on {time.strftime('%Y-%m-%d')}, commit {revision or 'unknown'}, {', '.join(lines).replace('==', ' ')}, "
        f"{version}, Linux {platform.release().split('-')[0]}, {os.cpu_count()} cores; the best of several rounds for each output."
    )


def write(text):
    """Puts the table into the page that holds the latest one."""
    page = README.read_text(encoding="utf-8")
    before, rest = page.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text(before + MARKS[0] + text + MARKS[1] + after, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into benches/README.md")
    parser.add_argument("--report", action="store_true", help="succeed also where a goal is missed; the table says so")
    parser.add_argument("--program", help="our part, already built, instead of building it")
    arguments = parser.parse_args()
    table = Table()
    python = install()
    measure(arguments.program or build(), python, table)
    table.note(conditions(python))
    print()
    print(table.text())
    if arguments.write:
        write(table.text())
    if table.missed:
        print(f"{table.missed} goals are missed", file=sys.stderr)
    return 1 if table.missed and not arguments.report else 0


if __name__ == "__main__":
    sys.exit(main())
