#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The recipes of docs/tracing.md work as printed: each block of commands is run on
# the shipped lab, and every line of the block under it is in the output.
. "$TESTS/lib/net.sh"
need bpftool tcpdump
DOC=$TESTS/../docs/tracing.md
mkdir bin
ln -s "$DPULAB" bin/dpulab
PATH=$PWD/bin:$PATH

# Writes N.sh, N.want and N.when (all, since-6.6 or before-6.6) for each pair of blocks.
split_blocks() {
	awk -v lab="$LAB" '
		/^```sh$/ { n++; file = n ".sh"; next }
		/^```text/ { file = n ".want"; print (NF > 1 ? $2 : "all") >(n ".when"); next }
		/^```$/ { file = ""; next }
		file { gsub(/demo/, lab); print >file }
		END { print n }' "$DOC"
}

# Numbers and addresses vary, and so does the white space of tables.
words() { sed -E 's/[0-9]+/N/g; s/[[:space:]]+/ /g; s/^ //; s/ $//'; }

applies() { # WHEN
	case $1 in
	since-*) kernel_at_least "${1#since-}" ;;
	before-*) ! kernel_at_least "${1#before-}" ;;
	esac
}

check_block() { # N
	local line
	bash -e "$1.sh" >"$1.out" 2>&1 || fail "block $1 ended with status $?: $(cat "$1.sh" "$1.out")"
	applies "$(cat "$1.when")" || return
	words <"$1.out" >"$1.words"
	while IFS= read -r line; do
		grep -qF -e "$(words <<<"$line")" "$1.words" ||
			fail "no line like '$line' in the output of: $(cat "$1.sh" "$1.out")"
	done <"$1.want"
	checked=$((checked + 1))
}

# What the recipes mount, and what one that failed half-way would leave on the machine.
[ -e /sys/kernel/tracing/events ] || at_exit 'umount /sys/kernel/tracing'
at_exit 'echo 0 >/sys/kernel/tracing/events/xdp/xdp_redirect/enable'
at_exit "rmdir /sys/kernel/tracing/instances/$LAB"
at_exit "sysctl -qw kernel.bpf_stats_enabled=$(sysctl -n kernel.bpf_stats_enabled)"

sed "s/^lab:.*/lab: $LAB/" "$TESTS/../user/share/demo.yaml" >lab.yaml
run dpulab up lab.yaml
blocks=$(split_blocks)
checked=0
for ((n = 1; n <= blocks; n++)); do
	[ -e "$n.want" ] || fail "block $n of tracing.md says nothing about its output"
	check_block "$n"
done
[ "$checked" -ge 12 ] || fail "only $checked blocks were compared"
echo "$checked blocks of tracing.md give what it says"
