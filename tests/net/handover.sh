# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# 20 moves between host and dpu-mux, ten at each hook, both hosts at once, under a stream of 100,000
# numbered datagrams a second across the fabric, each beside an equal stream in
# a second lab that does not move. A move loses nothing that the control does
# not lose; a TCP connection lives through all moves; what conntrack knows is
# the same before and after, field by field. Fewer on emulated CPUs.
#
# handover_pmd.sh runs it with the poll-mode process in the DPU's place: THERE (frame path), NODE (where the
# connections are then), HOOKS, KEYS (of the hosts), PACE (of the stream, and on emulated CPUs).
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"

# shellcheck disable=SC2086
beside_control ${PACE:-100000}
moves=10
emulated && moves=4
THERE=${THERE:-dpu-mux} NODE=${NODE:-esx1-dpu} HOOKS=${HOOKS:-tc xdp} KEYS=${KEYS:-}
MOVES=${MOVES:-$moves} # at each hook

two_labs "$KEYS"

one_move() { "$DPULAB" place "$LAB" "$1" >moves.txt; }

# One move beside its control; sets lost and lost_control.
move_round() { # PATH PORT
	under_stream "$2" one_move "$1"
	echo "$1: lost $lost (control $lost_control), $(tail -n 1 "sink.$LAB")"
}

# A round in which the machine lost frames of the control as well says nothing, and is repeated.
moves_lose_nothing() { # HOOK
	local path=$THERE done=0 void=0
	run "$DPULAB" place "$LAB" host --hook "$1"
	run "$DPULAB" place "$CONTROL" host --hook "$1"
	while [ "$done" -lt "$MOVES" ]; do
		move_round "$path" $((5000 + done + void))
		[ "$path" = host ] && path=$THERE || path=host
		if [ "$lost" = 0 ]; then
			done=$((done + 1))
			continue
		fi
		if [ "$lost_control" = 0 ]; then
			"$DPULAB" show "$LAB" drops
			fail "$1: a move away from $path lost $lost frames, its control none"
		fi
		void=$((void + 1))
		[ "$void" -le "$MOVES" ] || fail "$1: $void rounds say nothing: machine too busy"
	done
	echo "$1: $done moves without loss, $void rounds repeated"
}

# Only those just in use: an older one may expire between two looks on a slow machine.
connections() { # NODE FILE [LIKE]: what must not change, sorted; LIKE: of the connections in that file
	"$DPULAB" show -j "$LAB" connections >all.json || fail "show connections"
	"$PYTHON" - "$@" <<'PY' >"$2"
import json, sys
KEY = ("vnic", "proto", "src_ip", "src_port", "dst_ip", "dst_port")
key = lambda c: [c.get(field) for field in KEY]
here = [c for c in json.load(open("all.json"))["connections"] if c["node"] == sys.argv[1]]
if len(sys.argv) > 3:
    wanted = [key(json.loads(line)) for line in open(sys.argv[3])]
    here = [c for c in here if key(c) in wanted]
else:
    here = [c for c in here if c["idle_s"] < 10 and c["state"] != "expired"]
for c in here:
    for volatile in ("node", "idle_s"):
        del c[volatile]
print("\n".join(sorted(json.dumps(c, sort_keys=True) for c in here)))
PY
}

start_tcp() {
	in_lab "$LAB" web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 5900 >server.out 2>&1 &
	wait_for 10 has server.out ready
	in_lab "$LAB" web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 5900 tcp.stop >client.out 2>&1 &
	TCP_CLIENT=$!
	wait_for 10 has client.out connected
}

start_tcp
for hook in $HOOKS; do
	moves_lose_nothing "$hook"
done
touch tcp.stop
wait "$TCP_CLIENT" || fail "the TCP connection broke: $(cat client.out)"
grep echoed client.out || fail "the TCP client said nothing"

# With nothing on the wire any more, a move must carry every field as it is (counters.sh: under traffic, too).
run "$DPULAB" place "$LAB" host
connections esx1 before
grep -q src_ip before || fail "no connections to compare"
run "$DPULAB" place "$LAB" "$THERE"
connections "$NODE" there before
run "$DPULAB" place "$LAB" host
connections esx1 after before
diff before there >&2 || fail "host to $THERE changed conntrack entries"
diff before after >&2 || fail "$THERE to host changed conntrack entries"
books_balance "$LAB"
echo "$(wc -l <before) connections equal at host, $THERE and host again"
