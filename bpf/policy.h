/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy.h - the firewall of one vNIC, in one direction: what passes because it
 * belongs to a connection, what may start one, what is refused. Puts together
 * stage/{admit,conntrack,dfw,fragment}.h as pipeline.h does for the whole.
 *
 * Rules of category ethernet are asked first, about every frame. Outside of the others, and let through
 * by them: frames that are not IP (ARP among them) and ARP's counterpart in IPv6, neighbour solicitation and
 * advertisement. All other ICMPv6 is for the rules.
 */
#pragma once
#include "core/gen.h"
#include "core/rate.h"
#include "core/tcp_state.h"
#include "core/tcp_window.h"
#include "stage/admit.h"
#include "stage/conntrack.h"
#include "stage/dfw.h"
#include "stage/dfwlog.h"
#include "stage/fragment.h"
#include "stage/l2.h"
#include "stage/port.h"

/*
 * What a step says. Steps are functions of their own that one caller calls one
 * after the other, so that their stacks do not add up.
 */
enum policy_result {
	POLICY_PASS = 0,
	POLICY_DECIDED = 1, /* the verdict is set */
	POLICY_START,	    /* of no connection: it may start one */
	POLICY_REOPEN,	    /* the same, with the ports of one that has ended */
	POLICY_CLOSING,	    /* passes and ends its connection's entries in the flow cache */
	POLICY_STALE,	    /* its connection has to be judged anew first */
	POLICY_COUNTER,	    /* a request from the side that was asked, or an answer to one */
};

INLINE int policy_exempt(const struct pkt *p)
{
	__u8 type = p->icmp_type;

	if (p->l3 != PKT_L3_IP4 && p->l3 != PKT_L3_IP6)
		return 1;
	return p->key.proto == WIRE_PROTO_ICMP6 && p->frag == PKT_FRAG_NONE && !p->unjudgeable &&
	       (type == WIRE_ICMP6_NEIGHBOUR_SOLICIT || type == WIRE_ICMP6_NEIGHBOUR_ADVERTISE);
}

/* An answer to a request: it starts nothing. */
INLINE int policy_is_icmp_reply(const struct pkt *p)
{
	return tuple_is_icmp(p->key.proto) && tuple_icmp_request(p->key.proto, p->icmp_type) != p->icmp_type;
}

INLINE __u8 policy_direction(int inbound)
{
	return inbound ? DPU_DIR_IN : DPU_DIR_OUT;
}

INLINE int policy_invalid(struct pkt *p)
{
	verdict_drop(p, DPU_REASON_DROP_CT_INVALID);
	return 1;
}

INLINE __u32 policy_gen_of(const struct dpu_port *port)
{
	const struct dpu_control *word = env_value(control);

	return dpu_policy_gen(env_read(port->policy_gen), env_read(port->flags), env_read(word->edges));
}

INLINE __u32 policy_handover(void)
{
	const struct dpu_control *word = env_value(control);

	return env_read(word->handover) & DPU_HANDOVER_MASK;
}

/* While this side is being drained, what it does not know belongs to the other: the whole frame, untouched. */
INLINE int policy_relay(struct pkt *p)
{
	__u32 key = p->raw_port;
	const struct dpu_port *port = env_lookup(ports, &key);
	__u32 to = port ? port_relay(port, p->raw_port) : DPU_PORT_NONE;

	p->cacheable = 0;
	if (to)
		verdict_forward(p, to, DPU_FLOW_FORWARD, DPU_REASON_RELAY);
	else
		verdict_drop(p, DPU_REASON_DROP_NO_PORT);
	return 1;
}

/* What is not known here: relayed during a handover, else dropped. */
INLINE int policy_unknown(struct pkt *p, __u8 reason)
{
	if (policy_handover() == DPU_HANDOVER_DRAIN)
		return policy_relay(p);
	verdict_drop(p, reason);
	return 1;
}

