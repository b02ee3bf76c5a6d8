# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Every failure drill on every frame path: what it breaks is silent, what it does not touch loses nothing, who
# brings it back is who should, and the lab it leaves is the one it found: placement, devices, programs, pins,
# offloads, and `apply` finds nothing to change. DRILLS=GLOB: only the rows "PATH/DRILL" it matches.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

FAULT_MS=200
emulated && FAULT_MS=1000

# PATH DRILL HIT BACK BROKEN: which flows are silent, or lose; who brings them back; established connections that end.
#   -  the drill makes no sense there: exit status 2
#   fabric   those across the fabric, all for at least the fault's time; the others lose nothing
#   connect  new connections between the VMs that fill the table; those established lose nothing
#   any      a load, or a killed move: whatever it costs, it comes back
rows='
linux   dpu-crash          -       -      0
linux   dpu-hang           -       -      0
linux   dpu-reboot         -       -      0
linux   pcie-freeze        -       -      0
linux   table-full         -       -      0
linux   slow-path-overload -       -      0
linux   uplink-down        fabric  itself 0
linux   agent-kill         any     any    0
host    dpu-crash          none    -      0
host    dpu-hang           none    -      0
host    dpu-reboot         none    -      0
host    pcie-freeze        none    -      0
host    table-full         connect dpulab 0
host    slow-path-overload any     any    0
host    uplink-down        fabric  itself 0
host    agent-kill         any     any    0
dpu-mux dpu-crash          all     dpulab 2
dpu-mux dpu-hang           all     dpulab 0
dpu-mux dpu-reboot         all     dpulab 2
dpu-mux pcie-freeze        all     itself 0
dpu-mux table-full         connect dpulab 0
dpu-mux slow-path-overload any     any    0
dpu-mux uplink-down        fabric  itself 0
dpu-mux agent-kill         any     any    0
dpu-upt dpu-crash          all     dpulab 2
dpu-upt dpu-hang           all     dpulab 0
dpu-upt dpu-reboot         all     dpulab 2
dpu-upt pcie-freeze        all     itself 0
dpu-upt table-full         connect dpulab 0
dpu-upt slow-path-overload any     any    0
dpu-upt uplink-down        fabric  itself 0
dpu-upt agent-kill         any     any    0
'

write_move_lab lab.yaml "$LAB" ''
echo 'tables: {connections: 4096}' >>lab.yaml # soon full
run "$DPULAB" up lab.yaml

# What a drill must leave as it was: devices with their state and offloads, pins, placement.
picture() {
	local ns
	for ns in /run/netns/"$LAB"-*; do
		echo "== ${ns##*/}"
		nsenter --net="$ns" -- ip -o link | sed 's/ state [A-Z]*//; s/ qdisc [a-z]*//; s/ xdp[a-z/]* prog\/xdp id [0-9]*/ xdp/' |
			grep -o '^[0-9]*: [^<]*<[^>]*>'
		nsenter --net="$ns" -- ethtool -k eth0 2>/dev/null | grep -E '^(tx-checksumming|tcp-segmentation|generic-receive)'
	done
	find "/sys/fs/bpf/dpulab/$LAB" | sort
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
    return hit == "all" or (hit == "fabric" and flow["way"] == "fabric")

if len(report["flows"]) != 8:
    wrong.append("%d flows instead of 8" % len(report["flows"]))
for flow in report["flows"]:
    if hit == "any":
        if flow["back_by"] == "nobody":
            wrong.append(flow)
    elif not is_hit(flow):
        # a full ring beside a load costs a frame now and then
        if flow["broken"] or flow["lost"] > (2 if hit == "connect" else 0):
            wrong.append(flow)
    elif flow["broken"]:
        if flow["flow"] != "tcp" or flow["back_by"] != "nobody":
            wrong.append(flow)
    elif flow["silence_ms"] < fault * 0.9 or flow["back_by"] != back:
        wrong.append(flow)
    elif flow["flow"] in ("icmp", "udp") and not flow["lost"]:
        wrong.append(flow)
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
	judge "$3" "$4" "$5" || fail "$1 $2: $(cat drill.json)"
}

reaches() { in_node web1 ping -q -c 1 -W 2 "$1"; }

begun=
for row in "" $(tr -s ' ' / <<<"$rows"); do
	IFS=/ read -r path what hit back broken <<<"$row"
	# shellcheck disable=SC2053
	[ -n "$row" ] && [[ $path/$what == ${DRILLS:-*} ]] || continue
	if [ "$begun" != "$path" ]; then
		run "$DPULAB" place "$LAB" "$path" --hook tc
		begun=$path
		picture >before
	fi
	since=$SECONDS
	drill "$path" "$what" "$hit" "$back" "$broken"
	picture >after
	diff before after >&2 || fail "$path $what: the lab is not as it was"
	"$DPULAB" apply lab.yaml >applied 2>&1 || fail "$path $what: apply: $(cat applied)"
	grep -q 'changes: none' applied || fail "$path $what: apply found something to change: $(cat applied)"
	for address in 10.1.0.12 10.1.0.13 2001:db8:1::12 2001:db8:1::13; do
		wait_for 10 reaches "$address"
	done
	echo "$path $what: as it should be ($((SECONDS - since)) s)"
done
[ -n "$begun" ] || fail "no row matches ${DRILLS:-}"
