/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan LAB: which of a lab's policies a device keeps, degrades or loses, and by which source. */
#include "config.h"
#include "lab.h"
#include "plan.h"
#include "verbs.h"

#include <errno.h>
#include <string.h>

#define MEASUREMENT "dpulab-demo.json" /* where `dpulab demo` writes unless told otherwise */

const struct cmd_option cmd_plan_options[] = {
	{'p', "profile", "PROFILE", "this device in every host (default: the one the lab file names)"},
	{'H', "host", "HOST", "only this host"},
	{'m', "measured", "FILE", "a measurement of `dpulab demo`, for prices (default: " MEASUREMENT ")"},
	{0, "strict", NULL, "what nobody has published counts as lost"},
	{},
};

struct planning {
	struct cmd_context *ctx;
	const struct lab *lab;
	struct profile *profile; /* of --profile, or NULL */
	struct plan_price price;
	size_t hosts, count[PLAN_LOST + 1], lost_security, unknown_security;
};

static void out_price(struct out *out, const char *lab, const struct plan_item *item, const struct plan_price *price)
{
	const char *words = plan_keeping(item);

	if (item->verdict == PLAN_KEPT)
		out_str(out, "suggestion", "-");
	else if (!price->measured || price->host_ns < 0)
		out_str(out, "suggestion", "keep %s on the host (dpulab place %s %s); its price was not measured here: run `dpulab demo`",
			item->function, lab, words);
	else
		out_str(out, "suggestion",
			"keep %s on the host (dpulab place %s %s): at most %.0f ns of host CPU per frame (dpu-mux %.0f, dpu-upt %.0f)",
			item->function, lab, words, price->host_ns, price->mux_ns, price->upt_ns);
}

static void out_item_of(struct planning *planning, const char *host, const struct profile *profile,
			const struct plan_item *item)
{
	const struct profile_value *value = &profile->value[item->key];
	struct out *out = planning->ctx->out;

	out_item(out);
	out_str(out, "host", "%s", host);
	out_str(out, "policy", "%s", item->policy);
	out_str(out, "subject", "%s", item->subject);
	out_str(out, "verdict", "%s", plan_verdict_word(item->verdict));
	out_bool(out, "security", item->security);
	out_str(out, "by", "%s", profile_keys[item->key].path);
	out_str(out, "confidence", "%s", profile_confidence_word(value->confidence));
	out_price(out, planning->lab->name, item, &planning->price);
	out_str(out, "source", "%s%s%s%s", value->source ? value->source : "none", value->note ? " (" : "",
		value->note ? value->note : "", value->note ? ")" : "");
	out_end(out);
}

static int plan_host(struct planning *planning, size_t host)
{
	const struct lab_host *h = &planning->lab->hosts[host];
	const struct profile *profile = planning->profile ? planning->profile : h->profile;
	struct plan plan;
	int err;

	if (!profile)
		return 0;
	err = plan_make(planning->lab, host, profile, &plan);
	if (err)
		return err;
	planning->hosts++;
	for (size_t i = 0; i < plan.n; i++)
		out_item_of(planning, h->name, profile, &plan.items[i]);
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

	if (only && !lab_find_host((struct lab *)planning->lab, only))
		return diag_error(planning->ctx->diag, -ENOENT, NULL, "lab %s has no host %s", planning->lab->name, only);
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
	out_end(out);
}

static int plan_lab(struct cmd_context *ctx, const struct lab *lab)
{
	const char *profile = cmd_option(ctx, "profile"), *file = cmd_option(ctx, "measured");
	struct planning planning = {.ctx = ctx, .lab = lab};
	int err = profile ? profile_load(profile, &planning.profile, ctx->diag) : 0;

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
	code = plan_lab(ctx, session.lab);
	lab_close(&session);
	return code;
}
