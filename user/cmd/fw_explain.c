/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fw explain LAB FRAME: a frame's way through a running lab, by the datapath itself, without sending it. */
#include "explain.h"
#include "inspect.h"
#include "lab.h"
#include "schedule.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const end_words[] = {
	[EXPLAIN_DELIVERED] = "delivered", [EXPLAIN_DROPPED] = "dropped", [EXPLAIN_REJECTED] = "rejected",
	[EXPLAIN_ANSWERED] = "answered",   [EXPLAIN_STACK] = "to-stack",  [EXPLAIN_LEFT] = "left",
};

static const char *const verdict_words[] = {"none", "forward", "stack", "drop", "flood"};

static const struct lab_vm *vm_of_port(const struct lab *lab, size_t host, uint16_t port)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host && lab->vms[i].port == port)
			return &lab->vms[i];
	return NULL;
}

static void out_port(struct out *out, const char *key, const struct lab *lab, size_t host, uint16_t port)
{
	const struct lab_vm *vm = vm_of_port(lab, host, port);

	if (vm)
		out_str(out, key, "%s", vm->name);
	else if (port == DPU_PORT_UPLINK)
		out_str(out, key, "uplink");
	else if (port == DPU_PORT_PF)
		out_str(out, key, "pf");
	else if (port >= DPU_PORT_CHANNEL_OF(DPU_PORT_VNIC_MIN))
		out_str(out, key, "vf%d", port - DPU_PORT_CHANNEL_OF(DPU_PORT_VNIC_MIN));
	else
		out_str(out, key, "-");
}

static const char *state_word(bool known, const struct dpu_ct *ct)
{
	return known ? inspect_state_name(ct->state) : "-";
}

static const char *rule_name(const struct lab *lab, uint32_t id)
{
	const struct lab_rule *rule = lab_find_rule(lab, id);

	return rule && rule->name ? rule->name : "-";
}

/* Why the step went as it did, in a sentence. */
static int out_why(struct cmd_context *ctx, const struct lab *lab, const struct lab_vm *vm,
		   const struct dryrun_step *step)
{
	size_t before = 0;
	int err = 0;

	if (!step->judged) {
		out_str(ctx->out, "why", "not the firewall's business");
		return 0;
	}
	if (step->by_frame) {
		out_str(ctx->out, "why", "a rule of category ethernet matches");
		return 0;
	}
	if (step->searched)
		err = explain_rules_before(lab, (size_t)(vm - lab->vms), step->rule_id, &before, ctx->diag);
	if (err)
		return err;
	if (!step->searched && step->passed)
		out_str(ctx->out, "why", "of a connection there is");
	else if (!step->searched)
		out_str(ctx->out, "why", "%s", inspect_reason_sentence(step->reason));
	else if (step->rule_id == DPU_RULE_DEFAULT)
		out_str(ctx->out, "why", "none of %zu rules matches: default action", before);
	else if (before)
		out_str(ctx->out, "why", "first rule that matches, after %zu that do%s not", before, before == 1 ? "es" : "");
	else
		out_str(ctx->out, "why", "the first rule matches");
	return 0;
}

static int out_step(struct cmd_context *ctx, const struct lab *lab, const struct explain_hop *hop,
		    const struct dryrun_step *step)
{
	const struct lab_vm *vm = vm_of_port(lab, hop->host, step->vnic);
	struct out *out = ctx->out;
	int err;

	if (!vm)
		return 0;
	out_item(out);
	out_str(out, "node", "%s", hop->node);
	out_str(out, "vnic", "%s", vm->name);
	out_str(out, "direction", "%s", step->inbound ? "in" : "out");
	out_str(out, "result", "%s", !step->judged ? "pass"
				     : step->passed ? "allow"
				     : step->reason == DPU_REASON_REJECT ? "reject"
				     : step->verdict == DPU_VERDICT_FORWARD ? "relay"
									    : "drop");
	out_uint(out, "rule", step->judged ? step->rule_id : 0);
	out_str(out, "name", "%s", step->judged ? rule_name(lab, step->rule_id) : "-");
	out_str(out, "state_before", "%s", state_word(step->was_known, &step->before));
	out_str(out, "state_after", "%s", state_word(step->is_known, &step->after));
	err = out_why(ctx, lab, vm, step);
	out_end(out);
	return err;
}

/* How a slot's answer came about, in a sentence. */
static void out_slot_why(struct out *out, const struct dryrun_slot *slot)
{
	static const char *const punts[] = {
		[DRYRUN_PUNT_JUDGED] = "its process has decided about the connection",
		[DRYRUN_PUNT_PENDING] = "its process would be asked: `pending` holds meanwhile",
		[DRYRUN_PUNT_FULL] = "no room in its queue: `fail` decides",
	};

	if (slot->how == DRYRUN_SLOT_NOT_RUN)
		out_str(out, "why", "not run, taken for a pass: %s", slot->why);
	else if (slot->how == DRYRUN_SLOT_OUT)
		out_str(out, "why", "the slot is out: `fail` decides");
	else if (slot->verdict == DPU_INTERCEPT_PUNT)
		out_str(out, "why", "%s", punts[slot->punt]);
	else
		out_str(out, "why", "%s", slot->reason ? "its answer, with a reason of its own" : "its answer");
}

