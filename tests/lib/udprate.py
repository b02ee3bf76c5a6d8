#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How fast datagrams arrive.

udprate.py send ADDRESS PORT SECONDS PAYLOAD BITS_PER_S    as evenly as a loop can
udprate.py take PORT SECONDS     bits per second, Ethernet header counted, from half a second after the first one
"""

import socket
import sys
import time

HEADERS = 14 + 20 + 8


def send(address, port, seconds, payload, rate):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    data = bytes(payload)
    each = (payload + HEADERS) * 8 / rate
    begin = time.monotonic()
    sent = 0
    while (now := time.monotonic()) < begin + seconds:
        while sent * each < now - begin:
            s.sendto(data, (address, port))
            sent += 1
        time.sleep(0.001)


def take(port, seconds):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind(("", port))
    s.settimeout(10)
    s.recv(65536)
    begin = time.monotonic() + 0.5
    total, first, last = 0, None, None
    while (now := time.monotonic()) < begin + seconds:
        n = len(s.recv(65536))
        now = time.monotonic()
        if now < begin:
            continue
        if first is None:
            first = now  # the bytes of this one came before
            continue
        total += n + HEADERS
        last = now
    print(int(total * 8 / (last - first)))


def main(args):
    if args[0] == "send":
        send(args[1], int(args[2]), float(args[3]), int(args[4]), float(args[5]))
    else:
        take(int(args[1]), float(args[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
