/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* intercept WHAT: slots as objects, chains of a running lab, and the process behind a slot. */
#include "intercept.h"
#include "appliance.h"
#include "intercept_edit.h"
#include "slotcc.h"
#include "values.h"
#include "verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 500

const struct cmd_option cmd_intercept_options[] = {
	{'D', "define", "NAME=VALUE", "check: define it when the source is compiled"},
	{'p', "place", "N", "insert: place in the chain, from 1 (default: the last)"},
	{'m', "match", "VERDICT", "serve: drop (default) or pass connections that match"},
	{'t', "ttl", "S", "serve: seconds for which a verdict holds (default 60)"},
	{'n', "count", "N", "serve: end after so many frames"},
	{},
};

const struct cmd_sub cmd_intercept_subs[] = {
	{"check", "FILE", 1, 1, "is this source or object fit to be a slot", cmd_intercept_check},
	{"insert", "LAB VM out|in SLOT", 4, 4, "put a slot of the lab file into a vNIC's chain", cmd_intercept_insert},
	{"remove", "LAB VM out|in SLOT", 4, 4, "take a slot out of a vNIC's chain", cmd_intercept_remove},
	{"rearm", "LAB [SLOT]", 1, 2, "put slots back in that a breaker has taken out", cmd_intercept_rearm},
	{"serve", "LAB SLOT [SIGNATURE...]", 2, 32, "decide about the connections that a slot punts", cmd_intercept_serve},
	{},
};

int cmd_intercept(struct cmd_context *ctx, int argc, char **argv)
{
	return cmd_run_sub(ctx, argc, argv);
}

/* ---- check --------------------------------------------------------------------- */

static void out_slot(struct out *out, const char *file, const struct slotobj *object)
{
	char name[32];

	out_str(out, "slot", "%s", file);
	out_str(out, "function", "%s", object->function);
	out_str(out, "licence", "%s", object->licence);
	out_uint(out, "instructions", object->insns);
	out_list(out, "helpers");
	for (uint32_t id = 0; id < 256; id++)
		if (object->helpers[id / 64] >> id % 64 & 1)
			out_str(out, NULL, "%s", slotobj_helper(id, name));
	out_end(out);
	out_list(out, "maps");
	for (uint32_t i = 0; i < object->n_maps; i++) {
		out_item(out);
		out_str(out, "map", "%s", object->maps[i].name);
		out_uint(out, "type", object->maps[i].type);
		out_uint(out, "key_bytes", object->maps[i].key_size);
		out_uint(out, "value_bytes", object->maps[i].value_size);
		out_uint(out, "entries", object->maps[i].entries);
		out_end(out);
	}
	out_end(out);
}

/* What messages call a slot that has no name yet: its file, without folder and ending, as far as that fits. */
static void name_slot(struct lab_slot *slot)
{
	const char *slash = strrchr(slot->source, '/'), *base = slash ? slash + 1 : slot->source;

	snprintf(slot->name, sizeof(slot->name), "%.*s", (int)strcspn(base, "."), base);
}

/* The verifier is asked where that is possible: by root. */
int cmd_intercept_check(struct cmd_context *ctx, int argc, char **argv)
{
	char *define = (char *)cmd_option(ctx, "define");
	struct lab_slot slot = {.source = argv[0], .defines = &define, .n_defines = define ? 1 : 0};
	struct slotobj object;
	int err;

	(void)argc;
	name_slot(&slot);
	err = intercept_try_slot(&slot, geteuid() == 0, &object, ctx->diag);
	if (err)
		return err == -ENOENT ? cmd_result(err) : CMD_WANTING;
	out_slot(ctx->out, argv[0], &object);
	out_str(ctx->out, "verifier", "%s", geteuid() ? "not asked: needs root" : "accepts it at both hooks");
	return CMD_DONE;
}

/* ---- chains of a running lab ----------------------------------------------------- */

static int direction_of(const char *word, unsigned *ret_direction)
{
	*ret_direction = strcmp(word, "in") ? DPU_INTERCEPT_OUT : DPU_INTERCEPT_IN;
	return strcmp(word, "in") && strcmp(word, "out") ? -EINVAL : 0;
}

static int edit_chain(struct cmd_context *ctx, char **argv, bool insert)
{
	const char *place_text = cmd_option(ctx, "place");
	struct intercept_edit edit = {.vm = argv[1], .slot = argv[3], .insert = insert};
	uint64_t place = 0;
	int err;

	if (direction_of(argv[2], &edit.direction))
		return cmd_usage(ctx, "%s is no direction: out (from the VM) or in", argv[2]);
	if (place_text && number_parse(place_text, 1, DPU_INTERCEPT_CHAIN, &place))
		return cmd_usage(ctx, "%s is no place in a chain: 1 to %d", place_text, DPU_INTERCEPT_CHAIN);
	edit.place = place;
	err = intercept_edit(argv[0], &edit, ctx->diag);
	if (err)
		return cmd_result(err);
	out_str(ctx->out, insert ? "inserted" : "removed", "%s", edit.slot);
	out_str(ctx->out, "vm", "%s", edit.vm);
	out_str(ctx->out, "direction", "%s", argv[2]);
	out_uint(ctx->out, "place", edit.place);
	return CMD_DONE;
}

