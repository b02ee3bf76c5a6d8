/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "firewall.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "mapio.h"
#include "policy.h"

/* ---- policies ----------------------------------------------------------- */

static bool same_policy(const struct policy *a, const struct policy *b)
{
	return a->n == b->n && a->default_action == b->default_action &&
	       !memcmp(a->rules, b->rules, a->n * sizeof(*a->rules));
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* The first packet of a connection, as its entry remembers it. */
static struct policy_packet first_packet(const struct dpu_ct_key *key, const struct dpu_ct *ct)
{
	unsigned opener = !!(ct->flags & DPU_CT_F_ORIG_SIDE);

	return (struct policy_packet){
		.src = key->addr[opener],
		.dst = key->addr[!opener],
		.proto = key->proto,
		.direction = ct->flags & DPU_CT_F_INBOUND ? DPU_DIR_IN : DPU_DIR_OUT,
		.has_ports = has_ports(key->proto),
		.sport = ntohs(key->port[opener]),
		.dport = ntohs(key->port[!opener]),
	};
}

static void policy_free(struct policy *policy)
{
	free((void *)policy->rules);
}

/* ---- regions of dfw_rules ----------------------------------------------- */

struct regions {
	bool used[DPU_MAX_RULES];
	uint32_t hand; /* where the last search ended */
};

static void regions_mark(struct regions *regions, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count && i < DPU_MAX_RULES; i++)
		regions->used[i] = true;
}

static int regions_find_from(const struct regions *regions, uint32_t start, uint32_t count,
			     uint32_t *ret_first)
{
	uint32_t run = 0;

	for (uint32_t i = start; i < DPU_MAX_RULES; i++) {
		run = regions->used[i] ? 0 : run + 1;
		if (run == count) {
			*ret_first = i + 1 - count;
			return 0;
		}
	}
	return -ENOSPC;
}

static int regions_take(struct regions *regions, uint32_t count, uint32_t *ret_first)
{
	int err = 0;

	*ret_first = 0;
	if (!count)
		return 0;
	err = regions_find_from(regions, regions->hand, count, ret_first);
	if (err)
		err = regions_find_from(regions, 0, count, ret_first);
	if (err)
		return err;
	regions_mark(regions, *ret_first, count);
	regions->hand = *ret_first + count;
	return 0;
}

/* ---- installing --------------------------------------------------------- */

struct change { /* a vNIC whose policy changes */
	struct dpu_port *port;
	struct policy policy;
	uint16_t zone;
};

struct install {
	const struct location *location;
	struct dpu_port *ports;
	struct regions regions;
	struct change *changes;
	size_t n_changes;
};

static int read_policy(const struct dataplane *dp, const struct dpu_port *port, struct policy *ret_policy,
		       struct diag *diag)
{
	struct dpu_rule *rules = calloc(port->rule_count + 1, sizeof(*rules));
	int err;

	if (!rules)
		return -ENOMEM;
	err = mapio_get_range(dp, MAP_dfw_rules, port->rule_first, port->rule_count, rules, diag);
	if (err)
		free(rules);
	else
		*ret_policy = (struct policy){rules, port->rule_count, port->default_action};
	return err;
}

static int write_policy(struct install *install, struct dpu_port *port, const struct policy *policy,
			struct diag *diag)
{
	const struct dataplane *dp = install->location->dp;
	uint64_t *no_hits;
	uint32_t first;
	int err = regions_take(&install->regions, (uint32_t)policy->n, &first);

	if (err)
		return diag_error(diag, err, "narrow rules with apply-to, so that they land on fewer vNICs",
				  "the compiled rules of all vNICs of %s exceed %d",
				  dataplane_node(dp), DPU_MAX_RULES);
	no_hits = calloc(policy->n ? policy->n : 1, sizeof(*no_hits));
	if (!no_hits)
		return -ENOMEM;
	err = mapio_put_range(dp, MAP_dfw_rules, first, (uint32_t)policy->n, policy->rules, diag);
	if (!err)
		err = mapio_put_range(dp, MAP_dfw_hits, first, (uint32_t)policy->n, no_hits, diag);
	free(no_hits);
	port->rule_first = first;
	port->rule_count = (uint32_t)policy->n;
	port->default_action = policy->default_action;
	return err;
}

