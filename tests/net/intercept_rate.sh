# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A slot is replaced under 200,000 live XDP frames a second without losing one, at both hooks, at the host and behind the DPU
# location, beside as many in a lab that is left alone. (A busy machine sends less: the rate is printed.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"
need ethtool

beside_control 200000
. "$TESTS/lib/chains.sh"
chain_labs

# 64 flows of live XDP frames from web1 to web2, in both labs.
. "$TESTS/lib/paced.sh"

# Two replacements; every frame that did not arrive was lost where there was no room, in the lab that is left alone as well.
replaced_under_frames() { # WHERE
	local lab version lost
	declare -A before
	rm -f ready.* paced.* stop.paced
	for lab in "$CONTROL" "$LAB"; do
		before[$lab]=$(no_room "$lab" web1 web2 esx1 esx1-dpu)
		"$PACED" "$lab" web1 web2 "$PPS" "ready.$lab" stop.paced >"paced.$lab" &
		wait_for 30 test -e "ready.$lab"
	done
	for version in two one; do
		apply $version.yaml || fail "$1: apply $version.yaml under frames"
	done
	touch stop.paced
	for lab in "$LAB" "$CONTROL"; do
		wait_for 60 has "paced.$lab" pps
		lost=$(($(no_room "$lab" web1 web2 esx1 esx1-dpu) - before[$lab]))
		echo "$1, $lab: $(said "paced.$lab" pps) frames a second: $(missing "$lab") of $(said "paced.$lab" sent) did not arrive," \
			"for $lost there was no room"
		[ "$(missing "$lab")" -le $lost ] || fail "$1, $lab: frames were lost that no ring was too full for"
	done
}
for where in "host xdp" "host tc" "dpu-mux xdp" "dpu-mux tc"; do
	# shellcheck disable=SC2086
	set -- $where
	run "$DPULAB" apply one.yaml
	for lab in "$LAB" "$CONTROL"; do
		run "$DPULAB" place "$lab" "$1" --hook "$2"
		# who never speaks is flooded to, and floods are limited
		wait_for 20 in_lab "$lab" web2 ping -q -c 1 -W 1 10.1.0.11
	done
	case $1 in host) node=esx1 ;; *) node=esx1-dpu ;; esac
	calls=$(shown $node web1 version calls)
	replaced_under_frames "$where"
	[ $(($(shown $node web1 version calls) - ${calls:-0})) -ge "$(said "paced.$LAB" arrived)" ] ||
		fail "$where: the chain has not seen every frame"
done
