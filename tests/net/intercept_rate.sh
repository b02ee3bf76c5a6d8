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

# 64 flows of live XDP frames from web1 to web2, in both labs, as fast as the machine lets them.
PACED=$TESTS/../${BUILD:-build}/tests/net/paced
said() { sed -n "s/^$2 //p" "$1"; } # FILE WORD
missing() { echo $(($(said "paced.$1" sent) - $(said "paced.$1" arrived))); } # LAB

# Frames that a device on the way had no room for: a ring holds 256, and on a busy machine it is not emptied in time. Each is
# counted once: by the device that was to send it, or by the one that had it in its ring. What a program drops is not in it.
no_room() { # LAB
	local ns dev
	for ns in web1 web2 esx1 esx1-dpu; do
		in_lab "$1" $ns awk 'NR > 2 && $1 !~ /^(lo|uplink0|p0):/ {sum += $13} END {print sum + 0}' /proc/net/dev
		for dev in $(in_lab "$1" $ns ls /proc/sys/net/ipv4/conf); do
			case $dev in all | default | lo | uplink0 | p0) continue ;; esac
			in_lab "$1" $ns ethtool -S "$dev" 2>/dev/null |
				awk '/rx_queue_[0-9]+_(drops|xdp_redirect_errors):/ {sum += $2} END {print sum + 0}'
		done
	done | awk '{sum += $1} END {print sum + 0}'
}

# Two replacements; every frame that did not arrive was lost where there was no room, in the lab that is left alone as well.
replaced_under_frames() { # WHERE
	local lab version lost
	declare -A before
	rm -f ready.* paced.* stop.paced
	for lab in "$CONTROL" "$LAB"; do
		before[$lab]=$(no_room "$lab")
		"$PACED" "$lab" web1 web2 "$PPS" "ready.$lab" stop.paced >"paced.$lab" &
		wait_for 30 test -e "ready.$lab"
	done
	for version in two one; do
		apply $version.yaml || fail "$1: apply $version.yaml under frames"
	done
	touch stop.paced
	for lab in "$LAB" "$CONTROL"; do
		wait_for 60 has "paced.$lab" pps
		lost=$(($(no_room "$lab") - before[$lab]))
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
