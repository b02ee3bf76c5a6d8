#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The main job: every frame path of the shipped lab keeps the policy at both hooks,
# every figure is there, and nothing is left behind. Figures are not judged here.
. "$TESTS/lib/net.sh"
need flock

[ -e /run/dpulab/demo ] && skip "a lab called demo is running"
mkdir -p /run/dpulab
rcu=$(flock /run/dpulab/.hurry cat /sys/kernel/rcu_expedited)
run "$DPULAB" demo --rounds 1 --output raw.json >table.txt
cat table.txt
ls /run/netns 2>/dev/null | grep '^demo-' && fail "namespaces are left"
[ -e /sys/fs/bpf/dpulab/demo ] && fail "pins are left"
[ -e /run/dpulab/demo ] && fail "state is left"
# under the lock nobody else is in a hurry
flock /run/dpulab/.hurry sh -c '[ ! -e /run/dpulab/.rcu_expedited ] && [ "$(cat /sys/kernel/rcu_expedited)" = '"$rcu"' ]' ||
	fail "rcu_expedited is $(cat /sys/kernel/rcu_expedited), was $rcu"
"$PYTHON" - <<'PY' || fail "the raw figures are not whole"
import json, sys
paths = json.load(open("raw.json"))["paths"]
left_out = [(p["path"], bool(p["why_not"])) for p in paths if not p["measured"]]
assert left_out == [("sriov", True), ("bare-metal", True)], left_out
paths = [p for p in paths if p["measured"]]
assert [p["path"] for p in paths] == ["linux", "host", "pmd", "dpu-mux", "dpu-upt"], paths
for p in paths:
    assert p["probes"] > 100, p
    assert p["wrong_at_socket_hook"] == p["wrong_at_frame_hook"] == 0, p
    for figure in ("tcp", "round_trip_p50", "frames_64B"):
        for where in ("same_host", "vxlan"):
            assert all(v > 0 for v in p[figure][where]) and p[figure][where], (p["path"], figure)
    dpu = p["path"].startswith("dpu")
    assert (p["dpu_cpu"]["same_host"][0] > 0) == dpu, p["dpu_cpu"]
    assert (p["host_cpu"]["same_host"][0] > 0) == (p["path"] != "dpu-upt"), p["host_cpu"]
PY
