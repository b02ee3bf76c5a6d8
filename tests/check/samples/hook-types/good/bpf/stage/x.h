/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* not xdp_md */
static int x(hook_ctx *ctx);
