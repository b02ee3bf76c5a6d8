#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `show LAB rules` has one line per rule of the file: hits, bytes and last hit are what was
# sent, while connections live, when they have ended, after apply and after moves
# between host and DPU.
. "$TESTS/lib/net.sh"
need "$PYTHON"

lab() { # PLACEMENT RULES from stdin
	write_lab <<-YAML
		lab: x
		placement: $1
		hosts: {ha: {dpu: true}}
		tables: {connections: 1024}
		port-groups: {red: {}}
		vms:
		  va: {host: ha, port-group: red, ip: 10.1.0.1/24}
		  vb: {host: ha, port-group: red, ip: 10.1.0.2/24}
		firewall:
		  default: drop
		  timeouts: {udp-new: 1, udp-established: 1}
		  rules:
		    # what the VM's kernel says of itself, whenever it likes
		    - {id: 500, protocol: icmpv6, action: drop, apply-to: any}
		$(cat)
	YAML
}
rules() { # the rest of the file, with what is given in between
	cat <<-YAML
		    - {id: 1, name: echo, protocol: udp, port: [7000, 7100], from: [10.1.0.1, 10.9.0.0/16], action: allow, apply-to: any}
		$1
		    - {id: 2, name: shut, protocol: udp, port: 7001, action: reject, apply-to: va}
		    - {id: 3, name: idle, protocol: tcp, port: 22, action: allow, apply-to: va}
	YAML
}

# counts: "ID NAME ACTION HITS BYTES" of each rule but 500, hits and bytes at both locations together.
counts() {
	"$DPULAB" show -j "$LAB" rules >rules.json || fail "show rules"
	"$PYTHON" - <<'PY'
import json
lines = {}
for r in json.load(open("rules.json"))["rules"]:
    if r["rule"] != 500:
        line = lines.setdefault(r["rule"], [r["name"], r["action"], 0, 0])
        line[2] += r["hits"]
        line[3] += r["bytes"]
for rule, line in lines.items(): print(rule, *line)
PY
}
last_hit() { # RULE: "never", or "now" if it was less than a minute ago
	"$DPULAB" show -j "$LAB" rules --host ha | "$PYTHON" -c 'import json, sys
ages = [r["last_hit_s"] for r in json.load(sys.stdin)["rules"] if r["rule"] == int(sys.argv[1])]
ages = [a for a in ages if a != "-"]
print("never" if not ages else "now" if min(ages) < 60 else min(ages))' "$1"
}
stat_of() { # KEY
	"$DPULAB" show "$LAB" stats -j | "$PYTHON" -c '
import json, sys
print(sum(r[sys.argv[1]] for r in json.load(sys.stdin)["stats"]))' "$1"
}

# talk PORT N: one connection, N datagrams of 100 bytes each way: frames of 142 bytes.
# A source port of its own each time: one the kernel draws may be that of a connection which
# is still in the table, and then no rule is asked again.
from_port=20000
talk() {
	from_port=$((from_port + 1))
	in_node va "$PYTHON" -c 'import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("10.1.0.1", int(sys.argv[3])))
    s.connect(("10.1.0.2", int(sys.argv[1])))
    s.settimeout(5)
    for i in range(int(sys.argv[2])):
        s.send(bytes(100))
        s.recv(200)' "$1" "$2" "$from_port" || fail "an answer is missing"
}
refused() { in_node va "$PYTHON" -c 'import socket
for i in range(3):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(bytes(100), ("10.1.0.2", 7001))'; }
hits=0 bytes=0
sum_up() { # N: a connection of N datagrams each way is asked about at both vNICs
	hits=$((hits + 2)) bytes=$((bytes + 2 * 2 * 142 * $1))
}
want() { printf '%s\n' "1 echo allow $hits $bytes" "2 shut reject 3 0" "3 idle allow 0 0" "0 default drop 0 0"; }

lab host <<<"$(rules '')"
fresh_lab
in_node va ip neigh replace 10.1.0.2 lladdr "$(mac_of vb)" dev eth0
in_node vb ip neigh replace 10.1.0.1 lladdr "$(mac_of va)" dev eth0
serve vb - 7000,7100

expect "last hit of a rule nobody met" "$(last_hit 1)" never
talk 7000 50
sum_up 50
refused
expect "living connections" "$(counts)" "$(want)"
expect "last hit" "$(last_hit 1) $(last_hit 2) $(last_hit 3)" "now now never"
"$DPULAB" show "$LAB" rules >rules.txt
expect "lines of the table" "$(awk '$1 == "ha" {print $2}' rules.txt | tr '\n' ' ')" "500 1 2 3 0 "

# The connections end: nothing is lost.
before=$(stat_of ct_expired)
wait_for_end() {
	local until=$((SECONDS + 120)) # as many as the table's clock has seats, on a machine that does other things
	while [ $(($(stat_of ct_expired) - before)) -lt 2 ]; do
		talk 7100 1
		sum_up 1
		[ "$SECONDS" -lt "$until" ] || fail "connections do not end"
	done
}
wait_for_end
expect "some have ended" "$(counts)" "$(want)"

# Through apply and moves.
lab host <<<"$(rules '    - {id: 9, name: more, protocol: tcp, port: 80, action: allow, apply-to: va}')"
run "$DPULAB" apply lab.yaml
counts_of_old() { counts | grep -v '^9 '; }
expect "after apply" "$(counts_of_old)" "$(want)"
for path in dpu-mux host pmd dpu-mux; do
	run "$DPULAB" place "$LAB" "$path"
	expect "moved to $path" "$(counts_of_old)" "$(want)"
	talk 7000 20
	sum_up 20
	expect "used at $path" "$(counts_of_old)" "$(want)"
done
before=$(stat_of ct_expired)
wait_for_end
expect "some have ended at the DPU" "$(counts_of_old)" "$(want)"

# A rule that has gone and one that comes later with its number share nothing.
sed -i '/id: 1,/d' lab.yaml
sed -i 's/^placement: .*/placement: dpu-mux/' lab.yaml
run "$DPULAB" apply lab.yaml
lab dpu-mux <<<"$(rules '')"
run "$DPULAB" apply lab.yaml
expect "a new rule with an old number" "$(counts | grep '^1 ')" "1 echo allow 0 0"
refuse 2 "$DPULAB" show --compiled "$LAB" flows
