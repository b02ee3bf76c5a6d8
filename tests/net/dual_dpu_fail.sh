# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A host with two DPUs: when the active one fails, in each way it can, the standby takes over before anybody repairs it, and
# the lab is as it was when the drill is over. Killed in the middle, too. Times are printed, not judged.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"
. "$TESTS/lib/pair.sh"

FAULT_MS=600
emulated && FAULT_MS=6000

write_pair_lab lab.yaml ', standby-uplinks: uplink2'
run "$DPULAB" up lab.yaml
serve web2 5500 -
serve web3 5500 -

# takes_over PATH DRILL KEPT: whether connections live on.
takes_over() {
	"$DPULAB" drill -j "$LAB" "$2" --host esx1 --for "$FAULT_MS" >drill.json 2>drill.err ||
		fail "$1 $2: $(cat drill.err drill.json)"
	"$PYTHON" - "$3" "$1" <<'PY' || fail "$1 $2: $(cat drill.json)"
import json, sys
kept, path = sys.argv[1] == "kept", sys.argv[2]
report = json.load(open("drill.json"))
wrong = []
if report.get("failed_over_to") != "esx1-dpu2" or report["connections_kept"] != kept:
    wrong.append("no failover to esx1-dpu2, connections %s" % ("kept" if kept else "lost"))
# One whose state is lost may still come back, when the way back to the repaired DPU is slow enough for a try of TCP to fall into it.
lucky = sum(flow["flow"] == "tcp" and flow["back_by"] == "dpulab" for flow in report["flows"])
if report["connections_broken"] + lucky != (0 if kept else 2):
    wrong.append("%d connections broken" % report["connections_broken"])
for flow in report["flows"]:
    if flow["broken"]:
        continue
    if path == "dpu-vxlan" and flow["way"] == "same host" and not flow["lost"]:
        continue  # has no part in it
    if flow["back_by"] not in ("standby", "-") and (kept or flow["flow"] != "tcp" or flow["back_by"] != "dpulab"):
        wrong.append(flow)
if not kept and not any(flow["lost"] for flow in report["flows"]):
    wrong.append("nothing was hit")
for damage in report["damage"]:
    if damage["mended_by"] == "nobody":
        wrong.append(damage)
for line in wrong:
    print("wrong:", line)
print("blackout %s ms: noticed after %s (%s), taken over in %s, given back in %s" % tuple(
    report[key] for key in ("blackout_ms", "noticed_ms", "failover_cause", "failover_ms", "failback_ms")))
sys.exit(bool(wrong))
PY
}

while read -r hook path what kept; do
	placement
	if [ "$(json placement.json "d['placement'][0]['path'], d['placement'][0]['hook']")" != "('$path', '$hook')" ]; then
		run "$DPULAB" place "$LAB" "$path" --hook "$hook"
	fi
	picture "$path" >before
	echo "+ $hook $path $what"
	takes_over "$path" "$what" "$kept"
	roles_are esx1-dpu esx1-dpu2 standby
	lab_as_before "$hook $path $what"
	lab_works
done <<'ROWS'
xdp dpu-upt dpu-crash   lost
xdp dpu-upt pcie-freeze lost
xdp dpu-mux dpu-crash   lost
xdp dpu-mux dpu-hang    lost
xdp dpu-mux uplink-down kept
tc  dpu-upt dpu-crash   lost
tc  dpu-upt uplink-down kept
tc  host-dfw dpu-crash  kept
tc  dpu-vxlan dpu-crash kept
tc  dpu-mux dpu-crash   lost
tc  dpu-mux dpu-hang    lost
tc  dpu-mux dpu-reboot  lost
tc  dpu-mux pcie-freeze lost
tc  dpu-mux uplink-down kept
ROWS

# ---- killed in the middle -----------------------------------------------------

# Each time the next `up` makes it what it was: the DPU that was active before the drill is the active one.
picture dpu-mux >before
path=dpu-mux
rm -f ops
DPULAB_COUNT_OPS=$PWD/ops "$DPULAB" drill "$LAB" dpu-crash --host esx1 --for "$FAULT_MS" >whole 2>&1 || fail "$(cat whole)"
count=$(cat ops)
for part in 1 2 3; do
	DPULAB_CRASH_AFTER=$((4 + (count - 8) * part / 4)) "$DPULAB" drill "$LAB" dpu-crash --host esx1 --for "$FAULT_MS" >killed 2>&1
	expect "drill, to be killed" $? 137
	run "$DPULAB" up lab.yaml
	roles_are esx1-dpu esx1-dpu2 standby
	lab_as_before "killed after $((4 + (count - 8) * part / 4)) of $count operations"
	lab_works
done 2>/dev/null # bash tells of every kill
exit 0
