/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_merge.bpf.c - what another location knows of a connection, added to the
 * entry this location has: run once per connection while it is being handed
 * over. In the kernel, because an entry that user space reads, changes and writes
 * back loses what the datapath did to it meanwhile.
 */
#include <dpulab/conntrack.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* The location's own; see maps.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct dpu_ct_key);
	__type(value, struct dpu_ct);
} conntrack SEC(".maps");

/*
 * The past is taken from the other side, the state from whoever saw the
 * connection last; counters add up, as each side counted frames that the other
 * did not. Id and references stay with what this side's flow entries name.
 */
static __always_inline void merge(struct dpu_ct *ct, const struct dpu_ct *other)
{
	__u8 flags = other->flags;

	for (int dir = 0; dir < 2; dir++) {
		__sync_fetch_and_add(&ct->packets[dir], other->packets[dir]);
		__sync_fetch_and_add(&ct->bytes[dir], other->bytes[dir]);
	}
	ct->created_ns = other->created_ns;
	ct->rule_id = other->rule_id;
	ct->iss[0] = other->iss[0];
	ct->iss[1] = other->iss[1];
	ct->syn_len = other->syn_len;
	ct->policy_gen = other->policy_gen;
	if (ct->last_seen_ns > other->last_seen_ns) {
		if (ct->flags & DPU_CT_F_TAKEN_OVER)
			ct->state = other->state;
		flags &= ~(DPU_CT_F_RST_OPENER | DPU_CT_F_RST_REPLIER);
		flags |= ct->flags & (DPU_CT_F_FIN_OPENER | DPU_CT_F_FIN_REPLIER | DPU_CT_F_RST_OPENER |
				      DPU_CT_F_RST_REPLIER);
	} else {
		ct->state = other->state;
		ct->last_seen_ns = other->last_seen_ns;
	}
	ct->flags = flags;
}

/* 0, or 1: there is no such connection here. */
SEC("syscall")
int merge_connection(struct dpu_ct_merge *arg)
{
	struct dpu_ct_key key = arg->key;
	struct dpu_ct other = arg->ct, *ct = bpf_map_lookup_elem(&conntrack, &key);

	if (!ct)
		return 1;
	merge(ct, &other);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
