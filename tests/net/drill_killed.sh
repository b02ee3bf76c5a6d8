# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# kill -9 of dpulab in the middle of a drill, after an operation that changes the kernel (DPULAB_CRASH_AFTER): the next
# up, apply or drill makes the lab what it was before, where `place` had put it, and new connections come about.
# SAMPLES positions of each drill (default 3, so that each of the three has its turn).
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

SAMPLES=${SAMPLES:-3}
emulated && SAMPLES=1

# PATH DRILL
cat >rows <<'ROWS'
dpu-mux dpu-crash
dpu-mux dpu-hang
dpu-mux table-full
dpu-mux agent-kill
host-dfw dpu-reboot
dpu-vxlan dpu-crash
dpu-vxlan pcie-freeze
dpu-upt dpu-reboot
dpu-upt pcie-freeze
linux   uplink-down
ROWS

write_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
serve web2 5500 -
serve web3 5500 -

turn=0
recover() { # WHERE
	case $((turn++ % 3)) in
	0) "$DPULAB" up lab.yaml >recovery 2>&1 || fail "$1: up: $(cat recovery)" ;;
	1) "$DPULAB" apply lab.yaml >recovery 2>&1 || fail "$1: apply: $(cat recovery)" ;;
	2)
		"$DPULAB" drill "$LAB" uplink-down --for "$FAULT_MS" >recovery 2>&1 || fail "$1: drill: $(cat recovery)"
		grep -q "was repaired first" recovery || fail "$1: the drill does not say that it has repaired: $(cat recovery)"
		;;
	esac
}

# Only what has been begun can be repaired: positions lie behind the record that a drill makes first.
killed_at() { # PATH DRILL OPERATION
	local status
	DPULAB_CRASH_AFTER=$3 "$DPULAB" drill "$LAB" "$2" --host esx1 --for "$FAULT_MS" >killed 2>&1
	status=$?
	[ "$status" = 137 ] || fail "$1 $2, to be killed after operation $3, ended with $status: $(cat killed)"
	[ ! -e "/run/dpulab/$LAB/ready" ] || fail "$1 $2, killed after operation $3, has broken nothing"
	recover "$1 $2, killed after operation $3"
	lab_as_before "$1 $2, killed after operation $3"
	lab_works
}

begun=
while read -r path what; do
	if [ "$begun" != "$path" ]; then
		run "$DPULAB" place "$LAB" "$path" --hook tc
		begun=$path
		picture "$path" >before
	fi
	rm -f ops
	DPULAB_COUNT_OPS=$PWD/ops "$DPULAB" drill "$LAB" "$what" --host esx1 --for "$FAULT_MS" >whole 2>&1 ||
		fail "$path $what: $(cat whole)"
	count=$(cat ops)
	# the last ones make the lab ready again
	for ((i = 0; i < SAMPLES; i++)); do
		killed_at "$path" "$what" $((4 + (count - 8) * (2 * i + 1) / (2 * SAMPLES))) 2>/dev/null # bash tells of every kill
	done
	echo "$path $what: killed at $SAMPLES of $count operations"
done <rows
