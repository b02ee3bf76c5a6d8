/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_damage.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dpulab/pmd.h>

#include "attach.h"
#include "baremetal.h"
#include "ebpf.h"
#include "functions.h"
#include "linuxpath.h"
#include "pmd.h"
#include "standby.h"
#include "tables.h"
#include "topology.h"

int damage_add(struct damage_list *damage, const char *format, ...)
{
	struct damage *grown = reallocarray(damage->list, damage->n + 1, sizeof(*grown));
	va_list args;

	if (!grown)
		return -ENOMEM;
	damage->list = grown;
	grown[damage->n] = (struct damage){.mended = DAMAGE_STAYS};
	va_start(args, format);
	vsnprintf(grown[damage->n].what, sizeof(grown->what), format, args);
	va_end(args);
	damage->n++;
	return 0;
}

void damage_free(struct damage_list *damage)
{
	free(damage->list);
	*damage = (struct damage_list){};
}

static bool holds(const struct damage_list *damage, const char *what)
{
	for (size_t i = 0; i < damage->n; i++)
		if (!strcmp(damage->list[i].what, what))
			return true;
	return false;
}

void damage_forget(struct damage_list *damage, const struct damage_list *known)
{
	size_t n = 0;

	for (size_t i = 0; i < damage->n; i++)
		if (!holds(known, damage->list[i].what))
			damage->list[n++] = damage->list[i];
	damage->n = n;
}

int damage_compare(struct damage_list *damage, const struct damage_list *now, enum damage_mended how)
{
	int err = 0;

	for (size_t i = 0; i < damage->n; i++)
		if (damage->list[i].mended == DAMAGE_STAYS && !holds(now, damage->list[i].what))
			damage->list[i].mended = how;
	for (size_t i = 0; !err && i < now->n; i++)
		if (!holds(damage, now->list[i].what))
			err = damage_add(damage, "%s", now->list[i].what);
	return err;
}

/* ---- devices ------------------------------------------------------------ */

static int devices_of(const struct location *location, const char *node, struct damage_list *damage,
		      struct diag *diag)
{
	struct rt_link *links;
	size_t n;
	int err = rt_links(location->ns, &links, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < n; i++) {
		if (strcmp(links[i].kind, "veth") ||
		    baremetal_closes(location->lab, location->host, location->where, links[i].name))
			continue;
		if (!(links[i].flags & IFF_UP))
			err = damage_add(damage, "device %s of %s is down", links[i].name, node);
		else if (!(links[i].flags & IFF_RUNNING))
			err = damage_add(damage, "device %s of %s has no carrier", links[i].name, node);
	}
	free(links);
	return err;
}

/* ---- programs, tables, control words ------------------------------------ */

static int programs_of(const struct location *location, const char *node, bool xdp, struct damage_list *damage)
{
	int back, err = netns_enter(location->ns, &back);

	if (err)
		return err;
	for (size_t i = 0; !err && i < location->n_ports; i++) {
		const struct port_dev *port = &location->ports[i];

		if (!port->ifindex)
			continue;
		if (!attach_runs(location->dp, DATAPLANE_TC, port->dev) ||
		    attach_runs(location->dp, DATAPLANE_XDP, port->dev) != xdp)
			err = damage_add(damage, "device %s of %s is not served by its programs", port->dev, node);
	}
	netns_leave(back);
	return err;
}

static int control_of(const struct location *location, const char *node, bool runs, struct damage_list *damage,
		      struct diag *diag)
{
	const uint32_t at_rest = DPU_HANDOVER_TO_PMD | functions_flags(location_host(location)->path, location->where);
	struct dpu_control control;
	int err = tables_get_control(location->dp, &control, diag);

	if (!err && control.handover & ~at_rest)
		err = damage_add(damage, "a handover at %s has not come to its end", node);
	if (!err && !!control.functions != runs)
		err = damage_add(damage, "%s %s the functions", node, runs ? "does not run" : "runs");
	return err;
}

