// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "l2_policy.h"

#include <dpulab/schedule.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- who ------------------------------------------------------------------------ */

struct macs {
	struct lab_mac *list;
	size_t n;
};

static int append_mac(struct macs *macs, const uint8_t *bytes, unsigned bits)
{
	struct lab_mac *grown = reallocarray(macs->list, macs->n + 1, sizeof(*grown));
	uint8_t mask[6] = {0};

	if (!grown)
		return -ENOMEM;
	for (unsigned i = 0; i < bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	macs->list = grown;
	grown[macs->n++] = (struct lab_mac){dpu_mac_number(bytes), dpu_mac_number(mask)};
	return 0;
}

static bool names_vm(const struct policy_book *book, const struct lab_peer *peer, size_t vm)
{
	switch (peer->kind) {
	case PEER_VM:
		return peer->index == vm;
	case PEER_PORT_GROUP:
		return peer->index == book->lab->vms[vm].group;
	case PEER_GROUP:
		return peer->index < book->lab->n_address_groups &&
		       book->groups[peer->index].vms[vm / 64] >> vm % 64 & 1;
	default:
		return false;
	}
}

static int append_peer(const struct policy_book *book, const struct lab_peer *peer, struct macs *macs)
{
	int err = 0;

	if (peer->kind == PEER_MAC)
		return append_mac(macs, peer->prefix.addr.b, peer->prefix.plen);
	for (size_t vm = 0; vm < book->lab->n_vms && !err; vm++)
		if (names_vm(book, peer, vm))
			err = append_mac(macs, book->lab->vms[vm].mac.b, 48);
	return err;
}

static int resolve(const struct policy_book *book, const struct lab_peer *peers, size_t n, struct lab_mac **ret_list,
		   size_t *ret_n)
{
	static const uint8_t any[6];
	struct macs macs = {0};
	int err = n ? 0 : append_mac(&macs, any, 0);

	for (size_t i = 0; i < n && !err; i++)
		err = append_peer(book, &peers[i], &macs);
	*ret_list = macs.list;
	*ret_n = macs.n;
	return err;
}

int l2_rule_resolve(const struct policy_book *book, size_t index, struct l2_rule *ret_rule)
{
	const struct lab_rule *from = book->rules[index].rule;
	struct l2_rule rule = {0};
	int err = resolve(book, from->from_mac, from->n_from_mac, &rule.from, &rule.n_from);

	if (!err)
		err = resolve(book, from->to_mac, from->n_to_mac, &rule.to, &rule.n_to);
	if (err)
		l2_rule_free(&rule);
	else
		*ret_rule = rule;
	return err;
}

void l2_rule_free(struct l2_rule *rule)
{
	free(rule->from);
	free(rule->to);
}

size_t l2_rule_entries(const struct policy_book *book, size_t index)
{
	const struct lab_rule *from = book->rules[index].rule;
	struct l2_rule rule;
	size_t n = 0;

	if (from->category == CATEGORY_ETHERNET && !l2_rule_resolve(book, index, &rule)) {
		n = rule.n_from * rule.n_to * (from->n_ether_types ? from->n_ether_types : 1);
		l2_rule_free(&rule);
	}
	return n;
}

/* ---- a list ---------------------------------------------------------------------- */

struct list {
	struct dpu_l2_rule *rules;
	size_t n;
};

static int append_types(struct list *list, const struct lab_rule *from, struct dpu_l2_rule entry)
{
	const size_t n = from->n_ether_types ? from->n_ether_types : 1;
	struct dpu_l2_rule *grown = reallocarray(list->rules, list->n + n, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->rules = grown;
	for (size_t i = 0; i < n; i++) {
		entry.ethertype = from->n_ether_types ? from->ether_types[i] : 0;
		grown[list->n++] = entry;
	}
	return 0;
}

static int append_rule(struct list *list, const struct policy_book *book, size_t index)
{
	const struct lab_rule *from = book->rules[index].rule;
	struct l2_rule rule;
	int err = l2_rule_resolve(book, index, &rule);

	if (err)
		return err;
	for (size_t i = 0; i < rule.n_from && !err; i++)
		for (size_t j = 0; j < rule.n_to && !err; j++)
			err = append_types(list, from, (struct dpu_l2_rule){
				.smac = rule.from[i].addr, .smac_mask = rule.from[i].mask,
				.dmac = rule.to[j].addr, .dmac_mask = rule.to[j].mask,
				.id = from->id, .action = DPU_RULE_WHEN(from->action, lab_schedule_id(book->lab, from)),
				.direction = (uint8_t)(from->direction | (from->log ? DPU_RULE_LOG : 0)),
			});
	l2_rule_free(&rule);
	return err;
}

int l2_policy_compile(const struct policy_book *book, size_t vm, struct dpu_l2_rule **ret_rules, size_t *ret_n)
{
	struct list list = {0};
	int err = 0;

	/* they are the first in the book */
	for (size_t i = 0; i < book->n && book->rules[i].rule->category == CATEGORY_ETHERNET && !err; i++)
		if (policy_applies_to(&book->rules[i], vm))
			err = append_rule(&list, book, i);
	if (err) {
		free(list.rules);
		return err;
	}
	*ret_rules = list.rules;
	*ret_n = list.n;
	return 0;
}

/* ---- what a list means ------------------------------------------------------------- */

static bool mac_is(uint64_t mac, uint64_t number, uint64_t mask)
{
	return mac == L2_UNKNOWN ? !mask : (mac & mask) == number;
}

const struct dpu_l2_rule *l2_policy_match(const struct dpu_l2_rule *rules, size_t n, const struct l2_frame *frame)
{
	for (size_t i = 0; i < n; i++) {
		const struct dpu_l2_rule *rule = &rules[i];

		if ((rule->direction & frame->direction) && (!rule->ethertype || rule->ethertype == frame->ethertype) &&
		    !(frame->closed >> DPU_RULE_SCHEDULE(rule->action) & 1) &&
		    mac_is(frame->smac, rule->smac, rule->smac_mask) && mac_is(frame->dmac, rule->dmac, rule->dmac_mask))
			return rule;
	}
	return NULL;
}

int l2_policy_ask(const struct policy_book *book, size_t vm, const struct l2_frame *frame, uint32_t *ret_dropped_by)
{
	const struct dpu_l2_rule *hit;
	struct dpu_l2_rule *rules;
	size_t n;
	int err = l2_policy_compile(book, vm, &rules, &n);

	if (err)
		return err;
	hit = l2_policy_match(rules, n, frame);
	*ret_dropped_by = hit && DPU_RULE_ACTION(hit->action) != DPU_ACTION_ALLOW ? hit->id : 0;
	free(rules);
	return 0;
}
