/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * directmaps.h - maps whose value a program addresses as a constant (env_value() in
 * bpf/hook/env.h), as the compiler does it for global data, but with a map that is
 * shared by two objects, has a name of its own and gets its size at load time:
 * libbpf gives sections only the first two from 0.6 on, the last from 1.3 on.
 */
#pragma once
#include <bpf/libbpf.h>
#include <stdint.h>

/* Every program loaded afterwards by this process: each mention of such a map becomes the address of its value. 0 or -errno. */
int directmaps_init(void);
/* The flow table of an object not yet loaded, and its BTF, for so many entries (a power of two). 0 or -errno. */
int directmaps_size_flows(struct bpf_object *obj, uint32_t entries);
