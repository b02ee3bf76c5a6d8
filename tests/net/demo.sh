#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The main job: every frame path of the shipped lab keeps the policy at both hooks,
# every figure is there, and nothing is left behind. Figures are not judged here.
. "$TESTS/lib/net.sh"

[ -e /run/dpulab/demo ] && skip "a lab called demo is running"
run "$DPULAB" demo --rounds 1 --output raw.json >table.txt
cat table.txt
ls /run/netns 2>/dev/null | grep '^demo-' && fail "namespaces are left"
[ -e /sys/fs/bpf/dpulab/demo ] && fail "pins are left"
[ -e /run/dpulab/demo ] && fail "state is left"
[ "$(cat /sys/kernel/rcu_expedited 2>/dev/null || echo 0)" = 0 ] || fail "rcu_expedited is left on"
"$PYTHON" - <<'PY' || fail "the raw figures are not whole"
import json, sys
paths = json.load(open("raw.json"))["paths"]
assert [p["path"] for p in paths] == ["linux", "host", "dpu-mux", "dpu-upt"], paths
for p in paths:
    assert p["measured"] and p["probes"] > 100, p
    assert p["wrong_at_socket_hook"] == p["wrong_at_frame_hook"] == 0, p
    for figure in ("tcp", "round_trip_p50", "frames_64B"):
        for where in ("same_host", "vxlan"):
            assert all(v > 0 for v in p[figure][where]) and p[figure][where], (p["path"], figure)
    dpu = p["path"].startswith("dpu")
    assert (p["dpu_cpu"]["same_host"][0] > 0) == dpu, p["dpu_cpu"]
    assert (p["host_cpu"]["same_host"][0] > 0) == (p["path"] != "dpu-upt"), p["host_cpu"]
PY