/* The connection that the scratch frame may start, opened by side `opener`. */
INLINE void policy_start_as(struct pkt *p, __u8 state, __u8 flags, __u32 opener, int inbound)
{
	flags |= opener ? DPU_CT_F_ORIG_SIDE : 0;
	flags |= inbound ? DPU_CT_F_INBOUND : 0;
	p->start_state = state;
	p->start_flags = flags;
}

/*
 * A policy that fails open, and the table was full a moment ago: frames of connections
 * that found no place are to be expected.
 */
INLINE int policy_overflowed(const struct pkt *p)
{
	const struct dpu_ct_count *when = ct_count(DPU_PORT_NONE);
	__u32 key = p->vnic, full;
	const struct dpu_port *port = env_lookup(ports, &key);

	if (!when || !port || !(port->flags & DPU_PORT_F_FAIL_OPEN))
		return 0;
	full = env_read(when->connections);
	return full && (__u32)(p->now_ns >> DPU_CT_FULL_SHIFT) - full < DPU_CT_FULL_LASTS;
}

INLINE int policy_untracked(struct pkt *p)
{
	struct dpu_node_stats *stats = stats_node();

	p->cacheable = 0;
	if (stats)
		stats->ct_untracked++;
	return POLICY_PASS;
}

/*
 * A frame in the middle of a connection that the other location has not told us
 * about yet, or that found no place: who opened it cannot be seen, so it may live if
 * the rules let either end open it. tracked: it shall have an entry now.
 */
INLINE int policy_take_over(struct pkt *p, int tracked)
{
	__u32 opener = p->ct_side;
	int inbound = p->inbound;
	int action = dfw_judge(p->vnic, opener, policy_direction(inbound));

	if (action != DPU_ACTION_ALLOW) {
		opener = !opener;
		inbound = !inbound;
		action = dfw_judge(p->vnic, opener, policy_direction(inbound));
	}
	if (action != DPU_ACTION_ALLOW)
		return policy_invalid(p);
	if (!tracked)
		return policy_untracked(p);
	policy_start_as(p, DPU_CT_ESTABLISHED, DPU_CT_F_TAKEN_OVER | DPU_CT_F_REPLY_SEEN, opener, inbound);
	return POLICY_START;
}

/* TCP that belongs to no connection and starts none. */
INLINE int policy_stray_tcp(struct pkt *p, __u32 event, __u32 handover)
{
	if (event == TCP_ACK && handover == DPU_HANDOVER_TAKE)
		return policy_take_over(p, 1);
	if (event == TCP_RST && admit_proof(p)) {
		verdict_drop(p, DPU_REASON_DROP_PROOF);
		return POLICY_DECIDED;
	}
	if (event != TCP_BOGUS && policy_overflowed(p))
		return policy_take_over(p, event == TCP_ACK);
	return policy_invalid(p);
}

/*
 * A frame of no connection that a rule without state allows, whatever it is of: 1. Only where such rules are, because
 * otherwise a segment in mid-stream would be looked up among the rules.
 */
INLINE int policy_stateless(struct pkt *p)
{
	__u32 key = p->vnic;
	const struct dpu_port *port = env_lookup(ports, &key);

	if (!port || !(env_read(port->flags) & DPU_PORT_F_STATELESS))
		return 0;
	if (dfw_judge(p->vnic, p->ct_side, policy_direction(p->inbound) | DFW_PEEK) == DPU_ACTION_ALLOW &&
	    p->query.flags & DPU_RULE_STATELESS)
		return 1;
	p->log = 0; /* who decides has not been asked yet */
	return 0;
}

