// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "policy_diff.h"

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

struct carried { /* hits that go on in another counter */
	uint32_t from, to;
	uint64_t seen; /* of them have been taken over */
};

struct policy_store {
	const struct dataplane *dp;
	union dpu_cls_cell *cells;
	struct dpu_rule_hits *hits;
	size_t cells_size, hits_size;
	struct runs used_cells, used_hits;
	struct known *known;
	struct carried *carried;
	size_t n_carried;
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
	free(store->carried);
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
		return policy_default(head_at(store, ref.at)->default_action);
	*ret_rule_id = rule->id;
	return DPU_RULE_ACTION(rule->action);
}

static struct dpu_rule_hits hits_at(const struct policy_store *store, const struct dpu_port *port, uint32_t slot)
{
	uint64_t at = (uint64_t)port->hits_first + slot;

	return at < store->used_hits.limit ? store->hits[at] : (struct dpu_rule_hits){0};
}

int policy_store_hits(struct policy_store *store, const struct dpu_port *port, struct dpu_rule_hits **ret_hits)
{
	struct known *known;
	struct dpu_rule_hits *hits;
	int err = get_known(store, port->policy, &known);

	if (err)
		return err;
	hits = calloc(known->policy.n + 1, sizeof(*hits));
	if (!hits)
		return -ENOMEM;
	for (size_t i = 0; i < known->policy.n; i++)
		hits[i] = hits_at(store, port, known->entries[i].slot);
	hits[known->policy.n] = hits_at(store, port, 0);
	*ret_hits = hits;
	return 0;
}

/* ---- a new version of a policy -------------------------------------------------- */

/* Counter of a rule that is in the policy already, or CLASSIFIER_NEW_SLOT. */
static uint32_t slot_of(const struct known *known, uint32_t id)
{
	for (size_t i = 0; i < known->policy.n; i++)
		if (known->policy.rules[i].id == id)
			return known->entries[i].slot;
	return CLASSIFIER_NEW_SLOT;
}

struct change {
	struct classifier classifier;
	const struct known *old;
	const struct policy *new;
	const uint32_t *kept; /* policy_diff() */
	uint32_t slot, slot_id; /* of the rule put in last */
};

static int remove_gone(struct change *change)
{
	const struct known *old = change->old;
	size_t at = 0;
	int err = 0;

	for (size_t i = 0; i < old->policy.n && !err; i++) {
		while (at < change->new->n && (change->kept[at] == POLICY_DIFF_NEW || change->kept[at] < i))
			at++;
		if (at < change->new->n && change->kept[at] == i)
			continue;
		err = classifier_remove(&change->classifier, &old->policy.rules[i], old->entries[i].prio);
		op_done();
	}
	return err;
}

/* The entries of one rule follow each other, and share its counter. */
static int insert_one(struct change *change, const struct dpu_rule *rule, uint64_t prio)
{
	const struct dpu_cls_head *head = &change->classifier.cells[0].head;
	int err;

	if (change->slot == CLASSIFIER_NEW_SLOT || change->slot_id != rule->id) {
		change->slot = slot_of(change->old, rule->id);
		change->slot_id = rule->id;
	}
	err = classifier_insert(&change->classifier, rule, prio, change->slot);
	if (change->slot == CLASSIFIER_NEW_SLOT)
		change->slot = head->n_slots - 1;
	op_done();
	return err;
}

/* The new entries [first, end), with numbers between those of the kept ones before and after. */
static int insert_run(struct change *change, size_t first, size_t end)
{
	const struct classifier_entry *entries = change->old->entries;
	uint64_t before = first ? entries[change->kept[first - 1]].prio : 0, step = 1ull << 40;
	int err = 0;

	if (end < change->new->n)
		step = (entries[change->kept[end]].prio - before) / (end - first + 1);
	if (!step)
		return -ENOSPC;
	for (size_t i = first; i < end && !err; i++)
		err = insert_one(change, &change->new->rules[i], before + (i - first + 1) * step);
	return err;
}

static int insert_new(struct change *change)
{
	int err = 0;

	for (size_t i = 0, end; i < change->new->n && !err; i = end + 1) {
		for (end = i; end < change->new->n && change->kept[end] == POLICY_DIFF_NEW; end++)
			;
		if (end > i)
			err = insert_run(change, i, end);
	}
	return err;
}

/* -ENOSPC, -ESTALE: not this way. */
static int change(struct policy_store *store, const struct known *old, const struct policy *new,
		  struct dpu_policy_ref *ref)
{
	struct change job = {.classifier = {&store->cells[ref->at], head_at(store, ref->at)->n_cells, true},
			     .old = old, .new = new};
	uint32_t *kept = calloc(new->n + 1, sizeof(*kept));
	uint16_t version;
	int err = -ENOSPC;

