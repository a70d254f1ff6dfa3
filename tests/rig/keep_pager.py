#!/usr/bin/env python3
"""Stands before the telnet CLI of an FRRouting daemon and keeps its pager: keep_pager.py ADDRESS PORT.

A daemon always obeys `terminal length 0`. Where command authorization refuses that line, the pager stays, and
a client has to answer it: here the line gets one more word, which the daemon refuses itself, in its own words.
"""

import os
import select
import socket
import sys

LINE, WORD = b"terminal length 0", b" refused"


def spoilt(data, typed):
    """What goes on to the daemon: the keys as they are, and more of them before the line ends."""
    out = bytearray()
    for key in data:
        if key in b"\r\n":
            if typed.endswith(LINE):
                out += WORD
            typed.clear()
        else:
            typed.append(key)
        out.append(key)
    return bytes(out)


def main():
    typed = bytearray()
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as daemon:
        while True:
            readable, _, _ = select.select([0, daemon], [], [])
            if daemon in readable:
                data = daemon.recv(65536)
                if not data:
                    return
                while data:
                    data = data[os.write(1, data) :]
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    return
                daemon.sendall(spoilt(data, typed))


main()
