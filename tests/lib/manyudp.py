#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Many UDP connections, few sockets.

  manyudp.py serve ADDRESS PORT          echoes until killed; prints "ready"
  manyudp.py ask ADDRESS PORT COUNT      one datagram from each of COUNT source ports, until all are answered
"""
import socket
import sys
import time

FIRST = 20000
AT_ONCE = 100  # sockets: each is bound, asks until it is answered, and is closed
PATIENCE = 60


def serve(where):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.bind(where)
        print("ready", flush=True)
        while True:
            data, peer = s.recvfrom(64)
            s.sendto(data, peer)


def ask_some(where, ports, deadline):
    waiting = {}
    for port in ports:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("", port))
        s.connect(where)
        s.settimeout(0.2)
        s.send(b"?")
        waiting[port] = s
    while waiting and time.monotonic() < deadline:
        for port, s in list(waiting.items()):
            try:
                s.recv(64)
            except TimeoutError:
                s.send(b"?")
                continue
            s.close()
            del waiting[port]
    return not waiting


def ask(where, count):
    deadline = time.monotonic() + PATIENCE
    for first in range(FIRST, FIRST + count, AT_ONCE):
        ports = range(first, min(first + AT_ONCE, FIRST + count))
        if not ask_some(where, ports, deadline):
            sys.exit("not every connection was answered")


if __name__ == "__main__":
    target = (sys.argv[2], int(sys.argv[3]))
    serve(target) if sys.argv[1] == "serve" else ask(target, int(sys.argv[4]))
