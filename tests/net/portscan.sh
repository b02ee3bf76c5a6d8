#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A port scanner is told what the policy says, TCP (half-open scan) and UDP, IPv4 and IPv6, in the same host and across
# the fabric, at both hooks: a port that is allowed is open or closed as its VM has it, a rejected one looks closed
# (TCP) or prohibited (UDP), a dropped one stays silent. Scans that start with no SYN learn nothing.
. "$TESTS/lib/net.sh"
need "$PYTHON" nmap

lab() { # HOOK
	red_lab host "$1" <<-YAML
		firewall:
		  default: drop
		  rules:
		    - {protocol: icmp, action: allow}
		    - {protocol: tcp, port: 80-81, action: allow}
		    - {protocol: udp, port: 80-81, action: allow}
		    - {protocol: tcp, port: 82, action: reject}
		    - {protocol: udp, port: 82, action: reject}
	YAML
}

# Ports 80 (listens), 81 (allowed, nobody listens), 82 (reject), 83 (drop): "80 open syn-ack ...".
scan() { # TYPE ADDRESS
	local family=
	[[ $2 = *:* ]] && family=-6
	# shellcheck disable=SC2086
	in_node va nmap $family -n -Pn "-s$1" --reason --max-retries 2 --scan-delay 20ms -p 80-83 -oX scan.xml "$2" >scan.txt 2>&1 ||
		fail "$what: nmap: $(cat scan.txt)"
	"$PYTHON" -c 'import sys, xml.etree.ElementTree as xml
ports = [(p.get("portid"), p.find("state")) for p in xml.parse("scan.xml").iter("port")]
print(*(" ".join((n, s.get("state"), s.get("reason"))) for n, s in sorted(ports, key=lambda port: int(port[0]))), sep=", ")'
}

tcp="80 open syn-ack, 81 closed reset, 82 closed reset, 83 filtered no-response"
udp4="80 open udp-response, 81 closed port-unreach, 82 filtered admin-prohibited, 83 open|filtered no-response"
udp6="80 open udp-response, 81 closed port-unreach, 82 filtered admin-prohibited, 83 open|filtered no-response"
silent="80 filtered no-response, 81 filtered no-response, 82 filtered no-response, 83 filtered no-response"

for hook in tc xdp; do
	lab "$hook"
	fresh_lab
	for vm in vb vc; do serve "$vm" 80 80; done
	for last in 2 3; do
		what="vm $last at $hook"
		for address in "10.1.0.$last" "2001:db8:1::$last"; do
			expect "$what: SYN scan of $address" "$(scan S "$address")" "$tcp"
			expect "$what: ACK scan of $address" "$(scan A "$address")" "$silent"
		done
		expect "$what: UDP scan, IPv4" "$(scan U "10.1.0.$last")" "$udp4"
		expect "$what: UDP scan, IPv6" "$(scan U "2001:db8:1::$last")" "$udp6"
		for type in F N X; do
			expect "$what: scan $type" "$(scan $type "10.1.0.$last")" "${silent//filtered/open|filtered}"
		done
		echo "ok: $what"
	done
	unserve
done
