/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowrecord.h - the slow path's half of the flow cache: turn a decision into
 * a path and a flow. Runs before the frame is edited. Nobody waits for anybody:
 * what another CPU is writing is left to it, and the next frame records.
 */
#pragma once
#include "stage/flowcache.h"
#include "stage/flowlimits.h"

#define FLOW_LEAST_LIFE_NS (2ull << DPU_FLOW_RENEW_SHIFT) /* shorter is not worth an entry */

INLINE __u8 path_action(const struct pkt *p)
{
	return p->action | (p->qos ? DPU_FLOW_QOS : 0);
}

INLINE int path_same_decision(const struct dpu_path *path, const struct pkt *p)
{
	__u64 difference = 0;

	for (int i = 0; i < DPU_FLOW_GENS; i++)
		difference |= path->gen_slot[i] ^ p->gen_slot[i];
	for (int i = 0; i < 48; i += 8)
		difference |= wire_u64(path->outer + i) ^ wire_u64(p->outer + i);
	difference |= (path->outer[48] ^ p->outer[48]) | (path->outer[49] ^ p->outer[49]);
	return !difference && path->out_port == p->out_port && path->out_vlan == p->out_vlan &&
	       path->max_len == p->max_len && path->action == path_action(p) && path->queue == p->queue &&
	       (!INTERCEPT_LINKED || path->intercept == p->intercept);
}

INLINE void path_fill(struct dpu_path *path, const struct pkt *p)
{
	for (int i = 0; i < 4; i++)
		path->key[i] = p->id.path[i];
	path->out_port = p->out_port;
	path->out_vlan = p->out_vlan;
	path->max_len = p->max_len;
	path->action = path_action(p);
	path->in_port = p->key.in_port;
	path->queue = p->queue;
	if (INTERCEPT_LINKED)
		path->intercept = p->intercept;
	for (int i = 0; i < DPU_FLOW_GENS; i++)
		path->gen_slot[i] = p->gen_slot[i];
	wire_copy_outer(path->outer, p->outer);
}

/* Where the path is, or may be put: its own place, else a free one, else one of a busy four. */
INLINE __u32 path_choose(const struct pkt *p)
{
	const struct flow_id *k = &p->id;
	__u32 home = path_home(k), choice = home + (env_random() & (DPU_PATH_WAYS - 1));

	for (__u32 i = DPU_PATH_WAYS; i > 0; i--) {
		const struct dpu_path *path = path_at(home + i - 1);

		if (path && path->action == DPU_FLOW_NONE)
			choice = home + i - 1;
	}
	for (__u32 i = 0; i < DPU_PATH_WAYS; i++) {
		const struct dpu_path *path = path_at(home + i);

		/* flows between the same stations can be in different queues: each its own path */
		if (path && path->action != DPU_FLOW_NONE && path_same_key(path, k) && path->queue == p->queue)
			choice = home + i;
	}
	return choice & (DPU_PATHS - 1);
}

/*
 * The number of p's path with p's decision in it, p->flow_path_seq its sequence; 0 if
 * another CPU is at it. A path that is rewritten gets a new sequence, and all
 * flows that rest on the old one are void.
 */
STAGE int path_record(struct pkt *p)
{
	const struct flow_id *k;
	struct dpu_path *path;
	__u32 index, seq;

	if (!p)
		return 0;
	k = &p->id;
	index = path_choose(p);
	path = path_at(index);
	if (!path)
		return 0;
	seq = env_read(path->seq);
	p->flow_path_seq = seq;
	if (!(seq & 1) && path_same_key(path, k) && path_same_decision(path, p))
		return index + 1;
	if (!flowtab_claim(&path->seq))
		return 0;
	/* an odd epoch that no earlier rewrite has left: path_renew() under way elsewhere fails */
	env_write(path->current, (__u64)path->seq << 32 | path->seq);
	env_wmb();
	path_fill(path, p);
	env_wmb();
	p->flow_path_seq = ++path->seq;
	return index + 1;
}

/* Lower is a better victim: free ways first, then the one idle for longest. A free way has no tag, and is not looked at. */
INLINE __u32 flow_victim_rank(const struct dpu_flow_set *set, __u32 first, __u32 way)
{
	const struct dpu_flow_hot *hot;

	if (!set->tag[way])
		return 0;
	hot = flowtab_hot(first + way);
	return DPU_FLOW_PATH(hot) ? env_read(hot->last_seen) : 0;
}

/*
 * Its own way if the flow is in the set, else the preferred one if free, else
 * the best victim. By the tags, which are one cache line, where the ways are eight: who writes an entry writes its tag
 * while it is claimed, so that an entry has either its flow's tag or a writer. A function of its own, so
 * that flow_record() needs less stack.
 */
