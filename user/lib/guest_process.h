/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guest_process.h - the QEMU of a guest: found, started, ended.
 *
 * It holds a lock on its process file from before it becomes QEMU to its end, so that no command needs to remember it, and
 * none can mistake another process for it. While it has no such lock yet it holds the lab's: who comes after a killed
 * command waits for that. Callers hold the lab's lock.
 */
#pragma once
#include "guest_image.h"
#include "model.h"

#define GUEST_QEMU "qemu-system-x86_64"

struct guest_start {
	const char *lab;
	const struct lab_vm *vm;
	const struct cpu_set *cpus; /* that its threads run on; empty: any */
	const struct guest_kernel *kernel;
	bool kvm;
	int tap, initramfs; /* descriptors; the caller closes them */
};

/* Is QEMU in PATH? -ENOENT with a sentence. */
int guest_qemu_find(struct diag *diag);
/* The process of a guest; 0: it does not run. */
uint32_t guest_process(const char *lab, const char *vm);
/* The words QEMU is started with, joined by spaces: whoever has other ones needs another guest. The caller frees. */
char *guest_settings(const struct guest_start *start);
/* Returns when the program runs, which is not yet the guest. */
int guest_process_start(const struct guest_start *start, struct diag *diag);
/* Kills it, waits for its end, and removes its files. Nothing there is success. */
int guest_process_end(const char *lab, const char *vm, struct diag *diag);
/* The last line of what QEMU said; "" if nothing. */
const char *guest_last_words(const char *lab, const char *vm, char *buffer, size_t size);
