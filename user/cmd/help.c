/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* help, -h: the table of verbs in two columns, no line wider than a terminal. */
#include "verbs.h"

#include <stdio.h>
#include <string.h>

#define WIDTH	   80
#define VERBS_LEFT 24 /* width of the left column */
#define NAME_LEFT  10 /* of it, the verb's name */
#define OPTS_LEFT  22
#define TEXT_MAX   256

/* From `column`, words that do not fit go on at column `indent` of the next line. */
static void print_wrapped(size_t column, size_t indent, const char *text)
{
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (!first && column + 1 + len > WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)len, text);
		column += len;
		text += len + strspn(text + len, " ");
		first = false;
	}
	putchar('\n');
}

/* A left column too wide for its place has a line of its own. */
static void print_pair(size_t left, const char *name, const char *text)
{
	size_t indent = 2 + left + 2, used = 2 + strlen(name);

	printf("  %s", name);
	if (used + 1 > indent) {
		putchar('\n');
		used = 0;
	}
	printf("%*s", (int)(indent - used), "");
	print_wrapped(indent, indent, text);
}

static const char *built(bool is_built)
{
	return is_built ? "" : " (not built yet)";
}

static void print_options(const struct cmd_option *option)
{
	char name[64];

	for (; option && option->name; option++) {
		snprintf(name, sizeof(name), "%s%c%s--%s%s%s", option->letter ? "-" : "  ",
			 option->letter ? option->letter : ' ', option->letter ? ", " : " ", option->name,
			 option->arg ? " " : "", option->arg ? option->arg : "");
		print_pair(OPTS_LEFT, name, option->help);
	}
}

/* The line of a verb: what it does, and its own verbs. */
static void verb_text(const struct cmd *cmd, char text[TEXT_MAX])
{
	size_t used = (size_t)snprintf(text, TEXT_MAX, "%s%s", cmd->help, built(cmd->run));

	for (const struct cmd_sub *sub = cmd->subs; sub && sub->name && used < TEXT_MAX; sub++)
		used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%s", sub == cmd->subs ? ": " : ", ", sub->name);
}

void help_print(void)
{
	char name[64], text[TEXT_MAX];

	puts("dpulab: run a switch, an overlay and a firewall on the host or on an emulated\n"
	     "DPU, and move them live.\n\nusage: dpulab VERB [OPTIONS] ARGUMENTS\n");
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++) {
		if (!cmd->help)
			continue;
		snprintf(name, sizeof(name), "%-*s%s", cmd->args ? NAME_LEFT : 0, cmd->name, cmd_args(cmd));
		verb_text(cmd, text);
		print_pair(VERBS_LEFT, name, text);
	}
	puts("\noptions of every verb:");
	print_options(cmd_common_options);
	puts("\n  dpulab help VERB        options of a verb, and the words it takes\n"
	     "  dpulab --version        which dpulab this is\n"
	     "\nexit codes: 0 done, 1 failed, 2 usage, 3 checked and found wanting");
}

static void print_subs(const struct cmd *cmd)
{
	char name[128], text[TEXT_MAX];

	for (const struct cmd_sub *sub = cmd->subs; sub && sub->name; sub++) {
		snprintf(name, sizeof(name), "%s %s%s%s", cmd->name, sub->name, *sub->args ? " " : "", sub->args);
		snprintf(text, sizeof(text), "%s%s", sub->help, built(sub->run));
		print_pair(VERBS_LEFT, name, text);
	}
	if (cmd->subs)
		putchar('\n');
}

static void print_words(const struct cmd *cmd)
{
	struct cmd_word word;

	for (size_t i = 0; cmd->word && cmd->word(i, &word); i++)
		print_pair(OPTS_LEFT, word.name, word.help);
	if (cmd->word)
		putchar('\n');
}

void help_print_verb(const struct cmd *cmd)
{
	char text[TEXT_MAX];

	printf("usage: dpulab %s [OPTIONS]%s%s\n\n", cmd->name, cmd->args ? " " : "", cmd_args(cmd));
	snprintf(text, sizeof(text), "%s%s", cmd->help, built(cmd->run));
	print_wrapped(0, 0, text);
	putchar('\n');
	print_subs(cmd);
	print_words(cmd);
	print_options(cmd->options);
	print_options(cmd_common_options);
}