STAGE int flow_choose_way(struct dpu_flow_set *set, const struct pkt *p, __u32 slot, __u32 path)
{
	__u32 start, best = slot & (DPU_FLOW_WAYS - 1), first = slot - best, rank, least = ~0u;

	if (!set || !p)
		return 0;
	start = set->hand;
	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++)
		if (set->tag[i] == p->flow_tag && flow_same_key(flowtab_hot(first + i), &p->id) &&
		    DPU_FLOW_PATH(flowtab_hot(first + i)) == path)
			return i;
	if (!DPU_FLOW_PATH(flowtab_hot(slot)))
		return best;
	for (__u32 i = 0; least && i < DPU_FLOW_WAYS; i++) {
		__u32 way = (start + i) & (DPU_FLOW_WAYS - 1);

		rank = flow_victim_rank(set, first, way);
		if (rank < least) {
			least = rank;
			best = way;
		}
	}
	set->hand = best + 1; /* a hint: ties are broken in turn */
	return best;
}

/* How long an entry may stand for its connections: their shortest idle time-out, or the renewal interval. */
INLINE __u64 flow_life_ns(const struct pkt *p)
{
	return p->idle_ns && p->idle_ns < settings.flow_renew_ns ? p->idle_ns : settings.flow_renew_ns;
}

INLINE void flow_fill(const struct flow_entry *e, const struct pkt *p)
{
	struct dpu_flow *flow = e->flow;

	flow->key = p->key;
	flow->gen_sum = p->gen_sum;
	for (int i = 0; i < DPU_FLOW_GENS; i++)
		flow->gen_slot[i] = p->gen_slot[i];
	flow->out_port = p->out_port;
	flow->out_vlan = p->out_vlan;
	flow->action = p->action;
	for (int i = 0; i < 2; i++) {
		flow->ct_id[i] = p->ct_id[i];
		flow->ct_zone[i] = p->ct_zone[i];
	}
}

INLINE void flow_fill_hot(struct dpu_flow_hot *hot, const struct pkt *p, const struct flow_id *id,
			  __u32 path, __u32 path_seq)
{
	for (int i = 0; i < DPU_FLOW_KEY_WORDS; i++)
		hot->key[i] = id->word[i];
	hot->bytes_path = (__u64)path << 48;
	hot->gen_sum = p->gen_sum + path_seq * DPU_PATH_WEIGHT;
	hot->last_seen = p->now_ns >> 20;
}

/* A flow that was refused has got its entry. Told once, by its first connection. */
INLINE void asic_resumed(__u32 i)
{
	struct pkt *p = scratch_pkt();

	if (p && (i == 0 || !p->ct_id[0]))
		env_add(&asic_device()->resumed, 1);
}

/*
 * The connection remembers its flow entry, so that its end can take the entry out. Returns the entry it had before,
 * which is to be taken out, or 0. A function of its own, and a leaf, for flow_record()'s stack.
 */
STAGE __u32 flow_bind(__u32 i, __u32 ref)
{
	struct pkt *p = scratch_pkt(); /* as a map's value: before 6.8 or so a key may not lie in an argument */
	struct dpu_ct *ct;
	__u32 direction, old;

	i &= 1;
	if (!p || !p->ct_id[i])
		return 0;
	p->ct_key.zone = p->ct_zone[i]; /* the rest is alike at both vNICs, and so is the side */
	ct = env_lookup(conntrack, &p->ct_key);
	if (!ct || ct->id != p->ct_id[i])
		return 0;
	direction = tuple_direction(ct, p->ct_side);
	old = ct->flow_ref[direction];
	ct->flow_ref[direction] = ref;
	if (asic_on() && DPU_FLOW_IS_WHY(old)) {
		asic_resumed(i);
		return 0;
	}
	return old != ref ? old : 0;
}

INLINE void flow_count_insert(const struct dpu_flow_hot *hot, int renewed)
{
	struct dpu_node_stats *stats = stats_node();

	if (!stats || renewed)
		return;
	stats->flow_inserts++;
	if (DPU_FLOW_PATH(hot))
		stats->flow_evictions++;
}

/* What flow_vacate() found in the entry. */
enum flow_found {
	FLOW_FOUND_BUSY = 0, /* another CPU is at it: it is not ours */
	FLOW_FOUND_FREE,
	FLOW_FOUND_SELF,  /* the same flow: it is renewed */
	FLOW_FOUND_OTHER, /* another flow, which has left */
};

