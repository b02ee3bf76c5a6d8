#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Is what `fw explain` says of a frame what happens to it?

  explain.py LAB VM... <FRAMES       FRAMES: one a line, in fw explain's words; "#" begins a comment

Each frame is explained and then really sent, byte by byte the same, from its VM's
eth0. Who gets it, whether an answer comes back, whose rules and which intercept slots were asked must be
what was said. Explaining itself must change nothing. "ok" and how many, or the first that differs.
"""
import ctypes
import json
import os
import selectors
import socket
import subprocess
import sys

DPULAB = os.environ["DPULAB"]
PATIENCE = float(os.environ.get("PATIENCE", "1"))  # for a frame that was said to arrive
SILENCE = 0.12  # so long nothing: all that follows from a frame has happened


def dpulab(*words):
    out = subprocess.run([DPULAB, *words], capture_output=True, text=True, check=False)
    if out.returncode:
        sys.exit(f"dpulab {' '.join(words)}: {out.stderr}")
    return json.loads(out.stdout)


def socket_in(netns):
    with open(f"/run/netns/{netns}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), netns)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    s.bind(("eth0", 3))
    s.setblocking(False)
    return s


class Ears:
    def __init__(self, lab, vms):
        self.sockets = {vm: socket_in(f"{lab}-{vm}") for vm in vms}
        self.watch = selectors.DefaultSelector()
        for vm, s in self.sockets.items():
            self.watch.register(s, selectors.EVENT_READ, vm)

    def hear(self, patience):
        """(vm, frame) of what arrives until nothing does for that long."""
        while ready := self.watch.select(patience):
            for key, _ in ready:
                frame, (_, _, kind, _, _) = key.fileobj.recvfrom(65535)
                if kind != socket.PACKET_OUTGOING:
                    yield key.data, frame


def hits(lab):
    """Of rules for TCP and UDP: nobody but the test sends those."""
    return {(r["node"], r["vnic"], r["rule"], i): r["hits"]
            for i, r in enumerate(dpulab("show", "--compiled", "-j", lab, "rules")["rules"]) if r["proto"] in ("tcp", "udp")}


def places(lab):
    """Of chains: what each place has answered so far."""
    return {(r["node"], r["vnic"], r["direction"], r["slot"]): {k: r[k] for k in ("calls", "drop", "punt", "noted", "skipped")}
            for r in dpulab("show", "-j", lab, "intercept").get("intercept", [])}


def answers(said):
    """What that makes of a frame's way through its chains."""
    by_verdict = {"pass": ["calls"], "drop": ["calls", "drop"], "punt": ["calls", "punt"], "out": ["skipped"]}
    return {(s["node"], s["vnic"], s["direction"], s["slot"]):
            by_verdict[s["verdict"]] + (["noted"] if s["verdict"] == "pass" and s["reason"] else []) for s in said["intercept"]}


def is_answer(sent, got):
    """An RST or an ICMP error to whoever sent the frame."""
    if got[0:6] != sent[6:12] or got[12:14] != sent[12:14]:
        return False
    if got[12:14] == b"\x08\x00":
        return got[23] == 1 and got[34] == 3 or got[23] == 6 and got[47] & 4 != 0
    return got[20] == 58 and got[54] in (1, 2) or got[20] == 6 and got[67] & 4 != 0


def difference(lab, ears, words):
    before, chains = hits(lab), places(lab)
    said = dpulab("fw", "explain", "-j", lab, words)
    if dpulab("fw", "explain", "-j", lab, words) != said or hits(lab) != before or places(lab) != chains:
        return "explaining changed something"
    frame, sender = bytes.fromhex(said["bytes"]), said["from"]
    ears.sockets[sender].send(frame)
    got, answered = set(), False
    for vm, heard in ears.hear(PATIENCE if said["to"] or said["end"] == "rejected" else SILENCE):
        if heard == frame:
            got.add(vm)
        elif vm == sender and is_answer(frame, heard):
            answered = True
        if got >= set(said["to"]) and (answered or said["end"] != "rejected"):
            break
    for vm, heard in ears.hear(SILENCE):
        if heard == frame:
            got.add(vm)
        answered |= vm == sender and is_answer(frame, heard)
    if got != set(said["to"]):
        return f"said to reach {said['to']}, reached {sorted(got)}"
    if answered != (said["end"] == "rejected") and not got:
        return f"said to be {said['end']}, answered: {answered}"
    now = places(lab)
    answered = {k: [f for f in now[k] if now[k][f] != chains[k][f]] for k in now if now[k] != chains[k]}
    if answered != answers(said):
        return f"slots were said to answer {answers(said)}, answered {answered}"
    asked = {(s["node"], s["vnic"], s["rule"]) for s in said["firewall"]
             if s["rule"] and "rule" in s["why"]}
    now = hits(lab)
    hit = {k[:3] for k in now if now[k] != before[k]}
    asked = {k for k in asked if k in {h[:3] for h in now}}
    return None if hit == asked else f"said to ask the rules {sorted(asked)}, asked {sorted(hit)}"


def main(lab, *vms):
    ears, n = Ears(lab, vms), 0
    for line in sys.stdin:
        words = line.split("#")[0].strip()
        if not words:
            continue
        list(ears.hear(SILENCE))
        wrong = difference(lab, ears, words)
        if wrong:
            sys.exit(f"{words}: {wrong}")
        n += 1
    print("ok", n)


if __name__ == "__main__":
    main(*sys.argv[1:])
