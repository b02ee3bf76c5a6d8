/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The load-time constants of programs: set before they are loaded, read back from those that run. */
#include "dataplane_load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dpulab/pmd.h>
#include <dpulab/settings.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM_MAPS 64 /* a program's; more than there are */

/* Where a variable lies in a section's data, by its BTF; NULL if it does not. */
static void *variable(const struct btf *btf, void *data, size_t size, const char *name)
{
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, id);

	for (int i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *info = btf_var_secinfos(section) + i;
		const struct btf_type *var = btf__type_by_id(btf, info->type);

		if (!strcmp(btf__name_by_offset(btf, var->name_off), name) && info->offset + info->size <= size)
			return (char *)data + info->offset;
	}
	return NULL;
}

static bool is_rodata(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && !strcmp(dot, ".rodata");
}

int dataplane_set_constant(struct bpf_object *object, const char *name, const void *value, size_t size)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		size_t all;
		void *data = is_rodata(bpf_map__name(map)) ? (void *)bpf_map__initial_value(map, &all) : NULL;
		void *found = data ? variable(bpf_object__btf(object), data, all, name) : NULL;

		if (!found)
			continue;
		memcpy(found, value, size);
		return 0;
	}
	return -ENOENT;
}

/* The constants in one map of a program, if it is that of its constants. */
static int settings_in(int fd, struct dpu_settings *ret_settings)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info), zero = 0;
	struct btf *btf;
	void *data, *found = NULL;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || !is_rodata(info.name))
		return -ENOENT;
	data = calloc(1, info.value_size);
	btf = btf__load_from_kernel_by_id(info.btf_id);
	if (data && btf && !bpf_map_lookup_elem(fd, &zero, data))
		found = variable(btf, data, info.value_size, "settings");
	if (found)
		memcpy(ret_settings, found, sizeof(*ret_settings));
	btf__free(btf);
	free(data);
	return found ? 0 : -EINVAL;
}

int dataplane_read_settings(const struct dataplane *dp, struct dpu_settings *ret_settings)
{
	struct bpf_prog_info info = {};
	__u32 ids[PROGRAM_MAPS], size = sizeof(info);
	int err = -ENOENT;

	if (dataplane_pmd(dp)) {
		*ret_settings = dataplane_pmd(dp)->settings;
		return 0;
	}
	info.map_ids = (uintptr_t)ids;
	info.nr_map_ids = PROGRAM_MAPS;
	if (bpf_obj_get_info_by_fd(dataplane_prog_fd(dp, DATAPLANE_TC), &info, &size))
		return -errno;
	for (__u32 i = 0; err == -ENOENT && i < info.nr_map_ids && i < PROGRAM_MAPS; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		err = settings_in(fd, ret_settings);
		close(fd);
	}
	return err;
}

bool dataplane_has_features(const struct dataplane *dp, const struct lab *lab)
{
	struct dpu_settings now, wanted;

	if (dataplane_read_settings(dp, &now))
		return false;
	wanted = now;
	dataplane_features(lab, &wanted);
	return !memcmp(&now, &wanted, sizeof(now));
}
