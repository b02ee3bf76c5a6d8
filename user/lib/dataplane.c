/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dataplane.h"
#include "dataplane_pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mapio.h"
#include "op.h"
#include "pmd_tables.h"

#define BPFFS		 "/sys/fs/bpf"
#define PIN_ENTRY_MAX	 4 /* depth of LAB/NODE/kind/name, for nftw */

struct dataplane {
	char lab[LAB_NAME_MAX];
	char node[NODE_NAME_MAX + 4];
	int map_fd[DATAPLANE_MAP_COUNT];
	int prog_fd[DATAPLANE_PROGS];
	struct dpu_generations *generations;
	struct dpu_control *control;
	size_t generations_size, control_size;
	struct dpu_pmd *pmd; /* of a poll-mode location; then hashes are in memory */
	struct dpu_shtab *shared[DATAPLANE_MAP_COUNT];
	size_t pmd_size, shared_size[DATAPLANE_MAP_COUNT];
};

static const enum dataplane_map hashes[] = {MAP_segment_by_wire, MAP_vtep_by_ip, MAP_fdb, MAP_conntrack, MAP_bindings,
					    MAP_dfw_bytes, MAP_icpt_verdicts};
#define N_HASHES (sizeof(hashes) / sizeof(*hashes))

static const char *const map_names[] = {
#define DATAPLANE_MAP_NAME(name) #name,
	DATAPLANE_MAPS(DATAPLANE_MAP_NAME) DATAPLANE_SLOT_MAPS(DATAPLANE_MAP_NAME)
#undef DATAPLANE_MAP_NAME
};

/* ---- names and paths ---------------------------------------------------- */

void location_node_name(const struct lab_host *host, enum node_location where,
			char ret_node[static NODE_NAME_MAX + 4])
{
	static const char *const suffixes[LOCATION_COUNT] = {"", "-dpu", "-pmd"};

	if (where == LOCATION_DPU && (host->active || lab_is_beside(host)))
		snprintf(ret_node, NODE_NAME_MAX + 4, "%.*s-dpu2", NODE_NAME_MAX - 2, host->node);
	else
		snprintf(ret_node, NODE_NAME_MAX + 4, "%s%s", host->name, suffixes[where]);
}

const char *dataplane_prog_name(enum dataplane_prog prog)
{
	return prog == DATAPLANE_XDP ? "xdp" : "tc";
}

void dataplane_pin_path(char ret_path[static PATH_MAX], const char *lab, const char *node,
		     const char *kind, const char *name)
{
	snprintf(ret_path, PATH_MAX, "%s/%s/%s/%s%s%s", DATAPLANE_PIN_ROOT, lab, node, kind,
		 name ? "/" : "", name ? name : "");
}

void dataplane_layout_path(char ret_path[static PATH_MAX], const char *lab, const char *node)
{
	char layout[32];

	snprintf(layout, sizeof(layout), "layout-%d", DPU_LAYOUT_VERSION);
	dataplane_pin_path(ret_path, lab, node, layout, NULL);
}

void dataplane_link_path(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
			 char ret_path[static PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%s", dataplane_prog_name(prog), dev);
	dataplane_pin_path(ret_path, dp->lab, dp->node, "links", name);
}

void dataplane_maps_path(const char *lab, const char *node, char ret_path[static PATH_MAX])
{
	dataplane_pin_path(ret_path, lab, node, "maps", NULL);
}

struct dpu_pmd *dataplane_pmd(const struct dataplane *dp)
{
	return dp->pmd;
}

struct dpu_shtab *dataplane_shared(const struct dataplane *dp, enum dataplane_map map)
{
	return dp->shared[map];
}

const char *dataplane_map_name(enum dataplane_map map)
{
	return map_names[map];
}

struct dpu_generations *dataplane_generations(const struct dataplane *dp)
{
	return dp->generations;
}

struct dpu_control *dataplane_control(const struct dataplane *dp)
{
	return dp->control;
}

int dataplane_map_fd(const struct dataplane *dp, enum dataplane_map map)
{
	return dp->map_fd[map];
}

int dataplane_prog_fd(const struct dataplane *dp, enum dataplane_prog prog)
{
	return dp->prog_fd[prog];
}

unsigned dataplane_prog_id(const struct dataplane *dp, enum dataplane_prog prog)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(dp->prog_fd[prog], &info, &size) ? 0 : info.id;
}

