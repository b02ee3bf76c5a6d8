# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""marks.py NAMESPACE DEVICE VXLAN|VLAN KEY N: what marks the next N such frames that arrive at the device have.

KEY is the VNI or the VID. Prints the DSCP of the outer header, or the priority of the tag, of each, sorted, once. It writes "ready" to
standard error when it listens, and gives up after 20 s.
"""
import ctypes
import os
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 1 << 4
SECONDS = 20


def enter(namespace):
    with open(f"/run/netns/{namespace}") as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def vxlan_mark(frame, vni):
    """Of IPv4 without options, UDP to port 4789."""
    if len(frame) < 50 or frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[36:38] != struct.pack("!H", 4789):
        return None
    return frame[15] >> 2 if frame[46:49] == struct.pack("!I", vni)[1:] else None


def vlan_mark(frame, tci, vid):
    """The kernel has taken the tag out of the frame, or left it there."""
    if tci is None and frame[12:14] == b"\x81\x00":
        tci = struct.unpack("!H", frame[14:16])[0]
    return tci >> 13 if tci is not None and tci & 0xfff == vid else None


def tag_of(ancillary):
    for _, kind, data in ancillary:
        if kind == PACKET_AUXDATA:
            status, _, _, _, _, tci = struct.unpack("IIIHHH", data[:18])
            return tci if status & TP_STATUS_VLAN_VALID else None
    return None


def main(namespace, device, kind, key, n):
    enter(namespace)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as s:
        s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        s.bind((device, 0))
        os.write(2, b"ready\n")
        seen, until = [], time.monotonic() + SECONDS
        while len(seen) < int(n):
            s.settimeout(max(until - time.monotonic(), 0.001))
            frame, ancillary, _, address = s.recvmsg(65536, 1024)
            if address[2] == socket.PACKET_OUTGOING:
                continue
            mark = vxlan_mark(frame, int(key)) if kind == "vxlan" else vlan_mark(frame, tag_of(ancillary), int(key))
            if mark is not None:
                seen.append(mark)
    print(*sorted(set(seen)))


if __name__ == "__main__":
    main(*sys.argv[1:])
