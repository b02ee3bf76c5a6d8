/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dataplane_load.h - what the loader of the built-in objects (dataplane_load.c) and that of linked ones share. */
#pragma once
#include <bpf/libbpf.h>
#include "dataplane.h"
#include "dataplane_pins.h"
#include "dataplane_sizes.h"

/* Lets `to` work on the maps of `from`, which is loaded. */
int dataplane_share_maps(struct bpf_object *from, struct bpf_object *to);
/* Sets a load-time constant, by its name and of its whole size, of an object not yet loaded. -ENOENT. */
int dataplane_set_constant(struct bpf_object *object, const char *name, const void *value, size_t size);
/* Loads; on failure the verifier's log is kept and its end shown. which: "xdp", "tc". */
int dataplane_load_object(struct bpf_object *obj, const char *lab, const char *node, const char *which,
			  struct diag *diag);
