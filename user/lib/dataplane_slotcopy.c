/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotcopy.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_load.h"
#include "dataplane_slots.h"
#include "mapio.h"
#include "slotmap.h"

#define COUNTS (sizeof(struct dpu_intercept_counts) / sizeof(uint64_t))

/* ---- any map ---------------------------------------------------------------- */

/* Entries, sorted by key: key and value one behind the other. */
struct entries {
	char *bytes;
	size_t n, room, size, key_size;
};

static __thread size_t sort_key_size;

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sort_key_size);
}

static int read_entries(const struct slotmap *map, struct entries *ret_entries)
{
	struct entries all = {.key_size = map->key_size, .size = map->key_size + map->value_size};
	const char *last = NULL;
	uint32_t cursor = 0;

	for (;;) {
		char *entry;

		if (all.n == all.room) {
			char *grown = realloc(all.bytes, (all.room * 2 + 64) * all.size);

			if (!grown) {
				free(all.bytes);
				return -ENOMEM;
			}
			all.room = all.room * 2 + 64;
			all.bytes = grown;
			last = all.n ? grown + (all.n - 1) * all.size : NULL;
		}
		entry = all.bytes + all.n * all.size;
		if (slotmap_next(map, &cursor, last, entry, entry + all.key_size))
			break;
		last = entry;
		all.n++;
	}
	sort_key_size = all.key_size;
	if (all.n)
		qsort(all.bytes, all.n, all.size, by_key);
	*ret_entries = all;
	return 0;
}

static const char *find_value(const struct entries *all, const void *key)
{
	const char *entry;

	sort_key_size = all->key_size;
	entry = all->n ? bsearch(key, all->bytes, all->n, all->size, by_key) : NULL;
	return entry ? entry + all->key_size : NULL;
}

static int clear_map(const struct slotmap *map)
{
	char *zero = calloc(1, map->value_size);
	struct entries all;
	int err = zero ? read_entries(map, &all) : -ENOMEM;

	for (size_t i = 0; !err && i < all.n; i++) {
		const char *key = all.bytes + i * all.size;

		err = map->is_array ? slotmap_put(map, key, zero, BPF_ANY) : slotmap_delete(map, key);
		if (err == -ENOENT)
			err = 0;
	}
	if (zero && err != -ENOMEM)
		free(all.bytes);
	free(zero);
	return err;
}

/* ---- a slot's maps ------------------------------------------------------------ */

struct told_map {
	char slot[DPU_INTERCEPT_NAME], map[BPF_OBJ_NAME_LEN];
	struct entries entries; /* as `to` was told last */
	bool begun, joins;
};

struct slotcopy {
	struct told_map *maps;
	size_t n_maps;
	struct {
		struct dpu_intercept_counts counts;
		struct dpu_intercept_state state;
	} told[DPU_INTERCEPT_INSTANCES]; /* by instance at `from` */
};

static bool is_zero(const char *value, size_t size)
{
	return !size || (!value[0] && !memcmp(value, value + 1, size - 1));
}

/*
 * Brings one entry: `told` is what `to` was told of it, NULL: nothing. joins: slots of other vNICs use the map at `to`.
 * An array has all its entries from the beginning: one of zeros is none.
 */
static int bring(const struct slotmap *to, const struct told_map *map, const char *key, const char *value,
		 const char *told, char *there)
{
	const bool begun = map->begun;
	bool has;

	if (told && !memcmp(told, value, to->value_size))
		return 0;
	has = !slotmap_get(to, key, there);
	if (begun && has && (!told || memcmp(there, told, to->value_size)))
		return 0; /* changed there since */
	if (!begun && map->joins && has && !(to->is_array && is_zero(there, to->value_size)))
		return 0;
	if (begun && told && !has)
		return 0; /* taken out there since */
	return slotmap_put(to, key, value, BPF_ANY);
}

static int bring_all(struct told_map *told, const struct entries *now, const struct slotmap *to)
{
	char *there = malloc(to->value_size);
	int err = there ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < now->n; i++) {
		const char *key = now->bytes + i * now->size;

		err = bring(to, told, key, key + now->key_size, find_value(&told->entries, key), there);
	}
	for (size_t i = 0; !err && !to->is_array && i < told->entries.n; i++) {
		const char *key = told->entries.bytes + i * told->entries.size;

		if (!find_value(now, key) && !slotmap_get(to, key, there) &&
		    !memcmp(there, key + now->key_size, to->value_size))
			slotmap_delete(to, key);
	}
	free(there);
	return err;
}

static int copy_opened(struct told_map *told, const struct slotmap *from, const struct slotmap *to)
{
	struct entries now;
	int err;

	if (from->is_array != to->is_array || from->is_lpm != to->is_lpm || from->key_size != to->key_size ||
	    from->value_size != to->value_size)
		return 0;
	err = read_entries(from, &now);
	if (err)
		return err;
	err = bring_all(told, &now, to);
	free(told->entries.bytes);
	told->entries = now;
	told->begun = true;
	return err;
}