static void out_slot(struct out *out, const struct lab *lab, const struct explain_hop *hop, const struct dryrun_slot *slot)
{
	static const char *const verdicts[] = {"pass", "drop", "punt"};
	const struct lab_vm *vm = vm_of_port(lab, hop->host, slot->vnic);

	if (!vm)
		return;
	out_item(out);
	out_str(out, "node", "%s", hop->node);
	out_str(out, "vnic", "%s", vm->name);
	out_str(out, "direction", "%s", slot->inbound ? "in" : "out");
	out_uint(out, "place", slot->place);
	out_str(out, "slot", "%s", slot->name);
	out_str(out, "verdict", "%s", slot->how == DRYRUN_SLOT_RAN ? verdicts[slot->verdict % 3]
				      : slot->how == DRYRUN_SLOT_OUT ? "out" : "not-run");
	out_uint(out, "reason", slot->reason);
	out_str(out, "result", "%s", slot->passed ? "pass" : "drop");
	out_slot_why(out, slot);
	out_end(out);
}

static void out_slots(struct out *out, const struct lab *lab, const struct explanation *found)
{
	out_list(out, "intercept");
	for (size_t i = 0; i < found->n_hops; i++)
		for (size_t j = 0; j < found->hops[i].result->n_slots; j++)
			out_slot(out, lab, &found->hops[i], &found->hops[i].result->slots[j]);
	out_end(out);
}

static const char *group_name(const struct lab *lab, uint16_t segment)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (segment && lab->groups[i].segment == segment)
			return lab->groups[i].name;
	return "-";
}

static void out_hop(struct out *out, const struct lab *lab, const struct explain_hop *hop)
{
	const struct dryrun_result *result = hop->result;

	out_item(out);
	out_str(out, "node", "%s", hop->node);
	out_port(out, "in", lab, hop->host, hop->in_port);
	out_str(out, "group", "%s", group_name(lab, result->segment));
	out_str(out, "verdict", "%s", verdict_words[result->verdict % 5]);
	if (result->verdict == DPU_VERDICT_FORWARD)
		out_port(out, "out", lab, hop->host, result->frame.port);
	else
		out_str(out, "out", "-");
	out_uint(out, "copies", result->n_copies);
	out_str(out, "reason", "%s", inspect_reason_word(result->reason));
	out_str(out, "why", "%s", inspect_reason_sentence(result->reason));
	out_end(out);
}

static void out_hex(struct out *out, const struct frame_text *frame)
{
	char *text = calloc(2, frame->len + 1);

	if (!text)
		return;
	for (uint32_t i = 0; i < frame->len; i++)
		sprintf(text + 2 * i, "%02x", frame->data[i]);
	out_str(out, "bytes", "%s", text);
	free(text);
}

static int out_explanation(struct cmd_context *ctx, const struct lab *lab, const struct frame_text *frame,
			   const struct explanation *found)
{
	struct out *out = ctx->out;
	int err = 0;

	out_str(out, "lab", "%s", lab->name);
	out_str(out, "from", "%s", lab->vms[frame->vm].name);
	out_str(out, "end", "%s", end_words[found->end]);
	out_str(out, "reason", "%s", found->n_vms ? "-" : inspect_reason_word(found->reason));
	out_list(out, "to");
	for (size_t i = 0; i < found->n_vms; i++)
		out_str(out, NULL, "%s", lab->vms[found->vms[i]].name);
	out_end(out);
	if (ctx->json)
		out_hex(out, frame);
	out_list(out, "hops");
	for (size_t i = 0; i < found->n_hops; i++)
		out_hop(out, lab, &found->hops[i]);
	out_end(out);
	out_list(out, "firewall");
	for (size_t i = 0; !err && i < found->n_hops; i++)
		for (size_t j = 0; !err && j < found->hops[i].result->n_steps; j++)
			err = out_step(ctx, lab, &found->hops[i], &found->hops[i].result->steps[j]);
	out_end(out);
	out_slots(out, lab, found);
	return err;
}

static int explain_frame(struct cmd_context *ctx, const struct lab *lab, const struct frame_text *frame, uint64_t at_s)
{
	struct explanation found;
	int err = explain(lab, frame, at_s, &found, ctx->diag);

	if (err)
		return err;
	if (found.cut_short)
		diag_warn(ctx->diag, NULL, "the frame meets more than %d places: only those are shown", EXPLAIN_HOPS);
	err = out_explanation(ctx, lab, frame, &found);
	explanation_free(&found);
	return err;
}

int cmd_fw_explain(struct cmd_context *ctx, int argc, char **argv)
{
	const char *at = cmd_option(ctx, "at");
	struct frame_text *frame;
	struct lab_session session;
	uint64_t at_s = 0;
	int err, code;

	if (at && schedule_moment_parse(at, &at_s))
		return cmd_usage(ctx, "--at: expected a moment in UTC such as '2026-12-05 22:00', found '%s'", at);
	frame = calloc(1, sizeof(*frame));
	if (!frame)
		abort();
	err = lab_open(argv[0], STATE_READ, &session, ctx->diag);
	if (err) {
		free(frame);
		return cmd_result(err);
	}
	err = frame_text_parse(session.lab, (size_t)argc - 1, argv + 1, frame, ctx->diag);
	code = err == -EINVAL ? CMD_USAGE : cmd_result(err);
	if (!err)
		code = cmd_result(explain_frame(ctx, session.lab, frame, at_s));
	lab_close(&session);
	free(frame);
	return code;
}
