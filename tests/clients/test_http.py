#!/usr/bin/env python3
"""vty-mcp over HTTP, with tokens, as the official MCP SDK for Python sees it, with the real routers of tests/rig.

Start the rig first (tests/rig/frr.sh start), then run this with the Python of .venv (setup.sh):

    tests/clients/.venv/bin/python tests/clients/test_http.py [PART OF A NAME ...]

VTY_BIN is the program under test, target/debug/vty-mcp unless set. Ends with a line `N passed, N failed`.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

import test_sdk as sdk
from test_sdk import BIN, INVENTORY, check_clean, entries, run, temporary_state, text_of

sdk.TESTS.clear()  # the ones over stdio
ERAS = ["legacy", "auto"]
READING = sdk.TOOLS
WRITING = {"plan_change", "apply_change", "confirm_change", "revert_change", "list_changes"}
DEVICE = "r1-change"
PEER = "10.77.12.2"


test = sdk.test


def in_both_eras(function):
    """A test that runs with the protocol with `initialize` and with the one without."""
    for era in ERAS:
        sdk.TESTS.append((f"{function.__name__}[{era}]", lambda era=era: function(era)))
    return function


# --- the server and its clients ------------------------------------------------------------------


class Server:
    def __init__(self, directory, level):
        self.directory, self.level = directory, level
        self.state, self.log = directory / "state", directory / "server.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.base}/mcp"
        self.op, self.view = self.token("op", "operator"), self.token("view", "viewer")
        self.tokens = [self.op, self.view]

    def command(self, *arguments):
        command = [BIN, "--state-dir", str(self.state), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, f"{command}: {done}"
        return done.stdout

    def token(self, name, role):
        token = self.command("token", "create", name, "--role", role).strip()
        assert re.fullmatch(r"vty_\w{20,}", token), "standard output has the token and nothing else"
        return token

    async def start(self):
        arguments = ["serve", "-f", str(INVENTORY), "--state-dir", str(self.state), "-t", "http", "-p", str(self.port)]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [BIN, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"VTY_LOG": self.level},
            )
        end = time.monotonic() + 20
        async with httpx2.AsyncClient() as http:
            while True:
                assert self.process.poll() is None, self.log.read_text()[-2000:]
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(f"{self.base}/healthz")).status_code == 200:
                        return
                assert time.monotonic() < end, "the server does not answer /healthz"
                await asyncio.sleep(0.05)

    async def stop(self, seconds):
        """SIGTERM, and how long the end took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await sdk.until("the server ends", lambda: self.process.poll() is not None, seconds)
        assert self.process.returncode == 0, f"SIGTERM: {self.process.returncode}"
        return time.monotonic() - started


@contextlib.asynccontextmanager
async def serving(level="trace", seconds=10):
    """A server of its own with both tokens, ended with SIGTERM; then its log and the rig are looked at."""
    with temporary_state() as directory:
        server = Server(directory, level)
        try:
            await server.start()
            yield server
            if server.process.poll() is None:
                await server.stop(seconds)
            text = server.log.read_text()
            assert "panicked" not in text, text[-3000:]
            assert level != "trace" or len(text) > 1000, "the log is on standard error"
            for secret in [*sdk.secrets(), *server.tokens]:
                assert secret not in text, f"the log shows {secret!r}: {excerpt(text, secret)}"
            await sdk.no_sessions()
        finally:
            if server.process.poll() is None:
                server.process.kill()
            server.process.wait()


def excerpt(text, word):
    at = text.index(word)
    return text[max(0, at - 300) : at + 200]


@contextlib.asynccontextmanager
async def connected(server, token, era):
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=90) as http:
        transport = streamable_http_client(server.url, http_client=http)
        async with Client(transport, mode=era, read_timeout_seconds=90) as client:
            yield client


# --- changes -------------------------------------------------------------------------------------


