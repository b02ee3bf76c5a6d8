/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fw diff LAB LAB.yaml: what a new policy would change for the connections there are; nothing is changed. */
#include "config.h"
#include "fwdiff.h"
#include "inspect.h"
#include "values.h"
#include "verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const char *rule_name(const struct lab *lab, uint32_t id)
{
	const struct lab_rule *rule = lab_find_rule(lab, id);

	return id == DPU_RULE_DEFAULT ? "default" : rule && rule->name ? rule->name : "-";
}

static void out_entry(struct out *out, const struct lab *old, const struct lab *new, const struct fwdiff_entry *entry)
{
	static const char *const effects[] = {"cut", "other-rule", "vm-gone"};
	static const char *const actions[] = {"allow", "drop", "reject"};
	unsigned opener = !!(entry->ct.flags & DPU_CT_F_ORIG_SIDE);
	char text[VALUE_TEXT_MAX];

	out_item(out);
	out_str(out, "effect", "%s", effects[entry->effect]);
	out_str(out, "node", "%s", entry->node);
	out_str(out, "vnic", "%s", old->vms[entry->vm].name);
	out_str(out, "direction", "%s", entry->ct.flags & DPU_CT_F_INBOUND ? "in" : "out");
	out_str(out, "proto", "%s", protocol_format(entry->key.proto, text));
	out_str(out, "src_ip", "%s", ip_format(&entry->key.addr[opener], text));
	out_uint(out, "src_port", ntohs(entry->key.port[opener]));
	out_str(out, "dst_ip", "%s", ip_format(&entry->key.addr[!opener], text));
	out_uint(out, "dst_port", ntohs(entry->key.port[!opener]));
	out_str(out, "state", "%s", inspect_state_name(entry->ct.state));
	out_uint(out, "rule", entry->ct.rule_id);
	out_str(out, "name", "%s", rule_name(old, entry->ct.rule_id));
	out_str(out, "new_action", "%s", actions[entry->action % 3]);
	out_uint(out, "new_rule", entry->rule_id);
	out_str(out, "new_name", "%s", entry->effect == FWDIFF_GONE ? "-" : rule_name(new, entry->rule_id));
	out_end(out);
}

static int compare(struct cmd_context *ctx, const struct lab_session *session, struct lab *new)
{
	struct fwdiff diff;
	int code;

	if (strcmp(session->lab->name, new->name))
		return cmd_result(diag_error(ctx->diag, -EINVAL, NULL, "%s describes lab %s, not %s", new->file, new->name,
					     session->lab->name));
	if (fwdiff_compare(session, new, &diff, ctx->diag))
		return CMD_FAILED;
	out_str(ctx->out, "lab", "%s", new->name);
	out_uint(ctx->out, "connections", diff.connections);
	out_uint(ctx->out, "cut", diff.cut);
	out_uint(ctx->out, "other_rule", diff.other_rule);
	out_list(ctx->out, "changes");
	for (size_t i = 0; i < diff.n; i++)
		out_entry(ctx->out, session->lab, new, &diff.list[i]);
	out_end(ctx->out);
	code = diff.cut ? CMD_WANTING : CMD_DONE;
	fwdiff_free(&diff);
	return code;
}

int cmd_fw_diff(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_session session;
	struct lab *new;
	int code, err = lab_open(argv[0], STATE_READ, &session, ctx->diag);

	(void)argc;
	if (err)
		return cmd_result(err);
	err = config_read(argv[1], &new, ctx->diag);
	code = cmd_result(err);
	if (!err) {
		code = compare(ctx, &session, new);
		lab_free(new);
	}
	lab_close(&session);
	return code;
}
