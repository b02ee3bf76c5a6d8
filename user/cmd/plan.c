/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan LAB: which of a lab's policies a device keeps, degrades or loses, and by which source. */
#include "config.h"
#include "host.h"
#include "lab.h"
#include "lab_names.h"
#include "plan.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PRICE_TEXT 160
#define MEASUREMENT "dpulab-demo.json" /* where `dpulab demo` writes unless told otherwise */

const struct cmd_option cmd_plan_options[] = {
	{'p', "profile", "PROFILE", "this device in every host (default: the one the lab file names)"},
	{'H', "host", "HOST", "only this host"},
	{'m', "measured", "FILE", "a measurement of `dpulab demo` or `dpulab bench -j`, for prices (default: " MEASUREMENT ")"},
	{'P', "placement", "PLACEMENT", "as hosts would be placed: what a mixed one leaves on the host is kept (default: theirs, if mixed)"},
	{0, "strict", NULL, "what nobody has published counts as lost"},
	{},
};

struct planning {
	struct cmd_context *ctx;
	const struct lab *lab;
	struct profile *profile; /* of --profile, or NULL */
	struct plan_price price;
	bool placed; /* as --placement says: path */
	enum frame_path path;
	size_t hosts, count[PLAN_LOST + 1], lost_security, unknown_security;
};

static const char *number_text(char text[static 16], double ns)
{
	snprintf(text, 16, "%.0f", ns);
	return ns < 0 ? "not measured" : text;
}

/* What the host pays on that placement. */
static void price_text(char text[static PRICE_TEXT], const struct plan_price *price, enum frame_path path)
{
	bool known = price->measured && price->ns[path] >= 0, bounded = price->measured && price->ns[PATH_HOST] >= 0;
	char mux[16], upt[16];

	if (known || bounded)
		snprintf(text, PRICE_TEXT, "%s%.0f ns of host CPU per frame (dpu-mux %s, dpu-upt %s)", known && path != PATH_HOST ? "" : "at most ",
			 price->ns[known ? path : PATH_HOST], number_text(mux, price->ns[PATH_DPU_MUX]), number_text(upt, price->ns[PATH_DPU_UPT]));
	else
		snprintf(text, PRICE_TEXT, "its price was not measured here: run `dpulab demo`, or `dpulab bench -j LAB --paths host,%s`",
			 frame_path_name(path));
}

static void out_price(struct planning *planning, size_t host, enum frame_path path, const struct plan_item *item)
{
	const enum frame_path keeping = plan_keeping(planning->lab, host, item);
	struct out *out = planning->ctx->out;
	char text[PRICE_TEXT];

	if (item->verdict == PLAN_KEPT && (!item->on_host || item->by_device == PLAN_KEPT)) {
		out_str(out, "suggestion", "-");
		return;
	}
	price_text(text, &planning->price, item->on_host ? path : keeping);
	if (item->on_host)
		out_str(out, "suggestion", "%s stays on the host (%s on the device): %s", item->function, plan_verdict_word(item->by_device), text);
	else
		out_str(out, "suggestion", "keep %s on the host (dpulab place %s %s): %s", item->function, planning->lab->name,
			plan_keeping_words(keeping), text);
}

static void out_item_of(struct planning *planning, size_t host, enum frame_path path, const struct profile *profile,
			const struct plan_item *item)
{
	const struct profile_value *value = &profile->value[item->key];
	struct out *out = planning->ctx->out;

	out_item(out);
	out_str(out, "host", "%s", planning->lab->hosts[host].name);
	out_str(out, "policy", "%s", item->policy);
	out_str(out, "subject", "%s", item->subject);
	out_str(out, "verdict", "%s", plan_verdict_word(item->verdict));
	out_bool(out, "security", item->security);
	out_str(out, "at", "%s", item->on_host ? "host" : "dpu");
	out_str(out, "by", "%s", profile_keys[item->key].path);
	out_str(out, "confidence", "%s", profile_confidence_word(value->confidence));
	out_price(planning, host, path, item);
	out_str(out, "source", "%s%s%s%s", value->source ? value->source : "none", value->note ? " (" : "",
		value->note ? value->note : "", value->note ? ")" : "");
	out_end(out);
}

