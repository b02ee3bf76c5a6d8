/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "vmmove.h"
#include "monotonic.h"

#include <errno.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>

#include "ethtool.h"
#include "frame.h"
#include "functions.h"
#include "handover.h"
#include "machine.h"
#include "movecost.h"
#include "pcie.h"
#include "qos.h"
#include "qos_check.h"
#include "tables.h"
#include "topology.h"
#include "values.h"
#include "lab_names.h"

#define RARP_FRAME 60 /* bytes, the shortest */

/* One end of a move. */
struct side {
	struct lab *lab; /* before the move, or after it */
	size_t host;
	uint16_t port; /* the vNIC's number there */
	bool xdp;
	struct ebpf ebpf;
	bool open;
};

struct vm_move {
	struct lab_session *session;
	size_t vm;
	struct side old, new;
	struct handover handover;
	struct handover shaping; /* where the switch is not where the firewall is */
	bool copying, apart;
	struct vm_move_report report;
};

static const struct lab_host *host_of(const struct side *side)
{
	return &side->lab->hosts[side->host];
}

static bool runs_in_dpu(const struct lab_host *host)
{
	return frame_path_is_dpu(host->path);
}

/* Where this host's firewalls run, and the vNIC's connections are. */
static const struct location *running(const struct side *side)
{
	return &side->ebpf.at[functions_place(host_of(side)->path, "dfw")];
}

/* Where its switch runs, and the vNIC's shapers are. */
static const struct location *switching(const struct side *side)
{
	return &side->ebpf.at[functions_place(host_of(side)->path, "dvs")];
}

/* ---- may it -------------------------------------------------------------- */

static int refuse(enum vm_move_refusal *ret_refusal, enum vm_move_refusal refusal, int err)
{
	*ret_refusal = refusal;
	return err;
}

static int check_paths(const struct vm_move *move, enum vm_move_refusal *ret_refusal, struct diag *diag)
{
	const struct lab_host *old = host_of(&move->old), *new = &move->old.lab->hosts[move->new.host];
	const struct lab_host *linux_host = old->path == PATH_LINUX ? old : new->path == PATH_LINUX ? new : NULL;

	if (linux_host)
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EINVAL, "dpulab place LAB PATH, or `host:` in the lab file and dpulab apply: a cold move",
					 "host %s is on frame path linux, whose connections cannot be handed over",
					 linux_host->name));
	for (int i = 0; i < 2; i++) {
		const struct lab_host *host = i ? new : old;

		if (host->path == PATH_PMD || host->path == PATH_SRIOV)
			return refuse(ret_refusal, VM_MOVE_USAGE,
				      diag_error(diag, -EINVAL, "dpulab place LAB PATH, or `host:` in the lab file and dpulab apply: a cold move",
						 "host %s is on frame path %s: a VM moves with its connections on host, dpu-mux, dpu-upt and mixed placements",
						 host->name, frame_path_name(host->path)));
	}
	if (old->path != new->path && (frame_path_is_mixed(old->path) || frame_path_is_mixed(new->path)))
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EINVAL, "dpulab place LAB PATH, for both hosts",
					 "host %s is placed %s, host %s %s: from or to a mixed placement a VM moves between equals only",
					 old->name, frame_path_name(old->path), new->name, frame_path_name(new->path)));
	if (old->hook != new->hook)
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EINVAL, "dpulab place LAB PATH --hook HOOK",
					 "host %s is served by %s, host %s by %s: the VM's offloads would have to change",
					 old->name, lab_hook_name(old->hook), new->name, lab_hook_name(new->hook)));
	return 0;
}

static const char *model_of(const struct lab_host *host)
{
	return host->dpu_model ? host->dpu_model : host->profile_name ? host->profile_name : "unnamed model";
}

static int check_models(const struct vm_move *move, const struct vm_move_request *request,
			enum vm_move_refusal *ret_refusal, struct diag *diag)
{
	const struct lab_host *old = host_of(&move->old), *new = &move->old.lab->hosts[move->new.host];