/* No connection: may the scratch frame start one? START and start_state, start_flags; PASS: it may do without. */
STAGE int policy_start(void)
{
	struct pkt *p = scratch_pkt();
	__u32 handover = policy_handover();
	__u8 state = DPU_CT_NEW;
	int action;

	if (!p || policy_stateless(p))
		return POLICY_PASS;
	if (handover == DPU_HANDOVER_DRAIN)
		return policy_relay(p);
	if (p->key.proto == WIRE_PROTO_TCP) {
		__u32 event = tcp_event_of_flags(p->tcp.flags, 0, 0);

		if (event != TCP_SYN)
			return policy_stray_tcp(p, event, handover);
		state = DPU_CT_SYN_SENT;
		p->cacheable = 0;
	} else if (policy_is_icmp_reply(p)) {
		return policy_overflowed(p) ? policy_take_over(p, 0) : policy_invalid(p);
	}
	action = dfw_judge(p->vnic, p->ct_side, policy_direction(p->inbound));
	if (action != DPU_ACTION_ALLOW && p->key.proto != WIRE_PROTO_TCP && policy_overflowed(p))
		return policy_take_over(p, 1);
	if (action != DPU_ACTION_ALLOW)
		return dfw_refuse(p, action);
	policy_start_as(p, state, 0, p->ct_side, p->inbound);
	return POLICY_START;
}

/* The rules' answer for a connection that already lives. */
INLINE int policy_judge_living(const struct pkt *p, const struct dpu_ct *ct)
{
	__u32 opener = ct->flags & DPU_CT_F_ORIG_SIDE ? 1 : 0;
	int inbound = !!(ct->flags & DPU_CT_F_INBOUND);
	int action = dfw_judge(p->vnic, opener, policy_direction(inbound));

	if (action != DPU_ACTION_ALLOW && (ct->flags & DPU_CT_F_TAKEN_OVER)) /* its opener was a guess */
		action = dfw_judge(p->vnic, !opener, policy_direction(!inbound));
	return action;
}

/* Above the rate: the port's flag says which error is the smaller one. 0 = passes, else the verdict is set. */
INLINE int policy_unevaluated(struct pkt *p, struct dpu_node_stats *stats)
{
	__u32 key = p->vnic;
	const struct dpu_port *port = env_lookup(ports, &key);

	p->cacheable = 0;
	stats->ct_unevaluated++;
	if (!port || !(port->flags & (DPU_PORT_F_STRICTER | DPU_PORT_F_SCHEDULED)))
		return 0;
	verdict_drop(p, DPU_REASON_DROP_REEVAL_RATE);
	return 1;
}

/*
 * The policy has changed since the connection of the scratch frame was judged:
 * judge it again, if the rate allows. 0 = lives on, else the verdict is set.
 */
STAGE int policy_reevaluate(void)
{
	__u32 limit = RATE_REEVALUATION;
	struct pkt *p = scratch_pkt();
	struct dpu_node_stats *stats = stats_node();
	__u64 *due = env_lookup(rates, &limit);
	struct dpu_ct *ct;
	int action;

	if (!p || !due || !stats)
		return 0;
	p->judged = 1;
	ct = env_lookup(conntrack, &p->ct_key);
	if (!ct)
		return 0;
	if (!rate_allow(due, p->now_ns, settings.reeval_pps, 1))
		return policy_unevaluated(p, stats);
	stats->ct_reevaluated++;
	action = policy_judge_living(p, ct);
	if (action == DPU_ACTION_ALLOW) {
		ct->rule_id = p->rule_id;
		ct->policy_gen = p->policy_gen;
		return 0;
	}
	ct_remove(&p->ct_key, ct);
	return dfw_refuse(p, action);
}

/* A segment other than RST or SYN from the side that an RST named as its sender: see tcp_state.h. */
INLINE void policy_take_back(const struct pkt *p, struct dpu_ct *ct, __u32 dir)
{
	__u8 named = dir ? DPU_CT_F_RST_REPLIER : DPU_CT_F_RST_OPENER;

	if (!tcp_was_reset(ct) || !(ct->flags & named) || p->tcp.flags & (WIRE_TCP_RST | WIRE_TCP_SYN) ||
	    !(p->tcp.flags & WIRE_TCP_ACK))
		return;
	ct->flags &= ~(DPU_CT_F_RST_OPENER | DPU_CT_F_RST_REPLIER);
	ct->state = tcp_state_before_rst(ct->flags);
}

