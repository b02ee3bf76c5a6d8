#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The emulated PCIe link at a delay of 10 us: by how much a crossing is off (configured beside measured, at most 2 us), and what
# the delay costs of 200,000 datagrams a second (at most 5 %), at both hooks. Two labs that differ in the link alone, in turn; the
# median over pairs and the interval around it that holds it with 95 % (by order statistics).
#
#   tests/bench/link.sh [PAIRS]
#
# BAR name value low high bound ok|short; exit status 3 if one is short.
cd "$(dirname "$0")/../.." || exit 1
LAB_PREFIX=bl
. tests/lib/bars.sh
. "$TESTS/lib/moves.sh"
STREAM=$TOOLS/stream

PAIRS=${1:-20}
DELAY_US=10
PERIOD_US=40 # from echo to echo: above the slower round trip, and the process that plays the link stays awake
PPS=200000
LINK_CPU=$(($(nproc) - 1)) # a CPU that both use, the process and who waits spinning for an answer, would be had by one
SLICE=0.5 # seconds

lab() { # NAME HOOK DPU
	cat >"$1.yaml" <<-YAML
		lab: $1
		hook: $2
		placement: dpu-mux
		hosts:
		  esx1: {dpu: $3}
		  esx2: {dpu: true}
		port-groups:
		  web: {vni: 5001}
		vms:
		  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24}
		  web3: {host: esx2, port-group: web, ip: 10.1.0.13/24}
	YAML
	"$DPULAB" up -q "$1.yaml" >/dev/null || fail "up $1"
	wait_for 20 in_lab "$1" web1 ping -q -c 1 -W 2 10.1.0.13
}

# Round trip in us, the median of many. Both links get them at the same rate: a way that was gone 30 us ago takes twice as long as one
# that was gone just now, whatever is on it.
round_trip() { in_lab "$1" web1 taskset -c 0 "$PYTHON" "$TESTS/lib/spinping.py" 10.1.0.13 500 $PERIOD_US; } # LAB

# Datagrams that arrived of those offered for so long.
taken() { # LAB
	local sink
	rm -f stop ready
	in_lab "$1" web3 "$STREAM" sink 5300 >"sink.$1" &
	sink=$!
	wait_for 10 grep -q ready "sink.$1"
	in_lab "$1" web1 "$STREAM" send 10.1.0.13 5300 $PPS stop >"send.$1" &
	wait_for 10 grep -q 'under way' "send.$1"
	sleep $SLICE
	touch stop
	wait "$!" "$sink"
	sed -n 's/^received \([0-9]*\) .*/\1/p' "sink.$1"
}

for hook in xdp tc; do
	lab "$PLAIN" $hook true
	lab "$LAB" $hook "{link: {delay: ${DELAY_US}us}}, link-cpus: $LINK_CPU"
	: >pairs
	for ((i = 0; i < PAIRS; i++)); do
		plain=$(round_trip "$PLAIN")
		slow=$(round_trip "$LAB")
		awk "BEGIN {d = ($slow - $plain) / 2 - $DELAY_US; print d < 0 ? -d : d}" >>pairs
		[ $i != 0 ] || echo "$hook: round trip $plain us, with the link $slow us: configured $DELAY_US us each way, measured $(awk "BEGIN {print ($slow - $plain) / 2}") us"
	done
	bar "link-10us-off-$hook" 2 most
	: >pairs
	for ((i = 0; i < PAIRS; i++)); do
		plain=$(taken "$PLAIN")
		slow=$(taken "$LAB")
		awk "BEGIN {print $slow / $plain}" >>pairs
		[ $i != 0 ] || echo "$hook: $plain datagrams taken, with the link $slow"
	done
	bar "link-200kpps/plain-$hook" 0.95 least
	"$DPULAB" show "$LAB" link | sed -n '1p; /emulated/p'
	remove_lab "$LAB" >/dev/null
	remove_lab "$PLAIN" >/dev/null
done
exit $result