/* Claims the entry of ref and hands on what it has counted. */
STAGE int flow_vacate(__u32 ref, const struct pkt *p, __u32 path)
{
	struct flow_entry e;
	int found = FLOW_FOUND_FREE;

	if (!p || !flowtab_entry(ref, &e) || !flowtab_claim(&e.hot->stamp))
		return FLOW_FOUND_BUSY;
	if (DPU_FLOW_PATH(e.hot))
		found = flow_same_key(e.hot, &p->id) && DPU_FLOW_PATH(e.hot) == path ? FLOW_FOUND_SELF : FLOW_FOUND_OTHER;
	flow_count_insert(e.hot, found == FLOW_FOUND_SELF);
	flowtab_retire(ref, found != FLOW_FOUND_SELF);
	if (found != FLOW_FOUND_SELF)
		e.flow->packets = e.flow->bytes = 0;
	return found;
}

/* The device's count, where another CPU has changed the entry since it was chosen. reserved: as flow_limit() said. */
INLINE void asic_settle(__u32 reserved, int found)
{
	if (reserved && found != FLOW_FOUND_FREE)
		asic_left();
	else if (!reserved && found == FLOW_FOUND_FREE)
		env_add(&asic_device()->used, 1);
}

/* Writes p's entry, which is claimed. */
STAGE int flow_write(struct pkt *p)
{
	struct dpu_flow_set *set;
	struct flow_entry e;
	__u32 ref;

	if (!p)
		return 0;
	ref = p->flow_ref;
	set = flowtab_set((ref - 1) / DPU_FLOW_WAYS);
	if (!set || !flowtab_entry(ref, &e))
		return 0;
	flow_fill(&e, p);
	flow_fill_hot(e.hot, p, &p->id, p->flow_path, p->flow_path_seq);
	set->tag[(ref - 1) & (DPU_FLOW_WAYS - 1)] = p->flow_tag;
	flowtab_publish(e.hot, (p->now_ns + flow_life_ns(p)) >> DPU_FLOW_RENEW_SHIFT);
	return 0;
}

/* Takes a flow out of the emulated device's table, and counts it. */
INLINE void flow_leave(__u32 number, __u64 *counter)
{
	if (number != FLOW_NOWHERE && flow_take_out(number))
		env_add(counter, 1);
}

/* Where p's flow is to go: a slot, or what flow_limit() says instead. */
INLINE __u32 flow_place(struct pkt *p, __u64 hash)
{
	__u32 number = flow_slot(hash), way;

	if (asic_on()) {
		for (int i = 0; i < FLOW_AGE_FLOWS; i++) {
			number = flow_too_old();
			if (number == FLOW_NOWHERE)
				break;
			flow_leave(number, &asic_device()->aged);
		}
		number = flow_limit(p, hash, p->flow_path, p->flow_path_seq);
		if (number != FLOW_FULL)
			return number;
		flow_leave(flow_victim(hash), &asic_device()->evicted);
		number = flow_limit(p, hash, p->flow_path, p->flow_path_seq);
		return number == FLOW_FULL ? flow_refuse(DPU_OFFLOAD_TABLE_FULL) : number;
	}
	way = flow_choose_way(flowtab_set(number / DPU_FLOW_WAYS), p, number, p->flow_path) & (DPU_FLOW_WAYS - 1);
	return number / DPU_FLOW_WAYS * DPU_FLOW_WAYS + way;
}

/* Records p's decision. 0, or 1: the emulated device drops what it has no room or rate for. */
STAGE int flow_record(struct pkt *p)
{
	__u32 number;
	__u64 hash;
	int found;

	if (!p)
		return 0;
	if (flow_life_ns(p) < FLOW_LEAST_LIFE_NS) {
		if (asic_on())
			flow_refuse(DPU_OFFLOAD_SHORT_LIVED);
		return 0;
	}
	flow_id_of(p, &p->id);
	p->flow_path = path_record(p);
	if (!p->flow_path)
		return 0;
	hash = hash_flow(&p->id);
	p->flow_tag = flow_tag(hash);
	number = flow_place(p, hash);
	if (asic_on() && number >= FLOW_REFUSED)
		return number == FLOW_REFUSED;
	p->flow_ref = number + 1;
	found = flow_vacate(p->flow_ref, p, p->flow_path);
	if (asic_on())
		asic_settle(p->flow_counted, found);
	if (found == FLOW_FOUND_BUSY)
		return 0;
	flow_write(p);
	for (__u32 i = 0; i < 2; i++) {
		__u32 old = flow_bind(i, p->flow_ref);

		if (old)
			flow_invalidate(old, p->ct_id[i]);
	}
	return 0;
}
