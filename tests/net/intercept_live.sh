# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Slots inserted, replaced and removed, by apply and by command, under a stream of 100,000 numbered datagrams a second, at both
# hooks, at the host and at the DPU, each beside an equal stream in a lab that is left alone: nothing is lost that the
# control does not lose. What is done to one vNIC's chain does nothing to another's: a slot that overruns
# its budget is taken out, a process that is stopped fills its own queue.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"

beside_control 100000
. "$TESTS/lib/chains.sh"
chain_labs

for hook in tc xdp; do
	for path in host dpu-mux; do
		for lab in "$LAB" "$CONTROL"; do run "$DPULAB" place "$lab" "$path" --hook "$hook"; done
		node=esx1
		[ "$path" = host ] || node=esx1-dpu
		again=none.yaml loses_nothing "$hook $path: insert" apply one.yaml
		again=one.yaml loses_nothing "$hook $path: replace" apply two.yaml
		expect "the version that runs" "$(shown $node web1 version reason)" 2
		[ "$(shown $node web1 version noted)" -ge $((PPS / 100)) ] || fail "the chain has not seen the stream"
		again=two.yaml loses_nothing "$hook $path: two more" apply more.yaml
		again=more.yaml loses_nothing "$hook $path: remove" "$DPULAB" intercept -q remove "$LAB" web1 out version
		expect "a slot that was removed" "$(shown $node web1 version calls)" ""
		again=one.yaml loses_nothing "$hook $path: remove all" apply none.yaml
	done
done
[ -z "$(ls /sys/fs/bpf/dpulab/"$LAB"/esx1/maps | grep icpt)" ] || fail "tables of slots are left without slots"

run "$DPULAB" place "$LAB" host --hook tc
breaker esx1
queue esx1
