/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "lab_placement.h"

#include <errno.h>

#include "dataplane.h"
#include "ebpf.h"
#include "host.h"
#include "pmd_lacks.h"
#include "standby.h"
#include "trunk.h"

/* Has `place` the word? */
static bool placement_stands(const struct lab *old, const struct lab_host *host, enum frame_path *ret_path, bool *ret_xdp)
{
	const struct lab_host *before = lab_find_host((struct lab *)old, host->name);

	if (!before || before->path != host->path || before->hook != host->hook)
		return false;
	if (place_read(old, before - old->hosts, ret_path, ret_xdp, NULL))
		return false;
	/* no tables and no bridges: pins were lost, and what the file says is the way to repair it */
	return *ret_path != PATH_LINUX || linuxpath_runs(old, before - old->hosts);
}

void lab_keep_placement(const struct lab *old, struct lab *new)
{
	for (size_t i = 0; i < new->n_hosts; i++) {
		struct lab_host *host = &new->hosts[i];
		enum frame_path path;
		bool xdp;

		if (!placement_stands(old, host, &path, &xdp))
			continue;
		host->path = path;
		host->hook = xdp ? LAB_HOOK_XDP : LAB_HOOK_TC;
	}
}

/* Its process has mapped its tables, and they have their size. */
static int refuse_tables(const struct lab *lab, size_t host, struct diag *diag)
{
	return diag_error(diag, -EOPNOTSUPP, "dpulab place LAB host, apply, and back",
			  "strict windows, and fragments that wait, cannot come or go while frame path pmd runs on %s",
			  lab->hosts[host].name);
}

int lab_refuse_where_placed(const struct lab *old, const struct lab *new, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; i < new->n_hosts; i++) {
		enum frame_path path;
		bool xdp;

		if (!placement_stands(old, &new->hosts[i], &path, &xdp))
			continue;
		if (trunk_refuse(new, i, path, diag))
			err = -EINVAL;
		if (path != PATH_PMD)
			continue;
		if (pmd_refuse(new, i, diag) || (!dataplane_same_tables(old, new) && refuse_tables(new, i, diag)))
			err = -EINVAL;
	}
	return err;
}

/* A host whose datapath may be in any state, or not there at all. */
static int start_host(const struct lab *lab, size_t host, struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	int err;

	if (h->path == PATH_LINUX) {
		/* its wire is the host's */
		err = ebpf_stop(lab, host, diag);
		return err ? err : linuxpath_start(lab, host, diag);
	}
	err = linuxpath_stop(lab, host, diag);
	if (!err)
		err = standby_rescue(lab, host, diag);
	if (!err)
		err = ebpf_start(lab, host, h->path, h->hook, diag);
	return err ? err : standby_serve(lab, host, h->path, h->hook, diag);
}

int lab_place(const struct lab *lab, bool live, struct diag *diag)
{
	struct move_report move;
	int err = 0;

	for (size_t host = 0; host < lab->n_hosts && !err; host++)
		err = live ? place_host(lab, host, lab->hosts[host].path, lab->hosts[host].hook,
					&move, diag) :
			     start_host(lab, host, diag);
	return err;
}
