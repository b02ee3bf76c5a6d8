/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fw log LAB: one line for each decision of a rule that logs. */
#include "fwlog.h"
#include "inspect.h"
#include "values.h"
#include "verbs.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>

#define WAIT_MS 500 /* also how long it takes to see that the lab has changed */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

struct printing {
	struct out *out;
	uint64_t left; /* events still wanted */
};

static const char *vnic_name(const struct fwlog_event *event)
{
	for (size_t i = 0; i < event->lab->n_vms; i++)
		if (event->lab->vms[i].host == event->host && event->lab->vms[i].port == event->event->vnic)
			return event->lab->vms[i].name;
	return "-";
}

static void out_endpoint(struct out *out, const char *key, const union dpu_ip *ip)
{
	char text[VALUE_TEXT_MAX];

	out_str(out, key, "%s", ip_format(ip, text));
}

static void out_packet(struct out *out, const struct dpu_log_event *event)
{
	bool icmp = event->proto == IPPROTO_ICMP || event->proto == IPPROTO_ICMPV6;
	char text[VALUE_TEXT_MAX];

	out_str(out, "proto", "%s", protocol_format(event->proto, text));
	out_endpoint(out, "src_ip", &event->src);
	if (!icmp)
		out_uint(out, "src_port", event->sport);
	out_endpoint(out, "dst_ip", &event->dst);
	if (!icmp)
		out_uint(out, "dst_port", event->dport);
	if (icmp) {
		out_uint(out, "type", event->icmp_type);
		out_uint(out, "code", event->icmp_code);
		out_uint(out, "id", event->sport);
	}
}

/* A frame that a rule of category ethernet has decided about. */
static void out_frame(struct out *out, const struct dpu_log_event *event)
{
	char text[VALUE_TEXT_MAX];

	out_str(out, "proto", "%s", ether_type_format(event->sport, text));
	out_str(out, "src_mac", "%s", mac_format((const struct dpu_mac *)event->src.b, text));
	out_str(out, "dst_mac", "%s", mac_format((const struct dpu_mac *)event->dst.b, text));
}

static int print_event(const struct fwlog_event *event, void *arg)
{
	static const char *const actions[] = {"allow", "drop", "reject"};
	const struct lab_rule *rule = lab_find_rule(event->lab, event->event->rule_id);
	const struct dpu_log_event *e = event->event;
	struct printing *printing = arg;
	struct out *out = printing->out;

	out_stamp(out, event->time_ns);
	out_str(out, "node", "%s", event->node);
	out_str(out, "vnic", "%s", vnic_name(event));
	out_str(out, "direction", "%s", e->direction & DPU_DIR_IN ? "in" : "out");
	out_str(out, "action", "%s", actions[e->action % 3]);
	out_uint(out, "rule", e->rule_id);
	out_str(out, "name", "%s", !e->rule_id ? "default" : rule && rule->name ? rule->name : "-");
	out_str(out, "label", "%s", rule && rule->label ? rule->label : "-");
	if (e->l2)
		out_frame(out, e);
	else
		out_packet(out, e);
	out_str(out, "reason", "%s", e->again ? "policy-change" : e->l2 && !e->reason ? "frame" : e->reason ? inspect_reason_word(e->reason) : "new");
	out_uint(out, "suppressed", e->suppressed);
	out_now(out);
	return !--printing->left;
}

static int print_log(struct cmd_context *ctx, struct fwlog *log, uint64_t count, bool follow)
{
	struct printing printing = {.out = ctx->out, .left = count};
	int n = 0;

	while (printing.left && !interrupted) {
		n = fwlog_read(log, follow ? WAIT_MS : 0, print_event, &printing, ctx->diag);
		if (n == -EINTR)
			continue;
		if (n == -ENODEV) {
			diag_note(ctx->diag, "the lab has gone");
			return 0;
		}
		if (n < 0 || (!n && !follow))
			break;
	}
	return n < 0 && n != -EINTR ? n : 0;
}

int cmd_fw_log(struct cmd_context *ctx, int argc, char **argv)
{
	const char *count_text = cmd_option(ctx, "count");
	struct sigaction end = {.sa_handler = on_signal};
	uint64_t count = UINT64_MAX;
	struct fwlog *log;
	int err;

	(void)argc;
	if (count_text && number_parse(count_text, 1, UINT32_MAX, &count))
		return cmd_usage(ctx, "%s is no number of lines", count_text);
	err = fwlog_open(argv[0], &log, ctx->diag);
	if (err)
		return cmd_result(err);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	err = print_log(ctx, log, count, cmd_option(ctx, "follow"));
	fwlog_close(log);
	return cmd_result(err);
}
