/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "foreign.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"
#include "ethtool.h"
#include "foreign_guard.h"
#include "foreign_proof.h"
#include "mapio.h"
#include "op.h"
#include "rt.h"
#include "tables.h"

#define MARK_MAX 64

/* ---- the node: what is loaded in this namespace -------------------------- */

/* One loaded interface, as its mark in NODE/ports says: "16:veth0:p1:web". */
struct loaded {
	unsigned port;
	char dev[IFNAMSIZ];
	char name[NODE_NAME_MAX];
	char group[NODE_NAME_MAX];
};

static int node_name(const struct netns *ns, char ret_node[static NODE_NAME_MAX + 4])
{
	struct stat st;

	if (fstat(ns->fd, &st))
		return -errno;
	snprintf(ret_node, NODE_NAME_MAX + 4, "ns%lu", (unsigned long)st.st_ino);
	return 0;
}

static void mark_path(const struct dataplane *dp, const struct loaded *loaded, char path[static PATH_MAX])
{
	char dir[PATH_MAX];

	dataplane_dir(dp, "ports", dir);
	snprintf(path, PATH_MAX, "%.*s/%u:%s:%s:%s", PATH_MAX - MARK_MAX - 1, dir, loaded->port, loaded->dev,
		 loaded->name, loaded->group);
}

static bool parse_mark(const char *text, struct loaded *ret_loaded)
{
	return sscanf(text, "%u:%15[^:]:%11[^:]:%11[^:]", &ret_loaded->port, ret_loaded->dev,
		      ret_loaded->name, ret_loaded->group) == 4;
}

/* The caller frees. */
static int read_marks(const struct dataplane *dp, struct loaded **ret_list, size_t *ret_n)
{
	struct loaded *list = calloc(DPU_PORT_VNIC_MAX, sizeof(*list));
	struct dirent *entry;
	char dir_path[PATH_MAX];
	size_t n = 0;
	DIR *dir;

	if (!list)
		return -ENOMEM;
	dataplane_dir(dp, "ports", dir_path);
	dir = opendir(dir_path);
	while (dir && n < DPU_PORT_VNIC_MAX && (entry = readdir(dir)))
		if (parse_mark(entry->d_name, &list[n]))
			n++;
	if (dir)
		closedir(dir);
	*ret_list = list;
	*ret_n = n;
	return 0;
}

static const struct loaded *find_loaded(const struct loaded *list, size_t n, const char *dev)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].dev, dev))
			return &list[i];
	return NULL;
}

static unsigned free_port(const struct loaded *list, size_t n)
{
	for (unsigned port = DPU_PORT_VNIC_MIN; port < FOREIGN_PROBE_PORT; port++) {
		size_t i = 0;

		while (i < n && list[i].port != port)
			i++;
		if (i == n)
			return port;
	}
	return DPU_PORT_NONE;
}

/* ---- the host that the namespace is, for the tables ---------------------- */

struct foreign {
	struct lab lab;	      /* the lab with one host, this namespace; its VMs and one per new port name */
	struct lab_host host;
	struct location location;
	struct loaded *list;
	size_t n;
};

static size_t vm_of(const struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (!strcmp(lab->vms[i].name, name))
			return i;
	return SIZE_MAX;
}

static size_t group_of(const struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (!strcmp(lab->groups[i].name, name))
			return i;
	return SIZE_MAX;
}

/* Describes one loaded interface as a port; false if the interface has gone. */
static bool add_port(struct foreign *foreign, const struct loaded *loaded)
{
	struct port_dev *port = &foreign->location.ports[foreign->location.n_ports];
	size_t vm = vm_of(&foreign->lab, loaded->name);
	struct rt_link link;

	if (rt_link_get(foreign->location.ns, loaded->dev, &link, NULL))
		return false;
	if (vm == SIZE_MAX) {
		vm = foreign->lab.n_vms++;
		foreign->lab.vms[vm] = (struct lab_vm){.group = group_of(&foreign->lab, loaded->group)};
		snprintf(foreign->lab.vms[vm].name, NODE_NAME_MAX, "%s", loaded->name);
	}
	foreign->lab.vms[vm].port = (uint16_t)loaded->port;
	foreign->lab.vms[vm].mtu = (uint16_t)(link.mtu < UINT16_MAX ? link.mtu : UINT16_MAX);
	*port = (struct port_dev){.port = (uint16_t)loaded->port, .kind = DPU_PORT_KIND_VNIC, .vm = vm,
				  .ifindex = (unsigned)link.ifindex};
	snprintf(port->dev, sizeof(port->dev), "%s", loaded->dev);
	foreign->location.n_ports++;
	return true;
}

static void foreign_close(struct foreign *foreign)
{
	location_close(&foreign->location);
	free(foreign->lab.vms);
	free(foreign->list);
}

