#!/usr/bin/env python3
"""vty-mcp as the official MCP SDK for Python sees it, over stdio, with the real routers of tests/rig.

Start the rig first (tests/rig/frr.sh start), then run this with the Python of .venv (setup.sh):

    tests/clients/.venv/bin/python tests/clients/test_sdk.py [PART OF A NAME ...]

VTY_BIN is the program under test, target/debug/vty-mcp unless set. Ends with a line `N passed, N failed`.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import anyio
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client

ROOT = Path(__file__).resolve().parents[2]
BIN = os.environ.get("VTY_BIN", str(ROOT / "target/debug/vty-mcp"))
RIG = str(ROOT / "tests/rig/frr.sh")
STATE = Path(os.environ.get("RIG_STATE", "/var/tmp/vty-mcp-rig"))
INVENTORY = STATE / "rig-devices.json"
TOOLS = {"list_devices", "run_commands", "query_devices", "check_devices", "read_output", "get_config", "compare_config"}
ANSWERING = ["r1", "r1-key", "r1-rsa", "r1-locked", "r1-pager"]
ERAS = ["legacy", "2026-07-28"]
TESTS = []


# --- what every test needs -----------------------------------------------------------------------


def test(function):
    """A test that runs once."""
    TESTS.append((function.__name__, function))
    return function


def in_both_eras(function):
    """A test that runs with the protocol with `initialize` and with the one without."""
    for era in ERAS:
        TESTS.append((f"{function.__name__}[{era}]", lambda era=era: function(era)))
    return function


def secrets():
    """What must never be shown: the routers' secrets and the ones of the inventory."""
    found = {"bgp-secret", "login-secret", "enable-secret", "not-the-password"}
    found |= {(STATE / f"keys/{name}.secret").read_text() for name in ("password", "passphrase")}
    assert all(len(secret) > 8 for secret in found)
    return found


def check_clean(text, where):
    """No secret, no rest of a pager, no control character."""
    for secret in secrets():
        assert secret not in text, f"{where} shows {secret!r}"
    for rest in ("--More--", "(END)", "\x1b", "\r", "\x08"):
        assert rest not in text, f"{where} has {rest!r}"


@contextlib.contextmanager
def temporary_state():
    with tempfile.TemporaryDirectory(prefix="vty-mcp-test-") as directory:
        yield Path(directory)


@contextlib.asynccontextmanager
async def connected(era, state=None):
    """A client of the SDK with a server of its own. The server's log is checked at the end."""
    with temporary_state() as directory:
        log = directory / "server.log"
        parameters = StdioServerParameters(command=BIN, args=serve_arguments(state or directory / "state"))
        with open(log, "w") as errlog:
            async with Client(stdio_client(parameters, errlog=errlog), mode=era, read_timeout_seconds=60) as client:
                yield client
        text = log.read_text()
        check_clean(text, "the server's log")
        assert "panicked" not in text, text


def serve_arguments(state):
    return ["serve", "-f", str(INVENTORY), "--state-dir", str(state)]


def text_of(result):
    return "".join(block.text for block in result.content if block.type == "text")


ENTRY = re.compile(
    # An answer stands in the fence. Of a failure only the message does, because it may quote the device.
    r'(?P<error>error code=[^\n]*?)?(?(error) device="(?P<on>[^"]*)" command="(?P<of>[^"]*)"\n)'
    r'<output-(?P<nonce>[^ >]+)(?(error)| device="(?P<device>[^"]*)" command="(?P<command>[^"]*)")>\n'
    r"(?P<text>.*?)</output-(?P=nonce)>\n(?P<next>next: [^\n]*\n)?",
    re.DOTALL,
)


def listed(result):
    """What run_commands returned, as (device, command, text) in order; a failure's text is all that is said of it."""
    found = list(ENTRY.finditer(text_of(result)))
    assert len({entry["nonce"] for entry in found}) <= 1, "one result has one nonce"
    return [
        (entry["on"], entry["of"], f"{entry['error']}\n{entry['text']}{entry['next'] or ''}")
        if entry["error"]
        else (entry["device"], entry["command"], entry["text"])
        for entry in found
    ]


def entries(result):
    """The same by (device, command)."""
    found = listed(result)
    by_key = {(device, command): text for device, command, text in found}
    assert len(by_key) == len(found), "an entry stands there twice"
    return by_key


def code(text):
    """The error code of an entry; None where it is an answer."""
    match = re.match(r"error code=(\w+) retry=(no|yes|after_delay) side_effects=none\b", text)
    return match and match[1]