static struct told_map *told_of(struct slotcopy *copy, const char *slot, const char *map, bool joins)
{
	struct told_map *grown;

	for (size_t i = 0; i < copy->n_maps; i++)
		if (!strcmp(copy->maps[i].slot, slot) && !strcmp(copy->maps[i].map, map))
			return &copy->maps[i];
	grown = reallocarray(copy->maps, copy->n_maps + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	copy->maps = grown;
	grown[copy->n_maps] = (struct told_map){.entries.key_size = 1, .joins = joins};
	snprintf(grown[copy->n_maps].slot, sizeof(grown->slot), "%s", slot);
	snprintf(grown[copy->n_maps].map, sizeof(grown->map), "%s", map);
	return &grown[copy->n_maps++];
}

/* ---- every map of a location's slots --------------------------------------------- */

typedef int map_visitor(void *arg, unsigned number, const char *map, struct diag *diag);

static int each_slot_map(const struct dataplane *dp, map_visitor *visit, void *arg, struct diag *diag)
{
	struct dirent *entry;
	char path[PATH_MAX];
	int err = 0;
	DIR *dir;

	dataplane_pin_path(path, dataplane_lab(dp), dataplane_node(dp), "maps", NULL);
	dir = opendir(path);
	while (dir && !err && (entry = readdir(dir))) {
		const char *rest = strchr(entry->d_name, '_');
		unsigned number;

		if (rest && sscanf(entry->d_name, "s%u_", &number) == 1 && number < DPU_INTERCEPT_SLOTS)
			err = visit(arg, number, rest + 1, diag);
	}
	if (dir)
		closedir(dir);
	return err;
}

struct both {
	const struct dataplane *from, *to;
	uint16_t vnic_from, vnic_to; /* 0: all */
	struct dpu_intercept_linked linked_from, linked_to;
	/* by number at `from`: a vNIC that moves has it in a chain; one that is at `to` already has, too */
	bool moves[DPU_INTERCEPT_SLOTS], joins[DPU_INTERCEPT_SLOTS];
	struct slotcopy *copy;
};

static int number_at(const struct dpu_intercept_linked *linked, const char *slot)
{
	for (int i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (*slot && !strncmp(linked->slot[i].name, slot, DPU_INTERCEPT_NAME))
			return i;
	return -1;
}

static int copy_one(void *arg, unsigned number, const char *name, struct diag *diag)
{
	struct both *both = arg;
	const char *slot = both->linked_from.slot[number].name;
	int there = number_at(&both->linked_to, slot), err = 0;
	struct told_map *told;
	struct slotmap from, to;

	if (there < 0 || !both->moves[number] || slotmap_open(both->from, number, name, &from))
		return 0;
	if (!slotmap_open(both->to, (uint32_t)there, name, &to)) {
		told = told_of(both->copy, slot, name, both->joins[number]);
		err = told ? copy_opened(told, &from, &to) : -ENOMEM;
		slotmap_close(&to);
	}
	slotmap_close(&from);
	return err ? diag_error(diag, err, NULL, "cannot hand over map %s of slot %s: %s", name, slot, strerror(-err)) : 0;
}

/* ---- counts, breakers, verdicts ---------------------------------------------------- */

static void add_new(__u64 *to, __u64 now, __u64 *told)
{
	__atomic_fetch_add(to, now - *told, __ATOMIC_RELAXED);
	*told = now;
}

#define BREAKER (DPU_INTERCEPT_TRIPPED | DPU_INTERCEPT_WATCHED)

uint8_t slotcopy_breaker(const struct dpu_intercept_state *state)
{
	return (state->out_ns ? DPU_INTERCEPT_TRIPPED : 0) | (state->strikes ? DPU_INTERCEPT_WATCHED : 0);
}

void slotcopy_tell_breakers(struct dpu_intercept_chain *chain, const struct dpu_intercept_state *states)
{
	struct dpu_intercept_half *half = &chain->half[chain->current & 1];

	for (uint32_t i = 0; i < half->n && i < DPU_INTERCEPT_CHAIN; i++) {
		struct dpu_intercept_entry *e = &half->entry[i];

		e->policy = (e->policy & ~BREAKER) | slotcopy_breaker(&states[e->instance % DPU_INTERCEPT_INSTANCES]);
	}
}

static void copy_state(struct dpu_intercept_state *to, const struct dpu_intercept_state *now,
		       struct dpu_intercept_state *told)
{
	add_new(&to->pending_passed, now->pending_passed, &told->pending_passed);
	add_new(&to->pending_dropped, now->pending_dropped, &told->pending_dropped);
	add_new(&to->full_passed, now->full_passed, &told->full_passed);
	add_new(&to->full_dropped, now->full_dropped, &told->full_dropped);
	add_new(&to->judged_passed, now->judged_passed, &told->judged_passed);
	add_new(&to->judged_dropped, now->judged_dropped, &told->judged_dropped);
	if (now->reason && now->reason != told->reason)
		to->reason = now->reason;
	if (now->worst_ns > to->worst_ns)
		to->worst_ns = now->worst_ns;
	if (now->out_ns && !told->out_ns)
		to->out_ns = now->out_ns;
	if (now->strikes != told->strikes)
		to->strikes = now->strikes;
	told->reason = now->reason;
	told->out_ns = now->out_ns;
	told->strikes = now->strikes;
}

static int copy_place(struct both *both, uint32_t instance, const struct dpu_intercept_state *now,
		      struct dpu_intercept_state *to, struct diag *diag)
{
	struct dpu_intercept_counts counts;
	uint64_t *sum = (uint64_t *)&counts, *told = (uint64_t *)&both->copy->told[instance].counts;
	const uint64_t *moved = (const uint64_t *)&now->moved;
	int err = mapio_sum(both->from, MAP_icpt_counts, instance, sum, COUNTS, diag);

	for (size_t i = 0; !err && i < COUNTS; i++)
		add_new((__u64 *)&to->moved + i, sum[i] + moved[i], (__u64 *)&told[i]);
	if (!err)
		copy_state(to, now, &both->copy->told[instance].state);
	return err;
}

static bool concerns(const struct both *both, const struct dpu_intercept_state *place)
{
	return place->slot[0] && (!both->vnic_from || place->port == both->vnic_from);
}

/* The instance at `to` of a place at `from`; negative: there is none, or it does not move. */
static int instance_at(const struct both *both, const struct dpu_intercept_state *table,
		       const struct dpu_intercept_state *place)
{
	const uint16_t port = both->vnic_from ? both->vnic_to : place->port;

	for (int i = 0; concerns(both, place) && i < DPU_INTERCEPT_INSTANCES; i++)
		if (table[i].slot[0] && table[i].port == port && table[i].direction == place->direction &&
		    !strncmp(table[i].slot, place->slot, DPU_INTERCEPT_NAME))
			return i;
	return -1;
}

/* Which slots move: all, or those in the chains of the vNIC that does. */
static void find_moving(struct both *both, const struct dpu_intercept_state *from, const struct dpu_intercept_state *to)
{
	for (uint32_t i = 0; i < DPU_INTERCEPT_INSTANCES; i++) {
		int leaves = concerns(both, &from[i]) ? number_at(&both->linked_from, from[i].slot) : -1;
		int lives = to[i].slot[0] && to[i].port != both->vnic_to ? number_at(&both->linked_from, to[i].slot) : -1;

		if (leaves >= 0)
			both->moves[leaves] = true;
		if (both->vnic_from && lives >= 0)
			both->joins[lives] = true;
	}
	for (uint32_t i = 0; !both->vnic_from && i < DPU_INTERCEPT_SLOTS; i++)
		both->moves[i] = true;
}

static int copy_verdicts(const struct both *both, const struct dpu_intercept_state *from,
			 const struct dpu_intercept_state *to, struct diag *diag)
{
	struct map_dump dump;
	int err = mapio_dump(both->from, MAP_icpt_verdicts, sizeof(struct dpu_intercept_key),
			     sizeof(struct dpu_intercept_judged), &dump, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++) {
		struct dpu_intercept_key key = ((struct dpu_intercept_key *)dump.keys)[i];
		int there = instance_at(both, to, &from[key.instance % DPU_INTERCEPT_INSTANCES]);

		key.instance = there;
		if (there >= 0)
			err = mapio_add(both->to, MAP_icpt_verdicts, &key,
					(struct dpu_intercept_judged *)dump.values + i, diag);
		if (err > 0)
			err = 0;
	}
	map_dump_free(&dump);
	return err;
}

/* Of every chain of a location. */
static int tell_breakers(const struct dataplane *dp, const struct dpu_intercept_state *states, struct diag *diag)
{
	size_t size;
	struct dpu_intercept_chains *chains = mapio_mmap(dp, MAP_icpt_chains, true, &size);

	if (!chains)
		return diag_error(diag, -errno, NULL, "cannot map the intercept tables of %s: %s", dataplane_node(dp),
				  strerror(errno));
	for (size_t i = 0; i < DPU_INTERCEPT_PORTS * DPU_INTERCEPT_DIRECTIONS; i++)
		slotcopy_tell_breakers(&chains->chain[i], states);
	mapio_munmap(chains, size);
	return 0;
}

static int copy_places(struct both *both, const struct dpu_intercept_state *from, struct dpu_intercept_state *to,
		       struct diag *diag)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < DPU_INTERCEPT_INSTANCES; i++) {
		int there = instance_at(both, to, &from[i]);

