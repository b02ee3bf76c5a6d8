/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "lab_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "config.h"
#include "ethtool.h"
#include "foreign.h"
#include "foreign_guard.h"
#include "foreign_proof.h"
#include "lab_check.h"
#include "lab_stored.h"
#include "rt.h"

#define MTU_MIN 576
#define MTU_MAX 9216

/* ---- the lab after the change ---------------------------------------------- */

int lab_read_stored(const struct state *state, const char *name, const struct loaded *loaded, struct lab **ret_lab,
		    struct diag *diag)
{
	int err = lab_stored_read(state, name, ret_lab, diag);

	if (err)
		return err;
	err = loaded_extend(loaded, *ret_lab, diag);
	if (err) {
		lab_free(*ret_lab);
		*ret_lab = NULL;
	}
	return err;
}

/* Writes the list down and makes it so. */
static int reshape(struct lab_session *session, struct diag *diag)
{
	struct lab *new = NULL;
	int err = loaded_write(session->state, &session->loaded, diag);

	if (!err)
		err = lab_read_stored(session->state, session->lab->name, &session->loaded, &new, diag);
	if (!err)
		err = lab_reshape(session->state, session->lab, new, &session->loaded, diag);
	if (err) {
		lab_free(new);
		return err;
	}
	lab_free(session->lab);
	session->lab = new;
	return 0;
}

/* ---- a place for the port ---------------------------------------------------- */

static int refuse_taken(const struct load_request *request, const struct loaded_port *port, struct diag *diag)
{
	char hint[64];

	snprintf(hint, sizeof(hint), "dpulab unload %s first", port->dev);
	if (strcmp(port->name, request->name))
		return diag_error(diag, -EBUSY, hint, "%s is port %s already", request->dev, port->name);
	return diag_error(diag, -EBUSY, hint, "port %s is served by another interface: %s", port->name, port->dev);
}

/* The interface as loaded before, or NULL. -EBUSY if it, or the name, is loaded otherwise. */
static int find_before(const struct lab_session *session, const struct load_request *request, uint64_t ns,
		       struct loaded_port **ret_port, struct diag *diag)
{
	*ret_port = NULL;
	for (size_t i = 0; i < session->loaded.n; i++) {
		struct loaded_port *port = &session->loaded.list[i];
		bool same_dev = port->ns == ns && !strcmp(port->dev, request->dev);
		bool same_name = !strcmp(port->name, request->name);

		if (same_dev != same_name)
			return refuse_taken(request, port, diag);
		if (same_dev)
			*ret_port = port;
	}
	return 0;
}

static uint16_t free_port(const struct lab *lab, size_t host)
{
	for (uint16_t port = DPU_PORT_VNIC_MIN; port <= DPU_PORT_VNIC_MAX; port++) {
		size_t i = 0;

		while (i < lab->n_vms && (lab->vms[i].host != host || lab->vms[i].port != port))
			i++;
		if (i == lab->n_vms)
			return port;
	}
	return DPU_PORT_NONE;
}

/* A name that is no VM's. */
static int choose_place(const struct lab *lab, const struct load_request *request, struct loaded_port *port,
			struct diag *diag)
{
	struct lab *found = (struct lab *)lab;
	const struct lab_host *host = request->host ? lab_find_host(found, request->host) : lab->hosts;
	const struct lab_group *group = request->group ? lab_find_group(found, request->group) : lab->groups;

	if (lab_check_port_name(lab, port->name, diag))
		return -EINVAL;
	if (!host || !lab->n_hosts)
		return diag_error(diag, -ENOENT, NULL, "lab %s has no host %s", lab->name,
				  request->host ? request->host : "at all");
	if (!group || !lab->n_groups)
		return diag_error(diag, -ENOENT, NULL, "lab %s has no port group %s", lab->name,
				  request->group ? request->group : "at all");
	if (lab_bare_machine(lab, host - lab->hosts) != SIZE_MAX)
		return diag_error(diag, -EINVAL, "name another host with --host",
				  "host %s is itself a machine of the lab: it has no switch that other interfaces could be ports of",
				  host->name);
	port->extra = true;
	port->port = free_port(lab, host - lab->hosts);
	if (!port->port)
		return diag_error(diag, -ENOSPC, NULL, "host %s has no port left", host->name);
	snprintf(port->host, sizeof(port->host), "%s", host->name);
	snprintf(port->group, sizeof(port->group), "%s", group->name);
	return 0;
}

