/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_state.h - what a connection's state becomes when a segment passes, seen
 * from its flags and, during the handshake, from its sequence numbers. Pure. The
 * table is docs/dfw-conntrack.md's as well (a test compares them).
 *
 *   SYN_SENT -> SYN_RECV -> ESTABLISHED -> FIN_WAIT -> CLOSE_WAIT -> LAST_ACK -> TIME_WAIT
 *   opener's    replier's   opener's       one FIN     it is acked   both FINs   acked
 *   SYN         SYN/ACK     ACK
 *
 *   SYN_SENT2: the replier's SYN crossed the opener's (simultaneous open).
 *   CLOSE: an RST was seen. Segments still pass, and one from the side that is
 *   said to have reset takes the connection back: a TCP that has reset a connection
 *   sends nothing on it but RSTs, so the RST was somebody else's.
 *   REOPENING: CLOSE, and then a SYN of the opener. Only who has no such connection
 *   answers it with a SYN/ACK; until then the SYN may be somebody else's too.
 */
#pragma once
#include <dpulab/conntrack.h>
#include "core/wire.h"
#include "hook/env.h"

/* What a segment is to its connection. */
enum tcp_event {
	TCP_SYN = 0,
	TCP_SYNACK,
	TCP_ACK,       /* anything without SYN, FIN and RST */
	TCP_ACK_OPEN,  /* the same, from the side that is still open while the other has closed */
	TCP_FIN_FIRST, /* this side closes, the other has not */
	TCP_FIN_LAST,  /* this side closes, the other already has */
	TCP_FIN_AGAIN, /* this side has closed before */
	TCP_OLD,       /* SYN/ACK or ACK that acknowledges another SYN than this handshake's */
	TCP_RST,
	TCP_RST_OLD,   /* RST that does not answer this handshake's SYN */
	TCP_SYN_RESET, /* SYN after an RST has closed what was open */
	TCP_EVENTS,
	TCP_BOGUS = TCP_EVENTS, /* flags that no TCP sends together */
};

/* Results besides a state. */
#define TCP_INVALID DPU_CT_NONE /* does not belong to the connection: drop */
#define TCP_REOPEN  0xff	/* a new connection with the ports of a finished one */
#define TCP_COUNTER 0xfe	/* passes, and changes nothing, if the rules let its sender open such a connection */
#define TCP_ASK     0xfd	/* the same, and REOPENING: its answer decides */

#define TCP_STATES 16 /* DPU_CT_STATES rounded up, so that an index is a mask away from safe */
#define TCP_ROWS   16 /* TCP_EVENTS likewise */

#define TCP_ROW(ss, s2, sr, es, fw, cw, la, tw, cl, ro)                                            \
	{[DPU_CT_SYN_SENT] = ss,  [DPU_CT_SYN_SENT2] = s2,  [DPU_CT_SYN_RECV] = sr,                \
	 [DPU_CT_ESTABLISHED] = es, [DPU_CT_FIN_WAIT] = fw, [DPU_CT_CLOSE_WAIT] = cw,              \
	 [DPU_CT_LAST_ACK] = la, [DPU_CT_TIME_WAIT] = tw, [DPU_CT_CLOSE] = cl,                      \
	 [DPU_CT_REOPENING] = ro}

#define SS DPU_CT_SYN_SENT
#define S2 DPU_CT_SYN_SENT2
#define SR DPU_CT_SYN_RECV
#define ES DPU_CT_ESTABLISHED
#define FW DPU_CT_FIN_WAIT
#define CW DPU_CT_CLOSE_WAIT
#define LA DPU_CT_LAST_ACK
#define TW DPU_CT_TIME_WAIT
#define CL DPU_CT_CLOSE
#define RO DPU_CT_REOPENING
#define IV TCP_INVALID
#define RE TCP_REOPEN
#define CO TCP_COUNTER
#define AS TCP_ASK

/*
 * Next state by direction (0 = from the opener), event and state. Where it is
 * the same state, the segment passes and means nothing to us: a repetition, or
 * something the ends sort out between them (RFC 5961 challenge ACKs). The replier's
 * SYN is not: where the opener has forgotten the connection and listens at its port, that
 * SYN would open one that no rule has allowed.
 */
