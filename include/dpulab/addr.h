/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * addr.h - one address form for both families, so that no table or function
 * exists twice. IPv4 is stored v4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2).
 */
#pragma once
#include <linux/types.h>

struct dpu_mac {
	__u8 b[6];
};

/* 128-bit IP address, network byte order. */
union dpu_ip {
	__u8 b[16];
	__be16 h[8];
	__be32 w[4];
	__u64 q[2]; /* only for comparing and hashing: byte order has no meaning here */
};

_Static_assert(sizeof(struct dpu_mac) == 6, "MAC");
_Static_assert(sizeof(union dpu_ip) == 16, "IP");