	if (request->any_model || !runs_in_dpu(old) || !runs_in_dpu(new) || !strcmp(model_of(old), model_of(new)))
		return 0;
	return refuse(ret_refusal, VM_MOVE_WANTING,
		      diag_error(diag, -EXDEV, "--any-model moves it all the same; vSphere would not",
				 "the DPUs of %s (%s) and %s (%s) differ: connections move between DPUs of one model only",
				 old->name, model_of(old), new->name, model_of(new)));
}

static int find_ends(struct vm_move *move, const struct vm_move_request *request, enum vm_move_refusal *ret_refusal,
		     struct diag *diag)
{
	struct lab *lab = move->old.lab;
	const struct lab_vm *vm = lab_find_vm(lab, request->vm);
	const struct lab_host *to = lab_find_host(lab, request->host);

	if (!vm || !to)
		return vm ? lab_need_host(lab, request->host, diag) : lab_need_vm(lab, request->vm, diag);
	if (vm->loaded)
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EINVAL, "dpulab unload and load it there",
					 "%s is a loaded interface: its wire ends at this host", vm->name));
	if (vm->type == VM_BARE_METAL)
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EINVAL, "`host:` in the lab file and dpulab apply: another machine of that name",
					 "%s is host %s itself, and does not move", vm->name, lab->hosts[vm->host].name));
	if (lab_bare_machine(lab, (size_t)(to - lab->hosts)) != SIZE_MAX)
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EINVAL, NULL, "host %s is itself a machine of the lab, and runs no VMs", to->name));
	move->vm = (size_t)(vm - lab->vms);
	move->old.host = vm->host;
	move->old.port = vm->port;
	move->new.host = (size_t)(to - lab->hosts);
	if (move->new.host == vm->host)
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EALREADY, NULL, "%s is on host %s already", vm->name, to->name));
	if (lab_same_machine(lab, vm->host, move->new.host))
		return refuse(ret_refusal, VM_MOVE_USAGE,
			      diag_error(diag, -EOPNOTSUPP, "`host:` in the lab file and dpulab apply: a cold move",
					 "%s and %s are two switches of one machine: a VM moves between machines",
					 lab->hosts[vm->host].name, to->name));
	if (!lab_is_whole(move->session))
		return diag_error(diag, -ESTALE, "dpulab up LAB.yaml repairs it", "lab %s is broken", lab->name);
	return 0;
}

/* ---- before -------------------------------------------------------------- */

/* Admission control of Network I/O Control: the new host's uplink has to have what the vNIC has reserved. */
static int check_reservation(const struct vm_move *move, enum vm_move_refusal *ret_refusal, struct diag *diag)
{
	const struct lab_vm *vm = &move->new.lab->vms[move->vm];
	char wanted[VALUE_TEXT_MAX], there[VALUE_TEXT_MAX];
	uint64_t sum, most;

	if (qos_admits(move->new.lab, vm, &sum, &most))
		return 0;
	return refuse(ret_refusal, VM_MOVE_WANTING,
		      diag_error(diag, -ENOSPC, "lower its reservation, or raise nioc.classes.vm.reservation",
				 "host %s does not admit %s: with it vNICs have reserved %s there, and class vm has %s",
				 move->new.lab->hosts[vm->host].name, vm->name, scaled_format(sum, wanted),
				 scaled_format(most, there)));
}

/* The lab after the move, its hosts placed as they are now. */
static int plan_after(struct vm_move *move, enum vm_move_refusal *ret_refusal, struct diag *diag)
{
	struct lab *old = move->old.lab, *new;
	int err = lab_read_stored(move->session->state, old->name, &move->session->loaded, &new, diag);

	if (err)
		return err;
	move->new.lab = new;
	moved_put(new, move->vm, move->new.host, DPU_PORT_NONE);
	err = lab_keep_numbers(old, new, diag);
	if (!err)
		err = place_read_all(new, diag);
	move->new.port = new->vms[move->vm].port;
	return err ? err : check_reservation(move, ret_refusal, diag);
}

static struct netns *ns_of(const struct side *side, enum node_location where)
{
	return side->ebpf.at[where].ns;
}

static struct rt_end end_of(const struct vm_move *move, struct netns *ns, const char *node, const char *dev)
{
	return (struct rt_end){.ns = ns,
			       .name = dev,
			       .mtu = topology_channel_mtu(move->new.lab, move->vm),
			       .mac = topology_mac(move->new.lab->name, node, dev)};
}

