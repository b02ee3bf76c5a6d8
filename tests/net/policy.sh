#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# One policy, every frame path, both hooks: allow, drop and reject as the client's
# socket sees them, same-host and across the fabric, IPv4 and IPv6, stateful.
# A reject is an RST (ECONNREFUSED) or an ICMP error (EHOSTUNREACH, EACCES), and
# its checksums are right on the wire.
. "$TESTS/lib/net.sh"
need "$PYTHON" tcpdump ethtool

TCP=80,81,82,83,84
UDP=80,81,82,83
lab() { # PATH HOOK
	red_lab "$1" "$2" <<-YAML
		firewall:
		  default: drop
		  rules:
		    - {protocol: icmp, action: allow}
		    - {protocol: tcp, port: 80, action: allow}
		    - {protocol: udp, port: 80, action: allow}
		    - {protocol: tcp, port: 81, action: reject}
		    - {protocol: udp, port: 81, action: reject}
		    # 82: the receiver's own vNIC refuses; the sender's lets it out
		    - {protocol: tcp, port: 82, direction: in, action: reject}
		    - {protocol: udp, port: 82, direction: in, action: reject}
		    - {protocol: tcp, port: 82, direction: out, action: allow}
		    - {protocol: udp, port: 82, direction: out, action: allow}
		    # 83: one way only
		    - {protocol: tcp, port: 83, from: va, to: [vb, vc], action: allow}
		    - {protocol: udp, port: 83, from: va, to: [vb, vc], action: allow}
		    # 84: nobody may send it, whoever would receive it
		    - {protocol: tcp, port: 84, direction: out, action: drop}
		    - {protocol: tcp, port: 84, direction: in, action: allow}
	YAML
}

# What each client must see, in the order of the ports.
tcp_forward="80 open 81 ECONNREFUSED 82 ECONNREFUSED 83 open 84 timeout"
tcp_back="80 open 81 ECONNREFUSED 82 ECONNREFUSED 83 timeout 84 timeout"
udp4_forward="80 open 81 EHOSTUNREACH 82 EHOSTUNREACH 83 open"
udp6_forward="80 open 81 EACCES 82 EACCES 83 open"
udp4_back="80 open 81 EHOSTUNREACH 82 EHOSTUNREACH 83 timeout"
udp6_back="80 open 81 EACCES 82 EACCES 83 timeout"

clients=()
client() { # WANT NODE PROTO ADDRESS PORT...: beside the others
	local want=$1
	shift
	(
		got=$(probe "$1" outcome "${@:2}" | tr '\n' ' ')
		expect "$what: $2 from $1 to $3" "${got% }" "$want"
	) &
	clients+=($!)
}
join_clients() {
	local pid bad=0
	for pid in "${clients[@]}"; do
		wait "$pid" || bad=1
	done
	clients=()
	[ $bad = 0 ] || exit 1
}

whole_table() {
	local last
	for last in 2 3; do
		client "$tcp_forward" va tcp "10.1.0.$last" 80 81 82 83 84
		client "$tcp_forward" va tcp "2001:db8:1::$last" 80 81 82 83 84
		client "$udp4_forward" va udp "10.1.0.$last" 80 81 82 83
		client "$udp6_forward" va udp "2001:db8:1::$last" 80 81 82 83
	done
	client "$tcp_back" vc tcp 10.1.0.1 80 81 82 83 84
	client "$tcp_back" vb tcp 2001:db8:1::1 80 81 82 83 84
	client "$udp4_back" vb udp 10.1.0.1 80 81 82 83
	client "$udp6_back" vc udp 2001:db8:1::1 80 81 82 83
	join_clients
}

# Everything tcpdump can judge: RSTs and ICMP errors that reach va.
captured_well() {
	local text=capture.txt seen
	tcpdump -nvvr capture.pcap 'tcp[tcpflags] & tcp-rst != 0 or icmp[0] == 3 or icmp6[0] == 1 or
		(ip6 and ip6[6] == 6 and ip6[53] & 4 != 0)' >"$text" 2>/dev/null
	seen=$(grep -c 'Flags \[R\|unreachable' "$text")
	[ "$seen" -ge 8 ] || fail "$what: only $seen refusals in the capture"
	# the frames that were refused are quoted: their own checksum may be the client's unfinished one
	grep 'Flags \[R\|icmp6\|ICMP host' "$text" | grep -E '\(incorrect|[^x]bad |wrong' &&
		fail "$what: a refusal with a wrong checksum"
	return 0
}

# At tc a frame may reach va with a checksum left to hardware, like any of a local
# sender. The last device before va then finishes it, or the capture could not judge.
finish_checksums() { # PATH
	local where=ha
	[ "$1" = dpu-upt ] && where=ha-dpu
	run in_node "$where" ethtool -K va tx off
}

start_capture() {
	rm -f capture.pcap
	nsenter --net="/run/netns/$LAB-va" -- \
		tcpdump -Q in -U -s 0 -ni eth0 -w capture.pcap 'tcp or icmp or icmp6' >/dev/null 2>capture.err &
	capture=$!
	wait_for 5 grep -q listening capture.err
}
stop_capture() {
	kill "$capture"
	wait "$capture"
} 2>/dev/null

for combination in "linux tc" "host tc" "host xdp" "dpu-mux tc" "dpu-mux xdp" "dpu-upt tc" "dpu-upt xdp" "pmd xdp" "host-dfw tc" "host-dfw xdp" "dpu-vxlan tc" "dpu-vxlan xdp"; do
	read -r path hook <<<"$combination"
	what="$path at $hook"
	lab "$path" "$hook"
	fresh_lab
	for vm in va vb vc; do serve "$vm" $TCP $UDP; done
	finish_checksums "$path" >/dev/null 2>&1
	start_capture
	whole_table
	stop_capture
	captured_well
	unserve
	echo "ok: $what"
done
