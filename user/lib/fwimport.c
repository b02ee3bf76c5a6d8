// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwimport.h"
#include "fwimport_rule.h"
#include "values.h"

#include <dpulab/schedule.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX  1000000 /* as rules' numbers may reach; flattened chains multiply */
#define ERRORS_MAX 20	   /* a file with more is another format */
#define NAME_LENGTH 63	   /* bytes, as `name` of a rule */

static const struct format {
	const char *name;
	void (*read)(struct importer *in);
} formats[] = {
	{"classbench", fwimport_classbench},
	{"iptables", fwimport_iptables},
	{"kubernetes", fwimport_kubernetes},
};

static const struct format *format_named(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(name, formats[i].name))
			return &formats[i];
	return NULL;
}

bool fwimport_knows(const char *format)
{
	return format_named(format) != NULL;
}

const char *fwimport_effect_word(enum fwimport_effect effect)
{
	static const char *const words[] = {"same", "stricter", "looser", "either"};

	return words[effect];
}

/* ---- the policy ---------------------------------------------------------------- */

/* Within double quotes; cut where a character begins. */
static void write_name(FILE *out, unsigned line, const char *comment)
{
	char text[NAME_LENGTH + 2];
	size_t length = (size_t)snprintf(text, sizeof(text), comment ? "line %u: %s" : "line %u", line,
					 comment ? comment : "");

	if (length > NAME_LENGTH)
		for (length = NAME_LENGTH; length && ((unsigned char)text[length] & 0xc0) == 0x80;)
			length--;
	fputc('"', out);
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"' || text[i] == '\\')
			fputc('\\', out);
		fputc((unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i], out);
	}
	fputc('"', out);
}

static void write_list(FILE *out, const char *key, const char *list)
{
	if (list && *list)
		fprintf(out, ", %s: [%s]", key, list);
}

/* Its number, from 1; rules that count at the same times share one. 0: the rule always counts, or an error is noted. */
static size_t schedule_number(struct importer *in, const char *inside)
{
	char **grown;

	if (!inside || !*inside)
		return 0;
	for (size_t i = 0; i < in->n_schedules; i++)
		if (!strcmp(in->schedules[i], inside))
			return i + 1;
	grown = reallocarray(in->schedules, in->n_schedules + 1, sizeof(*grown));
	in->schedules = grown ? grown : in->schedules;
	if (grown)
		grown[in->n_schedules] = strdup(inside);
	if (!grown || !grown[in->n_schedules]) {
		in->err = diag_error(in->diag, -ENOMEM, NULL, "out of memory importing %s", in->name);
		return 0;
	}
	return ++in->n_schedules;
}

void import_write(struct importer *in, const struct import_rule *rule)
{
	char text[VALUE_TEXT_MAX];
	FILE *out = in->rules;
	size_t schedule;

	if (in->err)
		return;
	schedule = schedule_number(in, rule->schedule);
	if (schedule > DPU_SCHEDULES)
		in->err = diag_error(in->diag, -E2BIG, "rules that count at the same times share one",
				     "%s has rules for more than %d different times", in->name, DPU_SCHEDULES);
	if (in->err)
		return;
	if (in->result->rules >= RULES_MAX) {
		in->err = diag_error(in->diag, -E2BIG, "take the longest chains apart",
				     "%s comes to more than %d rules", in->name, RULES_MAX);
		return;
	}
	in->result->rules++;
	fputs("  - {name: ", out);
	write_name(out, rule->line, rule->comment);
	if (rule->direction == DPU_DIR_IN || rule->direction == DPU_DIR_OUT)
		fprintf(out, ", direction: %s", rule->direction == DPU_DIR_IN ? "in" : "out");
	if (rule->family)
		fprintf(out, ", family: ipv%d", rule->family);
	write_list(out, "from", rule->from);
	write_list(out, "from-not", rule->from_not);
	write_list(out, "to", rule->to);
	write_list(out, "to-not", rule->to_not);
	if (rule->proto)
		fprintf(out, ", protocol: %s", protocol_format(rule->proto, text));
	write_list(out, "source-port", rule->sports);
	write_list(out, "port", rule->ports);
	write_list(out, "icmp-type", rule->icmp);
	if (schedule)
		fprintf(out, ", schedule: times%zu", schedule);
	fprintf(out, ", action: %s, apply-to: %s}\n", rule->action, rule->apply_to ? rule->apply_to : "any");
}

static bool add_word(char *list, size_t size, const char *format, const char *word)
{
	size_t length = strlen(list);
	size_t room = size - length;
	int n = snprintf(list + length, room, "%s", length ? ", " : "");

	if ((size_t)n < room)
		n += snprintf(list + length + n, room - (size_t)n, format, word);
	if ((size_t)n < room)
		return true;
	list[length] = '\0';
	return false;
}

bool import_add_prefix(char *list, size_t size, const struct lab_prefix *prefix)
{
	const struct lab_prefix network = prefix_network(prefix);
	char text[VALUE_TEXT_MAX];

	return add_word(list, size, "\"%s\"", prefix_format(&network, false, text));
}

