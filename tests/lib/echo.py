# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""echo.py - one TCP connection that must outlive what a test does to the lab.

    echo.py server ADDRESS PORT          prints "ready", echoes one connection
    echo.py client ADDRESS PORT STOP     says something every millisecond and must hear it back,
                                         until the file STOP exists; prints "echoed N"
"""
import os
import socket
import sys
import time

LINE = 16


def server(address):
    listener = socket.create_server(address)
    print("ready", flush=True)
    peer = listener.accept()[0]
    while data := peer.recv(4 * LINE):
        peer.sendall(data)


def receive(peer):
    got = b""
    while len(got) < LINE:
        got += peer.recv(LINE - len(got)) or sys.exit("connection closed")
    return got


def client(address, stop):
    peer = socket.create_connection(address, timeout=10)
    rounds = 0
    while not os.path.exists(stop):
        said = b"%015d\n" % rounds
        peer.sendall(said)
        if receive(peer) != said:
            sys.exit("wrong answer")
        if not rounds:
            print("connected", flush=True)
        rounds += 1
        time.sleep(0.001)
    print("echoed", rounds)


where = (sys.argv[2], int(sys.argv[3]))
if sys.argv[1] == "server":
    server(where)
else:
    client(where, sys.argv[4])
