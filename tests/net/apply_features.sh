# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What the programs of a lab were made without comes with `apply`, under traffic: the first shaper, the first class and the
# first rule that looks at DSCP, strict TCP windows, fragments that wait; and goes again. A stream beside an equal one in a lab that
# is left alone loses nothing (but what the kernel loses as it exchanges a qdisc), a connection of before goes on and is under what came, and afterwards the programs are those of
# a lab that never asked for it.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"

beside_control 50000

# write_features FILE FIREWALL-KEYS KEYS-OF-WEB2 [NIOC]
write_features() {
	write_move_lab "$1" "$LAB" ', speed: 10G'
	sed -i "s|^firewall:|&$2|; s|web2: {|&$3|; s|^  rules:|&\n    - {protocol: udp, port: 7999, action: allow}|" "$1"
	[ -z "${4:-}" ] || printf '%b' "$4" >>"$1"
}
write_move_lab control.yaml "$CONTROL" ''
write_features none.yaml '' ''
write_features shaped.yaml '' 'shaping: {mode: police, ingress: {average: 10G}, egress: {average: 1M, burst: 20k}}, '
write_features classes.yaml '' '' 'nioc:\n  classes: {vm: {}, ft: {dscp: 46}}\n'
write_features dscp.yaml '' '' 'nioc:\n  classes: {vm: {}, ft: {dscp: 46}}\n  rules: [{class: ft, dscp: 8}]\n'
write_features strict.yaml '\n  tcp-window: strict' ''
write_features held.yaml '\n  fragments: reassemble' ''
run "$DPULAB" up none.yaml
run "$DPULAB" up control.yaml

# The kernel takes a device out of service while its root qdisc comes or goes: a millisecond on a quiet machine.
loses_little() { # WHAT CMD...
	port=$((port + 1))
	under_stream $port "${@:2}"
	echo "$1: lost $lost (control $lost_control), $(tail -n 1 "sink.$LAB")"
	[ $((lost - lost_control)) -le $((PPS / 20)) ] || fail "$1 lost $lost frames, its control $lost_control"
}

# What the running programs are: xlated bytes of both, at host and DPU
size_of() { # NODE
	local prog
	for prog in tc xdp; do
		bpftool -j prog show pinned "/sys/fs/bpf/dpulab/$LAB/$1/progs/$prog" |
			"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["bytes_xlated"])'
	done
}
field() { # VERB FIELD KEY=VALUE...: of the rows that match
	"$DPULAB" show -j "$LAB" "$1" | "$PYTHON" -c '
import json, sys
verb, field, want = sys.argv[1], sys.argv[2], [w.split("=") for w in sys.argv[3:]]
print(*[r[field] for r in json.load(sys.stdin)[verb] if all(str(r.get(k)) == v for k, v in want)])' "$@"
}
dropped() { # REASON: at all nodes
	field drops frames "reason=$1" | "$PYTHON" -c 'import sys; print(sum(map(int, sys.stdin.read().split())))'
}
inject() { "$PYTHON" "$TESTS/lib/inject.py" "$(node web1)" "$(node web2)" 10.1.0.12 5990 "$@" 2>&1; }
orders() {
	"$PYTHON" "$TESTS/lib/fragments.py" orders "$(node web1)" "$(node web2)" "$(mac_of web2)" 10.1.0.11 10.1.0.12 5991 3 2>&1
}
known() { in_node web1 ping -c 1 -W 1 10.1.0.12; }

in_node web3 "$PYTHON" "$TESTS/lib/echo.py" server 10.1.0.13 5900 >server.out 2>&1 &
wait_for 10 has server.out ready
in_node web1 "$PYTHON" "$TESTS/lib/echo.py" client 10.1.0.13 5900 tcp.stop >client.out 2>&1 &
client=$!
wait_for 10 has client.out connected
serve web2 5990 -
# PATH HOOK: both labs there, node and what say where
go_to() {
	local lab
	what="$1 at $2"
	for lab in "$LAB" "$CONTROL"; do run "$DPULAB" place "$lab" "$1" --hook "$2"; done
	node=esx1
	[ "$1" = host ] || node=esx1-dpu
	wait_for 10 known
	size_of $node >without
}
programs_of_before() {
	size_of $node >now
	cmp -s without now || fail "$what: the programs are not those of before: $(paste without now)"
}

