"""Parses the jobs of benches/parse.py with ntc-templates and prints one line of JSON."""

import json
import sys
import time
from pathlib import Path

import ntc_templates
import textfsm
from ntc_templates.parse import parse_output

TEMPLATES = Path(ntc_templates.__file__).parent / "templates"


def best(rounds, work):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def ready(names):
    """The templates of a job, compiled."""
    machines = []
    for name in names:
        with open(TEMPLATES / name, encoding="utf-8") as file:
            machines.append(textfsm.TextFSM(file))
    return machines


def run(machines, output):
    for machine in machines:
        machine.Reset()
        machine.ParseText(output)


def main():
    jobs, rounds = sys.argv[1], int(sys.argv[2])
    measured = {"parse_output_s": [], "parse_text_s": [], "records": [], "templates": str(TEMPLATES)}
    for line in open(jobs, encoding="utf-8"):
        job = json.loads(line)
        output = Path(job["output"]).read_text(encoding="utf-8")
        question = {"platform": job["platform"], "command": job["command"], "data": output}
        # The first one also loads the index.
        measured["records"].append(len(parse_output(**question)))
        measured["parse_output_s"].append(best(rounds, lambda: parse_output(**question)))
        machines = ready(job["templates"])
        measured["parse_text_s"].append(best(rounds, lambda: run(machines, output)))
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