const char *dataplane_node(const struct dataplane *dp)
{
	return dp->node;
}

const char *dataplane_lab(const struct dataplane *dp)
{
	return dp->lab;
}

/* ---- the pin directories ------------------------------------------------ */

int dataplane_bpffs(struct diag *diag)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return diag_error(diag, -errno, "run it as root: `mount -t bpf bpf " BPFFS "`",
				  "cannot mount the BPF file system on " BPFFS ": %s", strerror(errno));
	return 0;
}

int dataplane_make_dir(const char *path, struct diag *diag)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return diag_error(diag, -errno, "is " BPFFS " a mounted BPF file system?",
				  "cannot make the pin directory %s: %s", path, strerror(errno));
	return 0;
}

int dataplane_make_dirs(const char *lab, const char *node, struct diag *diag)
{
	static const char *const kinds[] = {"", "maps", "progs", "links"};
	char path[PATH_MAX];
	int err = dataplane_make_dir(DATAPLANE_PIN_ROOT, diag);

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s", lab);
	if (!err)
		err = dataplane_make_dir(path, diag);
	for (size_t i = 0; !err && i < sizeof(kinds) / sizeof(*kinds); i++) {
		dataplane_pin_path(path, lab, node, kinds[i], NULL);
		err = dataplane_make_dir(path, diag);
	}
	return err;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path) && errno != ENOENT ? -errno : 0;
}

static int remove_tree(const char *path, struct diag *diag)
{
	int err = nftw(path, remove_entry, PIN_ENTRY_MAX, FTW_DEPTH | FTW_PHYS);

	if (err == -1)
		err = errno == ENOENT ? 0 : -errno;
	return err ? diag_error(diag, err, NULL, "cannot remove the pins %s: %s", path, strerror(-err)) : 0;
}

/* The layout mark goes first and the links next: whatever a kill leaves is seen as ruins, and no
 * program stays attached to tables that are gone. */
int dataplane_remove(const char *lab, const char *node, struct diag *diag)
{
	char path[PATH_MAX];
	int err;

	dataplane_pin_path(path, lab, node, "", NULL);
	if (access(path, F_OK))
		return 0;
	dataplane_layout_path(path, lab, node);
	rmdir(path);
	op_done();
	dataplane_pin_path(path, lab, node, "links", NULL);
	err = remove_tree(path, diag);
	op_done();
	dataplane_pin_path(path, lab, node, "", NULL);
	path[strlen(path) - 1] = '\0';
	return err ? err : remove_tree(path, diag);
}

struct removal {
	const char *lab;
	struct diag *diag;
};

static int remove_node(const char *node, void *arg)
{
	struct removal *removal = arg;

	return dataplane_remove(removal->lab, node, removal->diag);
}

int dataplane_remove_lab(const char *lab, struct diag *diag)
{
	struct removal removal = {lab, diag};
	char path[PATH_MAX];
	int err = dataplane_each_node(lab, remove_node, &removal);

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s", lab);
	if (!err && rmdir(path) && errno != ENOENT)
		err = diag_error(diag, -errno, NULL, "cannot remove %s: %s", path, strerror(errno));
	return err;
}

int dataplane_each_node(const char *lab, int (*visit)(const char *node, void *arg), void *arg)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int err = 0, n;

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s", lab);
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!err && entries[i]->d_name[0] != '.')
			err = visit(entries[i]->d_name, arg);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return err;
}

/* ---- opening what is pinned --------------------------------------------- */

/* Says what to do when the pins were made by another dpulab's layout. */
static int refuse_other_layout(const char *lab, const char *node, struct diag *diag)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int err = 0, n;

	dataplane_pin_path(path, lab, node, "", NULL);
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!err && !strncmp(entries[i]->d_name, "layout-", 7))
			err = diag_error(diag, -EPROTO,
					 "`dpulab down` the lab and bring it `up` again: its tables are rebuilt from the lab file",
					 "node %s of lab %s was loaded by another dpulab (table %s, this one uses layout-%d)",
					 node, lab, entries[i]->d_name, DPU_LAYOUT_VERSION);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return err ? err : -ENOENT;
}

static struct dataplane *dataplane_new(const char *lab, const char *node)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));

	if (!dp)
		return NULL;
	snprintf(dp->lab, sizeof(dp->lab), "%s", lab);
	snprintf(dp->node, sizeof(dp->node), "%s", node);
	memset(dp->map_fd, -1, sizeof(dp->map_fd));
	memset(dp->prog_fd, -1, sizeof(dp->prog_fd));
	return dp;
}