/* The lab file says where the VM is. */
static int take_vm(const struct lab *lab, const struct lab_vm *vm, const struct load_request *request,
		   struct loaded_port *port, struct diag *diag)
{
	snprintf(port->host, sizeof(port->host), "%s", lab->hosts[vm->host].name);
	snprintf(port->group, sizeof(port->group), "%s", lab->groups[vm->group].name);
	port->port = vm->port;
	port->mtu = vm->mtu;
	if (vm->type == VM_BARE_METAL)
		return diag_error(diag, -EINVAL, "load it under another name, on another host",
				  "machine %s is host %s itself: no interface can take its place", vm->name, port->host);
	if (request->host && strcmp(request->host, port->host))
		return diag_error(diag, -EINVAL, NULL, "VM %s is on host %s", vm->name, port->host);
	if (request->group && strcmp(request->group, port->group))
		return diag_error(diag, -EINVAL, NULL, "VM %s is in port group %s", vm->name, port->group);
	return 0;
}

static void warn_about(const struct lab *lab, const struct rt_link *link, const struct loaded_port *port,
		       struct diag *diag)
{
	const struct lab_group *group = lab_find_group((struct lab *)lab, port->group);
	unsigned carries = port->extra ? lab_group_mtu(lab, group) : port->mtu;

	if (link->mtu > carries)
		diag_warn(diag, "lower its MTU and that of what is behind it",
			  "%s has an MTU of %u, but port %s carries %u", port->dev, link->mtu, port->name, carries);
	if (link->master)
		diag_warn(diag, "take it out of there: `ip link set ... nomaster`",
			  "%s is part of a bridge or bond, which goes on sending to it", port->dev);
}

static int describe(const struct lab *lab, const struct load_request *request, struct netns *ns,
		    struct loaded_port *port, struct diag *diag)
{
	const struct lab_vm *vm = lab_find_vm((struct lab *)lab, request->name);
	struct rt_link link;
	int err = rt_link_get(ns, request->dev, &link, diag);

	if (err)
		return err;
	*port = (struct loaded_port){.ns = netns_inode(ns), .ifindex = (unsigned)link.ifindex};
	if (strlen(request->name) >= sizeof(port->name))
		return diag_error(diag, -EINVAL, NULL, "a port's name has at most %d characters", NODE_NAME_MAX - 1);
	snprintf(port->name, sizeof(port->name), "%s", request->name);
	snprintf(port->dev, sizeof(port->dev), "%s", request->dev);
	port->mtu = (uint16_t)(link.mtu < MTU_MIN ? MTU_MIN : link.mtu > MTU_MAX ? MTU_MAX : link.mtu);
	err = vm ? take_vm(lab, vm, request, port, diag) : choose_place(lab, request, port, diag);
	if (!err)
		warn_about(lab, &link, port, diag);
	return err;
}

/* ---- the hook ------------------------------------------------------------------ */

/* auto: XDP where the driver may have it; on veth and tap tc keeps the offloads. */
static bool wants_xdp(struct netns *ns, const struct load_request *request, struct load_report *report)
{
	static const char *const virtual[] = {"veth", "tun", "bridge", "dummy", "macvlan", "ipvlan", "bonding"};
	char driver[32];

	if (request->hook == LAB_HOOK_TC)
		snprintf(report->why, sizeof(report->why), "as asked");
	if (request->hook != LAB_HOOK_AUTO)
		return request->hook == LAB_HOOK_XDP;
	snprintf(report->why, sizeof(report->why), "a virtual device: tc keeps its offloads");
	if (ethtool_driver(ns, request->dev, driver))
		return false;
	for (size_t i = 0; i < sizeof(virtual) / sizeof(*virtual); i++)
		if (!strcmp(driver, virtual[i]))
			return false;
	return true;
}

/* false, and the reason in why: the driver does not take it. */
static bool attach_xdp(const struct location *relay, const char *dev, struct load_report *report)
{
	struct diag quiet = {};
	int err = attach_prog(relay->dp, DATAPLANE_XDP, dev, &quiet);

	if (err)
		snprintf(report->why, sizeof(report->why), "%s", quiet.n ? quiet.records[0].message : strerror(-err));
	diag_clear(&quiet);
	return !err;
}

static bool convinces(enum foreign_proof proof, const struct load_request *request)
{
	return proof == PROOF_PASSES || (proof == PROOF_NONE && request->unproven);
}

/* XDP is at the interface alone meanwhile, and not even there if nothing can be tried: some NICs restart for it. */
static int prove(const struct location *relay, const char *dev, const struct load_request *request,
		 struct load_report *report, struct diag *diag)
{
	bool trial = foreign_can_try(relay);
	char why[sizeof(report->why) - 40] = "";
	enum foreign_proof proof;
	int err;

