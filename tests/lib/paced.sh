# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# paced.sh - live XDP frames at a rate of their own (tests/net/paced.c), whose file paced.LAB says how many arrived. Source it after
# moves.sh.
PACED=$TESTS/../${BUILD:-build}/tests/net/paced
[ -x "$PACED" ] || skip "needs $PACED (make tests)"

said() { sed -n "s/^$2 //p" "$1"; } # FILE WORD
missing() { echo $(($(said "paced.$1" sent) - $(said "paced.$1" arrived))); } # LAB

# Frames that a device on the way had no room for: a ring holds 256, and on a busy machine it is not emptied in time. Each is
# counted once: by the device that was to send it, or by the one that had it in its ring. What a program drops is not in it.
no_room() { # LAB NODE...: not at the wires, unless WIRES=yes
	local lab=$1 ns dev skipped='lo|uplink0|p0'
	[ "${WIRES:-}" != yes ] || skipped='lo'
	shift
	for ns in "$@"; do
		in_lab "$lab" "$ns" awk -v skipped="^($skipped):" 'NR > 2 && $1 !~ skipped {sum += $13} END {print sum + 0}' /proc/net/dev
		for dev in $(in_lab "$lab" "$ns" ls /proc/sys/net/ipv4/conf); do
			[[ ! $dev =~ ^(all|default|$skipped)$ ]] || continue
			in_lab "$lab" "$ns" ethtool -S "$dev" 2>/dev/null |
				awk '/rx_queue_[0-9]+_(drops|xdp_redirect_errors):/ {sum += $2} END {print sum + 0}'
		done
	done | awk '{sum += $1} END {print sum + 0}'
}
