#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# run.sh - boots Debian's kernels in QEMU and runs the project's tests in them.
#
#   vm-test/run.sh [--quick | --net=PATTERN] [KERNEL]... [-- COMMAND...]
#
# KERNEL is a name from kernels.list; default all. --quick: the program tests
# only; --net: only net tests with PATTERN in their names. With a COMMAND the guest runs that instead, in /dpulab. Needs no root,
# except that apt's lists may have to be refreshed. CPUs are emulated (tcg): a
# hypervisor below this machine may not let another one run.
#
# Closes with `N passed, N failed, N skipped`; a kernel that cannot be had is one
# skip, with the reason. Exit status: 0 nothing failed, 1 a test failed or a guest
# did not end in time, 2 usage.
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
OUT_REL=build/vm-test
OUT=$HERE/../$OUT_REL
VM_TIMEOUT=${VM_TIMEOUT:-7200} # seconds for one boot
BOOTS=3                        # of one guest, at most
VM_MEMORY=${VM_MEMORY:-2048}   # MiB
NET_TIMEOUT=${NET_TIMEOUT:-1800} # seconds one net test may take there
VM_SEQUENCES=${VM_SEQUENCES:-10} # of the differential test: emulated CPUs are slow
# shellcheck source=vm-test/kernel.sh
. "$HERE/kernel.sh"
# shellcheck source=vm-test/image.sh
. "$HERE/image.sh"

passed=0 failed=0 skipped=0
pattern= # of net tests

usage() {
	sed -n 's/^#   \(vm-test.*\)/usage: \1/p' "$0" >&2
	exit 2
}

skip() { # KERNEL REASON
	echo "skip  vm: $1 ($2)"
	skipped=$((skipped + 1))
}

fail() { # KERNEL REASON
	echo "FAIL  vm: $1 ($2)"
	failed=$((failed + 1))
}

# Why no guest can run here; nothing when one can.
missing_tool() {
	local tool
	for tool in qemu-system-x86_64 cpio depmod dpkg-deb apt-get xz; do
		command -v "$tool" >/dev/null || { echo "$tool is not installed: make deps"; return; }
	done
	[ "$(uname -m)" = x86_64 ] || echo "the guests are for x86_64, this machine is $(uname -m)"
}

build_images() { # KERNEL-FOLDER
	image_base "$OUT/part.base" &&
		image_modules "$1" "$OUT/part.$(basename "$1")" &&
		image_project "$OUT/part.project"
}

build_initramfs() { # KERNEL-FOLDER INITRAMFS COMMAND...
	local kernel=$1 initramfs=$2 part=$OUT/part
	shift 2
	image_job "$part.job" "$@" &&
		cat "$part.base" "$part.$(basename "$kernel")" "$part.project" "$part.job" >"$initramfs"
}

# Runs a guest; its job's output goes to stdout, the console and the exit status to files.
boot() { # KERNEL-FOLDER INITRAMFS LOG-PREFIX
	rm -f "$3.status"
	timeout -k 10 "$VM_TIMEOUT" nice qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$VM_MEMORY" \
		-nodefaults -display none -no-reboot -kernel "$1"/boot/vmlinuz-* -initrd "$2" \
		-append "console=ttyS0 quiet panic=-1 rdinit=/init" \
		-serial "file:$3.console" -serial stdio -serial "file:$3.status" </dev/null
}

# Counts what a guest's runner says in its closing line; a command without one is one test.
judge() { # KERNEL LOG STATUS
	local closing n
	closing=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$2" | tail -n 1)
	read -r -a n <<<"${closing:-$(($3 == 0)) passed, 0 failed, 0 skipped}"
	passed=$((passed + n[0])) failed=$((failed + n[2])) skipped=$((skipped + n[4]))
	[ "$3" = 0 ] || [ "${n[2]}" != 0 ] || fail "$1" "ended with status $3"
}

# Did a CPU run an instruction of the kernel as it was before the kernel rewrote it? QEMU's threads for CPUs may: what was a
# breakpoint while it was rewritten is one that nobody knows, afterwards, and the kernel ends itself.
emulator_tripped() { grep -q 'int3: 0000 \[#1\]' "$1.console"; } # LOG-PREFIX

# One boot, or another where the emulator is what crashed it.
guest() { # KERNEL COMMAND...
	local name=$1 log=$OUT/$1 boot status
	shift
	build_initramfs "$KERNEL" "$OUT/initramfs" "$@" || { fail "$name" "cannot build the initramfs"; return; }
	for boot in $(seq $BOOTS); do
		boot "$KERNEL" "$OUT/initramfs" "$log" | tee "$log.log" |
			sed -u "/^[0-9]* passed, .* skipped\$/d; s/^/$name: /"
		status=$(tr -cd '0-9' <"$log.status")
		[ -z "$status" ] && [ "$boot" -lt $BOOTS ] && emulator_tripped "$log" || break
		echo "$name: booted again: the emulator tripped over code that the kernel had rewritten ($*)"
	done
	if [ -n "$status" ]; then
		judge "$name" "$log.log" "$status"
	else
		tail -n 20 "$log.console" | sed "s/^/$name: console: /"
		fail "$name" "no exit status: crashed, or took longer than $VM_TIMEOUT s: $*"
	fi
}

# A guest of its own for each net test: what crashes one takes no other test with it.
run_tests() { # KERNEL PART...
	local name=$1 part script tests
	shift
	for part in "$@"; do
		tests=("$part")
		if [ "$part" = net ]; then
			tests=()
			for script in "$HERE"/../tests/net/*"$pattern"*.sh; do tests+=("net:=$(basename "$script" .sh)"); done
		fi
		for part in "${tests[@]}"; do
			guest "$name" env "TEST_SKIPS=vm-test/skip/$name.txt" "DPULAB_SEQUENCES=$VM_SEQUENCES" \
				"NET_TIMEOUT=$NET_TIMEOUT" bash tests/run.sh "$part"
		done
	done
}

run_kernel() { # KERNEL FUNCTION WORD...: the function gets the kernel's name and the words
	local name=$1 what=$2 begin=$SECONDS
	shift 2
	kernel_get "$name"
	case $? in
	0) ;;
	77) skip "$name" "$REASON"; return ;;
	*) fail "$name" "cannot unpack $KERNEL"; return ;;
	esac
	build_images "$KERNEL" || { fail "$name" "cannot build the initramfs"; return; }
	"$what" "$name" "$@"
	echo "$name: $(kernel_release "$KERNEL"), $((SECONDS - begin)) s"
}

main() {
	local parts=(prog net) kernels=() kernel reason
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		case $1 in
		--quick) parts=(prog) ;;
		--net=*) parts=(net) pattern=${1#*=} ;;
		-*) usage ;;
		*) [ -n "$(kernel_meta "$1")" ] || usage; kernels+=("$1") ;;
		esac
		shift
	done
	[ $# -eq 0 ] || shift
	[ ${#kernels[@]} -gt 0 ] || mapfile -t kernels < <(kernel_names)

	mkdir -p "$OUT"
	exec 9>"$OUT/lock" && flock 9 # one run at a time in this folder
	reason=$(missing_tool)
	for kernel in "${kernels[@]}"; do
		if [ -n "$reason" ]; then
			skip "$kernel" "$reason"
		elif [ $# -gt 0 ]; then
			run_kernel "$kernel" guest "$@"
		else
			run_kernel "$kernel" run_tests "${parts[@]}"
		fi
	done

	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}

main "$@"
