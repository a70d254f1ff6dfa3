"""query_devices as the official MCP SDK for Python sees it: tables, conditions, jq programs, types, pages and native
JSON, on a lab of several vendors; and FRRouting's text, parsed by our templates, against what its own JSON says.

test_sdk.py takes these tests in and runs them with its own:

    tests/clients/.venv/bin/python tests/clients/test_sdk.py [PART OF A NAME ...]
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import jsonschema
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

import frr_json
import test_sdk as sdk
from test_sdk import BIN, alive, children, in_both_eras, temporary_state, test, text_of, until

LAB = {
    "edge-1": "cisco_ios",
    "edge-2": "cisco_ios",
    "leaf-1": "arista_eos",
    "leaf-2": "arista_eos",
    "router-1": "frr",
    "firewall-1": "juniper_junos",
    "nexus-1": "cisco_nxos",
}
# They have `show ip bgp summary` in common.
SPEAKERS = ["edge-1", "edge-2", "leaf-1", "leaf-2", "router-1"]
SUMMARY = "show ip bgp summary"
BRIEF = "show ip interface brief"


# --- the lab and its client ----------------------------------------------------------------------


@contextlib.contextmanager
def lab(directory):
    """The devices of LAB, simulated by another process; and the inventory of them."""
    description, inventory = directory / "lab.toml", directory / "lab.json"
    description.write_text("".join(f'[[device]]\nname = "{name}"\nplatform = "{platform}"\n' for name, platform in LAB.items()))
    command = [BIN, "lab", "--file", str(description), "--inventory", str(inventory)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if line.startswith("Stop:"):
                break
        assert inventory.exists(), "the lab does not start"
        yield inventory
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(10) == 0 and not inventory.exists(), "the lab takes its inventory away"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Asker:
    """A client whose answers are all looked at: for secrets, and against the schema that the tool announces."""

    def __init__(self, client, schema):
        self.client, self.schema = client, schema
        jsonschema.Draft202012Validator.check_schema(schema)

    async def call(self, devices, command, **more):
        result = await self.client.call_tool("query_devices", {"devices": devices, "command": command, **more})
        sdk.check_clean(json.dumps(result.structured_content), f"the answer of {devices} to {command}")
        # Errors as well: the SDK for TypeScript hides an error that does not fit the schema.
        jsonschema.validate(result.structured_content, self.schema, jsonschema.Draft202012Validator)
        # The same stands in the text, for clients that read no structured content.
        if not result.is_error:
            assert json.loads(text_of(result)) == result.structured_content, text_of(result)[:300]
        return result

    async def ask(self, devices, command, **more):
        """An answer that is none of an error."""
        result = await self.call(devices, command, **more)
        assert not result.is_error, text_of(result)
        return result.structured_content

    async def refused(self, **more):
        """What is said of an argument that is wrong."""
        result = await self.call(SPEAKERS, SUMMARY, **more)
        assert result.is_error, f"{more} works: {text_of(result)[:300]}"
        (error,) = result.structured_content["errors"]
        assert error["code"] == "invalid_argument" and error["side_effects"] == "none", error
        assert error["message"] in text_of(result) and error["hint"] in text_of(result), text_of(result)
        return error


async def asker(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    return Asker(client, tools["query_devices"].output_schema)


@contextlib.asynccontextmanager
async def laboratory(era):
    """A client of a server of the lab, and the server's process."""
    with temporary_state() as directory, lab(directory) as inventory:
        log = directory / "server.log"
        arguments = ["serve", "-f", str(inventory), "--state-dir", str(directory / "state")]
        before = set(children(os.getpid()))
        with open(log, "w") as errlog:
            parameters = StdioServerParameters(command=BIN, args=arguments)
            async with Client(stdio_client(parameters, errlog=errlog), mode=era, read_timeout_seconds=60) as client:
                (server,) = [pid for pid in set(children(os.getpid())) - before if alive(pid)]
                yield await asker(client), server
        assert "panicked" not in log.read_text(), log.read_text()


def rows_of(answer):
    table = answer["table"]
    assert all(len(row) == len(table["columns"]) for row in table["rows"]), table
    return [dict(zip(table["columns"], row)) for row in table["rows"]]


