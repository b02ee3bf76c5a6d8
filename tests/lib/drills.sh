# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# drills.sh - what tests of failure drills share. Source it after net.sh and moves.sh.
#
# A row says PATH DRILL HIT BACK BROKEN: which flows are silent, or lose; who brings them back; how many
# established connections end.
#   -        the drill makes no sense there: exit status 2, and why
#   none     the host's DPU has no part in the flows: they lose nothing
#   all      silent for the fault's time
#   wait     the same, and rings may keep what was sent meanwhile: nothing need be lost
#   fabric   those across the fabric are, the others lose nothing
#   connect  new connections of the VMs that fill the table; those established lose nothing. BACK any: once the load
#            has ended, seats whose connections have aged may be enough for them, or not
#   any      a load, or a killed move: whatever it costs, it comes back
# Judged by the drill's own flows (the JSON), and beside them by what the test itself sees of the lab afterwards.

FAULT_MS=200
emulated && FAULT_MS=1000

write_drill_lab() { # FILE
	write_move_lab "$1" "$LAB" ''
	echo 'tables: {connections: 4096}' >>"$1" # soon full
}

# Of path sriov: a VLAN reaches the other host, and the loss is accepted.
write_sriov_drill_lab() { # FILE
	write_drill_lab "$1"
	sed -i 's/vni: 5001/vlan: 20/; s/^lab:.*/&\nplacement: sriov/' "$1"
}

# Of path bare-metal: esx1 is machine web1, and web2 is with web3.
write_metal_drill_lab() { # FILE
	write_drill_lab "$1"
	sed -i 's/web1: {/&type: bare-metal, /; s/web2: {host: esx1/web2: {host: esx2/' "$1"
}

# Where vNICs move between namespaces, a killed move can leave one with another index: a name is what it is known by.
devices_of() { # PATH
	if [[ $1 =~ dpu-upt|bare-metal ]]; then sed 's/^[0-9]*: //; s/@if[0-9]*//' | sort; else cat; fi
}

# What a drill must leave as it was: devices with their state and offloads, pins, placement.
picture() { # PATH
	local ns
	for ns in /run/netns/"$LAB"-*; do
		echo "== ${ns##*/}"
		# whether it has a carrier is LOWER_UP; the other word comes up to a second later
		nsenter --net="$ns" -- ip -o link | sed 's/ state [A-Z]*//; s/NO-CARRIER,//; s/ qdisc [a-z]*//; s/ xdp[a-z/]* prog\/xdp id [0-9]*/ xdp/' |
			grep -o '^[0-9]*: [^<]*<[^>]*>' | devices_of "$1"
		nsenter --net="$ns" -- ethtool -k eth0 2>/dev/null | grep -E '^(tx-checksumming|tcp-segmentation|generic-receive)'
	done
	# where the vNIC is in the DPU, a representor is no port: whether it keeps its programs from before is of no consequence
	find "/sys/fs/bpf/dpulab/$LAB" | sort | if [[ $1 =~ dpu-upt|sriov|bare-metal ]]; then grep -v 'links/.*-pf0vf'; else cat; fi
	"$DPULAB" show "$LAB" placement
	ls "/run/dpulab/$LAB"
}

