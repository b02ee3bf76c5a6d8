/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * man: the manual page, made from the table of verbs, so that it cannot name
 * what is not there. docs/man/dpulab.8 is its output (make man); a test compares.
 * Not in the help.
 */
#include "verbs.h"

#include <stdio.h>


static const char head[] =
	".\\\" SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause\n"
	".\\\" Made by `make man` from the table of verbs: do not edit.\n"
	".TH DPULAB 8 \"\" \"dpulab\" \"System Administration\"\n"
	".SH NAME\n"
	"dpulab \\- run a virtual switch, VXLAN and a firewall on the host or on an emulated DPU\n"
	".SH SYNOPSIS\n"
	".B dpulab\n"
	".I VERB\n"
	"[\\fIOPTIONS\\fR] \\fIARGUMENTS\\fR\n"
	".SH DESCRIPTION\n"
	"A lab is a YAML file: hosts with or without a DPU, VMs, port groups, firewall rules.\n"
	".B dpulab\n"
	"builds it from network namespaces, runs its switch, overlay and distributed firewall as XDP\n"
	"and tc programs at the place the lab file says, and moves them, live, to another (see\n"
	".BR place ).\n"
	".SH VERBS\n";

static const char tail[] =
	".SH EXIT STATUS\n"
	".TP\n.B 0\ndone\n"
	".TP\n.B 1\nfailed; a sentence on standard error says why and what to try\n"
	".TP\n.B 2\nusage\n"
	".TP\n.B 3\nchecked and found wanting\n"
	".SH FILES\n"
	".TP\n.I /run/netns/LAB\\-NODE\nthe namespaces of a lab, as ip\\-netns(8) shows them\n"
	".TP\n.I /run/dpulab/LAB\nthe lab file as it was read, and its lock\n"
	".TP\n.I /sys/fs/bpf/dpulab/LAB/NODE\npinned maps, programs and links, for bpftool(8)\n"
	".SH SEE ALSO\n"
	"bpftool(8), ip\\-netns(8), tc\\-bpf(8), nft(8)\n";

/* A dash would be typeset as a hyphen, and a leading dot or quote be taken for a request. */
static void text(struct out *out, const char *request, const char *words, const char *more)
{
	char line[512];
	size_t used = 0;

	for (const char *part = words; part; part = part == words ? more : NULL)
		for (const char *c = part; *c && used < sizeof(line) - 3; c++) {
			if (*c == '-' || *c == '\\')
				line[used++] = '\\';
			line[used++] = *c;
		}
	line[used] = '\0';
	out_text(out, "%s%s%s", request, *request ? " " : "", line);
}

static void options(struct out *out, const struct cmd_option *option)
{
	char name[64];

	for (; option && option->name; option++) {
		snprintf(name, sizeof(name), "%s%c%s--%s%s%s", option->letter ? "-" : "",
			 option->letter ? option->letter : ' ', option->letter ? ", " : "", option->name,
			 option->arg ? " " : "", option->arg ? option->arg : "");
		out_text(out, ".TP");
		text(out, ".B", name[0] == ' ' ? name + 1 : name, NULL);
		text(out, "", option->help, NULL);
	}
}

static void subs(struct out *out, const struct cmd *cmd)
{
	char usage[128];

	for (const struct cmd_sub *sub = cmd->subs; sub && sub->name; sub++) {
		snprintf(usage, sizeof(usage), "%s %s%s%s", cmd->name, sub->name, *sub->args ? " " : "", sub->args);
		out_text(out, ".TP");
		text(out, ".B", usage, NULL);
		text(out, "", sub->help, sub->run ? "." : " (not built yet).");
	}
}

static void words(struct out *out, const struct cmd *cmd)
{
	struct cmd_word word;

	for (size_t i = 0; cmd->word && cmd->word(i, &word); i++) {
		out_text(out, ".TP");
		text(out, ".B", word.name, NULL);
		text(out, "", word.help, NULL);
	}
}

int cmd_man(struct cmd_context *ctx, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	out_text(ctx->out, "%s", head);
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++) {
		char usage[128];

		if (!cmd->help)
			continue;
		snprintf(usage, sizeof(usage), "dpulab %s%s%s", cmd->name, cmd->args ? " " : "", cmd_args(cmd));
		text(ctx->out, ".SS", usage, NULL);
		text(ctx->out, "", cmd->help, cmd->run ? "." : " (not built yet).");
		subs(ctx->out, cmd);
		words(ctx->out, cmd);
		options(ctx->out, cmd->options);
	}
	out_text(ctx->out, ".SH OPTIONS OF EVERY VERB");
	options(ctx->out, cmd_common_options);
	out_text(ctx->out, "%s", tail);
	return CMD_DONE;
}