	job.kept = kept;
	if (kept && old->policy.default_action == new->default_action && !policy_diff(&old->policy, new, kept))
		err = classifier_begin(&job.classifier, ref->version, &version);
	if (!err)
		err = remove_gone(&job);
	if (!err)
		err = insert_new(&job);
	if (!err)
		ref->version = version;
	free(kept);
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

/* ---- hits ------------------------------------------------------------------------ */

struct rule_slot {
	uint32_t id, slot;
};

static int compare_rule_slots(const void *a, const void *b)
{
	const struct rule_slot *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* The counter of each rule, and of the default action, in the order of ids. The caller frees. */
static int list_slots(const struct known *known, struct rule_slot **ret_list, size_t *ret_n)
{
	struct rule_slot *list = calloc(known->policy.n + 1, sizeof(*list));
	size_t n = 1, kept = 1;

	if (!list)
		return -ENOMEM;
	list[0] = (struct rule_slot){DPU_RULE_DEFAULT, 0};
	for (size_t i = 0; i < known->policy.n; i++)
		if (known->policy.rules[i].id != list[n - 1].id)
			list[n++] = (struct rule_slot){known->policy.rules[i].id, known->entries[i].slot};
	qsort(list, n, sizeof(*list), compare_rule_slots);
	for (size_t i = 1; i < n; i++)
		if (list[i].id != list[kept - 1].id)
			list[kept++] = list[i];
	*ret_list = list;
	*ret_n = kept;
	return 0;
}

static void carry(struct policy_store *store, uint32_t from, uint32_t to)
{
	struct dpu_rule_hits seen;

	if (from >= store->used_hits.limit || to >= store->used_hits.limit)
		return;
	seen.hits = __atomic_load_n(&store->hits[from].hits, __ATOMIC_RELAXED);
	seen.last_ns = __atomic_load_n(&store->hits[from].last_ns, __ATOMIC_RELAXED);
	store->carried[store->n_carried++] = (struct carried){from, to, seen.hits};
	store->hits[to] = seen;
}

/* A rule that was there before goes on counting where it stopped. */
static int carry_hits(struct policy_store *store, const struct known *old, uint32_t old_first,
		      const struct known *new, uint32_t new_first)
{
	struct rule_slot *was = NULL, *is = NULL;
	size_t n_was = 0, n_is = 0;
	struct carried *grown;
	int err = list_slots(old, &was, &n_was);

	if (!err)
		err = list_slots(new, &is, &n_is);
	grown = err ? NULL : reallocarray(store->carried, store->n_carried + n_is, sizeof(*grown));
	if (grown)
		store->carried = grown;
	for (size_t i = 0, j = 0; grown && i < n_is; i++) {
		while (j < n_was && was[j].id < is[i].id)
			j++;
		if (j < n_was && was[j].id == is[i].id)
			carry(store, old_first + was[j].slot, new_first + is[i].slot);
	}
	free(was);
	free(is);
	return grown ? 0 : -ENOMEM;
}

/* Counters for a port's new policy; old: the one it had, or NULL. */
static int take_hits(struct policy_store *store, struct dpu_port *port, const struct known *old,
		     struct diag *diag)
{
	uint32_t count = head_at(store, port->policy.at)->max_slots, before = port->hits_first;
	struct known *new;
	int err = runs_take(&store->used_hits, count, &port->hits_first);

	if (err)
		return err == -ENOSPC ? no_room(store, diag) : err;
	memset(&store->hits[port->hits_first], 0, count * sizeof(*store->hits));
	if (old)
		err = get_known(store, port->policy, &new);
	if (old && !err)
		err = carry_hits(store, old, before, new, port->hits_first);
	op_done();
	return err;
}

void policy_store_settle(struct policy_store *store)
{
	for (size_t i = 0; i < store->n_carried; i++) {
		struct carried *carried = &store->carried[i];
		struct dpu_rule_hits *to = &store->hits[carried->to];
		uint64_t hits = __atomic_load_n(&store->hits[carried->from].hits, __ATOMIC_RELAXED);
		uint64_t last = __atomic_load_n(&store->hits[carried->from].last_ns, __ATOMIC_RELAXED);

		if (hits != carried->seen)
			__atomic_fetch_add(&to->hits, hits - carried->seen, __ATOMIC_RELAXED);
		if (last > __atomic_load_n(&to->last_ns, __ATOMIC_RELAXED))
			__atomic_store_n(&to->last_ns, last, __ATOMIC_RELAXED);
		carried->seen = hits;
	}
}

/* ---- giving a port its rules ------------------------------------------------------- */

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
	struct known *old = NULL, *known;
	uint32_t at = port->policy.at;
	int err = 0;

	if (ref_is_sound(store, port->policy))
		err = get_known(store, port->policy, &old);
	if (err)
		return err;
	if (same) {
		port->policy = same->ref;
		return same->ref.at == at ? 0 : take_hits(store, port, old, diag);
	}
	err = old ? change(store, old, policy, &port->policy) : -ENOSPC;
	if (err)
		err = place(store, policy, &port->policy, diag);
	if (!err)
		err = get_known(store, port->policy, &known); /* the next vNIC may want the same */
	return err || port->policy.at == at ? err : take_hits(store, port, old, diag);
}