/* Compares a vNIC's rules in force with the lab's and, if they differ, notes the change. */
static int prepare_vnic(struct install *install, const struct port_dev *vnic, struct diag *diag)
{
	const struct lab *lab = install->location->lab;
	struct dpu_port *port = &install->ports[vnic->port];
	struct policy old = {}, new = {.default_action = lab->default_action};
	struct dpu_rule *compiled = NULL;
	int err = policy_compile(lab, vnic->vm, &compiled, &new.n, diag);

	new.rules = compiled;

	if (!err)
		err = read_policy(install->location->dp, port, &old, diag);
	if (err || (port->policy_gen && same_policy(&old, &new))) {
		policy_free(&new);
		policy_free(&old);
		return err;
	}
	port->flags &= (uint8_t)~DPU_PORT_F_STRICTER;
	if (port->policy_gen && policy_is_stricter(&old, &new))
		port->flags |= DPU_PORT_F_STRICTER;
	policy_free(&old);
	port->policy_gen++;
	install->changes[install->n_changes++] =
		(struct change){.port = port, .policy = new, .zone = vnic->port};
	return write_policy(install, port, &new, diag);
}

static const struct change *find_change(const struct install *install, uint16_t zone)
{
	for (size_t i = 0; i < install->n_changes; i++)
		if (install->changes[i].zone == zone)
			return &install->changes[i];
	return NULL;
}

static bool state_is_settled(const struct dpu_ct *ct)
{
	return ct->state == DPU_CT_ESTABLISHED;
}

/*
 * An entry in the middle of a handshake or a farewell is left to the datapath,
 * which judges it by its old policy_gen: writing it here could undo a step of it.
 */
static int judge(const struct install *install, const struct dpu_ct_key *key, struct dpu_ct *ct,
		 struct diag *diag)
{
	const struct change *change = find_change(install, key->zone);
	struct policy_packet packet = first_packet(key, ct);
	const struct dpu_rule *rule;

	if (!change || ct->policy_gen == change->port->policy_gen)
		return 0;
	rule = policy_match(change->policy.rules, change->policy.n, &packet);
	if ((rule ? rule->action : change->policy.default_action) != DPU_ACTION_ALLOW)
		return mapio_delete(install->location->dp, MAP_conntrack, key, diag);
	if (!state_is_settled(ct))
		return 0;
	ct->policy_gen = change->port->policy_gen;
	ct->rule_id = rule ? rule->id : DPU_RULE_DEFAULT;
	return mapio_put(install->location->dp, MAP_conntrack, key, ct, diag);
}

static int judge_connections(const struct install *install, struct diag *diag)
{
	struct map_dump dump;
	int err;

	if (!install->n_changes)
		return 0;
	err = mapio_dump(install->location->dp, MAP_conntrack, sizeof(struct dpu_ct_key),
			 sizeof(struct dpu_ct), &dump, diag);
	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++)
		err = judge(install, (struct dpu_ct_key *)dump.keys + i, (struct dpu_ct *)dump.values + i,
			    diag);
	map_dump_free(&dump);
	return err;
}

static void install_free(struct install *install)
{
	for (size_t i = 0; i < install->n_changes; i++)
		policy_free(&install->changes[i].policy);
	free(install->changes);
	free(install);
}

int firewall_install(const struct location *location, struct dpu_port *ports, struct diag *diag)
{
	struct install *install = calloc(1, sizeof(*install));
	int err = 0;

	if (install)
		install->changes = calloc(location->n_ports + 1, sizeof(*install->changes));
	if (!install || !install->changes) {
		free(install);
		return -ENOMEM;
	}
	install->location = location;
	install->ports = ports;
	for (size_t i = 0; i < DPU_MAX_PORTS; i++)
		regions_mark(&install->regions, ports[i].rule_first, ports[i].rule_count);
	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (location->ports[i].kind == DPU_PORT_KIND_VNIC)
			err = prepare_vnic(install, &location->ports[i], diag);
	if (!err)
		err = judge_connections(install, diag);
	install_free(install);
	return err;
}