static int location_damage(const struct location *location, bool runs, bool xdp, struct damage_list *damage,
			   struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];
	int err;

	location_node_name(location_host(location), location->where, node);
	err = devices_of(location, node, damage, diag);
	if (err)
		return err;
	if (!location->dp)
		return damage_add(damage, "programs and tables of %s are gone", node);
	err = programs_of(location, node, xdp, damage);
	return err ? err : control_of(location, node, runs, damage, diag);
}

/* A vNIC whose device is not where the path wants it. */
static int vnics_of(const struct ebpf *ebpf, struct damage_list *damage)
{
	enum node_location want = ebpf_vnics_at(ebpf->lab->hosts[ebpf->host].path);
	int err = 0;

	for (size_t vm = 0; !err && vm < ebpf->lab->n_vms; vm++) {
		const struct lab_vm *v = &ebpf->lab->vms[vm];

		if (v->host == ebpf->host && !v->loaded && !location_has_vnic(&ebpf->at[want], vm))
			err = damage_add(damage, "the vNIC of %s is not in its %s", v->name,
					 want == LOCATION_DPU ? "DPU" : "host");
	}
	return err;
}

static int process_of(const struct location *pmd, struct damage_list *damage, struct diag *diag)
{
	const char *host = location_host(pmd)->name;
	struct dpu_pmd state;

	if (!pmd->dp)
		return damage_add(damage, "the tables of %s's poll-mode process are gone", host);
	if (!pmd_is_alive(pmd->dp, &state))
		return damage_add(damage, "the poll-mode process of %s does not run", host);
	if (pmd_is_stopped(pmd->dp))
		return damage_add(damage, "the poll-mode process of %s is stopped", host);
	return control_of(pmd, "the poll-mode process", true, damage, diag);
}

static int ebpf_damage(const struct ebpf *ebpf, struct damage_list *damage, struct diag *diag)
{
	const struct lab_host *host = &ebpf->lab->hosts[ebpf->host];
	int err = vnics_of(ebpf, damage);

	if (!err && host->path == PATH_PMD)
		err = process_of(&ebpf->at[LOCATION_PMD], damage, diag);
	for (int i = 0; !err && i < (ebpf->has_dpu ? 2 : 1); i++)
		err = location_damage(&ebpf->at[i], functions_at(host->path, (enum node_location)i), ebpf_wants_xdp(host->path, host->hook), damage, diag);
	return err;
}

struct idle_look {
	bool xdp;
	struct damage_list *damage;
};

/* The DPU that is not active: served, and without a function. */
static int idle_damage(struct location *idle, void *arg, struct diag *diag)
{
	const struct idle_look *look = arg;

	return location_damage(idle, false, look->xdp, look->damage, diag);
}

static int linux_damage(const struct ebpf *ebpf, struct damage_list *damage, struct diag *diag)
{
	const struct lab_host *host = &ebpf->lab->hosts[ebpf->host];
	int err = 0;

	if (!linuxpath_runs(ebpf->lab, ebpf->host))
		err = damage_add(damage, "bridges and rules of %s are gone", host->name);
	for (int i = 0; !err && i < (ebpf->has_dpu ? 2 : 1); i++) {
		char node[NODE_NAME_MAX + 4];

		location_node_name(host, (enum node_location)i, node);
		err = devices_of(&ebpf->at[i], node, damage, diag);
		if (!err && ebpf->at[i].dp)
			err = damage_add(damage, "programs of another frame path are left at %s", node);
	}
	return err;
}

int damage_read(const struct lab *lab, size_t host, struct damage_list *ret_damage, struct diag *diag)
{
	struct damage_list damage = {};
	struct idle_look look = {ebpf_wants_xdp(lab->hosts[host].path, lab->hosts[host].hook), &damage};
	struct ebpf ebpf;
	int err = ebpf_open(lab, host, &ebpf, diag);

	if (err)
		return err;
	err = lab->hosts[host].path == PATH_LINUX ? linux_damage(&ebpf, &damage, diag)
						  : ebpf_damage(&ebpf, &damage, diag);
	if (!err && lab->hosts[host].path != PATH_LINUX)
		err = standby_at(lab, host, idle_damage, &look, diag);
	ebpf_close(&ebpf);
	if (err)
		damage_free(&damage);
	else
		*ret_damage = damage;
	return err;
}
