/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
static int x(struct xdp_md *ctx);
