# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# host <-> dpu-mux with 16,384 live connections and 200,000 frames a second across the fabric, at xdp: every frame arrives for which a
# ring had room, a TCP connection lives on, no connection is opened anew, and no more frames take the slow path in a move than there are
# flows to be recorded again at both ends of it. FLOWS (a power of two), PPS, MOVES: other sizes.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"
. "$TESTS/lib/paced.sh"
need taskset
emulated && skip "a load that an emulated CPU does not carry"

FLOWS=${FLOWS:-16384} PPS=${PPS:-200000} MOVES=${MOVES:-4} WIRES=yes

write_move_lab lab.yaml "$LAB" ', hook: xdp'
sed -i 's/^  web3: .*/&\n  web4: {host: esx2, port-group: web, ip: 10.1.0.14\/24}/' lab.yaml
sed -i 's/port: 5000-5999/port: 5000-5999, apply-to: any/' lab.yaml
echo 'tables: {flows: 65536}' >>lab.yaml # else they take each other's places
run "$DPULAB" up lab.yaml
wait_for 10 in_node web1 ping -q -c 1 -W 1 10.1.0.13

full() { no_room "$LAB" web1 web3 esx1 esx2 esx1-dpu esx2-dpu fabric; }
figures() { # of `show stats`, all locations: frames that took the slow path, flows recorded, connections opened
	"$DPULAB" show -j "$LAB" stats >stats.json || fail "show stats"
	json stats.json "'%d %d %d' % tuple(sum(f(r) for r in d['stats']) for f in (
		lambda r: r['runs'] - r['flow_hits'] - r['relayed'], lambda r: r['flow_inserts'], lambda r: r['ct_inserts']))"
}

# All on one CPU: what one of two CPUs keeps waiting in a ring that the other fills is the machine's doing, not the move's.
in_node web4 taskset -c 0 python3 "$TESTS/lib/echo.py" server 10.1.0.14 5900 >server.out 2>&1 &
wait_for 10 has server.out ready
in_node web2 taskset -c 0 python3 "$TESTS/lib/echo.py" client 10.1.0.14 5900 tcp.stop >client.out 2>&1 &
client=$!
wait_for 10 has client.out connected

before_full=$(full)
taskset -c 0 "$PACED" "$LAB" web1 web3 "$PPS" ready stop "$FLOWS" >"paced.$LAB" &
wait_for 30 test -e ready
known() { figures >now && [ "$(cut -d ' ' -f 3 now)" -ge $((2 * FLOWS)) ]; } # at both ends
wait_for 30 known
settled() { # every flow is recorded: some thousand frames later no more are than before
	local before now
	before=$(figures)
	sleep 0.2
	now=$(figures)
	[ "${before#* }" = "${now#* }" ]
}
wait_for 30 settled

for ((i = 0; i < MOVES; i++)); do
	path=$([ $((i % 2)) = 0 ] && echo dpu-mux || echo host)
	read -r slow inserts opened <<<"$(figures)"
	"$DPULAB" place -j "$LAB" "$path" >moves.json || fail "place $path: $(cat moves.json)"
	read -r slow_now inserts_now opened_now <<<"$(figures)"
	echo "to $path: connections $(json moves.json "[m['connections'] for m in d['moves']]"), steered in" \
		"$(json moves.json "[m['steer_us'] for m in d['moves']]") us, slow path $((slow_now - slow)), flows recorded" \
		"$((inserts_now - inserts)), connections opened $((opened_now - opened))"
	expect "to $path: all connections are handed over" "$(json moves.json "all(m['connections'] >= $FLOWS for m in d['moves'])")" True
	[ $((opened_now - opened)) -le 20 ] || fail "to $path: connections were opened anew"
	[ $((slow_now - slow)) -le $((2 * FLOWS + FLOWS / 10)) ] || fail "to $path: a storm on the slow path"
done
touch stop tcp.stop
wait "$client" || fail "the TCP connection broke: $(cat client.out)"
wait_for 60 has "paced.$LAB" pps
lost=$(($(full) - before_full))
echo "$(said "paced.$LAB" pps) frames a second of $FLOWS flows: $(missing "$LAB") of $(said "paced.$LAB" sent) did not arrive, for $lost there was no room"
[ "$(missing "$LAB")" -le $lost ] || "$DPULAB" show "$LAB" drops
[ "$(missing "$LAB")" -le $lost ] || fail "frames were lost that no ring was too full for"
