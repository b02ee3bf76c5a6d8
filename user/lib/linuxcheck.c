/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * linuxcheck.c - can this kernel express the lab on frame path "linux"? Found out
 * by doing it, in a nameless namespace with stand-ins for the host's devices,
 * which dies with its handle: what start would say is what check says.
 */
#include "linuxpath.h"
#include "rt.h"
#include "schedule.h"
#include "topology.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool marks(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_classes; i++)
		if (lab->classes[i].dscp || lab->classes[i].cos)
			return true;
	return false;
}

/* Differences that no kernel lacks and no kernel gains: said, not counted against the lab. */
static void note_differences(const struct lab *lab, struct diag *diag)
{
	bool reject = lab->default_action == DPU_ACTION_REJECT, log = false, guard = false;

	for (size_t i = 0; i < lab->n_rules; i++) {
		reject |= lab->rules[i].action == DPU_ACTION_REJECT;
		log |= lab->rules[i].log;
	}
	for (size_t i = 0; i < lab->n_vms; i++)
		guard |= lab_guard(lab, &lab->vms[i]) != DPU_GUARD_OFF;
	if (guard)
		diag_note(diag, "placement linux: `spoofguard` does not apply: VMs may send from any address");
	if (lab->storm_pps)
		diag_note(diag, "placement linux: the storm limit counts broadcast and multicast; "
				"nftables cannot tell a frame the bridge will flood as unknown");
	if (reject)
		diag_note(diag, "placement linux: ICMP errors of a reject come from 192.0.0.8 (RFC "
				"7600), not from the refusing VM's address");
	if (marks(lab))
		diag_note(diag, "placement linux: `dscp` and `cos` of classes mark nothing: the outer headers are the kernel's");
	if (lab_has_stateless(lab))
		diag_note(diag, "placement linux: rules with `stateless: true` track their connections as the others do");
	for (size_t i = 0; i < lab->n_schedules; i++)
		if (!schedule_is_utc(&lab->schedules[i]))
			diag_note(diag, "placement linux: schedule %s: nftables knows UTC only, not %s: rules with it deny always and allow never",
				  lab->schedules[i].name, lab->schedules[i].timezone);
	if (lab->n_schedules)
		diag_note(diag, "placement linux: connections that a rule with a schedule has allowed live on when it closes");
	if (log)
		diag_note(diag, "placement linux: rules with `log: true` write nothing that `dpulab fw log` could read");
	diag_note(diag, "placement linux: table sizes are the kernel's (net.netfilter.nf_conntrack_max "
			"counts all labs together); tables.*, limits on connections, challenges and "
			"`firewall.table-full` and `firewall.timeouts` of the lab file do not apply");
}

/* The notes are about the path, not about a host: the first host says them. */
static bool is_first(const struct lab *lab, size_t host)
{
	for (size_t i = 0; i < host; i++)
		if (lab->hosts[i].path == PATH_LINUX)
			return false;
	return true;
}

static int scratch_namespace(struct netns **ret_ns, struct diag *diag)
{
	NETNS_CLEANUP struct netns *own = NULL;
	int back, err = netns_open_own(&own, diag);

	/* entering our own namespace changes nothing, but gives the way back from the new one */
	if (!err)
		err = netns_enter(own, &back);
	if (err)
		return err;
	err = unshare(CLONE_NEWNET) ? -errno : netns_open_own(ret_ns, diag);
	netns_leave(back);
	return err;
}

static int stand_in(struct netns *ns, const char *dev, unsigned number, unsigned mtu,
		    struct diag *diag)
{
	char peer_name[IFNAMSIZ];
	struct rt_end end = {.ns = ns, .name = dev, .mac.b = {2, 0, 0, 0, number >> 8, number}};
	struct rt_end peer = {.ns = ns, .name = peer_name, .mac.b = {2, 0, 0, 1, number >> 8, number}};

	/* an underscore again: cannot be a VM's name */
	snprintf(peer_name, sizeof(peer_name), "far_%u", number);
	end.mtu = peer.mtu = mtu;
	return rt_veth_add(&end, &peer, diag);
}

static int stand_ins(struct netns *ns, const struct lab *lab, size_t host, struct diag *diag)
{
	int err;

	rt_batch(ns);
	err = stand_in(ns, TOPOLOGY_UPLINK, 0, lab->fabric_mtu, diag);
	for (size_t vm = 0; !err && vm < lab->n_vms; vm++)
		if (lab->vms[vm].host == host)
			err = stand_in(ns, lab->vms[vm].name, lab->vms[vm].port,
				       lab->vms[vm].mtu, diag);
	return err ? err : rt_commit(ns, diag);
}

int linuxpath_check(const struct lab *lab, size_t host, struct diag *diag)
{
	NETNS_CLEANUP struct netns *ns = NULL;
	int err = linuxpath_find_br_netfilter(diag);

	if (is_first(lab, host))
		note_differences(lab, diag);
	if (err)
		return err;
	err = scratch_namespace(&ns, diag);
	if (err == -EPERM) {
		diag_note(diag, "placement linux was not tried out: that needs root");
		return 0;
	}
	if (!err)
		err = stand_ins(ns, lab, host, diag);
	return err ? err : linuxpath_start_in(ns, lab, host, diag);
}
