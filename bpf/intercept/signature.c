// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * signature - a slot that looks for signatures in the payload of TCP and UDP, and lets a process decide about the
 * connections in which it finds one (`dpulab intercept serve`). Only the first four bytes of each are
 * compared here, in the first LOOK bytes of a frame's payload: what is found is punted with the signature's number,
 * counted from 1, as reason, and the process compares all of it.
 *
 *	define: ['SIGNATURES=SIGNATURE("EICAR-STANDARD-ANTIVIRUS-TEST-FILE") SIGNATURE("X-Evil: ")']
 *
 * A signature that is cut in two by a segment's end, or encrypted, is not found.
 */
#define DPU_SLOT
#include <dpulab/intercept.h>

#ifndef SIGNATURES
#define SIGNATURES SIGNATURE("EICAR-STANDARD-ANTIVIRUS-TEST-FILE")
#endif
#define LOOK 128

#define TCP 6
#define UDP 17
#define TCP_DOFF_AT 12 /* RFC 9293 3.1 */
#define TCP_LEAST 20
#define UDP_LEN 8

/* Where the payload begins, from the frame's first byte; 0 = neither TCP nor UDP, or cut. */
static __u32 payload_of(struct dpu_frame *frame, const struct dpu_intercept *at)
{
	__u8 doff = 0;

	if (!at->l4_off || at->flags & DPU_INTERCEPT_F_FRAGMENT)
		return 0;
	if (at->proto == UDP)
		return at->l4_off + UDP_LEN;
	if (at->proto != TCP || dpu_frame_load(frame, at->l4_off + TCP_DOFF_AT, &doff, sizeof(doff)))
		return 0;
	return at->l4_off + (doff >> 4 << 2);
}

/* The first four bytes, as they come in one after the other. */
#define WORD(text)                                                                                 \
	((__u32)(__u8)(text)[0] | (__u32)(__u8)(text)[1] << 8 | (__u32)(__u8)(text)[2] << 16 |     \
	 (__u32)(__u8)(text)[3] << 24)

static __u32 find(const __u8 *payload)
{
	__u32 word = 0;

	for (__u32 i = 0; i < LOOK; i++) {
		__u32 number = 0;

		word = word >> 8 | (__u32)payload[i] << 24;
#define SIGNATURE(text)                                                                            \
	number++;                                                                                  \
	if (word == WORD(text))                                                                    \
		return number;
		SIGNATURES
	}
	return 0;
}

int signature(struct dpu_frame *frame, struct dpu_intercept *at)
{
	__u8 payload[LOOK] = {};
	__u32 off, len, number;

	off = at ? payload_of(frame, at) : 0;
	len = off ? at->l2_off + at->len : 0;
	if (!off || len < off + 4)
		return DPU_INTERCEPT_PASS;
	len -= off;
	if (len > LOOK)
		len = LOOK;
	asm volatile("" : "+r"(len));
	if (len < 2 || len > LOOK || dpu_frame_load(frame, off, payload, len))
		return DPU_INTERCEPT_PASS;
	number = find(payload);
	return number ? DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_PUNT, number) : DPU_INTERCEPT_PASS;
}

char LICENSE[] __attribute__((section("license"))) = "Dual BSD/GPL";
