#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Round trips of ICMP echoes by who never sleeps: no time to be woken is in them, on a slow link or a fast one.

  spinping.py ADDRESS COUNT [PERIOD_US]

One echo a period, or as soon as the last one is answered. Prints the median in us. Waits at most a second for an answer;
without any, exit status 1."""
import socket
import struct
import sys
import time

TYPE_ECHO, TYPE_REPLY, HEADER = 8, 0, struct.Struct("!BBHHH")
DATA = b"x" * 56


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def main():
    address, count = sys.argv[1], int(sys.argv[2])
    period = int(sys.argv[3]) * 1000 if len(sys.argv) > 3 else 0
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.connect((address, 0))
    raw.setblocking(False)
    clock, times = time.perf_counter_ns, []
    begin = 0
    for number in range(count):
        number &= 0xFFFF
        head = HEADER.pack(TYPE_ECHO, 0, checksum(HEADER.pack(TYPE_ECHO, 0, 0, 0x5349, number) + DATA), 0x5349, number)
        want = struct.pack("!BBxxHH", TYPE_REPLY, 0, 0x5349, number)
        turn = begin + period
        begin = now = clock()
        while begin < turn:
            begin = now = clock()
        raw.send(head + DATA)
        while now - begin < 1_000_000_000:
            try:
                answer = raw.recv(2048)
            except BlockingIOError:
                now = clock()
                continue
            now = clock()
            at = (answer[0] & 15) * 4
            if answer[at : at + 2] == want[:2] and answer[at + 4 : at + 8] == want[4:]:
                times.append(now - begin)
                break
    if not times:
        print("no answer from", address, file=sys.stderr)
        return 1
    print("%.2f" % (sorted(times)[len(times) // 2] / 1000))
    return 0


sys.exit(main())
