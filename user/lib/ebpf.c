/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "ebpf.h"
#include "ebpf_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach.h"
#include "baremetal.h"
#include "cpus.h"
#include "ethtool.h"
#include "fabric.h"
#include "functions.h"
#include "intercept.h"
#include "mapio.h"
#include "offload.h"
#include "pcie_relay.h"
#include "pmd_lacks.h"
#include "qos.h"
#include "rt.h"
#include "standby.h"
#include "tables.h"
#include "topology.h"
#include "trunk.h"

/* ---- opening, what runs ------------------------------------------------- */

/* The switch alone: no other frame path leaves the rest out. */
static bool is_embedded(const struct ebpf *ebpf)
{
	struct dpu_control control;
	uint32_t key = 0;

	return ebpf->at[LOCATION_DPU].dp && !mapio_get(ebpf->at[LOCATION_DPU].dp, MAP_control, &key, &control) &&
	       (control.functions | DPU_FN_GUARD) == functions_at(PATH_SRIOV, LOCATION_DPU);
}

int ebpf_open(const struct lab *lab, size_t host, struct ebpf *ret_ebpf, struct diag *diag)
{
	struct ebpf ebpf = {.lab = lab, .host = host};
	int err = location_open(lab, host, LOCATION_HOST, &ebpf.at[LOCATION_HOST], diag);

	if (!err && lab->hosts[host].dpu) {
		err = location_open(lab, host, LOCATION_DPU, &ebpf.at[LOCATION_DPU], diag);
		ebpf.has_dpu = !err;
	}
	if (!err)
		err = location_open(lab, host, LOCATION_PMD, &ebpf.at[LOCATION_PMD], diag);
	if (!err)
		ebpf.at[LOCATION_DPU].embedded = is_embedded(&ebpf);
	if (err)
		ebpf_close(&ebpf);
	else
		*ret_ebpf = ebpf;
	return err;
}

void ebpf_close(struct ebpf *ebpf)
{
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		location_close(&ebpf->at[i]);
}

/* Those with programs. */
static size_t n_locations(const struct ebpf *ebpf)
{
	return ebpf->has_dpu ? 2 : 1;
}

bool ebpf_has(const struct ebpf *ebpf, enum node_location where)
{
	return ebpf->at[where].dp;
}

int ebpf_refresh(struct ebpf *ebpf, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < n_locations(ebpf); i++)
		err = location_refresh(&ebpf->at[i], diag);
	return err ? err : location_refresh(&ebpf->at[LOCATION_PMD], diag);
}

static bool vnic_in_dpu(const struct ebpf *ebpf)
{
	for (size_t vm = 0; ebpf->has_dpu && vm < ebpf->lab->n_vms; vm++)
		if (ebpf->lab->vms[vm].host == ebpf->host &&
		    location_has_vnic(&ebpf->at[LOCATION_DPU], vm))
			return true;
	return false;
}

int ebpf_path(const struct ebpf *ebpf, enum frame_path *ret_path)
{
	struct dpu_control control;
	uint32_t key = 0;

	if (!ebpf->at[LOCATION_HOST].dp ||
	    mapio_get(ebpf->at[LOCATION_HOST].dp, MAP_control, &key, &control))
		return -ENOENT;
	if (vnic_in_dpu(ebpf))
		*ret_path = is_embedded(ebpf) ? PATH_SRIOV : baremetal_path(ebpf->lab, ebpf->host, PATH_DPU_UPT);
	else
		*ret_path = functions_path(&control);
	return 0;
}

static bool xdp_serves(const struct location *location)
{
	struct dpu_port uplink;
	uint32_t key = DPU_PORT_UPLINK;

	return location->dp && !mapio_get(location->dp, MAP_ports, &key, &uplink) && uplink.flags & DPU_PORT_F_XDP;
}

bool ebpf_xdp_serves(const struct ebpf *ebpf)
{
	return xdp_serves(&ebpf->at[LOCATION_HOST]);
}

