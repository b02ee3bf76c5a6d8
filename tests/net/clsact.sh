# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Without tcx the tc program is a filter of a clsact qdisc, which others use as well. What somebody else
# has at our place is named by load and up and never replaced; unload and down remove ours alone, the qdisc
# only with nothing else in it; a filter that down cannot reach is said, with the command that removes it.
# Kernels from 6.6 on are told to do without tcx.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/loaded.sh"
need ip tc ping mount nsenter

export DPULAB_NO_TCX=1
PLACE="priority 1 handle 0x15cc"
NOTHING="1,6 0 0 0," # classic BPF: matches no frame

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml
make_box 10.1.0.101 10.1.0.102

ingress() { in_box tc filter show dev "$1" ingress; }
theirs() { # DEV [PLACE]: somebody's filter there
	# shellcheck disable=SC2086
	run in_box tc filter add dev "$1" ingress protocol all ${2:-$PLACE} bpf bytecode "$NOTHING"
}
names_owner() { # CMD...: refused, with a sentence that says what is there
	refuse 1 "$@" 2>err.txt
	has err.txt "clsact" && has err.txt "somebody" && has err.txt "never replaces" || fail "not named: $(cat err.txt)"
}
ours_at() { ingress "$1" | grep -c dpulab_tc; } # DEV

run load vetha p1
expect "ours" "$(ours_at vetha)" 1
"$DPULAB" show -j "$LAB" ports >show.json
expect "hook" "$(json show.json '{p["hook"] for p in d["ports"]}')" "{'clsact'}"
run in_node a ping -q -c 1 -W 5 10.1.0.13
run unload vetha
[ -z "$(in_box tc qdisc show dev vetha | grep clsact)" ] || fail "unload left its qdisc"

# Somebody was there first: at our place, or with our priority for another kind of filter.
run in_box tc qdisc add dev vetha clsact
theirs vetha
ingress vetha >before
names_owner in_box "$DPULAB" load vetha --lab "$LAB" --port p1
diff before <(ingress vetha) || fail "load changed somebody's filter"
! grep -q . "/run/dpulab/$LAB/loaded" 2>/dev/null || fail "half loaded"
run in_box tc filter del dev vetha ingress
theirs vetha "priority 1 handle 7"
run load vetha p1 # of the same kind: both have room
run unload vetha
expect "their filter, after unload" "$(ingress vetha | grep -c 'handle 0x7')" 1
run in_box tc filter del dev vetha ingress
if in_box tc filter add dev vetha ingress protocol ip priority 1 matchall action ok 2>/dev/null; then
	ingress vetha >before
	names_owner in_box "$DPULAB" load vetha --lab "$LAB" --port p1
	has err.txt matchall || fail "kind not named: $(cat err.txt)"
	diff before <(ingress vetha) || fail "load changed somebody's filter"
	run in_box tc filter del dev vetha ingress
fi
run in_box tc qdisc del dev vetha clsact

# What another lab has loaded is somebody else's, too.
sed "s/^lab:.*/lab: ${LAB}x/" lab.yaml >other.yaml
at_exit "$DPULAB" down "${LAB}x"
run "$DPULAB" up other.yaml
run in_box "$DPULAB" load vetha --lab "${LAB}x" --port q1
refuse 1 in_box "$DPULAB" load vetha --lab "$LAB" --port p1 2>err.txt
has err.txt "another lab: ${LAB}x" || fail "the other lab is not named: $(cat err.txt)"
expect "the other lab's" "$(ours_at vetha)" 1
run "$DPULAB" down "${LAB}x"
[ -z "$(in_box tc qdisc show dev vetha | grep clsact)" ] || fail "the other lab left its qdisc"

# Somebody came later and uses the qdisc that load has made.
run load vetha p1
theirs vetha "priority 9 handle 1"
run in_box tc filter add dev vetha egress protocol all priority 9 bpf bytecode "$NOTHING"
run unload vetha
expect "ours, after unload" "$(ours_at vetha)" 0
expect "theirs, after unload" "$(ingress vetha | grep -c 'handle 0x1')" 1
expect "theirs at egress, after unload" "$(in_box tc filter show dev vetha egress | grep -c 'handle 0x1')" 1
run in_box tc qdisc del dev vetha clsact

# Somebody took our place: up says so, unload and down leave it.
run load vetha p1
run in_box tc filter del dev vetha ingress
theirs vetha
names_owner "$DPULAB" up lab.yaml
run unload vetha
expect "theirs, after unload" "$(ingress vetha | grep -c 'handle 0x15cc')" 1
run in_box tc filter del dev vetha ingress
run in_node esx1 tc filter del dev web1 ingress
run in_node esx1 tc filter add dev web1 ingress protocol all priority 1 handle 0x15cc bpf bytecode "$NOTHING"
names_owner "$DPULAB" up lab.yaml
has err.txt web1 || fail "the port is not named: $(cat err.txt)"
run in_node esx1 tc filter del dev web1 ingress
run "$DPULAB" up lab.yaml
run in_node web1 ping -q -c 1 -W 5 10.1.0.13

# A namespace that nobody can name any more.
lose_box() { # FILE: the namespace lives on there
	touch "$1"
	run mount --bind "/run/netns/$BOX" "$1"
	at_exit umount "$1"
	run ip netns del "$BOX"
}
run load vetha p1
lose_box "$PWD/held"
run "$DPULAB" down "$LAB" 2>err.txt
has err.txt "interface vetha of port p1" && has err.txt "clsact filter on it stays" || fail "no warning: $(cat err.txt)"
held() { nsenter --net="$PWD/held" "$@"; }
expect "their filter in the lost namespace" "$(held tc filter show dev vetha ingress | grep -c dpulab_tc)" 1
# shellcheck disable=SC2046
run held $(grep -o 'tc filter del dev vetha [^`]*bpf' err.txt | head -n 1)
expect "after the command of the hint" "$(held tc filter show dev vetha ingress | grep -c dpulab_tc)" 0

# With links there is no filter to stay, only the settings.
unset DPULAB_NO_TCX
kernel_at_least 6.6 || exit 0
run "$DPULAB" up lab.yaml
run ip netns add "$BOX"
run ip -n "$BOX" link add vethc type veth peer name vethd
run ip -n "$BOX" link set vethc up
run load vethc p2
lose_box "$PWD/held2"
run "$DPULAB" down "$LAB" 2>err.txt
has err.txt "promisc off" || fail "no warning: $(cat err.txt)"
[ ! -e "/sys/fs/bpf/dpulab/$LAB" ] || fail "pins left"
