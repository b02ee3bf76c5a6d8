/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "firewall.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "flowview.h"
#include "handover_merge.h"
#include "mapio.h"
#include "policy.h"
#include "schedule_install.h"

/* ---- policies ----------------------------------------------------------- */

static bool same_policy(const struct policy *a, const struct policy *b)
{
	return a->n == b->n && a->default_action == b->default_action &&
	       (!a->n || !memcmp(a->rules, b->rules, a->n * sizeof(*a->rules)));
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* Echo is what an entry without a message has: dpu_ct_key. */
static void set_message(const struct dpu_ct_key *key, struct policy_packet *packet)
{
	const uint16_t message = ntohs(key->port[0]);

	packet->has_ports = true;
	packet->sport = key->icmp ? message >> 8 : key->proto == IPPROTO_ICMP ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	packet->dport = key->icmp ? message & 0xff : 0;
}

/* The first packet of a connection, as its entry remembers it; turned: if the other end had sent it. */
static struct policy_packet first_packet(const struct dpu_ct_key *key, const struct dpu_ct *ct, bool turned)
{
	unsigned opener = !!(ct->flags & DPU_CT_F_ORIG_SIDE) ^ turned;
	bool inbound = !!(ct->flags & DPU_CT_F_INBOUND) ^ turned;
	struct policy_packet packet = {
		.src = key->addr[opener],
		.dst = key->addr[!opener],
		.proto = key->proto,
		.direction = inbound ? DPU_DIR_IN : DPU_DIR_OUT,
		.has_ports = has_ports(key->proto),
		.sport = ntohs(key->port[opener]),
		.dport = ntohs(key->port[!opener]),
	};

	if (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6)
		set_message(key, &packet);
	return packet;
}

enum dpu_rule_action firewall_judge(const struct dpu_ct_key *key, const struct dpu_ct *ct, firewall_ask_fn *ask,
				    const void *arg, uint64_t closed, uint32_t *ret_rule_id)
{
	struct policy_packet packet = first_packet(key, ct, false);
	enum dpu_rule_action action;

	packet.closed = closed;
	action = ask(arg, &packet, ret_rule_id);

	if (action == DPU_ACTION_ALLOW || !(ct->flags & DPU_CT_F_TAKEN_OVER))
		return action;
	packet = first_packet(key, ct, true);
	packet.closed = closed;
	return ask(arg, &packet, ret_rule_id);
}

/* ---- connections there are ----------------------------------------------- */

struct judging {
	const struct dataplane *dp;
	const struct firewall_change *changes;
	size_t n_changes;
	firewall_ask_fn *ask;
	struct schedule_moment moment;
	struct handover_merge *merge; /* opened when the first connection changes: it loads programs */
	struct flow_view flows;
};

static const struct firewall_change *find_change(const struct judging *judging, uint16_t zone)
{
	for (size_t i = 0; i < judging->n_changes; i++)
		if (judging->changes[i].zone == zone)
			return &judging->changes[i];
	return NULL;
}

/* What connections that pass remember: dpu_ct.policy_gen. */
static uint32_t new_gen(const struct judging *judging, const struct firewall_change *change)
{
	return dpu_policy_gen(change->port->policy_gen, change->port->flags, judging->moment.edges);
}

static bool state_is_settled(const struct dpu_ct *ct)
{
	return ct->state == DPU_CT_ESTABLISHED;
}

static int end_connection(const struct judging *judging, const struct dpu_ct_key *key, struct dpu_ct *ct,
			  struct diag *diag)
{
	memset(ct->packets, 0, sizeof(ct->packets));
	memset(ct->bytes, 0, sizeof(ct->bytes));
	flow_view_add_counts(&judging->flows, ct);
	return handover_merge_end(judging->merge, key, ct, diag);
}

/* Opens what changing a connection needs. */
static int open_merge(struct judging *judging, struct diag *diag)
{
	int err;

	if (judging->merge)
		return 0;
	err = flow_view_open(judging->dp, &judging->flows);
	if (err)
		return err;
	err = handover_merge_open(judging->dp, &judging->merge, diag);
	if (err)
		flow_view_close(&judging->flows);
	return err;
}

/*
 * An entry in the middle of a handshake or a farewell is left to the datapath,
 * which judges it by its old policy_gen.
 */
static int judge(struct judging *judging, const struct dpu_ct_key *key, struct dpu_ct *ct, struct diag *diag)
{
	const struct firewall_change *change = find_change(judging, key->zone);
	uint32_t rule_id;
	bool denied;
	int err;

	if (!change || ct->policy_gen == new_gen(judging, change))
		return 0;
	denied = firewall_judge(key, ct, judging->ask, change->policy, judging->moment.closed, &rule_id) != DPU_ACTION_ALLOW;
	if (!denied && !state_is_settled(ct))
		return 0;
	err = open_merge(judging, diag);
	if (err)
		return err;
	if (denied)
		return end_connection(judging, key, ct, diag);
	ct->policy_gen = new_gen(judging, change);
	ct->rule_id = rule_id;
	return handover_merge_keep(judging->merge, key, ct, diag);
}

int firewall_judge_all(const struct dataplane *dp, const struct firewall_change *changes, size_t n,
		       firewall_ask_fn *ask, struct diag *diag)
{
	struct judging judging = {.dp = dp, .changes = changes, .n_changes = n, .ask = ask};
	struct map_dump dump;
	int err;

	if (!n)
		return 0;
	err = schedule_moment(dp, &judging.moment, diag);
	if (err)
		return err;
	err = mapio_dump(dp, MAP_conntrack, sizeof(struct dpu_ct_key), sizeof(struct dpu_ct), &dump, diag);
	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++)
		err = judge(&judging, (struct dpu_ct_key *)dump.keys + i, (struct dpu_ct *)dump.values + i, diag);
	if (judging.merge) {
		flow_view_close(&judging.flows);
		handover_merge_close(judging.merge);
	}
	map_dump_free(&dump);
	return err;
}

