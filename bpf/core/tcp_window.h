/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_window.h - strict mode (settings.tcp_strict): is a segment one that its connection
 * can have at this moment? What each side has sent, what it has acknowledged and how far its
 * window reaches bound what the other may send and acknowledge (RFC 9293 3.10.7.4, RFC 5961).
 *
 * A firewall between the two sees each acknowledgement before its receiver does, so what it
 * knows is never less than what a sender goes by: who keeps to the protocol is not
 * dropped. Slack is where senders need it: a byte beyond the window (probes), a byte
 * before what is acknowledged (keep-alives), one window of repetitions, acknowledgements
 * that are a window old. Selective acknowledgements (RFC 2018) name no number outside of these.
 *
 * Each side's part is written by its own segments only; one direction runs on one
 * CPU at a time. What is not known of a side - after a move between locations - is learned
 * from its next segment.
 */
#pragma once
#include "core/scratch.h"
#include "core/tcp_state.h"
#include "maps.h"

#define TCP_WINDOW_MAX	 0x40000000u /* 2^30: no window is larger (RFC 7323) */
#define TCP_WINDOW_SMALL 0xffffu     /* without scaling */

enum tcp_window_result {
	TCP_WINDOW_IN = 0,
	TCP_WINDOW_OUT,	   /* drop */
	TCP_WINDOW_BESIDE, /* an RST in the window, at another number than the next: its receiver will ask */
};

INLINE int tcp_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/* The window record of ct, with nothing known if it was another's; NULL: no such seat. */
INLINE struct dpu_tcp_window *tcp_window_of(const struct dpu_ct *ct)
{
	__u32 seat = ct->gc_slot;
	struct dpu_tcp_window *w = env_lookup(ct_windows, &seat);

	if (w && w->ct_id != ct->id) {
		__builtin_memset(w, 0, sizeof(*w));
		w->ct_id = ct->id;
	}
	return w;
}

/* While a vNIC's connections move, each location sees a part of their segments: what it knows is not enough to judge. */
INLINE int tcp_window_moving(struct dpu_tcp_window *w)
{
	const struct dpu_control *word = env_value(control);

	if (!(env_read(word->handover) & DPU_HANDOVER_MASK))
		return 0;
	w->side[0].flags &= DPU_TCP_SYN | DPU_TCP_SCALE;
	w->side[1].flags &= DPU_TCP_SYN | DPU_TCP_SCALE;
	return 1;
}

/* Bits to shift the window of a segment that is no SYN. Where the SYNs were not seen, the most there can be. */
INLINE __u32 tcp_window_shift(const struct dpu_tcp_side *me, const struct dpu_tcp_side *peer)
{
	if (!(me->flags & peer->flags & DPU_TCP_SYN))
		return 14;
	return me->flags & peer->flags & DPU_TCP_SCALE ? me->scale & 15 : 0;
}

/* How far back of its last byte a side may repeat itself: the largest window of the other. */
INLINE __u32 tcp_window_back(const struct dpu_tcp_side *me, const struct dpu_tcp_side *peer)
{
	return me->flags & peer->flags & DPU_TCP_SEEN ? peer->max_window : TCP_WINDOW_MAX;
}

/* The number up to which a side may send. */
INLINE __u32 tcp_window_limit(const struct dpu_tcp_side *me, const struct dpu_tcp_side *peer, __u32 seq)
{
	if (peer->flags & DPU_TCP_TOLD)
		return peer->edge;
	if (!(me->flags & DPU_TCP_SEEN))
		return seq + TCP_WINDOW_MAX;
	return me->end + (peer->max_window > TCP_WINDOW_SMALL ? peer->max_window : TCP_WINDOW_SMALL);
}

/* Of an RST: never before what the other has acknowledged; only the next number ends a connection (RFC 5961 3.2). */
INLINE int tcp_window_rst(const struct dpu_tcp_side *me, const struct dpu_tcp_side *peer, __u32 seq)
{
	__u32 least = peer->flags & DPU_TCP_TOLD ? peer->ack : me->end - tcp_window_back(me, peer);

	if (!((me->flags & DPU_TCP_SEEN) | (peer->flags & DPU_TCP_TOLD)))
		return TCP_WINDOW_IN;
	if (tcp_before(seq, least) || tcp_before(tcp_window_limit(me, peer, seq), seq))
		return TCP_WINDOW_OUT;
	return seq == least || (me->flags & DPU_TCP_SEEN && seq == me->end) ? TCP_WINDOW_IN : TCP_WINDOW_BESIDE;
}

/* Of any other segment without SYN: end is behind its last byte. */
INLINE int tcp_window_holds(const struct dpu_tcp_side *me, const struct dpu_tcp_side *peer,
			    const struct tcp_segment *s, __u32 end)
{
	__u32 last = me->flags & DPU_TCP_SEEN ? me->end : peer->flags & DPU_TCP_TOLD ? peer->ack : end;
	__u32 limit = tcp_window_limit(me, peer, s->seq);
	__u32 lag = me->max_window > TCP_WINDOW_SMALL ? me->max_window : TCP_WINDOW_SMALL;

	if (tcp_before(limit, s->seq) || tcp_before(limit + 1, end))
		return 0;
	if (tcp_before(end + 1, last - tcp_window_back(me, peer)))
		return 0;
	if (!(peer->flags & DPU_TCP_SEEN) || !(s->flags & WIRE_TCP_ACK))
		return 1;
	return !tcp_before(peer->end, s->ack) && !tcp_before(s->ack, peer->end - lag);
}

