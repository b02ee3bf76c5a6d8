// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fwimport_iptables.c - what iptables-save and ip6tables-save write, table filter (iptables -S
 * is read, too). Here lines become chains; fwimport_chains.c makes one list of them.
 */
#include "fwimport_chains.h"
#include "fwimport_options.h"
#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct chain *chain_named(struct option_reader *r, const char *name)
{
	struct chains *chains = r->chains;
	struct chain *grown;

	for (size_t i = 0; i < chains->n; i++)
		if (!strcmp(chains->list[i].name, name))
			return &chains->list[i];
	if (strlen(name) >= CHAIN_NAME_MAX || chains->n == CHAINS_MAX) {
		import_error(r->in, r->line, 1, NULL, "a chain's name has at most %d letters, a table %d chains",
			     CHAIN_NAME_MAX - 1, CHAINS_MAX);
		return NULL;
	}
	grown = reallocarray(chains->list, chains->n + 1, sizeof(*grown));
	if (!grown) {
		r->in->err = diag_error(r->in->diag, -ENOMEM, NULL, "out of memory importing %s", r->in->name);
		return NULL;
	}
	chains->list = grown;
	grown[chains->n] = (struct chain){.line = r->line};
	snprintf(grown[chains->n].name, CHAIN_NAME_MAX, "%s", name);
	return &grown[chains->n++];
}

/* ":INPUT DROP [0:0]", "-P INPUT DROP", ":user - [0:0]", "-N user" */
static void read_chain(struct option_reader *r, const char *name, const char *policy)
{
	struct chain *chain = chain_named(r, name);

	if (!chain)
		return;
	chain->line = r->line;
	chain->declared = true;
	chain->drops = !strcmp(policy, "DROP");
	if (!chain->drops && strcmp(policy, "-") != 0 && strcmp(policy, "ACCEPT") != 0)
		import_error(r->in, r->line, 1, "a policy is ACCEPT or DROP", "chain %s has the policy '%s'", name, policy);
}

static void read_rule(struct option_reader *r, const char *chain_name)
{
	struct chain_rule rule = {.line = r->line, .match = {.states = STATE_ANY}};
	struct chain *chain;
	struct chain_rule *grown;

	option_read_rule(r, &rule);
	if ((rule.target == TARGET_JUMP || rule.target == TARGET_GOTO) && !r->in->err) {
		chain = chain_named(r, rule.target_word);
		rule.chain = chain ? (size_t)(chain - r->chains->list) : 0;
	}
	chain = chain_named(r, chain_name);
	grown = chain ? reallocarray(chain->rules, chain->n + 1, sizeof(rule)) : NULL;
	if (!grown) {
		option_free_rule(&rule);
		r->in->err = r->in->err ? r->in->err : -ENOMEM;
		return;
	}
	chain->rules = grown;
	chain->rules[chain->n++] = rule;
}

static void read_line(struct option_reader *r, char *words[], size_t n)
{
	const char *word = words[0];

	r->words = words + 2;
	r->n = n > 2 ? n - 2 : 0;
	if (word[0] == ':' && n >= 2)
		read_chain(r, word + 1, words[1]);
	else if (!strcmp(word, "-P") && n >= 3)
		read_chain(r, words[1], words[2]);
	else if (!strcmp(word, "-N") && n >= 2)
		read_chain(r, words[1], "-");
	else if (!strcmp(word, "-A") && n >= 2)
		read_rule(r, words[1]);
	else
		import_error(r->in, r->line, 1, "a line is *TABLE, :CHAIN POLICY, -A CHAIN RULE, COMMIT or a # comment",
			     "expected a line of iptables-save, found '%s'", word);
}

/* Words apart, quotes taken off. Cuts the line up. */
static size_t split(char *line, char *words[], size_t max)
{
	size_t n = 0;
	char *from = line, *to;

	while (*(from += strspn(from, " \t\r")) && n < max) {
		bool quoted = false;

		words[n++] = to = from;
		for (; *from && (quoted || !isspace((unsigned char)*from)); from++) {
			if (*from == '"')
				quoted = !quoted;
			else if (*from == '\\' && from[1])
				*to++ = *++from;
			else
				*to++ = *from;
		}
		from += *from != '\0';
		*to = '\0';
	}
	return n;
}

/* Lines of tables that are not read: only what such a table does is worth a word. */
static void pass_over(struct option_reader *r, const char *table, const char *word)
{
	if (!strncmp(word, "-A", 2))
		import_remark(r->in, r->line, FWIMPORT_EITHER, table, "only the table filter is read: the rule is left out");
}

static void read_text(struct option_reader *r, char *line, char *words[], size_t max)
{
	char table[CHAIN_NAME_MAX] = "filter", *next;

	for (; line && !r->in->err; line = next) {
		size_t n, first;

		r->line++;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (strstr(line, "enerated by ip6tables"))
			r->chains->family = 6;
		if (line[strspn(line, " \t\r")] == '#')
			continue;
		n = split(line, words, max);
		first = n && words[0][0] == '['; /* counters, of iptables-save -c */
		if (n == first || !strcmp(words[first], "COMMIT"))
			continue;
		if (words[first][0] == '*')
			snprintf(table, sizeof(table), "%s", words[first] + 1);
		else if (strcmp(table, "filter") != 0)
			pass_over(r, table, words[first]);
		else
			read_line(r, words + first, n - first);
	}
}

/* A target that is no chain of the table is one of an extension. */
static void tell_targets(struct chains *chains)
{
	for (size_t i = 0; i < chains->n; i++)
		for (size_t j = 0; j < chains->list[i].n; j++) {
			struct chain_rule *rule = &chains->list[i].rules[j];
			const bool jumps = rule->target == TARGET_JUMP || rule->target == TARGET_GOTO;

			if (jumps && !chains->list[rule->chain].declared && !chains->list[rule->chain].n)
				rule->target = TARGET_OTHER;
		}
}

static void free_chains(struct chains *chains)
{
	for (size_t i = 0; i < chains->n; i++) {
		for (size_t j = 0; j < chains->list[i].n; j++)
			option_free_rule(&chains->list[i].rules[j]);
		free(chains->list[i].rules);
	}
	free(chains->list);
}

#define WORDS_MAX 1024 /* of a line */

void fwimport_iptables(struct importer *in)
{
	struct chains chains = {.family = 4};
	struct option_reader r = {.in = in, .chains = &chains};
	char *text = strndup(in->text, in->length), **words = calloc(WORDS_MAX, sizeof(*words));

	if (text && words)
		read_text(&r, text, words, WORDS_MAX);
	else
		in->err = diag_error(in->diag, -ENOMEM, NULL, "out of memory importing %s", in->name);
	if (!in->err && !chains.n)
		in->err = diag_error(in->diag, -EINVAL, "iptables-save writes one", "%s has no chain of the table filter", in->name);
	if (!in->err)
		tell_targets(&chains);
	if (!in->err)
		chains_flatten(&chains, in);
	free_chains(&chains);
	free(words);
	free(text);
}
