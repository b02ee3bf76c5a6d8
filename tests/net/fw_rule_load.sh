#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rules are put in and taken out one at a time, among 2,000, while frames are forwarded as fast as the machine can:
# flows that every version of the policy allows lose no frame, and no frame passes that every version denies, though
# which rule decides changes all the time. What a rule opens is open when `fw add` returns, and closed after `fw delete`.
. "$TESTS/lib/net.sh"
CIRCULATE=$TESTS/../${BUILD:-build}/tests/net/circulate
[ -x "$CIRCULATE" ] || skip "needs $CIRCULATE (make tests)"
kernel_at_least 5.18 || skip "frames without socket buffers need Linux 5.18"
need "$PYTHON"
CHANGES=48
emulated && CHANGES=12

{
	cat <<-YAML
		lab: x
		hook: xdp
		hosts: {h: {}}
		port-groups: {g: {vni: 7}}
		vms:
		  a: {host: h, port-group: g, ip: 10.1.0.1/24}
		  b: {host: h, port-group: g, ip: 10.1.0.2/24}
		  c: {host: h, port-group: g, ip: 10.1.0.3/24}
		  d: {host: h, port-group: g, ip: 10.1.0.4/24}
		  e: {host: h, port-group: g, ip: 10.1.0.5/24}
		firewall:
		  default: drop
		  rules:
		    - {id: 1, name: circle, from: [a, b], to: [a, b], protocol: udp, action: allow}
		    - {id: 2, name: refused, to: c, action: drop}
		    - {id: 3, protocol: icmp, action: allow}
	YAML
	for ((i = 0; i < 2000; i++)); do
		echo "    - {id: $((10 + i)), from: 10.$((2 + i % 200)).$((i / 200)).0/24, protocol: tcp, port: $((1000 + i)), action: allow}"
	done
} | write_lab
fresh_lab
serve d 7000 7000
for end in b c; do # so that their places are known, and nothing is flooded
	wait_for 10 in_node "$end" ping -c 1 -W 1 10.1.0.1
done

"$CIRCULATE" "$LAB" a b e c ready stop >counts 2>errors &
circulate=$!
at_exit "kill $circulate"
wait_for 30 test -e ready

fw() { "$DPULAB" fw -j "$@" >fw.json || fail "fw $*: $(cat fw.json)"; }
rule_of() { "$PYTHON" -c 'import json; d = json.load(open("fw.json")); print(d["rule"]); print(d["compiled"], d["total_ms"], file=open("times", "a"))'; }
sees() { expect "port 7000 in round $i" "$(probe b outcome tcp 10.1.0.4 7000)" "7000 $1"; }
# Each round: another rule for what circulates, another for what is refused, one that comes too late, and a door.
for ((i = 0; i < CHANGES / 6; i++)); do
	fw add "$LAB" "{from: a, to: b, protocol: udp, port: $((5000 + i))-5300, action: allow}" --before 1
	one=$(rule_of)
	fw add "$LAB" "{from: e, to: [c, 10.9.0.0/16], protocol: udp, action: $([ $((i % 2)) = 0 ] && echo reject || echo drop)}" --before "$((1 + i % 2))"
	two=$(rule_of)
	fw add "$LAB" '{protocol: udp, to: [a, b], action: drop}' --after 2
	three=$(rule_of)
	fw add "$LAB" '{from: b, to: d, protocol: tcp, port: 7000, action: allow}' --after "$((10 + 97 * i))"
	four=$(rule_of)
	[ $((i % 5)) != 0 ] || sees open
	for rule in $three $one $four $two; do
		fw delete "$LAB" "$rule"
	done
	[ $((i % 5)) != 0 ] || sees timeout
done
touch stop
wait "$circulate" || fail "circulate: $(cat errors)"
cat counts
sort -n -k 3 times | awk '{ t[NR] = $3 } END { printf "fw add under load: median %.2f ms, worst %.2f ms\n", t[int((NR + 1) / 2)], t[NR] }'
count() { awk -v key="$1" '$1 == key { print $2 }' counts; }
expect "flows that have lost no frame" "$(count returned)" "$(count flows)"
expect "frames that passed though denied" "$(count passed)" 0
[ "$(count arrived)" -gt 100000 ] || fail "only $(count arrived) frames went round"
[ "$(count refused)" -gt 100000 ] || fail "only $(count refused) frames were refused"
! grep -qv "^this rule" times || fail "all rules were compiled anew: $(grep -v "^this rule" times)"
