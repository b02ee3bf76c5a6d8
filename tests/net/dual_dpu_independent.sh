# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Two independent DPUs in one machine, each with a switch and a tunnel endpoint of its own: VMs of both reach each other
# by the wire, and each other host. When one DPU crashes, flows of the other's VMs lose nothing; its own are silent until it is
# repaired, because nobody takes over.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"
. "$TESTS/lib/pair.sh"

write_lab <<YAML
lab: x
placement: dpu-mux
hosts:
  esx1: {dpu: true}
  esx1b: {dpu: true, machine: esx1}
  esx2: {dpu: true}
port-groups:
  web: {vni: 5001}
vms:
  web1: {host: esx1, port-group: web, ip: [10.1.0.11/24, "2001:db8:1::11/64"]}
  web2: {host: esx1, port-group: web, ip: [10.1.0.12/24, "2001:db8:1::12/64"]}
  web3: {host: esx2, port-group: web, ip: [10.1.0.13/24, "2001:db8:1::13/64"]}
  app1: {host: esx1b, port-group: web, ip: [10.1.0.21/24, "2001:db8:1::21/64"]}
  app2: {host: esx1b, port-group: web, ip: [10.1.0.22/24, "2001:db8:1::22/64"]}
$(echoes_policy)
YAML
run "$DPULAB" up lab.yaml
[ ! -e "/run/netns/$LAB-esx1b" ] || fail "the second switch has a machine of its own"
[ -e "/run/netns/$LAB-esx1-dpu2" ] || fail "there is no second DPU"
in_node esx1 test -e /sys/class/net/uplink1 2>/dev/null || in_node esx1 ip link show uplink1 >/dev/null || fail "no second wire"

placement
expect failover "$(json placement.json "d['placement'][0]['failover']")" "none: independent DPUs"

meets() { # FROM ADDRESS
	wait_for 10 in_node "$1" ping -q -c 1 -W 2 "$2"
}
all_meet() {
	meets web1 10.1.0.12
	meets web1 10.1.0.13
	meets web1 10.1.0.21
	meets app1 10.1.0.22
	meets app1 10.1.0.13
	meets app1 2001:db8:1::11
	meets web3 2001:db8:1::22
}
serve web2 5500 5500
serve web3 5500 5500

while read -r hook path; do
	run "$DPULAB" place "$LAB" "$path" --hook "$hook"
	all_meet
	# flows of web1, on its host and to the other machine, while the DPU beside is gone
	watch_flows flows
	"$DPULAB" drill -j "$LAB" dpu-crash --host esx1b --for 400 >drill.json 2>drill.err || fail "$(cat drill.err drill.json)"
	watched flows
	[ "$(grep -c ' sent \([0-9]*\) answered \1 ' flows)" = 4 ] || fail "$path, $hook: a flow of the first switch has noticed"
	grep -q broken flows && fail "$path, $hook: a connection of the first switch has ended"
	"$PYTHON" - <<'PY' || fail "$path, $hook: $(cat drill.json)"
import json, sys
report = json.load(open("drill.json"))
own = [f for f in report["flows"] if not f["broken"]]
wrong = [f for f in own if f["back_by"] != "dpulab" or f["silence_ms"] < 360]
print("blackout of the crashed one's %s ms, %d connections broken" % (report["blackout_ms"], report["connections_broken"]))
sys.exit(bool(wrong) or not own or "failed_over_to" in report or not report["connections_broken"])
PY
	all_meet
done <<'ROWS'
tc  dpu-upt
tc  dpu-mux
xdp dpu-mux
xdp dpu-upt
ROWS

refuse 1 "$DPULAB" place "$LAB" linux
run "$DPULAB" place "$LAB" host --host esx1b
all_meet
run "$DPULAB" place "$LAB" linux --host esx1
meets web1 10.1.0.12
run "$DPULAB" place "$LAB" dpu-mux
all_meet
ip netns del "$LAB-esx1-dpu2"
run "$DPULAB" up lab.yaml
all_meet
run "$DPULAB" down "$LAB"
ls /run/netns/"$LAB"-* 2>/dev/null && fail "down has left a namespace"
exit 0
