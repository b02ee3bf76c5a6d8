# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# load with hook xdp uses XDP where TCP is proved to pass, and says why it does not:
# veths are tried in both directions, taps are asked whether their reader may leave
# checksums undone, and where nothing can be tried tc serves, unless the user says otherwise.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/loaded.sh"
need ip tc ethtool ping

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml
make_box 10.1.0.101 10.1.0.102

because() { # TEXT
	json load.json 'd["because"]' | grep -q "$1" || fail "not '$1' but: $(cat load.json)"
}

# The far end leaves checksums to the device, then does not; without and with GRO.
run load vetha p1 --hook xdp
expect "xdp with checksums left to the device" "$(loaded)" tc
because checksum
for end in a b; do run in_node "$end" ethtool -K eth0 tx off >/dev/null; done
run load vetha p1 --hook xdp
expect "xdp without GRO at the far end" "$(loaded)" tc
because GRO
run load vetha p1 --hook xdp --unproven
expect "what has failed is no matter of belief" "$(loaded)" tc
for end in a b; do run in_node "$end" ethtool -K eth0 gro on >/dev/null; done
run load vetha p1 --hook xdp
expect "xdp where TCP passes" "$(loaded)" xdp
run load vethb p2 --hook xdp
expect "xdp where TCP passes" "$(loaded)" xdp
[ -z "$(in_box ip -br link | grep -- '-P[01]')" ] || fail "the proof left its devices"

# TCP from a, into the lab and to b, while XDP serves the interfaces and either hook the hosts.
all_tcp() {
	tcp_passes a b 10.1.0.102
	tcp_passes a web1 10.1.0.11
	tcp_passes web3 a 10.1.0.101
}
for hook in tc xdp; do
	for path in host dpu-mux dpu-upt linux; do
		run "$DPULAB" place -q "$LAB" "$path" --hook "$hook"
		all_tcp
	done
done
run "$DPULAB" place -q "$LAB" host --hook tc
run load vetha p1 --hook tc
expect "tc as asked" "$(loaded)" tc
all_tcp

# Taps: a reader without virtio headers cannot leave checksums undone, one with them may.
tap() { # NAME [vnet]: a program that has it open and answers ARP for 10.1.0.103
	in_box "$PYTHON" "$TESTS/lib/tap.py" "$@" >"$1.out" 2>&1 &
	at_exit "kill $!"
	wait_for 10 has "$1.out" ready
}

answers_arp() { # NODE: asks, as a ping does first
	in_node "$1" ip neigh flush dev eth0
	in_node "$1" ping -q -c 1 -W 1 10.1.0.103 >ping.out
	in_node "$1" ip neigh show 10.1.0.103 | grep -q 02:00:00:00:00:f3
}

try_taps() {
	tap tap0
	tap tap1 vnet
	run load tap0 p3 --hook xdp
	expect "xdp at a tap without headers" "$(loaded)" xdp
	because "no virtio headers"
	wait_for 10 answers_arp web1
	wait_for 10 answers_arp web3
	run load tap0 p3 --hook tc
	wait_for 10 answers_arp web1
	run load tap1 p4 --hook xdp
	expect "xdp at a tap with headers" "$(loaded)" tc
	because "not proved"
	run load tap1 p4 --hook xdp --unproven
	expect "xdp as asked" "$(loaded)" xdp
	because "not proved, as asked"
	run in_box ip tuntap add dev tap2 mode tap
	run load tap2 p5 --hook xdp
	because "no program has the tap open"
}

[ -c /dev/net/tun ] || modprobe tun 2>/dev/null
if [ -c /dev/net/tun ]; then try_taps; else echo "no /dev/net/tun here: taps are not tried"; fi

# A device whose far end nobody here can ask, as that of a NIC's wire.
run in_box ip link add other0 type bridge
run load other0 p6 --hook xdp
expect "xdp without a proof" "$(loaded)" tc
because "so TCP over XDP is not proved"
run load other0 p6 --hook xdp --unproven
expect "xdp where the driver has none" "$(loaded)" tc
because "cannot attach XDP"
