# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Traffic shaping on every frame path and at both hooks: what arrives over 5 s is at least 95 % of the average and
# never above it by more than 2 %, both directions at once, and `show` says that it was paced. A policed port never
# exceeds its rate. Counters and tokens move with the VM, field by field. apply changes values live, and takes them away.
#
# DPULAB_LONG=1: from 1 Mbit/s to 10 Gbit/s, 1 to 16 flows. A rate that the machine does not reach without
# shaping is left out, and said so.
. "$TESTS/lib/net.sh"
need iperf3 bpftool ss

lab_with() { # INGRESS-OF-WEB1 EGRESS-OF-WEB2 [MODE]
	write_lab <<-YAML
		lab: x
		hosts: {esx1: {dpu: true}, esx2: {dpu: true}}
		port-groups:
		  web: {vni: 5001, shaping: {mode: ${3:-pace}}}
		vms:
		  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24, shaping: {ingress: {$1}}}
		  web2: {host: esx1, port-group: web, ip: 10.1.0.12/24, shaping: {egress: {$2}}}
		  web3: {host: esx2, port-group: web, ip: 10.1.0.13/24}
		  web4: {host: esx2, port-group: web, ip: 10.1.0.14/24}
	YAML
}

rates() { "$PYTHON" "$TESTS/lib/rates.py" "$LAB" "$@"; }

# show WHAT VM DIRECTION FIELD
shown() {
	"$DPULAB" show -j "$LAB" qos >qos.json || fail "show qos"
	"$PYTHON" -c 'import json, sys
for row in json.load(open("qos.json"))["qos"]:
    if row["vm"] == sys.argv[1] and row["direction"] == sys.argv[2]: print(row[sys.argv[3]])' "$@"
}

within() { # WHAT RATE AVERAGE
	echo "$1: $2 of $3"
	[ "$2" -ge $(($3 * 95 / 100)) ] || fail "$1: $2 bit/s are less than 95 % of $3"
	[ "$2" -le $(($3 * 102 / 100)) ] || fail "$1: $2 bit/s are more than 102 % of $3"
}

both_ways() { # WHAT RATE STREAMS
	rates 5 tcp "web1:web3:10.1.0.13:5201:$3" "web4:web2:10.1.0.12:5202:$3" >rates.txt || fail "$1: $(cat rates.txt)"
	within "$1: from web1" "$(awk '$1 == "web1" {print $3}' rates.txt)" "$2"
	within "$1: to web2" "$(awk '$2 == "web2" {print $3}' rates.txt)" "$2"
}

lab_with 'average: 40M' 'average: 40M'
run "$DPULAB" up lab.yaml
for how in "host tc" "host xdp" "dpu-mux tc" "dpu-mux xdp" "dpu-upt tc" "linux tc"; do
	# shellcheck disable=SC2086
	set -- $how
	run "$DPULAB" place "$LAB" "$1" --hook "$2"
	both_ways "$how" 40000000 2
	expect "$how: web1" "$(shown web1 ingress how)" paced
	expect "$how: web2" "$(shown web2 egress how)" paced
done

# ---- values change live, and go ---------------------------------------------------------------------------------------
lab_with 'average: 20M, peak: 60M, burst: 100k' 'average: 20M'
run "$DPULAB" apply lab.yaml
both_ways "after apply" 20000000 1

# ---- frame path pmd has no queue towards a VM: policed, and said so ----------------------------------------------------
run "$DPULAB" place "$LAB" pmd
expect "pmd: web1" "$(shown web1 ingress how)" paced
expect "pmd: web2" "$(shown web2 egress how)" policed

# ---- policed: never above; what TCP makes of it depends on the burst (docs/qos.md) --------------------------------------------
lab_with 'average: 20M, burst: 250k' 'average: 20M, burst: 250k' police
run "$DPULAB" apply lab.yaml
for how in "host tc" "host xdp" "dpu-mux xdp" "pmd xdp"; do
	# shellcheck disable=SC2086
	set -- $how
	run "$DPULAB" place "$LAB" "$1" --hook "$2"
	rates 5 udp web1:web3:10.1.0.13:5201:1:30M web4:web2:10.1.0.12:5202:1:30M >rates.txt || fail "$(cat rates.txt)"
	within "$how, policed: from web1" "$(awk '$1 == "web1" {print $3}' rates.txt)" 20000000
	within "$how, policed: to web2" "$(awk '$2 == "web2" {print $3}' rates.txt)" 20000000
	expect "$how: web1" "$(shown web1 ingress how)" policed
	[ "$(shown web2 egress policed_drops)" -gt 100 ] || fail "$how: nothing was dropped"
