/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "handover.h"

#include <dpulab/asic.h>
#include <dpulab/flow.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bindings.h"
#include "flowview.h"
#include "handover_merge.h"
#include "mapio.h"
#include "op.h"
#include "shapers.h"
#include "slotcopy.h"
#include "tables.h"

#define SEAT_TRIES 64 /* steps of the hand in search of a free seat */

/* ---- seats on an ageing clock ------------------------------------------- */

/* The programs take seats with the same atomic hand; a seat of connections is claimed as they do (core/cttab.h). */
struct clock_map {
	const struct dataplane *dp;
	uint32_t *hand; /* in the memory of the hand's map */
	size_t size;
	struct dpu_ct_key *seats; /* likewise; of addresses: NULL */
	size_t seats_size;
	uint32_t mask;
};

static int clock_open(const struct dataplane *dp, enum dataplane_map hand, uint32_t seats,
		      struct clock_map *ret_clock, struct diag *diag)
{
	struct clock_map clock = {.dp = dp, .mask = seats - 1};

	clock.hand = mapio_mmap(dp, hand, true, &clock.size);
	if (!clock.hand)
		return diag_error(diag, -errno, NULL, "cannot map table %s of %s: %s",
				  dataplane_map_name(hand), dataplane_node(dp), strerror(errno));
	*ret_clock = clock;
	return 0;
}

static uint32_t clock_step(const struct clock_map *clock)
{
	return __atomic_fetch_add(clock->hand, 1, __ATOMIC_SEQ_CST) & clock->mask;
}

static int open_ct_clock(const struct dataplane *dp, struct clock_map *ret_clock, struct diag *diag)
{
	int err = clock_open(dp, MAP_ct_clock_hand, mapio_entries(dp, MAP_ct_clock), ret_clock, diag);

	if (err)
		return err;
	ret_clock->seats = mapio_mmap(dp, MAP_ct_clock, true, &ret_clock->seats_size);
	if (ret_clock->seats)
		return 0;
	return diag_error(diag, -errno, NULL, "cannot map table %s of %s: %s", dataplane_map_name(MAP_ct_clock),
			  dataplane_node(dp), strerror(errno));
}

/*
 * A seat is ours once the word with the mark is swapped, and no program takes it until the mark has gone:
 * when the connection can be found by the key, or will not be.
 */
static bool claim_seat(struct dpu_ct_key *seat, const struct dpu_ct_key *found)
{
	struct dpu_ct_key claimed = *found;
	uint32_t was, is;

	claimed.icmp |= DPU_CT_SEAT_TAKEN;
	memcpy(&was, &found->zone, sizeof(was));
	memcpy(&is, &claimed.zone, sizeof(is));
	return __atomic_compare_exchange_n((uint32_t *)(void *)&seat->zone, &was, is, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static void write_mark(struct dpu_ct_key *seat, const struct dpu_ct_key *key, bool marked)
{
	struct dpu_ct_key wanted = *key;
	uint32_t last;

	wanted.icmp |= marked ? DPU_CT_SEAT_TAKEN : 0;
	memcpy(&last, &wanted.zone, sizeof(last));
	__atomic_store_n((uint32_t *)(void *)&seat->zone, last, __ATOMIC_RELEASE);
}

static int take_ct_seat(const struct clock_map *clock, const struct dpu_ct_key *key, uint32_t *ret_seat,
			struct diag *diag)
{
	for (int i = 0; i < SEAT_TRIES; i++) {
		uint32_t seat = clock_step(clock);
		struct dpu_ct_key sitting = clock->seats[seat];
		struct dpu_ct ct;

		if (sitting.icmp & DPU_CT_SEAT_TAKEN)
			continue;
		if (sitting.zone && !mapio_get(clock->dp, MAP_conntrack, &sitting, &ct) && ct.gc_slot == seat)
			continue;
		if (!claim_seat(&clock->seats[seat], &sitting))
			continue;
		memcpy(&clock->seats[seat], key, offsetof(struct dpu_ct_key, zone));
		write_mark(&clock->seats[seat], key, true);
		op_done();
		*ret_seat = seat;
		return 0;
	}
	return diag_error(diag, -ENOSPC, "raise `connections` in the lab file",
			  "the connection table of %s is full", dataplane_node(clock->dp));
}

static int take_fdb_seat(const struct clock_map *clock, const struct dpu_fdb_key *key, struct diag *diag)
{
	for (int i = 0; i < SEAT_TRIES; i++) {
		uint32_t seat = clock_step(clock);
		struct dpu_fdb_key sitting;
		struct dpu_fdb entry;

		if (mapio_get(clock->dp, MAP_fdb_clock, &seat, &sitting))
			continue;
		if (!sitting.segment || mapio_get(clock->dp, MAP_fdb, &sitting, &entry))
			return mapio_put(clock->dp, MAP_fdb_clock, &seat, key, diag);
	}
	return 0; /* it will still age when somebody meets it */
}

/* ---- connections -------------------------------------------------------- */

struct copy {
	struct handover *handover;
	struct clock_map ct_clock, fdb_clock;
	struct flow_view flows; /* of `from` */
	struct dpu_tcp_window *windows; /* of `from`, by seat */
	size_t windows_size;
	uint32_t from_gen[DPU_MAX_PORTS], to_gen[DPU_MAX_PORTS]; /* policy generations by zone */
};

/* What a connection had counted at `from` when `to` was last told. */
struct handover_counts {
	struct dpu_ct_key key;
	uint32_t id, rule_id;
	uint64_t packets[2], bytes[2];
};

/* Under the policy in force at `from` means under the one in force at `to`; anything older is judged again. */
static uint32_t translate_gen(const struct copy *copy, uint16_t from_zone, uint16_t to_zone, const struct dpu_ct *ct)
{
	return ct->policy_gen == copy->from_gen[from_zone % DPU_MAX_PORTS] ? copy->to_gen[to_zone % DPU_MAX_PORTS] : 0;
}

/* The vNIC's number at `to`. */
static uint16_t translate_zone(const struct handover *handover, uint16_t zone)
{
	return handover->vnic_from ? handover->vnic_to : zone;
}

static bool concerns(const struct handover *handover, uint16_t zone)
{
	return !handover->vnic_from || zone == handover->vnic_from;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dpu_ct_key));
}

