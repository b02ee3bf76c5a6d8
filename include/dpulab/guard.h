/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* guard.h - port security: which MAC and IP addresses a vNIC may send from. */
#pragma once
#include <dpulab/addr.h>
#include <dpulab/limits.h>

/* dpu_port.guard of a vNIC. */
enum dpu_guard_mode {
	DPU_GUARD_OFF = 0,
	DPU_GUARD_LEARN = 1,  /* the first MAC it sends from and the first DPU_GUARD_ADDRESSES addresses are its own */
	DPU_GUARD_STRICT = 2, /* dpu_port.mac and the addresses listed in "bindings" */
	DPU_GUARD_MAC = 3,    /* dpu_port.mac, any address: an embedded switch's check */
};

/* Map "bindings", hash. Key: port and address. An entry lives until user space removes it. */
struct dpu_binding_key {
	union dpu_ip addr; /* IPv4 v4-mapped; never unspecified */
	__u16 port;
	__u8 pad[6]; /* 0 */
};

enum dpu_binding_flag {
	DPU_BINDING_F_LISTED = 1 << 0, /* by user space; else learned, and counted in dpu_guard.addresses */
};

struct dpu_binding {
	__u64 since_ns; /* CLOCK_MONOTONIC_COARSE: listed or first seen */
	__u8 mac[6];
	__u8 flags; /* enum dpu_binding_flag */
	__u8 pad;
};

/* Map "guards", array by port number, mmapable; both members are changed atomically by programs and user space. */
struct dpu_guard {
	__u64 mac;	 /* learned: its first byte is the lowest of the word's; 0 = none yet */
	__u32 addresses; /* learned: entries of the port in "bindings" without DPU_BINDING_F_LISTED */
	__u32 pad;
};

_Static_assert(sizeof(struct dpu_binding_key) == 24, "binding key");
_Static_assert(sizeof(struct dpu_binding) == 16, "binding");
_Static_assert(sizeof(struct dpu_guard) == 16, "guard");
