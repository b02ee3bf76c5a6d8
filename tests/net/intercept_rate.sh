# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A slot is replaced under 200,000 live XDP frames a second without losing one, at both hooks, beside as many in a lab that is
# left alone. (A busy machine sends less: the rate is printed.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"

beside_control 200000
. "$TESTS/lib/chains.sh"
chain_labs

# Flows of live XDP frames that go to and fro between web1 and web2, in both labs, as fast as the machine lets them: a frame
# that is lost once is a flow less at the end. A round in which the control has lost some says nothing.

PACED=$TESTS/../${BUILD:-build}/tests/net/paced
said() { sed -n "s/^$2 //p" "$1"; } # FILE WORD
missing() { echo $(($(said "paced.$1" sent) - $(said "paced.$1" arrived))); } # LAB
# Two replacements a round. A round in which frames are lost says nothing: on a busy machine a ring that holds 256 is not emptied in time,
# of either lab. What replacing costs would be missing in each round.
replaced_under_frames() { # HOOK
	local round lab version
	for round in 1 2 3 4 5; do
		rm -f ready.* paced.* stop.paced
		for lab in "$CONTROL" "$LAB"; do
			"$PACED" "$lab" web1 web2 "$PPS" "ready.$lab" stop.paced >"paced.$lab" &
			wait_for 30 test -e "ready.$lab"
		done
		for version in two one; do
			apply $version.yaml || fail "apply $version.yaml under frames"
		done
		touch stop.paced
		for lab in "$LAB" "$CONTROL"; do wait_for 60 has "paced.$lab" pps; done
		echo "$1: replaced twice under $(said "paced.$LAB" pps) frames a second: $(missing "$LAB") of $(said "paced.$LAB" sent) lost" \
			"(control $(missing "$CONTROL") at $(said "paced.$CONTROL" pps))"
		[ "$(missing "$LAB")" != 0 ] || break
		[ "$round" -lt 5 ] || fail "$1: frames were lost in each round"
	done
	[ "$(shown esx1 web1 version calls)" -ge "$(said "paced.$LAB" arrived)" ] || fail "$1: the chain has not seen every frame"
}
for hook in xdp tc; do
	for lab in "$LAB" "$CONTROL"; do run "$DPULAB" place "$lab" host --hook $hook; done
	run "$DPULAB" apply one.yaml
	replaced_under_frames $hook
done
