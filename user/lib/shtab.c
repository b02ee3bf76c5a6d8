/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "shtab.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS_BEFORE_ASKING 1000 /* whether the holder of the lock lives */
#define SEEN 2 /* in in_use, while collect() looks for entries that are in no list */

static uint32_t padded(uint32_t size)
{
	return (size + 7) & ~7u;
}

static uint32_t buckets_for(uint32_t entries)
{
	uint32_t buckets = 16;

	while (buckets < entries)
		buckets *= 2;
	return buckets;
}

static uint32_t entry_size(const struct shtab_shape *shape)
{
	return (uint32_t)sizeof(struct dpu_shtab_entry) + padded(shape->key_size) + padded(shape->value_size);
}

static size_t first_entry(uint32_t buckets)
{
	return (sizeof(struct dpu_shtab) + buckets * sizeof(uint32_t) + 63) & ~(size_t)63;
}

size_t shtab_size(const struct shtab_shape *shape)
{
	return first_entry(buckets_for(shape->entries)) + (size_t)shape->entries * entry_size(shape);
}

static struct dpu_shtab_entry *entry_at(const struct dpu_shtab *table, uint32_t at)
{
	return (void *)((char *)table + table->first_entry + (size_t)at * table->entry_size);
}

static void *value_of(const struct dpu_shtab *table, struct dpu_shtab_entry *entry)
{
	return entry->data + padded(table->key_size);
}

static uint32_t end_of(uint32_t bucket)
{
	return bucket << 1 | 1;
}

/* The link of a free entry: the end of no chain, so that a reader who is still there begins anew. */
static uint32_t free_link(uint32_t next)
{
	return 0x80000000u | next << 1 | 1;
}

static uint32_t next_free(uint32_t link)
{
	return (link & 0x7fffffffu) >> 1;
}

void shtab_format(struct dpu_shtab *table, const struct shtab_shape *shape, uint64_t seed)
{
	*table = (struct dpu_shtab){
		.key_size = shape->key_size,
		.value_size = shape->value_size,
		.entries = shape->entries,
		.buckets = buckets_for(shape->entries),
		.entry_size = entry_size(shape),
		.evicts = shape->evicts,
		.seed = seed | 1,
		.first_entry = first_entry(buckets_for(shape->entries)),
	};
	for (uint32_t i = 0; i < table->buckets; i++)
		table->bucket[i] = end_of(i);
	for (uint32_t i = table->entries; i--;) {
		*entry_at(table, i) = (struct dpu_shtab_entry){.next = free_link(table->free)};
		table->free = i + 1;
	}
}

