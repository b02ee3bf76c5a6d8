// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The other direction: what a compiled policy says of a packet, and which rules it was made of. */
#include "classifier.h"
#include "classifier_list.h"
#include "classifier_trie.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static bool counts(const struct dpu_cls_rule *rule, uint16_t version)
{
	return rule->prio && rule->born <= version && version < rule->died;
}

/* ---- one packet ------------------------------------------------------------- */

static bool any_ports(const struct dpu_cls_rule *rule)
{
	return !rule->sport_lo && rule->sport_hi == UINT16_MAX && !rule->dport_lo &&
	       rule->dport_hi == UINT16_MAX;
}

static bool ports_match(const struct dpu_cls_rule *rule, const struct policy_packet *packet)
{
	if (!packet->has_ports)
		return any_ports(rule);
	return packet->sport >= rule->sport_lo && packet->sport <= rule->sport_hi &&
	       packet->dport >= rule->dport_lo && packet->dport <= rule->dport_hi;
}

struct search {
	const union dpu_cls_cell *cells;
	struct policy_packet packet; /* ICMPv6 as ICMP */
	uint8_t family;
	uint16_t version;
	uint8_t only; /* DPU_RULE_APPLICATION: rules without it do not count */
	const struct dpu_cls_rule *best;
};

static bool matches(const struct search *search, const struct dpu_cls_rule *rule)
{
	return counts(rule, search->version) && !(search->packet.closed >> DPU_RULE_SCHEDULE(rule->action) & 1) &&
	       !(search->only & ~rule->direction) && (rule->direction & search->packet.direction) &&
	       (!rule->family || rule->family == search->family) &&
	       (!rule->proto || rule->proto == search->packet.proto) && ports_match(rule, &search->packet);
}

static void search_list(struct search *search, struct dpu_cls_ref ref)
{
	for (uint32_t i = 0; i < ref.n; i++) {
		const struct dpu_cls_rule *rule = &search->cells[ref.cell + i / 2].rule[i % 2];

		if (search->best && rule->prio >= search->best->prio)
			return;
		if (matches(search, rule)) {
			search->best = rule;
			return;
		}
	}
}

static unsigned field_of(const struct policy_packet *packet, uint8_t field)
{
	switch (field) {
	case DPU_CLS_DPORT:
		return packet->dport;
	case DPU_CLS_SPORT:
		return packet->sport;
	default:
		return packet->proto;
	}
}

static void search_pair(struct search *search, struct dpu_cls_ref ref)
{
	while (ref.n == DPU_CLS_TREE) {
		const struct dpu_cls_tree *tree = &search->cells[ref.cell].tree;
		unsigned child = 0;

		if (tree->field == DPU_CLS_ALSO) {
			search_list(search, tree->child[0]);
			ref = tree->child[1];
			continue;
		}
		while (child < DPU_CLS_CUTS && field_of(&search->packet, tree->field) >= tree->cut[child])
			child++;
		ref = tree->child[child];
	}
	search_list(search, ref);
}

static struct dpu_cls_ref rules_of(const union dpu_cls_cell *cells, uint32_t src, uint32_t dst)
{
	const struct dpu_cls_head *head = &cells[0].head;
	uint32_t hash = dpu_cls_hash(src, dst);

	for (uint32_t i = 0; i < DPU_CLS_LINES * 4; i++) {
		const struct dpu_cls_pair *pair =
			&cells[head->pairs + ((hash + i / 4) & head->pair_mask)].pair[i % 4];

		if (pair->src == src && pair->dst == dst)
			return pair->rules;
		if (!pair->src)
			break;
	}
	return (struct dpu_cls_ref){.word = 0};
}

static void search_all(struct search *search, uint32_t longest_src, uint32_t longest_dst)
{
	const union dpu_cls_cell *cells = search->cells;

	for (uint32_t src = longest_src; src; src = cells[src].node.up)
		for (uint32_t dst = longest_dst; dst; dst = cells[dst].node.up)
			search_pair(search, rules_of(cells, src, dst));
}

const struct dpu_cls_rule *classifier_find(const union dpu_cls_cell *cells, uint16_t version,
					   const struct policy_packet *packet)
{
	const struct dpu_cls_head *head = &cells[0].head;
	struct search search = {.cells = cells, .packet = *packet, .version = version};
	uint32_t src = trie_match(cells, head->src_root, trie_address(&packet->src));
	uint32_t longest = trie_match(cells, head->dst_root, trie_address(&packet->dst));

	search.family = trie_address(&packet->src).hi == 0 && trie_address(&packet->src).lo >> 32 == 0xffff ? 4 : 6;
	if (packet->proto == IPPROTO_ICMPV6)
		search.packet.proto = IPPROTO_ICMP;
	if (!packet->has_ports)
		search.packet.sport = search.packet.dport = 0;
	search_all(&search, src, longest);
	if (search.best && DPU_RULE_ACTION(search.best->action) == DPU_ACTION_JUMP) {
		search.best = NULL;
		search.only = DPU_RULE_APPLICATION;
		search_all(&search, src, longest);
	}
	return search.best;
}

