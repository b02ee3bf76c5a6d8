/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mapio.h"

#include <dpulab/flow.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "op.h"
#include "shtab.h"

#define BATCH	   1024 /* entries of one system call; more than any hash bucket holds */
#define VALUE_MAX  sizeof(struct dpu_segment)
#define ARRAY_STEP 8 /* the kernel rounds array values up to this */

static int map_error(struct diag *diag, int err, const struct dataplane *dp, enum dataplane_map map,
		     const char *verb)
{
	const char *hint = err == -E2BIG || err == -ENOSPC
				   ? "the table is full: raise its size in the lab file, `down` and `up`"
				   : NULL;

	return diag_error(diag, err, hint, "cannot %s table %s of %s: %s", verb, dataplane_map_name(map),
			  dataplane_node(dp), strerror(-err));
}

/* A table of the kernel, or one in memory that a poll-mode process shares. */
static int update(const struct dataplane *dp, enum dataplane_map map, const void *key, const void *value,
		  uint64_t flags)
{
	struct dpu_shtab *shared = dataplane_shared(dp, map);

	return shared ? shtab_update(shared, key, value, flags)
		      : bpf_map_update_elem(dataplane_map_fd(dp, map), key, value, flags);
}

int mapio_put(const struct dataplane *dp, enum dataplane_map map, const void *key, const void *value,
	      struct diag *diag)
{
	int err = update(dp, map, key, value, BPF_ANY);

	op_done();
	return err ? map_error(diag, err, dp, map, "write") : 0;
}

int mapio_put_changed(const struct dataplane *dp, enum dataplane_map map, const void *key,
		      const void *value, size_t value_size, struct diag *diag)
{
	char old[VALUE_MAX];
	int err;

	if (value_size > sizeof(old))
		return -EINVAL;
	if (mapio_get(dp, map, key, old) == 0 && memcmp(old, value, value_size) == 0)
		return 0;
	err = mapio_put(dp, map, key, value, diag);
	return err ? err : 1;
}

int mapio_get(const struct dataplane *dp, enum dataplane_map map, const void *key, void *ret_value)
{
	struct dpu_shtab *shared = dataplane_shared(dp, map);
	const void *found;

	if (!shared)
		return bpf_map_lookup_elem(dataplane_map_fd(dp, map), key, ret_value);
	found = shtab_lookup(shared, key);
	if (!found)
		return -ENOENT;
	memcpy(ret_value, found, shared->value_size);
	return 0;
}

int mapio_add(const struct dataplane *dp, enum dataplane_map map, const void *key, const void *value,
	      struct diag *diag)
{
	int err = update(dp, map, key, value, BPF_NOEXIST);

	op_done();
	if (err == -EEXIST)
		return 0;
	return err ? map_error(diag, err, dp, map, "write") : 1;
}

int mapio_delete(const struct dataplane *dp, enum dataplane_map map, const void *key, struct diag *diag)
{
	struct dpu_shtab *shared = dataplane_shared(dp, map);
	int err = shared ? shtab_delete(shared, key) : bpf_map_delete_elem(dataplane_map_fd(dp, map), key);

	op_done();
	return err && err != -ENOENT ? map_error(diag, err, dp, map, "delete from") : 0;
}

/* ---- arrays ------------------------------------------------------------- */

static uint32_t *consecutive(uint32_t first, uint32_t count)
{
	uint32_t *keys = calloc(count ? count : 1, sizeof(*keys));

	for (uint32_t i = 0; keys && i < count; i++)
		keys[i] = first + i;
	return keys;
}

int mapio_put_range(const struct dataplane *dp, enum dataplane_map map, uint32_t first, uint32_t count,
		    const void *values, struct diag *diag)
{
	uint32_t *keys = consecutive(first, count);
	__u32 n = count;
	int err = 0;

	if (!keys)
		return -ENOMEM;
	if (count)
		err = bpf_map_update_batch(dataplane_map_fd(dp, map), keys, values, &n, NULL);
	free(keys);
	op_done();
	return err ? map_error(diag, err, dp, map, "write") : 0;
}

