#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Emulated devices in a running lab, configured beside measured: capacity exact, insertion and connection rate
# within 5 %, fallback above a documented rate and resumption below it, slow cores within 5 %, a policy
# change that reaches offloaded flows.
. "$TESTS/lib/net.sh"
need python3

cat >small.yaml <<'YAML'
profile: small
flow-table:
  capacity: {value: 64, source: this test, confidence: defined}
  entry: {value: connection, source: this test, confidence: defined}
  when-full: {value: software, source: this test, confidence: defined}
YAML
cat >slow.yaml <<'YAML'
profile: slow
flow-table: {connection-rate: {value: 300, source: this test, confidence: defined}}
actions: {tcp: {value: no, source: this test, confidence: defined}}
arm: {slowdown: {value: 3, source: this test, confidence: defined}}
YAML
write_lab <<'YAML'
lab: x
placement: dpu-mux
hosts:
  h1: {dpu: {profile: small.yaml}}
  h2: {dpu: {profile: palo-alto-ito, scale: 100, accept-loss: true}}
  h3: {dpu: {profile: slow.yaml}}
port-groups:
  web: {vni: 5001}
vms:
  a: {host: h1, port-group: web, ip: 10.1.0.11/24}
  b: {host: h1, port-group: web, ip: 10.1.0.12/24}
  c: {host: h2, port-group: web, ip: 10.1.0.13/24}
  d: {host: h2, port-group: web, ip: 10.1.0.14/24}
  e: {host: h3, port-group: web, ip: 10.1.0.15/24}
  f: {host: h3, port-group: web, ip: 10.1.0.16/24}
firewall:
  default: allow
YAML

# figures HOST FIGURE...: "SECONDS VALUE..." of show offload, SECONDS when they were read
figures() {
	"$DPULAB" show "$LAB" offload -j -q -H "$1" | "$PYTHON" -c 'import json,sys
rows={r["figure"]: r["value"] for r in json.load(sys.stdin)["offload"]}
print(rows["read at"], *(rows.get(f, 0) for f in sys.argv[1:]))' "${@:2}"
}
figure() { figures "$1" "$2" | cut -d " " -f 2; }
flows() { in_node "$1" "$PYTHON" "$TESTS/lib/flows.py" "${@:2}"; } # NODE WORDS...
near() { # WHAT GOT WANT: within 5 %
	echo "$1: $2, configured $3"
	"$PYTHON" -c 'import sys; g, w = map(float, sys.argv[1:]); sys.exit(abs(g / w - 1) > 0.05)' "$2" "$3" ||
		fail "$1: $2 is not within 5 % of $3"
}
fresh_lab

# ---- capacity
run flows a udp 10.1.0.12 20000 500 100000
expect "flows in a table of 64 connections" "$(figure h1 flows)" 128
expect "its high-water mark" "$(figure h1 high-water)" 128
expect "frames that found it full" "$(figure h1 "software: table-full")" 372
shown=$("$DPULAB" show "$LAB" offload -H h1 2>&1)
grep -q "is nearly full: 128 of 128 flows" <<<"$shown" || fail "no warning that the table is full: $shown"
grep -q "talker: 10.1.0.11 *128" <<<"$shown" || fail "the address with most flows is not named: $shown"
grep -q "creator: a " <<<"$shown" || fail "the creator of the flows is not named"
expect "connections that say so" "$("$DPULAB" show "$LAB" connections -j -H h1 | grep -c '"offload": *"table-full"')" 744
run flows a again 10.1.0.12 20000 500 1
expect "flows after the same again" "$(figure h1 flows)" 128

# ---- rates
inserted_at_least() { [ "$(figure "$1" inserted)" -ge "$2" ]; } # HOST N

