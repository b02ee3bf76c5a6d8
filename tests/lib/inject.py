#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Forged segments into a living TCP connection between two VMs, from raw sockets at either end.

  inject.py NETNS_A NETNS_B ADDRESS_B PORT WHAT...   one line each: "WHAT alive" if the connection echoes
                                                     afterwards, else "WHAT dead"

WHAT is NAME:FLAGS:SEQ[:ACK[:DATA]]. NAME: a or b, whose segment it pretends to be; FLAGS: letters of SAFRP; SEQ and ACK:
relative to the number that this side sends, or expects, next. NAME "hold": makes the file FLAGS and goes on when it has gone.
A runs the client, B an echo server. IPv4.
"""
import ctypes
import os
import socket
import struct
import sys
import time

from synflood import WORD, checksum

PATIENCE = 20.0 if os.environ.get("DPULAB_VM_TEST") else 5.0
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}
OUTGOING = socket.PACKET_OUTGOING


def enter(netns):
    with open(f"/run/netns/{netns}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), netns)


def wire(protocol):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    s.bind(("eth0", protocol))
    s.setblocking(False)
    return s


class Connection:
    """The client's socket, and what a look at the wire tells of both sides' numbers."""

    def __init__(self, ear, wires, address, port):
        self.ear, self.wires = ear, wires
        self.next = {}
        self.mac, self.ip, self.port = {}, {}, {}
        self.socket = socket.create_connection((address, port), PATIENCE)
        self.local = self.socket.getsockname()[1]
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.echo()

    def note(self, frame, kind):
        ip = frame[14:]
        if frame[12:14] != b"\x08\x00" or ip[9] != 6:
            return
        tcp = ip[(ip[0] & 15) * 4 :]
        sport, dport, seq, _, doff, flags = struct.unpack("!HHIIBB", tcp[:14])
        if self.local not in (sport, dport):
            return
        side = "a" if kind == OUTGOING else "b"
        length = int.from_bytes(ip[2:4], "big") - (ip[0] & 15) * 4 - (doff >> 4) * 4
        self.next[side] = (seq + length + (flags & 1) + (flags >> 1 & 1)) & 0xFFFFFFFF
        self.mac[side], self.ip[side], self.port[side] = frame[6:12], ip[12:16], sport

    def listen(self):
        while True:
            try:
                frame, where = self.ear.recvfrom(65536)
            except BlockingIOError:
                return
            self.note(frame, where[2])

    def echo(self):
        said = os.urandom(100)
        got = b""
        self.socket.sendall(said)
        while len(got) < len(said):
            piece = self.socket.recv(len(said) - len(got))
            if not piece:
                raise OSError("closed")
            got += piece
        if got != said:
            raise OSError("other bytes")
        self.listen()

    def forge(self, name, flags, seq, ack, data):
        other = "b" if name == "a" else "a"
        pair = self.ip[name] + self.ip[other]
        bits = sum(FLAGS[f] for f in flags)
        tcp = struct.pack("!HHIIBBHHH", self.port[name], self.port[other], (self.next[name] + seq) & 0xFFFFFFFF,
                          (self.next[other] + ack) & 0xFFFFFFFF if bits & 16 else 0, 5 << 4, bits, 500, 0, 0) + data
        padded = tcp + b"\0" * (len(tcp) & 1)
        tcp = tcp[:16] + WORD.pack(checksum(pair + struct.pack("!HH", 6, len(tcp)) + padded)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + pair
        ip = ip[:10] + WORD.pack(checksum(ip)) + ip[12:]
        self.wires[name].send(self.mac[other] + self.mac[name] + b"\x08\x00" + ip + tcp)

    def alive(self):
        try:
            self.echo()
            return True
        except OSError:
            return False


def settle(connection, before):
    """Until what was forged has been through: a marker frame behind it would tell no more than this wait for silence."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection.listen()
        if connection.next == before:
            return
        before = dict(connection.next)
        time.sleep(0.02)


def hold(file):
    open(file, "w").close()
    deadline = time.monotonic() + 60
    while os.path.exists(file) and time.monotonic() < deadline:
        time.sleep(0.02)


def main(ns_a, ns_b, address, port, whats):
    enter(ns_b)
    wires = {"b": wire(0x0800)}
    enter(ns_a)
    wires["a"] = wire(0x0800)
    ear = wire(0x0003)
    connection = Connection(ear, wires, address, port)
    for what in whats:
        name, flags, seq, ack, data = what.split(":") + ["", "", "0", "0", ""][what.count(":") + 1 :]
        if name == "hold":
            hold(flags)
            continue
        connection.forge(name, flags, int(seq, 0), int(ack, 0), data.encode())
        settle(connection, dict(connection.next))
        print(what, "alive" if connection.alive() else "dead", flush=True)


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
