#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# probe.sh - repeats, on the running kernel, the measurements the design rests on.
#
# Prints `fact<tab>answer` lines; exit status 1 if one is not what expected.txt
# says for a kernel this old.
#
#   A(va) ---- (sa) S (sb) ---- (vb) B        one veth pair each, S joins sa and sb
set -uo pipefail
cd "$(dirname "$0")/../.."
PROBE=build/probe/probe
P=vmp$$ # prefix of the namespaces
EXPECTED=vm-test/probe/expected.txt
unexpected=0

cleanup() {
	local ns
	for ns in a b s; do ip netns del "$P$ns" 2>/dev/null; done
}
trap cleanup EXIT

in_ns() { # a|b|s COMMAND...
	local ns=/run/netns/$P$1
	shift
	nsenter --net="$ns" "$@"
}

# Prints the answer that expected.txt gives for the running kernel.
expected() { # FACT
	awk -F '\t' -v fact="$1" -v release="$(uname -r)" '
		function number(v,  part) { split(v, part, "."); return part[1] * 1000 + part[2] }
		$2 == fact && number($1) <= number(release) { answer = $3 }
		END { print answer }' "$EXPECTED"
}

fact() { # FACT ANSWER
	local want
	want=$(expected "$1")
	printf '%s\t%s\n' "$1" "$2"
	[ "$2" = "$want" ] && return
	echo "        expected: $want"
	unexpected=1
}

# Neighbour entries are permanent, so that no ARP retry blurs an answer.
topology() {
	local ns
	for ns in a b s; do
		ip netns add "$P$ns" || return
		in_ns "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	done
	for ns in a b; do
		ip link add "v$ns" address "02:00:00:00:00:0$ns" netns "$P$ns" type veth peer name "s$ns" netns "${P}s" || return
		in_ns "$ns" ip link set "v$ns" up
		in_ns s ip link set "s$ns" up
	done
	in_ns a ip addr add 10.111.0.1/24 dev va
	in_ns b ip addr add 10.111.0.2/24 dev vb
	in_ns a ip neigh add 10.111.0.2 lladdr 02:00:00:00:00:0b dev va
	in_ns b ip neigh add 10.111.0.1 lladdr 02:00:00:00:00:0a dev vb
}

pings() { # prints how many of 3 are answered
	in_ns a ping -q -c 3 -i 0.2 -W 1 10.111.0.2 2>/dev/null | sed -n 's/.* \([0-9]*\) received.*/\1 of 3/p'
}

gro() { # on|off
	in_ns a ethtool -K va gro "$1"
	in_ns b ethtool -K vb gro "$1"
}

listening() { in_ns b grep -q ':0007 00000000:0000 0A' /proc/net/tcp; }

# Sends a word over TCP through the joined devices; yes if it arrives.
tcp() {
	local server got
	got=$(mktemp)
	nsenter --net="/run/netns/${P}b" timeout 60 python3 -c '
import socket
server = socket.create_server(("10.111.0.2", 7))
print(server.accept()[0].recv(5).decode())' >"$got" 2>/dev/null &
	server=$!
	until listening || ! kill -0 "$server" 2>/dev/null; do sleep 0.1; done
	in_ns a timeout 4 bash -c 'exec 3<>/dev/tcp/10.111.0.2/7 && echo hello >&3' 2>/dev/null || kill "$server"
	wait "$server"
	grep -qx hello "$got" && echo yes || echo no
	rm -f "$got"
}

ask_redirect() {
	coproc JOIN { in_ns s "$PROBE" join sa sb; }
	read -r _ <&"${JOIN[0]}" || return
	gro off
	fact "xdp redirect, no GRO and no XDP at the peer" "$(pings)"
	gro on
	fact "xdp redirect, GRO on at the peer" "$(pings)"
	fact "TCP over xdp redirect, tx checksum on at the sender" "$(tcp)"
	in_ns a ethtool -K va tx off >/dev/null
	in_ns b ethtool -K vb tx off >/dev/null
	fact "TCP over xdp redirect, tx checksum off at the senders" "$(tcp)"
	eval "exec ${JOIN[1]}>&-"
	wait "$JOIN_PID"
}

received() { in_ns b cat /proc/net/dev | awk '$1 == "vb:" { print $3 }'; }

ask_live() {
	local before
	before=$(received)
	fact "live frames" "$(in_ns s "$PROBE" live sb 10000)"
	fact "live frames that arrive" "$(($(received) - before)) of 10000"
}

questions() {
	topology || return
	fact "tcx link" "$(in_ns s "$PROBE" tcx sa)"
	fact "clsact attach and replace" "$(in_ns s "$PROBE" clsact sa)"
	fact "xdp link update" "$(in_ns s "$PROBE" update sa)"
	fact "adjust_room of an IPv4 frame" "$("$PROBE" helper room 0x0800 0)"
	fact "adjust_room of an ARP frame" "$("$PROBE" helper room 0x0806 0)"
	fact "change_head of an ARP frame" "$("$PROBE" helper head 0x0806 0)"
	fact "adjust_room of a GSO frame in a test run" "$("$PROBE" helper room 0x0800 1000)"
	ask_redirect
	ask_live
	fact "arp_evict_nocarrier" "$([ -e /proc/sys/net/ipv4/conf/lo/arp_evict_nocarrier ] && echo yes || echo no)"
}

questions || exit 1
[ "$unexpected" = 0 ]
