#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""UDP datagrams in pieces from a raw socket, judged by the socket that receives them.

  fragments.py orders FROM TO DST_MAC SRC DST PORT PIECES   a datagram in every order of its pieces; prints "N of M" that came
  fragments.py flood DEV DST_MAC SRC DST PORT KIND          until SIGTERM; KIND: first, later, overlap, tiny, chain

FROM and TO are namespaces. Of `orders`, what does not come within a moment counts as lost; each order is a datagram of its own, and
a whole one to port 7999, which must be allowed, closes the list: what was to come has come by then.
"""
import ctypes
import itertools
import os
import random
import socket
import struct
import sys

from synflood import checksum

PATIENCE = 10.0 if os.environ.get("DPULAB_VM_TEST") else 2.0
PIECE = 400
MARKER = 7999
NEXT_FRAGMENT, NEXT_UDP, NEXT_TCP, NEXT_DEST, NEXT_HOP = 44, 17, 6, 60, 0


def enter(netns):
    with open(f"/run/netns/{netns}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), netns)


class Sender:
    def __init__(self, dev, mac, src, dst):
        self.v6 = ":" in dst
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        self.pair = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.wire.bind((dev, 0))
        self.head = bytes.fromhex(mac.replace(":", "")) + self.wire.getsockname()[4] + (b"\x86\xdd" if self.v6 else b"\x08\x00")

    def udp(self, port, payload):
        udp = struct.pack("!HHHH", 5000, port, 8 + len(payload), 0) + payload
        pseudo = self.pair + (struct.pack("!IHBB", len(udp), 0, 0, 17) if self.v6 else struct.pack("!HH", 17, len(udp)))
        return udp[:6] + struct.pack("!H", checksum(pseudo + udp + b"\0" * (len(udp) & 1))) + udp[8:]

    def packet(self, body, ident=None, offset=0, more=False, proto=NEXT_UDP):
        """ident None: not a fragment."""
        if self.v6:
            if ident is not None:
                body = struct.pack("!BBHI", proto, 0, offset | more, ident) + body
                proto = NEXT_FRAGMENT
            return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + self.pair + body
        bits = offset >> 3 | (0x2000 if more else 0)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), (ident or 0) & 0xFFFF, bits, 64, proto, 0) + self.pair
        return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + body

    def send(self, packet):
        while True:
            try:
                return self.wire.send(self.head + packet)
            except BlockingIOError:
                pass
            except OSError:
                return None  # the queue is full


def random_bytes(n):
    return random.getrandbits(8 * n).to_bytes(n, "big")


def orders(ns_from, ns_to, mac, src, dst, port, pieces):
    enter(ns_to)
    ears = []
    for listen in (port, MARKER):
        ear = socket.socket(socket.AF_INET6 if ":" in dst else socket.AF_INET, socket.SOCK_DGRAM)
        ear.bind((dst, listen))
        ear.settimeout(PATIENCE)
        ears.append(ear)
    enter(ns_from)
    sender = Sender("eth0", mac, src, dst)
    wanted = set()
    first = random.getrandbits(15)
    for n, order in enumerate(itertools.permutations(range(pieces))):
        payload = random_bytes(PIECE * pieces - 8)
        wanted.add(payload)
        whole = sender.udp(port, payload)
        for i in order:
            part = whole[i * PIECE : (i + 1) * PIECE]
            sender.send(sender.packet(part, first + n, i * PIECE, i < pieces - 1))
    sender.send(sender.packet(sender.udp(MARKER, b"that is all")))
    ears[1].recv(100)
    came = set()
    ears[0].settimeout(PATIENCE / 10)
    try:
        while len(came) < len(wanted):
            came.add(ears[0].recv(1 << 16))
    except socket.timeout:
        pass
    print("%d of %d" % (len(came & wanted), len(wanted)), "and others" if came - wanted else "", sep="")


def attack(sender, kind, port):
    ident = random.getrandbits(16)
    body = sender.udp(port, random_bytes(392))
    if kind == "first":
        sender.send(sender.packet(body, ident, 0, True))
    elif kind == "later":
        sender.send(sender.packet(body, ident, 400, True))
    elif kind == "overlap":
        sender.send(sender.packet(body, ident, 0, True))
        sender.send(sender.packet(body, ident, 200, True))
        sender.send(sender.packet(body, ident, 400, False))
    elif kind == "tiny":
        sender.send(sender.packet(struct.pack("!HHI", 5000, port, 1), ident, 0, True, NEXT_TCP))
        sender.send(sender.packet(struct.pack("!IBBHHH", 0, 5 << 4, 2, 1024, 0, 0) + b"\0" * 4, ident, 8, False, NEXT_TCP))
    elif kind == "chain":
        chain = b"".join(struct.pack("!BB6x", random.choice((NEXT_DEST, NEXT_HOP)), 0) for _ in range(random.randrange(1, 12)))
        sender.send(sender.packet(chain + struct.pack("!BB6x", NEXT_UDP, 0) + body, None, proto=NEXT_DEST))
    else:
        sys.exit(__doc__)


def flood(dev, mac, src, dst, port, kind):
    sender = Sender(dev, mac, src, dst)
    while True:
        attack(sender, kind, port)


if __name__ == "__main__":
    if sys.argv[1] == "orders":
        orders(*sys.argv[2:7], int(sys.argv[7]), int(sys.argv[8]))
    elif sys.argv[1] == "flood":
        flood(*sys.argv[2:6], int(sys.argv[6]), sys.argv[7])
    else:
        sys.exit(__doc__)
