/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "shtab.h"
#include "suite.h"

#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct key {
	uint32_t a, b;
};

static struct dpu_shtab *table_of(uint32_t entries, bool evicts)
{
	struct shtab_shape shape = {sizeof(struct key), sizeof(uint64_t), entries, evicts};
	struct dpu_shtab *table = aligned_alloc(64, (shtab_size(&shape) + 63) & ~(size_t)63);

	memset(table, 0, shtab_size(&shape));
	shtab_format(table, &shape, 0x1234567);
	return table;
}

static uint64_t value_at(struct dpu_shtab *table, struct key key)
{
	uint64_t *value = shtab_lookup(table, &key);

	return value ? *value : 0;
}

static void test_like_a_bpf_hash(void)
{
	struct dpu_shtab *table = table_of(4, false);
	struct key key = {1, 2};
	uint64_t value = 7;

	CU_ASSERT_PTR_NULL(shtab_lookup(table, &key));
	CU_ASSERT_EQUAL(shtab_update(table, &key, &value, BPF_EXIST), -ENOENT);
	CU_ASSERT_EQUAL(shtab_update(table, &key, &value, BPF_NOEXIST), 0);
	CU_ASSERT_EQUAL(shtab_update(table, &key, &value, BPF_NOEXIST), -EEXIST);
	value = 8;
	CU_ASSERT_EQUAL(shtab_update(table, &key, &value, BPF_ANY), 0);
	CU_ASSERT_EQUAL(value_at(table, key), 8);
	for (uint32_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(shtab_update(table, &(struct key){9, i}, &value, BPF_ANY), 0);
	CU_ASSERT_EQUAL(shtab_update(table, &(struct key){9, 9}, &value, BPF_ANY), -E2BIG);
	CU_ASSERT_EQUAL(shtab_delete(table, &key), 0);
	CU_ASSERT_EQUAL(shtab_delete(table, &key), -ENOENT);
	CU_ASSERT_EQUAL(shtab_update(table, &(struct key){9, 9}, &value, BPF_ANY), 0);
	CU_ASSERT_EQUAL(table->used, 4);
	free(table);
}

/* Against a plain array, at random: what is in, what is not, how many. */
static void test_random_walk(void)
{
	struct dpu_shtab *table = table_of(300, false);
	uint64_t model[512] = {};
	uint32_t n = 0;

	srandom(5);
	for (int step = 0; step < 200000; step++) {
		uint32_t at = (uint32_t)random() % 512;
		struct key key = {at, at * 7};
		uint64_t value = (uint64_t)random() + 1;

		if (random() % 2) {
			int err = shtab_update(table, &key, &value, BPF_ANY);

			CU_ASSERT_EQUAL(err, model[at] || n < 300 ? 0 : -E2BIG);
			n += !err && !model[at];
			model[at] = err ? model[at] : value;
		} else {
			CU_ASSERT_EQUAL(shtab_delete(table, &key), model[at] ? 0 : -ENOENT);
			n -= !!model[at];
			model[at] = 0;
		}
		CU_ASSERT_EQUAL(table->used, n);
		CU_ASSERT_EQUAL(value_at(table, key), model[at]);
	}
	for (uint32_t at = 0; at < 512; at++)
		CU_ASSERT_EQUAL(value_at(table, (struct key){at, at * 7}), model[at]);
	free(table);
}

static void test_full_and_evicting(void)
{
	struct dpu_shtab *table = table_of(64, true);

	for (uint64_t i = 1; i <= 1000; i++) {
		CU_ASSERT_EQUAL(shtab_update(table, &(struct key){(uint32_t)i, 0}, &i, BPF_ANY), 0);
		CU_ASSERT_EQUAL(value_at(table, (struct key){(uint32_t)i, 0}), i);
	}
	CU_ASSERT_EQUAL(table->used, 64);
	free(table);
}

struct race {
	struct dpu_shtab *table;
	bool stop;
	unsigned long missed, wrong, reads;
};

/* Keys 0 to 31 are always there, whatever happens to the others. */
static void *read_on(void *arg)
{
	struct race *race = arg;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED))
		for (uint32_t i = 0; i < 32; i++) {
			uint64_t *value = shtab_lookup(race->table, &(struct key){i, i});

			race->reads++;
			race->missed += !value;
			race->wrong += value && *value != i + 1000;
		}
	return NULL;
}

static void test_readers_lose_nothing(void)
{
	struct race race = {.table = table_of(128, false)};
	uint64_t value;
	pthread_t reader;

	for (uint32_t i = 0; i < 32; i++) {
		value = i + 1000;
		shtab_update(race.table, &(struct key){i, i}, &value, BPF_ANY);
	}
	pthread_create(&reader, NULL, read_on, &race);
	srandom(6);
	for (int step = 0; step < 300000; step++) {
		struct key key = {100 + (uint32_t)random() % 200, 1};

		value = 1;
		if (random() % 2)
			shtab_update(race.table, &key, &value, BPF_ANY);
		else
			shtab_delete(race.table, &key);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
	CU_ASSERT(race.reads > 0);
	CU_ASSERT_EQUAL(race.missed, 0);
	CU_ASSERT_EQUAL(race.wrong, 0);
	free(race.table);
}

/* A writer killed with the lock in its hand and an entry in no list: the next writer goes on, and nothing is lost. */
static void test_killed_writer(void)
{
	struct shtab_shape shape = {sizeof(struct key), sizeof(uint64_t), 8, false};
	struct dpu_shtab *table = mmap(NULL, shtab_size(&shape), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t value = 3;
	pid_t child;

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(table, MAP_FAILED);
	shtab_format(table, &shape, 99);
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(shtab_update(table, &(struct key){i, i}, &value, BPF_ANY), 0);
	child = fork();
	if (!child) {
		table->lock = (uint32_t)getpid();
		table->free = table->free % 8 + 1; /* one taken off, and put nowhere */
		_exit(0);
	}
	waitpid(child, NULL, 0);
	for (uint32_t i = 4; i < 8; i++)
		CU_ASSERT_EQUAL(shtab_update(table, &(struct key){i, i}, &value, BPF_ANY), 0);
	CU_ASSERT_EQUAL(shtab_update(table, &(struct key){8, 8}, &value, BPF_ANY), -E2BIG);
	for (uint32_t i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(value_at(table, (struct key){i, i}), 3);
	CU_ASSERT_EQUAL(table->lock, 0);
	munmap(table, shtab_size(&shape));
}

SUITE(shtab, {"like a BPF hash", test_like_a_bpf_hash}, {"random walk against an array", test_random_walk},
      {"full, and evicting", test_full_and_evicting}, {"readers beside a writer lose nothing", test_readers_lose_nothing},
      {"a killed writer", test_killed_writer});