go_to host tc
# A flow of before, in the flow cache, is under the shaper that came: 5,000 frames a second of 60 bytes are 2.4 Mbit/s.
in_node web2 "$STREAM" sink 5700 >flow.sink &
wait_for 10 has flow.sink ready
rm -f flow.stop
in_node web1 "$STREAM" send 10.1.0.12 5700 5000 flow.stop >flow.send &
wait_for 10 has flow.send "under way"
again=none.yaml loses_nothing "$what: the first shaper" apply shaped.yaml
polices() { [ "$(field qos policed_drops vm=web2 direction=egress)" -gt 500 ]; }
wait_for 10 polices
touch flow.stop
wait_for 40 has flow.sink received
size_of $node >with
! cmp -s with without || fail "$what: the programs with a shaper are those without"
again=shaped.yaml loses_nothing "$what: the last shaper" apply none.yaml
programs_of_before

# Forged in the name of a connection that began before.
before=$(dropped tcp-window)
again=none.yaml loses_nothing "$what: strict windows" apply strict.yaml
expect "$what: forged" "$(inject a:R:0x40000000)" "a:R:0x40000000 alive"
[ "$(dropped tcp-window)" -gt "$before" ] || fail "$what: nothing was dropped for its window"
again=strict.yaml loses_nothing "$what: liberal windows" apply none.yaml

expect "$what: fragments, dropped" "$(orders)" "2 of 6"
again=none.yaml loses_nothing "$what: fragments wait" apply held.yaml
expect "$what: fragments, reassembled" "$(orders)" "6 of 6"
again=held.yaml loses_nothing "$what: fragments do not wait" apply none.yaml
expect "$what: fragments, dropped again" "$(orders)" "2 of 6"
programs_of_before

go_to dpu-mux xdp
loses_little "$what: the first class" apply classes.yaml
in_node web1 ping -q -c 3 -i 0.1 10.1.0.13 >/dev/null || fail "$what: no ping with classes"
[ "$(field nioc bytes "node=$node" class=vm vm=web1)" -gt 100 ] || fail "$what: nothing went by web1's class"
again=classes.yaml loses_nothing "$what: the first rule on DSCP" apply dscp.yaml
in_node web1 ping -q -c 3 -i 0.1 -Q 32 10.1.0.13 >/dev/null || fail "$what: no ping with a rule"
[ "$(field nioc bytes "node=$node" class=ft vm=-)" -gt 100 ] || fail "$what: DSCP 8 is not in class ft"
loses_little "$what: the last class" apply none.yaml
[ -z "$(in_node $node tc qdisc show | grep 5580)" ] || fail "$what: a queue is left"
programs_of_before
touch tcp.stop
wait "$client" || fail "the TCP connection broke: $(cat client.out)"

polices_more() { [ "$(field qos policed_drops vm=web2 direction=egress)" -gt $((before + 500)) ]; }
polices() { # where the host is now
	before=$(field qos policed_drops vm=web2 direction=egress)
	in_node web1 "$PYTHON" -c '
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for i in range(2000): s.sendto(b"x" * 1000, ("10.1.0.12", 5991))'
	wait_for 10 polices_more
}
# A poll-mode process takes it over between two frames; strict windows need tables of their own, and are refused while one runs.
run "$DPULAB" place "$LAB" pmd --host esx1
refuse 1 "$DPULAB" apply strict.yaml 2>said
grep -q 'frame path pmd runs on esx1' said || fail "no reason: $(cat said)"
run "$DPULAB" apply shaped.yaml
polices
# Its tables of before are not used again.
run "$DPULAB" place "$LAB" host --host esx1
run "$DPULAB" apply none.yaml
run "$DPULAB" apply shaped.yaml
run "$DPULAB" place "$LAB" pmd --host esx1
polices
