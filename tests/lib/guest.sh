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

# The lab of a guest web1 beside a VM web2, and a VM web3 on the other host; what else it has from stdin.
guest_lab() {
	{
		cat <<YAML
lab: x
hosts:
  esx1: {dpu: true}
  esx2: {dpu: true}
port-groups:
  blue: {vni: 5001}
vms:
  web1: {host: esx1, port-group: blue, ip: [10.1.0.11/24, "2001:db8:1::11/64"], type: qemu, accelerator: tcg,
    kernel: $GUEST_KERNEL}
  web2: {host: esx1, port-group: blue, ip: [10.1.0.12/24, "2001:db8:1::12/64"]}
  web3: {host: esx2, port-group: blue, ip: [10.1.0.13/24, "2001:db8:1::13/64"]}
YAML
		cat
	} | write_lab
}

in_guest() { # VM CMD...
	"$DPULAB" exec "$LAB" "$1" -- "${@:2}"
}
