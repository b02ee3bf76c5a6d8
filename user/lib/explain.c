/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>

#include "ebpf.h"
#include "functions.h"
#include "policy.h"
#include "policy_book.h"

#define IP4_DST_AT  (14 + 16)
#define UDP_PORT_AT (14 + 20 + 2)

struct walk {
	const struct lab *lab;
	struct ebpf *hosts; /* by index; .lab NULL: not opened yet */
	struct explanation *found;
	uint64_t at_s;
	struct diag *diag;
};

/* Where a frame is about to arrive. */
struct arrival {
	size_t host;
	enum node_location where;
	uint16_t port;
	bool copy;
};

static int arrive(struct walk *walk, struct arrival to, const struct dryrun_frame *frame);

/* ---- hosts ------------------------------------------------------------------ */

static int open_host(struct walk *walk, size_t host, struct ebpf **ret_ebpf)
{
	struct ebpf *ebpf = &walk->hosts[host];
	enum frame_path path;
	int err;

	*ret_ebpf = ebpf;
	if (ebpf->lab)
		return 0;
	err = ebpf_open(walk->lab, host, ebpf, walk->diag);
	if (!err && ebpf_path(ebpf, &path))
		err = diag_error(walk->diag, -EOPNOTSUPP, "`dpulab place` moves it to a frame path of dpulab; nftables has `nft monitor trace`",
				 "host %s runs frame path linux: its firewall is the kernel's", walk->lab->hosts[host].name);
	if (err) {
		ebpf_close(ebpf);
		memset(ebpf, 0, sizeof(*ebpf));
	}
	return err;
}

/* Whose wire the fabric reaches. */
static int wire_of(struct walk *walk, size_t host, enum node_location *ret_where)
{
	enum frame_path path = PATH_HOST;
	struct ebpf *ebpf;
	int err = open_host(walk, host, &ebpf);

	if (!err)
		ebpf_path(ebpf, &path);
	*ret_where = functions_wire(path);
	return err;
}

/* ---- the fabric --------------------------------------------------------------- */

static uint16_t be16_at(const struct dryrun_frame *frame, uint32_t at)
{
	return (uint16_t)(frame->data[at] << 8 | frame->data[at + 1]);
}

static int enter_host(struct walk *walk, size_t host, bool copy, const struct dryrun_frame *frame)
{
	struct arrival to = {.host = host, .port = DPU_PORT_UPLINK, .copy = copy};
	int err = wire_of(walk, host, &to.where);

	return err ? err : arrive(walk, to, frame);
}

static bool is_vxlan(const struct dryrun_frame *frame)
{
	return frame->len >= DPU_VXLAN_OVERHEAD && be16_at(frame, 12) == ETHERTYPE_IP &&
	       be16_at(frame, UDP_PORT_AT) == DPU_VXLAN_PORT;
}

static int to_endpoint(struct walk *walk, const struct dryrun_frame *frame)
{
	for (size_t i = 0; i < walk->lab->n_hosts; i++)
		if (!memcmp(&walk->lab->hosts[i].vtep.addr.w[3], frame->data + IP4_DST_AT, 4))
			return enter_host(walk, i, false, frame);
	return 0;
}

/* The fabric is a bridge: to the host of the VM with that address, or to all. */
static int to_stations(struct walk *walk, size_t from, const struct dryrun_frame *frame)
{
	const struct lab *lab = walk->lab;
	int err = 0;

	for (size_t i = 0; i < lab->n_vms; i++)
		if (!memcmp(&lab->vms[i].mac, frame->data, sizeof(lab->vms[i].mac)))
			return lab->vms[i].host == from ? 0 : enter_host(walk, lab->vms[i].host, false, frame);
	for (size_t i = 0; !err && i < lab->n_hosts; i++)
		if (i != from)
			err = enter_host(walk, i, true, frame);
	return err;
}

/* ---- from hop to hop ------------------------------------------------------------- */

