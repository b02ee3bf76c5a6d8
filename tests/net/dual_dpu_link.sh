# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A host with two DPUs behind emulated PCIe links: each has a link of its own. Frames wait at the link of the DPU that serves, after
# a switch-over and a failover as before; a dead link is a DPU that is silent; `down` leaves nothing. Two independent switches likewise.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"
. "$TESTS/lib/pair.sh"

FAULT_MS=600
emulated && FAULT_MS=6000
DELAY_US=2000

# frames DPU: that its link has carried, both ways.
frames() {
	"$DPULAB" show -j "$LAB" link >link.json || fail "show link"
	json link.json "sum(r['frames'] for r in d['link'] if r.get('dpu', r['host']) == '$1')"
}
relay() { "$DPULAB" show -j "$LAB" link >link.json && json link.json "next(r['pid'] for r in d['link'] if r.get('dpu') == '$1')"; }

# Echoes to the other host wait there and back, at this link and no other.
crosses() { # DPU OTHER
	local before other rtt
	before=$(frames "$1")
	other=$(frames "$2")
	in_node web1 ping -c 20 -i 0.02 -W 2 10.1.0.13 >ping.out || fail "$1: $(cat ping.out)"
	rtt=$(sed -n 's/.*time=\([0-9.]*\) ms/\1/p' ping.out | sort -n | head -n 1)
	awk "BEGIN {exit !($rtt * 1000 >= 2 * $DELAY_US)}" || fail "$1: a round trip of $rtt ms, with $DELAY_US us each way"
	[ $(($(frames "$1") - before)) -ge 40 ] || fail "$1: its link has not carried the echoes"
	# a neighbour's question now and then, no echoes
	[ $(($(frames "$2") - other)) -lt 20 ] || fail "$2: echoes on its link"
}

write_pair_lab lab.yaml ', standby-uplinks: uplink2'
sed -i "s/{dpu: true, dpu2/{dpu: {link: {delay: ${DELAY_US}us}}, dpu2/" lab.yaml
run "$DPULAB" check lab.yaml
run "$DPULAB" up lab.yaml
serve web2 5500 5500
serve web3 5500 5500

while read -r hook path; do
	run "$DPULAB" place "$LAB" "$path" --hook "$hook"
	lab_works
	crosses esx1-dpu esx1-dpu2
	run "$DPULAB" place "$LAB" "$path" --dpu esx1-dpu2
	lab_works
	crosses esx1-dpu2 esx1-dpu
	run "$DPULAB" place "$LAB" "$path" --dpu esx1-dpu
	roles_are esx1-dpu esx1-dpu2 standby
	"$DPULAB" drill -j "$LAB" dpu-crash --host esx1 --for "$FAULT_MS" >drill.json 2>errors || fail "$(cat errors drill.json)"
	expect "$path, $hook: taken over by" "$(json drill.json "d['failed_over_to']")" esx1-dpu2
	lab_works
	crosses esx1-dpu esx1-dpu2
done <<'ROWS'
tc  dpu-mux
tc  dpu-upt
xdp dpu-upt
xdp dpu-mux
ROWS

# ---- a dead link ------------------------------------------------------------------

kill -KILL "$(relay esx1-dpu2)"
is_silent() { [ "$(role esx1-dpu2)" = "standby silent" ]; }
wait_for 10 is_silent
run "$DPULAB" up lab.yaml
roles_are esx1-dpu esx1-dpu2 standby
run "$DPULAB" down "$LAB"
[ -z "$(ls -d /run/netns/"$LAB"-* /run/dpulab/"$LAB" 2>/dev/null)" ] || fail "down left something"

# ---- two independent switches --------------------------------------------------------

write_lab <<YAML
lab: x
placement: dpu-mux
hosts:
  esx1: {dpu: {link: {delay: ${DELAY_US}us}}}
  esx1b: {dpu: {link: {delay: ${DELAY_US}us}}, machine: esx1}
  esx2: {dpu: true}
port-groups:
  web: {vni: 5001}
vms:
  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24}
  app1: {host: esx1b, port-group: web, ip: 10.1.0.21/24}
  web3: {host: esx2, port-group: web, ip: 10.1.0.13/24}
YAML
run "$DPULAB" up lab.yaml
wait_for 10 in_node app1 ping -q -c 1 -W 2 10.1.0.13
wait_for 10 in_node web1 ping -q -c 1 -W 2 10.1.0.13
crosses esx1 esx1b
run "$DPULAB" place "$LAB" dpu-upt --host esx1b
wait_for 10 in_node app1 ping -q -c 1 -W 2 10.1.0.11
crosses esx1 esx1b
exit 0
