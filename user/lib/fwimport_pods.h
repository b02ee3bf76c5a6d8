/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fwimport_pods.h - inside the importer of Kubernetes: pods as groups of VMs by tags. */
#pragma once
#include "fwimport_rule.h"
#include "yaml.h"

struct pods_closed {
	char group[POLICY_NAME_MAX], *policy;
	unsigned line;
	bool inbound;
};

struct pods_reader {
	struct importer *in;
	char **groups; /* by number: the text of each that has been written */
	size_t n_groups;
	struct pods_closed *closed; /* one of each group and direction */
	size_t n_closed;
	size_t objects;
};

/* The text of a key, or `otherwise` if there is none. node may be NULL. */
const char *pods_text(const struct yaml_node *node, const char *key, const char *otherwise);
/* Whether a mapping has no key but these, ended by NULL. */
bool pods_only(const struct yaml_node *mapping, const char *const *keys);
/* The group of pods of a namespace that a label selector selects. NULL, or why there is none. */
const char *pods_selected(struct pods_reader *r, const char *space, const struct yaml_node *selector, char *ret_group);
/* The group of a peer with podSelector, namespaceSelector or both, of a policy in `space`. Likewise. */
const char *pods_peer(struct pods_reader *r, const char *space, const struct yaml_node *peer, char *ret_group);
/* Remembers that a policy closes its pods; pods_write_closed() writes it behind all that is allowed. */
void pods_close(struct pods_reader *r, unsigned line, const char *policy, const char *group, bool inbound);
void pods_write_closed(struct pods_reader *r);
void pods_free(struct pods_reader *r);
