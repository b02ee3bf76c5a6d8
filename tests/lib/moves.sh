# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# moves.sh - what tests of placement share. Source it after net.sh.
#
# Two hosts with a DPU each; web1 and web2 on esx1, web3 on esx2, one VXLAN segment.

STREAM=$TESTS/../${BUILD:-build}/tests/net/stream
[ -x "$STREAM" ] || skip "needs $STREAM (make tests)"
need python3 nsenter

# Everything started with & that still runs: a function's subshell, and what runs in it, which outlives it.
stop_jobs() {
	local pid
	for pid in $(jobs -p); do
		pkill -P "$pid"
		kill "$pid"
	done
}
at_exit stop_jobs

# The policy of most of them: echoes, and what servers of tests listen at.
echoes_policy() {
	cat <<-YAML
		firewall:
		  default: drop
		  rules:
		    - {protocol: icmp, action: allow}
		    - {protocol: udp, port: 5000-5999, action: allow}
		    - {protocol: tcp, port: 5000-5999, action: allow}
	YAML
}

# write_move_lab FILE LAB HOST-KEYS: e.g. write_move_lab lab.yaml "$LAB" ', cpus: 0, dpu-cpus: 1'
write_move_lab() {
	cat >"$1" <<-YAML
		lab: $2
		hosts:
		  esx1: {dpu: true$3}
		  esx2: {dpu: true$3}
		port-groups:
		  web: {vni: 5001}
		vms:
		  web1: {host: esx1, port-group: web, ip: [10.1.0.11/24, "2001:db8:1::11/64"]}
		  web2: {host: esx1, port-group: web, ip: [10.1.0.12/24, "2001:db8:1::12/64"]}
		  web3: {host: esx2, port-group: web, ip: [10.1.0.13/24, "2001:db8:1::13/64"]}
		$(echoes_policy)
	YAML
}

# in_lab LAB NODE CMD...
in_lab() {
	local ns=/run/netns/$1-$2
	shift 2
	nsenter --net="$ns" -- "$@"
}

# json FILE EXPRESSION: evaluates a Python expression over the document d.
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }

# drops_of LAB: every counter of frames lost on the way, a line each: node, device, counter, value.
# Two such lists, compared, say where frames went.
drops_of() {
	local ns node dev
	for ns in /run/netns/"$1"-*; do
		node=${ns##*/"$1"-}
		for dev in $(in_lab "$1" "$node" ls /proc/sys/net/ipv4/conf); do
			in_lab "$1" "$node" ethtool -S "$dev" 2>/dev/null |
				awk -v at="$node $dev" '/(drops|errors):/ && $2 {print at, $1, $2}'
		done
		in_lab "$1" "$node" awk -v node="$node" 'NR > 2 && $5 + $13 {print node, $1, "rx_dropped:", $5, "tx_dropped:", $13}' /proc/net/dev
		in_lab "$1" "$node" awk -v node="$node" '$1 == "Udp:" && $4 + $6 ~ /^[0-9]+$/ && $4 + $6 {print node, "udp no_port:", $3, "in_errors:", $4, "full:", $6}' /proc/net/snmp
	done
	awk '{print "cpu" NR - 1, "backlog_dropped:", $2, "squeezed:", $3}' /proc/net/softnet_stat
}

# books_balance LAB: at every node, connections made are those there and those that have gone, however they went.
books_balance() {
	"$DPULAB" show -j "$1" stats >stats.json && "$DPULAB" show -j "$1" connections >held.json || fail "show $1"
	python3 - <<'PY' || fail "$1: the counters of connections do not add up"
import json, sys
held, books = {}, {}
for c in json.load(open("held.json"))["connections"]:
    held[c["node"]] = held.get(c["node"], 0) + 1
for s in json.load(open("stats.json"))["stats"]:
    book = books.setdefault(s["node"], [0, 0])
    book[0] += s["ct_inserts"] + s["ct_handed_in"]
    book[1] += s["ct_expired"] + s["ct_removed"] + s["ct_handed_out"]
wrong = [f"{node}: {made} made, {gone} gone, {held.get(node, 0)} there" for node, (made, gone) in books.items()
         if made != gone + held.get(node, 0)]
print(*wrong, sep="\n", end="")
sys.exit(bool(wrong) or not any(made for made, _ in books.values()))
PY
}