/* What a segment without SYN says of its sender. */
INLINE void tcp_window_learn(struct dpu_tcp_side *me, const struct dpu_tcp_side *peer, const struct tcp_segment *s,
			     __u32 end)
{
	__u32 window = (__u32)s->window << tcp_window_shift(me, peer);
	__u32 edge = s->ack + window;

	if (!(me->flags & DPU_TCP_SEEN) || tcp_before(me->end, end))
		me->end = end;
	if (!(me->flags & DPU_TCP_TOLD) || tcp_before(me->ack, s->ack))
		me->ack = s->ack;
	if (!(me->flags & DPU_TCP_TOLD) || tcp_before(me->edge, edge))
		me->edge = edge;
	if (me->max_window < window)
		me->max_window = window;
	me->flags |= DPU_TCP_SEEN | DPU_TCP_TOLD;
}

/* A SYN/ACK once the handshake is over: only a repetition of the one that was part of it. */
INLINE int tcp_window_synack(const struct dpu_ct *ct, const struct tcp_segment *s, __u32 dir)
{
	return s->seq == (dir ? ct->iss[1] : ct->iss[0]) &&
	       tcp_answers(s->ack, dir ? ct->iss[0] : ct->iss[1], dir ? ct->syn_len : TCP_EARLY_DATA);
}

/*
 * The scratch frame's segment against the window of its connection ct: enum tcp_window_result. What is in
 * it is learned from. SYNs that may open, and all before both SYNs have passed, are for the state machine alone.
 */
STAGE int tcp_window_judge(const struct dpu_ct *ct, __u32 dir)
{
	struct pkt *p = scratch_pkt();
	struct dpu_tcp_side *me, *peer;
	const struct tcp_segment *s;
	struct dpu_tcp_window *w;
	__u32 end;

	if (!settings.tcp_strict || !ct || !p)
		return TCP_WINDOW_IN;
	s = &p->tcp;
	if (s->flags & WIRE_TCP_SYN && !(s->flags & WIRE_TCP_ACK))
		return TCP_WINDOW_IN;
	if (ct->state == DPU_CT_SYN_SENT || ct->state == DPU_CT_SYN_SENT2)
		return TCP_WINDOW_IN;
	if (s->flags & WIRE_TCP_SYN)
		return tcp_half_open(ct->state) || ct->state == DPU_CT_REOPENING || tcp_window_synack(ct, s, dir) ?
			       TCP_WINDOW_IN :
			       TCP_WINDOW_OUT;
	w = tcp_window_of(ct);
	if (!w)
		return TCP_WINDOW_OUT;
	if (tcp_window_moving(w))
		return TCP_WINDOW_IN;
	me = dir ? &w->side[1] : &w->side[0];
	peer = dir ? &w->side[0] : &w->side[1];
	if (s->flags & WIRE_TCP_RST)
		return tcp_half_open(ct->state) ? TCP_WINDOW_IN : tcp_window_rst(me, peer, s->seq);
	end = s->seq + s->len + !!(s->flags & WIRE_TCP_FIN);
	if (!tcp_window_holds(me, peer, s, end))
		return TCP_WINDOW_OUT;
	if (s->flags & WIRE_TCP_ACK)
		tcp_window_learn(me, peer, s, end);
	return TCP_WINDOW_IN;
}

/* A side begins anew with its SYN. acks: it acknowledges the other's. */
INLINE void tcp_window_begin(struct dpu_tcp_side *me, const struct tcp_segment *s)
{
	me->end = s->seq + s->len + 1;
	me->max_window = s->window ? s->window : 1;
	me->scale = s->scale ? s->scale - 1 : 0;
	me->flags = DPU_TCP_SEEN | DPU_TCP_SYN | (s->scale ? DPU_TCP_SCALE : 0);
	if (!(s->flags & WIRE_TCP_ACK))
		return;
	me->ack = s->ack;
	me->edge = s->ack + s->window;
	me->flags |= DPU_TCP_TOLD;
}

/*
 * A SYN or SYN/ACK of the scratch frame that the state machine has taken for part of a handshake of ct.
 * reopening: a SYN that waits for its answer; then the answer to it. Always 0.
 */
STAGE int tcp_window_open(const struct dpu_ct *ct, __u32 dir, int reopening)
{
	struct pkt *p = scratch_pkt();
	struct dpu_tcp_window *w;
	struct dpu_tcp_side *opener;

	if (!settings.tcp_strict || !ct || !p)
		return 0;
	w = tcp_window_of(ct);
	if (!w)
		return 0;
	if (reopening && !dir) {
		w->syn_window = p->tcp.window;
		w->syn_scale = p->tcp.scale ? p->tcp.scale - 1 : 0;
		w->syn_flags = DPU_TCP_SYN | (p->tcp.scale ? DPU_TCP_SCALE : 0);
		return 0;
	}
	if (reopening) {
		opener = &w->side[0];
		opener->end = ct->iss[0] + ct->syn_len + 1;
		opener->max_window = w->syn_window ? w->syn_window : 1;
		opener->scale = w->syn_scale;
		opener->flags = DPU_TCP_SEEN | w->syn_flags;
	}
	tcp_window_begin(dir ? &w->side[1] : &w->side[0], &p->tcp);
	return 0;
}