static const __u8 tcp_next[2][TCP_ROWS][TCP_STATES] = {
	{
		/*			  SS  S2  SR  ES  FW  CW  LA  TW  CL  RO */
		[TCP_SYN]       = TCP_ROW(SS, S2, SR, ES, FW, CW, LA, RE, RE, RO),
		[TCP_SYNACK]    = TCP_ROW(IV, SR, SR, ES, FW, CW, LA, TW, CL, RO), /* S2, SR: simultaneous open */
		[TCP_ACK]       = TCP_ROW(IV, IV, ES, ES, FW, CW, TW, TW, CL, RO),
		[TCP_ACK_OPEN]  = TCP_ROW(IV, IV, ES, ES, CW, CW, TW, TW, CL, RO),
		[TCP_FIN_FIRST] = TCP_ROW(IV, IV, FW, FW, FW, CW, LA, TW, CL, RO),
		[TCP_FIN_LAST]  = TCP_ROW(IV, IV, LA, LA, LA, LA, LA, TW, CL, RO),
		[TCP_FIN_AGAIN] = TCP_ROW(IV, IV, SR, ES, FW, CW, LA, TW, CL, RO),
		[TCP_OLD]       = TCP_ROW(IV, IV, IV, ES, FW, CW, LA, TW, CL, RO),
		[TCP_RST]       = TCP_ROW(CL, CL, CL, CL, CL, CL, CL, CL, CL, RO),
		[TCP_RST_OLD]   = TCP_ROW(SS, S2, IV, CL, CL, CL, CL, CL, CL, RO), /* SS: to a challenge ACK */
		[TCP_SYN_RESET] = TCP_ROW(SS, S2, SR, ES, FW, CW, LA, TW, AS, AS),
	},
	{
		/*			  SS  S2  SR  ES  FW  CW  LA  TW  CL  RO */
		[TCP_SYN]       = TCP_ROW(S2, S2, CO, CO, CO, CO, CO, RE, RE, RO),
		[TCP_SYNACK]    = TCP_ROW(SR, SR, SR, ES, FW, CW, LA, TW, CL, SR),
		[TCP_ACK]       = TCP_ROW(SS, S2, SR, ES, FW, CW, TW, TW, CL, RO), /* SS: challenge ACK of an old connection */
		[TCP_ACK_OPEN]  = TCP_ROW(SS, S2, SR, ES, CW, CW, TW, TW, CL, RO),
		[TCP_FIN_FIRST] = TCP_ROW(IV, IV, FW, FW, FW, CW, LA, TW, CL, RO),
		[TCP_FIN_LAST]  = TCP_ROW(IV, IV, LA, LA, LA, LA, LA, TW, CL, RO),
		[TCP_FIN_AGAIN] = TCP_ROW(IV, IV, SR, ES, FW, CW, LA, TW, CL, RO),
		[TCP_OLD]       = TCP_ROW(SS, S2, SR, ES, FW, CW, LA, TW, CL, RO), /* SS: to an old duplicate SYN */
		[TCP_RST]       = TCP_ROW(CL, CL, CL, CL, CL, CL, CL, CL, CL, RO),
		[TCP_RST_OLD]   = TCP_ROW(IV, IV, CL, CL, CL, CL, CL, CL, CL, RO),
		[TCP_SYN_RESET] = TCP_ROW(SS, S2, SR, ES, FW, CW, LA, TW, CO, CO),
	},
};

#undef SS
#undef S2
#undef SR
#undef ES
#undef FW
#undef CW
#undef LA
#undef TW
#undef CL
#undef RO
#undef IV
#undef RE
#undef CO
#undef AS

/* A segment's numbers, host order; len: bytes of data. */
struct tcp_segment {
	__u32 seq, ack;
	__u32 len;
	__u16 window;
	__u8 flags;
	__u8 scale; /* strict mode, of a SYN: its window scale option + 1; 0 = it has none */
};

#define TCP_FLAGS (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_FIN | WIRE_TCP_RST)

/* Does a number acknowledge the SYN iss and, or but, len bytes of data that came with it? */
INLINE int tcp_answers(__u32 number, __u32 iss, __u32 len)
{
	return number - iss - 1 <= len;
}

/* What the replier may have sent before it heard the handshake's end: no more than a window without scaling. */
#define TCP_EARLY_DATA 0xffff

