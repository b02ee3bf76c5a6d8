#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# GSO frames and half-made checksums through encapsulation and decapsulation:
# every combination of the offload states of both VMs and of the wires between,
# each way, both families. What arrives is compared byte for byte (SHA-256).
. "$TESTS/lib/net.sh"
need "$PYTHON" ethtool

write_lab <<-YAML
	lab: x
	hook: tc
	hosts:
	  ha: {}
	  hb: {}
	port-groups:
	  red: {vni: 5001}
		vms:
	  va: {host: ha, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]}
	  vb: {host: hb, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]}
	  vc: {host: ha, port-group: red, ip: [10.1.0.3/24, "2001:db8:1::3/64"]}
YAML
SIZE=500000

feature() { # NODE DEV FEATURE on|off: what a device has not it need not switch
	in_node "$1" ethtool -K "$2" "$3" "$4" >/dev/null 2>&1 || true
}

transfers() { # WHAT
	expect "$1: TCP from va" "$(probe va tcp 10.1.0.2,2001:db8:1::2,10.1.0.3 7 $SIZE)" ok
	expect "$1: TCP from vb" "$(probe vb tcp 10.1.0.1,2001:db8:1::1 7 $SIZE)" ok
	expect "$1: UDP from va" "$(probe va udp 10.1.0.2,2001:db8:1::2 7 1400 5)" ok
}

frames_sent() { # by ha on the wire
	in_node ha awk '$1 == "uplink0:" { print $11 }' /proc/net/dev
}

# Super-packets must really cross the tunnel, or the matrix proves little.
super_packets() {
	local before
	before=$(frames_sent)
	expect "TCP va to vb" "$(probe va tcp 10.1.0.2 7 3000000)" ok
	frames=$(($(frames_sent) - before))
	[ $frames -lt 1000 ] || fail "3 MB crossed the wire in $frames frames: segmented before the wire"
}

fresh_lab
for vm in va vb vc; do serve "$vm" 7 7; done
super_packets

for a in on off; do
	for b in on off; do
		for wire in on off; do
			offload va eth0 "$a"
			offload vb eth0 "$b"
			for host in ha hb; do offload "$host" uplink0 "$wire"; done
			for host in ha hb; do offload fabric "$host" "$wire"; done
			transfers "VM ends $a and $b, wires $wire"
		done
	done
done
echo "ok: matrix of VM ends and wires"

# One thing at a time, from everything on.
for device in "va eth0" "vb eth0" "ha va" "hb vb" "ha uplink0" "hb uplink0" "fabric ha" "fabric hb"; do
	read -r where dev <<<"$device"
	for what in tx tso gso gro; do
		feature "$where" "$dev" "$what" off
		transfers "only $what of $dev in $where off"
		feature "$where" "$dev" "$what" on
		[ "$what" = tx ] && feature "$where" "$dev" tso on
	done
done
echo "ok: each device alone"