		if (there >= 0)
			err = copy_place(both, i, &from[i], &to[there], diag);
	}
	if (!err)
		err = tell_breakers(both->to, to, diag);
	return err ? err : copy_verdicts(both, from, to, diag);
}

static int copy_all(struct both *both, struct diag *diag)
{
	size_t from_size, to_size;
	struct dpu_intercept_state *from = mapio_mmap(both->from, MAP_icpt_state, false, &from_size);
	struct dpu_intercept_state *to = mapio_mmap(both->to, MAP_icpt_state, true, &to_size);
	int err = from && to ? 0 : -ENOMEM;

	if (!err) {
		find_moving(both, from, to);
		err = each_slot_map(both->from, copy_one, both, diag);
	}
	if (!err)
		err = copy_places(both, from, to, diag);
	mapio_munmap(from, from_size);
	mapio_munmap(to, to_size);
	return err;
}

int slotcopy_run(const struct dataplane *from, uint16_t vnic_from, const struct dataplane *to, uint16_t vnic_to,
		 struct slotcopy **copy, struct diag *diag)
{
	struct both both = {.from = from, .to = to, .vnic_from = vnic_from, .vnic_to = vnic_to};

	if (!dataplane_has_slots(from) || !dataplane_has_slots(to))
		return 0;
	if (!*copy)
		*copy = calloc(1, sizeof(**copy));
	if (!*copy)
		return -ENOMEM;
	both.copy = *copy;
	dataplane_slots_linked(from, &both.linked_from);
	dataplane_slots_linked(to, &both.linked_to);
	return copy_all(&both, diag);
}

