// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"

#define CHANGES_MAX 64 /* rules that go and come: beyond, compiling anew is as quick */

/* ---- runs of entries --------------------------------------------------------- */

struct run {
	uint32_t first, count;
};

struct runs { /* in use */
	struct run *list;
	size_t n;
	uint32_t limit;
};

static int runs_mark(struct runs *runs, uint32_t first, uint32_t count)
{
	struct run *grown = reallocarray(runs->list, runs->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	runs->list = grown;
	runs->list[runs->n++] = (struct run){first, count};
	return 0;
}

static bool runs_free_at(const struct runs *runs, uint32_t first, uint32_t count)
{
	if (count > runs->limit || first > runs->limit - count)
		return false;
	for (size_t i = 0; i < runs->n; i++)
		if (first < runs->list[i].first + runs->list[i].count && runs->list[i].first < first + count)
			return false;
	return true;
}

/* Behind the last run taken if that is possible: what was given up lately stays as it is for a while. */
static int runs_take(struct runs *runs, uint32_t count, uint32_t *ret_first)
{
	for (size_t i = runs->n; i--;) {
		uint32_t first = runs->list[i].first + runs->list[i].count;

		if (!runs_free_at(runs, first, count))
			continue;
		*ret_first = first;
		return runs_mark(runs, first, count);
	}
	return -ENOSPC;
}

/* ---- the store --------------------------------------------------------------- */

struct known { /* a policy version, read or written */
	struct dpu_policy_ref ref;
	struct policy policy;
	struct classifier_entry *entries;
	struct known *next;
};

struct policy_store {
	const struct dataplane *dp;
	union dpu_cls_cell *cells;
	uint64_t *hits;
	size_t cells_size, hits_size;
	struct runs used_cells, used_hits;
	struct known *known;
};

static const struct dpu_cls_head *head_at(const struct policy_store *store, uint32_t at)
{
	return &store->cells[at].head;
}

/* The entry of a port is as old as the lab: never trust what it points to beyond the tables. */
static bool ref_is_sound(const struct policy_store *store, struct dpu_policy_ref ref)
{
	return ref.at && ref.at < store->used_cells.limit &&
	       head_at(store, ref.at)->n_cells <= store->used_cells.limit - ref.at;
}

static int mark_port(struct policy_store *store, const struct dpu_port *port)
{
	const struct dpu_cls_head *head = head_at(store, port->policy.at);
	int err = 0;

	if (!ref_is_sound(store, port->policy))
		return 0;
	if (runs_free_at(&store->used_cells, port->policy.at, head->n_cells))
		err = runs_mark(&store->used_cells, port->policy.at, head->n_cells);
	if (!err)
		err = runs_mark(&store->used_hits, port->hits_first, head->max_slots);
	return err;
}

static int map_tables(struct policy_store *store, struct diag *diag)
{
	store->cells = mapio_mmap(store->dp, MAP_dfw_cells, true, &store->cells_size);
	store->hits = mapio_mmap(store->dp, MAP_dfw_hits, true, &store->hits_size);
	if (!store->cells || !store->hits)
		return diag_error(diag, -errno, NULL, "cannot map the firewall's tables of %s: %s",
				  dataplane_node(store->dp), strerror(errno));
	store->used_cells.limit = mapio_entries(store->dp, MAP_dfw_cells);
	store->used_hits.limit = mapio_entries(store->dp, MAP_dfw_hits);
	return 0;
}

int policy_store_open(const struct dataplane *dp, const struct dpu_port *ports,
		      struct policy_store **ret_store, struct diag *diag)
{
	struct policy_store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	store->dp = dp;
	err = map_tables(store, diag);
	if (!err)
		err = runs_mark(&store->used_cells, 0, 1); /* cell 0 is no policy */
	if (!err)
		err = runs_mark(&store->used_hits, 0, 0);
	for (size_t i = 0; !err && i < DPU_MAX_PORTS; i++)
		if (ports[i].policy.at)
			err = mark_port(store, &ports[i]);
	if (err)
		policy_store_close(store);
	else
		*ret_store = store;
	return err;
}

static void known_free(struct known *known)
{
	free((void *)known->policy.rules);
	free(known->entries);
	free(known);
}

void policy_store_close(struct policy_store *store)
{
	while (store->known) {
		struct known *known = store->known;

		store->known = known->next;
		known_free(known);
	}
	mapio_munmap(store->cells, store->cells_size);
	mapio_munmap(store->hits, store->hits_size);
	free(store->used_cells.list);
	free(store->used_hits.list);
	free(store);
}

/* ---- reading ----------------------------------------------------------------- */

static int read_known(const struct policy_store *store, struct known *known)
{
	const struct dpu_policy_ref ref = known->ref;
	struct dpu_rule *rules = NULL;
	int err;

	known->policy.default_action = DPU_ACTION_DROP;
	if (!ref_is_sound(store, ref))
		return 0;
	err = classifier_read(&store->cells[ref.at], ref.version, &rules, &known->entries, &known->policy.n);
	known->policy.rules = rules;
	known->policy.default_action = head_at(store, ref.at)->default_action;
	return err;
}

static int get_known(struct policy_store *store, struct dpu_policy_ref ref, struct known **ret_known)
{
	struct known *known;
	int err;

	for (known = store->known; known; known = known->next)
		if (known->ref.at == ref.at && known->ref.version == ref.version) {
			*ret_known = known;
			return 0;
		}
	known = calloc(1, sizeof(*known));
	if (!known)
		return -ENOMEM;
	known->ref = ref;
	err = read_known(store, known);
	if (err) {
		known_free(known);
		return err;
	}
	known->next = store->known;
	store->known = known;
	*ret_known = known;
	return 0;
}

int policy_store_get(struct policy_store *store, struct dpu_policy_ref ref, const struct policy **ret_policy)
{
	struct known *known;
	int err = get_known(store, ref, &known);

	if (!err)
		*ret_policy = &known->policy;
	return err;
}

enum dpu_rule_action policy_store_ask(const struct policy_store *store, struct dpu_policy_ref ref,
				      const struct policy_packet *packet, uint32_t *ret_rule_id)
{
	const struct dpu_cls_rule *rule;

	*ret_rule_id = DPU_RULE_DEFAULT;
	if (!ref_is_sound(store, ref))
		return DPU_ACTION_DROP;
	rule = classifier_find(&store->cells[ref.at], ref.version, packet);
	if (!rule)
		return head_at(store, ref.at)->default_action;
	*ret_rule_id = rule->id;
	return rule->action;
}

int policy_store_hits(struct policy_store *store, const struct dpu_port *port, uint64_t **ret_hits)
{
	struct known *known;
	uint64_t *hits;
	int err = get_known(store, port->policy, &known);

	if (err)
		return err;
	hits = calloc(known->policy.n + 1, sizeof(*hits));
	if (!hits)
		return -ENOMEM;
	for (size_t i = 0; i < known->policy.n; i++) {
		uint64_t at = (uint64_t)port->hits_first + known->entries[i].slot;

		hits[i] = at < store->used_hits.limit ? store->hits[at] : 0;
	}
	*ret_hits = hits;
	return 0;
}

/* ---- a new version of a policy -------------------------------------------------- */

struct difference { /* [first, old_end) goes, [first, new_end) comes; the rest is the same */
	size_t first, old_end, new_end;
};

static bool same_rule(const struct dpu_rule *a, const struct dpu_rule *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct difference compare(const struct policy *old, const struct policy *new)
{
	struct difference d = {0, old->n, new->n};

	while (d.first < old->n && d.first < new->n && same_rule(&old->rules[d.first], &new->rules[d.first]))
		d.first++;
	while (d.old_end > d.first && d.new_end > d.first &&
	       same_rule(&old->rules[d.old_end - 1], &new->rules[d.new_end - 1])) {
		d.old_end--;
		d.new_end--;
	}
	return d;
}

static int insert_all(struct classifier *classifier, const struct known *old, const struct policy *new,
		      const struct difference *d)
{
	size_t count = d->new_end - d->first;
	uint64_t before = d->first ? old->entries[d->first - 1].prio : 0, step = 1ull << 40;
	int err = 0;

	if (d->old_end < old->policy.n)
		step = (old->entries[d->old_end].prio - before) / (count + 1);
	if (!step)
		return -ENOSPC;
	for (size_t i = 0; i < count && !err; i++) {
		err = classifier_insert(classifier, &new->rules[d->first + i], before + (i + 1) * step);
		op_done();
	}
	return err;
}

/* -ENOSPC, -ESTALE: not this way. */
static int change(struct policy_store *store, const struct known *old, const struct policy *new,
		  struct dpu_policy_ref *ref)
{
	struct difference d = compare(&old->policy, new);
	struct classifier classifier = {&store->cells[ref->at], head_at(store, ref->at)->n_cells, true};
	uint16_t version;
	int err;

	if (old->policy.default_action != new->default_action ||
	    d.old_end - d.first + (d.new_end - d.first) > CHANGES_MAX)
		return -ENOSPC;
	err = classifier_begin(&classifier, ref->version, &version);
	for (size_t i = d.first; i < d.old_end && !err; i++) {
		err = classifier_remove(&classifier, &old->policy.rules[i], old->entries[i].prio);
		op_done();
	}
	if (!err)
		err = insert_all(&classifier, old, new, &d);
	if (!err)
		ref->version = version;
	return err;
}

/* ---- a new policy ---------------------------------------------------------------- */

static int no_room(const struct policy_store *store, struct diag *diag)
{
	return diag_error(diag, -ENOSPC,
			  "the table is as large as `tables.rules` said when the lab came up: raise it, `down` and `up`; "
			  "or narrow rules with apply-to",
			  "the compiled rules of all vNICs of %s do not fit into its tables",
			  dataplane_node(store->dp));
}

static int place(struct policy_store *store, const struct policy *policy, struct dpu_policy_ref *ret_ref,
		 struct diag *diag)
{
	struct classifier classifier;
	uint32_t room, at;
	int err = classifier_compile(policy, &classifier);

	if (err)
		return diag_error(diag, err, NULL, "cannot compile the firewall rules of %s: %s",
				  dataplane_node(store->dp), strerror(-err));
	room = classifier_room(&classifier);
	err = runs_take(&store->used_cells, room, &at);
	if (!err) {
		classifier_place(&classifier, &store->cells[at], room, classifier_slots(&classifier));
		op_done();
		*ret_ref = (struct dpu_policy_ref){.at = at};
	}
	classifier_free(&classifier);
	return err == -ENOSPC ? no_room(store, diag) : err;
}

static int take_hits(struct policy_store *store, struct dpu_port *port, struct diag *diag)
{
	uint32_t count = head_at(store, port->policy.at)->max_slots;
	int err = runs_take(&store->used_hits, count, &port->hits_first);

	if (err)
		return err == -ENOSPC ? no_room(store, diag) : err;
	memset(&store->hits[port->hits_first], 0, count * sizeof(*store->hits));
	op_done();
	return 0;
}

static bool same_rules(const struct policy *a, const struct policy *b)
{
	return a->n == b->n && a->default_action == b->default_action &&
	       (!a->n || !memcmp(a->rules, b->rules, a->n * sizeof(*a->rules)));
}

/* A policy some vNIC already has. Not "none", which has no cells. */
static const struct known *find_same(const struct policy_store *store, const struct policy *policy)
{
	for (const struct known *known = store->known; known; known = known->next)
		if (known->ref.at && same_rules(&known->policy, policy))
			return known;
	return NULL;
}

int policy_store_put(struct policy_store *store, struct dpu_port *port, const struct policy *policy,
		     struct diag *diag)
{
	const struct known *same = find_same(store, policy);
	uint32_t at = port->policy.at;
	struct known *known;
	int err = -ENOSPC;

	if (same) {
		port->policy = same->ref;
		return same->ref.at == at ? 0 : take_hits(store, port, diag);
	}
	if (ref_is_sound(store, port->policy)) {
		err = get_known(store, port->policy, &known);
		if (!err)
			err = change(store, known, policy, &port->policy);
	}
	if (err)
		err = place(store, policy, &port->policy, diag);
	if (!err)
		err = get_known(store, port->policy, &known); /* the next vNIC may want the same */
	return err || port->policy.at == at ? err : take_hits(store, port, diag);
}
