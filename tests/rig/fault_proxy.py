#!/usr/bin/env python3
"""Stands before an SSH server and spoils what goes through it, each listener in its own way.

    fault_proxy.py SERVER:PORT ADDRESS:PORT=FAULT ...

A fault strikes at a place in what the server sends: `accept` (before anything), `ident` (after its identification),
`kexinit` (after its offer of algorithms), `newkeys` (after the key exchange), each with a number of bytes more if need be.

    reset@PLACE[+BYTES]    both sides get RST
    close@PLACE[+BYTES]    both sides get FIN
    freeze@PLACE[+BYTES]   nothing moves any more, in either direction, and everything stays open
    flip@PLACE[+BYTES]     the next byte comes with one bit changed
    slow:SECONDS           this long before each byte of the identification
    chop                   every byte is a segment of its own
    lines:BYTES            so much text comes before the identification
    says:TEXT              this line comes, and FIN
    waits:TEXT             this line comes, and nothing else
    full                   connections are never accepted, and the queue for them is full

Prints `ready` once all listen.
"""

import asyncio
import contextlib
import re
import socket
import struct
import sys

NAMES = {20: "kexinit", 21: "newkeys"}  # of messages that end a place
LINE = b"This line comes before the identification, as RFC 4253 allows.\r\n"


class Places:
    """Where in the server's stream the places end, as far as it is known. Until the keys are new, it can be read."""

    def __init__(self):
        self.ends = {"accept": 0}
        self.seen, self.rest = 0, b""

    def feed(self, data):
        if "newkeys" in self.ends:
            return
        self.rest += data
        while part := self.part():
            self.seen += len(part)
            self.rest = self.rest[len(part) :]
            if "ident" not in self.ends:
                if part.startswith(b"SSH-"):
                    self.ends["ident"] = self.seen
            elif name := NAMES.get(part[5]):
                self.ends[name] = self.seen
                if name == "newkeys":
                    return

    def part(self):
        """The next line or packet, if it is all there."""
        if "ident" not in self.ends:
            line, end, _ = self.rest.partition(b"\n")
            return line + end if end else b""
        length = 4 + int.from_bytes(self.rest[:4], "big")
        return self.rest[:length] if len(self.rest) >= max(length, 6) else b""


class Connection:
    def __init__(self, fault, client, server):
        self.fault, self.client, self.server = fault, client, server
        self.frozen = asyncio.Event()
        self.places, self.passed = Places(), 0
        self.what, _, place = fault.partition("@")
        self.place, _, more = place.partition("+")
        self.more = int(more or 0)

    def strikes(self):
        """The place of the fault in the server's stream; None while it is unknown or over."""
        end = self.places.ends.get(self.place)
        return None if end is None else end + self.more

    async def up(self):
        reader, writer = self.client[0], self.server[1]
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self.pause()
                await self.send(writer, data)
        self.end(writer)

    async def down(self):
        reader, writer = self.server[0], self.client[1]
        with contextlib.suppress(OSError):
            if await self.spoil(writer, b"") is None:
                return
            while data := await reader.read(65536):
                self.places.feed(data)
                data = await self.spoil(writer, data)
                if data is None:
                    return
                await self.send(writer, data)
                self.passed += len(data)
        self.end(writer)

    async def spoil(self, writer, data):
        """What of the data is passed on; None once the fault has ended the connection."""
        at = self.strikes()
        if at is None or self.passed + len(data) < at + (self.what == "flip"):
            return data
        before = data[: at - self.passed]
        if self.what == "flip":
            self.place = "over"
            return before + bytes([data[len(before)] ^ 1]) + data[len(before) + 1 :]
        await self.send(writer, before)
        if self.what == "freeze":
            self.frozen.set()
            await self.pause()
        for _, side in (self.client, self.server):
            if self.what == "reset":
                linger = struct.pack("ii", 1, 0)
                side.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                side.transport.abort()
            else:
                side.close()
        return None

    async def send(self, writer, data):
        if writer.is_closing():
            raise ConnectionResetError
        if self.what == "chop":
            for byte in data:
                writer.write(bytes([byte]))
                # Raises once the connection is gone.
                await writer.drain()
                await asyncio.sleep(0)
        elif self.what.startswith("slow:") and writer is self.client[1]:
            cut = max(self.places.ends.get("ident", self.passed + len(data)) - self.passed, 0)
            for byte in data[:cut]:
                await asyncio.sleep(float(self.what[5:]))
                writer.write(bytes([byte]))
            writer.write(data[cut:])
        else:
            writer.write(data)
        await writer.drain()

    async def pause(self):
        if self.frozen.is_set():
            await asyncio.Event().wait()

    def end(self, writer):
        with contextlib.suppress(OSError):
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()


def no_delay(writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def connected(fault, target, reader, writer):
    no_delay(writer)
    with contextlib.suppress(OSError):
        what, _, text = fault.partition(":")
        if what in ("says", "waits"):
            writer.write(text.encode("latin-1") + b"\r\n")
            if what == "waits":
                # Until the client goes.
                await reader.read()
            writer.close()
            return
        server = await asyncio.open_connection(*target)
        no_delay(server[1])
        if fault.startswith("lines:"):
            writer.write((LINE * (int(fault[6:]) // len(LINE) + 1)))
        connection = Connection(fault, (reader, writer), server)
        await asyncio.gather(connection.up(), connection.down())
        for side in (writer, server[1]):
            side.close()


def queue_full(address):
    """A listener whose queue is taken by connections of our own."""
    listener = socket.create_server(address, backlog=0)
    callers = [socket.socket() for _ in range(3)]
    for caller in callers:
        caller.setblocking(False)
        caller.connect_ex(address)
    return [listener, *callers]


def place_of(text):
    address, _, port = text.rpartition(":")
    return address, int(port)


async def main(target, listeners):
    kept = []
    for listener in listeners:
        where, fault = re.fullmatch(r"([\d.]+:\d+)=(.+)", listener, re.DOTALL).groups()
        if fault == "full":
            kept += queue_full(place_of(where))
        else:
            answer = lambda reader, writer, fault=fault: connected(fault, place_of(target), reader, writer)
            kept.append(await asyncio.start_server(answer, *place_of(where)))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
