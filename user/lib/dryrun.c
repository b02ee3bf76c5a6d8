/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dryrun.c - the datapath compiled with -DDPU_NATIVE, with intercept slots. To see what it decides on
 * the way, three of its functions are called through ones of this file: where the
 * pipeline asks for a vNIC's policy, where a policy asks for the rules, and where a chain asks a slot.
 */
#define DPU_INTERCEPT 1
#include "bpf/hook/native.h"
#include "bpf/stage/dfw.h"

static int watched_judge(__u16 vnic_port, __u32 opener, __u8 direction);
#define dfw_judge watched_judge
#include "bpf/policy.h"
#undef dfw_judge

#include "bpf/intercept_place.h"

static int watched_place(hook_ctx *ctx, struct dpu_intercept *at, struct dpu_intercept_entry *e);
static int watched_policy(struct pkt *p, __u16 vnic_port, int inbound);
#define intercept_place watched_place
#define ct_policy watched_policy
#include "bpf/pipeline.h"
#undef ct_policy
#undef intercept_place

#include "dryrun.h"
#include "dryrun_slots.h"
#include "mapio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One run at a time: the tables of bpf/maps.h are this file's own. */
static struct {
	const struct location *at;
	struct dryrun_result *result;
	struct dryrun_step *step; /* being made */
	bool failed;		  /* out of memory on the way */
} run;

/* ---- tables ------------------------------------------------------------- */

/* Per CPU: a value of these is one for each, and nothing is decided on them. */
static bool is_counters(enum dataplane_map map)
{
	return map == MAP_port_stats || map == MAP_node_stats || map == MAP_icpt_counts;
}

static int table_entry(const struct native_map *map, const void *key, void *ret_value)
{
	for (enum dataplane_map i = 0; i < DATAPLANE_MAP_COUNT; i++)
		if (!strcmp(dataplane_map_name(i), map->name))
			return is_counters(i) ? -ENOENT : mapio_get(run.at->dp, i, key, ret_value);
	return dryrun_slots_entry(map, key, ret_value);
}