/* ---- installing --------------------------------------------------------- */

struct policy_in_store {
	const struct policy_store *store;
	struct dpu_policy_ref ref;
};

static enum dpu_rule_action ask_store(const void *arg, const struct policy_packet *packet, uint32_t *ret_rule_id)
{
	const struct policy_in_store *policy = arg;

	return policy_store_ask(policy->store, policy->ref, packet, ret_rule_id);
}

struct install {
	const struct location *location;
	struct dpu_port *ports;
	struct policy_store *store;
	struct policy_book *book;
	struct firewall_change *changes;
	struct policy_in_store *policies; /* of changes */
	size_t n_changes;
};

/* Notes the change from old to new rules of a vNIC, if it is one. */
static int replace_policy(struct install *install, const struct port_dev *vnic, const struct policy *old,
			  const struct policy *new, struct diag *diag)
{
	struct dpu_port *port = &install->ports[vnic->port];
	struct policy_in_store *policy;
	int err;

	if (port->policy_gen && port->policy.at && same_policy(old, new))
		return 0;
	port->flags &= (uint8_t)~DPU_PORT_F_STRICTER;
	if (port->policy_gen && policy_is_stricter(old, new))
		port->flags |= DPU_PORT_F_STRICTER;
	port->policy_gen++;
	policy = &install->policies[install->n_changes];
	install->changes[install->n_changes++] =
		(struct firewall_change){.port = port, .zone = vnic->port, .policy = policy};
	err = policy_store_put(install->store, port, new, diag);
	*policy = (struct policy_in_store){.store = install->store, .ref = port->policy};
	return err;
}

/* Has some rule of the vNIC a schedule? Edges count from then on, and must not be missed when they no longer do. */
static void mark_scheduled(const struct install *install, const struct port_dev *vnic, struct dpu_port *port)
{
	const struct policy_book *book = install->book;
	const bool was = port->flags & DPU_PORT_F_SCHEDULED;
	bool is = false;

	for (size_t i = 0; i < book->n && !is; i++)
		is = book->rules[i].rule->schedule && policy_applies_to(&book->rules[i], vnic->vm);
	port->flags &= (uint8_t)~DPU_PORT_F_SCHEDULED;
	port->flags |= is ? DPU_PORT_F_SCHEDULED : 0;
	if (was && !is)
		port->policy_gen += __atomic_load_n(&dataplane_control(install->location->dp)->edges, __ATOMIC_ACQUIRE) + 1;
}

/* Compares a vNIC's rules in force with the lab's. */
static int prepare_vnic(struct install *install, const struct port_dev *vnic, struct diag *diag)
{
	const struct lab *lab = install->location->lab;
	struct policy new = {.default_action = policy_default_of(lab)};
	const struct policy *old;
	struct dpu_rule *compiled = NULL;
	int err = policy_compile(install->book, vnic->vm, &compiled, &new.n, diag);

	if (err)
		return err;
	new.rules = compiled;
	mark_scheduled(install, vnic, &install->ports[vnic->port]);
	err = policy_store_get(install->store, install->ports[vnic->port].policy, &old);
	if (!err)
		err = replace_policy(install, vnic, old, &new, diag);
	free(compiled);
	return err;
}

int firewall_install(const struct location *location, struct dpu_port *ports, struct policy_store **ret_store,
		     struct diag *diag)
{
	struct install install = {.location = location, .ports = ports};
	int err = policy_store_open(location->dp, ports, &install.store, diag);

	if (err)
		return err;
	install.changes = calloc(location->n_ports + 1, sizeof(*install.changes));
	install.policies = calloc(location->n_ports + 1, sizeof(*install.policies));
	err = install.changes && install.policies ? policy_book_open(location->lab, &install.book) : -ENOMEM;
	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (location->ports[i].kind == DPU_PORT_KIND_VNIC)
			err = prepare_vnic(&install, &location->ports[i], diag);
	if (!err)
		err = firewall_judge_all(location->dp, install.changes, install.n_changes, ask_store, diag);
	policy_book_close(install.book);
	free(install.changes);
	free(install.policies);
	if (err)
		policy_store_close(install.store);
	else
		*ret_store = install.store;
	return err;
}
