// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * kernel.c - the datapath's XDP and TC programs, loaded once with and once
 * without flow cache, run by BPF_PROG_TEST_RUN. As in a lab, the two programs
 * of an instance share one set of maps.
 */
#include "backend.h"
#include "dataplane_load.h"
#include "directmaps.h"
#include "slotcc.h"
#include "slotlink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "dpulab_xdp.skel.h"
#include "dpulab_tc.skel.h"

#define HEADROOM 64 /* room for an outer header and a tag in data_out */

struct instance {
	struct bpf_object *object[2]; /* by hook: XDP, TC */
	char error[256]; /* why it could not be loaded */
	bool tried;
};

#define WITH_SLOT BACKEND_KINDS
static struct instance instances[2][BACKEND_KINDS + 1]; /* by backend_strict, kind; with a slot, without options */
static struct instance *current;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static void shrink_maps(struct bpf_object *object, enum backend_kind kind)
{
	const struct backend_sizes size = backend_sizes(kind);
	const struct {
		const char *map;
		__u32 entries;
	} sizes[] = {
		{"flow_sets", size.flow_sets},
		{"flow_info", size.flow_sets},
		{"ct_clock", size.ct_clock},
		{"ct_windows", size.ct_clock},
		{"held", BACKEND_HELD},
		{"conntrack", size.ct_entries},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, sizes[i].map);

		if (map)
			bpf_map__set_max_entries(map, sizes[i].entries);
	}
}

/* The slot that is linked into the third instance: C text. */
static const char *slot_source;

/* Another slot takes the place of the one before. */
void backend_slot(const char *source)
{
	static const char *linked;
	struct instance *instance = &instances[false][WITH_SLOT];

	slot_source = source;
	if (!source || source == linked)
		return;
	bpf_object__close(instance->object[DPU_HOOK_XDP]);
	bpf_object__close(instance->object[DPU_HOOK_TC]);
	*instance = (struct instance){};
	linked = source;
}

bool backend_compiler(void)
{
	return !system("command -v clang >/dev/null 2>&1");
}

static int make_slot(const char *folder, char *object)
{
	char path[64];
	struct lab_slot slot = {.name = "slot", .source = path};
	struct slotobj found;
	FILE *file;
	int err;

	sprintf(path, "%s/slot.c", folder);
	sprintf(object, "%s/slot.o", folder);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fputs(slot_source, file);
	fclose(file);
	err = slotcc_make(&slot, NULL, object, &found, NULL);
	unlink(path);
	return err;
}

static int open_linked(bool xdp, struct bpf_object **ret_object)
{
	char folder[] = "/tmp/prog-slot-XXXXXX", object[64], *linked;
	const char *paths[DPU_INTERCEPT_SLOTS] = {object};
	const __u32 one = 1;
	int err;

	if (!mkdtemp(folder))
		return -errno;
	err = make_slot(folder, object);
	if (!err)
		err = slotlink_run(xdp, paths, DPU_INTERCEPT_SLOTS, &linked, NULL);
	unlink(object);
	rmdir(folder);
	if (err)
		return err;
	libbpf_set_print(quiet);
	*ret_object = bpf_object__open_file(linked, NULL);
	slotlink_remove(linked);
	return *ret_object ? dataplane_set_constant(*ret_object, "icpt_slots", &one, sizeof(one)) : -errno;
}

static int open_object(struct instance *instance, enum dpu_hook hook)
{
	const void *bytes;
	size_t size;

	if (slot_source)
		return open_linked(hook == DPU_HOOK_XDP, &instance->object[hook]);
	bytes = hook == DPU_HOOK_XDP ? dpulab_xdp__elf_bytes(&size) : dpulab_tc__elf_bytes(&size);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = hook == DPU_HOOK_XDP ? "dpulab_xdp" : "dpulab_tc");
	instance->object[hook] = bpf_object__open_mem(bytes, size, &opts);
	return instance->object[hook] ? 0 : -errno;
}

static int load(struct instance *instance, enum backend_kind kind)
{
	const struct dpu_settings settings = backend_settings(kind);
	int err = directmaps_init();

	for (enum dpu_hook hook = DPU_HOOK_XDP; !err && hook <= DPU_HOOK_TC; hook++) {
		err = open_object(instance, hook);
		if (!err)
			err = dataplane_set_constant(instance->object[hook], "settings", &settings, sizeof(settings));
		if (err)
			break;
		shrink_maps(instance->object[hook], kind);
		err = directmaps_size_flows(instance->object[hook], backend_sizes(kind).flow_sets * DPU_FLOW_WAYS);
	}
	if (!err)
		err = bpf_object__load(instance->object[DPU_HOOK_XDP]);
	if (!err)
		err = dataplane_share_maps(instance->object[DPU_HOOK_XDP], instance->object[DPU_HOOK_TC]);
	return err ? err : bpf_object__load(instance->object[DPU_HOOK_TC]);
}

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(current->object[DPU_HOOK_XDP], name);
}

