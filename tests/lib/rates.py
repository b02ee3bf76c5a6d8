#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What arrives when several VMs send at once: rates.py LAB SECONDS tcp|udp FLOW...

FLOW is FROM:TO:ADDRESS:PORT:STREAMS[:RATE], RATE (bit/s, iperf3's words) of each
stream, for UDP. A line per flow: FROM TO and the bits per second that arrived at
TO over SECONDS in the middle of the run, with Ethernet, IP and transport headers
counted, as the policies count them. Where TO has one flow only, and TCP, it is
what came in by the counters of TO's own stack, whatever order it came in and
whether once or twice; else it is what iperf3 was given, which is less by what
was sent again, and in a window of some seconds more or less by what a gap held back.
"""

import ctypes
import json
import os
import subprocess
import sys
import threading
import time

UDP_PAYLOAD = 1400
UDP_HEADERS = 14 + 20 + 8
TCP_HEADERS = 14 + 20 + 32  # timestamps, as Linux sends them
CLOSE = 0.003  # seconds that reading counters may take, to know when they were so
LEAD = 1  # seconds left out at the beginning, and at the end


def inside(lab, node, *command):
    return ["nsenter", f"--net=/run/netns/{lab}-{node}", "--", *command]


def wait_listening(lab, node, port):
    for _ in range(200):
        out = subprocess.run(inside(lab, node, "ss", "-Hltn", f"sport = :{port}"),
                             capture_output=True, text=True, check=True).stdout
        if out.strip():
            return
        time.sleep(0.05)
    sys.exit(f"nobody listens on port {port} in {node}")


def counters_now(lab, node):
    """(text of the node's counters, when). Read by a thread of this process: on a busy machine a process of its own may be
    kept from telling by a tenth of a second, which is 2 % of five."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = {}

    def read():
        with open(f"/run/netns/{lab}-{node}", "rb") as ns:
            if libc.setns(ns.fileno(), 0):
                found["error"] = os.strerror(ctypes.get_errno())
                return
        for _ in range(200):
            begin = time.monotonic()
            out = "".join(open(f"/proc/thread-self/net/{name}", encoding="ascii").read() for name in ("snmp", "netstat"))
            end = time.monotonic()
            found["now"] = out, (begin + end) / 2
            if end - begin < CLOSE:
                return

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    if "now" not in found:
        sys.exit(f"cannot read the counters of {node}: {found.get('error')}")
    return found["now"]


def wire_bytes(lab, node):
    """(bytes of IPv4 packets that came in as they were on the wire, when)"""
    out, when = counters_now(lab, node)
    rows = [line.split() for line in out.splitlines()]
    count = {}
    for names, values in zip(rows[::2], rows[1::2]):
        count.update({names[0] + n: int(v) for n, v in zip(names[1:], values[1:])})
    # GRO: a packet of several segments has one header left; they are counted one by one by their ECN marks
    packets = count["Ip:InReceives"]
    segments = sum(count[f"IpExt:In{kind}Pkts"] for kind in ("NoECT", "ECT1", "ECT0", "CE"))
    return count["IpExt:InOctets"] - (TCP_HEADERS - 14) * packets + TCP_HEADERS * segments, when


def payload_of(lab, node, proto):
    if proto == "udp":
        return UDP_PAYLOAD
    link = subprocess.run(inside(lab, node, "ip", "-j", "link", "show", "dev", "eth0"),
                          capture_output=True, check=True).stdout
    return json.loads(link)[0]["mtu"] - 52


def main():
    lab, seconds, proto = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    flows = [flow.split(":") for flow in sys.argv[4:]]
    servers, clients = [], []
    for source, sink, address, port, *_ in flows:
        servers.append(subprocess.Popen(inside(lab, sink, "iperf3", "-s", "-1", "-J", "-p", port),
                                        stdout=subprocess.PIPE))
    for source, sink, address, port, *_ in flows:
        wait_listening(lab, sink, port)
    for source, sink, address, port, streams, *rate in flows:
        words = ["iperf3", "-c", address, "-p", port, "-P", streams, "-t", str(seconds + 2 * LEAD)]
        if proto == "udp":
            words += ["-u", "-l", str(UDP_PAYLOAD), "-b", rate[0]]
        clients.append(subprocess.Popen(inside(lab, source, *words), stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT))
    sinks = [flow[1] for flow in flows]
    alone = [proto == "tcp" and sinks.count(sink) == 1 for sink in sinks]
    time.sleep(LEAD)
    before = [wire_bytes(lab, sink) if a else None for sink, a in zip(sinks, alone)]
    time.sleep(seconds)
    after = [wire_bytes(lab, sink) if a else None for sink, a in zip(sinks, alone)]
    failed = [c.communicate()[0].decode() for c in clients if c.wait()]
    for i, (flow, server) in enumerate(zip(flows, servers)):
        if failed:
            server.kill()
            continue
        result = json.loads(server.communicate()[0])
        if alone[i]:
            bits = 8 * (after[i][0] - before[i][0]) / (after[i][1] - before[i][1])
            print(flow[0], flow[1], round(bits))
            continue
        whole = [i["sum"] for i in result["intervals"]][LEAD:LEAD + seconds]
        payload = payload_of(lab, flow[1], proto)
        factor = (payload + (UDP_HEADERS if proto == "udp" else TCP_HEADERS)) / payload
        bits = 8 * sum(i["bytes"] for i in whole) / sum(i["seconds"] for i in whole)
        print(flow[0], flow[1], round(bits * factor))
    if failed:
        sys.exit("\n".join(failed))


main()
