/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "intercept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intercept_set.h"
#include "mapio.h"
#include "slotcopy.h"

#define COUNTS (sizeof(struct dpu_intercept_counts) / sizeof(uint64_t))

/* ---- which slots, under which number --------------------------------------- */

/* A NIC's embedded switch has none. */
static bool is_used(const struct location *location, size_t slot)
{
	const struct lab *lab = location->lab;

	if (location->embedded)
		return false;

	for (size_t vm = 0; vm < lab->n_vms; vm++)
		for (unsigned dir = 0; lab->vms[vm].host == location->host && dir < DPU_INTERCEPT_DIRECTIONS; dir++)
			for (size_t i = 0; i < lab->vms[vm].n_intercept[dir]; i++)
				if (lab->vms[vm].intercept[dir][i] == slot)
					return true;
	return false;
}

static int number_of(const struct dpu_intercept_linked *linked, const char *name)
{
	for (int i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (!strncmp(linked->slot[i].name, name, DPU_INTERCEPT_NAME))
			return i;
	return -1;
}

static void put_slot(const struct lab *lab, size_t slot, int number, struct slot_set *set)
{
	set->slot[number].name = lab->slots[slot].name;
	set->slot[number].queue = lab->slots[slot].queue;
	intercept_object_path(lab, &lab->slots[slot], set->slot[number].path);
	set->slot[number].digest = intercept_digest(set->slot[number].path);
}

void intercept_set_of(const struct location *location, const struct dpu_intercept_linked *linked,
		      struct slot_set *ret_set)
{
	const struct lab *lab = location->lab;

	*ret_set = (struct slot_set){};
	for (size_t i = 0; i < lab->n_slots; i++) {
		int number = number_of(linked, lab->slots[i].name);

		if (number >= 0 && is_used(location, i))
			put_slot(lab, i, number, ret_set);
	}
	for (size_t i = 0; i < lab->n_slots; i++) {
		int number = 0;

		if (number_of(linked, lab->slots[i].name) >= 0 || !is_used(location, i))
			continue;
		while (number < DPU_INTERCEPT_SLOTS && ret_set->slot[number].name)
			number++;
		if (number < DPU_INTERCEPT_SLOTS)
			put_slot(lab, i, number, ret_set);
	}
}

static bool is_empty(const struct slot_set *set)
{
	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (set->slot[i].name)
			return false;
	return true;
}

static bool is_linked(const struct slot_set *set, const struct dpu_intercept_linked *linked)
{
	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (strncmp(set->slot[i].name ?: "", linked->slot[i].name, DPU_INTERCEPT_NAME) ||
		    set->slot[i].digest != linked->slot[i].digest)
			return false;
	return true;
}

/* ---- the tables, opened ----------------------------------------------------- */

struct tables {
	const struct dataplane *dp;
	struct dpu_intercept_chains *chains;
	struct dpu_intercept_state *state;
	size_t chains_size, state_size;
};

static void close_tables(struct tables *tables)
{
	mapio_munmap(tables->chains, tables->chains_size);
	mapio_munmap(tables->state, tables->state_size);
}

static int open_tables(const struct dataplane *dp, struct tables *ret_tables, struct diag *diag)
{
	struct tables tables = {.dp = dp};

	tables.chains = mapio_mmap(dp, MAP_icpt_chains, true, &tables.chains_size);
	tables.state = mapio_mmap(dp, MAP_icpt_state, true, &tables.state_size);
	if (tables.chains && tables.state) {
		*ret_tables = tables;
		return 0;
	}
	close_tables(&tables);
	return diag_error(diag, -ENOMEM, NULL, "cannot map the intercept tables of %s: %s", dataplane_node(dp),
			  strerror(errno));
}

static struct dpu_intercept_chain *chain_at(const struct tables *tables, uint16_t port, unsigned dir)
{
	return &tables->chains->chain[port * DPU_INTERCEPT_DIRECTIONS + dir];
}

/* ---- places ------------------------------------------------------------------ */

static bool is_place(const struct dpu_intercept_state *state, const char *slot, uint16_t port, unsigned dir)
{
	return state->port == port && state->direction == dir && !strncmp(state->slot, slot, DPU_INTERCEPT_NAME);
}

/* The instance of a slot at a vNIC and direction, a new one if there is none. Negative: no room. */
static int take_instance(const struct tables *tables, const char *slot, uint16_t port, unsigned dir,
			 struct diag *diag)
{
	int free_one = -1, err;

	for (int i = 0; i < DPU_INTERCEPT_INSTANCES; i++) {
		if (is_place(&tables->state[i], slot, port, dir))
			return i;
		if (free_one < 0 && !tables->state[i].slot[0])
			free_one = i;
	}
	if (free_one < 0)
		return diag_error(diag, -ENOSPC, NULL, "%s has %d places in chains, and all are taken",
				  dataplane_node(tables->dp), DPU_INTERCEPT_INSTANCES);
	err = slotcopy_clear_counts(tables->dp, free_one, diag);
	if (!err)
		err = slotcopy_clear_verdicts(tables->dp, free_one, diag);
	if (err)
		return err;
	tables->state[free_one] = (struct dpu_intercept_state){.port = port, .direction = dir};
	snprintf(tables->state[free_one].slot, DPU_INTERCEPT_NAME, "%s", slot);
	return free_one;
}

static uint8_t policy_of(const struct lab_slot *slot)
{
	return (slot->fail == LAB_TABLE_FULL_OPEN ? DPU_INTERCEPT_FAIL_OPEN : 0) |
	       (slot->pending == LAB_TABLE_FULL_OPEN ? DPU_INTERCEPT_PENDING_PASS : 0);
}

/* The chain of a VM as the lab wants it, of slots that are in the set. */
static int want_chain(const struct tables *tables, const struct lab *lab, const struct lab_vm *vm, unsigned dir,
		      const struct slot_set *set, struct dpu_intercept_half *ret_half, struct diag *diag)
{
	*ret_half = (struct dpu_intercept_half){};
	for (size_t i = 0; i < vm->n_intercept[dir] && i < DPU_INTERCEPT_CHAIN; i++) {
		const struct lab_slot *slot = &lab->slots[vm->intercept[dir][i]];
		uint8_t number = 0;
		int instance;

		while (number < DPU_INTERCEPT_SLOTS &&
		       (!set->slot[number].name || strcmp(set->slot[number].name, slot->name)))
			number++;
		if (number == DPU_INTERCEPT_SLOTS)
			continue;
		instance = take_instance(tables, slot->name, vm->port, dir, diag);
		if (instance < 0)
			return instance;
		ret_half->entry[ret_half->n++] = (struct dpu_intercept_entry){
			.instance = instance, .slot = number,
			.policy = policy_of(slot) | slotcopy_breaker(&tables->state[instance]),
			.budget_ns = slot->budget_ns, .queue = slot->queue,
		};
	}
	return 0;
}

/* Into the half that is not in use, which then is. The port's counter moves: cached flows are decided anew. */
static void put_chain(const struct tables *tables, uint16_t port, unsigned dir,
		      const struct dpu_intercept_half *half)
{
	struct dpu_intercept_chain *chain = chain_at(tables, port, dir);
	uint32_t other = !(chain->current & 1);

	if (!memcmp(&chain->half[!other], half, sizeof(*half)))
		return;
	chain->half[other] = *half;
	__atomic_store_n(&chain->current, other, __ATOMIC_SEQ_CST);
	slotcopy_tell_breakers(chain, tables->state); /* what has tripped meanwhile did so in the other half */
	mapio_bump(tables->dp, DPU_GEN_OF_PORT(port));
}

static bool in_chain(const struct tables *tables, uint16_t port, unsigned dir, uint16_t instance)
{
	const struct dpu_intercept_chain *chain = chain_at(tables, port, dir);
	const struct dpu_intercept_half *half = &chain->half[chain->current & 1];

	for (uint32_t i = 0; i < half->n; i++)
		if (half->entry[i].instance == instance)
			return true;
	return false;
}

/* Places that no chain has any more. */
static void free_instances(const struct tables *tables)
{
	for (int i = 0; i < DPU_INTERCEPT_INSTANCES; i++) {
		struct dpu_intercept_state *state = &tables->state[i];

		if (state->slot[0] && !in_chain(tables, state->port, state->direction, i))
			*state = (struct dpu_intercept_state){};
	}
}

static const struct lab_vm *vm_of_port(const struct location *location, uint16_t port)
{
	for (size_t i = 0; i < location->lab->n_vms; i++)
		if (location->lab->vms[i].host == location->host && location->lab->vms[i].port == port)
			return &location->lab->vms[i];
	return NULL;
}

/* All chains of a location, of the slots in the set; ports without a VM have none. */
static int put_chains(const struct location *location, const struct tables *tables, const struct slot_set *set,
		      struct diag *diag)
{
	int err = 0;

	for (uint16_t port = DPU_PORT_VNIC_MIN; !err && port <= DPU_PORT_VNIC_MAX; port++) {
		const struct lab_vm *vm = vm_of_port(location, port);

		for (unsigned dir = 0; !err && dir < DPU_INTERCEPT_DIRECTIONS; dir++) {
			struct dpu_intercept_half half = {};

			if (vm)
				err = want_chain(tables, location->lab, vm, dir, set, &half, diag);
			if (!err)
				put_chain(tables, port, dir, &half);
		}
	}
	return err;
}

/* ---- the order of a change ---------------------------------------------------- */

/* Slots that are linked now and will be: what chains may name while the programs change. */
static int put_common_chains(const struct location *location, const struct slot_set *set,
			     const struct dpu_intercept_linked *linked, struct diag *diag)
{
	struct slot_set common = *set;
	struct tables tables;
	int err = open_tables(location->dp, &tables, diag);

	if (err)
		return err;
	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (!linked->slot[i].name[0])
			common.slot[i].name = NULL;
	err = put_chains(location, &tables, &common, diag);
	close_tables(&tables);
	return err;
}

int intercept_load(struct location *location, bool *ret_features, struct diag *diag)
{
	struct dpu_intercept_linked linked;
	struct slot_set set;
	bool carries = dataplane_has_slots(location->dp);
	int err = 0;

	dataplane_slots_linked(location->dp, &linked);
	intercept_set_of(location, &linked, &set);
	*ret_features = !dataplane_has_features(location->dp, location->lab);
	if (!*ret_features && (is_empty(&set) ? !carries : is_linked(&set, &linked)))
		return 0;
	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (set.slot[i].name && !set.slot[i].digest)
			return diag_error(diag, -ENOENT, "`dpulab up LAB.yaml` makes it anew",
					  "the object of slot %s, %s, is gone", set.slot[i].name, set.slot[i].path);
	if (carries)
		err = put_common_chains(location, &set, &linked, diag);
	return err ? err : dataplane_slots_load(&location->dp, location->lab, &set, diag);
}

int intercept_settle(const struct location *location, struct diag *diag)
{
	struct dpu_intercept_linked linked;
	struct slot_set set;
	struct tables tables;
	int err = 0;

	if (!dataplane_has_slots(location->dp))
		return 0;
	dataplane_slots_linked(location->dp, &linked);
	intercept_set_of(location, &linked, &set);
	if (!is_empty(&set)) {
		err = open_tables(location->dp, &tables, diag);
		if (err)
			return err;
		err = put_chains(location, &tables, &set, diag);
		if (!err)
			free_instances(&tables);
		close_tables(&tables);
	}
	return err ? err : dataplane_slots_clean(location->dp, &set, diag);
}

/* ---- reading ------------------------------------------------------------------- */

static int read_place(const struct location *location, const struct tables *tables,
		      const struct dpu_intercept_entry *entry, struct intercept_row *row, struct diag *diag)
{
	int err;

	row->state = tables->state[entry->instance % DPU_INTERCEPT_INSTANCES];
	snprintf(row->slot, sizeof(row->slot), "%.*s", NODE_NAME_MAX - 1, row->state.slot);
	row->port = row->state.port;
	row->direction = row->state.direction;
	row->open = entry->policy & DPU_INTERCEPT_FAIL_OPEN;
	row->budget_ns = entry->budget_ns;
	row->queue = entry->queue;
	err = mapio_sum(location->dp, MAP_icpt_counts, entry->instance, (uint64_t *)&row->counts, COUNTS, diag);
	for (size_t i = 0; i < COUNTS; i++)
		((uint64_t *)&row->counts)[i] += ((const uint64_t *)&row->state.moved)[i];
	return err;
}

int intercept_read(const struct location *location, struct intercept_row **ret_rows, size_t *ret_n,
		   struct diag *diag)
{
	struct intercept_row *rows;
	struct tables tables;
	size_t n = 0;
	int err;

	*ret_rows = NULL;
	*ret_n = 0;
	if (!location->dp || !dataplane_has_slots(location->dp))
		return 0;
	err = open_tables(location->dp, &tables, diag);
	if (err)
		return err;
	rows = calloc(DPU_INTERCEPT_INSTANCES, sizeof(*rows));
	if (!rows)
		err = -ENOMEM;
	for (uint16_t i = DPU_PORT_VNIC_MIN * DPU_INTERCEPT_DIRECTIONS;
	     !err && i < DPU_INTERCEPT_PORTS * DPU_INTERCEPT_DIRECTIONS; i++) {
		const struct dpu_intercept_chain *chain = &tables.chains->chain[i];
		const struct dpu_intercept_half *half = &chain->half[chain->current & 1];

		for (uint32_t place = 0; !err && place < half->n && n < DPU_INTERCEPT_INSTANCES; place++) {
			rows[n].place = place + 1;
			err = read_place(location, &tables, &half->entry[place], &rows[n++], diag);
		}
	}
	close_tables(&tables);
	if (err) {
		free(rows);
		return err;
	}
	*ret_rows = rows;
	*ret_n = n;
	return 0;
}

int intercept_rearm(const struct location *location, const char *slot, size_t *ret_n, struct diag *diag)
{
	struct tables tables;
	int err;

	*ret_n = 0;
	if (!location->dp || !dataplane_has_slots(location->dp))
		return 0;
	err = open_tables(location->dp, &tables, diag);
	if (err)
		return err;
	for (int i = 0; i < DPU_INTERCEPT_INSTANCES; i++) {
		struct dpu_intercept_state *state = &tables.state[i];

		if (!state->out_ns || (slot && strncmp(state->slot, slot, DPU_INTERCEPT_NAME)))
			continue;
		state->strikes = 0;
		__atomic_store_n(&state->out_ns, 0, __ATOMIC_SEQ_CST);
		slotcopy_tell_breakers(chain_at(&tables, state->port, state->direction), tables.state);
		++*ret_n;
	}
	close_tables(&tables);
	return 0;
}