# judge HIT BACK BROKEN: of drill.json
judge() {
	"$PYTHON" - "$FAULT_MS" "$@" <<'PY'
import json, sys
fault, hit, back, broken = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
report = json.load(open("drill.json"))
wrong = []

def is_hit(flow):
    if hit == "connect":  # a vNIC's limit counts what crosses the fabric, too
        return flow["flow"] == "connect"
    return hit in ("all", "wait") or (hit == "fabric" and flow["way"] == "fabric")

pairs = 1 if report["path"] == "bare-metal" else 2  # it is alone on its host
if len(report["flows"]) != 4 * pairs:
    wrong.append("%d flows instead of %d" % (len(report["flows"]), 4 * pairs))
for flow in report["flows"]:
    if hit == "any":
        if flow["back_by"] == "nobody":
            wrong.append(flow)
    elif not is_hit(flow):
        # rings fill beside a load while whoever empties them waits for a CPU: no longer than flows waited for one before the fault,
        # and some ms of what the fault would silence for 200
        if flow["broken"] or flow["lost"] > (min(flow["sent"] / 100, 2 + flow["before_ms"]) if hit == "connect" else 0):
            wrong.append(flow)
    elif flow["broken"]:
        if flow["flow"] != "tcp" or flow["back_by"] != "nobody":
            wrong.append(flow)
    elif flow["silence_ms"] < fault * 0.9 or flow["back_by"] not in (("itself", "dpulab") if back == "any" else (back,)):
        wrong.append(flow)
    elif hit != "wait" and flow["flow"] in ("icmp", "udp") and not flow["lost"]:
        wrong.append(flow)
if hit == "connect" and report["load_connections"] < report["load_limit"] * 0.98:
    wrong.append("a table that is not full")
if report["connections_broken"] != broken:
    wrong.append("%d connections broken" % report["connections_broken"])
for damage in report["damage"]:
    if damage["mended_by"] == "nobody":
        wrong.append(damage)
for line in wrong:
    print("wrong:", line)
sys.exit(bool(wrong))
PY
}

drill() { # PATH DRILL HIT BACK BROKEN
	local status
	"$DPULAB" drill -j "$LAB" "$2" --host esx1 --for "$FAULT_MS" >drill.json 2>drill.err
	status=$?
	if [ "$3" = - ]; then
		[ "$status" = 2 ] || fail "$1 $2: exit status $status instead of 2: $(cat drill.json drill.err)"
		grep -q "cannot have a $2" drill.json || fail "$1 $2 does not say why: $(cat drill.json)"
		return
	fi
	[ "$status" = 0 ] || fail "$1 $2: exit status $status: $(cat drill.err drill.json)"
	judge "$3" "$4" "$5" >wrong || fail "$1 $2: $(cat drill.json wrong)"
}

FROM=web1 # the node of web1
reaches() { in_node "$FROM" ping -q -c 1 -W 2 "$1"; }

lab_works() {
	local address
	for address in 10.1.0.12 10.1.0.13 2001:db8:1::12 2001:db8:1::13; do
		wait_for 10 reaches "$address"
	done
	wait_for 10 connects 10.1.0.12
	wait_for 10 connects 10.1.0.13
}
connects() { probe "$FROM" outcome tcp "$1" 5500 | grep -q open; } # serve web2 and web3 first

# lab_as_before WHAT: as in the file "before", and apply finds nothing to change.
lab_as_before() {
	picture "$path" >after
	diff before after >&2 || fail "$1: the lab is not as it was"
	"$DPULAB" apply lab.yaml >applied 2>&1 || fail "$1: apply: $(cat applied)"
	grep -q 'changes: none' applied || fail "$1: apply found something to change: $(cat applied)"
}

# drill_rows FILE: every row of it, on the lab that is up, each path reached by `place`. DRILLS=GLOB: only the
# rows "PATH/DRILL" it matches.
drill_rows() {
	local begun='' since path what hit back broken
	serve web2 5500 -
	serve web3 5500 -
	while read -r path what hit back broken; do
		# shellcheck disable=SC2053
		[ -n "$path" ] && [[ $path/$what == ${DRILLS:-*} ]] || continue
		if [ "$begun" != "$path" ]; then
			# shellcheck disable=SC2086
			run "$DPULAB" place "$LAB" "$path" --hook "${HOOK:-tc}" ${ACCEPT:-}
			begun=$path
			picture "$path" >before
		fi
		since=$SECONDS
		drill "$path" "$what" "$hit" "$back" "$broken"
		lab_as_before "$path $what"
		lab_works
		echo "$path $what: as it should be ($((SECONDS - since)) s)"
	done <"$1"
	[ -n "$begun" ] || fail "no row matches ${DRILLS:-}"
}