bool ebpf_wants_xdp(enum frame_path path, enum lab_hook hook)
{
	if (path == PATH_PMD) /* AF_XDP */
		return true;
	return hook == LAB_HOOK_XDP; /* auto: tc, because every device of a lab is a veth */
}

/* ---- serving ------------------------------------------------------------ */

int ebpf_attach_port(const struct location *location, const char *dev, bool xdp, struct diag *diag)
{
	int err = attach_prog(location->dp, DATAPLANE_TC, dev, diag);

	if (err)
		return err;
	return xdp ? attach_prog(location->dp, DATAPLANE_XDP, dev, diag)
		   : detach_prog(location->dp, DATAPLANE_XDP, dev, diag);
}

static int attach_ports(const struct location *location, bool xdp, struct diag *diag)
{
	int back, err = netns_enter(location->ns, &back);

	if (err)
		return diag_error(diag, err, NULL, "cannot enter namespace %s: %s", location->ns->name,
				  strerror(-err));
	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (location->ports[i].ifindex)
			err = ebpf_attach_port(location, location->ports[i].dev, xdp, diag);
	netns_leave(back);
	return err;
}

static const struct cpu_set *location_cpus(const struct location *location)
{
	const struct lab_host *host = location_host(location);

	return location->where == LOCATION_DPU ? lab_dpu_cpus(host, host->active) : &host->cpus;
}

static int pin_ports(const struct location *location, const struct cpu_set *cpus, bool xdp,
		     struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (location->ports[i].ifindex)
			err = cpus_pin_device(location->ns, location->ports[i].dev, cpus,
					      xdp ? LAB_HOOK_XDP : LAB_HOOK_TC, diag);
	return err;
}

static bool is_port(const struct location *location, const char *dev)
{
	for (size_t i = 0; i < location->n_ports; i++)
		if (!strcmp(location->ports[i].dev, dev))
			return true;
	return false;
}

int ebpf_raise_ports(const struct location *location, struct diag *diag)
{
	struct rt_link *links;
	size_t n;
	int err = rt_links(location->ns, &links, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < n; i++)
		if (!(links[i].flags & IFF_UP) && is_port(location, links[i].name))
			err = rt_link_up(location->ns, links[i].ifindex, true, diag);
	free(links);
	return err;
}

void ebpf_forget_decisions(const struct location *location)
{
	for (uint16_t port = 1; port < DPU_MAX_PORTS; port++)
		mapio_bump(location->dp, DPU_GEN_OF_PORT(port));
}

int ebpf_serve_location(struct location *location, bool xdp, struct diag *diag)
{
	bool features = false;
	int err = location_load(location, diag);

	if (!err)
		err = tables_fill(location, xdp, diag);
	if (!err)
		err = intercept_load(location, &features, diag);
	if (!err)
		err = attach_ports(location, xdp, diag);
	if (!err && features)
		ebpf_forget_decisions(location);
	if (!err)
		err = intercept_settle(location, diag);
	if (!err)
		err = ebpf_raise_ports(location, diag);
	return err ? err : pin_ports(location, location_cpus(location), xdp, diag);
}

/* Senders stop leaving work to hardware before XDP serves them, and start again after it has gone. */
int ebpf_serve(struct ebpf *ebpf, bool xdp, struct diag *diag)
{
	int err = xdp ? offload_set(ebpf->lab, ebpf->host, true, diag) : 0;

	for (size_t i = 0; !err && i < n_locations(ebpf); i++)
		err = ebpf_serve_location(&ebpf->at[i], xdp, diag);
	if (!err)
		err = pcie_relay_serve(ebpf->lab, ebpf->host, xdp, diag);
	if (!err)
		err = ebpf_serve_pmd(ebpf, diag);
	if (!err && !xdp)
		err = offload_set(ebpf->lab, ebpf->host, false, diag);
	return err;
}