/*
 * Turns what ct has counted at `from` into what is new since the last copy,
 * and notes it. A flow entry that hands in its counts while we look is seen at neither
 * place for a moment: a sum that falls says nothing, and the next copy brings the rest.
 */
static void take_new_counts(struct copy *copy, const struct dpu_ct_key *key, struct dpu_ct *ct,
			    struct handover_counts *now)
{
	const struct handover *handover = copy->handover;
	const struct handover_counts *told = NULL;

	*now = (struct handover_counts){.key = *key, .id = ct->id};
	if (handover->n_counted)
		told = bsearch(key, handover->counted, handover->n_counted, sizeof(*told), by_key);
	if (told && told->id == ct->id)
		*now = *told;
	now->rule_id = ct->rule_id;
	for (int dir = 0; dir < 2; dir++) {
		uint64_t packets = now->packets[dir], bytes = now->bytes[dir];

		if (ct->packets[dir] > packets)
			now->packets[dir] = ct->packets[dir];
		if (ct->bytes[dir] > bytes)
			now->bytes[dir] = ct->bytes[dir];
		ct->packets[dir] = now->packets[dir] - packets;
		ct->bytes[dir] = now->bytes[dir] - bytes;
	}
}

/*
 * A new id: `to` may still have flow entries from when it last had the connection, whose counts
 * have been handed over long ago.
 */
static uint32_t new_id(void)
{
	uint32_t id = 0;

	while (!id)
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			id = (uint32_t)random();
	return id;
}

/* What `from` knows of the windows of ct; nothing unless it is strict. */
static struct dpu_tcp_window window_of(const struct copy *copy, const struct dpu_ct *ct)
{
	if (ct->gc_slot >= copy->windows_size / sizeof(*copy->windows) || copy->windows[ct->gc_slot].ct_id != ct->id)
		return (struct dpu_tcp_window){0};
	return copy->windows[ct->gc_slot];
}

/* Returns -EEXIST if `to` has made the connection itself this very moment. */
static int copy_new(struct copy *copy, const struct dpu_ct_key *key, struct dpu_ct ct,
		    const struct dpu_tcp_window *window, struct diag *diag)
{
	int err = take_ct_seat(&copy->ct_clock, key, &ct.gc_slot, diag);

	if (err)
		return err;
	memset(ct.flow_ref, 0, sizeof(ct.flow_ref));
	ct.id = new_id();
	err = handover_merge_add(copy->handover->merge, key, &ct, window, diag);
	write_mark(&copy->ct_clock.seats[ct.gc_slot], key, false);
	if (!err)
		copy->handover->connections++;
	return err;
}

