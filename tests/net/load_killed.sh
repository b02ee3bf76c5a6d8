# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# kill -9 of load and unload after an operation that changes the kernel: down puts the interface back as
# it was and leaves nothing; up finishes what was begun; the same command again ends as if nothing had been.
# A sample of the operations; DPULAB_SWEEP=full: all.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/loaded.sh"
need ip tc ethtool ping

SAMPLES=6
[ "${DPULAB_SWEEP:-}" != full ] || SAMPLES=100000

write_move_lab lab.yaml "$LAB" ''
make_box 10.1.0.101 10.1.0.12
run in_box ip link set vethb down
for end in a b; do run in_node "$end" ethtool -K eth0 tx off gro on >/dev/null; done
settings_of vethb >before

quietly() { "$@" >log 2>&1 || fail "$* ended with $?: $(cat log)"; }
load_b() { in_box "$DPULAB" load vethb --lab "$LAB" --port web2 --hook xdp; }
works() { in_node b ping -q -c 1 -W 5 10.1.0.13 >/dev/null || fail "$1: b does not reach web3"; }
restored() { diff before <(settings_of vethb) || fail "$1: vethb is not as it was"; }
nothing_left() {
	[ -z "$(ls /run/netns | grep "^$LAB-" | grep -vE -- '-(box|a|b)$')" ] || fail "$1: namespaces left"
	[ ! -e "/run/dpulab/$LAB" ] && [ ! -e "/sys/fs/bpf/dpulab/$LAB" ] || fail "$1: state or pins left"
}

# sweep NAME START COMMAND
sweep() {
	local count step at i=0 unhurt=0 status
	quietly "$DPULAB" up lab.yaml
	"$2"
	rm -f ops
	DPULAB_COUNT_OPS=$PWD/ops quietly "$3"
	count=$(cat ops)
	step=$(((count + SAMPLES - 1) / SAMPLES))
	echo "$1: $count operations, killed after every ${step}th"
	for ((at = 1 + count % step; at <= count; at += step)); do
		quietly "$DPULAB" down "$LAB"
		quietly "$DPULAB" up lab.yaml
		"$2"
		(export DPULAB_CRASH_AFTER=$at && "$3" >log 2>&1) 2>/dev/null
		status=$?
		[ "$status" = 137 ] || unhurt=$((unhurt + 1))
		[ "$status" = 137 ] || [ "$status" = 0 ] || fail "$1, to be killed after $at, ended with $status: $(cat log)"
		case $((i++ % 3)) in
		0) ;;
		1)
			quietly "$DPULAB" up lab.yaml
			[ -e "/run/dpulab/$LAB/loaded" ] && works "$1 $at, up"
			;;
		2)
			quietly "$DPULAB" up lab.yaml
			"$3" >log 2>&1 # unload may have been done already
			if [ "$1" = load ]; then works "$1 $at, again"; else restored "$1 $at, again"; fi
			;;
		esac
		quietly "$DPULAB" down "$LAB"
		nothing_left "$1 $at"
		restored "$1 $at, down"
	done
	[ $((unhurt * 3)) -le "$i" ] || fail "$1: $unhurt of $i were not killed"
	quietly "$DPULAB" down "$LAB"
}

unload_b() { unload vethb; }
start_loaded() { quietly load_b; }
sweep load true load_b
sweep unload start_loaded unload_b
