#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tap.py NAME [vnet]: makes a tap, holds it open and answers ARP requests for 10.1.0.103.

vnet: with virtio headers, as a hypervisor with offloads opens its guests' taps.
"""
import fcntl
import os
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x2, 0x1000, 0x4000
HEADER = 10  # struct virtio_net_hdr
MAC, ADDRESS = bytes.fromhex("0200000000f3"), socket.inet_aton("10.1.0.103")

name, vnet = sys.argv[1], sys.argv[2:] == ["vnet"]
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if vnet else 0)))
print("ready", flush=True)
skip = HEADER if vnet else 0
while True:
    frame = os.read(tap, 65536)[skip:]
    if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\0\1" or frame[38:42] != ADDRESS:
        continue
    sender, asker = frame[22:28], frame[28:32]
    reply = sender + MAC + frame[12:20] + b"\0\2" + MAC + ADDRESS + sender + asker
    os.write(tap, bytes(skip) + reply.ljust(60, b"\0"))
