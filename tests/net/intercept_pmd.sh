# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Intercept chains in the poll-mode process as at the host: the breaker, the queue to a process that is stopped; a slot is put in, replaced and
# taken out under numbered datagrams, at a rate that two such processes on one CPU carry, without losing any.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"

beside_control 2000
. "$TESTS/lib/chains.sh"
chain_labs
run "$DPULAB" place "$LAB" pmd
again=none.yaml loses_nothing "insert" apply one.yaml
again=one.yaml loses_nothing "replace" apply two.yaml
expect "the version that runs" "$(shown esx1-pmd web1 version reason)" 2
again=two.yaml loses_nothing "remove all" apply none.yaml
[ -z "$(ls /sys/fs/bpf/dpulab/"$LAB"/esx1-pmd/maps | grep icpt)" ] || fail "tables of slots are left at pmd without slots"

breaker esx1-pmd
queue esx1-pmd
