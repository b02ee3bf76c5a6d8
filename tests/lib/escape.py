#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames that a root user of a host makes up, as if he were the underlay: VXLAN (RFC 7348) by hand.

  escape.py DEV COUNT OUTER_SRC_MAC OUTER_DST_MAC SRC_VTEP DST_VTEP VNI INNER_SRC_MAC INNER_DST_MAC TAG

Sent by DEV of the caller's namespace; the inner frame is one of probe.py's made-up protocol, with its TAG, so that
`probe.py hear` counts it where it arrives. A device that does not take the frames has not let them out.
"""
import socket
import struct
import sys

from probe import ETHERTYPE, mac

VXLAN_PORT = 4789


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(src, dst, length):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:]


def frame(outer_src, outer_dst, src, dst, vni, inner_src, inner_dst, tag):
    inner = mac(inner_dst) + mac(inner_src) + ETHERTYPE.to_bytes(2, "big") + tag.encode().ljust(46, b"\0")
    vxlan = struct.pack(">II", 0x08000000, vni << 8) + inner
    udp = struct.pack(">HHHH", 50000, VXLAN_PORT, 8 + len(vxlan), 0) + vxlan  # no checksum: IPv4 allows it
    return mac(outer_dst) + mac(outer_src) + b"\x08\x00" + ipv4(src, dst, len(udp)) + udp


def main(dev, count, outer_src, outer_dst, src, dst, vni, inner_src, inner_dst, tag):
    made_up = frame(outer_src, outer_dst, src, dst, int(vni), inner_src, inner_dst, tag)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((dev, 0))
        for _ in range(int(count)):
            try:
                s.send(made_up)
            except OSError as error:
                print(f"{dev}: {error}")
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