/* ---- all rules -------------------------------------------------------------- */

struct listing {
	const union dpu_cls_cell *cells;
	const struct dpu_cls_pair *pair;
	uint16_t version;
	struct listed {
		struct dpu_rule rule;
		struct classifier_entry entry;
	} *list;
	size_t n, room;
	bool failed; /* out of memory */
};

static struct listed *next_listed(struct listing *listing)
{
	size_t room = listing->room ? 2 * listing->room : 64;
	struct listed *grown = listing->list;

	if (listing->n == listing->room)
		grown = reallocarray(grown, room, sizeof(*grown));
	if (!grown) {
		listing->failed = true;
		return NULL;
	}
	if (listing->n == listing->room)
		listing->room = room;
	listing->list = grown;
	return &grown[listing->n++];
}

static void list_rule(struct dpu_cls_rule *rule, void *arg)
{
	struct listing *listing = arg;
	const struct dpu_cls_node *src = &listing->cells[listing->pair->src].node;
	const struct dpu_cls_node *dst = &listing->cells[listing->pair->dst].node;
	struct listed *listed = counts(rule, listing->version) ? next_listed(listing) : NULL;

	if (!listed)
		return;
	*listed = (struct listed){
		.rule = {
			.src = trie_ip(src->hi, src->lo),
			.src_mask = trie_ip(src->mask_hi, src->mask_lo),
			.dst = trie_ip(dst->hi, dst->lo),
			.dst_mask = trie_ip(dst->mask_hi, dst->mask_lo),
			.sport_lo = rule->sport_lo,
			.sport_hi = rule->sport_hi,
			.dport_lo = rule->dport_lo,
			.dport_hi = rule->dport_hi,
			.family = rule->family,
			.proto = rule->proto,
			.direction = rule->direction,
			.action = DPU_RULE_ACTION(rule->action),
			.id = rule->id,
			.schedule = DPU_RULE_SCHEDULE(rule->action),
		},
		.entry = {.prio = rule->prio, .slot = rule->slot},
	};
}

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->entry.prio < y->entry.prio ? -1 : x->entry.prio > y->entry.prio;
}

/* Leaves of a tree repeat rules, all of one pair. */
static void drop_repeated(struct listing *listing, size_t first)
{
	struct listed *list = listing->list;
	size_t kept = first;

	if (listing->n - first < 2)
		return;
	qsort(&list[first], listing->n - first, sizeof(*list), compare_listed);
	for (size_t i = first; i < listing->n; i++)
		if (i == first || list[i].entry.prio != list[kept - 1].entry.prio)
			list[kept++] = list[i];
	listing->n = kept;
}

static int split(const struct listing *listing, struct dpu_rule **ret_rules,
		 struct classifier_entry **ret_entries)
{
	struct dpu_rule *rules = calloc(listing->n + 1, sizeof(*rules));
	struct classifier_entry *entries = calloc(listing->n + 1, sizeof(*entries));

	if (!rules || !entries) {
		free(rules);
		free(entries);
		return -ENOMEM;
	}
	for (size_t i = 0; i < listing->n; i++) {
		rules[i] = listing->list[i].rule;
		entries[i] = listing->list[i].entry;
	}
	*ret_rules = rules;
	*ret_entries = entries;
	return 0;
}

int classifier_read(const union dpu_cls_cell *cells, uint16_t version, struct dpu_rule **ret_rules,
		    struct classifier_entry **ret_entries, size_t *ret_n)
{
	const struct dpu_cls_head *head = &cells[0].head;
	struct listing listing = {.cells = cells, .version = version};
	int err = -ENOMEM;

	for (uint32_t i = 0; !listing.failed && i <= 4 * head->pair_mask + 3; i++) {
		size_t first = listing.n;

		listing.pair = &cells[head->pairs + i / 4].pair[i % 4];
		if (!listing.pair->src)
			continue;
		/* only read: the visitor keeps it so */
		classifier_list_each((union dpu_cls_cell *)cells, listing.pair->rules, list_rule, &listing);
		drop_repeated(&listing, first);
	}
	if (!listing.failed) {
		if (listing.n)
			qsort(listing.list, listing.n, sizeof(*listing.list), compare_listed);
		err = split(&listing, ret_rules, ret_entries);
	}
	*ret_n = listing.n;
	free(listing.list);
	return err;
}