static int reach_vm(struct walk *walk, size_t vm)
{
	struct explanation *found = walk->found;
	size_t *grown = reallocarray(found->vms, found->n_vms + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	found->vms = grown;
	found->vms[found->n_vms++] = vm;
	return 0;
}

/* A frame that left by a port: what is at the other end of it? */
static int leave(struct walk *walk, struct arrival from, bool copy, const struct dryrun_frame *frame)
{
	const struct location *at = &walk->hosts[from.host].at[from.where];
	const struct port_dev *port = location_port(at, frame->port);
	struct arrival to = {.host = from.host, .where = !from.where, .port = frame->port, .copy = copy};

	if (!port)
		return 0;
	switch (port->kind) {
	case DPU_PORT_KIND_UPLINK:
		return is_vxlan(frame) ? to_endpoint(walk, frame) : to_stations(walk, from.host, frame);
	case DPU_PORT_KIND_CHANNEL:
		to.port = walk->lab->vms[port->vm].port;
		return arrive(walk, to, frame);
	case DPU_PORT_KIND_VNIC:
		if (location_has_vnic(at, port->vm))
			return reach_vm(walk, port->vm);
		to.port = DPU_PORT_CHANNEL_OF(frame->port);
		return arrive(walk, to, frame);
	default: /* the other location's wire frames */
		return arrive(walk, to, frame);
	}
}

static struct explain_hop *new_hop(struct walk *walk, struct arrival to)
{
	struct explanation *found = walk->found;
	struct explain_hop *hop = &found->hops[found->n_hops];

	if (found->n_hops == EXPLAIN_HOPS) {
		found->cut_short = true;
		return NULL;
	}
	found->n_hops++;
	hop->host = to.host;
	hop->where = to.where;
	hop->in_port = to.port;
	hop->came_alone = !to.copy;
	location_node_name(&walk->lab->hosts[to.host], to.where, hop->node);
	return hop;
}

static bool is_answer(uint8_t reason)
{
	return reason == DPU_REASON_REJECT || reason == DPU_REASON_ANSWER_TOO_BIG;
}

static int arrive(struct walk *walk, struct arrival to, const struct dryrun_frame *frame)
{
	struct explain_hop *hop = new_hop(walk, to);
	const struct dryrun_result *result;
	struct ebpf *ebpf;
	int err;

	if (!hop)
		return 0;
	err = open_host(walk, to.host, &ebpf);
	if (!err)
		err = dryrun(&ebpf->at[to.where], to.port, frame->data, frame->len, walk->at_s, &hop->result,
			     walk->diag);
	if (err)
		return err;
	result = hop->result;
	walk->found->reason = result->reason;
	if (result->verdict == DPU_VERDICT_FORWARD && !is_answer(result->reason))
		err = leave(walk, to, to.copy, &result->frame);
	for (size_t i = 0; !err && i < result->n_copies; i++)
		err = leave(walk, to, true, &result->copies[i]);
	return err;
}

/* ---- the whole ------------------------------------------------------------------------ */

/* Said of the frame as a whole, of hops that ended something: a copy's end counts only if nobody got any. */
static enum explain_end how_it_ended(const struct explanation *found)
{
	const struct dryrun_result *last = found->hops[found->n_hops - 1].result;

	if (found->n_vms)
		return EXPLAIN_DELIVERED;
	if (last->verdict == DPU_VERDICT_FORWARD && last->reason == DPU_REASON_REJECT)
		return EXPLAIN_REJECTED;
	if (last->verdict == DPU_VERDICT_FORWARD && last->reason == DPU_REASON_ANSWER_TOO_BIG)
		return EXPLAIN_ANSWERED;
	if (last->verdict == DPU_VERDICT_STACK)
		return EXPLAIN_STACK;
	return last->verdict == DPU_VERDICT_DROP ? EXPLAIN_DROPPED : EXPLAIN_LEFT;
}

static int start(struct walk *walk, const struct frame_text *frame)
{
	const struct lab_vm *vm = &walk->lab->vms[frame->vm];
	struct dryrun_frame bytes = {.data = (uint8_t *)frame->data, .len = frame->len};
	struct arrival to = {.host = vm->host, .port = vm->port};
	enum frame_path path;
	struct ebpf *ebpf;
	int err = open_host(walk, vm->host, &ebpf);

	if (err)
		return err;
	if (ebpf->has_dpu && location_has_vnic(&ebpf->at[LOCATION_DPU], frame->vm))
		to.where = LOCATION_DPU;
	else if (!ebpf_path(ebpf, &path) && path == PATH_PMD)
		to.where = LOCATION_PMD;
	return arrive(walk, to, &bytes);
}

int explain(const struct lab *lab, const struct frame_text *frame, uint64_t at_s, struct explanation *ret_explanation,
	    struct diag *diag)
{
	struct explanation found = {.hops = calloc(EXPLAIN_HOPS, sizeof(*found.hops))};
	struct walk walk = {.lab = lab, .found = &found, .at_s = at_s, .diag = diag};
	int err = -ENOMEM;

	walk.hosts = calloc(lab->n_hosts + 1, sizeof(*walk.hosts));
	if (found.hops && walk.hosts)
		err = start(&walk, frame);
	for (size_t i = 0; walk.hosts && i < lab->n_hosts; i++)
		if (walk.hosts[i].lab)
			ebpf_close(&walk.hosts[i]);
	free(walk.hosts);
	if (err) {
		explanation_free(&found);
		return err;
	}
	found.end = how_it_ended(&found);
	*ret_explanation = found;
	return 0;
}

void explanation_free(struct explanation *explanation)
{
	for (size_t i = 0; explanation->hops && i < explanation->n_hops; i++)
		dryrun_free(explanation->hops[i].result);
	free(explanation->hops);
	free(explanation->vms);
}

int explain_rules_before(const struct lab *lab, size_t vm, uint32_t rule_id, size_t *ret_n, struct diag *diag)
{
	struct policy_book *book = NULL;
	struct dpu_rule *rules;
	size_t n, count = 0;
	int err = policy_book_open(lab, &book);

	if (!err)
		err = policy_compile(book, vm, &rules, &n, diag);
	policy_book_close(book);
	if (err)
		return err;
	/* one rule of the file is several of these, one after the other */
	for (size_t i = 0; i < n && rules[i].id != rule_id; i++)
		count += !i || rules[i].id != rules[i - 1].id;
	free(rules);
	*ret_n = count;
	return 0;
}
