# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Moving a VM's vNIC into the DPU (dpu-upt) and back blacks it out for at most
# 100 ms as its own 2 ms ping sees it, with each hook, and leaves its TCP
# connection alone. The move waits for the kernel's one rtnl lock, so whoever else
# configures networks on the machine may add to it: each direction has one more try.
# Emulated CPUs prove that the ping and the connection come back, not when.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

LIMIT_MS=100
TRIES=2
MOVES=${MOVES:-1} # each way with each hook
INTERVAL=0.002
emulated && INTERVAL=0.02

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml
run "$DPULAB" place "$LAB" dpu-mux

# Longest time without an answer in a ping's output, in ms.
longest_gap() { # FILE
	awk -F'[][]' '/bytes from/ {if (last && $2 - last > gap) gap = $2 - last; last = $2}
		END {printf "%d\n", gap * 1000 + 0.5}' "$1"
}

answers() { [ "$(grep -c 'bytes from' "$1")" -ge "$2" ]; }

start_ping() { # NODE ADDRESS FILE
	# nsenter becomes the ping: it is what is killed, so that no two write to one file
	nsenter --net="/run/netns/$LAB-$1" -- ping -D -i "$INTERVAL" -W 1 "$2" >"$3" 2>&1 &
	PING=$!
	wait_for 10 answers "$3" 20
}

# web1 pings web3 while esx1's vNICs move; sets gap.
move_under_ping() { # PATH HOOK
	local seen
	start_ping web1 10.1.0.13 moved.ping
	"$DPULAB" place "$LAB" "$1" --host esx1 --hook "$2" || fail "place $1: exit status $?"
	seen=$(grep -c 'bytes from' moved.ping)
	wait_for 10 answers moved.ping $((seen + 20))
	kill "$PING"
	wait "$PING" 2>/dev/null
	gap=$(longest_gap moved.ping)
	echo "$1 by $2: longest silence $gap ms"
}

blackout_is_short() { # PATH BACK HOOK
	local try
	for ((try = 0; try < TRIES; try++)); do
		move_under_ping "$1" "$3"
		[ "$gap" -le "$LIMIT_MS" ] && return
		emulated && return
		run "$DPULAB" place "$LAB" "$2" --host esx1 --hook "$3"
	done
	fail "$1 by $3: silent for more than $LIMIT_MS ms, twice"
}

has() { grep -q "$2" "$1"; }
in_node web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 5900 >server.out 2>&1 &
wait_for 10 has server.out ready
in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 5900 tcp.stop >client.out 2>&1 &
client=$!
wait_for 10 has client.out connected

for hook in tc xdp; do
	run "$DPULAB" place "$LAB" dpu-mux --hook "$hook"
	for ((i = 0; i < MOVES; i++)); do
		blackout_is_short dpu-upt dpu-mux "$hook"
		in_node esx1-dpu ip link show web1 >/dev/null || fail "web1's vNIC is not in the DPU"
		blackout_is_short dpu-mux dpu-upt "$hook"
	done
done

touch tcp.stop
wait "$client" || fail "the TCP connection broke: $(cat client.out)"
cat client.out
