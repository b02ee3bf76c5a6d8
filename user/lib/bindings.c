// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "bindings.h"
#include "monotonic.h"

#include <errno.h>
#include <string.h>

#include "inspect.h"
#include "mapio.h"

/* ---- what is learned of a port ------------------------------------------ */

struct guards {
	struct dpu_guard *port; /* in the memory of the map */
	size_t size;
};

static int guards_open(const struct dataplane *dp, struct guards *ret_guards, struct diag *diag)
{
	ret_guards->port = mapio_mmap(dp, MAP_guards, true, &ret_guards->size);
	if (!ret_guards->port)
		return diag_error(diag, -errno, NULL, "cannot map table %s of %s: %s",
				  dataplane_map_name(MAP_guards), dataplane_node(dp), strerror(errno));
	return 0;
}

static void guards_close(struct guards *guards)
{
	mapio_munmap(guards->port, guards->size);
}

static bool is_listed(const struct dpu_binding *binding)
{
	return binding->flags & DPU_BINDING_F_LISTED;
}

static int dump_bindings(const struct dataplane *dp, struct map_dump *ret_dump, struct diag *diag)
{
	return mapio_dump(dp, MAP_bindings, sizeof(struct dpu_binding_key), sizeof(struct dpu_binding), ret_dump,
			  diag);
}

/* ---- what the lab lists -------------------------------------------------- */

/* The link-local address that a VM makes of its MAC (RFC 4291, appendix A). */
static union dpu_ip link_local(const struct dpu_mac *mac)
{
	return (union dpu_ip){.b = {0xfe, 0x80, [8] = mac->b[0] ^ 2, mac->b[1], mac->b[2], 0xff, 0xfe, mac->b[3],
				    mac->b[4], mac->b[5]}};
}

/* Number `index` of a VM's addresses; the last is the link-local one. */
static struct dpu_binding_key listed_key(const struct lab_vm *vm, size_t index)
{
	return (struct dpu_binding_key){
		.addr = index < vm->n_ips ? vm->ips[index].addr : link_local(&vm->mac),
		.port = vm->port,
	};
}

static bool lists_addresses(const struct location *location, const struct lab_vm *vm)
{
	return vm->host == location->host && lab_guard(location->lab, vm) == DPU_GUARD_STRICT;
}

static int list_vm(const struct location *location, const struct lab_vm *vm, struct diag *diag)
{
	struct dpu_binding listed = {.since_ns = monotonic_ns(), .flags = DPU_BINDING_F_LISTED}, known;
	int err = 0;

	memcpy(listed.mac, vm->mac.b, sizeof(listed.mac));
	for (size_t i = 0; !err && i <= vm->n_ips; i++) {
		struct dpu_binding_key key = listed_key(vm, i);

		if (mapio_get(location->dp, MAP_bindings, &key, &known) || !is_listed(&known) ||
		    memcmp(known.mac, listed.mac, sizeof(known.mac)))
			err = mapio_put(location->dp, MAP_bindings, &key, &listed, diag);
	}
	return err;
}

int bindings_list(const struct location *location, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < location->lab->n_vms; i++)
		if (lists_addresses(location, &location->lab->vms[i]))
			err = list_vm(location, &location->lab->vms[i], diag);
	return err;
}

static bool lab_lists(const struct location *location, const struct dpu_binding_key *key)
{
	for (size_t i = 0; i < location->lab->n_vms; i++) {
		const struct lab_vm *vm = &location->lab->vms[i];

		if (vm->port != key->port || !lists_addresses(location, vm))
			continue;
		for (size_t j = 0; j <= vm->n_ips; j++) {
			struct dpu_binding_key listed = listed_key(vm, j);

			if (!memcmp(&listed, key, sizeof(listed)))
				return true;
		}
	}
	return false;
}

/* ---- what no longer holds ------------------------------------------------- */

/* The port has learned, and the same VM goes on learning there. */
static bool goes_on_learning(const struct dpu_port *old, const struct dpu_port *new)
{
	return new->guard == DPU_GUARD_LEARN && old->segment == new->segment &&
	       !memcmp(old->mac, new->mac, sizeof(old->mac));
}

static bool forgets_port(const struct dpu_port *old, const struct dpu_port *new)
{
	return old->guard == DPU_GUARD_LEARN && !goes_on_learning(old, new);
}

static int forget(const struct dataplane *dp, const struct guards *guards, const struct dpu_binding_key *key,
		  const struct dpu_binding *binding, struct diag *diag)
{
	int err = mapio_delete(dp, MAP_bindings, key, diag);

	if (!err && !is_listed(binding))
		__atomic_fetch_sub(&guards->port[key->port].addresses, 1, __ATOMIC_SEQ_CST);
	mapio_bump(dp, DPU_GEN_OF_PORT(key->port));
	return err;
}