# Above the rate never; below it only if the sender was kept from sending for longer than the slack of 50 ms. That the
# rate is exact on a clock of its own is tests/prog/test_rates.c.
measure_rate() { # NODE DST HOST CONFIGURED OFFERED FIRST_PORT WHAT
	local node=$1 dst=$2 host=$3 limit=$4 offered=$5 first=$6 what=$7
	local start before after rate sender
	for _ in 1 2 3; do
		start=$(figure "$host" inserted)
		flows "$node" udp "$dst" "$first" $((offered * 7)) "$offered" >worst &
		sender=$!
		# the slack is used up by then
		wait_for 30 inserted_at_least "$host" $((start + limit))
		read -r -a before < <(figures "$host" inserted)
		wait_for 30 inserted_at_least "$host" $((start + 4 * limit))
		read -r -a after < <(figures "$host" inserted)
		wait "$sender"
		rate=$("$PYTHON" -c 'import sys; t, i, u, j = map(float, sys.argv[1:]); print((j - i) / (u - t))' \
			"${before[0]}" "${before[1]}" "${after[0]}" "${after[1]}")
		[ "$(<worst)" -lt 40 ] && break
		first=$((first + 10000))
	done
	if [ "$(<worst)" -lt 40 ]; then
		near "$what" "$rate" "$limit"
	else
		echo "$what: $rate, configured $limit; the sender stood still for $(<worst) ms: only the upper bound counts"
		"$PYTHON" -c 'import sys; g, w = map(float, sys.argv[1:]); sys.exit(g > 1.05 * w)' "$rate" "$limit" ||
			fail "$what: $rate is more than 5 % above $limit"
	fi
}
measure_rate c 10.1.0.14 h2 140 420 20000 "insertions/s (7,000 updates of two flows, at 1/100)"
refused=$(figure h2 "software: insertion-rate")
[ "$refused" -gt 100 ] || fail "only $refused frames of flows above the rate stayed in software"

# ---- below the rate the same flows are offloaded
in_software() { # of the flows from ports 20000 to 20099, a name for each kind
	"$DPULAB" show "$LAB" connections -j -H h2 | "$PYTHON" -c 'import json,sys
print(*sorted({c["offload"] for c in json.load(sys.stdin)["connections"] if 20000 <= c["src_port"] < 20100}))'
}
all_offloaded() { flows c udp 10.1.0.14 20000 100 100 && [ "$(in_software)" = offloaded ]; }
expect "where the flows are above the rate" "$(in_software)" "insertion-rate offloaded"
wait_for 30 all_offloaded
[ "$(figure h2 resumed)" -gt 0 ] || fail "no flow was offloaded after it had been refused"
measure_rate e 10.1.0.16 h3 300 1000 20000 "connections/s"
ratio=$(figure h3 "arm slowdown achieved, %")
near "slowdown, % of the factor" "$ratio" 100
shown=$("$DPULAB" show "$LAB" offload -H h3)
grep -q "arm ns/frame, raw" <<<"$shown" && grep -q "emulated: 3.00 times" <<<"$shown" || fail "raw and emulated time are not both labelled"

# ---- a GSO frame stands for its segments: TCP stays on the cores of this device
serve f 5001 -
run probe e tcp 10.1.0.16 5001 3000000
read -r _ frames segments raw emulated < <(figures h3 "arm frames" "arm segments" "arm ns/frame, raw" "arm ns/frame, emulated")
[ "$segments" -gt $((frames + 1000)) ] || fail "3 MB of TCP in GSO frames came as $segments segments in $frames frames"
[ "$emulated" -gt $((3 * raw)) ] || fail "segments were not slowed: $raw ns became $emulated"
expect "TCP in the table" "$("$DPULAB" show "$LAB" flows -j -H h3 | grep -c '"proto": "tcp"')" 0

# ---- back and forth: what no connection stands behind makes room
run "$DPULAB" place "$LAB" host -H h1
run "$DPULAB" place "$LAB" dpu-mux -H h1
run flows a udp 10.1.0.12 30000 3000 100000
expect "flows in a table of 64 connections, after two moves" "$(figure h1 flows)" 128
fresh=$("$DPULAB" show "$LAB" flows -j -H h1 | "$PYTHON" -c 'import json,sys
print(sum(f["src_port"] >= 30000 for f in json.load(sys.stdin)["flows"]))')
expect "of them from after the moves" "$fresh" 128

# ---- a policy change reaches flows that are offloaded
sed 's/default: allow/default: allow\n  rules: [{protocol: udp, port: 9, action: drop, apply-to: any}]/' lab.yaml >closed.yaml
run "$DPULAB" apply closed.yaml
run flows a again 10.1.0.12 30000 128 1
refused=$("$DPULAB" show "$LAB" drops -j -H h1 | "$PYTHON" -c 'import json,sys
print(sum(d["frames"] for d in json.load(sys.stdin)["drops"] if d["reason"] == "dfw-rule"))')
expect "frames of flows that were there, refused by the new rule" "$refused" 128