/* What a segment leaves in its connection besides the state. */
INLINE void policy_note_tcp(const struct pkt *p, struct dpu_ct *ct, __u32 event, __u32 dir)
{
	if (event == TCP_FIN_FIRST || event == TCP_FIN_LAST) {
		ct->flags |= dir ? DPU_CT_F_FIN_REPLIER : DPU_CT_F_FIN_OPENER;
	} else if (event == TCP_RST && !tcp_half_open(ct->state) && ct->state != DPU_CT_TIME_WAIT &&
		   ct->state != DPU_CT_CLOSE && ct->state != DPU_CT_REOPENING) {
		ct->flags |= dir ? DPU_CT_F_RST_REPLIER : DPU_CT_F_RST_OPENER;
	} else if ((event == TCP_SYN || event == TCP_SYNACK) && tcp_half_open(ct->state)) {
		if (dir) {
			ct->iss[1] = p->tcp.seq;
		} else if (ct->state == DPU_CT_SYN_SENT) {
			ct->iss[0] = p->tcp.seq;
			ct->syn_len = p->tcp.len;
		}
	}
}

/* A SYN that an RST came before: what its answer has to acknowledge. */
INLINE int policy_ask(const struct pkt *p, struct dpu_ct *ct)
{
	ct->iss[0] = p->tcp.seq;
	ct->syn_len = p->tcp.len;
	ct->state = DPU_CT_REOPENING;
	ct->last_seen_ns = p->now_ns;
	if (settings.tcp_strict)
		tcp_window_open(ct, 0, 1);
	return POLICY_COUNTER;
}

/* It is answered: a new connection in the place of the old one, under the rule that still allows both. */
INLINE void policy_answered(const struct pkt *p, struct dpu_ct *ct)
{
	struct dpu_ct_count *count = ct_count(p->vnic);

	ct->iss[1] = p->tcp.seq;
	ct->flags &= ~(DPU_CT_F_RST_OPENER | DPU_CT_F_RST_REPLIER | DPU_CT_F_FIN_OPENER | DPU_CT_F_FIN_REPLIER);
	ct->created_ns = p->now_ns;
	if (count && env_cas(&ct->half_open, 0, 1) == 0)
		env_add(&count->half_open, 1);
	if (settings.tcp_strict)
		tcp_window_open(ct, 1, 1);
}

/* Strict mode: 0 = the state machine may see it. Else the segment's result, in *ret_result. */
INLINE int policy_window(struct pkt *p, const struct dpu_ct *ct, __u32 dir, int *ret_result)
{
	int window = tcp_window_judge(ct, dir);

	p->cacheable = 0;
	if (window == TCP_WINDOW_IN)
		return 0;
	if (window == TCP_WINDOW_OUT)
		verdict_drop(p, DPU_REASON_DROP_TCP_WINDOW);
	*ret_result = window == TCP_WINDOW_OUT ? POLICY_DECIDED : POLICY_PASS;
	return 1;
}

/* What a TCP segment does to its connection. */
INLINE int policy_tcp(struct pkt *p, struct dpu_ct *ct, __u32 dir)
{
	int result, handshake;
	__u32 event;
	__u8 next;

	if (settings.tcp_strict && tcp_event_of_flags(p->tcp.flags, 0, 0) != TCP_BOGUS &&
	    policy_window(p, ct, dir, &result))
		return result;
	policy_take_back(p, ct, dir);
	event = tcp_event(ct, &p->tcp, dir);
	next = tcp_next_state(dir, event, ct->state);
	if (next == TCP_ASK)
		return policy_ask(p, ct);
	if (next == TCP_REOPEN)
		return POLICY_REOPEN;
	if (next == TCP_COUNTER)
		return POLICY_COUNTER;
	if (next == TCP_INVALID)
		return policy_invalid(p);
	handshake = (event == TCP_SYN || event == TCP_SYNACK) && tcp_half_open(ct->state);
	policy_note_tcp(p, ct, event, dir);
	if (ct->state == DPU_CT_REOPENING && next == DPU_CT_SYN_RECV)
		policy_answered(p, ct);
	else if (settings.tcp_strict && handshake && p->tcp.seq == (dir ? ct->iss[1] : ct->iss[0])) /* not another SYN's */
		tcp_window_open(ct, dir, 0);
	ct->state = next;
	if (!tcp_half_open(next))
		ct_settle(ct, p->vnic);
	if (event != TCP_ACK && event != TCP_ACK_OPEN)
		p->cacheable = 0;
	if (next != DPU_CT_ESTABLISHED && next != DPU_CT_CLOSE_WAIT)
		p->cacheable = 0; /* the next segment may move the state on */
	return event == TCP_RST || event == TCP_FIN_FIRST || event == TCP_FIN_LAST ? POLICY_CLOSING : POLICY_PASS;
}

