# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What frame path pmd does not do is refused with a sentence, by check, up, apply, place, drill and move, and
# leaves the lab as it was; what it polices where others queue is said.
. "$TESTS/lib/net.sh"

lab() { # PLACEMENT NIOC OF-WEB1
	write_lab <<-YAML
		lab: x
		placement: $1
		hosts: {esx1: {dpu: true, speed: 1G}, esx2: {speed: 1G}}
		port-groups: {web: {vni: 5001}}
		$2
		vms:
		  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24$3}
		  web3: {host: esx2, port-group: web, ip: 10.1.0.13/24}
		firewall: {default: allow}
	YAML
}
says() { # WORDS STATUS COMMAND...
	refuse "$2" "${@:3}" >said 2>&1
	grep -q "$1" said || fail "${*:3}: not said: $1: $(cat said)"
}
paths() {
	"$DPULAB" show -j "$LAB" placement | "$PYTHON" -c 'import json, sys
print(*[p["path"] for p in json.load(sys.stdin)["placement"]])'
}
NIOC='nioc: {classes: {vm: {shares: 50}}}'

# ---- in the file -------------------------------------------------------------
WORDS='Network I/O Control'
lab pmd "$NIOC" ''
says "$WORDS" 3 "$DPULAB" check lab.yaml
says "$WORDS" 1 "$DPULAB" up lab.yaml
[ ! -e "/run/netns/$LAB-esx1" ] || fail "up has left something"

# ---- on the way there
lab host "$NIOC" ''
run "$DPULAB" up lab.yaml
says "$WORDS" 1 "$DPULAB" place "$LAB" pmd
expect "paths after a refused move" "$(paths)" "host host"

# ---- of a lab that is there
lab host '' ''
run "$DPULAB" apply lab.yaml
run "$DPULAB" place "$LAB" pmd
lab host "$NIOC" ''
says "$WORDS" 1 "$DPULAB" apply lab.yaml
expect "paths after a refused apply" "$(paths)" "pmd pmd"
wait_for 10 in_node web1 ping -q -c 1 -W 2 10.1.0.13
run "$DPULAB" down "$LAB"

# ---- shaping -----------------------------------------------------------------
lab pmd '' ', shaping: {egress: {average: 10M}}'
says "web1 above its rate is dropped, not queued" 3 "$DPULAB" check lab.yaml
run "$DPULAB" up lab.yaml
"$DPULAB" show -j "$LAB" qos >qos.json
expect "show qos" "$("$PYTHON" -c 'import json; print(*[q["how"] for q in json.load(open("qos.json"))["qos"]])')" policed

# ---- the first shaper comes, the last one goes, and the process goes on
worker() { "$DPULAB" show -j "$LAB" pmd | "$PYTHON" -c 'import json, sys
print(*[p["pid"] for p in json.load(sys.stdin)["pmd"]])'; }
arrived() { in_node web1 awk '$1 == "eth0:" {print $3}' /proc/net/dev; }
# Of 200 datagrams in a row, how many come to web1? At 1 Mbit/s it takes them more than 2 s, and six fit into the burst.
volley() {
	local before
	before=$(arrived)
	in_node web3 "$PYTHON" -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(200): s.sendto(bytes(1400), ("10.1.0.11", 9))'
	wait_for 10 in_node web3 ping -q -c 1 -W 1 10.1.0.11 # behind them, by the same way
	echo $(($(arrived) - before))
}
pid=$(worker)
for shaping in '' ', shaping: {egress: {average: 1M}}' '' ', shaping: {egress: {average: 1M}}'; do
	lab pmd '' "$shaping"
	run "$DPULAB" apply lab.yaml
	wait_for 10 in_node web3 ping -q -c 1 -W 2 10.1.0.11
	n=$(volley)
	echo "pmd, '$shaping': $n of 200 datagrams"
	if [ "$shaping" ]; then [ "$n" -le 150 ]; else [ "$n" -ge 200 ]; fi || fail "pmd, '$shaping': $n of 200 datagrams came"
	expect "the worker" "$(worker)" "$pid"
done
# What has tables of its own cannot.
lab pmd '' ', shaping: {egress: {average: 1M}}'
sed -i 's/default: allow/default: allow, tcp-window: strict/' lab.yaml
says "cannot come or go while frame path pmd runs on esx1" 1 "$DPULAB" apply lab.yaml

# ---- verbs --------------------------------------------------------------------
lab pmd '' ''
fresh_lab
for drill in dpu-reboot pcie-freeze; do
	says "cannot have a $drill" 2 "$DPULAB" drill "$LAB" "$drill" --host esx1
done
says "frame path pmd" 2 "$DPULAB" move "$LAB" web1 esx2
wait_for 10 in_node web1 ping -q -c 1 -W 2 10.1.0.13
