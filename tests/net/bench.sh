# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# bench LAB: every path asked for is measured at each of its hooks, where it can be; figures add up to what they are
# made of; the lab is where it was before, also when it is interrupted. Figures are not judged here.
. "$TESTS/lib/net.sh"
need iperf3 sockperf

write_lab <<'YAML'
lab: x
hosts:
  h1: {dpu: true, cpus: 0, dpu-cpus: 1}
  h2: {cpus: 0}
port-groups: {g: {vni: 7}}
vms:
  a: {host: h1, port-group: g, ip: 10.1.0.11/24}
  b: {host: h1, port-group: g, ip: 10.1.0.12/24}
  c: {host: h2, port-group: g, ip: 10.1.0.13/24}
firewall: {default: allow}
YAML
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
emulated && skip "measures"
run "$DPULAB" up lab.yaml
refuse 2 "$DPULAB" bench "$LAB" --paths host,nowhere
refuse 2 "$DPULAB" bench "$LAB" --rounds 0
"$DPULAB" bench -q -j "$LAB" --rounds 1 --paths linux,host,dpu-mux >bench.json || fail "bench: exit status $?"
"$PYTHON" - <<'PY' || fail "the figures are not whole: $(cat bench.json)"
import json
d = json.load(open("bench.json"))
rows = {(r["path"], r["hook"], r["frames"], r["bytes"]): r for r in d["cpu"]}
want = {(path, hook, where, size) for path, hooks in (("linux", ["kernel"]), ("host", ["tc", "xdp"])) for hook in hooks
        for where in ("same host", "VXLAN") for size in (64, 1504)}
assert set(rows) == want, set(rows) ^ want
for key, r in rows.items():
    assert r["mpps"] > 0 and r["host_ns"] > 0 and r["dpu_ns"] == 0, r
    if key[0] == "linux":
        assert r["host/linux"].startswith("1.000"), r
assert {(r["path"], r["sockets"]) for r in d["sockets"]} == {(p, w) for p in ("linux", "host") for w in ("same host", "VXLAN")}
assert all(r["tcp_gbit"] > 0 and r["rtt_us"] > 0 for r in d["sockets"])
assert any(line.startswith("dpu-mux: host h2 has no DPU") for line in d["not_measured"]), d["not_measured"]
assert any(line.startswith("pmd: not asked for") for line in d["not_measured"]), d["not_measured"]
PY
path_is() { "$DPULAB" show "$LAB" placement | awk 'NR > 1 { print $2 }' | sort -u; }
expect "placement afterwards" "$(path_is)" host

"$DPULAB" bench "$LAB" --rounds 8 --paths host,pmd >out 2>err &
pid=$!
wait_for 30 grep -q 'pmd' err # it is at the second path
kill -INT "$pid"
wait "$pid"
expect "exit status of an interrupted bench" "$?" 1
grep -q 'interrupted' err || fail "no word of the interruption: $(cat err)"
expect "placement after an interruption" "$(path_is)" host
wait_for 10 in_node a ping -q -c 1 -W 2 10.1.0.13
