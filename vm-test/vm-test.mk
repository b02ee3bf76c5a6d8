# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The tests on other kernels, in QEMU: vm-test/README.md.
PACKAGES += qemu-system-x86 cpio kmod xz-utils

vm-test: deps
	@$(MAKE) --no-print-directory all tests
	@bash vm-test/run.sh $(KERNELS)
