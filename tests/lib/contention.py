#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What one class of an uplink feels of another: contention.py LAB latency|release.

latency: round trips of small datagrams from vm1 to sink, 500 a second, alone and while
ft1 floods the uplink with UDP: prints p99 of both, microseconds.
release: ft1 and iscsi1 saturate the uplink with UDP, ft1 stops at once: prints how many
milliseconds it takes until iscsi1 has at least nine tenths of the link, by what arrives in windows of 20 ms.
"""

import os
import signal
import socket
import subprocess
import sys
import time

SINK, SINK2 = "10.1.0.21", "10.1.0.22"
PROBES, INTERVAL = 2500, 0.002
WINDOW = 0.02
LINK = float(os.environ.get("LINK", "100e6"))
FRAME = 1400 + 42  # bytes of a flood's frame
OUTER = 50


def enter(lab, node):
    fd = os.open(f"/run/netns/{lab}-{node}", os.O_RDONLY)
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        sys.exit(f"cannot enter {lab}-{node}")
    os.close(fd)


def first_in_line():
    """Other work on the machine is not what is measured."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except PermissionError:
        print("no real-time priority: what else runs here is measured, too", file=sys.stderr)


def child(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return pid


def echo(lab):
    enter(lab, "sink")
    first_in_line()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((SINK, 7))
    while True:
        s.sendto(*s.recvfrom(2048))


def flood(lab, node, to, rate):
    """Datagrams at rate bit/s, a few at a time."""
    enter(lab, node)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    payload = b"x" * 1400
    due = time.monotonic()
    while True:
        try:
            s.sendto(payload, (to, 9))
        except OSError:
            pass
        due += FRAME * 8 / rate
        wait = due - time.monotonic()
        if wait > 0.001:
            time.sleep(wait)


def round_trips(lab):
    enter(lab, "vm1")
    first_in_line()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((SINK, 7))
    took = []
    due = time.monotonic()
    for i in range(PROBES):
        due += INTERVAL
        time.sleep(max(0, due - time.monotonic()))
        sent = time.monotonic()
        s.send(i.to_bytes(4, "big"))
        while int.from_bytes(s.recv(2048)[:4], "big") != i:
            pass
        took.append(time.monotonic() - sent)
    took.sort()
    return took[len(took) * 99 // 100] * 1e6


def measured(lab):
    """round_trips() in a process of its own, which enters a namespace."""
    r, w = os.pipe()
    pid = child(lambda: os.write(w, str(round_trips(lab)).encode()))
    os.close(w)
    value = os.read(r, 64).decode()
    os.waitpid(pid, 0)
    return float(value or "nan")


def latency(lab):
    started = [child(lambda: echo(lab))]
    try:
        time.sleep(0.3)
        idle = measured(lab)
        started += [child(lambda: flood(lab, "ft1", SINK2, 1.5 * LINK)) for _ in range(2)]
        time.sleep(0.5)
        print(f"idle {idle:.0f} flooded {measured(lab):.0f} frame {(FRAME + OUTER) * 8e6 / LINK:.0f}")
    finally:
        for pid in started:
            os.kill(pid, signal.SIGKILL)


def received(lab, node):
    out = subprocess.run(["nsenter", f"--net=/run/netns/{lab}-{node}", "--", "cat", "/proc/net/dev"],
                         capture_output=True, text=True, check=True).stdout
    return next(int(line.split(":")[1].split()[0]) for line in out.splitlines() if "eth0:" in line)


def release(lab):
    first = child(lambda: flood(lab, "ft1", SINK, 1.2 * LINK))
    second = child(lambda: flood(lab, "iscsi1", SINK2, 1.2 * LINK))
    try:
        time.sleep(1.5)
        before, since = received(lab, "sink2"), time.monotonic()
        time.sleep(0.5)
        share = (received(lab, "sink2") - before) * 8 / (time.monotonic() - since)
        os.kill(first, signal.SIGKILL)
        stopped = at = time.monotonic()
        count = received(lab, "sink2")
        while time.monotonic() < stopped + 3:
            time.sleep(WINDOW)
            now, n = time.monotonic(), received(lab, "sink2")
            rate = (n - count) * 8 / (now - at) * (FRAME + OUTER) / FRAME
            count, at = n, now
            if rate >= 0.9 * LINK:
                print(f"release {(now - stopped) * 1e3:.0f} share {share / LINK:.2f}")
                return
        print("release 3000 share", share)
    finally:
        os.kill(second, signal.SIGKILL)
        try:
            os.kill(first, signal.SIGKILL)
        except ProcessLookupError:
            pass


{"latency": latency, "release": release}[sys.argv[2]](sys.argv[1])
