/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dataplane_sizes.h - inside the loader: how many entries each map of a location has. */
#pragma once
#include "model.h"
#include <dpulab/settings.h>

struct bpf_object;

/*
 * Entries of map "conntrack" for so many connections. The kernel gives a hash table as many buckets as the next power of
 * two: what is one already gets an entry more, and so buckets that are half empty when the table is full, for 16 bytes a
 * place. Not small tables, which are counted, nor large ones, which are weighed.
 */
uint32_t dataplane_ct_entries(uint32_t connections);

/* Before the object is loaded. flows: of the flow table. */
void dataplane_set_sizes(struct bpf_object *obj, const struct dpu_settings *settings, const struct lab *lab,
			 uint32_t flows);
