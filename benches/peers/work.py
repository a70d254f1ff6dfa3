"""What every Python peer does, as `benches/fleet/ours.rs` does it: open a session to each device and run
one command there, rest, and then run the commands on all of them at once, several times.
"""

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

COMMAND = "show version"
LEAST = 1000  # fewer characters are not the answer


def status(key):
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(key + ":"):
                return int(re.findall(r"\d+", line)[0])
    raise KeyError(key)


def run(connect, ask, close):
    """Runs with `connect(name, entry)`, `ask(session)` which returns text, and `close(session)`."""
    directory, count, commands, rounds, rest_ms = sys.argv[1], *map(int, sys.argv[2:6])
    with open(f"{directory}/devices.json", encoding="utf-8") as file:
        devices = list(json.load(file)["devices"].items())[:count]

    def checked(session):
        text = ask(session)
        assert len(text) >= LEAST, text

    def first(device):
        session = connect(*device)
        checked(session)
        return session

    def several(session):
        for _ in range(commands):
            checked(session)

    with ThreadPoolExecutor(count) as pool:
        # One device needs no pool, as nobody would use one for it.
        every = pool.map if count > 1 else map
        start, cpu = time.perf_counter(), time.process_time()
        sessions = list(every(first, devices))
        open_s, open_cpu = time.perf_counter() - start, time.process_time() - cpu
        time.sleep(rest_ms / 1000)
        idle = status("VmRSS") / 1024
        walls, cpu = [], time.process_time()
        for _ in range(rounds):
            start = time.perf_counter()
            list(every(several, sessions))
            walls.append(time.perf_counter() - start)
        cpu = time.process_time() - cpu
        result = {
            "open_s": open_s,
            "open_cpu_s": open_cpu,
            "walls_s": walls,
            "cpu_s": cpu,
            "idle_mb": idle,
            "peak_mb": status("VmHWM") / 1024,
            "threads": status("Threads"),
        }
        print(json.dumps(result), flush=True)
        list(every(close, sessions))