static int copy_connection(struct copy *copy, const struct dpu_ct_key *key, struct dpu_ct *ct,
			   struct handover_counts *counts, struct diag *diag)
{
	const struct handover_merge *merge = copy->handover->merge;
	const struct dpu_tcp_window window = window_of(copy, ct);
	struct dpu_ct_key there = *key;
	int err;

	there.zone = translate_zone(copy->handover, key->zone);
	flow_view_add_counts(&copy->flows, ct);
	take_new_counts(copy, key, ct, counts);
	ct->policy_gen = translate_gen(copy, key->zone, there.zone, ct);
	err = handover_merge_run(merge, &there, ct, &window, diag);
	if (err != -ENOENT)
		return err;
	err = copy_new(copy, &there, *ct, &window, diag);
	return err == -EEXIST ? handover_merge_run(merge, &there, ct, &window, diag) : err;
}

/*
 * What ended at `from` since the last copy has been booked there with all its bytes: those that `to` was told of
 * are counted twice unless they are taken off at `to`.
 */
static int take_off_ended(const struct handover *handover, const struct handover_counts *counted, size_t n,
			  struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < handover->n_counted; i++) {
		const struct handover_counts *told = &handover->counted[i], *found = NULL;

		if (n)
			found = bsearch(told, counted, n, sizeof(*found), by_key);
		if (!found || found->id != told->id)
			err = handover_merge_book(handover->merge, translate_zone(handover, told->key.zone), told->rule_id,
						  -(told->bytes[0] + told->bytes[1]), diag);
	}
	return err;
}

static int copy_connections(struct copy *copy, struct diag *diag)
{
	struct handover *handover = copy->handover;
	struct handover_counts *counted;
	struct map_dump dump;
	size_t n = 0;
	int err = mapio_dump(handover->from, MAP_conntrack, sizeof(struct dpu_ct_key), sizeof(struct dpu_ct),
			     &dump, diag);

	if (err)
		return err;
	counted = calloc(dump.n + 1, sizeof(*counted));
	if (!counted)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < dump.n; i++) {
		const struct dpu_ct_key *key = (struct dpu_ct_key *)dump.keys + i;

		if (concerns(handover, key->zone))
			err = copy_connection(copy, key, (struct dpu_ct *)dump.values + i, &counted[n++], diag);
	}
	if (!err) {
		qsort(counted, n, sizeof(*counted), by_key);
		err = take_off_ended(handover, counted, n, diag);
	}
	if (!err) {
		free(handover->counted);
		handover->counted = counted;
		handover->n_counted = n;
	} else {
		free(counted);
	}
	map_dump_free(&dump);
	return err;
}

/* ---- addresses ---------------------------------------------------------- */

/* Of a station behind a tunnel endpoint: a location without VXLAN has the station and not the endpoint. */
static bool has_endpoint(const struct dpu_fdb *entry)
{
	return entry->port == DPU_PORT_UPLINK && entry->vtep;
}

static int copy_mac(struct copy *copy, const struct dpu_fdb_key *key, const struct dpu_fdb *entry,
		    struct diag *diag)
{
	const struct dataplane *to = copy->handover->to;
	struct dpu_fdb there;
	bool known = !mapio_get(to, MAP_fdb, key, &there);
	int err = 0;

	if (!(copy->handover->parts & HANDOVER_SWITCH) && !has_endpoint(entry))
		return 0;
	if (known && (there.port != DPU_PORT_UPLINK || there.vtep || !has_endpoint(entry)))
		return 0; /* learned there since: newer than ours */
	if (!known)
		err = take_fdb_seat(&copy->fdb_clock, key, diag);
	if (!err)
		err = mapio_put(to, MAP_fdb, key, entry, diag);
	if (known)
		mapio_bump(to, entry->gen_slot);
	copy->handover->macs++;
	return err;
}

static int copy_macs(struct copy *copy, struct diag *diag)
{
	struct map_dump dump;
	int err = mapio_dump(copy->handover->from, MAP_fdb, sizeof(struct dpu_fdb_key),
			     sizeof(struct dpu_fdb), &dump, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++)
		err = copy_mac(copy, (struct dpu_fdb_key *)dump.keys + i, (struct dpu_fdb *)dump.values + i,
			       diag);
	map_dump_free(&dump);
	return err;
}

/* ---- the whole ---------------------------------------------------------- */

