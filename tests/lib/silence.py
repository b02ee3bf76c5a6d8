#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long flows are without an answer: to echo servers (probe.py serve), a message every 2 ms, until a file is there.

  silence.py STOP FLOW...    FLOW: tcp:ADDRESS:PORT, one connection for the whole time, or udp:ADDRESS:PORT

Says "under way" once each flow has had its first answer. At the end a line per flow: "FLOW sent N answered N longest
MS silent", and "broken" behind it if the connection has ended before."""
import os
import selectors
import socket
import struct
import sys
import time

INTERVAL = 0.002
MESSAGE = struct.Struct("!Q56x")


class Flow:
    def __init__(self, text):
        kind, address, port = text.split(":")
        self.text, self.tcp, self.peer = text, kind == "tcp", (address, int(port))
        self.sent = self.answered = 0
        self.longest, self.broken, self.rest = 0.0, False, b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.connect(self.peer)
        if self.tcp:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.last = time.monotonic()

    def send(self):
        if self.broken:
            return
        try:
            self.socket.send(MESSAGE.pack(self.sent))
            self.sent += 1
        except BlockingIOError:
            pass  # what is not answered fills the buffer
        except OSError:
            self.broken = self.tcp

    def receive(self):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            self.broken = self.tcp
            return
        if self.tcp and not data:
            self.broken = True
            return
        self.rest += data
        count = len(self.rest) // MESSAGE.size
        self.rest = self.rest[count * MESSAGE.size :]
        now = time.monotonic()
        if self.answered:
            self.longest = max(self.longest, now - self.last)
        self.answered += count
        self.last = now

    def line(self, stopped):
        longest = max(self.longest, stopped - self.last)
        return "%s sent %d answered %d longest %.1f ms silent%s" % (
            self.text, self.sent, self.answered, longest * 1e3, " broken" if self.broken else "")


def main():
    stop, flows = sys.argv[1], [Flow(text) for text in sys.argv[2:]]
    watch = selectors.DefaultSelector()
    for flow in flows:
        watch.register(flow.socket, selectors.EVENT_READ, flow)
    said, end, due = False, None, time.monotonic()
    while end is None or time.monotonic() < end:
        now = time.monotonic()
        if now >= due and end is None:
            for flow in flows:
                flow.send()
            due = max(due + INTERVAL, now)
        for key, _ in watch.select(max(0, due - time.monotonic()) if end is None else 0.01):
            key.data.receive()
            if key.data.broken:
                watch.unregister(key.fileobj)
        if not said and all(flow.answered for flow in flows):
            print("under way", flush=True)
            said = True
        if end is None and os.path.exists(stop):
            stopped = time.monotonic()
            end = stopped + 0.5  # for the last answers
        if end is not None and all(flow.answered == flow.sent for flow in flows):
            break
    for flow in flows:
        print(flow.line(stopped))


main()
