/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fwdiff.h"

#include <errno.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"
#include "firewall.h"
#include "inspect.h"
#include "l2_policy.h"
#include "policy_book.h"
#include "schedule.h"
#include "tables.h"
#include "values.h"

struct vnic { /* the policy that a VM of the new lab would have */
	bool compiled;
	struct classifier classifier;
	uint8_t default_action;
};

struct comparison {
	const struct lab *old, *new;
	struct policy_book *book; /* of new */
	struct vnic *vnics; /* by index of new's VM */
	struct fwdiff *diff;
	size_t room;
	uint64_t closed; /* schedules of new whose rules do not count now */
	struct diag *diag;
};

/* ---- the new policy ----------------------------------------------------------- */

static int compile(struct comparison *c, size_t vm)
{
	struct policy policy = {.default_action = c->new->default_action};
	struct dpu_rule *rules;
	int err;

	if (c->vnics[vm].compiled)
		return 0;
	err = policy_compile(c->book, vm, &rules, &policy.n, c->diag);
	if (err)
		return err;
	policy.rules = rules;
	err = classifier_compile(&policy, &c->vnics[vm].classifier);
	free(rules);
	if (err)
		return diag_error(c->diag, err, NULL, "cannot compile the firewall rules of %s: %s",
				  c->new->vms[vm].name, strerror(-err));
	c->vnics[vm].compiled = true;
	c->vnics[vm].default_action = policy.default_action;
	return 0;
}

static enum dpu_rule_action ask(const void *arg, const struct policy_packet *packet, uint32_t *ret_rule_id)
{
	const struct vnic *vnic = arg;
	const struct dpu_cls_rule *rule = classifier_find(vnic->classifier.cells, 0, packet);

	*ret_rule_id = rule ? rule->id : DPU_RULE_DEFAULT;
	return rule ? DPU_RULE_ACTION(rule->action) : vnic->default_action;
}

/* ---- connections ---------------------------------------------------------------- */

static int add(struct comparison *c, const struct fwdiff_entry *entry)
{
	struct fwdiff *diff = c->diff;

	if (diff->n == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		struct fwdiff_entry *grown = reallocarray(diff->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		diff->list = grown;
		c->room = room;
	}
	diff->list[diff->n++] = *entry;
	diff->cut += entry->effect != FWDIFF_RULE;
	diff->other_rule += entry->effect == FWDIFF_RULE;
	return 0;
}

/* The address of the VM, of its segment, that has an IP address. */
static uint64_t mac_of(const struct lab *lab, const struct lab_vm *beside, const union dpu_ip *ip)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		for (size_t j = 0; j < lab->vms[i].n_ips; j++)
			if (lab->vms[i].group == beside->group && !memcmp(&lab->vms[i].ips[j].addr, ip, sizeof(*ip)))
				return dpu_mac_number(lab->vms[i].mac.b);
	return L2_UNKNOWN;
}

/* The rule of category ethernet that would stop a connection's frames, one way or the other; 0 = none. */
static int stopped_by(const struct comparison *c, const struct lab_vm *vm, const struct fwdiff_entry *entry, uint32_t *ret_rule)
{
	const unsigned opener = !!(entry->ct.flags & DPU_CT_F_ORIG_SIDE);
	const unsigned peer = entry->ct.flags & DPU_CT_F_INBOUND ? opener : !opener;
	const uint64_t own = dpu_mac_number(vm->mac.b), other = mac_of(c->new, vm, &entry->key.addr[peer]);
	struct l2_frame frame = {.smac = own, .dmac = other, .direction = DPU_DIR_OUT, .closed = c->closed,
				 .ethertype = ip_family(&entry->key.addr[0]) == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6};
	int err = l2_policy_ask(c->book, (size_t)(vm - c->new->vms), &frame, ret_rule);

	if (err || *ret_rule)
		return err;
	frame.smac = other;
	frame.dmac = own;
	frame.direction = DPU_DIR_IN;
	return l2_policy_ask(c->book, (size_t)(vm - c->new->vms), &frame, ret_rule);
}