static int foreign_open(const struct lab *lab, struct foreign *foreign, struct diag *diag)
{
	int err;

	*foreign = (struct foreign){.lab = *lab};
	strcpy(foreign->host.name, "here");
	foreign->lab.hosts = &foreign->host;
	foreign->lab.n_hosts = 1;
	foreign->lab.vms = calloc(lab->n_vms + DPU_PORT_VNIC_MAX, sizeof(*lab->vms));
	foreign->location = (struct location){.lab = &foreign->lab, .where = LOCATION_HOST};
	foreign->location.ports = calloc(DPU_PORT_VNIC_MAX + 1, sizeof(*foreign->location.ports));
	if (!foreign->lab.vms || !foreign->location.ports)
		err = -ENOMEM;
	else
		err = netns_open_own(&foreign->location.ns, diag);
	if (!err)
		memcpy(foreign->lab.vms, lab->vms, lab->n_vms * sizeof(*lab->vms));
	if (err)
		foreign_close(foreign);
	return err;
}

/* Opens or loads the node and reads its marks. */
static int foreign_load_node(struct foreign *foreign, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];
	int err = node_name(foreign->location.ns, node);

	if (!err)
		err = dataplane_load_node(&foreign->lab, node, &foreign->location.dp, diag);
	if (!err)
		err = read_marks(foreign->location.dp, &foreign->list, &foreign->n);
	for (size_t i = 0; !err && i < foreign->n; i++)
		add_port(foreign, &foreign->list[i]);
	return err;
}

/* ---- load --------------------------------------------------------------- */

static int choose(const struct lab *lab, const struct foreign_request *request, struct loaded *loaded,
		  struct diag *diag)
{
	size_t vm = vm_of(lab, request->name), group = 0;

	if (strlen(request->name) >= NODE_NAME_MAX || strchr(request->name, ':'))
		return diag_error(diag, -EINVAL, NULL, "a port name has at most %d characters and no colon",
				  NODE_NAME_MAX - 1);
	if (request->group)
		group = group_of(lab, request->group);
	else if (vm != SIZE_MAX)
		group = lab->vms[vm].group;
	if (group >= lab->n_groups)
		return diag_error(diag, -ENOENT, NULL, "lab %s has no port group %s", lab->name,
				  request->group ? request->group : "at all");
	snprintf(loaded->dev, sizeof(loaded->dev), "%s", request->dev);
	snprintf(loaded->name, sizeof(loaded->name), "%s", request->name);
	snprintf(loaded->group, sizeof(loaded->group), "%s", lab->groups[group].name);
	return 0;
}

/* The interface gets its port number and its mark; loaded already: keeps both. */
static int take_port(struct foreign *foreign, struct loaded *loaded, struct diag *diag)
{
	const struct loaded *known = find_loaded(foreign->list, foreign->n, loaded->dev);
	char path[PATH_MAX];

	if (known) {
		*loaded = *known;
		return 0;
	}
	loaded->port = free_port(foreign->list, foreign->n);
	if (!loaded->port)
		return diag_error(diag, -ENOSPC, NULL, "no port number is left in node %s",
				  dataplane_node(foreign->location.dp));
	mark_path(foreign->location.dp, loaded, path);
	if (mkdir(path, 0700) && errno != EEXIST)
		return diag_error(diag, -errno, NULL, "cannot make %s: %s", path, strerror(errno));
	op_done();
	add_port(foreign, loaded);
	return 0;
}

static int serve(struct foreign *foreign, bool xdp, const char *dev, struct diag *diag)
{
	const struct dataplane *dp = foreign->location.dp;
	int err = tables_set_control(dp, DPU_FN_ALL, 0, diag);

	if (!err)
		err = tables_fill(&foreign->location, xdp, diag);
	if (!err)
		err = attach_prog(dp, DATAPLANE_TC, dev, diag);
	return err;
}

/* XDP only if it carries TCP: tried, not assumed. What it cannot is said in report->why and served by tc. */
static int try_xdp(struct foreign *foreign, const struct loaded *loaded, struct foreign_report *report,
		   struct diag *diag)
{
	const struct port_dev *port = location_port(&foreign->location, (uint16_t)loaded->port);
	struct diag quiet = {};
	int err = attach_prog(foreign->location.dp, DATAPLANE_XDP, loaded->dev, &quiet);

	if (err) {
		snprintf(report->why, sizeof(report->why), "%s", quiet.n ? quiet.records[0].message : "");
		diag_clear(&quiet);
		return 0;
	}
	err = foreign_prove_tcp(&foreign->location, port, &report->xdp, report->why, sizeof(report->why),
				diag);
	if (!err && !report->xdp)
		err = detach_prog(foreign->location.dp, DATAPLANE_XDP, loaded->dev, diag);
	return err;
}

/* Which ports XDP serves is a flag in each port's entry: one port's hook is not the other's. */
static int set_xdp_flag(const struct foreign *foreign, unsigned number, bool xdp, struct diag *diag)
{
	struct dpu_port entry;
	uint32_t key = number;
	int err = mapio_get_range(foreign->location.dp, MAP_ports, key, 1, &entry, diag);

	if (err)
		return err;
	entry.flags = (uint8_t)((entry.flags & ~DPU_PORT_F_XDP) | (xdp ? DPU_PORT_F_XDP : 0));
	err = mapio_put(foreign->location.dp, MAP_ports, &key, &entry, diag);
	mapio_bump(foreign->location.dp, DPU_GEN_OF_PORT(number));
	return err;
}