int cmd_intercept_insert(struct cmd_context *ctx, int argc, char **argv)
{
	(void)argc;
	return edit_chain(ctx, argv, true);
}

int cmd_intercept_remove(struct cmd_context *ctx, int argc, char **argv)
{
	(void)argc;
	return edit_chain(ctx, argv, false);
}

int cmd_intercept_rearm(struct cmd_context *ctx, int argc, char **argv)
{
	size_t n = 0;
	int err = intercept_rearm_lab(argv[0], argc > 1 ? argv[1] : NULL, &n, ctx->diag);

	if (!err)
		out_uint(ctx->out, "rearmed", n);
	return cmd_result(err);
}

/* ---- serve ------------------------------------------------------------------------ */

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

struct serving {
	struct out *out;
	char **signatures;
	size_t n_signatures;
	enum dpu_intercept_verdict match;
	uint64_t left; /* frames to take */
};

static enum dpu_intercept_verdict judge(const struct appliance_frame *frame, void *arg)
{
	const struct dpu_intercept_punt *punt = frame->punt;
	struct serving *serving = arg;
	struct out *out = serving->out;
	uint32_t caught = punt->caught < DPU_INTERCEPT_SNAP ? punt->caught : DPU_INTERCEPT_SNAP;
	unsigned found = appliance_find(punt->frame, caught, serving->signatures, serving->n_signatures);
	enum dpu_intercept_verdict verdict = found || !serving->n_signatures ? serving->match : DPU_INTERCEPT_PASS;
	char text[VALUE_TEXT_MAX];

	out_str(out, "node", "%s", frame->node);
	out_str(out, "vnic", "%s", frame->vm);
	out_str(out, "direction", "%s", punt->at.direction == DPU_INTERCEPT_IN ? "in" : "out");
	out_str(out, "proto", "%s", protocol_format(punt->at.proto, text));
	out_str(out, "src_ip", "%s", ip_format(&punt->addresses.src, text));
	out_uint(out, "src_port", ntohs(punt->at.sport));
	out_str(out, "dst_ip", "%s", ip_format(&punt->addresses.dst, text));
	out_uint(out, "dst_port", ntohs(punt->at.dport));
	out_uint(out, "bytes", punt->at.len);
	out_uint(out, "reason", punt->reason);
	out_str(out, "signature", "%s", found ? serving->signatures[found - 1] : "-");
	out_str(out, "verdict", "%s", verdict == DPU_INTERCEPT_PASS ? "pass" : "drop");
	out_now(out);
	if (serving->left)
		serving->left--;
	return verdict;
}

static int serve(struct cmd_context *ctx, struct appliance *appliance, struct serving *serving, uint64_t ttl_ns)
{
	int n = 0;

	while (serving->left && !interrupted && (n >= 0 || n == -EINTR))
		n = appliance_serve(appliance, WAIT_MS, ttl_ns, judge, serving, ctx->diag);
	if (n == -ENODEV)
		diag_note(ctx->diag, "the slot is no longer linked into any program of the lab");
	return n < 0 && n != -EINTR && n != -ENODEV ? n : 0;
}

int cmd_intercept_serve(struct cmd_context *ctx, int argc, char **argv)
{
	const char *count = cmd_option(ctx, "count"), *ttl = cmd_option(ctx, "ttl"), *match = cmd_option(ctx, "match");
	struct serving serving = {.out = ctx->out, .signatures = argv + 2, .n_signatures = argc - 2,
				  .match = DPU_INTERCEPT_DROP, .left = UINT64_MAX};
	struct sigaction end = {.sa_handler = on_signal};
	struct appliance *appliance;
	uint64_t ttl_s = 60;
	int err;

	if (count && number_parse(count, 1, UINT32_MAX, &serving.left))
		return cmd_usage(ctx, "%s is no number of frames", count);
	if (ttl && number_parse(ttl, 1, 86400, &ttl_s))
		return cmd_usage(ctx, "%s is no number of seconds from 1 to 86400", ttl);
	if (match && strcmp(match, "drop") && strcmp(match, "pass"))
		return cmd_usage(ctx, "%s is no verdict: drop or pass", match);
	if (match && !strcmp(match, "pass"))
		serving.match = DPU_INTERCEPT_PASS;
	err = appliance_open(argv[0], argv[1], &appliance, ctx->diag);
	if (err)
		return cmd_result(err);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	diag_note(ctx->diag, "serving slot %s of lab %s", argv[1], argv[0]);
	err = serve(ctx, appliance, &serving, ttl_s * 1000000000ull);
	appliance_close(appliance);
	return cmd_result(err);
}
