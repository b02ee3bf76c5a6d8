/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rulebytes.h - what a connection that ends has counted is booked to the rule that
 * let it pass. Whoever includes this has the map "dfw_bytes" already.
 */
#pragma once
#include <dpulab/conntrack.h>
#include <dpulab/dfw.h>

/* bytes: more than the connection's own. A rule's first connection makes its entry; no memory for it: not booked. */
INLINE void rule_book(__u32 rule_id, __u16 zone, __u64 bytes)
{
	struct dpu_rule_key key = {.rule_id = rule_id, .zone = zone};
	__u64 none = 0, *sum = env_lookup(dfw_bytes, &key);

	if (!sum) {
		env_update(dfw_bytes, &key, &none, BPF_NOEXIST);
		sum = env_lookup(dfw_bytes, &key);
	}
	if (sum)
		env_add(sum, bytes);
}