static void open_tables(const struct location *at)
{
	struct timespec now;

	native_reset();
	native_source = table_entry;
	native_slot = dryrun_slots_call;
	dryrun_slots_open(at);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	native_now_ns = (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec;
	dataplane_settings(at->lab, &settings);
	settings.flow_cache = 0;
	settings.record_exit = 1;
	held.max_entries = (DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1) * DPU_HELD_PLACES;
}

/* Which schedules are open is worked out anew, by the datapath. */
static void set_clock(__u64 at_s)
{
	struct dpu_control *word = env_value(control);
	const struct dpu_schedules *table = native_lookup(&schedules, &(__u32){0});

	if (at_s && table)
		native_set_tai_s(at_s + (__u64)table->tai_s);
	if (!word || !word->schedule_due)
		return;
	word->schedule_due = 1;
	schedule_run(); /* the tick may be one that the location has seen */
}

static void close_tables(void)
{
	native_reset();
	dryrun_slots_close();
	native_source = NULL;
}

/* ---- watching ----------------------------------------------------------- */

static int watched_judge(__u16 vnic_port, __u32 opener, __u8 direction)
{
	int action = dfw_judge(vnic_port, opener, direction);

	if (run.step) {
		run.step->searched = true;
		run.step->rule_id = scratch_pkt()->rule_id;
	}
	return action;
}

/* The key of the connection a frame belongs to, at one vNIC. false: it has none. */
static bool connection_key(const struct pkt *p, __u16 vnic_port, struct dpu_ct_key *ret_key)
{
	if (p->l3 != PKT_L3_IP4 && p->l3 != PKT_L3_IP6)
		return false;
	if (p->icmp_error)
		tuple_normalise(ret_key, &p->inner, vnic_port);
	else
		tuple_key(ret_key, &p->key, vnic_port);
	return true;
}

static bool look_up(const struct dpu_ct_key *key, struct dpu_ct *ret_ct)
{
	const struct dpu_ct *ct = env_lookup(conntrack, key);

	if (!ct || ct_expired(ct, key->proto, env_now_ns()))
		return false;
	*ret_ct = *ct;
	return true;
}

static bool is_judged(const struct pkt *p, __u16 vnic_port)
{
	__u32 key = vnic_port;
	const struct dpu_port *port = env_lookup(ports, &key);

	return port && (port->flags & DPU_PORT_F_DFW) && !policy_exempt(p);
}

static void step_end(struct dryrun_step *step, const struct pkt *p, int refused)
{
	step->passed = !refused;
	step->is_known = step->judged && look_up(&step->key, &step->after);
	if (!step->searched && step->is_known)
		step->rule_id = step->after.rule_id;
	step->by_frame = p->l2_rule && p->l2_action != DPU_ACTION_ALLOW;
	if (step->by_frame) {
		step->judged = true;
		step->rule_id = p->l2_rule;
	}
	step->verdict = refused ? p->verdict : DPU_VERDICT_NONE;
	step->reason = refused ? p->reason : DPU_REASON_NONE;
}

static int watched_policy(struct pkt *p, __u16 vnic_port, int inbound)
{
	struct dryrun_step *step = NULL;
	int refused;

	if (p->functions & DPU_FN_DFW && run.result->n_steps < DRYRUN_STEPS) {
		step = &run.result->steps[run.result->n_steps++];
		step->vnic = vnic_port;
		step->inbound = inbound;
		step->judged = is_judged(p, vnic_port) && connection_key(p, vnic_port, &step->key);
		step->was_known = step->judged && look_up(&step->key, &step->before);
	}
	run.step = step;
	scratch_pkt()->l2_rule = 0; /* of the vNIC before */
	refused = ct_policy(p, vnic_port, inbound);
	run.step = NULL;
	if (step)
		step_end(step, p, refused);
	return refused;
}

/* How often a place has answered a punt in each of the ways there are. */
static void count_punts(const struct dpu_intercept_state *state, __u64 ret_counts[3])
{
	ret_counts[DRYRUN_PUNT_JUDGED] = state->judged_passed + state->judged_dropped;
	ret_counts[DRYRUN_PUNT_PENDING] = state->pending_passed + state->pending_dropped;
	ret_counts[DRYRUN_PUNT_FULL] = state->full_passed + state->full_dropped;
}

static void slot_end(struct dryrun_slot *slot, const struct dpu_intercept_state *state, const __u64 before[3])
{
	__u64 after[3];

	count_punts(state, after);
	slot->reason = (uint16_t)state->reason;
	for (uint8_t i = 0; i < 3; i++)
		if (after[i] != before[i]) {
			slot->verdict = DPU_INTERCEPT_PUNT;
			slot->punt = i;
		}
}

static struct dryrun_slot *new_slot(const struct dpu_intercept *at, const struct dpu_intercept_entry *e,
				    const struct dpu_intercept_state *state)
{
	struct dryrun_slot *slot = &run.result->slots[run.result->n_slots];

	if (run.result->n_slots == DRYRUN_SLOTS)
		return NULL;
	run.result->n_slots++;
	slot->vnic = at->port;
	slot->inbound = at->direction == DPU_INTERCEPT_IN;
	slot->place = (uint8_t)(e - intercept_chain_of(at->port, at->direction)->entry + 1);
	snprintf(slot->name, sizeof(slot->name), "%.*s", DPU_INTERCEPT_NAME - 1, state->slot);
	return slot;
}

static int watched_place(hook_ctx *ctx, struct dpu_intercept *at, struct dpu_intercept_entry *e)
{
	struct dpu_intercept_state *state = intercept_state(e->instance);
	struct dryrun_slot *slot = new_slot(at, e, state);
	const bool out = e->slot == DPU_INTERCEPT_ABSENT || e->policy & DPU_INTERCEPT_TRIPPED;
	const char *why = out ? NULL : dryrun_slots_why(e->slot);
	__u64 before[3];
	int answer;

	state->reason = 0; /* that of the frame before */
	count_punts(state, before);
	answer = intercept_place(ctx, at, e);
	if (!slot)
		return answer;
	slot->passed = answer == DPU_INTERCEPT_PASS;
	slot->how = out ? DRYRUN_SLOT_OUT : why ? DRYRUN_SLOT_NOT_RUN : DRYRUN_SLOT_RAN;
	slot->verdict = (uint8_t)answer;
	if (why)
		snprintf(slot->why, sizeof(slot->why), "%s", why);
	else if (!out)
		slot_end(slot, state, before);
	return answer;
}

static uint16_t port_of_ifindex(__u32 ifindex)
{
	for (size_t i = 0; i < run.at->n_ports; i++)
		if (run.at->ports[i].ifindex == ifindex)
			return run.at->ports[i].port;
	return DPU_PORT_NONE;
}

static void note_copy(const struct native_frame *frame, __u32 ifindex)
{
	struct dryrun_frame *copy = &run.result->copies[run.result->n_copies];

	if (run.result->n_copies == DRYRUN_COPIES)
		return;
	copy->data = malloc(frame->len);
	if (!copy->data) {
		run.failed = true;
		return;
	}
	memcpy(copy->data, frame->data, frame->len);
	copy->len = frame->len;
	copy->port = port_of_ifindex(ifindex);
	run.result->n_copies++;
}

/* ---- a run -------------------------------------------------------------- */

static void take_result(struct dryrun_result *result, const struct native_frame *frame)
{
	const struct dpu_exit_record *record = native_lookup(&exit_record, &(__u32){0});
	const struct pkt *p = scratch_pkt();

	if (!record || !p) {
		run.failed = true;
		return;
	}
	result->verdict = record->verdict;
	result->reason = record->reason;
	result->frame = (struct dryrun_frame){frame->data, frame->len, record->port};
	result->segment = p->segment;
	result->flood = p->flood;
}

static int run_frame(const struct location *at, __u32 ifindex, const void *data, uint32_t len, uint64_t at_s,
		     struct dryrun_result *result)
{
	struct native_frame frame = {.data = malloc(len), .len = len, .ifindex = ifindex, .cloned = note_copy};

	if (!frame.data)
		return -ENOMEM;
	memcpy(frame.data, data, len);
	run.at = at;
	run.result = result;
	run.failed = false;
	open_tables(at);
	set_clock(at_s);
	pipeline_run(&frame);
	take_result(result, &frame);
	close_tables();
	result->frame.data = frame.data;
	return run.failed ? -ENOMEM : 0;
}

int dryrun(const struct location *at, uint16_t in_port, const void *frame, uint32_t len, uint64_t at_s,
	   struct dryrun_result **ret_result, struct diag *diag)
{
	const struct port_dev *port = location_port(at, in_port);
	struct dryrun_result *result;
	int err;

	if (!port || !port->ifindex)
		return diag_error(diag, -EINVAL, "bring the lab `up` again: it repairs what is missing",
				  "port %u of %s has no device", in_port, dataplane_node(at->dp));
	result = calloc(1, sizeof(*result));
	if (!result)
		return -ENOMEM;
	err = run_frame(at, port->ifindex, frame, len, at_s, result);
	if (err)
		dryrun_free(result);
	else
		*ret_result = result;
	return err;
}

void dryrun_free(struct dryrun_result *result)
{
	if (!result)
		return;
	free(result->frame.data);
	for (size_t i = 0; i < result->n_copies; i++)
		free(result->copies[i].data);
	free(result);
}
