#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The PCIe link with delay, jitter and bandwidth, at both hooks: a round trip grows by what was configured, nothing is lost, order
# is kept, a rate is kept, and what finds the queue full is counted. Without a delay there is no relay. Killed, `ls` and
# `show` say so and `up` repairs it; `down` leaves nothing. Configured and measured stand side by side in the output.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"
need ping "$PYTHON"

PLAIN=${LAB}p
at_exit "remove_lab $PLAIN"
DELAY_US=1000

lab() { # NAME HOOK DPU-OF-ESX1 FILE [PLACEMENT]
	cat >"$4" <<-YAML
		lab: $1
		hook: $2
		placement: ${5:-dpu-mux}
		hosts:
		  esx1: {dpu: $3}
		  esx2: {dpu: true}
		port-groups:
		  web: {vni: 5001}
		vms:
		  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24}
		  web2: {host: esx1, port-group: web, ip: 10.1.0.12/24}
		  web3: {host: esx2, port-group: web, ip: 10.1.0.13/24}
	YAML
}
link() { echo "{link: {$1}}"; }
steal() { awk '$1 == "cpu" {print $9}' /proc/stat; }

# figure FIELD [HOST]: of `show link`, the sum over both directions.
figure() {
	"$DPULAB" show -j "$LAB" link >link.json || fail "show link"
	json link.json "sum(r['$1'] for r in d['link'] if r['host'] == '${2:-esx1}')"
}
state_of_link() { "$DPULAB" show -j "$LAB" link >link.json && json link.json "d['link'][0]['by']"; }
relay() { "$DPULAB" show -j "$LAB" link >link.json && json link.json "d['link'][0]['pid']"; }

# median LAB ADDRESS [PING-OPTION...]: round trip in us.
median() {
	in_lab "$1" web1 ping -c 60 -i 0.005 -W 2 "${@:3}" "$2" >ping.out || fail "$1: ping: $(cat ping.out)"
	sed -n 's/.*time=\([0-9.]*\) ms/\1/p' ping.out | sort -n | awk '{t[NR] = $1} END {print int(t[int((NR + 1) / 2)] * 1000)}'
}

# The round trip grows by so many crossings, within 5 %, in one of five interleaved rounds: others use this machine.
grows() { # WHAT ADDRESS CROSSINGS
	local plain slow grown want=$((DELAY_US * $3)) round before
	for round in 1 2 3 4 5; do
		before=$(steal)
		plain=$(median "$PLAIN" "$2")
		slow=$(median "$LAB" "$2")
		grown=$((slow - plain))
		echo "$1: delay $DELAY_US us, $3 crossings: configured $want us, round trip grew by $grown us ($plain to $slow), steal $(($(steal) - before)) ticks"
		[ $((grown * 100)) -lt $((want * 95)) ] || [ $((grown * 100)) -gt $((want * 105)) ] || return 0
	done
	fail "$1: the round trip did not grow by $want us"
}

# As short a delay as a real link's: echoes that follow each other at once, so that nobody has to be woken from deep sleep. A
# crossing may be off by 2 us (`make bench` says how exact it is) and here by another 4, in one of eight rounds.
SHORT_US=10
stays_short() { # HOOK
	local plain slow grown round
	lab "$LAB" "$1" "$(link "delay: ${SHORT_US}us")" short.yaml
	run "$DPULAB" apply short.yaml
	for round in 1 2 3 4 5 6 7 8; do
		plain=$(median "$PLAIN" 10.1.0.13 -A -c 300)
		slow=$(median "$LAB" 10.1.0.13 -A -c 300)
		grown=$((slow - plain))
		echo "$1: delay $SHORT_US us, 2 crossings: configured $((2 * SHORT_US)) us, round trip grew by $grown us ($plain to $slow)"
		[ $grown -lt $((2 * SHORT_US - 4)) ] || [ $grown -gt $((2 * SHORT_US + 12)) ] || return 0
	done
	fail "$1: the round trip did not grow by $((2 * SHORT_US)) us"
}

check_hook() { # HOOK WAY
	lab "$PLAIN" "$1" true plain.yaml
	lab "$LAB" "$1" "$(link "delay: ${DELAY_US}us")" lab.yaml
	run "$DPULAB" up plain.yaml
	run "$DPULAB" up lab.yaml
	[ ! -e "/run/netns/$PLAIN-esx1-pci" ] || fail "a link without a delay has a node"
	expect "who plays the link at $1" "$(state_of_link)" "$2"
	for address in 10.1.0.12 10.1.0.13; do
		wait_for 20 in_lab "$PLAIN" web1 ping -q -c 1 -W 2 $address
		wait_for 20 in_node web1 ping -q -c 1 -W 2 $address
	done
	# there and back, and to a VM of the same host into the DPU and out of it each time
	if ! emulated; then
		grows "$1, other host" 10.1.0.13 2
		grows "$1, same host" 10.1.0.12 4
		stays_short "$1"
		[ "$(json link.json "d['link'][0]['crossing_us'] > 0")" = True ] || fail "what a crossing costs was not measured"
	fi
	[ "$(figure frames)" -gt 100 ] || fail "frames were not counted"
	expect "the other host's link is a veth" "$(json link.json "{r['link'] for r in d['link'] if r['host'] == 'esx2'}")" "{'plain veth'}"
}

# Both labs get the same stream; with jitter the link has every chance to reorder.
check_stream() { # HOOK
	lab "$LAB" "$1" "$(link "delay: 300us, jitter: 3ms")" jitter.yaml
	run "$DPULAB" apply jitter.yaml
	PPS=5000 CONTROL=$PLAIN
	under_stream 5300 in_node web1 ping -q -c 40 -i 0.02 10.1.0.12
	echo "$1, jitter: $(grep received "sink.$LAB"); plain: $(grep received "sink.$CONTROL")"
	[ "$lost" -le "$lost_control" ] || fail "$1: $lost lost, on a plain link $lost_control"
	expect "$1: reordered" "$(word "sink.$LAB" reordered)" 0
	expect "$1: duplicated" "$(word "sink.$LAB" duplicated)" 0
}

