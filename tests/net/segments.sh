#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Segments are islands: nothing passes from one to another, whatever the frame,
# on one host or across the wire, VNI or VLAN, at both hooks. Inside a segment
# MACs are learnt, move, age, and floods have a limit. Judged by the frames that
# VMs hear.
. "$TESTS/lib/net.sh"
need "$PYTHON" ping

STORM=200
lab() { # PATH HOOK
	write_lab <<-YAML
		lab: x
		placement: $1
		hook: $2
		mac-ageing: 4
		storm-limit: $STORM
		hosts:
		  ha: {}
		  hb: {}
		port-groups:
		  red: {vni: 5001}
		  blue: {vni: 5002}
		  green: {vlan: 20}
		  gold: {vlan: 30}
		vms:
		  red1: {host: ha, port-group: red, ip: 10.1.0.1/24}
		  red2: {host: ha, port-group: red, ip: 10.1.0.2/24}
		  red3: {host: hb, port-group: red, ip: 10.1.0.3/24}
		  blue1: {host: ha, port-group: blue, ip: 10.1.0.11/24}
		  blue3: {host: hb, port-group: blue, ip: 10.1.0.13/24}
		  green1: {host: ha, port-group: green, ip: 10.1.0.21/24}
		  green3: {host: hb, port-group: green, ip: 10.1.0.23/24}
		  gold1: {host: ha, port-group: gold, ip: 10.1.0.31/24}
		  gold3: {host: hb, port-group: gold, ip: 10.1.0.33/24}
	YAML
}
ALL="red1 red2 red3 blue1 blue3 green1 green3 gold1 gold3"
BROADCAST=ff:ff:ff:ff:ff:ff
GROUP=01:00:5e:00:00:fb
NOBODY=02:de:ad:00:00:01

# VMs of one segment hear a broadcast, a multicast and a frame to nobody; no other VM hears any.
# Nobody outside hears a frame to its own address either.
only_in() { # SENDER HEARERS
	local vm kind want strays=()
	for vm in $ALL; do
		[[ " $1 $2 " == *" $vm "* ]] || strays+=("${mac[$vm]}=stray-$vm")
	done
	hear $ALL
	probe "$1" send eth0 "${mac[$1]}" 5 $BROADCAST=broadcast $GROUP=multicast $NOBODY=unknown "${strays[@]}"
	stop_hearing
	for vm in $ALL; do
		want=0
		[[ " $2 " == *" $vm "* ]] && want=5
		for kind in broadcast multicast unknown; do
			expect "$what: $kind of $1 at $vm" "$(heard "$vm" $kind)" $want
		done
		expect "$what: frames of $1 to the address of $vm" "$(heard "$vm" "stray-$vm")" 0
	done
}

# Not even IP with the right address in hand: the neighbour is told, so that no ARP is needed.
no_way() { # FROM TO ADDRESS
	in_node "$1" ip neigh replace "$3" lladdr "${mac[$2]}" dev eth0 nud permanent
	in_node "$1" ping -q -c 1 -W 0.3 "$3" >/dev/null && fail "$what: $1 reached $2"
}

tell() { # VM MAC: the VM sends a broadcast from that address
	probe "$1" send eth0 "$2" 1 $BROADCAST=here
}

goes_to() { # MAC WHERE: frames of red1 to that address reach red2 or red3 or both
	hear red2 red3
	probe red1 send eth0 "${mac[red1]}" 5 "$1=to"
	stop_hearing
	[ "$(heard red2 to) $(heard red3 to)" = "$2" ]
}

told() { # VM MAC WHERE
	tell "$1" "$2"
	goes_to "$2" "$3"
}

# A MAC is where it was last heard; frames to it go there only: once what is on its way has come through.
moves() {
	local one=02:aa:00:00:00:01
	wait_for 5 told red2 $one "5 0"
	wait_for 5 told red3 $one "0 5" # across the wire
	wait_for 5 told red2 $one "5 0" # and back
}

# After 4 s of silence it is unknown again, so that both hear it.
ages() {
	wait_for 5 told red2 02:aa:00:00:00:02 "5 0"
	wait_for 20 goes_to 02:aa:00:00:00:02 "5 5"
}

# Far more floods than the limit in well under a second: a second's worth and a burst pass at most.
storm() {
	local n
	hear red2 red3
	probe red1 send eth0 "${mac[red1]}" 5000 $BROADCAST=storm
	stop_hearing
	n=$(heard red2 storm)
	if [ "$n" -lt 10 ] || [ "$n" -gt $((STORM * 4)) ]; then
		fail "$what: $n of 5000 floods heard with a limit of $STORM per second"
	fi
	expect "$what: floods at the other host" "$(heard red3 storm)" "$n"
}

declare -A mac
vlans() {
	only_in green3 "green1"
	only_in gold1 "gold3"
	no_way green1 gold1 10.1.0.31
	no_way green1 gold3 10.1.0.33
	no_way blue3 green1 10.1.0.21
}

for combination in "host tc" "host xdp" "pmd xdp" "linux tc"; do
	read -r path hook <<<"$combination"
	what="$path at $hook"
	lab "$path" "$hook"
	fresh_lab
	for vm in $ALL; do mac[$vm]=$(mac_of "$vm"); done
	only_in red1 "red2 red3"
	only_in red3 "red1 red2"
	only_in blue1 "blue3"
	no_way red1 blue1 10.1.0.11
	no_way red1 blue3 10.1.0.13
	if [ "$path" != linux ] || vlan_devices; then vlans; fi
	moves
	ages
	storm
	echo "ok: $what"
done
