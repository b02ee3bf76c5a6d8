#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A packet the underlay cannot carry in its tunnel is answered with ICMP
# "fragmentation needed" or "packet too big", never silently lost: the VM's own
# stack learns the path MTU from it, and TCP goes on. The linux path likewise.
. "$TESTS/lib/net.sh"
need "$PYTHON" ping

lab() { # PATH HOOK
	red_lab "$1" "$2" <<<"fabric: {mtu: 1500}"
}

# VMs whose owners believe in 40 bytes more than fit into 1500 - 50.
believe() {
	in_node ha ip link set dev va mtu 1490 && in_node va ip link set dev eth0 mtu 1490 &&
		in_node hb ip link set dev vc mtu 1490 && in_node vc ip link set dev eth0 mtu 1490
}

path_mtu() { # ADDRESS: as va's stack has learnt it
	in_node va ip route get "$1" | grep -o 'mtu [0-9]*'
}

fits() { # ADDRESS PAYLOAD
	in_node va ping -q -c 1 -W 2 -M "do" -s "$2" "$1" >/dev/null ||
		fail "$what: a packet that fits ($2 bytes of payload) to $1 is lost"
}

# The kernel's own words are the judge: ping prints what the ICMP error said.
answered() { # ADDRESS PAYLOAD SENTENCE
	local said
	said=$(in_node va ping -c 1 -W 2 -M "do" -s "$2" "$1" 2>&1)
	[[ $said == *"$3"* ]] || fail "$what: no answer to $2 bytes of payload to $1, ping said: $said"
	expect "$what: path MTU to $1" "$(path_mtu "$1")" "mtu 1450"
}

for combination in "linux tc" "host tc" "host xdp" "dpu-mux tc" "dpu-mux xdp"; do
	read -r path hook <<<"$combination"
	what="$path at $hook"
	lab "$path" "$hook"
	fresh_lab
	run believe
	serve vc 7 7
	fits 10.1.0.3 1422
	fits 2001:db8:1::3 1402
	# TCP first, while nobody has learnt anything: its segments are sized after the devices' 1490
	expect "$what: TCP that starts too big" \
		"$(probe va tcp 10.1.0.3,2001:db8:1::3 7 500000)" ok
	in_node va ip route flush cache
	in_node va ip -6 route flush cache
	answered 10.1.0.3 1423 "Frag needed and DF set (mtu = 1450)"
	answered 2001:db8:1::3 1403 "Packet too big: mtu=1450"
	unserve
	echo "ok: $what"
done
