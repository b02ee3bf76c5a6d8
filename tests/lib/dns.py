#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""dns.py ADDRESS NAME...: asks an echo server on port 53 for each name; prints "NAME passed" or "NAME lost"."""
import os
import socket
import struct
import sys

PATIENCE = 5.0 if os.environ.get("DPULAB_VM_TEST") else 0.5  # seconds without an echo that count as lost
TRIES = 3  # so that a datagram a busy machine loses does not decide


def query(name, number):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def passes(address, name, number):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((address, 53))
        for _ in range(TRIES):
            s.send(query(name, number))
            try:
                if s.recv(512) == query(name, number):
                    return True
            except OSError:
                pass
    return False


for at, asked in enumerate(sys.argv[2:]):
    print(asked, "passed" if passes(sys.argv[1], asked, at + 1) else "lost")
