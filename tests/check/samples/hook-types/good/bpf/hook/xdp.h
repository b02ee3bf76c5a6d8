/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
typedef struct xdp_md hook_ctx;
