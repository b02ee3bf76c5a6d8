#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What arrives when several VMs send at once: rates.py LAB SECONDS tcp|udp FLOW...

FLOW is FROM:TO:ADDRESS:PORT:STREAMS[:RATE], RATE (bit/s, iperf3's words) of each
stream, for UDP. A line per flow: FROM TO and the bits per second that arrived at
TO over SECONDS in the middle of the run, by the receiver's own clock and with
Ethernet, IP and transport headers counted, as the policies count them.
"""

import json
import subprocess
import sys
import time

UDP_PAYLOAD = 1400
UDP_HEADERS = 14 + 20 + 8
TCP_HEADERS = 14 + 20 + 32  # timestamps, as Linux sends them
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
    failed = [c.communicate()[0].decode() for c in clients if c.wait()]
    for flow, server in zip(flows, servers):
        if failed:
            server.kill()
            continue
        result = json.loads(server.communicate()[0])
        whole = [i["sum"] for i in result["intervals"]][LEAD:LEAD + seconds]
        payload = payload_of(lab, flow[1], proto)
        factor = (payload + (UDP_HEADERS if proto == "udp" else TCP_HEADERS)) / payload
        bits = 8 * sum(i["bytes"] for i in whole) / sum(i["seconds"] for i in whole)
        print(flow[0], flow[1], round(bits * factor))
    if failed:
        sys.exit("\n".join(failed))


main()