def records_of(answer):
    """The records of an answer by device, each with the device's name in front, as in a table."""
    return [{"device": entry["device"], **record} for entry in answer["devices"] for record in entry["records"]]


def without_nulls(rows):
    """A table has an empty place where a device's records do not have the column."""
    return [{column: value for column, value in row.items() if value is not None} for row in rows]


# --- tables, conditions, programs ----------------------------------------------------------------


@in_both_eras
async def devices_of_several_vendors_answer_in_one_table(era):
    async with laboratory(era) as (asker, _):
        answer = await asker.ask(SPEAKERS, SUMMARY)
        entries = answer["devices"]
        assert [entry["device"] for entry in entries] == SPEAKERS
        assert {entry["status"] for entry in entries} == {"parsed"}, entries
        assert len({entry["template"] for entry in entries}) == 3, "one template for each vendor"
        assert all("records" not in entry for entry in entries) and "next_cursor" not in answer, answer
        rows = rows_of(answer)
        assert answer["table"]["columns"][0] == "device"
        for entry in entries:
            assert entry["total_records"] == len([row for row in rows if row["device"] == entry["device"]]) > 0, entry
        assert all(row["bgp_neighbor"] and row["neighbor_as"].isdigit() for row in rows), rows

        # One device answers in records, and several do where they are asked to.
        records = await asker.ask(SPEAKERS, SUMMARY, format="records")
        assert "table" not in records and records_of(records) == without_nulls(rows)
        one = await asker.ask(SPEAKERS[:1], SUMMARY)
        assert "table" not in one and one["devices"][0]["records"] == records["devices"][0]["records"]
        one = await asker.ask(SPEAKERS[:1], SUMMARY, format="table")
        assert "records" not in one["devices"][0] and rows_of(one) == records_of({"devices": records["devices"][:1]})

        # A table costs less than records; that is what it is for.
        sizes = [len(json.dumps(each, separators=(",", ":"))) for each in (answer, records)]
        print(f"\n    {len(rows)} rows of {len(SPEAKERS)} devices: {sizes[0]} bytes as a table, {sizes[1]} as records", end=" ")
        assert sizes[0] < sizes[1], sizes


@test
async def fields_and_conditions_cut_the_records_of_every_vendor():
    async with laboratory("auto") as (asker, _):
        rows = rows_of(await asker.ask(SPEAKERS, SUMMARY))
        some = [
            (["neighbor_as = 65001"], lambda row: row["neighbor_as"] == "65001"),
            (["neighbor_as >= 65003"], lambda row: int(row["neighbor_as"]) >= 65003),
            (["neighbor_as != 65001", "messages_sent > 1000"], lambda row: row["neighbor_as"] != "65001" and int(row["messages_sent"]) > 1000),
            (["bgp_neighbor in 192.0.2.0/29"], lambda row: re.fullmatch(r"192\.0\.2\.[0-7]", row["bgp_neighbor"])),
            (["up_down ~ ^\\d+w"], lambda row: re.search(r"^\d+w", row["up_down"])),
        ]
        for conditions, fits in some:
            expected = [row for row in rows if fits(row)]
            assert 0 < len(expected) < len(rows), f"{conditions} tell nothing"
            answer = await asker.ask(SPEAKERS, SUMMARY, where=conditions)
            assert without_nulls(rows_of(answer)) == without_nulls(expected), conditions
            assert sum(entry["total_records"] for entry in answer["devices"]) == len(expected), conditions
            answer = await asker.ask(SPEAKERS, SUMMARY, where=conditions, fields=["neighbor_as", "bgp_neighbor"])
            assert answer["table"]["columns"] == ["device", "neighbor_as", "bgp_neighbor"], answer
            assert answer["table"]["rows"] == [[row["device"], row["neighbor_as"], row["bgp_neighbor"]] for row in expected], conditions
        nothing = await asker.ask(SPEAKERS, SUMMARY, where=["neighbor_as = 1"])
        assert nothing["table"]["rows"] == [] and {entry["status"] for entry in nothing["devices"]} == {"parsed"}, nothing
        for conditions, words in [(["neighbor_as"], "operator"), (["neighbor_as ~ ("], "("), (["bgp_neighbor in nowhere"], "nowhere")]:
            assert words in (await asker.refused(where=conditions))["message"], conditions
        # Which fields there are depends on the template, so each device says that by itself.
        result = await asker.call(SPEAKERS, SUMMARY, where=["no_such_field = 1"])
        assert result.is_error
        for entry in result.structured_content["devices"]:
            assert entry["status"] == "unknown_field" and entry["error"]["code"] == "invalid_argument", entry
            assert "no_such_field" in entry["error"]["message"] and "neighbor_as" in entry["error"]["message"], entry


