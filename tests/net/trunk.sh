#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The PCIe link as a trunk (placement dpu-vxlan), at both hooks: overlay segments, a VLAN group whose number dpulab
# would have liked for one of them, and an untagged one stay apart on it, one host's with a delay, at which both hooks have a relay; GSO frames and half-made checksums cross it in every
# combination of the offload states of VMs and link, compared byte for byte; a packet too big for the tunnel is answered by
# the DPU, and the VM's stack understands.
. "$TESTS/lib/net.sh"
need "$PYTHON" ethtool ping
SIZE=500000

lab() { # HOOK
	write_lab <<-YAML
		lab: x
		placement: dpu-vxlan
		hook: $1
		fabric: {mtu: 1500}
		hosts:
		  ha: {dpu: {link: {delay: 100us}}}
		  hb: {dpu: true}
		port-groups:
		  red: {vni: 5001}
		  blue: {vni: 5002}
		  tag: {vlan: 4094}
		  bare: {}
		vms:
		  va: {host: ha, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]}
		  vb: {host: ha, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]}
		  vc: {host: hb, port-group: red, ip: [10.1.0.3/24, "2001:db8:1::3/64"]}
		  ba: {host: ha, port-group: blue, ip: 10.1.0.1/24}
		  bc: {host: hb, port-group: blue, ip: 10.1.0.3/24}
		  ta: {host: ha, port-group: tag, ip: 10.1.0.1/24}
		  tc: {host: hb, port-group: tag, ip: 10.1.0.3/24}
		  ua: {host: ha, port-group: bare, ip: 10.1.0.1/24}
		  uc: {host: hb, port-group: bare, ip: 10.1.0.3/24}
		firewall: {default: allow}
	YAML
}

mac_of() { in_node "$1" cat /proc/net/arp | awk -v ip="$2" '$1 == ip {print $4}'; } # NODE ADDRESS: as its stack has heard
own_mac() { in_node "$1" ip -br link show dev eth0 | awk '{print $3}'; }

# The same address in four segments: who answers is the segment's own.
segments_stay_apart() {
	local pair near far
	for pair in "va vc" "ba bc" "ta tc" "ua uc"; do
		read -r near far <<<"$pair"
		run in_node "$near" ping -q -c 2 -i 0.2 -W 2 10.1.0.3 >ping.out
		expect "$what: who answers $near" "$(mac_of "$near" 10.1.0.3)" "$(own_mac "$far")"
	done
	refuse 1 in_node ta ping -q -c 1 -W 1 10.1.0.2 >ping.out # vb's, of another segment
}

# A round trip to another host crosses ha's link twice, one on the host never; hb's is a veth.
waits_at_the_link() {
	local before between
	carried() {
		"$DPULAB" show -j "$LAB" link >link.json || fail "show link"
		python3 -c 'import json, sys; print(sum(r["frames"] for r in json.load(open("link.json"))["link"] if r["link"] == "emulated"))'
	}
	before=$(carried)
	run in_node va ping -q -c 100 -i 0.01 -W 2 10.1.0.2 >ping.out
	# neighbours and routers are asked for now and then; had the echoes crossed it, it were 200 at least
	between=$(($(carried) - before))
	[ $between -lt 50 ] || fail "$what: frames between VMs of ha cross its link: $between in 100 round trips"
	before=$(carried)
	run in_node va ping -q -c 20 -i 0.01 -W 2 10.1.0.3 >ping.out
	[ $(($(carried) - before)) -ge 40 ] || fail "$what: 20 round trips to hb, and $(($(carried) - before)) frames on the link"
	awk -F'[/= ]+' '/^rtt/ {exit !($6 >= 0.2)}' ping.out || fail "$what: two crossings of 100 us, and $(tail -n 1 ping.out)"
}

transfers() { # WHAT
	expect "$what, $1: TCP from va" "$(probe va tcp 10.1.0.3,2001:db8:1::3,10.1.0.2 7 $SIZE)" ok
	expect "$what, $1: TCP from vc" "$(probe vc tcp 10.1.0.1,2001:db8:1::1 7 $SIZE)" ok
	expect "$what, $1: UDP from va" "$(probe va udp 10.1.0.3,2001:db8:1::3 7 1400 5)" ok
	expect "$what, $1: TCP in a VLAN" "$(probe ta tcp 10.1.0.3 7 $SIZE)" ok
}

# Super-packets must really cross the link, or the matrix proves little.
super_packets() {
	local before frames
	before=$(in_node ha awk '$1 == "pf0:" {print $11}' /proc/net/dev)
	expect "TCP va to vc" "$(probe va tcp 10.1.0.3 7 3000000)" ok
	frames=$(($(in_node ha awk '$1 == "pf0:" {print $11}' /proc/net/dev) - before))
	[ $frames -lt 1000 ] || fail "3 MB crossed the link in $frames frames: segmented before it"
}

