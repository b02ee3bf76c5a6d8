/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "flowview.h"
#include "monotonic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "mapio.h"

#define READ_TRIES 4 /* an entry that is rewritten this often is not worth waiting for */

int flow_view_open(const struct dataplane *dp, struct flow_view *ret_view)
{
	struct flow_view view;

	view.slots = mapio_mmap(dp, MAP_flows, false, &view.size);
	if (!view.slots)
		return -errno;
	view.info = mapio_mmap(dp, MAP_flow_info, false, &view.info_size);
	if (!view.info) {
		mapio_munmap((void *)view.slots, view.size);
		return -errno;
	}
	view.entries = mapio_entries(dp, MAP_flow_info) * DPU_FLOW_WAYS;
	*ret_view = view;
	return 0;
}

void flow_view_close(struct flow_view *view)
{
	mapio_munmap((void *)view->slots, view->size);
	mapio_munmap((void *)view->info, view->info_size);
	view->slots = NULL;
	view->info = NULL;
}

/* The table keeps the low bits of the time, in units of 2^20 ns. */
static uint64_t time_of(uint32_t last_seen)
{
	uint64_t now = monotonic_ns();
	int32_t age;

	age = (uint32_t)(now >> 20) - last_seen;
	return age > 0 ? now - ((uint64_t)age << 20) : now;
}

bool flow_view_read(const struct flow_view *view, uint32_t ref, struct dpu_flow *ret_flow)
{
	const struct dpu_flow *flow;
	const struct dpu_flow_hot *hot;
	struct dpu_flow_hot copy;
	uint32_t stamp;

	if (!ref || ref > view->entries)
		return false;
	flow = &view->info[(ref - 1) / DPU_FLOW_WAYS].way[(ref - 1) % DPU_FLOW_WAYS];
	hot = &view->slots[ref - 1];
	for (int i = 0; i < READ_TRIES; i++) {
		stamp = __atomic_load_n(&hot->stamp, __ATOMIC_ACQUIRE);
		memcpy(ret_flow, flow, sizeof(*ret_flow));
		memcpy(&copy, hot, sizeof(copy));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((stamp & 1) || __atomic_load_n(&hot->stamp, __ATOMIC_RELAXED) != stamp)
			continue;
		ret_flow->packets = copy.packets;
		ret_flow->bytes = DPU_FLOW_BYTES(&copy);
		ret_flow->last_seen_ns = time_of(copy.last_seen);
		return DPU_FLOW_PATH(&copy) != 0;
	}
	return false;
}

void flow_view_handed_in(const struct flow_view *view, uint32_t ref, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	const struct dpu_flow *flow = &view->info[(ref - 1) / DPU_FLOW_WAYS].way[(ref - 1) % DPU_FLOW_WAYS];

	*ret_packets = flow->packets;
	*ret_bytes = flow->bytes;
}

void flow_view_add_counts(const struct flow_view *view, struct dpu_ct *ct)
{
	for (int dir = 0; dir < 2; dir++) {
		struct dpu_flow flow;

		if (!flow_view_read(view, ct->flow_ref[dir], &flow) ||
		    (flow.ct_id[0] != ct->id && flow.ct_id[1] != ct->id))
			continue;
		ct->packets[dir] += flow.packets;
		ct->bytes[dir] += flow.bytes;
		if (flow.last_seen_ns > ct->last_seen_ns)
			ct->last_seen_ns = flow.last_seen_ns;
	}
}

/* As bpf/core/tuple.h: the lower (address, port) pair in network order is side 0. */
unsigned flow_view_connection(const struct dpu_flow *flow, int end, struct dpu_ct_key *ret_key)
{
	const struct dpu_flow_key *key = &flow->key;
	bool echo = key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6;
	uint16_t dport = echo ? key->sport : key->dport;
	int order = memcmp(&key->src, &key->dst, sizeof(key->src));
	unsigned side;

	if (!order)
		order = ntohs(key->sport) <= ntohs(dport) ? -1 : 1;
	side = order > 0;
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->addr[side] = key->src;
	ret_key->addr[!side] = key->dst;
	ret_key->port[side] = key->sport;
	ret_key->port[!side] = dport;
	ret_key->zone = flow->ct_zone[end];
	ret_key->proto = key->proto;
	return side;
}
