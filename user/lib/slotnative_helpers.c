/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel does for a slot that calls its helpers. */
#include "slotnative.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "monotonic.h"
#include "slotmap.h"

#define JIFFIES_BEFORE_WRAP_S 300 /* the kernel's count begins so long before it passes 32 bits */

static uint64_t coarse_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* As the kernel's, to a tick or so: both count from when the machine came up. */
static uint64_t jiffies(void)
{
	static uint64_t tick_ns;
	struct timespec tick;

	if (!tick_ns && !clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		tick_ns = (uint64_t)tick.tv_sec * 1000000000ull + (uint64_t)tick.tv_nsec;
	if (!tick_ns)
		return 0;
	return (uint32_t)(-(JIFFIES_BEFORE_WRAP_S * (1000000000ull / tick_ns))) + coarse_ns() / tick_ns;
}

/* splitmix64, from a clock: no secret is made of it. */
static uint32_t random_bits(void)
{
	static uint64_t state;
	uint64_t z;

	if (!state)
		state = monotonic_ns();
	z = state += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(z ^ z >> 31);
}

/* RFC 1071, of words as they lie in memory. */
static uint64_t sum_words(const uint8_t *bytes, uint32_t size, uint32_t flip)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i + 4 <= size; i += 4) {
		uint32_t word;

		memcpy(&word, bytes + i, 4);
		sum += word ^ flip;
	}
	return sum;
}

/* bpf_csum_diff(): as the kernel folds it, a sum of 32 bits. */
static uint64_t checksum_diff(const uint8_t *from, uint32_t from_size, const uint8_t *to, uint32_t to_size, uint32_t seed)
{
	uint64_t sum = seed;

	if ((from_size | to_size) & 3)
		return (uint64_t)-EINVAL;
	sum += sum_words(from, from_size, UINT32_MAX) + sum_words(to, to_size, 0);
	while (sum >> 32)
		sum = (uint32_t)sum + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16); /* csum_from32to16() */
	return (sum & 0xffff) + (sum >> 16);
}

/* What needs neither maps nor the frame. */
static uint64_t plain(uint32_t helper, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	switch (helper) {
	case BPF_FUNC_ktime_get_ns:
		return monotonic_ns();
	case BPF_FUNC_ktime_get_coarse_ns:
		return coarse_ns();
	case BPF_FUNC_jiffies64:
		return jiffies();
	case BPF_FUNC_get_prandom_u32:
		return random_bits();
	case BPF_FUNC_get_smp_processor_id:
		return (uint64_t)sched_getcpu();
	case BPF_FUNC_csum_diff:
		return checksum_diff((const uint8_t *)a, (uint32_t)b, (const uint8_t *)c, (uint32_t)d, (uint32_t)e);
	case BPF_FUNC_strncmp:
		return (uint64_t)(int64_t)strncmp((const char *)a, (const char *)c, (uint32_t)b);
	default:
		return (uint64_t)-EINVAL;
	}
}

/* ---- maps ---------------------------------------------------------------------- */

static size_t stride_of(const struct slotnative_map *map)
{
	return ((size_t)map->form->value_size + 7) / 8 * 8;
}

static uint64_t lookup(const struct slotnative_env *env, const struct slotnative_map *map, const void *key, uint32_t cpu)
{
	char *value = env->ops->lookup(map->table, key);
	const size_t at = slotmap_is_per_cpu(map->form->type) ? stride_of(map) * cpu : 0;

	return value && at < slotmap_value_size(map->form) ? (uint64_t)(value + at) : 0;
}

/* One CPU's value; those of the others are zero in an entry that is new. */
static uint64_t update_cpu(const struct slotnative_env *env, const struct slotnative_map *map, const void *key,
			   const void *value, uint64_t flags)
{
	char *all = env->ops->lookup(map->table, key), *zeros;
	long err = 0;

	if (all && flags == BPF_NOEXIST)
		return (uint64_t)-EEXIST;
	if (!all) {
		zeros = calloc(1, slotmap_value_size(map->form));
		err = zeros ? env->ops->update(map->table, key, zeros, flags) : -ENOMEM;
		free(zeros);
		all = err ? NULL : env->ops->lookup(map->table, key);
	}
	if (!all)
		return (uint64_t)(err ?: -ENOMEM);
	memcpy(all + stride_of(map) * (size_t)sched_getcpu(), value, map->form->value_size);
	return 0;
}

static uint64_t output(const struct slotnative_env *env, const struct slotnative_map *map, const void *data, uint64_t size)
{
	void *record = env->ops->reserve(map->table, size);

	if (!record)
		return (uint64_t)-EAGAIN;
	memcpy(record, data, size);
	env->ops->submit(record);
	return 0;
}

uint64_t slotnative_do(const struct slotnative_env *env, uint32_t helper, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		       uint64_t e)
{
	const struct slotnative_map *map = (const struct slotnative_map *)a;

	switch (helper) {
	case BPF_FUNC_skb_load_bytes:
		return (uint64_t)env->ops->load((void *)a, (uint32_t)b, (void *)c, (uint32_t)d);
	case BPF_FUNC_map_lookup_elem:
		return lookup(env, map, (const void *)b, slotmap_is_per_cpu(map->form->type) ? (uint32_t)sched_getcpu() : 0);
	case BPF_FUNC_map_lookup_percpu_elem:
		return lookup(env, map, (const void *)b, (uint32_t)c);
	case BPF_FUNC_map_update_elem:
		if (slotmap_is_per_cpu(map->form->type))
			return update_cpu(env, map, (const void *)b, (const void *)c, d);
		return (uint64_t)env->ops->update(map->table, (const void *)b, (const void *)c, d);
	case BPF_FUNC_map_delete_elem:
		return (uint64_t)env->ops->erase(map->table, (const void *)b);
	case BPF_FUNC_ringbuf_output:
		return output(env, map, (const void *)b, c);
	case BPF_FUNC_ringbuf_reserve:
		return (uint64_t)env->ops->reserve(map->table, b);
	case BPF_FUNC_ringbuf_submit:
		env->ops->submit((void *)a);
		return 0;
	case BPF_FUNC_ringbuf_discard:
		return 0;
	default:
		return plain(helper, a, b, c, d, e);
	}
}