static int make_pair(const struct rt_end ends[static 2], struct diag *diag)
{
	int err = 0;

	if (rt_ifindex(ends[0].ns, ends[0].name) > 0)
		return 0;
	err = rt_veth_add(&ends[0], &ends[1], diag);
	for (int i = 0; !err && i < 2; i++) {
		err = rt_link_up(ends[i].ns, rt_ifindex(ends[i].ns, ends[i].name), true, diag);
		if (!err)
			err = ethtool_set(ends[i].ns, ends[i].name, ETHTOOL_GRO, true, diag);
	}
	return err;
}

/* The PCIe channel of the vNIC at its new host to one of its DPUs; an emulated link, which a host with one has, has two pairs. */
static int make_channel(struct vm_move *move, unsigned dpu, struct diag *diag)
{
	const struct side *new = &move->new;
	const struct lab_host *host = host_of(new);
	char host_dev[IFNAMSIZ], dpu_dev[IFNAMSIZ], dpu_node[NODE_FULL_MAX], link_node[NODE_FULL_MAX];
	struct netns *link NETNS_CLEANUP = NULL, *dpu_ns NETNS_CLEANUP = NULL;
	struct rt_end near, far;
	int err = topology_open_dpu_of(new->lab, new->host, dpu, &dpu_ns, diag);

	if (!err && pcie_is_emulated(host))
		err = topology_open_pcie_of(new->lab, new->host, dpu, &link, diag);
	if (err)
		return err;
	topology_channel_host(topology_slot(host, dpu), new->port, host_dev);
	topology_channel_dpu(new->port, dpu_dev);
	topology_pcie_of(host, dpu, link_node);
	near = end_of(move, ns_of(new, LOCATION_HOST), host->node, host_dev);
	far = end_of(move, dpu_ns, topology_dpu_of(host, dpu, dpu_node), dpu_dev);
	if (!link)
		return make_pair((struct rt_end[]){near, far}, diag);
	err = make_pair((struct rt_end[]){near, end_of(move, link, link_node, host_dev)}, diag);
	return err ? err : make_pair((struct rt_end[]){end_of(move, link, link_node, dpu_dev), far}, diag);
}

static int open_side(struct side *side, struct diag *diag)
{
	int err = ebpf_open(side->lab, side->host, &side->ebpf, diag);

	side->open = !err;
	if (!err)
		side->xdp = ebpf_xdp_serves(&side->ebpf);
	return err;
}

/* Queues of the new host, as far as their devices are there: a frame meets its queue from the first one on. */
static int set_queues(const struct vm_move *move, struct diag *diag)
{
	return qos_set(move->new.lab, move->new.host, host_of(&move->new)->path, true, diag);
}

static int open_copies(struct vm_move *move, struct diag *diag)
{
	const uint16_t from = move->old.port, to = move->new.port;
	int err = handover_open_vnic(running(&move->old)->dp, from, running(&move->new)->dp, to, &move->handover, diag);

	if (err || running(&move->old)->where == switching(&move->old)->where)
		return err;
	err = handover_open_vnic(switching(&move->old)->dp, from, switching(&move->new)->dp, to, &move->shaping, diag);
	if (err) {
		handover_close(&move->handover);
		return err;
	}
	move->handover.parts = HANDOVER_FIREWALL;
	move->shaping.parts = HANDOVER_SWITCH;
	move->apart = true;
	return 0;
}

/* The new side knows the vNIC, its rules, slots and queues, and its way, before anything moves. */
static int prepare(struct vm_move *move, struct diag *diag)
{
	int err = open_side(&move->new, diag);

	for (unsigned dpu = 0; !err && dpu < lab_n_dpus(host_of(&move->new)); dpu++)
		err = make_channel(move, dpu, diag);
	if (!err)
		err = ebpf_refresh(&move->new.ebpf, diag);
	if (!err)
		err = ebpf_serve(&move->new.ebpf, move->new.xdp, diag);
	if (!err)
		err = set_queues(move, diag);
	if (!err)
		err = open_copies(move, diag);
	move->copying = !err;
	return err;
}

static void longest(double *longest_ms, double ms)
{
	if (ms > *longest_ms)
		*longest_ms = ms;
}