static int read_policy_gens(const struct dataplane *dp, uint32_t *ret_gens, struct diag *diag)
{
	const uint32_t edges = __atomic_load_n(&dataplane_control(dp)->edges, __ATOMIC_ACQUIRE);
	struct dpu_port *ports = calloc(DPU_MAX_PORTS, sizeof(*ports));
	int err;

	if (!ports)
		return -ENOMEM;
	err = mapio_get_range(dp, MAP_ports, 0, DPU_MAX_PORTS, ports, diag);
	for (size_t i = 0; !err && i < DPU_MAX_PORTS; i++)
		ret_gens[i] = dpu_policy_gen(ports[i].policy_gen, ports[i].flags, edges);
	free(ports);
	return err;
}

static int copy_open(struct copy *copy, struct diag *diag)
{
	const struct dataplane *from = copy->handover->from, *to = copy->handover->to;
	int err = open_ct_clock(to, &copy->ct_clock, diag);

	if (!err)
		err = clock_open(to, MAP_fdb_clock_hand, mapio_entries(to, MAP_fdb_clock), &copy->fdb_clock,
				 diag);
	if (!err)
		err = read_policy_gens(from, copy->from_gen, diag);
	if (!err)
		err = read_policy_gens(to, copy->to_gen, diag);
	if (!err)
		copy->windows = mapio_mmap(from, MAP_ct_windows, false, &copy->windows_size);
	return err ? err : flow_view_open(from, &copy->flows);
}

static void copy_close(struct copy *copy)
{
	mapio_munmap(copy->ct_clock.hand, copy->ct_clock.size);
	mapio_munmap(copy->ct_clock.seats, copy->ct_clock.seats_size);
	mapio_munmap(copy->windows, copy->windows_size);
	mapio_munmap(copy->fdb_clock.hand, copy->fdb_clock.size);
	flow_view_close(&copy->flows);
}

static int copy_switch(struct copy *copy, struct diag *diag)
{
	const struct handover *handover = copy->handover;
	int err = handover->vnic_from ? 0 : copy_macs(copy, diag);

	return err ? err : shapers_copy(handover->from, handover->vnic_from, handover->to, handover->vnic_to,
					handover->shapers, diag);
}

static int copy_firewall(struct copy *copy, struct diag *diag)
{
	struct handover *handover = copy->handover;
	int err = copy_connections(copy, diag);

	if (!err)
		err = handover->vnic_from ? bindings_copy_port(handover->from, handover->vnic_from, handover->to,
							       handover->vnic_to, diag)
					  : bindings_copy(handover->from, handover->to, diag);
	return err ? err : slotcopy_run(handover->from, handover->vnic_from, handover->to, handover->vnic_to, &handover->slots,
					diag);
}

int handover_copy(struct handover *handover, struct diag *diag)
{
	struct copy copy = {.handover = handover};
	int err = copy_open(&copy, diag);

	if (!err && handover->parts & HANDOVER_SWITCH)
		err = copy_switch(&copy, diag);
	else if (!err && handover->parts & HANDOVER_TUNNELS)
		err = copy_macs(&copy, diag);
	if (!err && handover->parts & HANDOVER_FIREWALL)
		err = copy_firewall(&copy, diag);
	copy_close(&copy);
	return err;
}

int handover_open(const struct dataplane *from, const struct dataplane *to, struct handover *ret_handover,
		  struct diag *diag)
{
	struct handover handover = {.from = from, .to = to, .parts = HANDOVER_ALL};
	int err;

	handover.shapers = calloc(DPU_MAX_PORTS * DPU_SHAPE_DIRECTIONS, sizeof(*handover.shapers));
	if (!handover.shapers)
		return -ENOMEM;
	err = handover_merge_open(to, &handover.merge, diag);
	if (err)
		free(handover.shapers);
	else
		*ret_handover = handover;
	return err;
}

int handover_open_vnic(const struct dataplane *from, uint16_t vnic_from, const struct dataplane *to, uint16_t vnic_to,
		       struct handover *ret_handover, struct diag *diag)
{
	int err = handover_open(from, to, ret_handover, diag);

	if (!err) {
		ret_handover->vnic_from = vnic_from;
		ret_handover->vnic_to = vnic_to;
	}
	return err;
}

void handover_close(struct handover *handover)
{
	handover_merge_close(handover->merge);
	free(handover->counted);
	free(handover->shapers);
	slotcopy_free(handover->slots);
	memset(handover, 0, sizeof(*handover));
}

