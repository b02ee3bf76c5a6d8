/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_state.h - what a connection's state becomes when a segment passes, seen
 * from its flags only (no sequence numbers: that is docs/limits.md). Pure.
 *
 *   SYN_SENT -> SYN_RECV -> ESTABLISHED -> FIN_WAIT -> CLOSE_WAIT -> LAST_ACK -> TIME_WAIT
 *   opener's    replier's   opener's       one FIN     it is acked   both FINs   acked
 *   SYN         SYN(+ACK)   ACK
 *
 * CLOSE: an RST was seen. Its segments still pass, so that an RST made up by
 * someone who guessed the ports ends no connection; only its time-out is short.
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
	TCP_RST,
	TCP_EVENTS,
	TCP_BOGUS = TCP_EVENTS, /* flags that no TCP sends together */
};

/* Results besides a state. */
#define TCP_INVALID DPU_CT_NONE /* does not belong to the connection: drop */
#define TCP_REOPEN  0xff	/* a new connection with the ports of a finished one */

#define TCP_STATES 16 /* DPU_CT_STATES rounded up, so that an index is a mask away from safe */

#define TCP_ROW(ss, sr, es, fw, cw, la, tw, cl)                                                    \
	{[DPU_CT_SYN_SENT] = ss,  [DPU_CT_SYN_RECV] = sr,   [DPU_CT_ESTABLISHED] = es,             \
	 [DPU_CT_FIN_WAIT] = fw,  [DPU_CT_CLOSE_WAIT] = cw, [DPU_CT_LAST_ACK] = la,                \
	 [DPU_CT_TIME_WAIT] = tw, [DPU_CT_CLOSE] = cl}

#define SS DPU_CT_SYN_SENT
#define SR DPU_CT_SYN_RECV
#define ES DPU_CT_ESTABLISHED
#define FW DPU_CT_FIN_WAIT
#define CW DPU_CT_CLOSE_WAIT
#define LA DPU_CT_LAST_ACK
#define TW DPU_CT_TIME_WAIT
#define CL DPU_CT_CLOSE
#define IV TCP_INVALID
#define RE TCP_REOPEN

/*
 * Next state by direction (0 = from the opener), event and state. Where it is
 * the same state, the segment passes and means nothing to us: a repetition, or
 * something the ends sort out between them (RFC 5961 challenge ACKs).
 */
static const __u8 tcp_next[2][8][TCP_STATES] = {
	{
		/*			  SS  SR  ES  FW  CW  LA  TW  CL */
		[TCP_SYN]       = TCP_ROW(SS, SR, ES, FW, CW, LA, RE, RE),
		[TCP_SYNACK]    = TCP_ROW(IV, SR, ES, FW, CW, LA, TW, CL), /* simultaneous open: SR */
		[TCP_ACK]       = TCP_ROW(IV, ES, ES, FW, CW, TW, TW, CL),
		[TCP_ACK_OPEN]  = TCP_ROW(IV, ES, ES, CW, CW, TW, TW, CL),
		[TCP_FIN_FIRST] = TCP_ROW(IV, FW, FW, FW, CW, LA, TW, CL),
		[TCP_FIN_LAST]  = TCP_ROW(IV, LA, LA, LA, LA, LA, TW, CL),
		[TCP_RST]       = TCP_ROW(CL, CL, CL, CL, CL, CL, CL, CL),
	},
	{
		[TCP_SYN]       = TCP_ROW(SR, SR, ES, FW, CW, LA, RE, RE), /* SR: simultaneous open */
		[TCP_SYNACK]    = TCP_ROW(SR, SR, ES, FW, CW, LA, TW, CL),
		[TCP_ACK]       = TCP_ROW(SS, SR, ES, FW, CW, TW, TW, CL), /* SS: challenge ACK of an old connection */
		[TCP_ACK_OPEN]  = TCP_ROW(SS, SR, ES, CW, CW, TW, TW, CL),
		[TCP_FIN_FIRST] = TCP_ROW(IV, FW, FW, FW, CW, LA, TW, CL),
		[TCP_FIN_LAST]  = TCP_ROW(IV, LA, LA, LA, LA, LA, TW, CL),
		[TCP_RST]       = TCP_ROW(CL, CL, CL, CL, CL, CL, CL, CL),
	},
};

#undef SS
#undef SR
#undef ES
#undef FW
#undef CW
#undef LA
#undef TW
#undef CL
#undef IV
#undef RE

/* The event of a segment with these flags from direction dir of a connection with these ct flags. */
INLINE __u32 tcp_event(__u8 tcp_flags, __u8 ct_flags, __u32 dir)
{
	int mine = ct_flags & (dir ? DPU_CT_F_FIN_REPLIER : DPU_CT_F_FIN_OPENER);
	int theirs = ct_flags & (dir ? DPU_CT_F_FIN_OPENER : DPU_CT_F_FIN_REPLIER);

	switch (tcp_flags & (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_FIN | WIRE_TCP_RST)) {
	case WIRE_TCP_SYN:
		return TCP_SYN;
	case WIRE_TCP_SYN | WIRE_TCP_ACK:
		return TCP_SYNACK;
	case WIRE_TCP_FIN | WIRE_TCP_ACK:
		if (!mine)
			return theirs ? TCP_FIN_LAST : TCP_FIN_FIRST;
		return TCP_ACK; /* repeated */
	case WIRE_TCP_ACK:
		return theirs && !mine ? TCP_ACK_OPEN : TCP_ACK;
	case WIRE_TCP_RST:
	case WIRE_TCP_RST | WIRE_TCP_ACK:
		return TCP_RST;
	default:
		return TCP_BOGUS;
	}
}

/* The next state, TCP_INVALID or TCP_REOPEN. */
INLINE __u8 tcp_next_state(__u32 dir, __u32 event, __u8 state)
{
	if (event >= TCP_EVENTS)
		return TCP_INVALID;
	return tcp_next[dir & 1][event & 7][state & (TCP_STATES - 1)];
}
