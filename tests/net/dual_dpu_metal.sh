# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A host with two DPUs that is itself a machine (path bare-metal), behind veths and behind emulated links, at both hooks: with nothing
# wrong its active DPU serves; the standby takes over when that fails, by the drill and by the agent; a switch-over by hand keeps
# connections; and whichever DPU serves, a root user of the host has no other way out, at neither.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
need ip "$PYTHON"

FAULT_MS=400
emulated && FAULT_MS=4000
DELAY_US=300

write_lab <<YAML
lab: x
hosts:
  h1: {dpu: true}
  m1: {dpu: true, dpu2: true, standby-uplinks: uplink2, placement: bare-metal}
  m2: {dpu: {link: {delay: ${DELAY_US}us}}, dpu2: true, standby-uplinks: uplink2, placement: bare-metal}
port-groups:
  web: {vni: 7}
vms:
  v1: {host: h1, port-group: web, ip: 10.1.0.11/24}
  iron1: {type: bare-metal, host: m1, port-group: web, ip: 10.1.0.21/24}
  iron2: {type: bare-metal, host: m2, port-group: web, ip: 10.1.0.22/24}
$(echoes_policy)
YAML

dpus() { # HOST: each DPU, its role and whether it serves
	"$DPULAB" show -j "$LAB" placement --host "$1" >placement.json || fail "show placement"
	json placement.json "' '.join('%s:%s:%s' % (i['node'], i['role'], i['state']) for i in d['placement'][0]['dpus'])"
}
serve_at() { # HOST ACTIVE
	local first=active second=standby
	[ "$2" = "$1-dpu" ] || first=standby second=active
	expect "DPUs of $1" "$(dpus "$1")" "$1-dpu:$first:serves $1-dpu2:$second:serves"
}
reached() { in_node "$1" ping -q -c 1 -W 1 "$2" >/dev/null; }
address_of() { [ "$1" = m1 ] && echo 10.1.0.21 || echo 10.1.0.22; }
mac_at() { in_node "$1" ip -o link show dev "$2" | grep -o "link/ether [^ ]*" | cut -d " " -f 2; } # NODE DEV

# closed HOST: nothing that it says by any device of the lab's but its own gets out.
closed() {
	local dev
	for dev in uplink0 pf0 vf0 pf1 pf1vf0; do
		hear v1
		in_node "$1" "$PYTHON" "$TESTS/lib/escape.py" "$dev" 20 "$(mac_at "$1" uplink0)" "$(mac_at h1 uplink0)" \
			"10.255.0.$([ "$1" = m1 ] && echo 2 || echo 3)" 10.255.0.1 7 02:00:00:00:00:98 "$(mac_of v1)" 8 >/dev/null
		stop_hearing
		expect "$1: frames sent into $dev" "$(heard v1 8)" 0
		in_node "$1" ip -o link show dev "$dev" | grep -q NO-CARRIER || fail "$1: $dev is open"
	done
}
works() { # HOST
	wait_for 10 reached v1 "$(address_of "$1")"
	wait_for 10 reached "$1" 10.1.0.11
	closed "$1"
}

start_flow() { # HOST: TCP and UDP between v1 and the machine, a message every 2 ms
	rm -f stop
	in_node v1 "$PYTHON" "$TESTS/lib/silence.py" stop {tcp,udp}:"$(address_of "$1")":5500 >flows 2>&1 &
	watcher=$!
	wait_for 10 grep -q 'under way' flows
}
end_flow() {
	touch stop
	wait "$watcher" || fail "$(cat flows)"
}

takes_over() { # HOST DRILL CAUSE KEPT
	"$DPULAB" drill -j "$LAB" "$2" --host "$1" --for "$FAULT_MS" >drill.json 2>errors || fail "$1 $2: $(cat errors drill.json)"
	expect "$1 $2: cause" "$(json drill.json "d['failover_cause']")" "${3/-/ }"
	expect "$1 $2: taken over by" "$(json drill.json "d['failed_over_to'], d['connections_kept']")" "('$1-dpu2', $4)"
	expect "$1 $2: not what failed" "$(json drill.json "[i['damage'] for i in d['damage'] if 'dpu2' in i['damage'] or 'carrier' in i['damage'] and ' p0 ' not in i['damage']]")" "[]"
	serve_at "$1" "$1-dpu"
	works "$1"
}

run "$DPULAB" check lab.yaml
run "$DPULAB" up lab.yaml
serve m1 5500 5500
serve m2 5500 5500

while read -r host hook; do
	run "$DPULAB" place "$LAB" bare-metal --host "$host" --hook "$hook"
	serve_at "$host" "$host-dpu"
	works "$host"
	start_flow "$host"
	run "$DPULAB" place "$LAB" bare-metal --host "$host" --dpu "$host-dpu2"
	end_flow
	grep -q broken flows && fail "$host, $hook: a connection has ended: $(cat flows)"
	serve_at "$host" "$host-dpu2"
	works "$host"
	run "$DPULAB" up lab.yaml # what was chosen stands, and the place stays closed
	serve_at "$host" "$host-dpu2"
	works "$host"
	run "$DPULAB" place "$LAB" bare-metal --host "$host" --dpu "$host-dpu"
	serve_at "$host" "$host-dpu"
	while read -r what cause kept; do
		# how a DPU fails is one code at both hooks
		[ "$hook" = tc ] || [ "$what" = dpu-crash ] || [ "$what" = uplink-down ] || continue
		echo "+ $host $hook $what"
		takes_over "$host" "$what" "$cause" "$kept"
	done <<-'DRILLS'
		dpu-crash   gone       False
		dpu-hang    silent     False
		dpu-reboot  down       False
		pcie-freeze silent     False
		uplink-down no-carrier True
	DRILLS
	"$DPULAB" apply lab.yaml >applied 2>&1 || fail "apply: $(cat applied)"
done <<'ROWS'
m1 tc
m1 xdp
m2 tc
m2 xdp
ROWS

# ---- the agent: nothing to do while nothing is wrong, and the standby when something is ----------------

"$DPULAB" agent -j "$LAB" >events 2>&1 &
agent=$!
at_exit "kill $agent"
watches() { grep -q '"watches"' events; }
wait_for 10 watches
for host in m1 m2; do
	rm -r "/sys/fs/bpf/dpulab/$LAB/$host-dpu"
	over() { grep '"failed-over"' events | grep -q "$host-dpu2"; }
	wait_for 10 over
	works "$host"
done
expect "failovers" "$(grep -c '"failed-over"' events)" 2
kill "$agent"
wait "$agent"
run "$DPULAB" up lab.yaml
for host in m1 m2; do serve_at "$host" "$host-dpu2"; done

# ---- killed in the middle of a switch-over ----------------------------------------------------------

for host in m1 m2; do
	rm -f ops
	DPULAB_COUNT_OPS=$PWD/ops "$DPULAB" place "$LAB" bare-metal --host "$host" --dpu "$host-dpu" >/dev/null || fail "place"
	total=$(cat ops)
	for part in 2 5 8; do
		DPULAB_CRASH_AFTER=$((total * part / 10)) "$DPULAB" place "$LAB" bare-metal --host "$host" --dpu "$host-dpu2" >/dev/null 2>&1 # killed
		run "$DPULAB" up lab.yaml # it may be on its way over path host: placed anew
		run "$DPULAB" place "$LAB" bare-metal --host "$host" --dpu "$host-dpu"
		serve_at "$host" "$host-dpu"
		works "$host"
	done
done
run "$DPULAB" down "$LAB"
ls /run/netns/"$LAB"-* 2>/dev/null && fail "down has left a namespace"
exit 0