/* Multiply and fold, by words; keys are whole words of 4 bytes. */
static uint32_t bucket_of(const struct dpu_shtab *table, const void *key)
{
	uint64_t hash = table->seed;
	const uint8_t *bytes = key;
	uint32_t word;

	for (uint32_t i = 0; i < table->key_size; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	hash *= table->seed;
	return (uint32_t)(hash >> 32) & (table->buckets - 1);
}

/* ---- the lock ------------------------------------------------------------ */

static uint32_t self(void)
{
	static __thread uint32_t tid;
	static __thread pid_t of; /* a fork is another thread */

	if (of != getpid()) {
		of = getpid();
		tid = (uint32_t)syscall(SYS_gettid);
	}
	return tid;
}

static bool is_gone(uint32_t tid)
{
	return kill((pid_t)tid, 0) && errno == ESRCH;
}

/* Entries that are in no chain are free; said anew after a writer was killed, while readers read. */
static void collect(struct dpu_shtab *table)
{
	table->free = 0;
	table->used = 0;
	for (uint32_t i = 0; i < table->entries; i++)
		entry_at(table, i)->in_use |= SEEN;
	for (uint32_t b = 0; b < table->buckets; b++)
		for (uint32_t at = table->bucket[b]; !(at & 1); at = entry_at(table, at >> 1)->next) {
			entry_at(table, at >> 1)->in_use = 1;
			table->used++;
		}
	for (uint32_t i = table->entries; i--;) {
		if (!(entry_at(table, i)->in_use & SEEN))
			continue;
		entry_at(table, i)->in_use = 0;
		entry_at(table, i)->next = free_link(table->free);
		table->free = i + 1;
	}
}

static void lock(struct dpu_shtab *table)
{
	uint32_t holder = 0, spins = 0;

	while (!__atomic_compare_exchange_n(&table->lock, &holder, self(), false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		if (++spins % SPINS_BEFORE_ASKING == 0 && is_gone(holder) &&
		    __atomic_compare_exchange_n(&table->lock, &holder, self(), false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED)) {
			collect(table);
			return;
		}
		if (spins % SPINS_BEFORE_ASKING == 0)
			sched_yield(); /* the holder may wait for this CPU */
		holder = 0;
	}
}

static void unlock(struct dpu_shtab *table)
{
	__atomic_store_n(&table->lock, 0, __ATOMIC_RELEASE);
}

/* ---- chains ---------------------------------------------------------------- */

static bool has_key(const struct dpu_shtab *table, const struct dpu_shtab_entry *entry, const void *key)
{
	return !memcmp(entry->data, key, table->key_size);
}

static struct dpu_shtab_entry *find(const struct dpu_shtab *table, uint32_t bucket, const void *key)
{
	for (;;) {
		uint32_t at = __atomic_load_n(&table->bucket[bucket], __ATOMIC_ACQUIRE);

		while (!(at & 1)) {
			struct dpu_shtab_entry *entry = entry_at(table, at >> 1);

			if (has_key(table, entry, key) && __atomic_load_n(&entry->in_use, __ATOMIC_ACQUIRE))
				return entry;
			at = __atomic_load_n(&entry->next, __ATOMIC_ACQUIRE);
		}
		if (at == end_of(bucket))
			return NULL;
	}
}

void *shtab_lookup(struct dpu_shtab *table, const void *key)
{
	struct dpu_shtab_entry *entry = find(table, bucket_of(table, key), key);

	return entry ? value_of(table, entry) : NULL;
}

/* Takes an entry out of its chain; a reader on it goes on to where it led. */
static void unlink_entry(struct dpu_shtab *table, uint32_t bucket, uint32_t number)
{
	uint32_t *link = &table->bucket[bucket];
	struct dpu_shtab_entry *entry = entry_at(table, number);

	while (*link >> 1 != number || *link & 1)
		link = &entry_at(table, *link >> 1)->next;
	__atomic_store_n(link, entry->next, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->in_use, 0, __ATOMIC_RELEASE);
	table->used--;
}

static void put_free(struct dpu_shtab *table, uint32_t number)
{
	__atomic_store_n(&entry_at(table, number)->next, free_link(table->free), __ATOMIC_RELEASE);
	table->free = number + 1;
}

static uint32_t evict(struct dpu_shtab *table)
{
	for (;;) {
		uint32_t number = table->hand++ % table->entries;
		struct dpu_shtab_entry *entry = entry_at(table, number);

		if (!entry->in_use)
			continue;
		unlink_entry(table, bucket_of(table, entry->data), number);
		return number;
	}
}

/* -1: full. */
static int64_t take_free(struct dpu_shtab *table)
{
	uint32_t number = table->free - 1;

	if (!table->free)
		return table->evicts ? (int64_t)evict(table) : -1;
	table->free = next_free(entry_at(table, number)->next);
	return number;
}

static int insert(struct dpu_shtab *table, uint32_t bucket, const void *key, const void *value)
{
	int64_t number = take_free(table);
	struct dpu_shtab_entry *entry;

	if (number < 0)
		return -E2BIG;
	entry = entry_at(table, (uint32_t)number);
	memcpy(entry->data, key, table->key_size);
	memcpy(value_of(table, entry), value, table->value_size);
	__atomic_store_n(&entry->next, table->bucket[bucket], __ATOMIC_RELEASE);
	__atomic_store_n(&entry->in_use, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&table->bucket[bucket], (uint32_t)number << 1, __ATOMIC_RELEASE);
	table->used++;
	return 0;
}

int shtab_update(struct dpu_shtab *table, const void *key, const void *value, uint64_t flags)
{
	uint32_t bucket = bucket_of(table, key);
	struct dpu_shtab_entry *entry;
	int err = 0;

	lock(table);
	entry = find(table, bucket, key);
	if (entry && flags == BPF_NOEXIST)
		err = -EEXIST;
	else if (entry)
		memcpy(value_of(table, entry), value, table->value_size);
	else
		err = flags == BPF_EXIST ? -ENOENT : insert(table, bucket, key, value);
	unlock(table);
	return err;
}

int shtab_delete(struct dpu_shtab *table, const void *key)
{
	uint32_t bucket = bucket_of(table, key), number;
	struct dpu_shtab_entry *entry;

	lock(table);
	entry = find(table, bucket, key);
	if (entry) {
		number = (uint32_t)(((char *)entry - (char *)table - table->first_entry) / table->entry_size);
		unlink_entry(table, bucket, number);
		put_free(table, number);
	}
	unlock(table);
	return entry ? 0 : -ENOENT;
}

bool shtab_copy(const struct dpu_shtab *table, uint32_t at, void *ret_key, void *ret_value)
{
	struct dpu_shtab_entry *entry = entry_at(table, at);

	if (at >= table->entries || !__atomic_load_n(&entry->in_use, __ATOMIC_ACQUIRE))
		return false;
	memcpy(ret_key, entry->data, table->key_size);
	memcpy(ret_value, value_of(table, entry), table->value_size);
	return true;
}
