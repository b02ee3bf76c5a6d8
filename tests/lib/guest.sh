# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# guest.sh - for net tests with a QEMU guest. need_guest skips where there can be none, with the reason, and sets
# GUEST_KERNEL: the kernel that vm-test boots, unpacked as vm-test does (vm-test/kernel.sh).
need_guest() {
	local status
	emulated && skip "a guest in an emulated guest would take too long"
	need qemu-system-x86_64 depmod dpkg-deb apt-cache apt-get
	[ "$(uname -m)" = x86_64 ] || skip "guests are for x86_64"
	HERE=$TESTS/../vm-test
	OUT=$TESTS/../build/vm-test
	mkdir -p "$OUT"
	# shellcheck source=vm-test/kernel.sh
	. "$HERE/kernel.sh"
	exec 9>"$OUT/lock"
	flock 9 # as vm-test does: one at a time in this folder
	kernel_get 6.1
	status=$?
	exec 9>&-
	[ "$status" = 77 ] && skip "no kernel for the guest: $REASON"
	[ "$status" = 0 ] || fail "cannot unpack the guest's kernel"
	GUEST_KERNEL=$(realpath "$KERNEL"/boot/vmlinuz-*)
	echo "guest kernel: ${GUEST_KERNEL##*/}"
}

in_guest() { # VM CMD...
	"$DPULAB" exec "$LAB" "$1" -- "${@:2}"
}
