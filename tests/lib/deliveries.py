#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The same random frames into every VM of a lab, and which VM received which bytes.

  deliveries.py LAB SEED COUNT OUT VM...   OUT: one line per frame and receiver, sorted; the last word says whether
                                           the station it is for is a VM's own, or one that only frames have claimed

Frames are numbered; addresses are no VM's own, so that no kernel answers. After each frame a
mark goes to every VM of the sender's segment and is waited for, so that frames are decided in the order of their numbers
on every path. A frame is known by its number in the payload, also where an ICMP error quotes it.
"""
import ctypes
import hashlib
import random
import re
import select
import socket
import struct
import sys
import time

PATIENCE = 20.0  # seconds for a mark; a machine without a CPU for us is no failure
SETTLE = 0.3
TAG = re.compile(rb"<frame (\d{6})>")
MARK = re.compile(rb"<mark (\d{6})>")


def open_vm(lab, vm):
    with open(f"/run/netns/{lab}-{vm}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), vm)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    s.bind(("eth0", 3))
    s.setblocking(False)
    mac = s.getsockname()[4]
    return s, mac


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def transport(r, proto, pseudo, payload):
    sport, dport = r.choice(PORTS), r.choice(PORTS)
    if proto == 6:
        flags = r.choice([0x02, 0x02, 0x02, 0x12, 0x10, 0x11, 0x04, 0x18, 0x00, 0x29])
        head = struct.pack(">HHIIBBHHH", sport, dport, r.choice(SEQS), r.choice(SEQS), 0x50, flags, 1000, 0, 0)
        at = 16
    elif proto == 17:
        head = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0)
        at = 6
    elif proto in (1, 58):
        kind = r.choice([8, 0, 3, 13] if proto == 1 else [128, 129, 1, 3])
        head = struct.pack(">BBHHH", kind, 0, 0, r.choice(PORTS), 1)
        at = 2
    else:
        return payload
    whole = head + payload
    covered = whole if proto == 1 else pseudo(len(whole)) + whole
    check = checksum(covered) or 0xffff
    if r.random() < 0.03:
        check ^= 0x5555  # a wrong one is the receiver's business
    return whole[:at] + struct.pack(">H", check) + whole[at + 2:]


CLAIMED = bytes([2, 0, 0, 0, 0])  # the beginning of addresses that no VM has
PORTS = [80, 81, 82, 83, 443, 1024, 5000, 5001, 40000, 40001]
SEQS = [1, 2, 1000, 0x7fffffff]
V4 = ["10.9.0.1", "10.9.0.2", "10.9.1.1", "10.9.1.2", "10.8.0.1"]
V6 = ["2001:db8:9::1", "2001:db8:9::2", "2001:db8:8::1"]


def ip4(r, payload):
    src, dst = (socket.inet_aton(r.choice(V4)) for _ in range(2))
    proto = r.choice([6, 6, 6, 17, 17, 17, 1, 47])
    body = transport(r, proto, lambda n: src + dst + struct.pack(">BBH", 0, proto, n), payload)
    frag = r.choice([0] * 12 + [0x2000, 0x4000, 0x0010])
    options = b"\1\1\1\0" if r.random() < 0.05 else b""
    head = struct.pack(">BBHHHBBH4s4s", 0x45 + len(options) // 4, r.choice([0, 0, 0xb8]), 20 + len(options) + len(body),
                       r.randrange(8), frag, r.choice([1, 64]), proto, 0, src, dst) + options
    return 0x0800, head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def ip6(r, payload):
    src, dst = (socket.inet_pton(socket.AF_INET6, r.choice(V6)) for _ in range(2))
    proto = r.choice([6, 6, 17, 17, 58])
    body = transport(r, proto, lambda n: src + dst + struct.pack(">IHBB", n, 0, 0, proto), payload)
    if r.random() < 0.1:  # hop-by-hop options
        body, proto = bytes([proto, 0, 1, 4, 0, 0, 0, 0]) + body, 0
    return 0x86dd, struct.pack(">IHBB", 6 << 28, len(body), proto, 64) + src + dst + body


def arp(r, payload):
    return 0x0806, struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, bytes(6), socket.inet_aton(r.choice(V4)), bytes(6),
                               socket.inet_aton(r.choice(V4))) + payload


def other(r, payload):
    return r.choice([0x88b5, 0x22f0, 0x0600]), payload


def make_frame(r, number, me, macs):
    payload = b"<frame %06d>" % number + bytes(r.choice([0, 6, 100, 700, 1300]))
    kind, rest = r.choice([ip4] * 6 + [ip6] * 4 + [arp, other])(r, payload)
    to = r.choice(list(macs) * 4 + [b"\xff" * 6, b"\x01\x00\x5e\x01\x02\x03", CLAIMED + bytes([r.randrange(4)])])
    sender = me if r.random() < 0.9 else CLAIMED + bytes([r.randrange(4)])
    tag = struct.pack(">HH", 0x8100, r.choice([0, 20])) if r.random() < 0.03 else b""
    frame = to + sender + tag + struct.pack(">H", kind) + rest
    if r.random() < 0.03:
        frame = frame[:r.randrange(14, len(frame) + 1)]
    return frame.ljust(60, b"\0")


def mark_frame(number, me, to):
    payload = b"<mark %06d>" % number
    return (to + me + struct.pack(">H", 0x88b6) + payload).ljust(60, b"\0")


class Lab:
    def __init__(self, lab, vms):
        self.vms = {vm: open_vm(lab, vm) for vm in vms}
        self.heard, self.marks = set(), set()

    def listen(self, timeout):
        ready = select.select([s for s, _ in self.vms.values()], [], [], timeout)[0]
        for vm, (s, _) in self.vms.items():
            while s in ready:
                try:
                    data, address = s.recvfrom(65536)
                except BlockingIOError:
                    break
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                if found := TAG.search(data):
                    whose = "claimed" if data[:5] == CLAIMED else "own"
                    self.heard.add((int(found[1]), vm, hashlib.sha256(data).hexdigest()[:16], len(data), whose))
                if found := MARK.search(data):
                    self.marks.add((int(found[1]), vm))

    def wait_for_marks(self, number, sender, others):
        until = time.monotonic() + PATIENCE
        again = 0.0
        while not all((number, vm) in self.marks for vm in others):
            now = time.monotonic()
            if now > until:
                raise SystemExit(f"frame {number}: the mark from {sender} did not reach {others}")
            if now > again:  # a full ring may have lost one
                for vm in others:
                    self.vms[sender][0].send(mark_frame(number, self.vms[sender][1], self.vms[vm][1]))
                again = now + 0.5
            self.listen(0.05)


def main(lab_name, seed, count, out, *vms):
    lab, r = Lab(lab_name, vms), random.Random(int(seed))
    macs = [mac for _, mac in lab.vms.values()]
    for vm, (s, mac) in lab.vms.items():  # everybody is known to everybody
        lab.wait_for_marks(0, vm, [other for other in vms if other != vm])
        lab.marks.clear()
    for number in range(1, int(count) + 1):
        sender = r.choice(vms)
        s, mac = lab.vms[sender]
        s.send(make_frame(r, number, mac, macs))
        lab.wait_for_marks(number, sender, [vm for vm in vms if vm != sender])
    until = time.monotonic() + SETTLE
    while (left := until - time.monotonic()) > 0:
        lab.listen(left)
    with open(out, "w") as file:
        for line in sorted(lab.heard):
            print(*line, file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
