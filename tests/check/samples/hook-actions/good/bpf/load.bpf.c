/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
return bpf_redirect_map(&wires, 0, XDP_DROP);
