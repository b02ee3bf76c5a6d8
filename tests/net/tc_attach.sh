# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# The tc program is on every port once, as this kernel attaches it (a tcx link, or
# a clsact filter before Linux 6.6): after up, after a program was loaded anew,
# at each placement and hook, and it is gone where the kernel's bridge switches.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
need tc bpftool

KIND=clsact
[ -z "${DPULAB_NO_TCX:-}" ] && kernel_at_least 6.6 && KIND=tcx

write_move_lab lab.yaml "$LAB" ''

# Names of the ports of a node, and the kinds of hook their tc programs are at.
ports_of() { json ports.json '" ".join(p["dev"] for p in d["ports"] if p["node"] == "'"$1"'")'; }
tc_kinds() { json ports.json 'sorted({p["hook"] for p in d["ports"]} - {"xdp"})'; }

programs_on() { # NODE DEV: ours at tc ingress, by what the kernel holds
	if [ "$KIND" = clsact ]; then
		in_node "$1" tc filter show dev "$2" ingress | grep -c 'dpulab_tc'
	else
		find "/sys/fs/bpf/dpulab/$LAB/$1/links" -name "tc-$2" 2>/dev/null | wc -l
	fi
}

program_id() { bpftool -j prog show pinned "/sys/fs/bpf/dpulab/$LAB/$1/progs/tc" | sed 's/.*"id":\([0-9]*\).*/\1/'; } # NODE

filter_id() { in_node "$1" tc -j filter show dev "$2" ingress | grep -o '"id":[0-9]*' | head -n 1 | cut -d : -f 2; } # NODE DEV

attached_once() { # WHAT NODE...
	local node dev n=0
	"$DPULAB" show -j "$LAB" ports >ports.json || fail "show ports"
	for node in "${@:2}"; do
		for dev in $(ports_of "$node"); do
			in_node "$node" ip link show dev "$dev" >/dev/null 2>&1 || continue
			expect "$1: tc programs on $dev of $node" "$(programs_on "$node" "$dev")" 1
			[ "$KIND" != clsact ] ||
				expect "$1: program on $dev of $node" "$(filter_id "$node" "$dev")" "$(program_id "$node")"
			n=$((n + 1))
		done
	done
	[ "$n" -ge $(($# - 1)) ] || fail "$1: only $n ports were looked at"
}

gone() { # WHAT NODE...
	local node
	for node in "${@:2}"; do
		[ -z "$(in_node "$node" tc qdisc show | grep clsact)" ] || fail "$1: a clsact qdisc is left in $node"
		[ ! -e "/sys/fs/bpf/dpulab/$LAB/$node" ] || fail "$1: pins of $node are left"
	done
}

carries() { # WHAT
	in_node web1 ping -q -c 2 -i 0.1 -W 2 10.1.0.12 >/dev/null || fail "$1: web1 does not reach web2"
	in_node web1 ping -q -c 2 -i 0.1 -W 2 10.1.0.13 >/dev/null || fail "$1: web1 does not reach web3"
}

run "$DPULAB" up lab.yaml
attached_once up esx1 esx2
expect "kinds" "$(tc_kinds)" "['$KIND']"
carries up

# Pins lost: the program is loaded anew and takes the old one's place, without a second beside it.
old=$(program_id esx1)
rm -r "/sys/fs/bpf/dpulab/$LAB/esx1"
run "$DPULAB" up lab.yaml
[ "$(program_id esx1)" != "$old" ] || fail "the program was not loaded anew"
attached_once "loaded anew" esx1
carries "loaded anew"

for hook in tc xdp; do
	for path in dpu-mux dpu-upt host linux linux dpu-upt linux dpu-mux; do
		run "$DPULAB" place "$LAB" "$path" --hook "$hook"
		what="$path at $hook"
		case $path in
		linux) gone "$what" esx1 esx1-dpu esx2 esx2-dpu ;;
		host) attached_once "$what" esx1 esx2 ;;
		*) attached_once "$what" esx1 esx1-dpu esx2 esx2-dpu ;;
		esac
		carries "$what"
	done
done
