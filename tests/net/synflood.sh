#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A SYN flood from addresses that do not exist, at one VM: whoever exists still
# gets through to it, its established connections and the other VMs notice nothing,
# and the flood holds no more of the table than the VM may have half-open.
. "$TESTS/lib/net.sh"
need "$PYTHON"

HALF_OPEN=100
lab() { # PATH HOOK
	write_lab <<-YAML
		lab: x
		placement: $1
		hook: $2
		hosts:
		  ha: {dpu: true}
		port-groups:
		  red: {vni: 5001}
		vms:
		  evil: {host: ha, port-group: red, ip: 10.1.0.1/16, half-open: 60000, connections: 60000}
		  web:  {host: ha, port-group: red, ip: 10.1.0.2/16, half-open: $HALF_OPEN}
		  good: {host: ha, port-group: red, ip: 10.1.0.3/16}
		  db:   {host: ha, port-group: red, ip: 10.1.0.4/16}
		tables: {connections: 65536}
	YAML
}

flooder=
start_flood() {
	nsenter --net="/run/netns/$LAB-evil" -- \
		"$PYTHON" "$TESTS/lib/synflood.py" flood eth0 "$(mac_of web)" 10.1 10.1.0.2 80 >/dev/null 2>&1 &
	flooder=$!
}
stop_flood() {
	[ -z "$flooder" ] || kill "$flooder"
	wait "$flooder"
	flooder=
} 2>/dev/null
at_exit stop_flood

sum_of() { # WHAT KEY [NAME]: over all rows of `show LAB WHAT`, or those of one port's name
	"$DPULAB" show "$LAB" "$1" -j | "$PYTHON" -c '
import json, sys
rows = json.load(sys.stdin)[sys.argv[1]]
print(sum(r.get(sys.argv[2], 0) for r in rows if not sys.argv[3] or r.get("name") == sys.argv[3]))' "$1" "$2" "${3:-}"
}
half_open_at_least() { [ "$(sum_of ports half_open web)" -ge "$1" ]; }
opens() { # NODE ADDRESS WHAT
	expect "$what: $3" "$(in_node "$1" "$PYTHON" "$TESTS/lib/synflood.py" open "$2" 80 20)" open
}

for combination in "host tc" "host xdp" "dpu-mux tc" "pmd xdp"; do
	read -r path hook <<<"$combination"
	what="$path at $hook"
	lab "$path" "$hook"
	fresh_lab
	serve web 80 -
	serve db 80 -
	opens good 10.1.0.2 "before the flood"
	in_node good "$PYTHON" "$TESTS/lib/probe.py" tcp 10.1.0.2 80 40000000 >stream.txt 2>&1 &
	stream=$!
	start_flood
	wait_for 20 half_open_at_least "$HALF_OPEN"
	for _ in 1 2 3; do opens good 10.1.0.2 "to the flooded VM"; done
	opens good 10.1.0.4 "to another VM"
	opens web 10.1.0.4 "from the flooded VM"
	wait "$stream"
	expect "$what: an established connection to the flooded VM" "$(cat stream.txt)" ok
	stop_flood
	held=$(sum_of ports half_open web)
	[ "$held" -le $((HALF_OPEN + 8)) ] || fail "$what: $held half-open connections at the flooded VM"
	[ "$(sum_of stats challenges_met)" -ge 3 ] || fail "$what: openers got through without a challenge"
	[ "$(sum_of stats ct_full)" = 0 ] || fail "$what: the flood filled the table"
	unserve
	echo "ok: $what: $(sum_of stats challenges) challenges, $(sum_of stats challenges_met) met, $held half-open"
done
