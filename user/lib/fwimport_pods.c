// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwimport_pods.h"
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPACE_LABEL "kubernetes.io/metadata.name"
#define CHOICES_MAX 64	 /* of a selector's lists of values, multiplied */
#define TAGS_MAX    32

/* What a selector selects: one of several sets of labels, all of a set. */
struct selection {
	struct lab_tag sets[CHOICES_MAX][TAGS_MAX];
	size_t n_tags;
	size_t n; /* sets; all have n_tags */
};

static const char out_of_memory[] = "there is no memory for it";

const char *pods_text(const struct yaml_node *node, const char *key, const char *otherwise)
{
	const struct yaml_node *value = node && node->kind == YAML_MAPPING ? yaml_get(node, key, NULL) : NULL;

	return value && value->kind == YAML_SCALAR && !value->null ? value->text : otherwise;
}

bool pods_only(const struct yaml_node *mapping, const char *const *keys)
{
	for (size_t i = 0; mapping->kind == YAML_MAPPING && i < mapping->n; i++) {
		size_t k = 0;

		while (keys[k] && strcmp(keys[k], mapping->keys[i]->text) != 0)
			k++;
		if (!keys[k])
			return false;
	}
	return mapping->kind == YAML_MAPPING;
}

/* ---- selectors ------------------------------------------------------------------------ */

/* One label more: with n values, each set becomes n. */
static const char *add_label(struct selection *s, const char *key, const struct yaml_node *const *values, size_t n)
{
	char text[2 * TAG_MAX + 512];

	if (!n || s->n * n > CHOICES_MAX || s->n_tags == TAGS_MAX)
		return "its selector has no values, or too many of them";
	for (size_t i = s->n * n; i-- > 0;) {
		const struct yaml_node *value = values[i % n];

		if (value->kind != YAML_SCALAR)
			return "a label's value is a text";
		snprintf(text, sizeof(text), "%s=%s", key, value->text);
		if (i / n != i)
			memcpy(s->sets[i], s->sets[i / n], sizeof(s->sets[i]));
		if (tag_parse(text, &s->sets[i][s->n_tags]))
			return "a label is longer than a tag may be, or has other letters";
	}
	s->n *= n;
	s->n_tags++;
	return NULL;
}

static const char *add_expression(struct selection *s, const struct yaml_node *e)
{
	const char *key = pods_text(e, "key", NULL);
	const struct yaml_node *values = e->kind == YAML_MAPPING ? yaml_get(e, "values", NULL) : NULL;

	if (!key || strcmp(pods_text(e, "operator", ""), "In") != 0 || !values || values->kind != YAML_SEQUENCE)
		return "groups know tags that a VM has, not such as it lacks: of matchExpressions only In can be said";
	return add_label(s, key, (const struct yaml_node *const *)values->items, values->n);
}

static const char *add_selector(struct selection *s, const struct yaml_node *selector)
{
	const struct yaml_node *labels, *expressions;
	const char *why = NULL;

	if (selector->null || (selector->kind == YAML_MAPPING && !selector->n))
		return NULL;
	if (!pods_only(selector, (const char *const[]){"matchLabels", "matchExpressions", NULL}))
		return "a selector has matchLabels and matchExpressions, and nothing else";
	labels = yaml_get(selector, "matchLabels", NULL);
	expressions = yaml_get(selector, "matchExpressions", NULL);
	if ((labels && labels->kind != YAML_MAPPING && !labels->null) ||
	    (expressions && expressions->kind != YAML_SEQUENCE && !expressions->null))
		return "matchLabels is a mapping, matchExpressions a list";
	for (size_t i = 0; labels && !why && i < labels->n; i++)
		why = add_label(s, labels->keys[i]->text, (const struct yaml_node *const *)&labels->items[i], 1);
	for (size_t i = 0; expressions && !why && i < expressions->n; i++)
		why = add_expression(s, expressions->items[i]);
	return why;
}

static bool names_spaces(const struct yaml_node *selector)
{
	const struct yaml_node *labels = yaml_get(selector, "matchLabels", NULL);
	const struct yaml_node *expressions = yaml_get(selector, "matchExpressions", NULL);

	for (size_t i = 0; labels && i < labels->n; i++)
		if (strcmp(labels->keys[i]->text, SPACE_LABEL) != 0)
			return false;
	for (size_t i = 0; expressions && i < expressions->n; i++)
		if (strcmp(pods_text(expressions->items[i], "key", ""), SPACE_LABEL) != 0)
			return false;
	return true;
}

/* ---- groups ----------------------------------------------------------------------------- */

/* Its number: the same text is the same group. */
static const char *group_of(struct pods_reader *r, const char *text, const char *prefix, char *ret_name, bool *ret_new)
{
	char **grown;

	for (size_t i = 0; i < r->n_groups; i++)
		if (!strcmp(r->groups[i], text)) {
			snprintf(ret_name, POLICY_NAME_MAX, "%s-%zu", prefix, i + 1);
			*ret_new = false;
			return NULL;
		}
	grown = reallocarray(r->groups, r->n_groups + 1, sizeof(*grown));
	if (!grown)
		return out_of_memory;
	r->groups = grown;
	grown[r->n_groups] = strdup(text);
	if (!grown[r->n_groups])
		return out_of_memory;
	snprintf(ret_name, POLICY_NAME_MAX, "%s-%zu", prefix, ++r->n_groups);
	*ret_new = true;
	return NULL;
}