@in_both_eras
async def one_program_over_five_devices_of_three_vendors_gives_one_table(era):
    program = '.[] | select(.neighbor_as != 65003) | {device, neighbor: .bgp_neighbor, as: .neighbor_as, sent: .messages_sent}'
    async with laboratory(era) as (asker, _):
        rows = rows_of(await asker.ask(SPEAKERS, SUMMARY, types=True))
        expected = [
            {"device": row["device"], "neighbor": row["bgp_neighbor"], "as": row["neighbor_as"], "sent": row["messages_sent"]}
            for row in rows
            if row["neighbor_as"] != 65003
        ]
        answer = await asker.ask(SPEAKERS, SUMMARY, select=program)
        assert rows_of(answer) == expected and len({row["device"] for row in expected}) == len(SPEAKERS), answer["table"]
        assert all("records" not in entry for entry in answer["devices"]), "the records are in the table"
        answer = await asker.ask(SPEAKERS, SUMMARY, select=program, format="records")
        assert "table" not in answer and answer["values"] == expected, answer
        answer = await asker.ask(SPEAKERS, SUMMARY, select="group_by(.device) | map({(.[0].device): length}) | add")
        counts = {name: len([row for row in rows if row["device"] == name]) for name in SPEAKERS}
        assert counts in (rows_of(answer) if "table" in answer else answer["values"]), answer
        answer = await asker.ask(SPEAKERS, SUMMARY, select="map(.messages_sent) | add")
        assert answer["values"] == [sum(row["messages_sent"] for row in rows)], answer
        # One array of objects is as good as the objects.
        answer = await asker.ask(SPEAKERS, SUMMARY, select="sort_by(.neighbor_as, .bgp_neighbor) | map({device, as: .neighbor_as})", limit=4)
        assert [row["as"] for row in rows_of(answer)] == sorted(row["neighbor_as"] for row in rows)[:4], answer
        assert answer["total"] == len(rows) and answer["next_cursor"], answer
        # Conditions come first, and text stays text on request.
        answer = await asker.ask(SPEAKERS, SUMMARY, where=["neighbor_as = 65003"], select="map(.neighbor_as) | unique | .[]", types=False)
        assert answer["values"] == ["65003"], answer
        # Native JSON is there for a program as well.
        answer = await asker.ask(["leaf-1", "nexus-1"], "show version", format="native", select=".[] | [.device, (.data | type)]")
        assert answer["values"] == [["leaf-1", "object"], ["nexus-1", "object"]], answer


@in_both_eras
async def a_bad_program_is_an_error_and_nothing_else(era):
    async with laboratory(era) as (asker, server):
        for program, words in [
            (".[", "bracket"),
            ("map(", "parenthes"),
            ("nonsense", "nonsense"),
            (".[0] | .device + 1", "cannot calculate"),
            (".bgp_neighbor", "cannot index"),
            ('error("no luck")', "no luck"),
        ]:
            message = (await asker.refused(select=program))["message"]
            assert words in message, f"{program}: {message}"
        # What a device did not give is told before a program that stumbles over it.
        result = await asker.call(["firewall-1", "no-such-device"], SUMMARY, select=".[] | .x.y | to_entries[]")
        codes = [entry["error"]["code"] for entry in result.structured_content["devices"]]
        assert result.is_error and codes == ["command_rejected", "unknown_device"], result
        result = await asker.call(["edge-1", "firewall-1"], SUMMARY, select=".[] | .x.y | to_entries[]")
        assert result.is_error and "nothing from firewall-1" in result.structured_content["errors"][0]["hint"], result
        # A program sees its input and nothing else.
        for program in ("env.HOME", "$ENV.HOME", "input_filename", 'import "x" as x; .', "$__prog_args"):
            message = (await asker.refused(select=program))["message"]
            assert "there is no" in message or "cannot be loaded" in message, f"{program}: {message}"
        assert rows_of(await asker.ask(SPEAKERS, SUMMARY))
        await until("no process is left over", lambda: not children(server))