static int clear_hash(const struct dataplane *dp, enum dataplane_map map, size_t key_size,
		      size_t value_size, struct diag *diag)
{
	struct map_dump dump;
	int err = mapio_dump(dp, map, key_size, value_size, &dump, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++)
		err = mapio_delete(dp, map, (char *)dump.keys + i * key_size, diag);
	map_dump_free(&dump);
	return err;
}

/* They live on at the other side. */
static int clear_connections(const struct dataplane *dp, struct diag *diag)
{
	struct handover_merge *merge = NULL;
	struct map_dump dump;
	int err = mapio_dump(dp, MAP_conntrack, sizeof(struct dpu_ct_key), sizeof(struct dpu_ct), &dump, diag);

	if (err)
		return err;
	if (dump.n)
		err = handover_merge_open(dp, &merge, diag);
	for (size_t i = 0; !err && i < dump.n; i++)
		err = handover_merge_out(merge, (struct dpu_ct_key *)dump.keys + i, diag);
	handover_merge_close(merge);
	map_dump_free(&dump);
	return err;
}

static int clear_counts(const struct dataplane *dp, struct diag *diag)
{
	size_t size;
	struct dpu_ct_count *counts = mapio_mmap(dp, MAP_ct_counts, true, &size);

	if (!counts)
		return diag_error(diag, -errno, NULL, "cannot map table %s of %s: %s",
				  dataplane_map_name(MAP_ct_counts), dataplane_node(dp), strerror(errno));
	memset(counts, 0, DPU_MAX_PORTS * sizeof(*counts));
	mapio_munmap(counts, size);
	return 0;
}

/*
 * An emulated device's table is bounded: what no connection stands behind any more leaves it when the hand of ageing
 * comes by (flow_too_old()), and hands its counts in then.
 */
static int abandon_flows(const struct dataplane *dp, struct diag *diag)
{
	struct dpu_flow_info_set *sets;
	struct dpu_asic device;
	size_t size;
	int err = mapio_get_range(dp, MAP_asic, 0, 1, &device, diag);

	if (err || !device.actions)
		return err;
	sets = mapio_mmap(dp, MAP_flow_info, true, &size);
	if (!sets)
		return diag_error(diag, -errno, NULL, "cannot map the flow table of %s: %s", dataplane_node(dp), strerror(errno));
	for (size_t i = 0; i < size / sizeof(*sets); i++)
		for (size_t way = 0; way < DPU_FLOW_WAYS; way++)
			sets[i].way[way].action = DPU_FLOW_NONE;
	mapio_munmap(sets, size);
	return 0;
}

static int clear_firewall(const struct dataplane *dp, struct diag *diag)
{
	int err = clear_connections(dp, diag);

	if (!err)
		err = clear_counts(dp, diag);
	if (!err)
		err = bindings_clear(dp, diag);
	return err ? err : slotcopy_clear(dp, 0, diag);
}

static int clear_switch(const struct dataplane *dp, struct diag *diag)
{
	int err = clear_hash(dp, MAP_fdb, sizeof(struct dpu_fdb_key), sizeof(struct dpu_fdb), diag);

	return err ? err : shapers_clear(dp, 0, diag);
}

/* Else flow entries are not touched: all of them depend on a port's counter, and these move. */
int handover_clear(const struct dataplane *dp, unsigned parts, struct diag *diag)
{
	int err = parts & HANDOVER_FIREWALL ? clear_firewall(dp, diag) : 0;

	if (!err && parts & HANDOVER_SWITCH)
		err = clear_switch(dp, diag);
	tables_forget_flows(dp);
	return err ? err : abandon_flows(dp, diag);
}

int handover_clear_vnic(const struct dataplane *dp, uint16_t vnic, struct diag *diag)
{
	struct map_dump dump;
	size_t size;
	struct dpu_ct_count *counts;
	int err = mapio_dump(dp, MAP_conntrack, sizeof(struct dpu_ct_key), sizeof(struct dpu_ct), &dump, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++)
		if (((struct dpu_ct_key *)dump.keys)[i].zone == vnic)
			err = mapio_delete(dp, MAP_conntrack, (struct dpu_ct_key *)dump.keys + i, diag);
	map_dump_free(&dump);
	counts = err ? NULL : mapio_mmap(dp, MAP_ct_counts, true, &size);
	if (counts) {
		counts[vnic % DPU_MAX_PORTS] = (struct dpu_ct_count){};
		mapio_munmap(counts, size);
	}
	mapio_bump(dp, DPU_GEN_OF_PORT(vnic));
	if (!err)
		err = shapers_clear(dp, vnic, diag);
	return err ? err : slotcopy_clear(dp, vnic, diag);
}
