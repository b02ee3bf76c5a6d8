# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Network I/O Control, vSphere's own example: two classes with 100 shares that saturate an uplink get 50 and 50 %; with
# a third of 50 shares 40, 40 and 20 %; within 2 points of what arrives, TCP and UDP, on every frame path. A reservation
# holds under overload, a limit on an idle uplink, and vNICs of class vm share likewise. Values change live.
. "$TESTS/lib/net.sh"
need iperf3 ss

# CLASSES [SPEED] [KEYS-OF-VM1]
lab_with() {
	write_lab <<-YAML
		lab: x
		nioc:
		  classes: {$1}
		hosts: {esx1: {dpu: true, speed: $2}, esx2: {dpu: true, speed: 10G}}
		port-groups:
		  web: {vni: 5001}
		  motion: {vni: 5001, traffic: vmotion}
		vms:
		  ft1: {host: esx1, port-group: web, ip: 10.1.0.11/24, traffic: ft}
		  iscsi1: {host: esx1, port-group: web, ip: 10.1.0.12/24, traffic: iscsi}
		  motion1: {host: esx1, port-group: motion, ip: 10.1.0.13/24}
		  vm1: {host: esx1, port-group: web, ip: 10.1.0.14/24${3:-}}
		  vm2: {host: esx1, port-group: web, ip: 10.1.0.15/24}
		  sink: {host: esx2, port-group: web, ip: 10.1.0.21/24}
	YAML
}

flow() { echo "$1:sink:10.1.0.21:$2:2:${3:-40M}"; } # VM PORT [RATE-OF-EACH-UDP-STREAM]

# shares WHAT SECONDS PROTO VM=PERCENT...: of the sum that arrives, within 2 points.
shares() {
	local what=$1 seconds=$2 proto=$3 port=5201 flows=() vm
	shift 3
	for vm in "$@"; do
		flows+=("$(flow "${vm%=*}" "$port")")
		port=$((port + 1))
	done
	"$PYTHON" "$TESTS/lib/rates.py" "$LAB" "$seconds" "$proto" "${flows[@]}" >rates.txt || fail "$what: $(cat rates.txt)"
	awk -v what="$what, $proto" -v want="$*" '
		{ rate[$1] = $3; sum += $3 }
		END {
			n = split(want, pairs, " ")
			for (i = 1; i <= n; i++) {
				split(pairs[i], p, "=")
				got = 100 * rate[p[1]] / sum
				printf "%s: %s %.1f %% of %d, expected %d\n", what, p[1], got, sum, p[2]
				if (got < p[2] - 2 || got > p[2] + 2) bad = 1
			}
			exit bad
		}' rates.txt || fail "$what: other shares"
}

rate_of() { awk -v vm="$1" '$1 == vm {print $3}' rates.txt; }

between() { # WHAT RATE LEAST MOST
	echo "$1: $2"
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || fail "$1: $2 bit/s, expected $3 to $4"
}

CLASSES='ft: {shares: 100}, iscsi: {shares: 100}, vmotion: {shares: 50}, vm: {shares: 50}'
lab_with "$CLASSES" 100M
run "$DPULAB" up lab.yaml
for how in "host tc" "dpu-mux tc" "linux tc" "dpu-upt tc" "host xdp"; do
	# shellcheck disable=SC2086
	set -- $how
	run "$DPULAB" place "$LAB" "$1" --host esx1 --hook "$2"
	shares "$how" 3 tcp ft1=40 iscsi1=40 motion1=20
	[ "$1" = linux ] || shares "$how" 3 udp ft1=40 iscsi1=40 motion1=20
done
run "$DPULAB" place "$LAB" host --host esx1 --hook tc
shares host 3 tcp ft1=50 iscsi1=50
shares host 3 udp ft1=50 iscsi1=50
run "$DPULAB" place "$LAB" dpu-mux --host esx1
shares dpu-mux 3 tcp ft1=50 iscsi1=50

# ---- the whole link for who is alone; of class vm each vNIC by its own shares -------------------------------------------
run "$DPULAB" place "$LAB" host --host esx1 --hook tc
lab_with "$CLASSES" 100M ', uplink: {shares: 75}'
run "$DPULAB" apply lab.yaml
shares "vNICs of class vm" 3 tcp vm1=60 vm2=40
between "class vm alone" $(($(rate_of vm1) + $(rate_of vm2))) 90000000 102000000

# ---- a reservation under overload, a limit on an idle uplink ---------------------------------------------------------------
lab_with 'ft: {shares: 100}, iscsi: {shares: 100}, vmotion: {shares: 1, reservation: 60M}, vm: {shares: 1, limit: 20M}' 100M
run "$DPULAB" apply lab.yaml
for path in host dpu-mux; do
	run "$DPULAB" place "$LAB" $path --host esx1
	"$PYTHON" "$TESTS/lib/rates.py" "$LAB" 3 tcp "$(flow ft1 5201)" "$(flow iscsi1 5202)" "$(flow motion1 5203)" >rates.txt || fail "$(cat rates.txt)"
	between "$path: reserved 60M, 1 share, among two of 100" "$(rate_of motion1)" 57000000 64000000
	"$PYTHON" "$TESTS/lib/rates.py" "$LAB" 3 tcp "$(flow vm1 5201)" >rates.txt || fail "$(cat rates.txt)"
	between "$path: limit 20M, nobody else" "$(rate_of vm1)" 18500000 20400000
	"$PYTHON" "$TESTS/lib/rates.py" "$LAB" 3 tcp "$(flow ft1 5201)" >rates.txt || fail "$(cat rates.txt)"
	between "$path: what is reserved and not used is lent" "$(rate_of ft1)" 92000000 102000000
done
"$DPULAB" show -j "$LAB" nioc | "$PYTHON" -c '
import json, sys
rows = {(r["class"], r["vm"]): r for r in json.load(sys.stdin)["nioc"] if r["node"] == "esx1-dpu"}
assert rows["vmotion", "-"]["guaranteed_bps"] >= 60000000, rows
assert rows["vm", "vm1"]["at_most_bps"] == 20000000, rows
assert rows["vm", "vm1"]["bytes"] > 1000000, rows' || fail "show nioc"

# ---- nothing is asked any more: no queue stays -------------------------------------------------------------------------
sed -i '/^nioc:/d; /classes:/d; s/, traffic: [a-z]*//; s/, uplink: {[^}]*}//' lab.yaml
run "$DPULAB" apply lab.yaml
for at in esx1:uplink0 esx1-dpu:p0; do
	! in_node "${at%:*}" tc qdisc show dev "${at#*:}" | grep -q 5580 || fail "a queue is left at $at"
done
