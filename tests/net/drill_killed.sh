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

# LAB PATH DRILL: a lab each for paths that need one of their own. DPULAB_SWEEP=full: each drill on each path that can have it.
if [ "${DPULAB_SWEEP:-}" = full ]; then
	sed -n "/^cat >rows/,/^ROWS/p" "$TESTS"/net/drill_{host,mux,upt,mixed,pmd,sriov,metal}.sh |
		awk 'NF == 5 && $3 != "-" {print ($1 == "sriov" || $1 == "bare-metal" ? $1 : "plain"), $1, $2}' >rows
else
	cat >rows <<-'ROWS'
		plain      dpu-mux    dpu-crash
		plain      dpu-mux    dpu-hang
		plain      dpu-mux    table-full
		plain      dpu-mux    agent-kill
		plain      host-dfw   dpu-reboot
		plain      dpu-vxlan  dpu-crash
		plain      dpu-vxlan  pcie-freeze
		plain      dpu-upt    dpu-reboot
		plain      dpu-upt    pcie-freeze
		plain      linux      uplink-down
		plain      pmd        dpu-crash
		sriov      sriov      dpu-reboot
		bare-metal bare-metal dpu-reboot
	ROWS
fi

turn=0
recover() { # WHERE
	case $((turn++ % 3)) in
	0) "$DPULAB" up lab.yaml >recovery 2>&1 || fail "$1: up: $(cat recovery)" ;;
	1) "$DPULAB" apply lab.yaml >recovery 2>&1 || fail "$1: apply: $(cat recovery)" ;;
	2)
		"$DPULAB" drill "$LAB" uplink-down --host esx1 --for "$FAULT_MS" >recovery 2>&1 || fail "$1: drill: $(cat recovery)"
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

begin_lab() { # LAB
	unserve
	[ ! -e lab.yaml ] || run "$DPULAB" down "$LAB"
	FROM=web1 HOOK=tc ACCEPT=
	case $1 in
	sriov)
		write_sriov_drill_lab lab.yaml
		ACCEPT=--accept-loss
		;;
	bare-metal)
		write_metal_drill_lab lab.yaml
		FROM=esx1 ACCEPT="--host esx1"
		;;
	*) write_drill_lab lab.yaml ;;
	esac
	run "$DPULAB" up lab.yaml
	serve web2 5500 -
	serve web3 5500 -
}

lab='' begun=''
while read -r kind path what; do
	# shellcheck disable=SC2053
	[[ $path/$what == ${DRILLS:-*} ]] || continue
	if [ "$lab" != "$kind" ]; then
		begin_lab "$kind"
		lab=$kind begun=
	fi
	if [ "$begun" != "$path" ]; then
		[ "$path" = pmd ] && HOOK=xdp || HOOK=tc
		# shellcheck disable=SC2086
		run "$DPULAB" place "$LAB" "$path" --hook $HOOK $ACCEPT
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
