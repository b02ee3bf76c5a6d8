# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# bench LAB: every path asked for is measured at each of its hooks, where it can be; figures add up to what they are
# made of; the accounting's own test is in it and decides the exit status; the lab is where it was before, also when it is
# interrupted. Figures are not judged here.
. "$TESTS/lib/net.sh"
need iperf3 sockperf

write_lab <<'YAML'
lab: x
hosts:
  h1: {dpu: true, cpus: 0, dpu-cpus: 1}
  h2: {cpus: 0}
  m1: {dpu: true, cpus: 0, dpu-cpus: 1}
  m2: {dpu: true, cpus: 0, dpu-cpus: 1}
port-groups: {g: {vni: 7}}
vms:
  a: {host: h1, port-group: g, ip: 10.1.0.11/24}
  b: {host: h1, port-group: g, ip: 10.1.0.12/24}
  c: {host: h2, port-group: g, ip: 10.1.0.13/24}
  d: {type: bare-metal, host: m1, port-group: g, ip: 10.1.0.14/24}
  e: {type: bare-metal, host: m2, port-group: g, ip: 10.1.0.15/24}
firewall: {default: allow}
YAML
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
emulated && skip "measures"
run "$DPULAB" up lab.yaml
refuse 2 "$DPULAB" bench "$LAB" --paths host,nowhere
refuse 2 "$DPULAB" bench "$LAB" --rounds 0
# 0, or 3: this machine has other work, and the spin was not where it should be
"$DPULAB" bench -q -j "$LAB" --rounds 1 --paths linux,host,dpu-mux >bench.json 2>err
status=$?
[ $status = 0 ] || [ $status = 3 ] || fail "bench: exit status $status: $(cat err)"
export status
"$PYTHON" - <<'PY' || fail "the figures are not whole: $(cat bench.json)"
import json, os
d = json.load(open("bench.json"))
rows = {(r["path"], r["hook"], r["frames"], r["bytes"]): r for r in d["cpu"]}
want = {(path, hook, where, size) for path, hooks in (("linux", ["kernel"]), ("host", ["tc", "xdp"])) for hook in hooks
        for where in ("same host", "VXLAN") for size in (64, 512, 1504)}
assert set(rows) == want, set(rows) ^ want
for key, r in rows.items():
    assert r["mpps"] > 0 and r["host_ns"] > 0 and r["dpu_ns"] == 0, r
    if key[0] == "linux":
        assert r["host/linux"].startswith("1.000"), r
assert {(r["path"], r["sockets"]) for r in d["sockets"]} == {(p, w) for p in ("linux", "host") for w in ("same host", "VXLAN")}
assert all(r["rtt_us"] > 0 for r in d["sockets"])
assert {(r["path"], r["hook"], r["tcp"]) for r in d["tcp"]} == {(p, h, w) for p, h in (("linux", "kernel"), ("host", "tc"),
        ("host", "xdp (veth limit)")) for w in ("same host", "VXLAN")}
for r in d["tcp"]: # the VMs' own work is known from dpu-upt, which was not asked for
    assert r["gbit"] > 0 and r["host/linux"] == "-" and r["rounds"] == 0, r
assert {(r["path"], r["latency"]) for r in d["latency"]} == {(p, w) for p in ("linux", "host") for w in ("same host", "VXLAN")}
for r in d["latency"]:
    assert 0 < r["idle_p50_us"] <= r["idle_p99_us"] and 0 < r["p50_us"] <= r["p99_us"] and r["half_load_per_s"] > 0, r
    assert 0 <= r["lost_percent"] < 100, r
for r in d["latency"] + d["sockets"]: # nothing is emulated in this lab
    assert r["emulated_us"] == 0 and r["raw_us"] == r.get("p50_us", r.get("rtt_us")), r
assert {(e["host"], e["emulated"]) for e in d["emulated"]} == {(h, "-") for h in ("h1", "h2", "m1", "m2")}
assert any(line.startswith("dpu-mux: host h2 has no DPU") for line in d["not_measured"]), d["not_measured"]
assert any(line.startswith("pmd: not asked for") for line in d["not_measured"]), d["not_measured"]
tests = {t["selftest"]: t for t in d["selftest"]}
assert set(tests) == {"host", "dpu"}, tests
assert 1.9 < tests["host"]["redirects_per_frame"] < 2.1 and 0.9 < tests["dpu"]["redirects_per_frame"] < 1.1, tests # a hairpin: there and back
for where, t in tests.items():
    assert t["added_ns"] >= 500 * t["redirects_per_frame"] * 0.99 and t["verdict"] in ("ok", "wrong"), t
    assert t[f"{where}_ns"] > t[f"{'dpu' if where == 'host' else 'host'}_ns"], t # in its column, not in the other's
assert (os.environ["status"] == "3") == any(t["verdict"] == "wrong" for t in tests.values()), tests
assert d["accounting"]["closes"] in ("yes", "no") and d["accounting"]["rows_not_closed"] <= len(rows), d["accounting"]
PY
path_is() { "$DPULAB" show "$LAB" placement | awk 'NR > 1 { print $2 }' | sort -u; }
expect "placement afterwards" "$(path_is)" host

"$DPULAB" bench "$LAB" --rounds 8 --paths host,pmd >out 2>err &
pid=$!
wait_for 120 grep -q "pmd" err # it is at the second path
kill -INT "$pid"
wait "$pid"
expect "exit status of an interrupted bench" "$?" 1
grep -q 'interrupted' err || fail "no word of the interruption: $(cat err)"
expect "placement after an interruption" "$(path_is)" host
wait_for 10 in_node a ping -q -c 1 -W 2 10.1.0.13