@in_both_eras
async def a_program_that_never_ends_or_eats_memory_is_ended_while_others_are_answered(era):
    async with laboratory(era) as (asker, server):
        await asker.ask(SPEAKERS, SUMMARY)
        for program, reason in [
            ("def f: f; f", "select_time"),
            ("[range(1e9)]", "select_memory"),
            ('"x" | until(false; . + .)', "select_memory"),
        ]:
            call = asyncio.create_task(asker.refused(select=program))
            await until("the program runs", lambda: children(server) or call.done())
            # It runs in a process of its own, so that others are answered meanwhile.
            answer = await asyncio.wait_for(asker.ask(SPEAKERS, SUMMARY, select="length"), 20)
            assert reason == "select_memory" or not call.done(), "the answer did not wait for it"
            assert answer["values"] == [sum(entry["total_records"] for entry in answer["devices"])], answer
            error = await asyncio.wait_for(call, 20)
            assert error.get("reason") == reason, f"{program}: {error}"
            await until("the program's process is gone", lambda: not children(server))
            print(f"\n    {program}: {error['message']}", end=" ")
        assert alive(server)


@in_both_eras
async def a_cancelled_call_ends_its_program(era):
    async with laboratory(era) as (asker, server):
        await asker.ask(SPEAKERS, SUMMARY)
        call = asyncio.create_task(asker.call(SPEAKERS, SUMMARY, select="def f: f; f"))
        await until("the program runs", lambda: children(server))
        (program,) = children(server)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        # Long before its time is over.
        await until("the program is ended", lambda: not alive(program), 3)
        assert (await asker.ask(SPEAKERS, SUMMARY, select="length"))["values"]


@test
async def types_are_numbers_where_a_whole_column_is():
    async with laboratory("auto") as (asker, _):
        plain = rows_of(await asker.ask(SPEAKERS, SUMMARY))
        typed = rows_of(await asker.ask(SPEAKERS, SUMMARY, types=True))
        assert all(isinstance(value, str | None) for row in plain for value in row.values()), plain
        assert {type(row["neighbor_as"]) for row in typed} == {int} and {type(row["bgp_neighbor"]) for row in typed} == {str}, typed
        assert {type(row["up_down"]) for row in typed} == {str}, "`12w3d` is no number, so `87` would be none either"
        for before, after in zip(plain, typed, strict=True):
            for column, value in before.items():
                same = after[column] == value or str(after[column]) == value or (value == "" and after[column] is None)
                assert same, f"{column}: {value!r} became {after[column]!r}"
        answer = await asker.ask(["edge-1", "leaf-1"], BRIEF, where=["interface = gi1"], fields=["interface"], types=True)
        assert answer["table"]["rows"] == [["edge-1", "GigabitEthernet1"]], answer


