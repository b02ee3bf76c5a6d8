#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A rule keeps its id and its hits while others are put in before it, change or
# go; a small change is a new version of the policy in force, and a large one
# takes the hits along. The default action has a line and hits of its own.
. "$TESTS/lib/net.sh"
need "$PYTHON" bpftool

lab() { # RULES from stdin
	write_lab <<-YAML
		lab: x
		placement: host
		hosts: {ha: {}}
		port-groups: {red: {vni: 5001}}
		vms:
		  va: {host: ha, port-group: red, ip: 10.1.0.1/24}
		  vb: {host: ha, port-group: red, ip: 10.1.0.2/24}
		tables: {rules: 4096}
		firewall:
		  default: drop
		  rules:
		    # what the VM's kernel says of itself, whenever it likes
		    - {id: 500, protocol: icmpv6, action: drop, apply-to: va}
		$(cat)
	YAML
}

# hits: "ID NAME HITS" of each rule at va, in order.
hits() {
	"$DPULAB" show --compiled -j "$LAB" rules >rules.json || fail "show rules"
	"$PYTHON" -c 'import json
for r in json.load(open("rules.json"))["rules"]:
    if r["vnic"] == "va" and r["rule"] != 500: print(r["rule"], r["name"], r["hits"])'
}
place() { # where va's policy is, and its version
	bpftool map lookup pinned "/sys/fs/bpf/dpulab/$LAB/ha/maps/ports" key 16 0 0 0 |
		awk -F '[:, ]+' '$2 == "\"at\"" { at = $3 } $2 == "\"version\"" { print at, $3 }'
}
# send PORT N: N connections of va, UDP
send() { in_node va "$PYTHON" -c 'import socket, sys
for i in range(int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b"x", ("10.1.0.2", int(sys.argv[1])))' "$1" "$2"; }

# Rules of udp port 1000, 1001, ...: enough of them that a change is no small one.
many() { for ((i = 0; i < 100; i++)); do echo "    - {protocol: udp, port: $((1000 + i)), action: $1, apply-to: va}"; done; }

lab <<'YAML'
    - {name: syslog, protocol: udp, port: 514, action: allow, apply-to: va}
    - {protocol: udp, port: 53, action: allow, apply-to: va}
YAML
fresh_lab
in_node va ip neigh replace 10.1.0.2 lladdr "$(mac_of vb)" dev eth0
send 514 3
send 53 2
send 99 4
expect "hits" "$(hits)" "2 syslog 3
3 - 2
0 default 4"
read -r at version <<<"$(place)"

lab <<'YAML'
    - {name: ntp, protocol: udp, port: 123, action: allow, apply-to: va}
    - {name: syslog, protocol: udp, port: [514, 601], action: allow, apply-to: va}
    - {protocol: udp, port: 53, action: allow, apply-to: va}
YAML
run "$DPULAB" apply lab.yaml
send 601 1
send 123 5
expect "hits after a rule before, and one changed" "$(hits | sort -u)" "0 default 4
2 syslog 4
3 - 2
501 ntp 5"
expect "place and version of the policy" "$(place)" "$at $((version + 1))"

# Many more rules: compiled anew, elsewhere.
{
	many drop
	sed -n 's/^    - {name: \(ntp\|syslog\)/&/p' lab.yaml
	echo '    - {id: 77, name: own, protocol: udp, port: 9, action: allow, apply-to: va}'
} >rules
lab <rules
run "$DPULAB" apply lab.yaml
read -r elsewhere version <<<"$(place)"
[ "$elsewhere" != "$at" ] || fail "a hundred new rules were put into the policy in force"
send 9 1
send 514 1
expect "hits after compiling anew" "$(hits | grep -E 'default|syslog|ntp|own' | sort -u)" "0 default 4
2 syslog 5
501 ntp 5
77 own 1"
expect "a rule that has gone" "$(hits | grep -c '^3 ')" 0

# The same file again: nothing moves.
run "$DPULAB" apply lab.yaml
expect "place and version after the same file" "$(place)" "$elsewhere $version"
