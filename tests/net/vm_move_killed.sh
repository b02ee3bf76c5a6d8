# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# kill -9 of `move` after an operation that changes the kernel: the next up or apply builds the VM at one of the two
# hosts, where it reaches, and is reached by, the others. SAMPLES positions on each path (default 4), half as
# many where functions are on both sides.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

SAMPLES=${SAMPLES:-4}
emulated && SAMPLES=2

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml
reaches() { in_node "$1" ping -q -c 1 -W 2 "$2"; }
quietly() { "$@" >log 2>&1 || fail "$* ended with $?: $(cat log)"; }

where() { # prints the host of web1, as dpulab says
	"$DPULAB" ls -j "$LAB" >nodes.json || fail "ls"
	"$PYTHON" -c 'import json; print([n["host"] for n in json.load(open("nodes.json"))["nodes"] if n["node"] == "web1"][0])'
}

go_home() { [ "$(where)" = esx1 ] || quietly "$DPULAB" move "$LAB" web1 esx1; }

killed_at() { # OPERATION
	local status
	DPULAB_CRASH_AFTER=$1 "$DPULAB" move "$LAB" web1 esx2 >killed 2>&1
	status=$?
	[ "$status" = 137 ] || [ "$status" = 0 ] || fail "move, to be killed after operation $1, ended with $status: $(cat killed)"
	[ "$status" = 0 ] && unhurt=$((unhurt + 1))
	if [ $((turn++ % 2)) = 0 ]; then quietly "$DPULAB" up lab.yaml; else quietly "$DPULAB" apply lab.yaml; fi
	wait_for 10 reaches web1 10.1.0.12
	wait_for 10 reaches web1 10.1.0.13
	wait_for 10 reaches web3 10.1.0.11
	"$DPULAB" apply lab.yaml >applied || fail "apply after the repair"
	grep -q 'changes: none' applied || fail "after operation $1 apply finds something to change: $(cat applied)"
}

turn=0 unhurt=0
for path in dpu-mux dpu-upt host-dfw dpu-vxlan; do
	samples=$SAMPLES
	[[ $path = dpu-[mu]* ]] || samples=$(((SAMPLES + 1) / 2))
	run "$DPULAB" place "$LAB" "$path"
	rm -f ops
	DPULAB_COUNT_OPS=$PWD/ops quietly "$DPULAB" move "$LAB" web1 esx2
	go_home
	count=$(cat ops)
	for ((i = 0; i < samples; i++)); do
		killed_at $((count * (2 * i + 1) / (2 * samples))) 2>/dev/null # bash tells of every kill
		quietly "$DPULAB" place "$LAB" "$path"
		go_home
	done
	echo "$path: killed at $samples of $count operations"
done
[ $((unhurt * 2)) -le "$turn" ] || fail "$unhurt of $turn moves were not killed"