static int plan_host(struct planning *planning, size_t host)
{
	const struct lab_host *h = &planning->lab->hosts[host];
	const struct profile *profile = planning->profile ? planning->profile : h->profile;
	const enum frame_path path = planning->placed ? planning->path : h->path;
	struct plan plan;
	int err;

	if (!profile)
		return 0;
	err = plan_make(planning->lab, host, profile, &plan);
	if (err)
		return err;
	planning->hosts++;
	plan_place(&plan, path);
	for (size_t i = 0; i < plan.n; i++)
		out_item_of(planning, host, path, profile, &plan.items[i]);
	for (enum plan_verdict verdict = PLAN_KEPT; verdict <= PLAN_LOST; verdict++)
		planning->count[verdict] += plan_count(&plan, verdict, false);
	planning->lost_security += plan_count(&plan, PLAN_LOST, true);
	planning->unknown_security += plan_count(&plan, PLAN_UNKNOWN, true);
	plan_free(&plan);
	return 0;
}

static int plan_hosts(struct planning *planning)
{
	const char *only = cmd_option(planning->ctx, "host");
	int err = 0;

	if (only && lab_need_host((struct lab *)planning->lab, only, planning->ctx->diag))
		return -ENOENT;
	out_list(planning->ctx->out, "policies");
	for (size_t i = 0; !err && i < planning->lab->n_hosts; i++)
		if (!only || !strcmp(planning->lab->hosts[i].name, only))
			err = plan_host(planning, i);
	out_end(planning->ctx->out);
	if (!err && !planning->hosts)
		err = diag_error(planning->ctx->diag, -EINVAL, "--profile PROFILE names one; `dpulab profile list` lists them",
				 "no host of lab %s has a DPU with a profile", planning->lab->name);
	return err;
}

static void out_summary(struct planning *planning)
{
	struct out *out = planning->ctx->out;

	out_object(out, "summary");
	for (enum plan_verdict verdict = PLAN_KEPT; verdict <= PLAN_LOST; verdict++)
		out_uint(out, plan_verdict_word(verdict), planning->count[verdict]);
	out_uint(out, "security_lost", planning->lost_security);
	out_uint(out, "security_unknown", planning->unknown_security);
	out_str(out, "prices", "%s", planning->price.measured ? planning->price.from : "not measured here");
	/* the link's waits are nobody's CPU time, slow cores' are the DPU's: a price is raw as it stands */
	if (planning->price.measured)
		out_str(out, "emulated_there", "%s; none of it in the prices", planning->price.emulated);
	out_end(out);
}

static int plan_lab(struct cmd_context *ctx, const struct lab *lab)
{
	const char *profile = cmd_option(ctx, "profile"), *file = cmd_option(ctx, "measured");
	const char *placement = cmd_option(ctx, "placement");
	struct planning planning = {.ctx = ctx, .lab = lab, .placed = placement};
	int err;

	if (placement && frame_path_parse(placement, &planning.path))
		return cmd_usage(ctx, "%s is no placement", placement);
	err = profile ? profile_load(profile, &planning.profile, ctx->diag) : 0;

	if (!err)
		err = plan_read_price(file ? file : MEASUREMENT, &planning.price, ctx->diag);
	if (err == -ENOENT && (!profile || planning.profile))
		err = file ? diag_error(ctx->diag, err, NULL, "there is no file %s", file) : 0;
	if (!err)
		err = plan_hosts(&planning);
	if (!err)
		out_summary(&planning);
	profile_free(planning.profile);
	if (err)
		return cmd_result(err);
	return planning.lost_security || (cmd_option(ctx, "strict") && planning.unknown_security) ? CMD_WANTING : CMD_DONE;
}

int cmd_plan(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_session session;
	struct lab *lab;
	int err, code;

	(void)argc;
	if (profile_is_path(argv[0])) { /* a file, as one of profiles is told from a name */
		err = config_read(argv[0], &lab, ctx->diag);
		if (err)
			return cmd_result(err);
		code = plan_lab(ctx, lab);
		lab_free(lab);
		return code;
	}
	err = lab_open(argv[0], STATE_READ, &session, ctx->diag);
	if (err)
		return cmd_result(err);
	err = place_read_all(session.lab, ctx->diag);
	code = err ? cmd_result(err) : plan_lab(ctx, session.lab);
	lab_close(&session);
	return code;
}
