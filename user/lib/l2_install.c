// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "l2_install.h"
#include "l2_policy.h"
#include "mapio.h"
#include "op.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct install {
	const struct location *location;
	const struct dpu_port *in_force;
	struct dpu_port *ports;
	struct dpu_l2_rule *table;
	size_t table_size;
	bool taken[DPU_L2_RULES];
};

/* The entry of a port is as old as the lab: never trust what it points to beyond the table. */
static bool is_sound(struct dpu_l2_ref ref)
{
	return ref.n <= DPU_L2_VNIC_RULES && ref.first <= DPU_L2_RULES - ref.n;
}

static void mark(struct install *install, struct dpu_l2_ref ref)
{
	for (uint32_t i = 0; is_sound(ref) && i < ref.n; i++)
		install->taken[ref.first + i] = true;
}

/* The first place of n free entries in a row. */
static int find_place(const struct install *install, uint32_t n, uint32_t *ret_first)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < DPU_L2_RULES; i++) {
		run = install->taken[i] ? 0 : run + 1;
		if (run < n)
			continue;
		*ret_first = i + 1 - n;
		return 0;
	}
	return -ENOSPC;
}

static bool same_rule(const struct dpu_l2_rule *a, const struct dpu_l2_rule *b)
{
	struct dpu_l2_rule x = *a, y = *b;

	x.hits = y.hits = x.last_ns = y.last_ns = 0;
	return !memcmp(&x, &y, sizeof(x));
}

static bool same_list(const struct install *install, struct dpu_l2_ref ref, const struct dpu_l2_rule *rules, size_t n)
{
	if (!is_sound(ref) || ref.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!same_rule(&install->table[ref.first + i], &rules[i]))
			return false;
	return true;
}

/* What an entry just like it has counted. */
static void carry_hits(const struct install *install, struct dpu_l2_ref from, struct dpu_l2_rule *to)
{
	for (uint32_t i = 0; is_sound(from) && i < from.n; i++) {
		const struct dpu_l2_rule *old = &install->table[from.first + i];

		if (!same_rule(old, to))
			continue;
		to->hits = __atomic_load_n(&old->hits, __ATOMIC_RELAXED);
		to->last_ns = __atomic_load_n(&old->last_ns, __ATOMIC_RELAXED);
		return;
	}
}

static int no_room(const struct install *install, const char *vm, size_t n, struct diag *diag)
{
	if (n > DPU_L2_VNIC_RULES)
		return diag_error(diag, -E2BIG, "use the first bits of addresses, or apply-to",
				  "VM '%s' has %zu entries of category ethernet; a vNIC takes %d", vm, n,
				  DPU_L2_VNIC_RULES);
	return diag_error(diag, -ENOSPC, "narrow rules with apply-to",
			  "the rules of category ethernet of all vNICs of %s do not fit into its table (%d entries)",
			  dataplane_node(install->location->dp), DPU_L2_RULES);
}

static int put_list(struct install *install, struct dpu_port *port, struct dpu_l2_rule *rules, size_t n)
{
	const struct dpu_l2_ref old = port->l2;
	struct dpu_l2_ref new = {.n = (uint32_t)n};
	int err = n ? find_place(install, new.n, &new.first) : 0;

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		carry_hits(install, old, &rules[i]);
		install->table[new.first + i] = rules[i];
	}
	mark(install, new);
	port->l2 = new;
	op_done();
	return 0;
}

static int install_vnic(struct install *install, const struct policy_book *book, const struct port_dev *vnic,
			struct diag *diag)
{
	struct dpu_port *port = &install->ports[vnic->port];
	const char *name = book->lab->vms[vnic->vm].name;
	struct dpu_l2_rule *rules;
	size_t n;
	int err = l2_policy_compile(book, vnic->vm, &rules, &n);

	if (err)
		return err;
	if (n > DPU_L2_VNIC_RULES)
		err = no_room(install, name, n, diag);
	else if (!same_list(install, port->l2, rules, n))
		err = put_list(install, port, rules, n);
	if (err == -ENOSPC)
		no_room(install, name, n, diag);
	free(rules);
	return err;
}

int l2_install(const struct location *location, const struct dpu_port *in_force, struct dpu_port *ports, struct diag *diag)
{
	struct install *install = calloc(1, sizeof(*install));
	struct policy_book *book = NULL;
	int err = install ? policy_book_open(location->lab, &book) : -ENOMEM;

	if (!err) {
		*install = (struct install){.location = location, .in_force = in_force, .ports = ports};
		install->table = mapio_mmap(location->dp, MAP_l2_rules, true, &install->table_size);
		if (!install->table)
			err = diag_error(diag, -errno, NULL, "cannot map table l2_rules of %s: %s",
					 dataplane_node(location->dp), strerror(errno));
	}
	for (size_t i = 0; !err && i < DPU_MAX_PORTS; i++)
		mark(install, in_force[i].l2);
	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (location->ports[i].kind == DPU_PORT_KIND_VNIC)
			err = install_vnic(install, book, &location->ports[i], diag);
	policy_book_close(book);
	if (install)
		mapio_munmap(install->table, install->table_size);
	free(install);
	return err;
}

/* ---- reading ---------------------------------------------------------------------- */

static int append(struct l2_entry **entries, size_t *n, size_t vm, const struct dpu_l2_rule *rules, size_t count)
{
	struct l2_entry *grown = reallocarray(*entries, *n + count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*entries = grown;
	for (size_t i = 0; i < count; i++)
		grown[(*n)++] = (struct l2_entry){vm, rules[i]};
	return 0;
}

int l2_list(const struct location *location, struct l2_entry **ret_entries, size_t *ret_n, struct diag *diag)
{
	struct l2_entry *entries = NULL;
	struct dpu_l2_rule *table;
	struct dpu_port port;
	size_t n = 0, size;
	int err = 0;

	table = mapio_mmap(location->dp, MAP_l2_rules, false, &size);
	if (!table)
		return diag_error(diag, -errno, NULL, "cannot map table l2_rules of %s: %s", dataplane_node(location->dp),
				  strerror(errno));
	for (size_t i = 0; i < location->n_ports && !err; i++) {
		if (location->ports[i].kind != DPU_PORT_KIND_VNIC)
			continue;
		err = mapio_get_range(location->dp, MAP_ports, location->ports[i].port, 1, &port, diag);
		if (!err && port.l2.n && is_sound(port.l2))
			err = append(&entries, &n, location->ports[i].vm, &table[port.l2.first], port.l2.n);
	}
	mapio_munmap(table, size);
	if (err) {
		free(entries);
		return err;
	}
	*ret_entries = entries;
	*ret_n = n;
	return 0;
}
