/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dataplane_pins.h - where a location's pins are: between dataplane.c and dataplane_load.c. */
#pragma once
#include <limits.h>
#include "diag.h"

/* PIN_ROOT/LAB/NODE/KIND[/NAME]; name may be NULL. */
void dataplane_pin_path(char ret_path[static PATH_MAX], const char *lab, const char *node, const char *kind,
			const char *name);
/* The mark that is made last. */
void dataplane_layout_path(char ret_path[static PATH_MAX], const char *lab, const char *node);
/* Mounts the BPF file system unless it is there. */
int dataplane_bpffs(struct diag *diag);
int dataplane_make_dir(const char *path, struct diag *diag);
int dataplane_make_dirs(const char *lab, const char *node, struct diag *diag);