static int judge(struct comparison *c, struct fwdiff_entry *entry)
{
	const struct lab_vm *old = &c->old->vms[entry->vm];
	const struct lab_vm *new = lab_find_vm((struct lab *)c->new, old->name);
	int err;

	c->diff->connections++;
	if (!new || strcmp(c->new->hosts[new->host].name, c->old->hosts[old->host].name)) {
		entry->effect = FWDIFF_GONE;
		entry->action = DPU_ACTION_DROP;
		return add(c, entry);
	}
	err = compile(c, (size_t)(new - c->new->vms));
	if (!err)
		err = stopped_by(c, new, entry, &entry->rule_id);
	if (err)
		return err;
	if (entry->rule_id) {
		entry->effect = FWDIFF_CUT;
		entry->action = DPU_ACTION_DROP;
		return add(c, entry);
	}
	entry->action = firewall_judge(&entry->key, &entry->ct, ask, &c->vnics[new - c->new->vms], c->closed,
				       &entry->rule_id);
	entry->effect = entry->action == DPU_ACTION_ALLOW ? FWDIFF_RULE : FWDIFF_CUT;
	return entry->effect == FWDIFF_RULE && entry->rule_id == entry->ct.rule_id ? 0 : add(c, entry);
}

/* What is over already cannot be cut. */
static bool has_ended(const struct inspect_connection *connection)
{
	return connection->expired || connection->entry.state == DPU_CT_TIME_WAIT ||
	       connection->entry.state == DPU_CT_CLOSE || connection->entry.state == DPU_CT_REOPENING;
}

static int judge_location(struct comparison *c, const struct location *at)
{
	struct inspect_connection *list;
	size_t n;
	int err = inspect_connections(at, &list, &n, c->diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < n; i++) {
		const struct port_dev *port = location_port(at, list[i].key.zone);
		struct fwdiff_entry entry = {.key = list[i].key, .ct = list[i].entry};

		if (has_ended(&list[i]) || !port || port->vm == SIZE_MAX)
			continue;
		entry.vm = port->vm;
		location_node_name(location_host(at), at->where, entry.node);
		err = judge(c, &entry);
	}
	free(list);
	return err;
}

/* A location that relays keeps no connections: what it has is left over from a move. */
static int judge_if_running(struct comparison *c, size_t host, enum node_location where)
{
	struct dpu_control control = {};
	struct location at;
	int err = location_open(c->old, host, where, &at, c->diag);

	if (err)
		return err;
	if (at.dp)
		err = tables_get_control(at.dp, &control, c->diag);
	if (!err && control.functions)
		err = judge_location(c, &at);
	location_close(&at);
	return err;
}

static int by_effect(const void *a, const void *b)
{
	const struct fwdiff_entry *x = a, *y = b;
	bool x_lives = x->effect == FWDIFF_RULE, y_lives = y->effect == FWDIFF_RULE;

	if (x_lives != y_lives)
		return x_lives ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static int judge_all(struct comparison *c)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->old->n_hosts; i++) {
		err = judge_if_running(c, i, LOCATION_HOST);
		if (!err)
			err = judge_if_running(c, i, LOCATION_PMD);
		if (!err && c->old->hosts[i].dpu)
			err = judge_if_running(c, i, LOCATION_DPU);
	}
	if (!err && c->diff->n)
		qsort(c->diff->list, c->diff->n, sizeof(*c->diff->list), by_effect);
	return err;
}

int fwdiff_compare(const struct lab_session *session, struct lab *new, struct fwdiff *ret_diff, struct diag *diag)
{
	struct fwdiff diff = {};
	struct comparison c = {.old = session->lab, .new = new, .diff = &diff, .diag = diag};
	int err = loaded_extend(&session->loaded, new, diag);

	if (!err)
		err = lab_keep_numbers(session->lab, new, diag);
	if (err)
		return err;
	c.vnics = calloc(new->n_vms + 1, sizeof(*c.vnics));
	err = c.vnics ? policy_book_open(new, &c.book) : -ENOMEM;
	if (!err)
		err = schedule_closed_now(new, &c.closed);
	if (!err)
		err = judge_all(&c);
	for (size_t i = 0; c.vnics && i < new->n_vms; i++)
		if (c.vnics[i].compiled)
			classifier_free(&c.vnics[i].classifier);
	free(c.vnics);
	policy_book_close(c.book);
	if (err)
		fwdiff_free(&diff);
	else
		*ret_diff = diff;
	return err;
}

void fwdiff_free(struct fwdiff *diff)
{
	free(diff->list);
}
