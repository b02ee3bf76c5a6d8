#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Floods at the rate that the machine makes frames at: SYNs, fragments that come first, late, over each other
# or cut too small, chains of IPv6 extension headers. Nothing arrives that the policy denies,
# established flows lose nothing, and new ones open. ATTACK_SECONDS of each (`make attack`: 30).
# SYNs come from two VMs at once, each flooding on a CPU of its own.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh" # stream, stop_jobs
need "$PYTHON" tcpdump ethtool taskset

SYN_RATE=1000000 # a second, of the datapath; looked at by `make attack`
FLOOD=$TESTS/../${BUILD:-build}/attack/flood
[ -x "$FLOOD" ] || skip "needs $FLOOD (make tests)"
emulated && skip "a flood is about rates, which an emulated CPU does not have"
SECONDS_EACH=${ATTACK_SECONDS:-1}
WEB=10.1.0.2
lab() { # HOOK
	write_lab <<-YAML
		lab: x
		hook: $1
		hosts:
		  ha: {}
		port-groups:
		  red: {vni: 5001}
		vms:
		  evil: {host: ha, port-group: red, ip: [10.1.0.1/16, "2001:db8:1::1/64"], half-open: 60000, connections: 100000}
		  evil2: {host: ha, port-group: red, ip: [10.1.0.5/16, "2001:db8:1::5/64"], half-open: 60000, connections: 100000}
		  web:  {host: ha, port-group: red, ip: [$WEB/16, "2001:db8:1::2/64"], half-open: 100}
		  good: {host: ha, port-group: red, ip: [10.1.0.3/16, "2001:db8:1::3/64"]}
		  db:   {host: ha, port-group: red, ip: [10.1.0.4/16, "2001:db8:1::4/64"]}
		tables: {connections: 262144}
		firewall:
		  fragments: reassemble
		  default: drop
		  rules:
		    - {protocol: tcp, port: [80, 81], action: allow}
		    - {protocol: udp, port: [5000, 6000], action: allow}
		    - {protocol: icmp, action: allow}
	YAML
}

has() { grep -q "$2" "$1"; } # FILE TEXT
half_open() { "$DPULAB" show "$LAB" ports | awk -v vm="$1" '$5 == vm { print $NF }'; }
word() { sed -n "s/.*$2 \([0-9]*\).*/\1/p" "$1"; } # FILE WORD: the number after it
opens() { # ADDRESS WHAT
	expect "$what: $2" "$(in_node good "$PYTHON" "$TESTS/lib/synflood.py" open "$1" 80 20)" open
}

# What must not come to web from evil's addresses; an overlap's first piece may.
FORBIDDEN="(src host 10.1.0.1 or src host 2001:db8:1::1) and not arp and not icmp and not icmp6
	and not (ip[6:2] = 0x2000 and udp dst port 6000)"

start_flows() { # numbered datagrams to another VM and to the target, a TCP connection to the target
	rm -f stop sink.* send.* echo.*
	for to in 2 4; do
		in_node "$([ $to = 2 ] && echo web || echo db)" "$STREAM" sink 5000 >sink.$to &
		wait_for 10 has sink.$to ready
		in_node good "$STREAM" send 10.1.0.$to 5000 1000 stop >send.$to &
	done
	in_node web "$PYTHON" "$TESTS/lib/echo.py" server $WEB 81 >echo.server &
	wait_for 10 has echo.server ready
	in_node good "$PYTHON" "$TESTS/lib/echo.py" client $WEB 81 stop >echo.client 2>&1 &
	wait_for 10 has echo.client connected
	wait_for 10 has send.2 "under way"
	wait_for 10 has send.4 "under way"
}
check_flows() {
	touch stop
	wait_for 30 has echo.client echoed || fail "$what: the connection: $(cat echo.client)"
	for to in 2 4; do
		wait_for 60 has sink.$to received
		wait_for 10 has send.$to ^sent # its last datagrams too, or the next sink hears them
		expect "$what: datagrams of an established flow to 10.1.0.$to lost" "$(word sink.$to lost)" 0
	done
}