int bindings_forget(const struct location *location, const struct dpu_port *old, const struct dpu_port *new,
		    struct diag *diag)
{
	struct guards guards;
	struct map_dump dump = {};
	int err = guards_open(location->dp, &guards, diag);

	if (err)
		return err;
	err = dump_bindings(location->dp, &dump, diag);
	for (size_t i = 0; !err && i < dump.n; i++) {
		const struct dpu_binding_key *key = (struct dpu_binding_key *)dump.keys + i;
		const struct dpu_binding *binding = (struct dpu_binding *)dump.values + i;

		if (is_listed(binding) ? !lab_lists(location, key) : forgets_port(&old[key->port], &new[key->port]))
			err = forget(location->dp, &guards, key, binding, diag);
	}
	map_dump_free(&dump);
	for (uint16_t port = 1; !err && port < DPU_MAX_PORTS; port++)
		if (forgets_port(&old[port], &new[port]))
			__atomic_store_n(&guards.port[port].mac, 0, __ATOMIC_SEQ_CST);
	guards_close(&guards);
	return err;
}

/* ---- moves ---------------------------------------------------------------- */

/* As stage/guard.h learns an address. */
static int learn(const struct dataplane *to, const struct guards *guards, const struct dpu_binding_key *key,
		 const struct dpu_binding *binding, struct diag *diag)
{
	uint32_t *addresses = &guards->port[key->port].addresses;
	int added = 0;

	if (__atomic_fetch_add(addresses, 1, __ATOMIC_SEQ_CST) < DPU_GUARD_ADDRESSES)
		added = mapio_add(to, MAP_bindings, key, binding, diag);
	if (added <= 0)
		__atomic_fetch_sub(addresses, 1, __ATOMIC_SEQ_CST);
	return added < 0 ? added : 0;
}

static void copy_mac(const struct guards *from, uint16_t port_from, const struct guards *to, uint16_t port_to)
{
	__u64 none = 0, mac = __atomic_load_n(&from->port[port_from].mac, __ATOMIC_SEQ_CST);

	if (mac)
		__atomic_compare_exchange_n(&to->port[port_to].mac, &none, mac, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* only: the port that is copied, which is port_to there; 0: all of them, as they are. */
static int copy_learned(const struct dataplane *from, uint16_t only, const struct dataplane *to, uint16_t port_to,
			const struct guards *guards, struct diag *diag)
{
	struct map_dump dump;
	int err = dump_bindings(from, &dump, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++) {
		const struct dpu_binding *binding = (struct dpu_binding *)dump.values + i;
		struct dpu_binding_key key = ((struct dpu_binding_key *)dump.keys)[i];

		if (is_listed(binding) || (only && key.port != only))
			continue;
		if (only)
			key.port = port_to;
		err = learn(to, guards, &key, binding, diag);
	}
	map_dump_free(&dump);
	return err;
}

int bindings_copy_port(const struct dataplane *from, uint16_t port_from, const struct dataplane *to, uint16_t port_to,
		       struct diag *diag)
{
	struct guards theirs, ours = {};
	int err = guards_open(from, &theirs, diag);

	if (err)
		return err;
	err = guards_open(to, &ours, diag);
	for (uint16_t port = 1; !err && !port_from && port < DPU_MAX_PORTS; port++)
		copy_mac(&theirs, port, &ours, port);
	if (!err && port_from)
		copy_mac(&theirs, port_from, &ours, port_to);
	if (!err)
		err = copy_learned(from, port_from, to, port_to, &ours, diag);
	guards_close(&ours);
	guards_close(&theirs);
	return err;
}

int bindings_copy(const struct dataplane *from, const struct dataplane *to, struct diag *diag)
{
	return bindings_copy_port(from, 0, to, 0, diag);
}

int bindings_clear(const struct dataplane *dp, struct diag *diag)
{
	struct guards guards;
	struct map_dump dump = {};
	int err = guards_open(dp, &guards, diag);

	if (err)
		return err;
	err = dump_bindings(dp, &dump, diag);
	for (size_t i = 0; !err && i < dump.n; i++)
		if (!is_listed((struct dpu_binding *)dump.values + i))
			err = mapio_delete(dp, MAP_bindings, (struct dpu_binding_key *)dump.keys + i, diag);
	map_dump_free(&dump);
	memset(guards.port, 0, DPU_MAX_PORTS * sizeof(*guards.port));
	guards_close(&guards);
	return err;
}