static struct bpf_map *map_of(const char *name)
{
	return bpf_object__find_map_by_name(current->object[DPU_HOOK_XDP], name);
}

static int lookup(const char *name, const void *key, void *value)
{
	struct bpf_map *map = map_of(name);
	size_t size = bpf_map__value_size(map), words = size / sizeof(__u64);
	int cpus = libbpf_num_possible_cpus(), err;
	__u64 *all, *sum = value;

	if (bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY)
		return bpf_map_lookup_elem(bpf_map__fd(map), key, value) ? -errno : 0;
	all = calloc(cpus, size);
	err = all && !bpf_map_lookup_elem(bpf_map__fd(map), key, all) ? 0 : -errno;
	memset(value, 0, size);
	for (int cpu = 0; !err && cpu < cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			sum[i] += all[cpu * words + i];
	free(all);
	return err;
}

static int update(const char *name, const void *key, const void *value)
{
	return bpf_map_update_elem(map_fd(name), key, value, BPF_ANY) ? -errno : 0;
}

static int erase(const char *name, const void *key)
{
	return bpf_map_delete_elem(map_fd(name), key) ? -errno : 0;
}

static int next_key(const char *name, const void *key, void *ret_key)
{
	return bpf_map_get_next_key(map_fd(name), key, ret_key) ? -errno : 0;
}

static void empty_hash(struct bpf_map *map)
{
	unsigned char key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		if (bpf_map_delete_elem(bpf_map__fd(map), key))
			return;
}

/* ---- rings ---------------------------------------------------------------- */

#define TAKEN_MAX 64
#define RECORD_MAX 128

/* What consuming a ring gave, to be handed out one by one. */
static struct {
	unsigned char record[TAKEN_MAX][RECORD_MAX];
	size_t size, n, next;
} taken;

static int keep_record(void *arg, void *data, size_t size)
{
	(void)arg;
	if (taken.n == TAKEN_MAX || size > RECORD_MAX)
		return 0;
	memcpy(taken.record[taken.n++], data, size);
	taken.size = size;
	return 0;
}

static int consume(const char *ring)
{
	struct ring_buffer *reader = ring_buffer__new(map_fd(ring), keep_record, NULL, NULL);
	int n = reader ? ring_buffer__consume(reader) : -errno;

	ring_buffer__free(reader);
	return n;
}

static int take(const char *ring, void *record)
{
	if (taken.next == taken.n) {
		taken.next = taken.n = 0;
		if (consume(ring) < 0)
			return -errno;
	}
	if (taken.next == taken.n)
		return -ENOENT;
	memcpy(record, taken.record[taken.next++], taken.size);
	return 0;
}

/* How many entries of an array the cases can have touched. */
static __u32 used_entries(const struct bpf_map *map)
{
	static const struct {
		const char *map;
		__u32 used;
	} bounds[] = {
		{"port_by_ifindex", 0}, /* entries stay right: devices do not change */
		{"dfw_cells", 0},	/* only cells of a policy are read, and those were written */
		{"scratch", 0},		/* filled by each frame */
		{"answer_buffer", 0},	/* the same */
		{"fragments", 4 * DPU_FRAGMENT_SETS}, /* ports 16 to 19 */
		{"held_index", 4},		      /* the same */
		{"frame_buffer", 0},
		{"ports", 1024},
		{"port_stats", 1024},
		{"segments", 8},
		{"vteps", 8},
	};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		if (!strcmp(bpf_map__name(map), bounds[i].map))
			return bounds[i].used;
	return bpf_map__max_entries(map);
}

/* mmapable maps are zeroed through memory: thousands of entries without a call each. */
static void zero_mapped(struct bpf_map *map)
{
	size_t size = (size_t)used_entries(map) * bpf_map__value_size(map);
	void *memory;

	if (!size)
		return;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return;
	memset(memory, 0, size);
	munmap(memory, size);
}

static void zero_array(struct bpf_map *map)
{
	__u32 n = used_entries(map), *keys = calloc(n + 1, sizeof(*keys));
	size_t copies = bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY ? libbpf_num_possible_cpus() : 1;
	void *zeros = calloc(n + 1, (bpf_map__value_size(map) + 7) / 8 * 8 * copies);

	for (__u32 i = 0; keys && i < n; i++)
		keys[i] = i;
	if (keys && zeros && n)
		bpf_map_update_batch(bpf_map__fd(map), keys, zeros, &n, NULL);
	free(zeros);
	free(keys);
}

static void reset(void)
{
	struct bpf_map *map;

	consume("dfw_log");
	taken.next = taken.n = 0;
	bpf_object__for_each_map(map, current->object[DPU_HOOK_XDP]) {
		if (bpf_map__is_internal(map))
			continue;
		if (bpf_map__type(map) == BPF_MAP_TYPE_HASH ||
		    bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
			empty_hash(map);
		else if (bpf_map__map_flags(map) & BPF_F_MMAPABLE)
			zero_mapped(map);
		else if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY ||
			 bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY)
			zero_array(map);
		else if (bpf_map__type(map) == BPF_MAP_TYPE_DEVMAP)
			for (size_t i = 0; i < n_device_ports; i++)
				bpf_map_delete_elem(bpf_map__fd(map), &(__u32){device_ports[i]});
	}
}

static int exits(struct dpu_exit_record *record)
{
	return lookup("exit_record", &(__u32){0}, record);
}

static int test_run(int prog_fd, struct bpf_test_run_opts *opts, struct backend_result *result)
{
	struct dpu_exit_record before = {0};
	int err = exits(&before);

	if (!err && bpf_prog_test_run_opts(prog_fd, opts))
		err = -errno;
	if (!err)
		err = exits(&result->exit);
	result->exit.count -= before.count;
	result->retval = opts->retval;
	result->frame.len = opts->data_size_out;
	result->n_copies = 0;
	return err;
}

static int run_xdp(const struct frame *in, __u16 port, __u32 gso_size, struct backend_result *result)
{
	struct xdp_md ctx = {.data_end = in->len, .ingress_ifindex = devices_ifindex(port)};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
		    .data_out = result->frame.data, .data_size_out = sizeof(result->frame.data),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (gso_size)
		return -EOPNOTSUPP;
	return test_run(bpf_program__fd(backend_program(DPU_HOOK_XDP)), &opts, result);
}

/* skb test runs refuse a frame that claims IP and ends inside the IP header. */
static bool has_l3_header(const struct frame *in)
{
	__u16 type = in->len >= 14 ? in->data[12] << 8 | in->data[13] : 0;

	return in->len >= 14 + (type == 0x0800 ? 20u : type == 0x86dd ? 40u : 0u);
}

static int run_tc(const struct frame *in, __u16 port, __u32 gso_size, struct backend_result *result)
{
	struct __sk_buff ctx = {
		.ifindex = devices_ifindex(port),
		.gso_size = gso_size,
		.gso_segs = gso_size ? 1 + (in->len - 1) / gso_size : 0,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
		    .data_out = result->frame.data, .data_size_out = sizeof(result->frame.data),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (!has_l3_header(in))
		return -EOPNOTSUPP;
	return test_run(bpf_program__fd(backend_program(DPU_HOOK_TC)), &opts, result);
}

/* The two instances share these operations: `current` is set by backend_kernel(). */
static const struct backend backends[2] = {
	{"xdp", DPU_HOOK_XDP, run_xdp, lookup, update, erase, next_key, take, reset, NULL},
	{"tc", DPU_HOOK_TC, run_tc, lookup, update, erase, next_key, take, reset, NULL},
};

const struct backend *backend_kernel(enum dpu_hook hook, enum backend_kind kind, const char **ret_reason)
{
	struct instance *instance = slot_source ? &instances[false][WITH_SLOT] : &instances[backend_strict][kind];
	int err;

	if (!instance->tried) {
		instance->tried = true;
		libbpf_set_print(quiet);
		err = load(instance, kind);
		if (err)
			snprintf(instance->error, sizeof(instance->error),
				 "the programs do not load: %s", strerror(-err));
	}
	if (*instance->error) {
		*ret_reason = instance->error;
		return NULL;
	}
	current = instance;
	return &backends[hook];
}

const struct bpf_program *backend_program(enum dpu_hook hook)
{
	return bpf_object__next_program(current->object[hook], NULL);
}

unsigned long backend_verified_insns(enum dpu_hook hook)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(backend_program(hook)), &info, &size) ? 0 : info.verified_insns;
}