# A datagram of the attacker's that may pass, and is heard.
marker_heard() {
	in_node evil "$PYTHON" -c "import socket; socket.socket(2, 2).sendto(b'marker', ('$WEB', 5000))"
	tcpdump -n -r heard 2>/dev/null | grep -q "10\.1\.0\.1\.[0-9]* > 10\.1\.0\.2\.5000:"
}

flooders=()
flood() { # VM CPU KIND PORT
	taskset -c $(($2 % $(nproc))) "$FLOOD" "$(node "$1")" "$(mac_of "$1")" "$(mac_of web)" $WEB 2001:db8:1::2 \
		"$4" "$3" "$SECONDS_EACH" >rate."$1" 2>&1 &
	flooders+=($!)
}

# What the datapath has taken of the attackers' frames: sent is not seen, a device's ring may be full.
seen() { "$DPULAB" show "$LAB" ports | awk '$5 ~ /^evil/ { n += $8 } END { printf "%.0f\n", n }'; }

# Frames a second that were seen, of one slice of the flood after the other, while all its senders are at work.
measure() {
	local frames now then
	then=$(date +%s%N)
	frames=$(seen)
	while sleep 2 && kill -0 "${flooders[@]}" 2>/dev/null; do
		now=$(date +%s%N)
		n=$(seen)
		kill -0 "${flooders[@]}" 2>/dev/null || break
		echo $(((n - frames) * 1000000000 / (now - then)))
		frames=$n
		then=$now
	done
}

# Of slices on stdin: their mean, and where 95 of 100 such means would be.
bar() { # NAME BOUND
	awk -v name="$1" -v bound="$2" '
		{ n++; sum += $1; squares += $1 * $1 }
		END {
			mean = sum / n; half = 2 * sqrt((squares - n * mean * mean) / (n - 1) / n)
			printf "BAR %s %.0f %.0f %.0f %.0f %s\n", name, mean, mean - half, mean + half, bound, (mean - half < bound ? "short" : "ok")
		}'
}

attack() { # KIND PORT HEARD: frames that the target may hear, 0, or else "some"
	what="$1 at $hook"
	start_flows
	rm -f heard listening
	in_node web tcpdump -i eth0 -n -w heard -U --immediate-mode "$FORBIDDEN" 2>listening &
	local listener=$!
	wait_for 10 has listening "listening on"
	local before measurer=
	before=$(seen)
	flooders=()
	rm -f rate.*
	flood evil 0 "$1" "$2"
	[ "$1" = syn ] && flood evil2 1 "$1" "$2"
	if [ "$SECONDS_EACH" -ge 20 ]; then
		measure >slices &
		measurer=$!
	fi
	opens $WEB "a new connection to the target"
	opens 10.1.0.4 "a new connection to another VM"
	expect "$what: fragmented datagrams between others" "$(probe good udp 10.1.0.4 6000 3000 20)" ok
	for flooder in "${flooders[@]}"; do
		wait "$flooder" || fail "$what: $(cat rate.*)"
	done
	before=$(($(seen) - before))
	[ -z "$measurer" ] || wait "$measurer"
	check_flows
	wait_for 20 marker_heard # all that came before it is in the file, however busy the machine is
	kill "$listener"
	wait "$listener"
	n=$(tcpdump -n -r heard 2>/dev/null | grep -vc '10\.1\.0\.1\.[0-9]* > 10\.1\.0\.2\.5000:')
	[ "$3" = 0 ] || [ "$n" = 0 ] || n=some
	expect "$what: frames from the attacker" "$n" "$3"
	echo "ok: $hook: $(cat rate.evil)"
	[ "$1" = syn ] || return
	echo "ok: $hook: $(cat rate.evil2); the datapath has seen $before of both"
	n=$(half_open web)
	[ "$n" -le $((100 + $(nproc))) ] || fail "$what: $n half-open connections of 100" # CPUs count beside each other
	[ -z "$measurer" ] || bar "syn-flood/$hook" $SYN_RATE <slices
}

for hook in tc xdp; do
	lab $hook
	fresh_lab
	serve web 80 -
	serve db 80 6000
	attack syn 80 0 # its senders are others
	for kind in first later overlap tiny chain; do attack $kind 6001 0; done
	attack chain 6000 some # what the policy allows is heard: the ear works
	unserve
done