/* The frame belongs to ct and passes: note that it was here. */
INLINE void policy_touch(struct pkt *p, struct dpu_ct *ct, __u32 dir)
{
	if (dir) {
		ct->flags |= DPU_CT_F_REPLY_SEEN;
		if (p->key.proto != WIRE_PROTO_TCP)
			ct->state = DPU_CT_ESTABLISHED;
		env_add(&ct->packets[1], p->gso_segs);
		env_add(&ct->bytes[1], p->len - p->l2_off);
	} else {
		env_add(&ct->packets[0], p->gso_segs);
		env_add(&ct->bytes[0], p->len - p->l2_off);
	}
	ct->last_seen_ns = p->now_ns;
	ct_bind(p, ct);
}

/*
 * A SYN, an ICMP request, or a message without an answer against the direction of the connection is nobody's
 * reply, and an answer along its direction belongs to such a request: the rules alone decide, as if the
 * other side opened the connection.
 */
STAGE int policy_counter(void)
{
	struct pkt *p = scratch_pkt();
	__u32 reply;
	int action;

	if (!p)
		return 0;
	reply = one_bit(policy_is_icmp_reply(p));
	action = dfw_judge(p->vnic, p->ct_side ^ reply, policy_direction(p->inbound ^ reply));
	p->cacheable = 0;
	if (action == DPU_ACTION_ALLOW)
		return 0;
	return reply ? policy_invalid(p) : dfw_refuse(p, action);
}

/* A frame of the living connection ct. */
INLINE int policy_continue(struct pkt *p, struct dpu_ct *ct)
{
	__u32 dir = tuple_direction(ct, p->ct_side);
	int result = POLICY_PASS;

	if (ct->policy_gen != p->policy_gen && !p->judged)
		return POLICY_STALE;
	if (p->key.proto == WIRE_PROTO_TCP)
		result = policy_tcp(p, ct, dir);
	else if (tuple_is_icmp(p->key.proto) && !!dir != policy_is_icmp_reply(p))
		return POLICY_COUNTER;
	if (result == POLICY_PASS || result == POLICY_CLOSING)
		policy_touch(p, ct, dir);
	return result;
}

/*
 * An ICMP error passes if it quotes a packet of a living connection of this
 * vNIC, and is addressed to whoever sent that packet.
 */
INLINE int policy_related(struct pkt *p, __u16 vnic_port)
{
	p->cacheable = 0;
	if (tuple_compare_ip(&p->inner.addr[0], &p->key.dst))
		return policy_unknown(p, DPU_REASON_DROP_CT_INVALID);
	tuple_normalise(&p->ct_key, &p->inner, vnic_port);
	return ct_find(p) ? 0 : policy_unknown(p, DPU_REASON_DROP_CT_INVALID);
}

/* The frame's connection, if there is one, and what the frame does to it: enum policy_result. */
STAGE int policy_known(void)
{
	struct pkt *p = scratch_pkt();
	struct dpu_ct *ct;

	if (!p)
		return POLICY_PASS;
	p->ct_side = tuple_key(&p->ct_key, &p->key, p->vnic);
	ct = ct_meet(p);
	return ct ? policy_continue(p, ct) : POLICY_START;
}

/* Ends the flow cache's entries of the connection of the scratch frame, or all of it. Always 0. */
STAGE int policy_end(int remove)
{
	struct pkt *p = scratch_pkt();
	struct dpu_ct *ct;

	if (!p)
		return 0;
	ct = env_lookup(conntrack, &p->ct_key);
	if (!ct)
		return 0;
	if (remove)
		ct_remove(&p->ct_key, ct);
	else
		ct_end_flows(ct);
	return 0;
}

