/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
x = bpf_htons(3);
y = env_now_ns();