# Bits per second of Ethernet frames that web3 takes of a flood.
flood() {
	in_node web3 "$PYTHON" "$TESTS/lib/udprate.py" take 5400 2 >taken &
	local taker=$!
	in_node web1 "$PYTHON" "$TESTS/lib/udprate.py" send 10.1.0.13 5400 3 1000 60000000
	wait "$taker" || fail "nothing arrived"
	cat taken
}
check_bandwidth() { # HOOK
	local rate round
	lab "$LAB" "$1" "$(link "bandwidth: 20M")" narrow.yaml
	run "$DPULAB" apply narrow.yaml
	wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.13
	for round in 1 2 3 4; do # a sender that gets no CPU for long does not fill it
		rate=$(flood)
		echo "$1: bandwidth 20000000 bit/s configured, $rate measured"
		[ "$rate" -lt 21000000 ] || fail "$1: the bandwidth is $rate"
		[ "$rate" -lt 19000000 ] || break
		[ "$round" -lt 4 ] || fail "$1: the bandwidth is $rate"
	done
	[ "$(figure queue_full)" -gt 0 ] || fail "$1: frames for a full queue were not counted"
	"$DPULAB" show -j "$LAB" drops >drops.json || fail "show drops"
	expect "reason of drops" "$(json drops.json "{r['reason'] for r in d['drops'] if r['where'] == 'pcie'}")" "{'link-queue-full'}"
}

for hook in xdp tc; do
	[ $hook = xdp ] && way=af_xdp || way=af_packet
	check_hook $hook $way
	check_stream $hook
	check_bandwidth $hook
	run "$DPULAB" down "$PLAIN"
	[ $hook = tc ] || run "$DPULAB" down "$LAB"
done

# ---- killed ---------------------------------------------------------------------

lab "$LAB" tc "$(link "delay: 500us")" last.yaml
run "$DPULAB" apply last.yaml
pid=$(relay)
kill -KILL "$pid"
wait_for 10 ended "$pid"
"$DPULAB" ls -j "$LAB" >ls.json || fail "ls"
expect "ls says that the lab is broken" "$(json ls.json "d['state']")" broken
expect "ls says which node" "$(json ls.json "[n['state'].split(':')[0] for n in d['nodes'] if n['kind'] == 'pcie']")" "['dead']"
expect "show says that it is dead" "$(state_of_link | cut -d : -f 1)" dead
refuse 1 in_node web1 ping -q -c 1 -W 1 10.1.0.13
run "$DPULAB" up last.yaml
wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.13
expect "whole again" "$("$DPULAB" ls -j "$LAB" >ls.json && json ls.json "d['state']")" up

# ---- from and to other frame paths -------------------------------------------------

# And each output with figures that the link has a part in says so.
for path in host dpu-mux linux dpu-mux; do
	"$DPULAB" place -j "$LAB" $path >placed.json || fail "place $path: $(cat placed.json)"
	[ $path != host ] || expect "RAW MS is without the waits for frames on esx1's link, which has one" \
		"$(json placed.json "[m['total_ms'] - m['raw_ms'] > 0.3 for m in d['moves']]")" "[True, False]"
	wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.13
done
emulated_of() { json "$1" "[i['emulated'] for i in $2]"; } # FILE LIST: of esx1 and esx2
expect "place says what is emulated" "$(emulated_of placed.json "d['moves']")" "['link 500us', '-']"
"$DPULAB" show -j "$LAB" placement >placement.json || fail "show placement"
expect "show placement does" "$(emulated_of placement.json "d['placement']")" "['link 500us', '-']"
"$DPULAB" drill -j "$LAB" agent-kill --host esx1 --for 200 >drill.json || fail "drill: $(cat drill.json)"
expect "drill does" "$(json drill.json "d['emulated']")" 'link 500us'
# at 500 us a crossing, four of them in a round trip on one host; a connection takes two round trips
expect "of flows" "$(json drill.json "({(f['way'], f['flow'] == 'connect', f['emulated_ms']) for f in d['flows']} ==
	{('same host', False, 2.0), ('same host', True, 4.0), ('fabric', False, 1.0), ('fabric', True, 2.0)})")" True
expect "without it" "$(json drill.json "all(abs(f['raw_ms'] - max(f['silence_ms'] - f['emulated_ms'], 0)) < 0.11 for f in d['flows'])")" True
lab "$LAB" tc true plain-here.yaml
refuse 1 "$DPULAB" apply plain-here.yaml # other wires

# ---- the end -------------------------------------------------------------------------

pid=$(relay)
run "$DPULAB" down "$LAB"
ended "$pid" || fail "process $pid is left"
[ -z "$(ls -d /run/netns/"$LAB"-* /run/dpulab/"$LAB" /sys/fs/bpf/dpulab/"$LAB" 2>/dev/null)" ] || fail "down left something"

# What the profile alone states, and a veth does anyway, gets no relay.
lab "$LAB" xdp '{profile: bluefield2, scale: 1000}' profile.yaml
run "$DPULAB" up profile.yaml
[ ! -e "/run/netns/$LAB-esx1-pci" ] || fail "a delay of 700 ns has a relay"
expect "what it says" "$("$DPULAB" show -j "$LAB" link >link.json && json link.json "(d['link'][0]['link'], d['link'][0]['delay'])")" \
	"('plain veth', '700ns')"
