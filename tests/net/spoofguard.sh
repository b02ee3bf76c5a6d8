#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A VM cannot send from what is not its own: source MAC, source address, ARP, neighbour advertisements, in the same
# host and across the fabric; counted with its reason; the same after a move to the DPU. In learn mode the first
# addresses are its own and the ninth is refused, before a move and after it. Switched off, everything passes.
. "$TESTS/lib/net.sh"
need "$PYTHON" tcpdump ping
"$PYTHON" -c 'import scapy' 2>/dev/null || skip "needs scapy for $PYTHON"

lab() { # HOOK MODE OF WEB, OF WEB3
	write_lab <<-YAML
		lab: x
		hook: $1
		hosts:
		  esx1: {dpu: true}
		  esx2: {dpu: true}
		port-groups:
		  web: {vni: 5001, spoofguard: $2}
		vms:
		  web1: {host: esx1, port-group: web, ip: [10.1.0.11/24, "2001:db8:1::11/64"]}
		  web2: {host: esx1, port-group: web, ip: [10.1.0.12/24, "2001:db8:1::12/64"]}
		  web3: {host: esx2, port-group: web, ip: [10.1.0.13/24, "2001:db8:1::13/64"], spoofguard: $3}
	YAML
}

FOREIGN_MAC=02:00:00:00:99:99
FORGERIES="ip=10.1.0.99 ip=2001:db8:1::99 mac=$FOREIGN_MAC arp=10.1.0.98 sha=$FOREIGN_MAC na=2001:db8:1::98"

captured() { tcpdump -enr capture.pcap "$@" 2>/dev/null; }
marked() { [ -n "$(captured udp dst port "$mark")" ]; }

# What reaches a VM of the frames that another forges; the last one is honest and is waited for.
mark=6000
arrives() { # FROM TO CLAIM...
	local from=$1 to=$2 capture
	mark=$((mark + 1))
	rm -f capture.pcap
	nsenter --net="/run/netns/$LAB-web$to" -- tcpdump --immediate-mode -U -Q in -ni eth0 \
		-w capture.pcap 'udp or arp or icmp6' >/dev/null 2>capture.err &
	capture=$!
	wait_for 10 grep -q listening capture.err
	in_node "web$from" "$PYTHON" "$TESTS/lib/forge.py" "2001:db8:1::1$from" "$(mac_of "web$to")" "10.1.0.1$to" \
		"2001:db8:1::1$to" "${@:3}" "own=$mark" || fail "$what: cannot forge frames"
	wait_for 10 marked
	kill "$capture"
	wait "$capture" 2>/dev/null
	captured >capture.txt
}
count() { grep -c -- "$1" capture.txt; }

drops() { # REASON: of all locations
	"$DPULAB" show "$LAB" drops --json >drops.json || fail "$what: show drops"
	"$PYTHON" -c 'import json, sys
print(sum(d["frames"] for d in json.load(open("drops.json"))["drops"] if d["reason"] == sys.argv[1]))' "$1"
}

bindings() { # VM SOURCE: how many, each once whatever locations know it
	"$DPULAB" show "$LAB" bindings --json >bindings.json || fail "$what: show bindings"
	"$PYTHON" -c 'import json, sys
print(len({b["ip"] for b in json.load(open("bindings.json"))["bindings"]
	if (b["port"], b["source"]) == tuple(sys.argv[1:])}))' "$1" "$2"
}

pings() { # FROM TO
	in_node "web$1" ping -q -c 1 -W 5 "10.1.0.1$2" >/dev/null && in_node "web$1" ping -q -c 1 -W 5 "2001:db8:1::1$2" >/dev/null ||
		fail "$what: web$1 does not reach web$2 from its own addresses"
}

nothing_forged() {
	local to ip mac
	for to in 2 3; do
		pings 1 "$to"
		ip=$(drops drop-spoofed-ip) mac=$(drops drop-spoofed-mac)
		# shellcheck disable=SC2086
		arrives 1 "$to" $FORGERIES
		expect "$what: forged frames that reach web$to" "$(grep -cE "$FOREIGN_MAC|10\.1\.0\.9[89]|2001:db8:1::9[89]" capture.txt)" 0
		expect "$what: drop-spoofed-ip to web$to" "$(($(drops drop-spoofed-ip) - ip))" 4
		expect "$what: drop-spoofed-mac to web$to" "$(($(drops drop-spoofed-mac) - mac))" 2
		pings 1 "$to"
	done
	expect "$what: addresses of web1" "$(bindings web1 listed) listed $(bindings web1 learned) learned" "3 listed 0 learned"
}

# web3 has 10.1.0.13, 2001:db8:1::13 and its link-local address; five more, and no sixth.
ninth_refused() { # CLAIM OF THE NINTH
	pings 3 1
	arrives 3 1 ip=10.1.0.41 ip=10.1.0.42 ip=10.1.0.43 ip=2001:db8:1::44 arp=10.1.0.45 "$1"
	for address in '10\.1\.0\.41' '10\.1\.0\.42' '10\.1\.0\.43' '2001:db8:1::44' '10\.1\.0\.45'; do
		[ "$(count "$address")" -ge 1 ] || fail "$what: $address was not learned: $("$DPULAB" show "$LAB" bindings)"
	done
	expect "$what: the ninth address" "$(count "${1#*=}")" 0
	expect "$what: addresses of web3" "$(bindings web3 listed) listed $(bindings web3 learned) learned" "0 listed 8 learned"
}

for hook in tc xdp; do
	lab "$hook" strict learn
	fresh_lab
	in_node web3 ping -q -c 1 -W 5 fe80::1%eth0 >/dev/null 2>&1 # its link-local address has spoken, too
	for path in host dpu-mux host; do
		what="$path at $hook"
		run "$DPULAB" place "$LAB" "$path"
		nothing_forged
		ninth_refused ip=10.1.0.46
		ninth_refused arp=10.1.0.47
		echo "ok: $what"
	done
	what="off at $hook"
	lab "$hook" off off
	run "$DPULAB" apply lab.yaml
	expect "$what: bindings" "$(bindings web1 listed) $(bindings web3 learned)" "0 0"
	# shellcheck disable=SC2086
	arrives 1 3 $FORGERIES
	for seen in "10.1.0.99" "2001:db8:1::99" "$FOREIGN_MAC > " "10.1.0.98" "is-at $FOREIGN_MAC" "2001:db8:1::98"; do
		[ "$(count "$seen")" -ge 1 ] || fail "$what: no frame with $seen arrived: $(cat capture.txt)"
	done
	echo "ok: $what"
done
