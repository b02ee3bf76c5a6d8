/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowlimits.h - the emulated device's say in what goes into the flow table:
 * actions, protocols, room, rates, ageing; and why a flow is not in it. Only
 * where a profile is given (core/asic.h). Everything here is the slow path's.
 */
#pragma once
#include "stage/flowcache.h"

#define FLOW_NOWHERE	0xffffffffu /* no slot: the flow stays on the Arm path */
#define FLOW_REFUSED	0xfffffffeu /* the same, and the device drops */
#define FLOW_FULL	0xfffffffdu /* once flow_victim() has made room, ask again */
#define FLOW_AGE_FLOWS	4	    /* that may leave by ageing for each that wants in */
#define FLOW_AGE_STEPS	16	    /* slots the hand of ageing passes in search of one */
#define FLOW_EVICT_STEPS 4096	    /* sets looked at for a victim outside the flow's own */

/* ---- why not ------------------------------------------------------------------ */

/* For `show`: the connection's direction says why. What is still in the table keeps its reference. */
INLINE void flow_note_why(__u32 i, __u32 reason)
{
	struct pkt *p = scratch_pkt();
	struct dpu_ct *ct;
	__u32 direction;

	if (!p || !p->ct_id[i])
		return;
	direction = tuple_key(&p->other_key, &p->key, p->ct_zone[i]);
	ct = env_lookup(conntrack, &p->other_key);
	if (!ct || ct->id != p->ct_id[i])
		return;
	direction = tuple_direction(ct, direction);
	if (!ct->flow_ref[direction] || DPU_FLOW_IS_WHY(ct->flow_ref[direction]))
		ct->flow_ref[direction] = DPU_FLOW_WHY | reason;
}

/* p's flow gets no entry. Returns what flow_limit() is to return. */
STAGE __u32 flow_refuse(__u32 reason)
{
	struct dpu_asic *device = asic_device();
	struct pkt *p = scratch_pkt();
	int drops;

	if (!p)
		return FLOW_NOWHERE;
	env_add(&device->why[reason & (DPU_OFFLOAD_MAX - 1)], 1);
	env_add(&device->refused[p->key.in_port & (DPU_ASIC_PORTS - 1)], 1);
	flow_note_why(0, reason);
	flow_note_why(1, reason);
	drops = reason == DPU_OFFLOAD_TABLE_FULL ? device->when_full == DPU_ASIC_FULL_DROP
		: reason == DPU_OFFLOAD_INSERTION_RATE || reason == DPU_OFFLOAD_CONNECTION_RATE
			? device->drop_above_rate
			: 0;
	if (!drops)
		return FLOW_NOWHERE;
	env_add(&device->dropped, 1);
	return FLOW_REFUSED;
}

/* A frame whose decision is not for the table at all. Always 0. */
STAGE int asic_note_uncacheable(const struct pkt *p)
{
	struct dpu_asic *device = asic_device();
	__u32 reason = DPU_OFFLOAD_OTHER;

	if (!p)
		return 0;
	if (p->frag)
		reason = DPU_OFFLOAD_FRAGMENT;
	else if (p->icmp_error)
		reason = DPU_OFFLOAD_ICMP_ERROR;
	else if (p->key.proto == WIRE_PROTO_TCP)
		reason = DPU_OFFLOAD_HANDSHAKE;
	env_add(&device->why[reason], 1);
	return 0;
}

/* ---- what hardware can do ------------------------------------------------------ */

INLINE __u32 flow_protocol_bit(__u8 proto)
{
	switch (proto) {
	case WIRE_PROTO_TCP:
		return DPU_ASIC_TCP;
	case WIRE_PROTO_UDP:
		return DPU_ASIC_UDP;
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMP6:
		return DPU_ASIC_ICMP;
	default:
		return DPU_ASIC_OTHER;
	}
}

/* enum dpu_offload_reason, NONE if the device has all that p's flow needs. */
INLINE __u32 flow_unsupported(const struct pkt *p, __u32 actions)
{
	__u32 protocol = flow_protocol_bit(p->key.proto), edit = DPU_ASIC_FORWARD;

	if (p->key.family == 6)
		protocol |= DPU_ASIC_IP6;
	if (p->key.vni)
		edit |= DPU_ASIC_DECAP;
	if (p->key.vlan || p->action == DPU_FLOW_TAG)
		edit |= DPU_ASIC_TAG;
	if (p->action == DPU_FLOW_ENCAP)
		edit |= DPU_ASIC_ENCAP;
	if ((actions & protocol) != protocol)
		return DPU_OFFLOAD_PROTOCOL;
	return (actions & edit) == edit ? DPU_OFFLOAD_NONE : DPU_OFFLOAD_ACTION;
}

/* ---- making room ---------------------------------------------------------------- */

