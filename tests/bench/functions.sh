#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What a frame between VMs of two hosts costs more, in nanoseconds, for shaping (policed, at both vNICs), for Network I/O Control with
# a mark (queue and DSCP; at tc, where XDP leaves it) and for one slot that passes everything, at the host and behind the DPU
# location: two labs that differ in the function alone, in turn. A frame goes through one switch where it leaves and one where it
# arrives. The median over pairs, and the interval around it that holds it with 95 % (by order statistics).
#
#   tests/bench/functions.sh [PAIRS]
#
# BAR name value low high bound ok|short; exit status 3 if one is short.
cd "$(dirname "$0")/../.." || exit 1
LAB_PREFIX=bf
. tests/lib/bars.sh

PAIRS=${1:-20}
SLICE_MS=300
CPU=$(($(nproc) - 1))

cat >pass.c <<'C'
#define DPU_SLOT
#include <dpulab/intercept.h>
int pass(struct dpu_frame *frame, struct dpu_intercept *at) { return DPU_INTERCEPT_PASS; }
char LICENSE[] __attribute__((section("license"))) = "Dual BSD/GPL";
C

lab() { # NAME FUNCTION
	local keys='' web=''
	case $2 in
	shaping) web=', shaping: {mode: police, ingress: {average: 100G, burst: 1G}}' ;;
	nioc) keys='nioc: {classes: {vm: {shares: 100, dscp: 26}}}' ;;
	slot) keys='intercept: {pass: {source: pass.c}}' web=', intercept-out: [pass]' ;;
	esac
	cat >"$1.yaml" <<-YAML
		lab: $1
		hosts: {esx1: {dpu: true, speed: 100G}, esx2: {dpu: true, speed: 100G}}
		port-groups: {web: {vni: 5001}}
		$keys
		vms:
		  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24$web}
		  web3: {host: esx2, port-group: web, ip: 10.1.0.13/24$web}
		firewall: {default: allow}
	YAML
	"$DPULAB" up -q "$1.yaml" >/dev/null || fail "up $1"
}

# At tc a frame takes four times as long and scatters by more than the functions take: there the bound says that nothing is badly wrong.
bound() { # FUNCTION HOOK: ns
	case $1-$2 in
	slot-xdp) echo 15 ;;
	shaping-xdp) echo 100 ;;
	*) echo 400 ;;
	esac
}

lab "$PLAIN" none
for function in shaping nioc slot; do
	lab "$LAB" $function
	case $function in nioc) hooks=tc ;; *) hooks="xdp tc" ;; esac
	for path in host dpu-mux; do
		for hook in $hooks; do
			for name in "$LAB" "$PLAIN"; do
				"$DPULAB" place -q "$name" $path --hook "$hook" >/dev/null || fail "place $name $path"
				wait_for 20 nsenter --net="/run/netns/$name-web1" -- ping -q -c 1 -W 2 10.1.0.13 >/dev/null
			done
			taskset -c "$CPU" "$TOOLS/sides" web1 web3 "$LAB" "$PLAIN" "$PAIRS" $SLICE_MS >sides || fail "$function, $path, $hook"
			awk '{print $1 - $2}' sides >pairs
			awk '{ with += $1; without += $2 } END { printf "    %.0f ns a frame with it, %.0f without (means)\n", with / NR, without / NR }' sides
			bar "$function-ns-$path-$hook" "$(bound "$function" "$hook")" most
		done
	done
	remove_lab "$LAB" >/dev/null
done
exit $result
