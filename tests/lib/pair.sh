# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# pair.sh - what tests of a host with two DPUs share: esx1 of the lab of drills.sh. Source it after net.sh, moves.sh and
# drills.sh.

write_pair_lab() { # FILE HOST-KEYS: of esx1
	write_drill_lab "$1"
	sed -i "s/esx1: {dpu: true}/esx1: {dpu: true, dpu2: true$2}/" "$1"
}

# A device that has been at the other DPU has another index.
eval "exact_$(declare -f picture)"
picture() { exact_picture "$1" | sed 's/^[0-9]*: \([^@:]*\)@[^:]*:/\1:/' | sort; }

placement() { "$DPULAB" show -j "$LAB" placement --host esx1 >placement.json; }
role() { # NODE: active, standby or spare, and whether it serves
	placement
	json placement.json "' '.join(next((i['role'], i['state']) for i in d['placement'][0]['dpus'] if i['node'] == '$1'))"
}
roles_are() { # ACTIVE OTHER ROLE
	expect "$1" "$(role "$1")" "active serves"
	expect "$2" "$(role "$2")" "$3 serves"
}

# Flows of web1 on the host and across the fabric, a message every 2 ms.
watch_flows() { # FILE
	rm -f stop
	in_node web1 "$PYTHON" "$TESTS/lib/silence.py" stop {tcp,udp}:10.1.0.{12,13}:5500 >"$1" 2>&1 &
	watcher=$!
	wait_for 10 grep -q 'under way' "$1"
}
watched() { # FILE
	touch stop
	wait "$watcher" || fail "$(cat "$1")"
	cat "$1"
}