done

# ---- the state of a vNIC moves with it: every field of both directions --------------------------------------------------------
# A byte per 8 ms, so that the buckets are far from full when they are compared.
lab_with 'average: 1k, burst: 1M' 'average: 1k, burst: 1M' police
run "$DPULAB" apply lab.yaml
run "$DPULAB" place "$LAB" host --hook tc
# Nobody but this test speaks: a link that comes up would make IPv6 send reports, a neighbour that gets old is asked for.
for vm in web1 web2 web3 web4; do
	in_node $vm sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	in_node $vm ip neigh flush dev eth0
done
in_node web1 ip neigh replace 10.1.0.12 lladdr "$(mac_of web2)" dev eth0 nud permanent
in_node web2 ip neigh replace 10.1.0.11 lladdr "$(mac_of web1)" dev eth0 nud permanent
shaper() { # NODE PORT DIRECTION: raw bytes
	local n=$(($2 * 2 + $3))
	bpftool -j map lookup pinned "/sys/fs/bpf/dpulab/$LAB/$1/maps/shapers" key hex \
		"$(printf %02x $((n & 255)))" "$(printf %02x $((n >> 8)))" 00 00 |
		"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin).get("formatted") or sys.exit("no BTF"))'
}
shapers() { for port in 16 17; do shaper "$1" $port 0 && shaper "$1" $port 1; done; }
still() { # NODE: nobody speaks
	shapers "$1" >one && sleep 0.2 && shapers "$1" >two && cmp -s one two
}
in_node web1 ping -q -c 20 -i 0.01 -s 1000 10.1.0.12 >/dev/null || fail "no ping"
wait_for 10 still esx1
cp two host.before
for to in dpu-mux dpu-upt; do
	run "$DPULAB" place "$LAB" "$to" --hook tc
	shapers esx1-dpu >dpu.after
	cmp host.before dpu.after || fail "$to: shapers differ: $(diff host.before dpu.after)"
done
in_node web1 ping -q -c 20 -i 0.01 -s 1000 10.1.0.12 >/dev/null || fail "no ping at the DPU"
wait_for 10 still esx1-dpu
cp two dpu.before
! cmp -s host.before dpu.before || fail "the DPU counted nothing"
run "$DPULAB" place "$LAB" host --hook tc
shapers esx1 >host.after
cmp dpu.before host.after || fail "shapers differ after the way back: $(diff dpu.before host.after)"
[ "$(shown web1 ingress tokens_bytes)" -lt 980000 ] || fail "the bucket of web1 was filled by the move"

# ---- a lab without any: no queue stays -----------------------------------------------------------------------------------------
sed -i 's/, shaping: {mode: police}//; s/, shaping: {[^}]*}}//' lab.yaml
run "$DPULAB" apply lab.yaml
for at in web1:eth0 web2:eth0 esx1:web1 esx1:web2; do
	! in_node "${at%:*}" tc qdisc show dev "${at#*:}" | grep -q 5580 || fail "a queue is left at $at"
done

# ---- the long set --------------------------------------------------------------------------------------------------------------
[ -n "${DPULAB_LONG:-}" ] || exit 0
rates 5 tcp web1:web3:10.1.0.13:5201:4 >rates.txt || fail "$(cat rates.txt)"
reach=$(awk '{print $3}' rates.txt)
echo "without shaping: $reach"
lab_with 'average: 1M' 'average: 1M'
run "$DPULAB" down "$LAB"
run "$DPULAB" up lab.yaml
for rate in 1 10 100 1000 5000 10000; do
	if [ $((rate * 1100000)) -gt "$reach" ]; then
		echo "left out: ${rate}M, of which this machine does $reach"
		continue
	fi
	lab_with "average: ${rate}M" "average: ${rate}M"
	"$DPULAB" apply lab.yaml >/dev/null || fail "apply"
	for path in host dpu-mux; do
		run "$DPULAB" place "$LAB" "$path"
		for streams in 1 4 16; do
			rates 5 tcp "web1:web3:10.1.0.13:5201:$streams" >rates.txt || fail "$(cat rates.txt)"
			within "$path, ${rate}M, $streams flows, from web1" "$(awk '{print $3}' rates.txt)" $((rate * 1000000))
			rates 5 tcp "web4:web2:10.1.0.12:5202:$streams" >rates.txt || fail "$(cat rates.txt)"
			within "$path, ${rate}M, $streams flows, to web2" "$(awk '{print $3}' rates.txt)" $((rate * 1000000))
		done
	done
done
