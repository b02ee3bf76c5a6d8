// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dns_allow - a slot that lets a VM ask for names of an allow-list only. Queries over UDP port 53 for other
 * names are dropped with reason 1, malformed ones with reason 2; all else passes. For direction out.
 *
 * The list is given when the slot is compiled (key `define` of the lab file), each domain with all below it:
 *
 *	define: ['ALLOW=DOMAIN("example.org") DOMAIN("corp.example")']
 *
 * A resolver reached another way (TCP, DNS over TLS or HTTPS) is for firewall rules.
 */
#define DPU_SLOT
#include <dpulab/intercept.h>
#include <bpf/bpf_endian.h>

#ifndef ALLOW
#define ALLOW DOMAIN("example.org")
#endif

#define PORT_DNS 53
#define UDP 17
#define NAME_MAX 64 /* bytes looked at, the closing zero label included; longer names are dropped */
#define BECAUSE_NAME 1
#define BECAUSE_MALFORMED 2

struct query {
	__u8 header[12]; /* RFC 1035 4.1.1 */
	__u8 name[NAME_MAX];
};

/* Lower case, label by label with its length in front, as in the frame; 0 = malformed, else its length. */
static __attribute__((noinline)) __u32 read_name(__u8 *name, __u32 len)
{
	__u32 left = 0;

	if (!name)
		return 0;
	for (__u32 i = 0; i < NAME_MAX; i++) {
		__u8 c = name[i];

		if (i >= len)
			return 0;
		if (left) {
			left--;
			if (c >= 'A' && c <= 'Z')
				name[i] = c + ('a' - 'A');
		} else if (!c) {
			return i + 1;
		} else if (c > 63) {
			return 0; /* compressed: no query has that in its first name */
		} else {
			left = c;
			name[i] = '.';
		}
	}
	return 0;
}

/* ".example.org" at the end of ".www.example.org", dots where lengths were. text_len: its NUL counted, for the dot. */
static __attribute__((always_inline)) int is_below(const __u8 *name, __u32 name_len, const char *text, __u32 text_len)
{
	__u32 start = name_len - text_len;

	if (name_len < text_len || start >= NAME_MAX)
		return 0;
	if (name[start] != '.')
		return 0;
#pragma unroll
	for (__u32 i = 0; i + 1 < text_len; i++) {
		__u32 at = start + 1 + i;

		if (at >= NAME_MAX || name[at] != (__u8)text[i])
			return 0;
	}
	return 1;
}

int dns_allow(struct dpu_frame *frame, struct dpu_intercept *at)
{
	struct query query = {};
	__u32 off, len, name_len;

	if (!at || at->proto != UDP || !(at->flags & DPU_INTERCEPT_F_PORTS) || at->dport != bpf_htons(PORT_DNS))
		return DPU_INTERCEPT_PASS;
	off = at->l4_off + 8;
	len = at->l2_off + at->len;
	if (len < off + sizeof(query.header) + 5)
		return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_DROP, BECAUSE_MALFORMED);
	len -= off;
	if (len > sizeof(query))
		len = sizeof(query);
	asm volatile("" : "+r"(len));
	if (len < 2 || len > sizeof(query) || dpu_frame_load(frame, off, &query, len))
		return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_DROP, BECAUSE_MALFORMED);
	if (query.header[2] & 0x80) /* an answer */
		return DPU_INTERCEPT_PASS;
	name_len = read_name(query.name, len - sizeof(query.header));
	if (!name_len)
		return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_DROP, BECAUSE_MALFORMED);
#define DOMAIN(text)                                                                               \
	if (is_below(query.name, name_len - 1, text, sizeof(text)))                                \
		return DPU_INTERCEPT_PASS;
	ALLOW
	return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_DROP, BECAUSE_NAME);
}

char LICENSE[] __attribute__((section("license"))) = "Dual BSD/GPL";
