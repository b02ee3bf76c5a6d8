#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A dpulab host and a plain Linux host (bridge + kernel vxlan device) understand
# each other: ARP, ND, ICMP, UDP, TCP, 1450-byte packets, both ways, both
# families, GSO on and off, at both hooks.
. "$TESTS/lib/net.sh"
need python3 ethtool ping

lab() { # HOOK
	write_lab <<-YAML
		lab: x
		hook: $1
		fabric: {mtu: 1500}
		hosts:
		  ours: {placement: host}
		  plain: {placement: linux}
		port-groups:
		  red: {vni: 5001}
		vms:
		  va: {host: ours, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]}
		  vb: {host: plain, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]}
	YAML
}

# The plain host really is one: no program of ours on any of its devices.
plain_is_plain() {
	local bridge
	bridge=$(in_node plain ip -d -o link show type vxlan)
	[[ $bridge == *"vxlan id 5001"*"dstport 4789"* ]] || fail "no kernel vxlan device at the plain host"
	in_node plain ip -o link show | grep -q xdp && fail "an XDP program on the plain host"
}

resolve() { # FROM ADDRESS: the neighbour is found anew
	in_node "$1" ip neigh flush dev eth0
	in_node "$1" ping -q -c 1 -W 2 "$2" >/dev/null || fail "$what: no ping from $1 to $2"
	in_node "$1" ip neigh show to "$2" dev eth0 | grep -q lladdr || fail "$what: $1 did not resolve $2"
}

talk() { # FROM ADDRESS LARGEST-PING
	resolve "$1" "$2"
	in_node "$1" ping -q -c 3 -i 0.01 -W 2 -M "do" -s "$3" "$2" >/dev/null ||
		fail "$what: a packet of 1450 bytes from $1 to $2 is lost"
	expect "$what: TCP $1 to $2" "$(probe "$1" tcp "$2" 7 4000000)" ok
	expect "$what: UDP $1 to $2" "$(probe "$1" udp "$2" 7 1400 20)" ok
	expect "$what: small UDP $1 to $2" "$(probe "$1" udp "$2" 7 12 20)" ok
}

for hook in tc xdp; do
	lab "$hook"
	fresh_lab
	plain_is_plain
	serve va 7 7
	serve vb 7 7
	for state in on off; do
		offload vb eth0 "$state"
		# where XDP serves the port, checksums are the sender's own work
		if [ "$hook" = xdp ]; then
			in_node va ethtool -K eth0 gso "$state" >/dev/null
		else
			offload va eth0 "$state"
		fi
		what="$hook, offloads $state"
		talk va 10.1.0.2 1422
		talk vb 10.1.0.1 1422
		talk va 2001:db8:1::2 1402
		talk vb 2001:db8:1::1 1402
		echo "ok: $what"
	done
	unserve
done