void slotcopy_free(struct slotcopy *copy)
{
	for (size_t i = 0; copy && i < copy->n_maps; i++)
		free(copy->maps[i].entries.bytes);
	if (copy)
		free(copy->maps);
	free(copy);
}

/* ---- clearing --------------------------------------------------------------------- */

static int clear_one(void *arg, unsigned number, const char *name, struct diag *diag)
{
	const struct dataplane *dp = arg;
	struct slotmap map;
	int err;

	if (slotmap_open(dp, number, name, &map))
		return 0;
	err = clear_map(&map);
	slotmap_close(&map);
	return err ? diag_error(diag, err, NULL, "cannot clear map %s of slot %u: %s", name, number, strerror(-err)) : 0;
}

static void forget(struct dpu_intercept_state *state)
{
	struct dpu_intercept_state kept = {.port = state->port, .direction = state->direction};

	memcpy(kept.slot, state->slot, sizeof(kept.slot));
	kept.queued = state->queued; /* of the ring, which stays */
	kept.taken = state->taken;
	*state = kept;
}

int slotcopy_clear_counts(const struct dataplane *dp, uint32_t instance, struct diag *diag)
{
	uint64_t *counts;
	size_t cpus;
	int err = mapio_per_cpu(dp, MAP_icpt_counts, instance, COUNTS, &counts, &cpus, diag);

	if (err)
		return err;
	memset(counts, 0, cpus * COUNTS * sizeof(*counts));
	err = mapio_put(dp, MAP_icpt_counts, &instance, counts, diag);
	free(counts);
	return err;
}

int slotcopy_clear_verdicts(const struct dataplane *dp, uint32_t instance, struct diag *diag)
{
	struct map_dump dump;
	int err = mapio_dump(dp, MAP_icpt_verdicts, sizeof(struct dpu_intercept_key),
			     sizeof(struct dpu_intercept_judged), &dump, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++) {
		const struct dpu_intercept_key *key = (const struct dpu_intercept_key *)dump.keys + i;

		if (key->instance == instance)
			err = mapio_delete(dp, MAP_icpt_verdicts, key, diag);
	}
	map_dump_free(&dump);
	return err;
}

int slotcopy_clear(const struct dataplane *dp, uint16_t vnic, struct diag *diag)
{
	struct dpu_intercept_state *state;
	size_t size;
	int err = 0;

	if (!dataplane_has_slots(dp))
		return 0;
	if (!vnic)
		err = each_slot_map(dp, clear_one, (void *)dp, diag);
	state = mapio_mmap(dp, MAP_icpt_state, true, &size);
	if (!err && !state)
		err = -ENOMEM;
	for (uint32_t i = 0; !err && i < DPU_INTERCEPT_INSTANCES; i++) {
		if (!state[i].slot[0] || (vnic && state[i].port != vnic))
			continue;
		err = slotcopy_clear_counts(dp, i, diag);
		if (!err)
			err = slotcopy_clear_verdicts(dp, i, diag);
		forget(&state[i]);
	}
	if (!err)
		err = tell_breakers(dp, state, diag);
	mapio_munmap(state, size);
	return err;
}