/* tables_fill() gave every port the same hook: put back what each is attached by. */
static int restore_hooks(struct foreign *foreign, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < foreign->location.n_ports; i++) {
		struct attach_state state;

		attach_read(foreign->location.dp, foreign->location.ports[i].dev, &state);
		err = set_xdp_flag(foreign, foreign->location.ports[i].port, state.xdp == ATTACH_XDP, diag);
	}
	return err;
}

static bool wants_xdp(struct foreign *foreign, const struct foreign_request *request)
{
	char driver[32];

	if (request->hook != LAB_HOOK_AUTO)
		return request->hook == LAB_HOOK_XDP;
	if (ethtool_driver(foreign->location.ns, request->dev, driver))
		return false;
	return strcmp(driver, "veth") && strcmp(driver, "tun");
}

static int load_device(struct foreign *foreign, const struct foreign_request *request,
		       struct loaded *loaded, struct foreign_report *report, struct diag *diag)
{
	bool xdp = wants_xdp(foreign, request);
	int err = take_port(foreign, loaded, diag);

	if (!err)
		err = serve(foreign, xdp, loaded->dev, diag);
	if (!err && xdp)
		err = try_xdp(foreign, loaded, report, diag);
	if (!err && !xdp)
		err = detach_prog(foreign->location.dp, DATAPLANE_XDP, loaded->dev, diag);
	if (!xdp)
		snprintf(report->why, sizeof(report->why),
			 request->hook == LAB_HOOK_TC ? "as asked" : "a virtual device: tc keeps its offloads");
	return err ? err : restore_hooks(foreign, diag);
}

int foreign_load(const struct lab *lab, const struct foreign_request *request,
		 struct foreign_report *ret_report, struct diag *diag)
{
	struct foreign_report report = {};
	struct loaded loaded = {};
	struct foreign foreign;
	int err = choose(lab, request, &loaded, diag);

	if (!err)
		err = foreign_open(lab, &foreign, diag);
	if (err)
		return err;
	err = foreign_guard(foreign.location.ns, lab->name, request, diag);
	if (!err)
		err = foreign_load_node(&foreign, diag);
	if (!err)
		err = load_device(&foreign, request, &loaded, &report, diag);
	if (!err) {
		snprintf(report.node, sizeof(report.node), "%s", dataplane_node(foreign.location.dp));
		snprintf(report.group, sizeof(report.group), "%s", loaded.group);
		report.port = (uint16_t)loaded.port;
		*ret_report = report;
	}
	foreign_close(&foreign);
	return err;
}

/* ---- unload ------------------------------------------------------------- */

static int forget_port(const struct dataplane *dp, const struct loaded *loaded, struct diag *diag)
{
	static const struct dpu_port none;
	struct dpu_port old;
	uint32_t key = loaded->port;
	char path[PATH_MAX];
	int err = mapio_get_range(dp, MAP_ports, key, 1, &old, diag);

	if (!err)
		err = mapio_put(dp, MAP_port_by_ifindex, &old.ifindex, &(uint32_t){DPU_PORT_NONE}, diag);
	if (!err)
		err = mapio_put(dp, MAP_ports, &key, &none, diag);
	mapio_bump(dp, DPU_GEN_OF_PORT(loaded->port));
	mark_path(dp, loaded, path);
	if (!err && rmdir(path) && errno != ENOENT)
		err = diag_error(diag, -errno, NULL, "cannot remove %s: %s", path, strerror(errno));
	op_done();
	return err;
}

static int unload_device(const struct dataplane *dp, const struct loaded *loaded, bool last,
			 struct diag *diag)
{
	int err = detach_prog(dp, DATAPLANE_XDP, loaded->dev, diag);

	if (!err)
		err = detach_prog(dp, DATAPLANE_TC, loaded->dev, diag);
	if (!err)
		err = forget_port(dp, loaded, diag);
	return err || !last ? err : dataplane_remove(dataplane_lab(dp), dataplane_node(dp), diag);
}

int foreign_unload(const char *lab, const char *dev, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	const struct loaded *found = NULL;
	struct loaded *list = NULL;
	struct dataplane *dp = NULL;
	char node[NODE_NAME_MAX + 4];
	size_t n = 0;
	int err = netns_open_own(&ns, diag);

	if (!err)
		err = node_name(ns, node);
	if (err)
		return err;
	err = dataplane_open(lab, node, &dp, diag);
	if (!err)
		err = read_marks(dp, &list, &n);
	if (!err)
		found = find_loaded(list, n, dev);
	if (found)
		err = unload_device(dp, found, n == 1, diag);
	else if (!err || err == -ENOENT)
		err = diag_error(diag, -ENOENT, NULL, "%s is not loaded for lab %s in this namespace", dev, lab);
	free(list);
	dataplane_close(dp);
	return err;
}