/* The event by flags alone; ct_flags: enum dpu_ct_flag. */
INLINE __u32 tcp_event_of_flags(__u8 tcp_flags, __u8 ct_flags, __u32 dir)
{
	int mine = ct_flags & (dir ? DPU_CT_F_FIN_REPLIER : DPU_CT_F_FIN_OPENER);
	int theirs = ct_flags & (dir ? DPU_CT_F_FIN_OPENER : DPU_CT_F_FIN_REPLIER);

	switch (tcp_flags & TCP_FLAGS) {
	case WIRE_TCP_SYN:
		return TCP_SYN;
	case WIRE_TCP_SYN | WIRE_TCP_ACK:
		return TCP_SYNACK;
	case WIRE_TCP_FIN | WIRE_TCP_ACK:
		if (mine)
			return TCP_FIN_AGAIN;
		return theirs ? TCP_FIN_LAST : TCP_FIN_FIRST;
	case WIRE_TCP_ACK:
		return theirs && !mine ? TCP_ACK_OPEN : TCP_ACK;
	case WIRE_TCP_RST:
	case WIRE_TCP_RST | WIRE_TCP_ACK:
		return TCP_RST;
	default:
		return TCP_BOGUS;
	}
}

/*
 * Until the handshake is over its numbers are known exactly, so a segment that
 * does not answer it is told apart: RFC 9293 3.10.7.3 (SYN-SENT) and 3.10.7.4
 * (SYN-RECEIVED), and figure 9 there.
 */
INLINE int tcp_is_old(const struct dpu_ct *ct, const struct tcp_segment *s, __u32 event, __u32 dir)
{
	int acks = s->flags & WIRE_TCP_ACK;

	if (ct->state == DPU_CT_REOPENING)
		return dir && event == TCP_SYNACK && !tcp_answers(s->ack, ct->iss[0], ct->syn_len);
	if (ct->state != DPU_CT_SYN_SENT && ct->state != DPU_CT_SYN_RECV)
		return 0;
	if (event == TCP_RST && !dir)
		return !tcp_answers(s->seq, ct->iss[0], ct->syn_len);
	if (ct->state == DPU_CT_SYN_SENT)
		return dir && (event == TCP_RST || event == TCP_SYNACK) &&
		       !(acks && tcp_answers(s->ack, ct->iss[0], ct->syn_len));
	return !dir && event != TCP_SYN && event != TCP_SYNACK &&
	       !tcp_answers(s->ack, ct->iss[1], TCP_EARLY_DATA);
}

/* Was the connection open before an RST closed it? Then the RST may have been anybody's. */
INLINE int tcp_was_reset(const struct dpu_ct *ct)
{
	return ct->state == DPU_CT_REOPENING ||
	       (ct->state == DPU_CT_CLOSE && ct->flags & (DPU_CT_F_RST_OPENER | DPU_CT_F_RST_REPLIER));
}

/* The event of a segment from direction dir of connection ct. */
INLINE __u32 tcp_event(const struct dpu_ct *ct, const struct tcp_segment *s, __u32 dir)
{
	__u32 event = tcp_event_of_flags(s->flags, ct->flags, dir);

	if (event == TCP_SYN && tcp_was_reset(ct))
		return TCP_SYN_RESET;
	if (event == TCP_BOGUS || !tcp_is_old(ct, s, event, dir))
		return event;
	return event == TCP_RST ? TCP_RST_OLD : TCP_OLD;
}

/* The next state, TCP_INVALID, TCP_REOPEN, TCP_COUNTER or TCP_ASK. */
INLINE __u8 tcp_next_state(__u32 dir, __u32 event, __u8 state)
{
	if (event >= TCP_EVENTS)
		return TCP_INVALID;
	return tcp_next[dir & 1][event & (TCP_ROWS - 1)][state & (TCP_STATES - 1)];
}

/* Is the handshake still under way? */
INLINE int tcp_half_open(__u8 state)
{
	return state == DPU_CT_SYN_SENT || state == DPU_CT_SYN_SENT2 || state == DPU_CT_SYN_RECV;
}

/* The state that RST flags hide: what it was before, as far as FINs tell. */
INLINE __u8 tcp_state_before_rst(__u8 ct_flags)
{
	__u8 fins = ct_flags & (DPU_CT_F_FIN_OPENER | DPU_CT_F_FIN_REPLIER);

	if (!fins)
		return DPU_CT_ESTABLISHED;
	return fins == (DPU_CT_F_FIN_OPENER | DPU_CT_F_FIN_REPLIER) ? DPU_CT_LAST_ACK : DPU_CT_CLOSE_WAIT;
}