def vtysh(*commands, router="r1"):
    arguments = [word for command in commands for word in ("-c", command)]
    done = subprocess.run(["vtysh", "-N", f"vty{router}", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout


def running():
    return vtysh("show running-config")


def startup():
    done = subprocess.run(["cat", "/etc/frr/vtyr1/frr.conf"], capture_output=True, text=True, check=True)
    return done.stdout


def established():
    peers = json.loads(vtysh("show bgp ipv4 unicast summary json"))["peers"]
    return peers[PEER]["state"] == "Established" and peers[PEER]["pfxRcd"] == 2


async def plan(client, configuration, **more):
    arguments = {"devices": [DEVICE], "configuration": configuration, **more}
    result = await client.call_tool("plan_change", arguments)
    assert not result.is_error, text_of(result)
    check_clean(result.model_dump_json(), "plan_change")
    answer = result.structured_content
    assert answer["expires_at"] and len(answer["devices"]) == 1, answer
    assert answer["devices"][0]["class"] == "unprotected" and answer["devices"][0]["source"] == "predicted", answer
    return answer


async def work(client, tool, **arguments):
    """Calls a tool that works on a change, and returns what it says of the one change."""
    result = await client.call_tool(tool, arguments)
    assert result.structured_content, f"{tool}: {text_of(result)}"
    check_clean(result.model_dump_json().replace("\\r", "").replace("\\n", "\n"), tool)
    changes = result.structured_content["changes"]
    assert len(changes) == 1 and changes[0]["device"] == DEVICE, changes
    assert result.is_error == (changes[0]["state"] not in ("held", "saved")), (result.is_error, changes)
    return changes[0]


async def apply(client, planned, **more):
    return await work(client, "apply_change", plan_id=planned["plan_id"], plan_hash=planned["plan_hash"], **more)


@contextlib.contextmanager
def running_afterwards_as_before():
    before = running()
    try:
        yield before
        assert running() == before, f"the running configuration is another one:\n{running()}\nand was:\n{before}"
    finally:
        # Whatever failed, the next test begins with the router as it was.
        if "10.77.254.1/32" in running():
            vtysh("conf t", "interface lo", "no ip address 10.77.254.1/32")
        if " shutdown" in running():
            vtysh("conf t", "router bgp 65001", f"no neighbor {PEER} shutdown")


# --- reading -------------------------------------------------------------------------------------


@in_both_eras
async def devices_are_listed_and_shown_over_http(era):
    async with serving() as server:
        for token, tools in ((server.op, READING | WRITING), (server.view, READING)):
            async with connected(server, token, era) as client:
                assert client.protocol_version == ("2026-07-28" if era == "auto" else "2025-11-25")
                assert client.server_info.name == "vty-mcp"
                assert {tool.name for tool in (await client.list_tools()).tools} == tools
                listed = await client.call_tool("list_devices", {})
                check_clean(listed.model_dump_json(), "list_devices")
                assert listed.structured_content["total"] == len(json.loads(INVENTORY.read_text())["devices"])
                answers = entries(await run(client, ["r1", "r2"], ["show version"]))
                assert all("FRRouting" in text for text in answers.values()) and len(answers) == 2, answers


@in_both_eras
async def a_configuration_is_shown_without_secrets(era):
    async with serving() as server:
        async with connected(server, server.view, era) as client:
            for arguments, word in [
                ({"device": "r1"}, "hostname r1"),
                ({"device": "r1", "section": "router bgp"}, "router bgp 65001"),
                ({"device": "r1", "source": "running"}, "hostname r1"),
            ]:
                result = await client.call_tool("get_config", arguments)
                text = text_of(result)
                assert not result.is_error, text
                check_clean(result.model_dump_json(), f"get_config {arguments}")
                assert word in text and len(re.findall(r"neighbor \S+ password <secret:", text)) == 2, text
            result = await client.call_tool("get_config", {"device": "r1", "source": "startup"})
            check_clean(result.model_dump_json(), "get_config startup")
            for arguments in ({"device": "r1", "against": "startup"}, {"device": "r1", "against": "device", "other_device": "r2"}):
                result = await client.call_tool("compare_config", arguments)
                check_clean(result.model_dump_json(), f"compare_config {arguments}")


@in_both_eras
async def records_are_shaped_over_http(era):
    async with serving() as server:
        async with connected(server, server.view, era) as client:

            async def query(**more):
                arguments = {"devices": ["r1", "r2"], "command": "show ip bgp summary", **more}
                result = await client.call_tool("query_devices", arguments)
                check_clean(result.model_dump_json(), f"query_devices {more}")
                return result

            program = ".[] | select(.neighbor_as < 65099) | {device, as: .neighbor_as}"
            whole = await query(select=program)
            assert whole.structured_content["table"] == {"columns": ["device", "as"], "rows": [["r1", 65002], ["r2", 65001]]}, whole
            first = await query(select=program, limit=1)
            cursor = first.structured_content["next_cursor"]
            second = await query(select=program, limit=1, cursor=cursor)
            assert second.structured_content["table"]["rows"] == [["r2", 65001]], second
            endless = asyncio.create_task(query(select="def f: f; f"))
            assert (await query(select="length")).structured_content["values"] == [4]
            assert (await endless).is_error and "longer than" in text_of(await endless), await endless


# --- changing ------------------------------------------------------------------------------------


@in_both_eras
async def a_change_is_planned_applied_confirmed_and_saved(era):
    async with serving() as server:
        async with connected(server, server.op, era) as client:
            with running_afterwards_as_before():
                for no in ("", "no "):
                    planned = await plan(client, f"interface lo\n {no}ip address 10.77.254.1/32\n")
                    diff = planned["devices"][0]["diff"]
                    assert re.search(rf"^{'-' if no else '[+]'}.*ip address 10\.77\.254\.1/32", diff, re.MULTILINE), diff
                    assert ("10.77.254.1" in running()) == bool(no), "a plan changes nothing"
                    change = await apply(client, planned)
                    assert change["state"] == "held" and change["confirm_before"], change
                    assert ("10.77.254.1" in running()) != bool(no), "a held change is in force"

                    # While it is held the device answers.
                    started = time.monotonic()
                    shown = entries(await run(client, [DEVICE], ["show running-config"]))[DEVICE, "show running-config"]
                    took = time.monotonic() - started
                    assert ("10.77.254.1" in shown) != bool(no) and "hostname r1" in shown, shown
                    assert took < 5, f"run_commands on a device with a held change took {took:.1f} s"

                    again = await apply(client, planned)
                    assert again["change_id"] == change["change_id"] and again["state"] == "held", again
                    done = await work(client, "confirm_change", change_id=change["change_id"])
                    assert done["state"] == "saved", done
                    assert ("10.77.254.1" in running()) != bool(no) and ("10.77.254.1" in startup()) != bool(no)
                    assert (await apply(client, planned))["state"] == "saved", "applied again it says what became of it"
                    mine = (await client.call_tool("list_changes", {"device": DEVICE})).structured_content["changes"]
                    assert (mine[0]["change_id"], mine[0]["state"]) == (change["change_id"], "saved"), mine


@in_both_eras
async def a_held_change_is_reverted(era):
    async with serving() as server:
        async with connected(server, server.op, era) as client:
            with running_afterwards_as_before():
                change = await apply(client, await plan(client, "interface lo\n ip address 10.77.254.1/32"))
                assert change["state"] == "held", change
                undone = await work(client, "revert_change", change_id=change["change_id"])
                assert undone["state"] == "undone", undone


@in_both_eras
async def a_rejected_line_is_named_and_the_rest_taken_back(era):
    async with serving() as server:
        async with connected(server, server.op, era) as client:
            with running_afterwards_as_before():
                configuration = "interface lo\n ip address 10.77.254.1/32\n ip nonsense 5"
                change = await apply(client, await plan(client, configuration))
                assert change["state"] == "undone", change
                assert "line 3" in change["reason"] and "Unknown command" in change["reason"], change


@in_both_eras
async def a_neighbour_that_is_shut_fails_the_check_and_comes_back(era):
    async with serving() as server:
        async with connected(server, server.op, era) as client:
            await sdk.until("BGP is up", established, 30)
            with running_afterwards_as_before():
                change = await apply(client, await plan(client, f"router bgp 65001\n neighbor {PEER} shutdown"))
                print(f"\n    {change['state']}: {change.get('reason')}", end=" ")
                assert change["state"] == "undone", change
                assert "check failed: BGP sessions established" in change["reason"], change
            await sdk.until("BGP is back", established, 60)


@test
async def plans_and_changes_belong_to_the_token_that_made_them():
    async with serving() as server:
        other = server.token("other", "operator")
        server.tokens.append(other)
        async with connected(server, server.op, "auto") as client, connected(server, other, "auto") as stranger:
            with running_afterwards_as_before():
                planned = await plan(client, "interface lo\n ip address 10.77.254.1/32")
                keys = {"plan_id": planned["plan_id"], "plan_hash": planned["plan_hash"]}
                assert (await stranger.call_tool("apply_change", keys)).is_error
                change = await apply(client, planned)
                assert change["state"] == "held", change
                for tool in ("confirm_change", "revert_change"):
                    assert (await stranger.call_tool(tool, {"change_id": change["change_id"]})).is_error, tool
                assert (await stranger.call_tool("list_changes", {})).structured_content["changes"] == []
                theirs = await plan(stranger, "interface lo\n description another")
                locked = await stranger.call_tool("apply_change", {"plan_id": theirs["plan_id"], "plan_hash": theirs["plan_hash"]})
                assert locked.is_error and "configuration_locked" in text_of(locked), text_of(locked)
                assert (await work(client, "revert_change", change_id=change["change_id"]))["state"] == "undone"


@test
async def a_held_change_is_taken_back_when_the_server_is_stopped():
    with running_afterwards_as_before():
        async with serving() as server:
            async with connected(server, server.op, "auto") as client:
                change = await apply(client, await plan(client, "interface lo\n ip address 10.77.254.1/32"))
                assert change["state"] == "held" and "10.77.254.1" in running(), change
                print(f"\n    ended {await server.stop(30):.2f} s after SIGTERM", end=" ")


@in_both_eras
async def a_cancelled_apply_ends_before_the_change_and_says_so(era):
    async with serving() as server:
        async with connected(server, server.op, era) as client:
            await client.list_tools()
            ends, late = [], 0
            for delay in (0.02, 0.2, 0.4, 0.6, 0.8):
                with running_afterwards_as_before():
                    planned = await plan(client, "interface lo\n ip address 10.77.254.1/32")
                    call = asyncio.create_task(apply(client, planned))
                    await asyncio.sleep(delay)
                    finished = call.done()
                    call.cancel()
                    await asyncio.gather(call, return_exceptions=True)
                    end = time.monotonic() + 20
                    while True:
                        listed = (await client.call_tool("list_changes", {})).structured_content["changes"]
                        state = next((c["state"] for c in listed if c["plan_id"] == planned["plan_id"]), "never begun")
                        if state in ("unchanged", "undone", "never begun") and time.monotonic() > end - 19.5:
                            break
                        if state == "held" and not finished and time.monotonic() > end - 15:
                            # The answer was on its way when it was cancelled; that cannot happen often.
                            finished, late = True, late + 1
                        if state == "held" and finished:
                            await work(client, "revert_change", change_id=listed[0]["change_id"])
                        assert time.monotonic() < end, f"cancelled after {delay} s it stays {state}"
                        await asyncio.sleep(0.1)
                    ends.append(f"{delay} s: {state}{' (too late to cancel, reverted)' if finished else ''}")
            print(f"\n    cancelled after {', '.join(ends)}", end=" ")
            assert late <= 1, "a cancelled change is held"
            assert len([end for end in ends if "too late" not in end]) >= 1, "none was cancelled in time"


@test
async def a_device_that_does_not_allow_it_is_not_changed():
    async with serving() as server:
        async with connected(server, server.op, "auto") as client:
            arguments = {"devices": ["r1"], "configuration": "interface lo\n ip address 10.77.254.1/32"}
            result = await client.call_tool("plan_change", arguments)
            assert result.is_error and "unprotected_platform" in text_of(result), text_of(result)


@in_both_eras
async def a_viewer_changes_nothing(era):
    async with serving() as server:
        async with connected(server, server.view, era) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert not names & WRITING, names
            for tool, arguments in [
                ("plan_change", {"devices": [DEVICE], "configuration": "interface lo\n ip address 10.77.254.1/32"}),
                ("apply_change", {"plan_id": "p", "plan_hash": "h"}),
                ("confirm_change", {"change_id": "c"}),
                ("revert_change", {"change_id": "c"}),
                ("list_changes", {}),
            ]:
                try:
                    result = await client.call_tool(tool, arguments)
                except MCPError:
                    continue
                assert result.is_error, f"{tool} works: {text_of(result)}"
            assert entries(await run(client, ["r1"], ["show version"]))


# --- what is refused -----------------------------------------------------------------------------


@test
async def requests_are_refused_and_nothing_of_them_is_logged():
    canary = "canary-5d41402abc4b"
    async with serving() as server:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_devices", "arguments": {"name": canary}}}
        headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        operator = {"Authorization": f"Bearer {server.op}"}
        revoked = server.token("revoked", "viewer")
        # The identifier has no underscore.
        identifier = revoked.split("_")[1]
        server.command("token", "revoke", identifier)
        expired = server.token("expired", "operator")
        # None can be made that lives for less than a day.
        database = sqlite3.connect(server.state / "state.db")
        with database:
            aged = "UPDATE tokens SET created_at = created_at - 100000, expires_at = created_at - 1 WHERE id = ?"
            assert database.execute(aged, [expired.split("_")[1]]).rowcount == 1
        database.close()
        wrong = server.op[:-6] + ("aaaaaa" if server.op[-6:] != "aaaaaa" else "bbbbbb")
        server.tokens += [revoked, expired, wrong]
        async with httpx2.AsyncClient(timeout=30) as http:

            async def post(more, content=None):
                content = content or json.dumps(body)
                return await http.post(server.url, headers=headers | more, content=content)

            for what, more, status in [
                ("no token", {}, 401),
                ("wrong token", {"Authorization": f"Bearer {wrong}"}, 401),
                ("revoked token", {"Authorization": f"Bearer {revoked}"}, 401),
                ("expired token", {"Authorization": f"Bearer {expired}"}, 401),
                ("nothing like a token", {"Authorization": "Bearer x"}, 401),
                ("another scheme", {"Authorization": f"Basic {server.op}"}, 401),
                ("foreign Host", operator | {"Host": "evil.example"}, 403),
                ("foreign Host with the port", operator | {"Host": f"evil.example:{server.port}"}, 403),
                ("foreign Origin", operator | {"Origin": "https://evil.example"}, 403),
                ("Origin null", operator | {"Origin": "null"}, 403),
            ]:
                answer = await post(more)
                assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text[:200]}"
                assert canary not in answer.text and server.op not in answer.text, what
            answer = await post(operator, f'{{"{canary}":"' + "x" * (2 << 20) + '"}')
            assert answer.status_code == 413, f"a body of 2 MiB: {answer.status_code}"
            for content in (f"{{{canary}", f'["{canary}"]', f'{{"jsonrpc":"2.0","id":1,"method":"{canary}"}}'):
                answer = await post(operator, content)
                assert 400 <= answer.status_code < 500 or "error" in answer.text, f"{content}: {answer.status_code}"
            healthy = await http.get(f"{server.base}/healthz")
            assert healthy.status_code == 200 and healthy.text.strip() == "ok", healthy.text
            assert (await http.get(f"{server.base}/nothing", headers=operator)).status_code == 404
            assert (await http.get(f"{server.base}/nothing")).status_code in (401, 404)
        # What is accepted is not logged either.
        async with connected(server, server.op, "auto") as client:
            await client.call_tool("list_devices", {"name": canary})
            planned = await plan(client, f"interface lo\n description {canary}")
            assert canary in planned["devices"][0]["diff"]
        await server.stop(10)
        text = server.log.read_text()
        assert canary not in text, f"the log on level trace has a request's body: {excerpt(text, canary)}"
        assert "WARN" in text and "host not allowed" in text, "a refusal is logged"


@test
async def a_signal_in_mid_command_ends_the_server():
    await sdk.no_sessions()
    async with serving() as server:
        try:
            async with connected(server, server.view, "legacy") as client:
                await client.list_tools()
                call = asyncio.create_task(client.call_tool("run_commands", {"devices": ["r2"], "commands": sdk.BUSY}))
                async with sdk.frozen_in_mid_command("r2"):
                    took = await server.stop(10)
                answer = (await asyncio.gather(call, return_exceptions=True))[0]
                print(f"\n    ended {took:.2f} s after SIGTERM; the call got {str(answer)[:100]!r}", end=" ")
        except* (httpx2.TransportError, MCPError):
            pass  # the client wants to say goodbye to a server that has ended


if __name__ == "__main__":
    sys.exit(sdk.main(sys.argv[1:]))
