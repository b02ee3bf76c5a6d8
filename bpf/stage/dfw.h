/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dfw.h - the rules of one vNIC, for the first packet of a connection: the first
 * in their order that matches decides. Established packets never come here. The
 * search itself is core/classify.h.
 *
 * A policy change writes what is new to free cells, then the port's policy and last
 * its policy_gen, then bumps the port's generation counter. Who judges reads in
 * the opposite order (policy_gen first), so a judgement made in between is at
 * worst remembered under the old policy_gen and made again.
 */
#pragma once
#include "core/classify.h"
#include "core/scratch.h"
#include "core/verdict.h"
#include "core/wire.h"
#include "maps.h"

/* The two ICMPs are one protocol for rules. */
INLINE __u8 dfw_proto(__u8 proto)
{
	return proto == WIRE_PROTO_ICMP6 ? WIRE_PROTO_ICMP : proto;
}

INLINE int dfw_has_ports(__u8 proto)
{
	return proto == WIRE_PROTO_TCP || proto == WIRE_PROTO_UDP || proto == WIRE_PROTO_SCTP;
}

INLINE void dfw_count(const struct dpu_port *port, const struct pkt *p)
{
	__u32 index = port->hits_first + p->query.slot;
	struct dpu_rule_hits *rule = env_lookup(dfw_hits, &index);

	if (!rule)
		return;
	env_add(&rule->hits, 1);
	env_write(rule->last_ns, p->now_ns);
}

#define DFW_PEEK 0x10 /* beside enum dpu_direction */

INLINE void dfw_ask(const struct pkt *p, __u32 opener, __u8 direction, struct classify_query *query)
{
	*query = (struct classify_query){.rule_id = DPU_RULE_DEFAULT, .direction = direction};
	if (dfw_proto(p->ct_key.proto) == WIRE_PROTO_ICMP) {
		__u16 message = bpf_ntohs(p->ct_key.port[0]);

		query->has_ports = 1;
		query->sport = p->ct_key.icmp ? message >> 8 : p->ct_key.proto == WIRE_PROTO_ICMP ? WIRE_ICMP_ECHO : WIRE_ICMP6_ECHO;
		query->dport = p->ct_key.icmp ? message & 255 : 0;
	} else if (dfw_has_ports(p->ct_key.proto)) {
		query->has_ports = 1;
		query->sport = bpf_ntohs(opener ? p->ct_key.port[1] : p->ct_key.port[0]);
		query->dport = bpf_ntohs(opener ? p->ct_key.port[0] : p->ct_key.port[1]);
	}
	query->family = p->key.family;
	query->proto = dfw_proto(p->ct_key.proto);
}

/* The rules' answer to the query of the scratch frame. A function of its own: asked twice, verified once. */
STAGE int dfw_search(__u32 opener)
{
	struct pkt *p = scratch_pkt();
	const union dpu_ip *src, *dst;

	if (!p)
		return 1;
	src = opener ? &p->ct_key.addr[1] : &p->ct_key.addr[0];
	dst = opener ? &p->ct_key.addr[0] : &p->ct_key.addr[1];
	if (p->query.at && !classify(&p->query, src, dst))
		return 0;
	p->query.action = DPU_ACTION_DROP;
	return 1;
}

/* A rule that jumps has decided: now those it jumps to. The jump has a hit. */
INLINE void dfw_jump(const struct dpu_port *port, struct pkt *p, __u32 opener)
{
	dfw_count(port, p);
	p->answered = 0; /* another vNIC's jump has its hit, too */
	p->query.only = DPU_RULE_APPLICATION;
	p->query.rule_id = DPU_RULE_DEFAULT;
	p->query.slot = 0;
	dfw_search(opener);
}

/*
 * Has this very question been answered for the frame? Its two vNICs often share a policy, and then the second of them
 * asks what the first one has asked, but for the direction; of ct_key only the zone differs between them.
 */
INLINE int dfw_is_answered(const struct pkt *p, __u64 policy, __u64 closed, __u32 opener, __u8 direction)
{
	return policy && p->answered == policy && p->answered_closed == closed && p->opener == opener &&
	       classify_turns(&p->query, direction);
}

/* Asks the rules of the port's policy, unless they have answered. 0, or 1: there is no such policy. */
INLINE int dfw_answer(const struct dpu_port *port, struct pkt *p, __u32 opener, __u8 direction)
{
	const struct dpu_control *word = env_value(control);
	struct dpu_policy_ref policy = {.word = env_read(port->policy.word)};
	__u64 closed = env_read(word->closed);

	if (dfw_is_answered(p, policy.word, closed, opener, direction))
		return 0;
	dfw_ask(p, opener, direction, &p->query);
	p->query.closed = closed;
	p->query.at = policy.at;
	p->query.version = policy.version;
	p->answered = policy.word;
	p->answered_closed = closed;
	if (!dfw_search(opener))
		return 0;
	p->answered = 0;
	return 1;
}

/*
 * Judges the connection ct_key of the scratch frame, opened by its side
 * `opener`, in `direction` as the VM of the vNIC sees it. Returns enum
 * dpu_rule_action, DPU_ACTION_JUMP never, and sets rule_id. With DFW_PEEK in direction a rule gets no hit unless it
 * is one without state that allows. The query is in the scratch frame: the stack is short here.
 */
STAGE int dfw_judge(__u16 vnic_port, __u32 opener, __u8 direction)
{
	__u32 key = vnic_port;
	const struct dpu_port *port = env_lookup(ports, &key);
	struct pkt *p = scratch_pkt();

	if (!p || !port)
		return DPU_ACTION_DROP;
	if (!dfw_answer(port, p, opener, direction & ~DFW_PEEK)) {
		if (p->query.action == DPU_ACTION_JUMP)
			dfw_jump(port, p, opener);
		if (!(direction & DFW_PEEK) || (p->query.flags & DPU_RULE_STATELESS && p->query.action == DPU_ACTION_ALLOW))
			dfw_count(port, p);
	}
	p->query.direction = direction & ~DFW_PEEK;
	p->rule_id = p->query.rule_id;
	p->opener = opener;
	p->log = !!(p->query.flags & DPU_RULE_LOG);
	return p->query.action;
}

/* Carries a refusal out: REJECT leaves answering to the pipeline. Returns 1. */
INLINE int dfw_refuse(struct pkt *p, int action)
{
	if (action == DPU_ACTION_REJECT)
		verdict_drop(p, DPU_REASON_REJECT);
	else
		verdict_drop(p, p->rule_id == DPU_RULE_DEFAULT ? DPU_REASON_DROP_DEFAULT :
								 DPU_REASON_DROP_RULE);
	return 1;
}
