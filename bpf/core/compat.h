/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compat.h - every workaround for a verifier, compiler or kernel, and what frees us of it.
 */
#pragma once

/*
 * clang folds `p = data + off; if (p + size > end)` into two separate sums, and
 * the verifier then does not know that the check was about p. Hiding p's origin
 * keeps one register. Needed with clang 14 to 19 and every verifier so far.
 */
#define keep_register(p) asm volatile("" : "+r"(p))

/*
 * A number known to be 0 or 1, as an index. Linux 6.1's verifier forgets the
 * bounds of an exclusive or, and clang, which knows them, drops a mask that
 * restates them. 6.12 keeps the bounds.
 */
#define one_bit(value)                                                                             \
	({                                                                                         \
		__u32 hidden = (value);                                                            \
		keep_register(hidden);                                                             \
		hidden & 1;                                                                        \
	})

/*
 * A length for a helper must be tested on the register that is passed. clang folds
 * the two tests of a range into one on a copy (n - lo > hi - lo), from which
 * verifiers before some version between 6.12 and 6.18 learn nothing about n; and
 * before 6.8 they learn nothing from n != 0, so lo has to be above 1.
 */
#define outside_range(n, lo, hi)                                                                   \
	((n) > (hi) || ({                                                                          \
		 keep_register(n);                                                                 \
		 (n) < (lo);                                                                       \
	 }))

/*
 * clang likes to keep &ctx->data in a register or on the stack; the verifier
 * takes ctx fields only at constant offsets from ctx itself. All versions so far.
 */
#define ctx_pointer(ctx, field)                                                                    \
	({                                                                                         \
		void *value;                                                                       \
		asm volatile("%[value] = *(u32 *)(%[c] + %[off])"                                  \
			     : [value] "=r"(value)                                                 \
			     : [c] "r"(ctx), [off] "i"(__builtin_offsetof(__typeof__(*(ctx)), field))); \
		value;                                                                             \
	})

/* In linux/if_ether.h, which the BPF target cannot include with every libc: the few we use. */
#define ETHERTYPE_IP4  0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_IP6  0x86dd

/* BPF_F_ADJ_ROOM_DECAP_L3_IPV6: Linux 6.3; uapi headers of Debian 12 (6.1) lack it. */
#define COMPAT_ADJ_ROOM_DECAP_L3_IPV6 (1ull << 8)
/* TCX_NEXT (Linux 6.6) has the value of TC_ACT_UNSPEC: one program fits tcx and clsact. */
#define COMPAT_TC_NEXT (-1)