/* A device passed through to the VM's DPU cannot be handed to another one: on dpu-mux it can. */
static int fall_back(struct vm_move *move, struct diag *diag)
{
	double blackout_ms = 0;
	int err;

	if (!location_has_vnic(&move->old.ebpf.at[LOCATION_DPU], move->vm))
		return 0;
	move->report.fell_back = true;
	err = ebpf_move_vnic(&move->old.ebpf, move->vm, LOCATION_HOST, move->old.xdp, &blackout_ms, diag);
	longest(&move->report.blackout_ms, blackout_ms);
	return err;
}

static int copy(struct vm_move *move, double *ret_ms, struct diag *diag)
{
	double begin = monotonic_s() * 1e3;
	int err = handover_copy(&move->handover, diag);

	if (!err && move->apart)
		err = handover_copy(&move->shaping, diag);
	*ret_ms = monotonic_s() * 1e3 - begin;
	move->report.bytes += move->handover.n_counted * (sizeof(struct dpu_ct_key) + sizeof(struct dpu_ct));
	return err;
}

/* ---- the move ------------------------------------------------------------ */

/* Reverse ARP in the VM's name, as vSphere sends it: every switch on its way learns where the VM is now. */
static int announce(const struct vm_move *move, struct diag *diag)
{
	const struct lab_vm *vm = &move->new.lab->vms[move->vm];
	static const uint8_t rarp[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3}; /* RFC 903: request reverse */
	struct netns *ns NETNS_CLEANUP = NULL;
	uint8_t frame[RARP_FRAME] = {};
	int err = topology_open_vm(move->new.lab, move->vm, &ns, diag);

	if (err)
		return err;
	memset(frame, 0xff, ETH_ALEN);
	memcpy(frame + ETH_ALEN, vm->mac.b, ETH_ALEN);
	memcpy(frame + 2 * ETH_ALEN, rarp, sizeof(rarp));
	memcpy(frame + 2 * ETH_ALEN + sizeof(rarp), vm->mac.b, ETH_ALEN);	 /* sender */
	memcpy(frame + 2 * ETH_ALEN + sizeof(rarp) + 10, vm->mac.b, ETH_ALEN); /* target */
	return frame_send(ns, TOPOLOGY_VM_DEV, frame, sizeof(frame), diag);
}

static int flip(struct vm_move *move, struct diag *diag)
{
	const struct dataplane *dp = running(&move->new)->dp;
	const enum frame_path path = host_of(&move->new)->path;
	const enum node_location where = running(&move->new)->where;
	const uint32_t functions = functions_at(path, where), flags = functions_flags(path, where);
	double begin;
	int err = ebpf_keep_neighbours(move->old.lab, move->vm, diag);

	/* what opens between the two copies is taken over in mid-stream */
	if (!err)
		err = tables_set_control(dp, functions, flags | HANDOVER_TAKING, diag);
	begin = monotonic_s() * 1e3;
	if (!err)
		err = ebpf_move_device(&move->old.ebpf.at[LOCATION_HOST], &move->new.ebpf.at[LOCATION_HOST], move->vm,
				       move->new.xdp, diag);
	move->report.flip_ms = monotonic_s() * 1e3 - begin;
	longest(&move->report.blackout_ms, move->report.flip_ms);
	if (!err)
		err = announce(move, diag);
	if (!err) /* the device has left its queue behind */
		err = set_queues(move, diag);
	if (!err)
		err = copy(move, &move->report.delta_ms, diag);
	if (!err)
		err = tables_set_control(dp, functions, flags | HANDOVER_NONE, diag);
	if (!err && move->apart)
		err = handover_clear_vnic(switching(&move->old)->dp, move->old.port, diag);
	return err ? err : handover_clear_vnic(running(&move->old)->dp, move->old.port, diag);
}

static void close_sides(struct vm_move *move)
{
	if (move->copying)
		handover_close(&move->handover);
	if (move->apart)
		handover_close(&move->shaping);
	if (move->old.open)
		ebpf_close(&move->old.ebpf);
	if (move->new.open)
		ebpf_close(&move->new.ebpf);
	move->copying = move->apart = move->old.open = move->new.open = false;
}

