#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""On which CPUs a location's programs have run: runs.py LAB NODE prints "CPU COUNT" for each that has any, frames that the
flow cache forwarded and all others. Reads maps "hits" and "node_stats" (include/dpulab/stats.h)."""
import json
import subprocess
import sys

HOOKS = 3
CACHE_LINE = 64


def dump(lab, node, name):
    pin = f"/sys/fs/bpf/dpulab/{lab}/{node}/maps/{name}"
    return json.loads(subprocess.run(["bpftool", "-j", "map", "dump", "pinned", pin], check=True, capture_output=True).stdout)


def main():
    lab, node = sys.argv[1:]
    runs = {}
    for entry in dump(lab, node, "node_stats"):
        for value in entry["formatted"]["values"]:
            runs[value["cpu"]] = runs.get(value["cpu"], 0) + sum(value["value"]["reason"])
    table = bytes(int(b, 16) for b in dump(lab, node, "hits")[0]["value"])
    for cpu in runs:
        line = table[cpu * CACHE_LINE:][:8 * HOOKS]
        runs[cpu] += sum(int.from_bytes(line[8 * i:8 * i + 8], "little") for i in range(HOOKS))
    for cpu, count in sorted(runs.items()):
        if count:
            print(cpu, count)


main()