@in_both_eras
async def pages_add_up_to_the_whole(era):
    async with laboratory(era) as (asker, _):
        more = {"select": ".[] | {device, bgp_neighbor}"}
        for arguments in ({}, {"format": "records"}, more, {**more, "format": "records"}, {"where": ["neighbor_as > 65001"], "types": True}):

            def rows(answer):
                return rows_of(answer) if "table" in answer else answer["values"] if "values" in answer else records_of(answer)

            whole = rows(await asker.ask(SPEAKERS, SUMMARY, **arguments))
            for limit in (1, 3, len(whole) - 1, len(whole), 10_000):
                pages, cursor = [], {}
                while True:
                    answer = await asker.ask(SPEAKERS, SUMMARY, limit=limit, **arguments, **cursor)
                    pages.append(rows(answer))
                    assert len(pages[-1]) <= limit and len(pages) <= len(whole), f"{arguments}, {limit}"
                    assert answer.get("total", len(whole)) == len(whole), answer
                    if "next_cursor" not in answer:
                        break
                    cursor = {"cursor": answer["next_cursor"]}
                assert sum(pages, []) == whole, f"{arguments}, {limit}"
                assert len(pages) == max(1, -(-len(whole) // limit)), f"{arguments}, {limit}: {len(pages)} pages"
        first = await asker.ask(SPEAKERS, SUMMARY, limit=2)
        cursor = first["next_cursor"]
        for arguments, words in [
            ({"cursor": cursor, "where": ["neighbor_as > 1"]}, "another query"),
            ({"cursor": cursor[:-1] + "x"}, "unknown"),
            ({"cursor": "nothing"}, "unknown"),
            ({"limit": 0}, "limit"),
            ({"limit": 10_001}, "limit"),
        ]:
            assert words in (await asker.refused(**arguments))["message"], arguments
        assert len(rows_of(await asker.ask(SPEAKERS, SUMMARY, limit=2, cursor=cursor))) == 2, "a cursor may be used again"


@test
async def native_json_is_what_the_device_prints():
    async with laboratory("auto") as (asker, _):
        asked = list(LAB)
        answer = await asker.ask(asked, "show version", format="native")
        as_is = await asker.ask(asked, "show version", format="native_as_is")
        statuses = {entry["device"]: entry["status"] for entry in answer["devices"]}
        # IOS has none; the lab's FRR has none for this command, as the real one has none in version 8.
        assert statuses["edge-1"] == "no_native" and statuses["leaf-1"] == statuses["nexus-1"] == "native", statuses
        for plain, printed in zip(answer["devices"], as_is["devices"], strict=True):
            assert plain["status"] == printed["status"], (plain, printed)
            shown = {"leaf-1": " | json", "leaf-2": " | json", "nexus-1": " | json", "firewall-1": " | display json"}.get(plain["device"], "")
            if plain["status"] == "native":
                text = await run(asker.client, plain["device"], "show version" + shown)
                assert printed["data"] == json.loads(text) and "text" not in printed, printed
                assert plain["data"] == printed["data"] or LAB[plain["device"]] in ("juniper_junos", "cisco_nxos"), plain
            else:
                assert plain["text"] == await run(asker.client, plain["device"], "show version"), plain
                assert "data" not in plain and plain["text"], plain


async def run(client, device, command):
    result = await client.call_tool("run_commands", {"devices": [device], "commands": [command]})
    return sdk.entries(result)[device, command]


@test
async def what_is_no_record_stands_beside_the_table():
    async with laboratory("auto") as (asker, _):
        asked = ["edge-1", "no-such-device", "leaf-1", "firewall-1"]
        answer = await asker.ask(asked, BRIEF)
        statuses = {entry["device"]: entry["status"] for entry in answer["devices"]}
        assert list(statuses) == asked and statuses["edge-1"] == statuses["leaf-1"] == "parsed", statuses
        errors = {entry["device"]: entry["error"]["code"] for entry in answer["devices"] if "error" in entry}
        # Junos has other words for this.
        assert errors == {"no-such-device": "unknown_device", "firewall-1": "command_rejected"}, errors
        assert {row["device"] for row in rows_of(answer)} == {"edge-1", "leaf-1"}
        result = await asker.call(["no-such-device", "firewall-1"], BRIEF)
        assert result.is_error and len(result.structured_content["devices"]) == 2, result
        answer = await asker.ask(["edge-1", "leaf-1"], "show clock")
        assert all(entry["status"] in ("parsed", "native", "no_template") for entry in answer["devices"]), answer


# --- FRRouting against its own JSON --------------------------------------------------------------

MORE_BGP = ["router bgp 65001", "neighbor 2001:db8:1::2 remote-as 4200000001", "neighbor 2001:db8:1::2 shutdown", "neighbor 192.0.2.9 remote-as 65001"]
MORE_BGP += ["neighbor 192.0.2.9 description two words", "address-family ipv6 unicast", "network 2001:db8:9::/48", "neighbor 2001:db8:1::2 activate"]
LESS_BGP = [["no neighbor 2001:db8:1::2"], ["no neighbor 192.0.2.9"], ["address-family ipv6 unicast", "no network 2001:db8:9::/48"]]
MORE_LINKS = """\
link add more0 type veth peer name more1
link add more2 type veth peer name more3
link set more0 mtu 9000 up
link set more1 up
addr add 192.0.2.1/24 dev more0
addr add 192.0.2.2/24 dev more0
addr add 203.0.113.5 peer 203.0.113.6/32 dev more0
addr add 2001:db8:1::1/64 dev more0 nodad
addr add 2001:db8:4::1/64 dev more1 nodad
route add 198.18.1.0/24 nexthop via 10.77.12.2 weight 2 nexthop via 192.0.2.77 weight 3
route add blackhole 198.18.2.0/24 metric 7
route add unreachable 198.18.3.0/24
route add 2001:db8:2::/64 via 2001:db8:1::2 metric 42
route add 2001:db8:3::/64 nexthop via 2001:db8:1::2 nexthop via 2001:db8:1::3
"""
LESS_LINKS = """\
link del more0
link del more2
route del blackhole 198.18.2.0/24
route del unreachable 198.18.3.0/24
"""


def vtysh(*lines):
    arguments = [word for line in lines for word in ("-c", line)]
    return done("vtysh", "-N", "vtyr1", *arguments)


def done(*command, **options):
    ended = subprocess.run(command, capture_output=True, text=True, **options)
    assert ended.returncode == 0, ended
    return ended.stdout


def ip(lines):
    return done("ip", "-n", "vty-r1", "-force", "-batch", "-", input=lines)


@contextlib.asynccontextmanager
async def more_on_r1():
    """Gives r1 neighbours, interfaces, addresses and routes of more kinds, and takes them away again."""
    before = vtysh("show running-config")
    try:
        ip(MORE_LINKS)
        vtysh("configure terminal", *MORE_BGP)
        await until("zebra has the routes", lambda: "2001:db8:3::/64" in vtysh("show ipv6 route") and "198.18.3.0/24" in vtysh("show ip route"))
        yield
    finally:
        # What was not made cannot be taken away; whether all is gone is asked below.
        with contextlib.suppress(AssertionError):
            ip(LESS_LINKS)
        for lines in LESS_BGP:
            with contextlib.suppress(AssertionError):
                vtysh("configure terminal", "router bgp 65001", *lines)
    await until("r1 is as it was", lambda: vtysh("show running-config") == before and "more" not in vtysh("show interface brief"))


@test
async def frr_text_parses_to_what_its_own_json_says():
    compared = {}
    async with more_on_r1(), sdk.connected("auto") as client:
        ask = (await asker(client)).ask
        for device in ("r1", "r2"):
            for command in frr_json.COMMANDS:
                fields, records = await same(ask, device, command)
                compared.setdefault(command.command, []).append((device, records, fields))
    for command, found in compared.items():
        print(f"\n    {command}: " + ", ".join(f"{device} {records} records, {fields} fields" for device, records, fields in found), end=" ")
    # r2 has no IPv6 table of BGP.
    empty = {(command, device) for command, found in compared.items() for device, records, _ in found if not records}
    assert empty == {("show bgp ipv6 unicast", "r2")}, empty


async def same(ask, device, command):
    """Compares text and JSON of one command, and proves that a difference would be seen."""

    async def native():
        (entry,) = (await ask([device], command.command, format="native"))["devices"]
        assert entry["status"] == "native" and "data" in entry, entry
        return list(command.records(entry["data"]))

    # Counters count and times pass: the text is good for a comparison where JSON was the same before and after it.
    for _ in range(50):
        before = await native()
        (entry,) = (await ask([device], command.command, format="records"))["devices"]
        after = await native()
        if before == after:
            break
    else:
        raise AssertionError(f"{device}, {command.command}: it never stands still")
    assert entry["status"] == ("parsed" if before else "empty"), entry
    assert entry["source"] == "built-in", entry
    records = entry["records"]
    found = frr_json.differences(command, before, records)
    assert not found, f"{device}, {command.command}:\n" + "\n".join(found)
    for what, wrong in frr_json.damaged(records):
        assert frr_json.differences(command, before, wrong), f"{device}, {command.command}: nobody would see that {what}"
    return sum(len(set(record) & set(told)) for record, told in zip(records, before)), len(records)