static const char *write_set(struct pods_reader *r, const struct lab_tag *tags, size_t n, char *ret_name)
{
	char text[TAGS_MAX * (TAG_MAX + 4) + 1] = "";
	bool is_new = false;
	size_t length = 0;
	const char *why;

	for (size_t i = 0; i < n; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s\"%s\"", i ? ", " : "", tags[i].name);
	why = group_of(r, text, "pods", ret_name, &is_new);
	if (is_new)
		fprintf(r->in->groups, "  %s: {all-tags: [%s]}\n", ret_name, text);
	return why;
}

static const char *write_selection(struct pods_reader *r, const struct selection *s, char *ret_name)
{
	char text[CHOICES_MAX * (POLICY_NAME_MAX + 2) + 1] = "", name[POLICY_NAME_MAX];
	const char *why = NULL;
	bool is_new = false;
	size_t length = 0;

	if (!s->n_tags)
		return "it selects all pods of all namespaces, which no group names";
	if (s->n == 1)
		return write_set(r, s->sets[0], s->n_tags, ret_name);
	for (size_t i = 0; i < s->n && !why; i++) {
		why = write_set(r, s->sets[i], s->n_tags, name);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i ? ", " : "", name);
	}
	why = why ? why : group_of(r, text, "pods", ret_name, &is_new);
	if (is_new)
		fprintf(r->in->groups, "  %s: {members: [%s]}\n", ret_name, text);
	return why;
}

static const char *write_both(struct pods_reader *r, const char *space, const struct yaml_node *spaces,
			      const struct yaml_node *pods, char *ret_group)
{
	struct yaml_node own = {.kind = YAML_SCALAR, .text = (char *)space};
	const struct yaml_node *own_list = &own;
	struct selection *s = calloc(1, sizeof(*s));
	const char *why;

	if (!s)
		return out_of_memory;
	s->n = 1;
	why = spaces ? add_selector(s, spaces) : add_label(s, SPACE_LABEL, &own_list, 1);
	if (!why && pods)
		why = add_selector(s, pods);
	if (!why)
		why = write_selection(r, s, ret_group);
	free(s);
	return why;
}

const char *pods_selected(struct pods_reader *r, const char *space, const struct yaml_node *selector, char *ret_group)
{
	return write_both(r, space, NULL, selector, ret_group);
}

const char *pods_peer(struct pods_reader *r, const char *space, const struct yaml_node *peer, char *ret_group)
{
	const struct yaml_node *spaces, *pods;

	if (!pods_only(peer, (const char *const[]){"podSelector", "namespaceSelector", NULL}) || !peer->n)
		return "a peer has an ipBlock, or podSelector and namespaceSelector";
	spaces = yaml_get(peer, "namespaceSelector", NULL);
	pods = yaml_get(peer, "podSelector", NULL);
	if (spaces && spaces->kind == YAML_MAPPING && !names_spaces(spaces))
		return "labels of namespaces are not in the file; their names (" SPACE_LABEL ") can be said";
	return write_both(r, space, spaces && spaces->null ? NULL : spaces, pods, ret_group);
}

/* ---- pods that are closed ------------------------------------------------------------------ */

void pods_close(struct pods_reader *r, unsigned line, const char *policy, const char *group, bool inbound)
{
	struct pods_closed *grown;

	for (size_t i = 0; i < r->n_closed; i++)
		if (r->closed[i].inbound == inbound && !strcmp(r->closed[i].group, group))
			return;
	grown = reallocarray(r->closed, r->n_closed + 1, sizeof(*grown));
	if (grown) {
		r->closed = grown;
		grown[r->n_closed] = (struct pods_closed){.line = line, .inbound = inbound, .policy = strdup(policy)};
		snprintf(grown[r->n_closed].group, POLICY_NAME_MAX, "%s", group);
	}
	if (!grown || !grown[r->n_closed++].policy)
		r->in->err = diag_error(r->in->diag, -ENOMEM, NULL, "out of memory importing %s", r->in->name);
}

void pods_write_closed(struct pods_reader *r)
{
	char comment[POLICY_NAME_MAX + 16];

	for (size_t i = 0; i < r->n_closed && !r->in->err; i++) {
		const struct pods_closed *closed = &r->closed[i];
		const struct import_rule rule = {.line = closed->line, .comment = comment, .action = "drop",
						 .direction = closed->inbound ? DPU_DIR_IN : DPU_DIR_OUT,
						 .apply_to = closed->group};

		snprintf(comment, sizeof(comment), "%.63s isolates", closed->policy);
		import_write(r->in, &rule);
	}
}

void pods_free(struct pods_reader *r)
{
	for (size_t i = 0; i < r->n_groups; i++)
		free(r->groups[i]);
	for (size_t i = 0; i < r->n_closed; i++)
		free(r->closed[i].policy);
	free(r->groups);
	free(r->closed);
}
