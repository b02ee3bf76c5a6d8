/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guest_files.h - the files of a guest, in its lab's folder (state.h), as guest-VM.WHAT:
 *
 *   process    locked by the guest's QEMU (fcntl(2)) for as long as it lives: which process it is, the kernel knows
 *   settings   what it was started with
 *   console    what its kernel writes
 *   qemu       what QEMU has to say
 *   portN      the socket of a virtio-serial port; lockN is held by who uses it
 */
#pragma once
#include <stddef.h>
#include "state.h"

#define GUEST_PATH_MAX 96
#define GUEST_FILE "guest-"

/* "/run/dpulab/LAB/guest-VM.WHAT"; what is a format for a number. Returns buffer. */
const char *guest_path(char buffer[static GUEST_PATH_MAX], const char *lab, const char *vm, const char *what, ...)
	__attribute__((format(printf, 4, 5)));
