/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slotlink.h - the pipeline with users' slots in it, as one object: libbpf's linker puts
 * each slot's function in the place of a weak one (bpf/slots.h). No kernel is asked.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "diag.h"

/*
 * Links the built-in object of a hook (xdp or tc) with n slots, whose checked object files are given by
 * number; NULL: that number has none. *ret_path is the linked file, in a folder of its own below /tmp: remove
 * it with slotlink_remove(). -EINVAL: what the linker says of it.
 */
int slotlink_run(bool xdp, const char *const *paths, size_t n, char **ret_path, struct diag *diag);
void slotlink_remove(char *path);
