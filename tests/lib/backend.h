/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backend.h - one place where the datapath can run a frame: the XDP program and
 * the TC program of the kernel (BPF_PROG_TEST_RUN), and the native build. Tables
 * are reached by the names of bpf/maps.h everywhere.
 */
#pragma once
#include "packet.h"
#include <stdbool.h>
#include <dpulab/asic.h>
#include <dpulab/limits.h>
#include <dpulab/settings.h>
#include <dpulab/stats.h>

#define BACKEND_MAX_COPIES 16

/* A copy made on the way (flood); only the native build sees its bytes. */
struct backend_copy {
	__u16 port;
	struct frame frame;
};

struct backend_result {
	struct dpu_exit_record exit; /* count: exits of this run, 1 if all is well */
	int retval;		     /* of the program; native: always 0 */
	struct frame frame;	     /* as the program left it */
	size_t n_copies;
	struct backend_copy *copies; /* native only; valid until the next run */
};

struct backend {
	const char *name;
	enum dpu_hook hook;
	/*
	 * Runs one frame that arrives on a port. gso_size: payload of a segment; 0 = no GSO.
	 * -EOPNOTSUPP: such a frame cannot be given to this hook in a test.
	 */
	int (*run)(const struct frame *in, __u16 port, __u32 gso_size, struct backend_result *result);
	/* As bpf_map_*_elem: 0 or a negative errno. Per-CPU maps are read as the sum of their u64s. */
	int (*lookup)(const char *map, const void *key, void *value);
	int (*update)(const char *map, const void *key, const void *value);
	int (*erase)(const char *map, const void *key);
	int (*next_key)(const char *map, const void *key, void *ret_key);
	/* The oldest record of a ring buffer, once; -ENOENT: none. */
	int (*take)(const char *ring, void *record);
	void (*reset)(void); /* all tables empty or zero */
	/* Native only (NULL elsewhere): lets time pass. */
	void (*advance)(__u64 ns);
};

/* How the datapath is loaded. */
enum backend_kind {
	BACKEND_NO_CACHE = 0, /* every frame takes the slow path */
	BACKEND_CACHE = 1,
	BACKEND_DEVICE = 2, /* with the limits of an emulated device: map "asic" */
	BACKEND_DEVICE_LARGE = 3, /* the same with room for tens of thousands of flows */
	BACKEND_KINDS,
};

/* From here on backend_kernel() gives programs with this slot linked in as number 0 (C text); NULL: without. */
void backend_slot(const char *source);
/* Is there a compiler for it? Guests of vm-test have none. */
bool backend_compiler(void);
/* A slot that passes everything. */
#define BACKEND_PASS_SLOT                                                                          \
	"#define DPU_SLOT\n#include <dpulab/intercept.h>\n"                                       \
	"int pass(struct dpu_frame *frame, struct dpu_intercept *at) { return DPU_INTERCEPT_PASS; }\n" \
	"char LICENSE[] __attribute__((section(\"license\"))) = \"GPL\";\n"
/* NULL and a reason if this machine cannot. */
const struct backend *backend_kernel(enum dpu_hook hook, enum backend_kind kind, const char **ret_reason);
/* The program of the instance in use, loaded. */
struct bpf_program;
const struct bpf_program *backend_program(enum dpu_hook hook);
/* Instructions the verifier processed for the program of the instance in use; 0 = the kernel does not say. */
unsigned long backend_verified_insns(enum dpu_hook hook);
const struct backend *backend_native(enum backend_kind kind);
__u64 native_clock_ns(void);

/* The settings every backend runs with (small tables, short time-outs). */
struct dpu_settings backend_settings(enum backend_kind kind);
/* What prog_at() gives: false: the defaults of the lab file; true: strict TCP windows, fragments that wait, qos. */
extern bool backend_strict;
#define BACKEND_FLOW_SETS  64
#define BACKEND_FLOW_SLOTS (BACKEND_FLOW_SETS * DPU_FLOW_WAYS)
#define BACKEND_CT_CLOCK   256
#define BACKEND_CT_ENTRIES 128
#define BACKEND_HELD	   (4 * DPU_HELD_PLACES) /* ports 16 to 19 */
/* The same of a kind: the above, or large. */
struct backend_sizes {
	__u32 flow_sets, ct_clock, ct_entries;
};
struct backend_sizes backend_sizes(enum backend_kind kind);

/* Devices of the test namespace: one veth per port number used by the cases. */
int devices_create(void);
__u32 devices_ifindex(__u16 port); /* 0 if no case may use that port */
__u16 devices_port(__u32 ifindex);
extern const __u16 device_ports[];
extern const size_t n_device_ports;