/* Back to dpu-upt, if that is the path of the new host. */
static int come_back(struct vm_move *move, struct diag *diag)
{
	double blackout_ms = 0;
	int err;

	if (host_of(&move->new)->path != PATH_DPU_UPT)
		return 0;
	err = ebpf_move_vnic(&move->new.ebpf, move->vm, LOCATION_DPU, move->new.xdp, &blackout_ms, diag);
	longest(&move->report.blackout_ms, blackout_ms);
	return err ? err : set_queues(move, diag);
}

/* The lab of the session is the one after the move; what the old host had of the VM goes. */
static int settle(struct vm_move *move, struct diag *diag)
{
	struct lab_session *session = move->session;
	struct lab_report ignored;

	session->lab = move->new.lab;
	move->new.lab = move->old.lab;
	return lab_repair(session, &ignored, diag);
}

/* Nothing has moved yet: as it was. */
static int take_back(struct vm_move *move, int err)
{
	struct lab_report ignored;

	moved_write(move->session->state, move->old.lab, NULL);
	lab_repair(move->session, &ignored, NULL);
	return err;
}

static int write_down(const struct vm_move *move, struct diag *diag)
{
	const struct state *state = move->session->state;
	int err = state_remove(state, STATE_READY, diag);

	return err ? err : moved_write(state, move->new.lab, diag);
}

/* While its device is on its way the VM's own end refuses what the VM sends. */
static uint64_t dropped(const struct vm_move *move)
{
	uint64_t sum = move_cost_read(&move->old.ebpf).dropped + move_cost_read(&move->new.ebpf).dropped;
	struct netns *ns NETNS_CLEANUP = NULL;
	struct rtnl_link_stats64 stats;

	if (!topology_open_vm(move->old.lab, move->vm, &ns, NULL) && !rt_link_stats(ns, TOPOLOGY_VM_DEV, &stats, NULL))
		sum += stats.tx_dropped;
	return sum;
}

/* *ret_gone: the vNIC's device may have left the old host. */
static int hand_over(struct vm_move *move, bool *ret_gone, struct diag *diag)
{
	uint64_t before = 0;
	int err = open_side(&move->old, diag);

	if (!err)
		err = prepare(move, diag);
	if (!err)
		before = dropped(move);
	if (!err)
		err = fall_back(move, diag);
	if (!err)
		err = copy(move, &move->report.bulk_ms, diag);
	if (err)
		return err;
	*ret_gone = true;
	err = flip(move, diag);
	if (!err)
		err = come_back(move, diag);
	move->report.dropped = dropped(move) - before;
	move->report.connections = move->handover.connections;
	return err;
}

static int run(struct vm_move *move, struct diag *diag)
{
	struct machine_hurry hurry;
	bool gone = false;
	int err = write_down(move, diag);

	if (err)
		return err;
	machine_hurry(&hurry);
	err = hand_over(move, &gone, diag);
	machine_calm(&hurry);
	close_sides(move);
	if (err)
		return gone ? err : take_back(move, err);
	return settle(move, diag);
}

int vm_move(struct lab_session *session, const struct vm_move_request *request, struct vm_move_report *ret_report,
	    enum vm_move_refusal *ret_refusal, struct diag *diag)
{
	struct vm_move move = {.session = session, .old = {.lab = session->lab}};
	double begin = monotonic_s() * 1e3;
	int err = place_read_all(session->lab, diag);

	*ret_refusal = VM_MOVE_POSSIBLE;
	if (!err)
		err = find_ends(&move, request, ret_refusal, diag);
	if (!err)
		err = check_paths(&move, ret_refusal, diag);
	if (!err)
		err = check_models(&move, request, ret_refusal, diag);
	if (!err)
		err = plan_after(&move, ret_refusal, diag);
	if (!err) {
		move.report.from_path = host_of(&move.old)->path;
		move.report.to_path = host_of(&move.new)->path;
		err = run(&move, diag);
	}
	move.report.total_ms = monotonic_s() * 1e3 - begin;
	move.report.from = session->lab->hosts[move.old.host].name;
	move.report.to = session->lab->hosts[move.new.host].name;
	if (!err)
		*ret_report = move.report;
	lab_free(move.new.lab);
	return err;
}
