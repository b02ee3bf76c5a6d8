# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# mixed.sh - what tests of mixed placements share. Source it after streams.sh.
#
# $from: the placement that lab $LAB is in, as moves_lose_nothing left it.

placement() { # FIELD
	"$DPULAB" show -j "$LAB" placement >placement.json || fail "show placement"
	json placement.json "' '.join(sorted({str(p['$1']) for p in d['placement']}))"
}

start_tcp() {
	rm -f tcp.stop server.out client.out
	in_lab "$LAB" web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 5900 >server.out 2>&1 &
	wait_for 10 has server.out ready
	in_lab "$LAB" web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 5900 tcp.stop >client.out 2>&1 &
	TCP_CLIENT=$!
	wait_for 10 has client.out connected
}

one_move() { "$DPULAB" place "$LAB" "$@" >moves.txt; }

moves_lose_nothing() { # WORDS...
	local void
	for void in 0 1 2 3 4; do
		port=$((port + 1))
		[ "$void" = 0 ] || one_move "$from"
		under_stream "$port" one_move "$@"
		echo "$from to $*: lost $lost (control $lost_control), $(tail -n 1 "sink.$LAB")"
		[ "$lost" = 0 ] && break
		[ "$lost_control" != 0 ] || {
			"$DPULAB" show "$LAB" drops
			fail "a move from $from to $* lost $lost frames, its control none"
		}
	done
	[ "$lost" = 0 ] || fail "$from to $*: five rounds say nothing: machine too busy"
	from=$(placement path)
}

# Have flow caches at these nodes forwarded some of the stream?
cached_at() { # NODE...
	"$DPULAB" show -j "$LAB" flows >flows.json || fail "show flows"
	[ "$(json flows.json "' '.join(sorted({f['node'] for f in d['flows'] if f['dst_port'] == $port and f['hw_hits'] > 100}))")" = "$*" ]
}

connections_at() { # NODE: how many in use
	"$DPULAB" show -j "$LAB" connections >connections.json || fail "show connections"
	json connections.json "sum(c['node'] == '$1' and c['idle_s'] < 10 and c['state'] != 'expired' for c in d['connections'])"
}

# Established traffic is in the flow caches of both locations, its connections are the host's alone.
both_switch_one_judges() {
	port=$((port + 1))
	under_stream "$port" wait_for 20 cached_at esx1 esx1-dpu esx2 esx2-dpu
	[ "$(connections_at esx1)" -gt 0 ] || fail "no connection is known to esx1"
	expect "connections at the DPU" "$(connections_at esx1-dpu)" 0
}

# A change of policy of split.yaml holds where the lab runs; what linux knows of connections does not come along.
policy_changes_hold() {
	sed 's/protocol: icmp, action: allow/protocol: icmp, action: drop/' split.yaml >stricter.yaml
	run "$DPULAB" apply stricter.yaml
	in_node web1 ping -q -c 2 -i 0.2 -W 1 10.1.0.13 >ping.out && fail "a rule of the new policy does not hold"
	run "$DPULAB" apply split.yaml
	run in_node web1 ping -q -c 2 -i 0.2 -W 2 10.1.0.12
	run "$DPULAB" place "$LAB" linux
	run "$DPULAB" place "$LAB" $SET
	run in_node web1 ping -q -c 2 -i 0.2 -W 2 10.1.0.13
}