async def run(client, devices, commands, **options):
    result = await client.call_tool("run_commands", {"devices": devices, "commands": commands}, **options)
    check_clean(text_of(result), f"the answer of {devices} to {commands}")
    return result


async def query(client, devices, command, **more):
    result = await client.call_tool("query_devices", {"devices": devices, "command": command, **more})
    check_clean(json.dumps(result.structured_content), f"the records of {devices}")
    return result, {device["device"]: device for device in result.structured_content["devices"]}


def settled(text):
    """The text without what changes from second to second."""
    text = re.sub(r"\b\d\d:\d\d:\d\d\b|\b\d+[dhwmy]\d+[dhm]\w*\b", "TIME", text)
    # MsgRcvd, MsgSent and TblVer of a BGP summary, and the state of the neighbour that never answers.
    text = re.sub(r"^(10\.77\.\S+ +4 +\d+) +\d+ +\d+ +\d+", r"\1 N N N", text, flags=re.MULTILINE)
    text = re.sub(r"\b(Active|Connect|Idle|OpenSent)\b", "DOWN", text)
    text = re.sub(r"using \d+ (Ki?B|bytes)", "using SOME", text)
    return re.sub(r" +", " ", text)


def rig(command, *arguments):
    done = subprocess.run(["bash", RIG, command, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def until(what, condition, seconds=10):
    """Waits for a state."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)


async def no_sessions(seconds=10):
    await until("no SSH session is left over", lambda: not rig("sessions").strip(), seconds)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def bgpd(router, number):
    os.kill(int(Path(f"/var/run/frr/vty{router}/bgpd.pid").read_text()), number)


@contextlib.asynccontextmanager
async def frozen_in_mid_command(router):
    """Waits until a session is busy with commands, then stops the router's bgpd under it."""

    def busy():
        shells = subprocess.run(["pgrep", "-f", f"vtysh -N vty{router}"], capture_output=True, text=True)
        for pid in shells.stdout.split():
            with contextlib.suppress(OSError):
                written = re.search(r"wchar: (\d+)", Path(f"/proc/{pid}/io").read_text())
                if int(written[1]) > 30_000:
                    return True
        return False

    await until("a session is busy", busy)
    bgpd(router, signal.SIGSTOP)
    try:
        yield
    finally:
        bgpd(router, signal.SIGCONT)


# A command that asks one daemon after the other, often enough to be caught at it.
BUSY = ["show memory"] * 50


# --- the protocol --------------------------------------------------------------------------------


@in_both_eras
async def the_server_introduces_itself(era):
    # A client that insists on the newer protocol asks for tools at once and learns nothing more.
    async with connected("auto" if era == "2026-07-28" else era) as client:
        assert client.server_info.name == "vty-mcp"
        assert "list_devices" in client.instructions
        expected = "2026-07-28" if era == "2026-07-28" else "2025-11-25"
        assert client.protocol_version == expected, client.protocol_version
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == TOOLS, set(tools)
        for tool in tools.values():
            assert tool.title and tool.description and tool.input_schema["type"] == "object", tool.name
            hints = tool.annotations
            assert hints.read_only_hint and not hints.destructive_hint and not hints.open_world_hint, tool.name
        assert tools["list_devices"].output_schema and tools["query_devices"].output_schema


@test
async def a_client_that_takes_either_era_gets_the_newer_one():
    async with connected("auto") as client:
        assert client.protocol_version == "2026-07-28"
        assert entries(await run(client, ["r1"], ["show version"]))


@in_both_eras
async def mistakes_in_a_request_are_told(era):
    async with connected(era) as client:
        for tool, arguments in [
            ("reload_everything", {}),
            ("run_commands", {"devices": ["r1"]}),
            ("run_commands", {"devices": ["r1"], "commands": ["show version"], "host": "192.0.2.1"}),
            ("run_commands", {"devices": "r1", "commands": ["show version"]}),
            ("run_commands", {"devices": [], "commands": ["show version"]}),
            ("run_commands", {"devices": ["r1"], "commands": []}),
            ("read_output", {"output_id": "nothing"}),
            ("list_devices", {"cursor": "nothing"}),
        ]:
            try:
                result = await client.call_tool(tool, arguments)
            except MCPError:
                continue
            assert result.is_error, f"{tool} {arguments} works: {text_of(result)}"
            assert len(text_of(result)) > 20, f"{tool} {arguments}: {text_of(result)!r}"
        assert entries(await run(client, ["r1"], ["show version"])), "the server lives on"


# --- devices and their answers -------------------------------------------------------------------


@in_both_eras
async def devices_are_listed_without_credentials(era):
    async with connected(era) as client:
        async def devices(**filters):
            result = await client.call_tool("list_devices", filters)
            assert not result.is_error, text_of(result)
            check_clean(result.model_dump_json(), "list_devices")
            assert "client_ed25519" not in result.model_dump_json(), "a path of a key"
            return result.structured_content

        everything = await devices()
        names = [device["name"] for device in everything["devices"]]
        assert everything["total"] == len(names) == len(json.loads(INVENTORY.read_text())["devices"])
        assert names == sorted(names)
        first = everything["devices"][names.index("r1")]
        assert first["platform"] == "frr" and first["address"] == "127.0.21.1" and first["port"] == 22221, first
        assert [d["name"] for d in (await devices(name="r2*"))["devices"]] == ["r2", "r2-hasty", "r2-pager"]
        assert {d["name"] for d in (await devices(group="failing"))["devices"]} == {"r1-wrong", "r1-nowhere", "r1-silent"}
        assert len((await devices(tag="broken"))["devices"]) == 3
        assert len((await devices(platform="frr"))["devices"]) == len(names)
        assert (await devices(name="x*"))["devices"] == []


@in_both_eras
async def a_router_answers_however_one_logs_in(era):
    """Password, Ed25519 key, RSA key, key with a passphrase, pager on from the greeting."""
    commands = ["show version", "show ip bgp summary", "show running-config"]
    async with connected(era) as client:
        result = await run(client, ANSWERING, commands)
        assert not result.is_error
        answers = entries(result)
        assert list(answers) == [(device, command) for device in ANSWERING for command in commands]
        for (device, command), text in answers.items():
            assert code(text) is None, f"{device}, {command}: {text}"
        version, summary, config = (answers["r1", command] for command in commands)
        assert version.startswith("FRRouting 8") or version.startswith("FRRouting"), version
        assert "(r1)" in version.splitlines()[0]
        assert "local AS number 65001" in summary
        assert re.search(r"^10\.77\.12\.2 +4 +65002 .* 2 +\d+ peer r2$", summary, re.MULTILINE), summary
        assert re.search(r"^10\.77\.12\.99 +4 +65099 .* never there$", summary, re.MULTILINE), summary
        assert "Total number of neighbors 2" in summary
        assert "hostname r1" in config and config.rstrip().endswith("end"), config
        assert "network 198.51.101.0/24" in config
        hidden = re.findall(r"neighbor \S+ password (\S+)", config)
        assert len(hidden) == 2 and hidden[0].startswith("<secret:") and hidden[0] == hidden[1], hidden
        assert len(re.findall(r"^(?:enable )?password <secret:", config, re.MULTILINE)) == 2, config
        for device in ANSWERING:
            for command in commands:
                assert settled(answers[device, command]) == settled(answers["r1", command]), f"{device}, {command}"


@in_both_eras
async def a_long_output_is_cut_and_read_on(era):
    async with connected(era) as client:
        whole = {}
        for device in ("r2", "r2-pager"):
            result = await run(client, [device], ["show running-config"])
            text = entries(result)[device, "show running-config"]
            note = re.search(r'read_output\(output_id="([^"]+)", offset=(\d+)\)', text_of(result))
            assert note, text_of(result)[-300:]
            assert 10_000 < len(text_of(result)) < 25_000, len(text_of(result))
            output_id, offset = note[1], int(note[2])
            for _ in range(20):
                page = await client.call_tool("read_output", {"output_id": output_id, "offset": offset})
                assert not page.is_error, text_of(page)
                check_clean(text_of(page), "read_output")
                text += re.search(r"<output-\S+>\n(.*)</output-", text_of(page), re.DOTALL)[1]
                more = re.search(r"go on with offset=(\d+)\]", text_of(page))
                if not more:
                    break
                offset = int(more[1])
            whole[device] = text
            only = await client.call_tool("read_output", {"output_id": output_id, "matching": "seq 6000 "})
            assert re.findall(r"^bgp community-list .*$", text_of(only), re.MULTILINE) == [
                "bgp community-list standard LONG seq 6000 permit 65002:6000"
            ], text_of(only)
        assert [int(n) for n in re.findall(r"LONG seq (\d+) permit", whole["r2"])] == list(range(5, 6001, 5))
        assert whole["r2"].rstrip().endswith("end")
        assert whole["r2"] == whole["r2-pager"]


@in_both_eras
async def a_bgp_summary_becomes_records(era):
    async with connected(era) as client:
        asked = ["r1", "r2", "r1-pager"]
        result, table = await query(client, asked, "show ip bgp summary")
        rows = [dict(zip(result.structured_content["table"]["columns"], row, strict=True)) for row in result.structured_content["table"]["rows"]]
        result, devices = await query(client, asked, "show ip bgp summary", format="records")
        assert not result.is_error and "table" not in result.structured_content
        print("\n" + json.dumps(devices["r1"], indent=2))
        for device, own, other in [("r1", 65001, 2), ("r2", 65002, 1), ("r1-pager", 65001, 2)]:
            entry = devices[device]
            assert entry["status"] == "parsed" and "error" not in entry, entry
            assert entry["template"] == "frr_show_bgp_summary.textfsm", entry["template"]
            assert "records" not in table[device] and table[device]["total_records"] == 2, table[device]
            assert [row.pop("device") for row in rows[:2]] == [device] * 2, rows
            # A neighbour's counters and state may have moved between the two calls.
            assert [list(row) for row in rows[:2]] == [list(record) for record in entry["records"]], (rows, entry)
            assert [row["bgp_neighbor"] for row in rows[:2]] == [record["bgp_neighbor"] for record in entry["records"]], (rows, entry)
            del rows[:2]
            up, down = entry["records"]
            assert {"bgp_neighbor", "neighbor_as", "state_or_prefixes_received"} <= set(up), sorted(up)
            assert up["bgp_neighbor"] == f"10.77.12.{other}" and up["neighbor_as"] == str(65000 + other), up
            assert up["state_or_prefixes_received"] == "2" and up["description"] == f"peer r{other}", up
            assert up["local_as"] == str(own), up
            assert down["bgp_neighbor"] == "10.77.12.99" and down["neighbor_as"] == "65099", down
            assert down["up_down"] == "never" and not down["state_or_prefixes_received"].isdigit(), down
        assert not rows, rows
        _, devices = await query(client, ["r1"], "show ip bgp summary", fields=["bgp_neighbor", "neighbor_as"])
        assert devices["r1"]["records"] == [
            {"bgp_neighbor": "10.77.12.2", "neighbor_as": "65002"},
            {"bgp_neighbor": "10.77.12.99", "neighbor_as": "65099"},
        ], devices["r1"]
        _, devices = await query(client, ["r1"], "show version")
        assert devices["r1"]["status"] == "parsed", devices["r1"]
        _, devices = await query(client, ["r1"], "show interface brief")
        assert "to-r2" in json.dumps(devices["r1"]["records"]), devices["r1"]
        # No template knows this, and FRRouting has no JSON for it.
        result, devices = await query(client, ["r1"], "show daemons")
        assert devices["r1"]["status"] == "no_template" and "zebra" in devices["r1"]["text"], devices["r1"]
        assert devices["r1"]["error"]["code"] == "template_not_found" and not result.is_error
        assert "gives no JSON" in devices["r1"]["notices"][0], devices["r1"]
        result, devices = await query(client, ["r1"], "show daemons", format="native")
        assert devices["r1"]["status"] == "no_native" and "zebra" in devices["r1"]["text"] and not result.is_error, devices["r1"]


# --- failures ------------------------------------------------------------------------------------

FAILURES = {
    # A refused credential is held, so only the first of two calls asks the device.
    "r1-wrong": ("auth_failed", "credential_held"),
    "r1-nowhere": "connect_failed",
    "r1-silent": "connect_timeout",
    "no-such-device": "unknown_device",
}


def fits(word, device):
    expected = FAILURES.get(device)
    return word in expected if isinstance(expected, tuple) else word == expected


@in_both_eras
async def failures_stand_beside_the_answers_of_the_others(era):
    asked = ["r1-wrong", "r1", "r1-nowhere", "no-such-device", "r1-silent", "r1-key"]
    async with connected(era) as client:
        started = time.monotonic()
        result = await run(client, asked, ["show version"])
        assert time.monotonic() - started < 10, "the silent device held up the others"
        assert not result.is_error, "two devices have answered"
        answers = entries(result)
        assert [device for device, _ in answers] == asked
        for (device, _), text in answers.items():
            assert fits(code(text), device), f"{device}: {text}"
            assert ("FRRouting" in text) == (device not in FAILURES), f"{device}: {text}"
        result, devices = await query(client, asked, "show ip bgp summary")
        assert not result.is_error and list(devices) == asked
        for device, entry in devices.items():
            assert fits(entry.get("error", {}).get("code"), device), entry
            assert (entry["status"] == "parsed") == (device not in FAILURES), entry
        assert code(entries(await run(client, ["r1"], ["show version"]))["r1", "show version"]) is None


@in_both_eras
async def a_result_is_an_error_only_where_everything_failed(era):
    async with connected(era) as client:
        for devices, commands, failed in [
            (["r1-wrong"], ["show version"], True),
            (["r1-wrong", "r1-nowhere"], ["show version", "show memory"], True),
            (["r1"], ["reload"], True),
            (["r1", "r1-wrong"], ["show version"], False),
            (["r1"], ["reload", "show version"], False),
        ]:
            result = await run(client, devices, commands)
            assert result.is_error == failed, f"{devices} {commands}: {text_of(result)}"
        assert (await query(client, ["r1-wrong", "r1-nowhere"], "show version"))[0].is_error
        assert not (await query(client, ["r1-wrong", "r1"], "show version"))[0].is_error


@in_both_eras
async def a_refused_command_costs_only_itself(era):
    refused = [
        "reload",
        "configure terminal",
        "clear bgp *",
        "write memory",
        "ping 127.0.0.1",
        "exit",
        "show version\nclear bgp *",
        "show version; write",
        "show running-config | redirect /tmp/x",
        "do reload",
        "show \x03",
        "",
    ]
    async with connected(era) as client:
        before = entries(await run(client, ["r1"], ["show running-config"]))["r1", "show running-config"]
        for command in refused:
            answers = entries(await run(client, ["r1"], [command, "show version"]))
            assert len(answers) == 2, f"{command!r}: {answers}"
            bad, good = answers.values()
            assert code(bad) == ("policy_denied" if command else "invalid_argument"), f"{command!r}: {bad}"
            assert "FRRouting" in good, f"{command!r}: {good}"
        result = await run(client, ["r1"], ["show foo", "show ip route 300.1.1.1", "show version"])
        rejected, route, version = entries(result).values()
        assert code(rejected) == "command_rejected" and "Unknown command" in rejected, rejected
        assert code(route) == "command_rejected", route
        assert "FRRouting" in version and not result.is_error
        after = entries(await run(client, ["r1"], ["show running-config"]))["r1", "show running-config"]
        assert after == before


@in_both_eras
async def a_changed_host_key_is_refused(era):
    with temporary_state() as state:
        async with connected(era, state) as client:
            first = await run(client, ["r1-changed"], ["show version"])
            assert "first contact" in text_of(first) and not first.is_error, text_of(first)
            again = await run(client, ["r1-changed"], ["show version"])
            assert "first contact" not in text_of(again) and not again.is_error, text_of(again)
            recorded = (state / "known_hosts").read_text()
            rig("swap-host-key")
            try:
                result = await run(client, ["r1-changed", "r1"], ["show version"])
                answers = entries(result)
                changed = answers["r1-changed", "show version"]
                assert code(changed) == "host_key_changed" and changed.count("SHA256:") == 2, changed
                assert "FRRouting" in answers["r1", "show version"] and not result.is_error
            finally:
                rig("swap-host-key")
            assert recorded in (state / "known_hosts").read_text(), "the recorded key stays"
            back = await run(client, ["r1-changed"], ["show version"])
            assert not back.is_error and "first contact" not in text_of(back), text_of(back)


@in_both_eras
async def a_device_that_falls_silent_in_mid_output_is_given_up(era):
    async with connected(era) as client:
        call = asyncio.create_task(run(client, ["r2-hasty", "r1"], BUSY))
        async with frozen_in_mid_command("r2"):
            result = await asyncio.wait_for(call, 20)
        codes = [code(text) for device, _, text in listed(result) if device == "r2-hasty"]
        assert codes[0] is None and "command_timeout" in codes, codes
        assert codes.count("command_timeout") == 1 and len(codes) == len(BUSY), codes
        late = codes.index("command_timeout")
        assert not any(codes[:late]) and set(codes[late + 1 :]) <= {"session_lost", "command_timeout", None}, codes
        print(f"\n    {late} answers, then {codes[late]}, then {sorted(set(map(str, codes[late + 1:])))}")
        assert not result.is_error
        answers = entries(await run(client, ["r2-hasty"], ["show version"]))
        assert "FRRouting" in answers["r2-hasty", "show version"], answers
    await no_sessions()


@in_both_eras
async def a_device_without_a_prompt_is_given_up(era):
    async with connected(era) as client:
        bgpd("r2", signal.SIGSTOP)
        try:
            answers = entries(await run(client, ["r2-hasty", "r1"], ["show version"]))
        finally:
            bgpd("r2", signal.SIGCONT)
        assert code(answers["r2-hasty", "show version"]) == "prompt_timeout", answers
        assert "FRRouting" in answers["r1", "show version"], answers
    await no_sessions()


# --- progress, cancellation, the end -------------------------------------------------------------


@in_both_eras
async def progress_is_told_where_it_is_asked_for(era):
    heard = []

    async def note(progress, total, message):
        heard.append((progress, total, message))

    devices = ANSWERING + ["r1-silent"]
    async with connected(era) as client:
        await run(client, devices, ["show version"], progress_callback=note)
        assert len(heard) >= 2, heard
        values = [progress for progress, _, _ in heard]
        assert values == sorted(set(values)), f"not rising: {heard}"
        assert {total for _, total, _ in heard} == {len(devices)}, heard
        assert values[-1] <= len(devices) and values[-1] >= len(devices) - 1, heard


@in_both_eras
async def a_cancelled_call_is_stopped_on_the_device(era):
    await no_sessions()
    async with connected(era) as client:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(run, client, ["r2"], BUSY)
                async with frozen_in_mid_command("r2"):
                    scope.cancel()
                    with anyio.CancelScope(shield=True):
                        # Nothing answers; the server must let go all the same.
                        await until("the server lets go", lambda: "127.0.21.2:22221" not in rig("sessions"), 15)
        answers = entries(await run(client, ["r1"], ["show version"]))
        assert "FRRouting" in answers["r1", "show version"]
        answers = entries(await run(client, ["r2"], ["show version"]))
        assert "FRRouting" in answers["r2", "show version"], answers
    await no_sessions()


@in_both_eras
async def many_calls_at_once_are_all_answered(era):
    async with connected(era) as client:
        expected = {
            "show ip route 10.77.12.1": "Routing entry for 10.77.12.0/24",
            "show bgp ipv4 unicast 198.51.101.0/24": "BGP routing table entry for 198.51.101.0/24",
        }
        calls = [run(client, [device], [command]) for device in ("r1", "r2", "r1-key") for command in [*expected] * 2]
        started = time.monotonic()
        results = await asyncio.gather(*calls)
        assert time.monotonic() - started < 30
        for result in results:
            (((_, command), text),) = entries(result).items()
            assert expected[command] in text, text[:200]
    await no_sessions()


@in_both_eras
async def a_killed_client_leaves_nothing_behind(era):
    """The client is another process, killed without a chance to say goodbye, in the middle of a command."""
    await no_sessions()
    with temporary_state() as state:
        client = subprocess.Popen([sys.executable, __file__, "--hold", era, str(state)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            async with frozen_in_mid_command("r2"):
                servers = children(client.pid)
                assert len(servers) == 1 and "127.0.21.2:22221" in rig("sessions")
                client.kill()
                client.wait()
                killed = time.monotonic()
                await until("the server ends", lambda: not alive(servers[0]), 10)
                print(f"\n    the server ended {time.monotonic() - killed:.2f} s after its client")
                await until("no connection is left over", lambda: "127.0.21.2:22221" not in rig("sessions"), 5)
        finally:
            client.kill()
            client.wait()
    await no_sessions()


async def hold(era, state):
    """What the killed client does."""
    parameters = StdioServerParameters(command=BIN, args=serve_arguments(state))
    async with Client(stdio_client(parameters, errlog=open(os.devnull, "w")), mode=era) as client:
        await client.call_tool("run_commands", {"devices": ["r2"], "commands": BUSY})


class Raw:
    """A server without an SDK, for what no SDK would send."""

    def __init__(self, state, *more):
        self.log = open(Path(state) / "raw.log", "w+")
        command = [BIN, *serve_arguments(state), *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.lines = []

    def send(self, line):
        data = line if isinstance(line, bytes) else json.dumps(line).encode()
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def ask(self, id, method, params):
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        return self.answer(id)

    def answer(self, id):
        """Reads until the answer to `id` is there."""
        while True:
            line = self.process.stdout.readline()
            assert line, f"the server ended before it answered {id}"
            self.lines.append(line)
            message = json.loads(line)
            if message.get("id") == id and "method" not in message:
                return message

    def initialize(self):
        client = {"name": "raw", "version": "0"}
        answer = self.ask("init", "initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
        assert answer["result"]["serverInfo"]["name"] == "vty-mcp", answer
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, id, tool, **arguments):
        return self.ask(id, "tools/call", {"name": tool, "arguments": arguments})

    def end(self):
        """Reads what is left after the input was closed, and the exit code."""
        self.process.stdin.close()
        self.lines += self.process.stdout.readlines()
        status = self.process.wait(10)
        self.log.seek(0)
        log = self.log.read()
        self.log.close()
        return status, log

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


GARBAGE = [
    b"",
    b"   ",
    b"hello",
    b"{",
    b"null",
    b"42",
    b'"text"',
    b"[]",
    b'{"jsonrpc":"1.0","id":900,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":901}',
    b'{"jsonrpc":"2.0","id":902,"method":42}',
    b'{"jsonrpc":"2.0","id":903,"method":"no/such/method"}',
    b'{"jsonrpc":"2.0","method":"notifications/nonsense"}',
    b'{"jsonrpc":"2.0","id":904,"method":"tools/call","params":{"name":"run_commands","arguments":[1]}}',
    b'{"jsonrpc":"2.0","id":905,"method":"tools/call","params":"x"}',
    b'{"jsonrpc":"2.0","id":"unknown","result":{}}',
    b"\xff\xfe\x00\x80",
    b'{"jsonrpc":"2.0","id":906,"method":"' + b"x" * 300_000 + b'"}',
    b"[" * 5_000,
    b"\x1b[31mred\r",
]


@test
def standard_output_has_nothing_but_json_rpc():
    with temporary_state() as state:
        server = Raw(state, "--log", "trace")
        try:
            server.initialize()
            for number, line in enumerate(GARBAGE):
                server.send(line)
                answer = server.ask(f"alive-{number}", "tools/list", {})
                assert len(answer["result"]["tools"]) == len(TOOLS), f"after {line[:60]!r}"
            assert "r1-key" in json.dumps(server.call(1, "list_devices"))
            text = json.dumps(server.call(2, "run_commands", devices=["r1", "r1-pager", "r1-wrong"], commands=["show running-config"]))
            assert "hostname r1" in text and ("auth_failed" in text or "credential_held" in text)
            assert "parsed" in json.dumps(server.call(3, "query_devices", devices=["r1"], command="show ip bgp summary"))
            status, log = server.end()
        finally:
            server.kill()
        asked = {"init", 1, 2, 3} | {f"alive-{number}" for number in range(len(GARBAGE))}
        answered = []
        for line in server.lines:
            assert line.endswith(b"\n"), line
            message = json.loads(line)
            assert isinstance(message, dict) and message.get("jsonrpc") == "2.0", line
            assert ("method" in message) or ("result" in message) != ("error" in message), line
            assert message.get("method") != "notifications/progress", "nobody asked for progress"
            if "method" not in message:
                answered.append(message.get("id"))
        assert [id for id in answered if id in asked] == [id for id in answered if id not in (None, *range(900, 907))], answered
        assert all(answered.count(id) == 1 for id in asked), answered
        assert status == 0, status
        assert len(log) > 1000, "the log is on standard error"
        for secret in secrets():
            assert secret not in log, f"the log on level trace shows {secret!r}"
        print(f"\n    garbage answered with errors: {sorted(i for i in answered if isinstance(i, int) and i >= 900)}; without an id: {answered.count(None)}")


@test
def a_closed_input_ends_the_server():
    with temporary_state() as state:
        server = Raw(state)
        try:
            server.initialize()
            server.call(1, "run_commands", devices=["r1"], commands=["show version"])
            started = time.monotonic()
            status, _ = server.end()
            assert status == 0 and time.monotonic() - started < 5, (status, time.monotonic() - started)
        finally:
            server.kill()
        server = Raw(state)
        try:
            assert server.end()[0] == 0, "a client that says nothing at all"
        finally:
            server.kill()


@test
async def a_closed_input_or_a_signal_in_mid_command_ends_the_server():
    # SIGHUP has the device file read again.
    for how in ("closed input", signal.SIGTERM, signal.SIGINT):
        await no_sessions()
        with temporary_state() as state:
            server = Raw(state)
            try:
                server.initialize()
                call = {"name": "run_commands", "arguments": {"devices": ["r2"], "commands": BUSY}}
                server.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call})
                async with frozen_in_mid_command("r2"):
                    started = time.monotonic()
                    if how == "closed input":
                        server.process.stdin.close()
                    else:
                        server.process.send_signal(how)
                    await until(f"the server ends ({how})", lambda: server.process.poll() is not None, 10)
                    print(f"\n    {how}: ended after {time.monotonic() - started:.2f} s with {server.process.returncode}", end="")
                    assert server.process.returncode == 0, f"{how}: {server.process.returncode}"
                    await until("no connection is left over", lambda: "127.0.21.2:22221" not in rig("sessions"), 5)
            finally:
                server.kill()
    await no_sessions()


# --- the command line ----------------------------------------------------------------------------


def command_line(*arguments, inventory=INVENTORY):
    with temporary_state() as state:
        command = [BIN, *arguments, "-f", str(inventory), "--state-dir", str(state)]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    check_clean(done.stdout + done.stderr, " ".join(command))
    return done


@test
def the_command_line_ends_with_the_documented_codes():
    done = command_line("run", "r1", "show version")
    assert done.returncode == 0 and "FRRouting" in done.stdout, done
    done = command_line("run", "r1-pager", "show running-config", "show ip bgp summary")
    assert done.returncode == 0 and "hostname r1" in done.stdout and "65099" in done.stdout, done
    for device, command, word in [
        ("r1-wrong", "show version", "auth_failed"),
        ("r1-nowhere", "show version", "connect_failed"),
        ("r1-silent", "show version", "connect_timeout"),
        ("no-such-device", "show version", "unknown_device"),
        ("r1", "reload", "policy_denied"),
        ("r1", "show foo", "command_rejected"),
    ]:
        done = command_line("run", device, command)
        assert done.returncode == 3 and word in done.stderr, f"{device} {command}: {done}"
        assert word not in done.stdout, "failures stand on standard error"
    done = command_line("run", "--json", "r1", "show version", "reload")
    answers = json.loads(done.stdout)[0]["answers"]
    assert done.returncode == 3 and "FRRouting" in answers[0]["text"] and answers[1]["error"]["code"] == "policy_denied", done
    done = command_line("run", "r2", "show running-config")
    assert done.returncode == 0 and "LONG seq 6000 " in done.stdout, "a person gets the whole text"
    assert command_line("check").returncode == 0
    for arguments in (["run", "r1"], ["nonsense"], ["serve", "--nonsense"]):
        assert command_line(*arguments).returncode == 2, arguments
    assert command_line("serve", inventory="/nowhere/devices.json").returncode == 2
    assert command_line("run", "r1", "show version", inventory=__file__).returncode == 2


# --- the runner ----------------------------------------------------------------------------------


def causes(error):
    """What really went wrong, without the groups that task groups wrap it in."""
    if isinstance(error, BaseExceptionGroup):
        return [cause for inner in error.exceptions for cause in causes(inner)]
    return [error]


def main(parts):
    if not INVENTORY.exists():
        print(f"{INVENTORY} is missing: the rig does not run; start it with tests/rig/frr.sh start")
        print("0 passed, 1 failed")
        return 1
    # Two runs on one rig would freeze routers under each other.
    lock = open(STATE / "test.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    passed, failed = 0, []
    for name, function in TESTS:
        if parts and not any(part in name for part in parts):
            continue
        print(f"{name} ... ", end="", flush=True)
        started = time.monotonic()
        try:
            outcome = function()
            if asyncio.iscoroutine(outcome):
                asyncio.run(asyncio.wait_for(outcome, 120))
        except Exception as error:
            failed.append(name)
            print("FAILED")
            for cause in causes(error):
                frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if Path(frame.filename).parent == Path(__file__).resolve().parent]
                print("".join(traceback.format_list(frames)), end="")
                print(f"{type(cause).__name__}: {str(cause)[:2000]}")
        else:
            passed += 1
            print(f"ok ({time.monotonic() - started:.1f} s)")
        finally:
            with contextlib.suppress(OSError, ValueError):
                bgpd("r2", signal.SIGCONT)
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--hold"]:
        asyncio.run(hold(sys.argv[2], sys.argv[3]))
    else:
        # The tests of query_devices have a file of their own, which takes what it needs from here.
        sys.modules["test_sdk"] = sys.modules["__main__"]
        import test_query  # noqa: F401

        sys.exit(main(sys.argv[1:]))
