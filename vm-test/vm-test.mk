# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The tests on other kernels, in QEMU: vm-test/README.md.
PACKAGES += qemu-system-x86 cpio kmod xz-utils

vm-test: deps
	@$(MAKE) --no-print-directory all tests
	@bash vm-test/run.sh $(KERNELS)

# The questions to a kernel that the design rests on: vm-test/probe/probe.sh.
$B/probe/probe.bpf.o: vm-test/probe/probe.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MF $B/probe/probe.bpf.d -c $< -o $@

$B/probe/probe.skel.h: $B/probe/probe.bpf.o
	$(BPFTOOL) gen skeleton $< name probe > $@

$B/probe/probe: vm-test/probe/probe.c $B/probe/probe.skel.h
	$(CC) $(CPPFLAGS) -I$B/probe $(CFLAGS) -o $@ $< -lbpf -lelf -lz

tests: $B/probe/probe

# The verifier's work on this kernel (make budget) and on those of the matrix.
budget-all: budget
	@bash vm-test/record-budget.sh

.PHONY: budget-all
