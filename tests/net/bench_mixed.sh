# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# bench LAB on mixed placements: each is measured as a path of its own at both hooks, with the CPU time of host and DPU in
# their columns. Where the switch is on the host, frames between its VMs cost the DPU nothing; where it is on the DPU, they
# do. Other figures are not judged here.
. "$TESTS/lib/net.sh"
need iperf3 sockperf
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
emulated && skip "measures"

write_lab <<'YAML'
lab: x
hosts:
  h1: {dpu: true, cpus: 0, dpu-cpus: 1}
  h2: {dpu: true, cpus: 0, dpu-cpus: 1}
port-groups: {g: {vni: 7}}
vms:
  a: {host: h1, port-group: g, ip: 10.1.0.11/24}
  b: {host: h1, port-group: g, ip: 10.1.0.12/24}
  c: {host: h2, port-group: g, ip: 10.1.0.13/24}
firewall: {default: allow}
YAML
run "$DPULAB" up lab.yaml
refuse 2 "$DPULAB" bench "$LAB" --paths host-dfw,dpu-dfw
# 0, or 3: this machine has other work, and the spin was not where it should be
"$DPULAB" bench -q -j "$LAB" --rounds 1 --paths host-dfw,dpu-vxlan >bench.json 2>err
status=$?
[ $status = 0 ] || [ $status = 3 ] || fail "bench: exit status $status: $(cat err)"
"$PYTHON" - <<'PY' || fail "the figures are not whole: $(cat bench.json)"
import json
d = json.load(open("bench.json"))
rows = {(r["path"], r["hook"], r["frames"], r["bytes"]): r for r in d["cpu"]}
want = {(path, hook, where, size) for path in ("host-dfw", "dpu-vxlan") for hook in ("tc", "xdp")
        for where in ("same host", "VXLAN") for size in (64, 512, 1504)}
assert set(rows) == want, set(rows) ^ want
for (path, hook, where, size), r in rows.items():
    assert r["mpps"] > 0 and r["host_ns"] > 0, r
    crosses = path == "host-dfw" or where == "VXLAN"
    # a neighbour's probe now and then
    assert r["dpu_ns"] > 50 if crosses else r["dpu_ns"] < 20, r
assert {(r["path"], r["sockets"]) for r in d["sockets"]} == {(p, w) for p in ("host-dfw", "dpu-vxlan") for w in ("same host", "VXLAN")}
assert all(r["rtt_us"] > 0 for r in d["sockets"]) and all(r["gbit"] > 0 for r in d["tcp"])
assert any(line.startswith("host: not asked for") for line in d["not_measured"]), d["not_measured"]
PY
expect "placement afterwards" "$("$DPULAB" show "$LAB" placement | awk 'NR > 1 { print $2 }' | sort -u)" host
