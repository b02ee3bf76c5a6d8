/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dataplane_sizes.h - inside the loader: how many entries each map of a location has. */
#pragma once
#include "model.h"
#include <dpulab/settings.h>

struct bpf_object;

/* Before the object is loaded. flows: of the flow table. */
void dataplane_set_sizes(struct bpf_object *obj, const struct dpu_settings *settings, const struct lab *lab,
			 uint32_t flows);