int ebpf_use_wire(const struct ebpf *ebpf, enum node_location where, struct diag *diag)
{
	return fabric_use_wire(ebpf->lab, ebpf->host, where == LOCATION_DPU, diag);
}

/* ---- start and stop ----------------------------------------------------- */

enum node_location ebpf_vnics_at(enum frame_path path)
{
	return frame_path_ends_in_dpu(path) ? LOCATION_DPU : LOCATION_HOST;
}

static int set_control(const struct ebpf *ebpf, enum frame_path path, enum node_location where, uint32_t flags,
		       struct diag *diag)
{
	return tables_set_control(ebpf->at[where].dp, functions_at(path, where), functions_flags(path, where) | flags, diag);
}

/*
 * A host in a mixed placement, or that a killed move has left there or half way out of it: what its flow cache has recorded may
 * rest on another set of functions. The mark of it goes last.
 */
static int forget_mixed(const struct ebpf *ebpf, enum frame_path path, struct diag *diag)
{
	struct dpu_control word;
	int err = tables_get_control(ebpf->at[LOCATION_HOST].dp, &word, diag);

	if (err || !(word.handover & DPU_HANDOVER_UNJUDGED))
		return err;
	err = set_control(ebpf, path, LOCATION_HOST, DPU_HANDOVER_UNJUDGED, diag);
	tables_forget_flows(ebpf->at[LOCATION_HOST].dp);
	return err;
}

/* Where nothing runs, all is relayed: to the DPU, or to the poll-mode process. */
static int set_controls(const struct ebpf *ebpf, enum frame_path path, struct diag *diag)
{
	int err = forget_mixed(ebpf, path, diag);

	if (!err && ebpf_has(ebpf, LOCATION_PMD))
		err = set_control(ebpf, path, LOCATION_PMD, 0, diag);
	for (size_t i = 0; !err && i < n_locations(ebpf); i++)
		err = set_control(ebpf, path, i, 0, diag);
	return err;
}

int ebpf_settle(const struct ebpf *ebpf, enum frame_path path, struct diag *diag)
{
	int err = set_controls(ebpf, path, diag);

	return err ? err : ebpf_use_wire(ebpf, functions_wire(path), diag);
}

int ebpf_refuse_path(const struct lab *lab, size_t host, enum frame_path path, struct diag *diag)
{
	if (path == PATH_PMD)
		return pmd_refuse(lab, host, diag);
	if (path == PATH_HOST)
		return 0;
	if (lab->hosts[host].dpu)
		return trunk_refuse(lab, host, path, diag) ? -EINVAL : baremetal_refuse(lab, host, path, diag);
	return diag_error(diag, -EINVAL, "give it one with `dpu: true` in the lab file",
			  "host %s has no DPU: frame path %s cannot run there", lab->hosts[host].name,
			  frame_path_name(path));
}

/* Make before break: a poll-mode process is there before frames are led to it, and goes after. */
static int start_at(struct ebpf *ebpf, enum frame_path path, bool xdp, struct diag *diag)
{
	int err = 0;

	ebpf->at[LOCATION_DPU].embedded = path == PATH_SRIOV;
	for (size_t i = 0; !err && i < n_locations(ebpf); i++)
		err = location_load(&ebpf->at[i], diag);
	if (!err && path == PATH_PMD)
		err = ebpf_forget_stale_pmd(ebpf, diag);
	if (!err && path == PATH_PMD)
		err = location_load(&ebpf->at[LOCATION_PMD], diag);
	if (!err)
		err = set_controls(ebpf, path, diag);
	if (!err)
		err = ebpf_move_vnics(ebpf, ebpf_vnics_at(path), xdp, NULL, diag);
	if (!err)
		err = ebpf_serve(ebpf, xdp, diag);
	if (!err)
		err = ebpf_settle(ebpf, path, diag);
	if (!err)
		err = baremetal_isolate(ebpf->lab, ebpf->host, path == PATH_BARE_METAL, diag);
	return err || path == PATH_PMD ? err : ebpf_end_pmd(ebpf, diag);
}