static int open_pin(const char *path, struct diag *diag)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return diag_error(diag, fd, "`dpulab down` the lab and bring it `up` again",
				  "cannot open the pin %s: %s", path, strerror(-fd));
	return fd;
}

static int open_progs(struct dataplane *dp, struct diag *diag)
{
	char path[PATH_MAX];

	for (enum dataplane_prog prog = 0; prog < DATAPLANE_PROGS; prog++) {
		dataplane_pin_path(path, dp->lab, dp->node, "progs", dataplane_prog_name(prog));
		dp->prog_fd[prog] = open_pin(path, diag);
		if (dp->prog_fd[prog] < 0)
			return dp->prog_fd[prog];
	}
	return 0;
}

/* A poll-mode location has a page of state and no programs. */
static int open_memory(struct dataplane *dp, struct diag *diag)
{
	char path[PATH_MAX];
	int fd, err = 0;

	dataplane_pin_path(path, dp->lab, dp->node, "maps", PMD_STATE_MAP);
	if (access(path, F_OK))
		return open_progs(dp, diag);
	fd = open_pin(path, diag);
	if (fd < 0)
		return fd;
	dp->pmd = pmd_tables_map(fd, &dp->pmd_size);
	close(fd);
	for (size_t i = 0; dp->pmd && !err && i < N_HASHES; i++) {
		enum dataplane_map map = hashes[i];

		if (dp->map_fd[map] < 0) /* only where there are slots */
			continue;
		dp->shared[map] = pmd_tables_map(dp->map_fd[map], &dp->shared_size[map]);
		err = dp->shared[map] ? 0 : -errno;
	}
	if (dp->pmd && !err)
		return 0;
	return diag_error(diag, -errno, NULL, "cannot map the tables of %s: %s", dp->node, strerror(errno));
}

static int open_pins(struct dataplane *dp, struct diag *diag)
{
	char path[PATH_MAX];
	int err;

	for (size_t i = 0; i < DATAPLANE_MAPS_ALWAYS; i++) {
		dataplane_pin_path(path, dp->lab, dp->node, "maps", map_names[i]);
		dp->map_fd[i] = open_pin(path, diag);
		if (dp->map_fd[i] < 0)
			return dp->map_fd[i];
	}
	for (size_t i = DATAPLANE_MAPS_ALWAYS; i < DATAPLANE_MAP_COUNT; i++) {
		dataplane_pin_path(path, dp->lab, dp->node, "maps", map_names[i]);
		dp->map_fd[i] = bpf_obj_get(path);
	}
	err = open_memory(dp, diag);
	if (err)
		return err;
	dp->generations = mapio_mmap(dp, MAP_generations, true, &dp->generations_size);
	dp->control = dp->generations ? mapio_mmap(dp, MAP_control, true, &dp->control_size) : NULL;
	return dp->control ? 0
			   : diag_error(diag, -errno, NULL, "cannot map the control tables of %s: %s", dp->node,
					strerror(errno));
}

int dataplane_open(const char *lab, const char *node, struct dataplane **ret_dp, struct diag *diag)
{
	struct dataplane *dp;
	char path[PATH_MAX];
	int err;

	dataplane_layout_path(path, lab, node);
	if (access(path, F_OK))
		return refuse_other_layout(lab, node, diag);
	dp = dataplane_new(lab, node);
	if (!dp)
		return -ENOMEM;
	err = open_pins(dp, diag);
	if (err)
		dataplane_close(dp);
	else
		*ret_dp = dp;
	return err;
}

void dataplane_close(struct dataplane *dp)
{
	if (!dp)
		return;
	mapio_munmap(dp->generations, dp->generations_size);
	mapio_munmap(dp->control, dp->control_size);
	mapio_munmap(dp->pmd, dp->pmd_size);
	for (size_t i = 0; i < N_HASHES; i++)
		mapio_munmap(dp->shared[hashes[i]], dp->shared_size[hashes[i]]);
	for (size_t i = 0; i < DATAPLANE_MAP_COUNT; i++)
		if (dp->map_fd[i] >= 0)
			close(dp->map_fd[i]);
	for (size_t i = 0; i < DATAPLANE_PROGS; i++)
		if (dp->prog_fd[i] >= 0)
			close(dp->prog_fd[i]);
	free(dp);
}
