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
export DPULAB=${DPULAB:-$PWD/build/dpulab} TESTS=$PWD/tests LAB_PREFIX=bl
STREAM=$PWD/build/tests/net/stream
cd "$(mktemp -d)" || exit 1
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
at_exit "rm -r $PWD"
PLAIN=${LAB}p
at_exit "remove_lab $PLAIN"

PAIRS=${1:-20}
DELAY_US=10
PPS=200000
SLICE=0.5 # seconds
result=0

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

# Round trip in us, the median of many that follow each other at once.
round_trip() { in_lab "$1" web1 "$PYTHON" "$TESTS/lib/spinping.py" 10.1.0.13 500; } # LAB

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

# bar NAME BOUND most|least: of the numbers in `pairs`.
bar() {
	"$PYTHON" - "$@" <<'PY' || result=3
import math, sys
name, bound, most = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "most"
values = sorted(map(float, open("pairs")))
n = len(values)
# ranks of a binomial interval around the median
rank, tail = 0, 0.0
while tail + math.comb(n, rank) / 2 ** n <= 0.025:
    tail += math.comb(n, rank) / 2 ** n
    rank += 1
low, high = values[max(rank - 1, 0)], values[min(n - rank, n - 1)]
median = (values[n // 2] + values[(n - 1) // 2]) / 2
ok = high <= bound if most else low >= bound
print("BAR %s %.3f %.3f %.3f %.2f %s" % (name, median, low, high, bound, "ok" if ok else "short"))
sys.exit(not ok)
PY
}

echo "kernel $(uname -r), $(nproc) CPUs, load $(cut -d ' ' -f 1 /proc/loadavg)"
for hook in xdp tc; do
	lab "$PLAIN" $hook true
	lab "$LAB" $hook "{link: {delay: ${DELAY_US}us}}"
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