offload_matrix() {
	local vms link vm
	super_packets
	for vms in on off; do
		for link in on off; do
			for vm in va vb vc ta tc; do offload "$vm" eth0 "$vms"; done
			for host in ha hb; do
				offload "$host" pf0 "$link"
				offload "$host-dpu" pf0hpf "$link"
			done
			transfers "VM ends $vms, link $link"
		done
	done
}

# VMs whose owners believe in 40 bytes more than fit into 1500 - 50.
believe() {
	in_node ha ip link set dev va mtu 1490 && in_node va ip link set dev eth0 mtu 1490 &&
		in_node hb ip link set dev vc mtu 1490 && in_node vc ip link set dev eth0 mtu 1490
}

answered() { # ADDRESS PAYLOAD SENTENCE
	local said
	said=$(in_node va ping -c 1 -W 2 -M "do" -s "$2" "$1" 2>&1)
	[[ $said == *"$3"* ]] || fail "$what: no answer to $2 bytes of payload to $1, ping said: $said"
	expect "$what: path MTU to $1" "$(in_node va ip route get "$1" | grep -o 'mtu [0-9]*')" "mtu 1450"
}

path_mtu() {
	run believe
	run in_node va ping -q -c 1 -W 2 -M "do" -s 1422 10.1.0.3 >ping.out
	run in_node va ping -q -c 1 -W 2 -M "do" -s 1402 2001:db8:1::3 >ping.out
	# TCP first, while nobody has learnt anything: its segments are sized after the devices' 1490
	expect "$what: TCP that starts too big" "$(probe va tcp 10.1.0.3,2001:db8:1::3 7 500000)" ok
	in_node va ip route flush cache
	in_node va ip -6 route flush cache
	answered 10.1.0.3 1423 "Frag needed and DF set (mtu = 1450)"
	answered 2001:db8:1::3 1403 "Packet too big: mtu=1450"
}

# marks_of VM KIND KEY: of what the VM's echoes to the other host carry on the wire.
marks_of() {
	rm -f ready
	"$PYTHON" "$TESTS/lib/marks.py" "$LAB-fabric" ha-dpu "$2" "$3" 10 2>ready >marks &
	local watcher=$!
	wait_for 10 test -s ready
	run in_node "$1" ping -q -c 12 -i 0.02 -W 2 10.1.0.3 >ping.out
	wait "$watcher" || fail "$1: not ten frames of $2 $3 on the wire: $(cat ready)"
	cat marks
}

# The host's switch finds a frame's class, the DPU puts its marks on; changes of the marks are seen by flows that are running.
carries_marks() {
	sed 's/^firewall:/nioc: {classes: {vm: {shares: 50, dscp: 10, cos: 3}, ft: {dscp: 46}}}\nfirewall:/; s/{dpu: .*}$/{dpu: true, speed: 10G}/
		s/ba: {host: ha,/& traffic: ft,/' lab.yaml | sed 's/^hook: .*/hook: tc/' >marks.yaml
	run "$DPULAB" up marks.yaml
	for vm in va ta ba; do wait_for 20 in_node "$vm" ping -q -c 1 -W 1 10.1.0.3; done
	classes=$(in_node ha tc class show dev pf0)
	[[ $classes == *5580:* ]] || fail "pf0 has no queues: $(in_node ha tc qdisc show dev pf0) $classes"
	expect "DSCP of va's, class vm" "$(marks_of va vxlan 5001)" 10
	expect "DSCP of ba's, class ft" "$(marks_of ba vxlan 5002)" 46
	expect "priority of ta's, class vm" "$(marks_of ta vlan 4094)" 3
	sed 's/dscp: 10/dscp: 12/' marks.yaml >other.yaml
	run "$DPULAB" apply other.yaml
	expect "DSCP of va's, changed" "$(marks_of va vxlan 5001)" 12
	for path in host dpu-vxlan; do
		run "$DPULAB" place "$LAB" $path
		[ $path = host ] || expect "DSCP of va's, after a move" "$(marks_of va vxlan 5001)" 12
	done
	sed 's/ft: {dscp: 46}/ft: {dscp: 46}, vmotion: {dscp: 1}, vsan: {dscp: 2}, nfs: {dscp: 3}, iscsi: {dscp: 4}, backup: {dscp: 5}, hbr: {dscp: 6}/' \
		marks.yaml >eight.yaml
	refuse 3 "$DPULAB" check eight.yaml 2>said
	grep -q 'the marks of class hbr are the eighth' said || fail "no reason: $(cat said)"
	refuse 1 "$DPULAB" apply eight.yaml 2>said
	grep -q 'the marks of class hbr are the eighth' said || fail "no reason: $(cat said)"
}

for hook in tc xdp; do
	what="dpu-vxlan at $hook"
	lab $hook
	fresh_lab
	segments_stay_apart
	waits_at_the_link
	for vm in va vb vc tc; do serve "$vm" 7 7; done
	if [ $hook = tc ]; then offload_matrix; else transfers "as it is"; fi
	path_mtu
	unserve
	echo "ok: $what"
done
run "$DPULAB" down "$LAB"
carries_marks
