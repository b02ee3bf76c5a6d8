#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Time-outs are the lab file's: an idle connection is forgotten after the one of its
# protocol and state, and not while frames of it pass through the flow cache.
. "$TESTS/lib/net.sh"
need "$PYTHON" ping

write_lab <<-'YAML'
	lab: x
	hosts:
	  ha: {}
	port-groups:
	  red: {}
	vms:
	  va: {host: ha, port-group: red, ip: 10.1.0.1/24}
	  vb: {host: ha, port-group: red, ip: 10.1.0.2/24}
	firewall:
	  timeouts: {icmp: 1, udp-new: 1, udp-established: 1000}
YAML
fresh_lab
serve vb - 80

stat_of() { # KEY
	"$DPULAB" show "$LAB" stats -j | "$PYTHON" -c '
import json, sys
print(sum(r[sys.argv[1]] for r in json.load(sys.stdin)["stats"]))' "$1"
}
states() { # PROTOCOL: of its connections, each once
	"$DPULAB" show "$LAB" connections -j | "$PYTHON" -c '
import json, sys
print(*sorted({c["state"] for c in json.load(sys.stdin)["connections"] if c["proto"] == sys.argv[1]}))' "$1"
}
is() { [ "$(states "$1")" = "$2" ]; }

# Answered UDP has a long time-out, unanswered UDP a short one.
run probe va outcome udp 10.1.0.2 80
expect "an answered exchange" "$(states udp)" ESTABLISHED
run in_node va "$PYTHON" -c 'import socket; socket.socket(2, 2).sendto(b"x", ("10.1.0.2", 9))'
wait_for 5 is udp "ESTABLISHED expired"
run in_node va ping -c 15 -i 0.2 -q 10.1.0.2
[ "$(stat_of flow_hits)" -ge 20 ] || fail "the flow cache did not take part"
expect "a ping for three time-outs" "$(states icmp)" ESTABLISHED
wait_for 5 is icmp expired
expect "answered UDP outlives ICMP" "$(states udp | cut -d " " -f 1)" ESTABLISHED