/* A connection ends because the policy has changed. Always 1. */
INLINE int policy_refused_anew(const struct pkt *p)
{
	if (p->log)
		dfwlog_write(1);
	return 1;
}

/* A frame with all its headers: of a connection, or the start of one. */
INLINE int policy_connection(struct pkt *p)
{
	int result = policy_known();

	if (result == POLICY_STALE) {
		if (policy_reevaluate())
			return policy_refused_anew(p);
		p->log = 0; /* goes on, as before */
		result = policy_known();
	}
	switch (result) {
	case POLICY_COUNTER:
		return policy_counter();
	case POLICY_CLOSING:
		return policy_end(0);
	case POLICY_REOPEN:
		result = policy_start();
		if (p->verdict != DPU_VERDICT_DROP) /* what is refused leaves the old one as it is */
			policy_end(1);
		break;
	case POLICY_START:
		result = policy_start();
		break;
	default:
		return result != POLICY_PASS;
	}
	if (result == POLICY_START)
		result = admit() ? 1 : ct_insert();
	else
		result = result != POLICY_PASS;
	if (p->log)
		dfwlog_write(0);
	return result;
}

INLINE int policy_unjudgeable(struct pkt *p)
{
	verdict_drop(p, p->unjudgeable == PKT_EXT_HEADERS ? DPU_REASON_DROP_EXT_HEADERS :
			p->unjudgeable == PKT_TINY	  ? DPU_REASON_DROP_TINY :
							    DPU_REASON_DROP_UNSUPPORTED);
	return 1;
}

/* The rules of category ethernet: 0, or 1 and the verdict. */
INLINE int policy_l2(const struct pkt *p, __u16 vnic_port, int inbound)
{
	int refused = l2_judge(vnic_port, policy_direction(inbound));

	if (p->log)
		dfwlog_write_l2();
	return refused;
}

/*
 * What the firewall of vnic_port says to the frame, on its way to (inbound) or
 * from the VM. 0 = passes; else the verdict is set: DROP with its reason and
 * rule_id, DROP with REJECT or CHALLENGE (to be answered), or FORWARD with RELAY.
 */
STAGE int ct_policy(struct pkt *frame, __u16 vnic_port, int inbound)
{
	__u32 key = vnic_port;
	const struct dpu_port *port = env_lookup(ports, &key);
	struct pkt *p = scratch_pkt(); /* is frame, but as a map value */
	int result;

	if (!frame || !p || !port)
		return 0;
	gen_depend(p, port->gen_slot);
	if (!(env_read(port->flags) & DPU_PORT_F_DFW) || !(p->functions & DPU_FN_DFW))
		return 0;
	if (port->l2.n && policy_l2(p, vnic_port, inbound))
		return 1;
	if (policy_exempt(p))
		return 0;
	p->vnic = vnic_port;
	p->judged = 0;
	p->log = 0;
	p->policy_gen = policy_gen_of(port); /* before the rules: see dfw.h */
	env_rmb();
	p->inbound = inbound ? 1 : 0;
	if (p->frag != PKT_FRAG_NONE)
		p->cacheable = 0;
	if (p->unjudgeable || (p->frag != PKT_FRAG_LATER && dfw_has_ports(p->key.proto) && !p->has_ports))
		return policy_unjudgeable(p);
	if (p->frag != PKT_FRAG_NONE) {
		result = fragment_check();
		if (result == DPU_REASON_HELD && policy_handover() != DPU_HANDOVER_DRAIN) {
			verdict_set(p, DPU_VERDICT_CONSUMED, DPU_REASON_HELD);
			return 1;
		}
		if (result)
			return policy_unknown(p, result);
		if (p->frag == PKT_FRAG_LATER)
			return 0;
	}
	if (p->icmp_error)
		return policy_related(p, vnic_port);
	result = policy_connection(p);
	if (p->frag == PKT_FRAG_FIRST)
		fragment_note(!result);
	return result;
}
