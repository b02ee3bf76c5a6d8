/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "standby.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "baremetal.h"
#include "ebpf.h"
#include "pcie_relay.h"
#include "rt.h"
#include "tables.h"
#include "topology.h"

/* ---- which one is active ------------------------------------------------- */

int standby_read(const struct state *state, struct lab *lab)
{
	char *text, *rest = NULL;
	int err = state_read(state, STATE_ACTIVE, &text);

	if (err)
		return err == -ENOENT ? 0 : err;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[NODE_NAME_MAX];
		struct lab_host *host;
		unsigned number;

		if (sscanf(line, "%11s %u", name, &number) != 2)
			continue;
		host = lab_find_host(lab, name);
		if (host && number < lab_n_dpus(host))
			host->active = (uint8_t)number;
	}
	free(text);
	return 0;
}

int standby_write(const struct state *state, const struct lab *lab, struct diag *diag)
{
	struct state_lines lines;
	int err = state_lines_begin(&lines);

	if (err)
		return err;
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab->hosts[i].active != lab_preferred_dpu(&lab->hosts[i]))
			fprintf(lines.out, "%s %u\n", lab->hosts[i].name, lab->hosts[i].active);
	return state_lines_end(&lines, state, STATE_ACTIVE, diag);
}

/* ---- the other one -------------------------------------------------------- */

int standby_view(const struct lab *lab, size_t host, unsigned dpu, struct lab *ret_view)
{
	struct lab_host *hosts = calloc(lab->n_hosts, sizeof(*hosts));

	if (!hosts)
		return -ENOMEM;
	memcpy(hosts, lab->hosts, lab->n_hosts * sizeof(*hosts));
	hosts[host].active = (uint8_t)dpu;
	*ret_view = *lab;
	ret_view->hosts = hosts;
	return 0;
}

void standby_view_free(struct lab *view)
{
	free(view->hosts);
	view->hosts = NULL;
}

/* Both programs of one device. */
static int detach(const struct location *at, const char *dev, struct diag *diag)
{
	int back, err = at->dp ? netns_enter(at->ns, &back) : 0;

	if (err || !at->dp)
		return err;
	err = detach_prog(at->dp, DATAPLANE_XDP, dev, diag);
	if (!err)
		err = detach_prog(at->dp, DATAPLANE_TC, dev, diag);
	netns_leave(back);
	return err;
}

int standby_at(const struct lab *lab, size_t host, standby_fn fn, void *arg, struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	struct location idle = {};
	struct lab view;
	int err;

	if (lab_n_dpus(h) < 2)
		return 0;
	err = standby_view(lab, host, !h->active, &view);
	if (err)
		return err;
	err = location_open(&view, host, LOCATION_DPU, &idle, diag);
	if (!err)
		err = fn(&idle, arg, diag);
	location_close(&idle);
	standby_view_free(&view);
	return err;
}

static int serve(struct location *idle, void *arg, struct diag *diag)
{
	const bool *xdp = arg;
	int err = location_load(idle, diag);

	if (!err)
		err = tables_set_control(idle->dp, 0, 0, diag);
	return err ? err : ebpf_serve_location(idle, *xdp, diag);
}

/* The host's ends of its links to the idle DPU, which were ports of the host while that was the active one. */
static int let_go(const struct lab *view, size_t host, struct diag *diag)
{
	struct location at = {};
	int err = location_open(view, host, LOCATION_HOST, &at, diag);

	for (size_t i = 0; !err && i < at.n_ports; i++)
		if (at.ports[i].kind == DPU_PORT_KIND_PF || at.ports[i].kind == DPU_PORT_KIND_CHANNEL)
			err = detach(&at, at.ports[i].dev, diag);
	location_close(&at);
	return err;
}

int standby_serve(const struct lab *lab, size_t host, enum frame_path path, enum lab_hook hook, struct diag *diag)
{
	bool xdp = ebpf_wants_xdp(path, hook);
	int err = standby_at(lab, host, serve, &xdp, diag);
	struct lab view;

	if (err || lab_n_dpus(&lab->hosts[host]) < 2)
		return err;
	err = standby_view(lab, host, !lab->hosts[host].active, &view);
	if (err)
		return err;
	err = let_go(&view, host, diag);
	if (!err)
		err = pcie_relay_serve(&view, host, xdp, diag);
	standby_view_free(&view);
	/* what serves a port raises it */
	return err || path != PATH_BARE_METAL ? err : baremetal_isolate(lab, host, true, diag);
}

static int stop(struct location *idle, void *arg, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4], link[NODE_FULL_MAX];
	int err = ebpf_leave_location(idle, diag);

	(void)arg;
	if (!err)
		err = pcie_relay_stop(idle->lab->name, topology_pcie(location_host(idle), link), diag);
	location_node_name(location_host(idle), LOCATION_DPU, node);
	return err ? err : dataplane_remove(idle->lab->name, node, diag);
}

int standby_stop(const struct lab *lab, size_t host, struct diag *diag)
{
	return standby_at(lab, host, stop, NULL, diag);
}

/* ---- vNICs that are at the wrong one -------------------------------------- */

/* Where the link is emulated a vNIC is at its other end, and the link's process lets it go. */
static int leave_link(const struct location *idle, size_t vm, struct diag *diag)
{
	struct pcie_state state;
	bool carries;

	if (pcie_relay_read(idle->lab, idle->host, &state, &carries))
		return 0;
	return pcie_relay_release(idle->lab, idle->host, vm, state.way == PCIE_WAY_AF_XDP, diag);
}

static int fetch(struct location *idle, void *arg, struct diag *diag)
{
	struct netns *host = arg, *from;
	int err = 0;

	for (size_t vm = 0; !err && vm < idle->lab->n_vms; vm++) {
		const char *dev = idle->lab->vms[vm].name;

		if (idle->lab->vms[vm].host != idle->host || !location_has_vnic(idle, vm))
			continue;
		from = idle->link && rt_ifindex(idle->link, dev) > 0 ? idle->link : idle->ns;
		err = ebpf_keep_neighbours(idle->lab, vm, diag);
		if (!err && from == idle->link)
			err = leave_link(idle, vm, diag);
		else if (!err) /* what a failed DPU has left attached would come along, and serve nobody */
			err = detach(idle, dev, diag);
		if (!err)
			err = rt_link_move(from, rt_ifindex(from, dev), host, diag);
	}
	return err;
}

int standby_rescue(const struct lab *lab, size_t host, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	int err = lab_n_dpus(&lab->hosts[host]) < 2 ? 0 : topology_open_host(lab, host, &ns, diag);

	return err || !ns ? err : standby_at(lab, host, fetch, ns, diag);
}