	if (trial && !attach_xdp(relay, dev, report))
		return 0;
	err = foreign_prove_tcp(relay, &proof, why, sizeof(why), diag);
	if (err)
		return err;
	snprintf(report->why, sizeof(report->why), "%s%s%s", why, proof == PROOF_NONE ? ", so TCP over XDP is not proved" : "",
		 proof == PROOF_NONE && request->unproven ? ", as asked" : "");
	report->xdp = convinces(proof, request);
	if (report->xdp && !trial)
		report->xdp = attach_xdp(relay, dev, report);
	return report->xdp ? 0 : detach_prog(relay->dp, DATAPLANE_XDP, dev, diag);
}

/* The port works by tc when this begins. */
static int choose_hook(struct lab_session *session, struct netns *ns, const struct load_request *request,
		       struct load_report *report, struct diag *diag)
{
	struct loaded_port *port = loaded_find(&session->loaded, request->name);
	struct location relay;
	int err;

	if (!wants_xdp(ns, request, report))
		return 0;
	err = foreign_open(session->lab, port, &relay, diag);
	if (err)
		return err;
	err = prove(&relay, port->dev, request, report, diag);
	location_close(&relay);
	if (err || !report->xdp)
		return err;
	port->xdp = true;
	err = loaded_write(session->state, &session->loaded, diag);
	return err ? err : foreign_build(session->state, session->lab, &session->loaded, diag);
}

/* ---- load, unload ---------------------------------------------------------------- */

static int take_out(struct lab_session *session, struct loaded_port *port, struct diag *diag)
{
	int err = state_remove(session->state, STATE_READY, diag);

	if (!err)
		err = foreign_leave(session->lab->name, port, diag);
	if (err)
		return err;
	loaded_remove(&session->loaded, port->name);
	return reshape(session, diag);
}

static int put_in(struct lab_session *session, const struct load_request *request, struct netns *ns,
		  struct load_report *report, struct diag *diag)
{
	struct loaded_port described, *port;
	bool is_new;
	int err = find_before(session, request, netns_inode(ns), &port, diag);

	is_new = !port;
	if (!err && is_new) {
		err = describe(session->lab, request, ns, &described, diag);
		port = err ? NULL : loaded_add(&session->loaded, &described);
	}
	if (err || !port)
		return err ? err : -ENOMEM;
	port->xdp = false;
	snprintf(report->host, sizeof(report->host), "%s", port->host);
	snprintf(report->group, sizeof(report->group), "%s", port->group);
	report->port = port->port;
	err = reshape(session, diag);
	if (!err)
		err = choose_hook(session, ns, request, report, diag);
	/* what failed is said already; a second failure would only hide it */
	if (err && is_new && (port = loaded_find(&session->loaded, request->name)))
		take_out(session, port, NULL);
	return err;
}

static int refuse_broken(const struct lab_session *session, struct diag *diag)
{
	if (lab_is_whole(session))
		return 0;
	return diag_error(diag, -ESTALE, "dpulab up LAB.yaml repairs it", "lab %s is broken", session->lab->name);
}

int lab_load(struct lab_session *session, const struct load_request *request, struct load_report *ret_report,
	     struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	struct load_report report = {};
	int err = refuse_broken(session, diag);

	if (!err)
		err = netns_open_own(&ns, diag);
	if (!err)
		err = foreign_guard(ns, session->lab->name, request, diag);
	if (!err)
		err = put_in(session, request, ns, &report, diag);
	if (!err)
		*ret_report = report;
	return err;
}

/* In the caller's namespace, or in one that has gone. */
static struct loaded_port *find_loaded(const struct lab_session *session, const char *dev)
{
	struct loaded_port *gone = NULL;
	struct netns *ns;
	uint64_t own = 0;

	if (!netns_open_own(&ns, NULL)) {
		own = netns_inode(ns);
		netns_close(ns);
	}
	for (size_t i = 0; i < session->loaded.n; i++) {
		struct loaded_port *port = &session->loaded.list[i];

		if (strcmp(port->dev, dev))
			continue;
		if (port->ns == own)
			return port;
		if (!foreign_is_there(port))
			gone = port;
	}
	return gone;
}

int lab_unload(struct lab_session *session, const char *dev, struct diag *diag)
{
	struct loaded_port *port = find_loaded(session, dev);

	if (!port)
		return diag_error(diag, -ENOENT, "dpulab ls LAB lists what is loaded",
				  "%s is not loaded for lab %s in this namespace", dev, session->lab->name);
	return take_out(session, port, diag);
}
