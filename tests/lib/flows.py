#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""New flows at a rate, in the node's namespace.

flows.py udp DST FIRST N RATE      one datagram from each of N source ports, from port FIRST on; prints the
                                   longest time between two of them, ms
flows.py again DST FIRST N ROUNDS  every one of them again, ROUNDS times, as fast as it goes
flows.py connect DST PORT N RATE   whole TCP connections: opened, closed; prints how many failed
"""
import errno
import socket
import sys
import time


def paced(n, rate):
    begin = time.monotonic()
    for i in range(n):
        wait = begin + i / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield i


def sender(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", port))
    return s


def udp(dst, first, n, rate):
    worst, last = 0, time.monotonic()
    for i in paced(n, rate):
        with sender(first + i) as s:
            s.sendto(b"x" * 20, (dst, 9))
        now = time.monotonic()
        worst, last = max(worst, now - last), now
    print(round(worst * 1000))


def again(dst, first, n, rounds):
    for _ in range(rounds):
        udp(dst, first, n, 1e9)


def connect(dst, port, n, rate):
    failed = 0
    for _ in paced(n, rate):
        try:
            with socket.create_connection((dst, port), timeout=5) as s:
                s.shutdown(socket.SHUT_WR)
                s.recv(1)
        except OSError as error:
            failed += 1
            if error.errno == errno.EADDRNOTAVAIL:
                time.sleep(0.01)
    print(failed)


if __name__ == "__main__":
    {"udp": udp, "again": again, "connect": connect}[sys.argv[1]](
        sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]) if sys.argv[1] != "again" else int(sys.argv[5]))
