# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# loaded.sh - what tests of load share. Source it after net.sh and moves.sh.
#
# BOX is the namespace whose interfaces are loaded; behind vetha and vethb are
# the machines a and b.

BOX=$LAB-box

make_box() { # ADDRESS_OF_A ADDRESS_OF_B
	local end
	for end in box a b; do
		run ip netns add "$LAB-$end"
		at_exit "ip netns del $LAB-$end"
	done
	for end in a b; do
		run ip -n "$BOX" link add "veth$end" type veth peer name eth0 netns "$LAB-$end"
		run ip -n "$BOX" link set "veth$end" up
		run ip -n "$LAB-$end" link set eth0 up
	done
	run ip -n "$LAB-a" addr add "$1/24" dev eth0
	run ip -n "$LAB-b" addr add "$2/24" dev eth0
}

in_box() { in_node box "$@"; }
load() { in_box "$DPULAB" load -j "$1" --lab "$LAB" --port "$2" "${@:3}" >load.json; }
loaded() { json load.json 'd["hook"]'; }
unload() { in_box "$DPULAB" unload "$1" --lab "$LAB"; }
has() { grep -q "$2" "$1"; }

port=5000
tcp_passes() { # CLIENT_NODE SERVER_NODE SERVER_ADDRESS
	port=$((port + 1))
	rm -f tcp.stop server.out client.out
	in_node "$2" python3 "$TESTS/lib/echo.py" server "$3" "$port" >server.out 2>&1 &
	wait_for 10 has server.out ready
	in_node "$1" python3 "$TESTS/lib/echo.py" client "$3" "$port" tcp.stop >client.out 2>&1 &
	wait_for 10 has client.out connected
	touch tcp.stop
	wait $! || fail "TCP $1 to $2: $(cat client.out)"
}

# Everything of an interface that load may touch: to be compared before and after.
settings_of() { # DEV
	in_box ip -o link show "$1" | cut -d '<' -f 2 | cut -d '>' -f 1
	in_box ethtool -k "$1" | grep -E 'offload|checksum|gather' | sort
	in_box tc qdisc show dev "$1"
	in_box tc filter show dev "$1" ingress
	in_box ip -d link show "$1" | grep -o 'prog/xdp.*'
	in_box ip -br link | cut -d ' ' -f 1
}
