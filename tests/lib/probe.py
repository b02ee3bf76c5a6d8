#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sockets for net tests: what a VM's application sees, judged at the socket.

  probe.py serve FILE TCP_PORTS UDP_PORTS   echo servers, both families; FILE appears once all listen
  probe.py outcome tcp|udp ADDRESS PORT...  one line per port: "PORT open|timeout|ECONNREFUSED|..."
  probe.py tcp ADDRESSES PORT BYTES         sends and gets back BYTES of random data: "ok", or why not
  probe.py send DEV SRC COUNT DST=TAG...    sends COUNT frames of a made-up protocol to each DST
  probe.py hear FILE NETNS...               until SIGTERM; then FILE holds "NETNS TAG COUNT" of the frames
                                            of that protocol that each eth0 received; FILE.on while it hears
  probe.py udp ADDRESSES PORT SIZE COUNT    echoes COUNT datagrams of SIZE bytes: "ok", or why not

Lists are comma-separated; "-" is no port. Runs until killed (serve) or done.
"""
import ctypes
import errno
import hashlib
import os
import selectors
import signal
import socket
import sys
import threading
import time

PATIENCE = 10.0 if os.environ.get("DPULAB_VM_TEST") else 1.0  # seconds without an answer that count as "timeout"
TRANSFER = 15.0  # seconds one transfer may stall


def ports(word):
    return [] if word == "-" else [int(p) for p in word.split(",")]


def listener(kind, port):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


def echo_stream(connection):
    with connection:
        connection.settimeout(TRANSFER)
        try:
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        except OSError:
            pass  # the client judges


def serve(ready, tcp_ports, udp_ports):
    watch = selectors.DefaultSelector()
    for port in tcp_ports:
        watch.register(listener(socket.SOCK_STREAM, port), selectors.EVENT_READ)
    for port in udp_ports:
        watch.register(listener(socket.SOCK_DGRAM, port), selectors.EVENT_READ)
    with open(ready + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(ready + ".new", ready)
    while True:
        for key, _ in watch.select():
            if key.fileobj.type == socket.SOCK_STREAM:
                threading.Thread(target=echo_stream, args=(key.fileobj.accept()[0],), daemon=True).start()
            else:
                data, peer = key.fileobj.recvfrom(1 << 16)
                key.fileobj.sendto(data, peer)


def client(kind, address, port, patience):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, kind)
    s.settimeout(patience)
    s.connect((address, port))
    return s


def name(error):
    if isinstance(error, socket.timeout) and error.errno is None:
        return "timeout"
    return errno.errorcode.get(error.errno, str(error))


def outcome(kind, address, port):
    try:
        with client(kind, address, port, PATIENCE) as s:
            s.send(b"?")
            return "open" if s.recv(1) == b"?" else "closed"
    except OSError as error:
        return name(error)


def print_outcomes(kind, address, port_list):
    results = {}

    def one(port):
        results[port] = outcome(kind, address, port)

    threads = [threading.Thread(target=one, args=(port,)) for port in port_list]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for port in port_list:
        print(port, results[port])


def tcp_transfer(address, port, size):
    """Data goes both ways at once; what comes back must be what went."""
    data = os.urandom(1 << 16)
    sent, got = hashlib.sha256(), hashlib.sha256()
    try:
        with client(socket.SOCK_STREAM, address, port, TRANSFER) as s:

            def upload():
                left = size
                try:
                    while left:
                        piece = data[: min(left, len(data))]
                        s.sendall(piece)
                        sent.update(piece)
                        left -= len(piece)
                    s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # what comes back, or does not, judges

            sender = threading.Thread(target=upload, daemon=True)
            sender.start()
            count = 0
            while piece := s.recv(1 << 16):
                got.update(piece)
                count += len(piece)
            sender.join()
    except OSError as error:
        return name(error)
    if count != size:
        return f"{count} of {size} bytes"
    return "ok" if sent.digest() == got.digest() else "data differs"


def udp_echo(address, port, size, count):
    lost = 0
    try:
        with client(socket.SOCK_DGRAM, address, port, PATIENCE) as s:
            for i in range(count):
                data = i.to_bytes(4, "big") + os.urandom(size - 4)
                s.send(data)
                try:
                    if s.recv(1 << 16) != data:
                        return f"datagram {i} differs"
                except socket.timeout:
                    lost += 1
    except OSError as error:
        return name(error)
    return "ok" if not lost else f"{lost} of {count} lost"


ETHERTYPE = 0x88B5  # for experiments (IEEE 802)


def mac(text):
    return bytes(int(part, 16) for part in text.split(":"))


def send_frame(s, frame):
    """A frame that found no room in a queue was not sent: again, as long as a receiver without a CPU may need."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return s.send(frame)
        except OSError as error:
            if error.errno != errno.ENOBUFS or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def send(dev, src, count, targets):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((dev, 0))
        for target in targets:
            dst, tag = target.split("=")
            frame = mac(dst) + mac(src) + ETHERTYPE.to_bytes(2, "big") + tag.encode().ljust(46, b"\0")
            for _ in range(count):
                send_frame(s, frame)


def socket_in(netns):
    """Moves this process; a socket stays where it was made."""
    with open(f"/run/netns/{netns}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), netns)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("eth0", ETHERTYPE))
    s.setblocking(False)
    return s


def hear(out, nodes):
    heard, watch, done = {}, selectors.DefaultSelector(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    for node in nodes:
        watch.register(socket_in(node), selectors.EVENT_READ, node)
    open(out + ".on", "w").close()
    while True:
        ready = watch.select(0.05)
        if not ready and done.is_set():  # nothing is left to hear
            break
        for key, _ in ready:
            frame, (_, _, kind, _, _) = key.fileobj.recvfrom(2048)
            if kind != socket.PACKET_OUTGOING:
                which = key.data + " " + frame[14:].rstrip(b"\0").decode()
                heard[which] = heard.get(which, 0) + 1
    with open(out, "w") as file:
        for which in sorted(heard):
            print(which, heard[which], file=file)


def all_ok(check, addresses, *args):
    wrong = [f"{a}: {r}" for a in addresses.split(",") if (r := check(a, *args)) != "ok"]
    return "; ".join(wrong) or "ok"


def main(args):
    if args[0] == "serve":
        serve(args[1], ports(args[2]), ports(args[3]))
    elif args[0] == "outcome":
        kind = socket.SOCK_STREAM if args[1] == "tcp" else socket.SOCK_DGRAM
        print_outcomes(kind, args[2], [int(p) for p in args[3:]])
    elif args[0] == "send":
        send(args[1], args[2], int(args[3]), args[4:])
    elif args[0] == "hear":
        hear(args[1], args[2:])
    elif args[0] == "tcp":
        print(all_ok(tcp_transfer, args[1], int(args[2]), int(args[3])))
    elif args[0] == "udp":
        print(all_ok(udp_echo, args[1], int(args[2]), int(args[3]), int(args[4])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