int mapio_get_range(const struct dataplane *dp, enum dataplane_map map, uint32_t first, uint32_t count,
		    void *ret_values, struct diag *diag)
{
	uint32_t before = first - 1, last; /* a batch begins after the key it is given */
	uint32_t *keys;
	__u32 n = count;
	int err;

	if (count <= 1)
		return count && (err = mapio_get(dp, map, &first, ret_values))
			       ? map_error(diag, err, dp, map, "read")
			       : 0;
	keys = calloc(count, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	err = bpf_map_lookup_batch(dataplane_map_fd(dp, map), first ? &before : NULL, &last, keys, ret_values,
				   &n, NULL);
	free(keys);
	if (err == -ENOENT && n == count) /* that was also the end of the map */
		err = 0;
	return err ? map_error(diag, err, dp, map, "read") : 0;
}

/* ---- hashes ------------------------------------------------------------- */

static int dump_grow(struct map_dump *dump, size_t key_size, size_t value_size)
{
	void *keys = realloc(dump->keys, (dump->n + BATCH) * key_size);
	void *values;

	if (!keys)
		return -ENOMEM;
	dump->keys = keys;
	values = realloc(dump->values, (dump->n + BATCH) * value_size);
	if (!values)
		return -ENOMEM;
	dump->values = values;
	return 0;
}

/* In memory an entry is copied while it is in use; sizes are the table's own. */
static int dump_shared(const struct dpu_shtab *table, struct map_dump *ret_dump)
{
	struct map_dump dump = {};

	dump.keys = calloc(table->entries + 1u, table->key_size);
	dump.values = calloc(table->entries + 1u, table->value_size);
	if (!dump.keys || !dump.values) {
		map_dump_free(&dump);
		return -ENOMEM;
	}
	for (uint32_t at = 0; at < table->entries; at++)
		dump.n += shtab_copy(table, at, (char *)dump.keys + dump.n * table->key_size,
				     (char *)dump.values + dump.n * table->value_size);
	*ret_dump = dump;
	return 0;
}

int mapio_dump(const struct dataplane *dp, enum dataplane_map map, size_t key_size, size_t value_size,
	       struct map_dump *ret_dump, struct diag *diag)
{
	const struct dpu_shtab *shared = dataplane_shared(dp, map);
	struct map_dump dump = {};
	__u64 cursor = 0; /* opaque; hash maps use four bytes */
	bool started = false;
	__u32 n;
	int err;

	if (shared)
		return dump_shared(shared, ret_dump);
	do {
		err = dump_grow(&dump, key_size, value_size);
		if (err)
			break;
		n = BATCH;
		err = bpf_map_lookup_batch(dataplane_map_fd(dp, map), started ? &cursor : NULL, &cursor,
					   (char *)dump.keys + dump.n * key_size,
					   (char *)dump.values + dump.n * value_size, &n, NULL);
		started = true;
		if (!err || err == -ENOENT)
			dump.n += n;
	} while (!err);
	if (err != -ENOENT) { /* -ENOENT: that was the last batch */
		map_dump_free(&dump);
		return map_error(diag, err, dp, map, "read");
	}
	*ret_dump = dump;
	return 0;
}

void map_dump_free(struct map_dump *dump)
{
	free(dump->keys);
	free(dump->values);
	memset(dump, 0, sizeof(*dump));
}

/* ---- per-CPU counters --------------------------------------------------- */

int mapio_per_cpu(const struct dataplane *dp, enum dataplane_map map, uint32_t key, size_t n,
		  uint64_t **ret_counters, size_t *ret_cpus, struct diag *diag)
{
	int cpus = dataplane_pmd(dp) ? 1 : libbpf_num_possible_cpus(), err;
	uint64_t *counters;

	if (cpus < 0)
		return map_error(diag, cpus, dp, map, "count the CPUs for");
	counters = calloc((size_t)cpus * n, sizeof(*counters));
	if (!counters)
		return -ENOMEM;
	err = mapio_get(dp, map, &key, counters);
	if (err) {
		free(counters);
		return map_error(diag, err, dp, map, "read");
	}
	*ret_counters = counters;
	*ret_cpus = (size_t)cpus;
	return 0;
}

int mapio_sum(const struct dataplane *dp, enum dataplane_map map, uint32_t key, uint64_t *ret_counters,
	      size_t n, struct diag *diag)
{
	uint64_t *counters;
	size_t cpus;
	int err = mapio_per_cpu(dp, map, key, n, &counters, &cpus, diag);

	if (err)
		return err;
	memset(ret_counters, 0, n * sizeof(*ret_counters));
	for (size_t i = 0; i < cpus * n; i++)
		ret_counters[i % n] += counters[i];
	free(counters);
	return 0;
}

/* ---- memory-mapped arrays ----------------------------------------------- */

uint32_t mapio_entries(const struct dataplane *dp, enum dataplane_map map)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(dataplane_map_fd(dp, map), &info, &size) ? 0 : info.max_entries;
}

void *mapio_mmap(const struct dataplane *dp, enum dataplane_map map, bool write, size_t *ret_size)
{
	struct bpf_map_info info = {};
	__u32 info_size = sizeof(info);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	void *address;

	if (bpf_obj_get_info_by_fd(dataplane_map_fd(dp, map), &info, &info_size))
		return NULL;
	size = ((size_t)info.value_size + ARRAY_STEP - 1) / ARRAY_STEP * ARRAY_STEP * info.max_entries;
	size = (size + page - 1) / page * page;
	address = mmap(NULL, size, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED,
		       dataplane_map_fd(dp, map), 0);
	if (address == MAP_FAILED)
		return NULL;
	*ret_size = size;
	return address;
}

void *mapio_map_part(const struct dataplane *dp, enum dataplane_map map, uint32_t first, uint32_t n, struct map_part *ret_part)
{
	struct bpf_map_info info = {};
	__u32 info_size = sizeof(info);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), value, from, to;
	void *address;

	if (bpf_obj_get_info_by_fd(dataplane_map_fd(dp, map), &info, &info_size))
		return NULL;
	value = ((size_t)info.value_size + ARRAY_STEP - 1) / ARRAY_STEP * ARRAY_STEP;
	from = first * value / page * page;
	to = ((size_t)first + n) * value;
	address = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_SHARED, dataplane_map_fd(dp, map), (off_t)from);
	if (address == MAP_FAILED)
		return NULL;
	*ret_part = (struct map_part){address, to - from};
	return (char *)address + (first * value - from);
}

void mapio_unmap_part(struct map_part *part)
{
	if (part->address)
		munmap(part->address, part->size);
	*part = (struct map_part){0};
}

void mapio_munmap(void *address, size_t size)
{
	if (address)
		munmap(address, size);
}

void mapio_bump(const struct dataplane *dp, uint16_t slot)
{
	struct dpu_generations *generations = dataplane_generations(dp);
	struct dpu_control *control = dataplane_control(dp);

	if (!generations || !control || !slot)
		return;
	__atomic_fetch_add(&generations->counter[slot], 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&control->epoch, 2, __ATOMIC_SEQ_CST);
}
