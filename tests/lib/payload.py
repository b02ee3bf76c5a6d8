#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""payload.py ADDRESS PORT TEXT: sends a text to an echo server by TCP; "passed" if it comes back, else "lost"."""
import os
import socket
import sys

PATIENCE = 20.0 if os.environ.get("DPULAB_VM_TEST") else float(os.environ.get("PATIENCE", "4"))  # several retransmissions

family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
text = sys.argv[3].encode()
with socket.socket(family, socket.SOCK_STREAM) as s:
    s.settimeout(PATIENCE)
    try:
        s.connect((sys.argv[1], int(sys.argv[2])))
        s.sendall(text)
        got = b""
        while len(got) < len(text):
            piece = s.recv(4096)
            if not piece:
                break
            got += piece
        print("passed" if got == text else "lost")
    except OSError:
        print("lost")