bool import_add_ports(char *list, size_t size, const struct lab_port_range *range)
{
	char text[VALUE_TEXT_MAX];

	return add_word(list, size, "%s", port_range_format(range, text));
}

/* ---- what is to be said --------------------------------------------------------- */

void import_remark(struct importer *in, unsigned line, enum fwimport_effect effect, const char *what,
		   const char *format, ...)
{
	struct fwimport *result = in->result;
	struct fwimport_remark remark = {.line = line, .effect = effect, .what = strdup(what)};
	struct fwimport_remark *grown;
	va_list args;

	va_start(args, format);
	if (vasprintf(&remark.why, format, args) < 0)
		remark.why = NULL;
	va_end(args);
	/* a flattened chain comes by more than once */
	for (size_t i = result->n; remark.what && remark.why && i-- > 0 && i + 64 > result->n;)
		if (result->list[i].line == line && !strcmp(result->list[i].why, remark.why))
			goto drop;
	grown = (result->n & (result->n + 1)) ? result->list :
						reallocarray(result->list, 2 * result->n + 1, sizeof(remark));
	if (!grown || !remark.what || !remark.why) {
		in->err = in->err ? in->err : diag_error(in->diag, -ENOMEM, NULL, "out of memory importing %s", in->name);
		result->list = grown ? grown : result->list;
		goto drop;
	}
	result->list = grown;
	result->list[result->n++] = remark;
	result->n_differ += effect != FWIMPORT_SAME;
	return;
drop:
	free(remark.what);
	free(remark.why);
}

void import_error(struct importer *in, unsigned line, unsigned column, const char *hint, const char *format, ...)
{
	const char *start = in->text;
	char *message, *source;
	va_list args;

	in->err = in->err ? in->err : -EINVAL;
	if (++in->errors > ERRORS_MAX)
		return;
	for (unsigned i = 1; i < line && strchr(start, '\n'); i++)
		start = strchr(start, '\n') + 1;
	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	source = strndup(start, strcspn(start, "\r\n"));
	diag_at(in->diag, -EINVAL, in->name, line, column, source, hint, "%s", message ? message : "out of memory");
	free(source);
	free(message);
}

static int by_line(const void *left, const void *right)
{
	const struct fwimport_remark *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (int)a->effect - (int)b->effect;
}

/* ---- all of it -------------------------------------------------------------------- */

static int put_together(struct importer *in, const char *format, const char *groups, const char *rules)
{
	size_t length;
	FILE *out = open_memstream(&in->result->policy, &length);

	if (!out)
		return -ENOMEM;
	fprintf(out, "# from %s rules\ndefault: %s\n", format, in->default_action);
	if (*groups)
		fprintf(out, "groups:\n%s", groups);
	for (size_t i = 0; i < in->n_schedules; i++)
		fprintf(out, "%s  times%zu: {%s}\n", i ? "" : "schedules:\n", i + 1, in->schedules[i]);
	if (*rules)
		fprintf(out, "rules:\n%s", rules);
	return fclose(out) ? -ENOMEM : 0;
}

static int read_with(struct importer *in, const char *format, void (*read)(struct importer *))
{
	char *groups = NULL, *rules = NULL;
	size_t n_groups, n_rules;
	int err = 0;

	in->groups = open_memstream(&groups, &n_groups);
	in->rules = open_memstream(&rules, &n_rules);
	if (in->groups && in->rules)
		read(in);
	else
		err = -ENOMEM;
	if (in->groups && fclose(in->groups))
		err = -ENOMEM;
	if (in->rules && fclose(in->rules))
		err = -ENOMEM;
	if (!err && !in->err)
		err = put_together(in, format, groups, rules);
	for (size_t i = 0; i < in->n_schedules; i++)
		free(in->schedules[i]);
	free(in->schedules);
	free(groups);
	free(rules);
	if (err)
		return diag_error(in->diag, err, NULL, "out of memory importing %s", in->name);
	return in->err;
}

int fwimport_read(const char *format, const char *name, const char *text, size_t length, struct fwimport *ret,
		  struct diag *diag)
{
	struct importer in = {.name = name, .text = text, .length = length, .diag = diag, .result = ret,
			      .default_action = "drop"};
	const struct format *entry = format_named(format);
	int err;

	*ret = (struct fwimport){0};
	if (memchr(text, '\0', length))
		return diag_error(diag, -EINVAL, NULL, "%s is not a text", name);
	if (!entry)
		return diag_error(diag, -EINVAL, "classbench, iptables and kubernetes are", "%s is not a format that is read", format);
	err = read_with(&in, format, entry->read);
	if (err)
		fwimport_free(ret);
	else if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), by_line);
	return err;
}

void fwimport_free(struct fwimport *import)
{
	for (size_t i = 0; i < import->n; i++) {
		free(import->list[i].what);
		free(import->list[i].why);
	}
	free(import->list);
	free(import->policy);
	*import = (struct fwimport){0};
}
