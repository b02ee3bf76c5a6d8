/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "rulecount.h"

#include <errno.h>
#include <stdlib.h>

#include "inspect.h"
#include "l2_install.h"
#include "mapio.h"

/* ---- a rule by its id -------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct rule_count *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_index(const void *a, const void *b)
{
	const struct rule_count *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static struct rule_count *find(struct rule_count *counts, size_t n, uint32_t id)
{
	const struct rule_count key = {.id = id};

	return bsearch(&key, counts, n, sizeof(key), by_id);
}

/* In the order of ids. */
static struct rule_count *list_rules(const struct lab *lab)
{
	struct rule_count *counts = calloc(lab->n_rules + 1, sizeof(*counts));

	for (size_t i = 0; counts && i <= lab->n_rules; i++)
		counts[i] = (struct rule_count){.id = i < lab->n_rules ? lab->rules[i].id : DPU_RULE_DEFAULT, .index = i};
	if (counts)
		qsort(counts, lab->n_rules + 1, sizeof(*counts), by_id);
	return counts;
}

/* ---- adding up ---------------------------------------------------------------- */

/* All entries of a rule at a vNIC share one counter: each vNIC's is taken once. */
static int add_hits(const struct location *at, struct rule_count *counts, size_t n, struct diag *diag)
{
	struct inspect_rule *rules;
	size_t n_rules, *seen;
	int err = inspect_rules(at, &rules, &n_rules, diag);

	if (err)
		return err;
	seen = calloc(n, sizeof(*seen)); /* the vNIC whose counter was taken last, + 1 */
	for (size_t i = 0; seen && i < n_rules; i++) {
		struct rule_count *count = find(counts, n, rules[i].rule.id);

		if (!count || seen[count->index] == rules[i].vm + 1)
			continue;
		seen[count->index] = rules[i].vm + 1;
		count->hits += rules[i].hits;
		if (rules[i].last_ns > count->last_ns)
			count->last_ns = rules[i].last_ns;
	}
	free(rules);
	free(seen);
	return seen ? 0 : -ENOMEM;
}

/* Each entry of a rule of category ethernet has a counter of its own. */
static int add_frames(const struct location *at, struct rule_count *counts, size_t n, struct diag *diag)
{
	struct l2_entry *entries;
	size_t n_entries;
	int err = l2_list(at, &entries, &n_entries, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n_entries; i++) {
		struct rule_count *count = find(counts, n, entries[i].rule.id);

		if (!count)
			continue;
		count->hits += entries[i].rule.hits;
		if (entries[i].rule.last_ns > count->last_ns)
			count->last_ns = entries[i].rule.last_ns;
	}
	free(entries);
	return 0;
}

static int add_booked(const struct location *at, struct rule_count *counts, size_t n, struct diag *diag)
{
	struct map_dump dump;
	int err = mapio_dump(at->dp, MAP_dfw_bytes, sizeof(struct dpu_rule_key), sizeof(uint64_t), &dump, diag);

	if (err)
		return err;
	for (size_t i = 0; i < dump.n; i++) {
		const struct dpu_rule_key *key = (struct dpu_rule_key *)dump.keys + i;
		struct rule_count *count = find(counts, n, key->rule_id);

		if (count)
			count->bytes += ((uint64_t *)dump.values)[i];
	}
	map_dump_free(&dump);
	return 0;
}

static int add_living(const struct location *at, struct rule_count *counts, size_t n, struct diag *diag)
{
	struct inspect_connection *list;
	size_t n_connections;
	int err = inspect_connections(at, &list, &n_connections, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n_connections; i++) {
		struct rule_count *count = find(counts, n, list[i].entry.rule_id);

		if (count)
			count->bytes += list[i].entry.bytes[0] + list[i].entry.bytes[1];
	}
	free(list);
	return 0;
}

int rule_count_read(const struct location *location, struct rule_count **ret_counts, size_t *ret_n,
		    struct diag *diag)
{
	struct rule_count *counts = list_rules(location->lab);
	size_t n = location->lab->n_rules + 1;
	int err = counts ? add_hits(location, counts, n, diag) : -ENOMEM;

	if (!err)
		err = add_frames(location, counts, n, diag);
	if (!err)
		err = add_booked(location, counts, n, diag);
	if (!err)
		err = add_living(location, counts, n, diag);
	if (err) {
		free(counts);
		return err;
	}
	qsort(counts, n, sizeof(*counts), by_index);
	*ret_counts = counts;
	*ret_n = n;
	return 0;
}

/* ---- forgetting ---------------------------------------------------------------- */

static bool has_port(const struct lab *lab, uint16_t port)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].port == port)
			return true;
	return false;
}

int rule_count_forget(const struct location *location, struct diag *diag)
{
	struct rule_count *counts = list_rules(location->lab);
	size_t n = location->lab->n_rules + 1;
	struct map_dump dump = {0};
	int err = counts ? mapio_dump(location->dp, MAP_dfw_bytes, sizeof(struct dpu_rule_key), sizeof(uint64_t),
				      &dump, diag)
			 : -ENOMEM;

	for (size_t i = 0; !err && i < dump.n; i++) {
		const struct dpu_rule_key *key = (struct dpu_rule_key *)dump.keys + i;

		if (!find(counts, n, key->rule_id) || !has_port(location->lab, key->zone))
			err = mapio_delete(location->dp, MAP_dfw_bytes, key, diag);
	}
	map_dump_free(&dump);
	free(counts);
	return err;
}