/* Takes the flow of a slot out of the table: 1, or 0: there is none, or another CPU is at it. */
STAGE int flow_take_out(__u32 number)
{
	struct dpu_flow_set *set = flowtab_set(number / DPU_FLOW_WAYS);
	struct flow_entry e;

	if (!set || !flowtab_entry(number + 1, &e) || !DPU_FLOW_PATH(e.hot) || !flowtab_claim(&e.hot->stamp))
		return 0;
	flowtab_take_out(&e, set, number + 1);
	return 1;
}

/* Idle for too long (0 = never), or left behind by its connection. */
INLINE int flow_is_over(const struct flow_entry *e, __u32 now, __u32 idle)
{
	return (idle && now - env_read(e->hot->last_seen) > idle) || e->flow->action == DPU_FLOW_NONE;
}

/* The hand of ageing goes on, to the next entry that has been idle for too long: its slot, or FLOW_NOWHERE. */
STAGE __u32 flow_too_old(void)
{
	struct dpu_asic *device = asic_device();
	struct pkt *p = scratch_pkt();
	__u32 first, found = FLOW_NOWHERE, steps = 0;

	if (!p)
		return FLOW_NOWHERE;
	first = env_read(device->hand);
	for (__u32 i = 0; i < FLOW_AGE_STEPS; i++) {
		__u32 number = (first + i) & (0xffffffffu >> (settings.flow_slot_shift - 32));
		struct flow_entry e;

		if (found != FLOW_NOWHERE || !flowtab_entry(number + 1, &e))
			continue;
		steps++;
		if (DPU_FLOW_PATH(e.hot) && flow_is_over(&e, p->now_ns >> 20, device->idle))
			found = number;
	}
	env_write(device->hand, first + steps); /* of two CPUs one's steps are lost: they are made again */
	return found;
}

/* Of the ways of a slot's set the one idle for longest, or FLOW_NOWHERE if the set is empty. */
INLINE __u32 flow_oldest(__u32 slot, __u32 now)
{
	__u32 first = slot & -DPU_FLOW_WAYS, oldest = FLOW_NOWHERE, age = 0;

	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++) {
		const struct dpu_flow_hot *hot = flowtab_hot(first + i);
		__u32 idle = now - env_read(hot->last_seen) + 1;

		if (DPU_FLOW_PATH(hot) && (oldest == FLOW_NOWHERE || idle > age)) {
			oldest = first + i;
			age = idle;
		}
	}
	return oldest;
}

/* One set more in search of a victim: *arg becomes its slot. */
static long flow_evict_step(__u32 i, void *arg)
{
	struct dpu_asic *device = asic_device();
	struct pkt *p = scratch_pkt();
	__u32 *victim = arg;

	(void)i;
	if (!p)
		return 1;
	*victim = flow_oldest(env_fetch_add(&device->hand, DPU_FLOW_WAYS), p->now_ns >> 20);
	return *victim != FLOW_NOWHERE;
}

/* Whom to take out for the flow with this hash: the oldest of its own sets, else of the next that has one. */
STAGE __u32 flow_victim(__u64 hash)
{
	struct pkt *p = scratch_pkt();
	__u32 victim, now;

	if (!p)
		return FLOW_NOWHERE;
	now = p->now_ns >> 20;
	victim = flow_oldest(flow_slot(hash), now);
	if (victim == FLOW_NOWHERE)
		victim = flow_oldest(flow_slot_other(hash), now);
	if (victim == FLOW_NOWHERE)
		env_loop(FLOW_EVICT_STEPS, flow_evict_step, &victim);
	return victim;
}

/* ---- where to -------------------------------------------------------------------- */

/* p's own way in the set of a slot, or FLOW_NOWHERE. */
INLINE __u32 flow_own_way(const struct pkt *p, __u32 slot, __u32 path)
{
	__u32 first = slot & -DPU_FLOW_WAYS;

	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++) {
		const struct dpu_flow_hot *hot = flowtab_hot(first + i);

		if (flow_same_key(hot, &p->id) && DPU_FLOW_PATH(hot) == path)
			return first + i;
	}
	return FLOW_NOWHERE;
}

/* A free way in the set of a slot, its preferred one first, or FLOW_NOWHERE; *ret_free: how many are. */
INLINE __u32 flow_free_way(__u32 slot, __u32 *ret_free)
{
	__u32 first = slot & -DPU_FLOW_WAYS, found = FLOW_NOWHERE, n = 0;

	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++) {
		__u32 number = first + ((slot + i) & (DPU_FLOW_WAYS - 1));

		if (DPU_FLOW_PATH(flowtab_hot(number)))
			continue;
		found = found == FLOW_NOWHERE ? number : found;
		n++;
	}
	*ret_free = n;
	return found;
}