int ebpf_start(const struct lab *lab, size_t host, enum frame_path path, enum lab_hook hook,
	       struct diag *diag)
{
	struct ebpf ebpf;
	int err = ebpf_refuse_path(lab, host, path, diag);

	if (!err)
		err = ebpf_open(lab, host, &ebpf, diag);
	if (err)
		return err;
	err = start_at(&ebpf, path, ebpf_wants_xdp(path, hook), diag);
	if (!err)
		err = qos_set(lab, host, path, false, diag);
	ebpf_close(&ebpf);
	return err;
}

static int detach_ports(const struct location *location, struct diag *diag)
{
	int back, err = netns_enter(location->ns, &back);

	for (size_t i = 0; !err && i < location->n_ports; i++) {
		if (!location->ports[i].ifindex)
			continue;
		err = detach_prog(location->dp, DATAPLANE_XDP, location->ports[i].dev, diag);
		if (!err)
			err = detach_prog(location->dp, DATAPLANE_TC, location->ports[i].dev, diag);
	}
	netns_leave(back);
	return err;
}

int ebpf_leave_location(const struct location *location, struct diag *diag)
{
	static const struct cpu_set anywhere;
	bool xdp = xdp_serves(location);
	int err = location->dp ? detach_ports(location, diag) : 0;

	return err ? err : pin_ports(location, &anywhere, xdp, diag);
}

/* Leaves the devices of a host as they were found. */
static int leave_devices(struct ebpf *ebpf, struct diag *diag)
{
	char link[NODE_FULL_MAX];
	int err = 0;

	err = baremetal_isolate(ebpf->lab, ebpf->host, false, diag);
	if (!err && ebpf->has_dpu && ebpf->at[LOCATION_HOST].dp && ebpf->at[LOCATION_DPU].dp)
		err = ebpf_move_vnics(ebpf, LOCATION_HOST, ebpf_xdp_serves(ebpf), NULL, diag);
	for (size_t i = 0; !err && i < n_locations(ebpf); i++)
		err = ebpf_leave_location(&ebpf->at[i], diag);
	if (!err)
		err = ebpf_end_pmd(ebpf, diag);
	if (!err)
		err = pcie_relay_stop(ebpf->lab->name, topology_pcie(&ebpf->lab->hosts[ebpf->host], link), diag);
	return err ? err : offload_set(ebpf->lab, ebpf->host, false, diag);
}

static bool namespaces_exist(const struct lab *lab, size_t host)
{
	char node[NODE_FULL_MAX], name[NETNS_NAME_MAX];

	if (!netns_exists(netns_name(name, lab->name, lab->hosts[host].node)))
		return false;
	for (unsigned dpu = 0; dpu < lab_n_dpus(&lab->hosts[host]); dpu++)
		if (!netns_exists(netns_name(name, lab->name, topology_dpu_of(&lab->hosts[host], dpu, node))))
			return false;
	return true;
}

int ebpf_stop(const struct lab *lab, size_t host, struct diag *diag)
{
	char dpu[NODE_FULL_MAX];
	struct ebpf ebpf;
	int err = 0;

	if (namespaces_exist(lab, host)) {
		err = standby_rescue(lab, host, diag);
		if (!err)
			err = standby_stop(lab, host, diag);
		if (!err)
			err = ebpf_open(lab, host, &ebpf, diag);
		if (!err) {
			err = leave_devices(&ebpf, diag);
			ebpf_close(&ebpf);
		}
		/* whatever comes next on this host uses the host's own wire */
		if (!err)
			err = fabric_use_wire(lab, host, false, diag);
	}
	if (!err)
		err = ebpf_remove_pmd(lab, host, diag);
	if (!err)
		err = dataplane_remove(lab->name, lab->hosts[host].name, diag);
	return err ? err : dataplane_remove(lab->name, topology_dpu(&lab->hosts[host], dpu), diag);
}
