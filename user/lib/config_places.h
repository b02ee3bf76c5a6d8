/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config_places.h - inside the reader of lab files: which field was given where. */
#pragma once
#include "config.h"
#include "yaml.h"

struct place {
	const void *field;
	const struct yaml_node *node;
};

struct config_places {
	const struct yaml_document *doc;
	struct place *place;
	size_t n;
};

/* field: any address inside the lab. -ENOMEM. */
int config_places_add(struct config_places *places, const void *field, const struct yaml_node *node);