/* Of the flow's two sets the emptier one: so none overflows before the table is full. */
STAGE __u32 flow_free_slot(__u32 slot, __u32 other)
{
	__u32 n, m, here = flow_free_way(slot, &n), there = flow_free_way(other, &m);

	return m > n ? there : here;
}

/* Has the connection of p's flow been let in, in its other direction? Without one: as if. */
INLINE int flow_connection_is_in(void)
{
	struct pkt *p = scratch_pkt();
	struct dpu_ct *ct;
	__u32 i;

	if (!p)
		return 1;
	i = p->ct_id[0] ? 0 : 1;
	if (!p->ct_id[i])
		return 1;
	tuple_key(&p->other_key, &p->key, p->ct_zone[i]);
	ct = env_lookup(conntrack, &p->other_key);
	if (!ct || ct->id != p->ct_id[i])
		return 1;
	return (ct->flow_ref[0] && !DPU_FLOW_IS_WHY(ct->flow_ref[0])) ||
	       (ct->flow_ref[1] && !DPU_FLOW_IS_WHY(ct->flow_ref[1]));
}

/* Books an insertion, and a connection if it is its first flow: enum dpu_offload_reason, NONE if both are due. */
STAGE __u32 flow_take_rates(void)
{
	struct dpu_asic *device = asic_device();
	__u64 now = env_clock_ns() << DPU_ASIC_TIME_SHIFT;
	int first = !flow_connection_is_in();

	if (!asic_rate_ready(&device->insertion_due, device->insertion_interval, device->burst, now))
		return DPU_OFFLOAD_INSERTION_RATE;
	if (first && !asic_rate_take(&device->connection_due, device->connection_interval, device->burst, now))
		return DPU_OFFLOAD_CONNECTION_RATE;
	if (!asic_rate_take(&device->insertion_due, device->insertion_interval, device->burst, now))
		return DPU_OFFLOAD_INSERTION_RATE;
	if (first)
		env_add(&device->connections, 1);
	return DPU_OFFLOAD_NONE;
}

/* An entry that is there: written anew as it was, or, after a change, if the rate allows. */
STAGE __u32 flow_rewrite(const struct pkt *p, __u32 number, __u32 path_seq)
{
	struct dpu_asic *device = asic_device();
	__u64 now = env_clock_ns() << DPU_ASIC_TIME_SHIFT;

	if (!p || flowtab_hot(number)->gen_sum == p->gen_sum + path_seq * DPU_PATH_WEIGHT)
		return number;
	if (!asic_rate_take(&device->insertion_due, device->insertion_interval, device->burst, now))
		return flow_refuse(DPU_OFFLOAD_RESIMULATION);
	env_add(&device->resimulated, 1);
	return number;
}

/* A new entry: the slot it may have, counted, or why it may not. */
INLINE __u32 flow_admit(const struct pkt *p, __u32 slot, __u32 other)
{
	struct dpu_asic *device = asic_device();
	__u32 number, reason;

	if (device->capacity && env_read(device->used) >= device->capacity)
		return device->when_full == DPU_ASIC_FULL_EVICT ? FLOW_FULL : flow_refuse(DPU_OFFLOAD_TABLE_FULL);
	number = flow_free_slot(slot, other);
	if (number == FLOW_NOWHERE)
		return flow_refuse(DPU_OFFLOAD_COLLISION);
	reason = flow_take_rates();
	if (reason)
		return flow_refuse(reason);
	if (!asic_reserve(device, p->now_ns))
		return flow_refuse(DPU_OFFLOAD_TABLE_FULL);
	env_add(&device->inserted, 1);
	env_add(&device->created[p->key.in_port & (DPU_ASIC_PORTS - 1)], 1);
	return number;
}

/*
 * Slot for p's flow in the device's table. FLOW_NOWHERE: it stays on the Arm path; FLOW_REFUSED: its frame is
 * dropped; FLOW_FULL. p->id is set. p->flow_counted: its place is counted in the device's table.
 */
STAGE __u32 flow_limit(struct pkt *p, __u64 hash, __u32 path, __u32 path_seq)
{
	struct dpu_asic *device = asic_device();
	__u32 slot = flow_slot(hash), other = flow_slot_other(hash), number, reason;

	if (!p)
		return FLOW_NOWHERE;
	p->flow_counted = 0;
	reason = flow_unsupported(p, device->actions);
	if (reason)
		return flow_refuse(reason);
	number = flow_own_way(p, slot, path);
	if (number == FLOW_NOWHERE)
		number = flow_own_way(p, other, path);
	if (number != FLOW_NOWHERE)
		return flow_rewrite(p, number, path_seq);
	number = flow_admit(p, slot, other);
	p->flow_counted = number < FLOW_FULL;
	return number;
}
