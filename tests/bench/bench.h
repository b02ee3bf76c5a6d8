/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench.h - `make bench`: the stated figures, measured as docs/testing.md
 * says. A closed loop: frame source, switch and sink share one CPU; two
 * variants of the switch take turns (A B B A ...) over the same veth pairs; a
 * figure is the median of pair ratios with its 95 % interval.
 *
 *	namespace bench-ends			namespace bench-switch
 *	source -> vm0 ... vm3	======== veth ========	port0 ... port3
 *	source -> wire		======== veth ========	uplink
 *	(each end: sink)			(each end: the variant under test)
 *	kvm0 ... kvm3, kwire	======== veth ========	namespace bench-kernel: no program, linux.c
 */
#pragma once
#include "diag.h"
#include "netns.h"
#include <dpulab/bench.h>
#include <dpulab/port.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BENCH_VMS     4
#define BENCH_DEVICES (BENCH_VMS + 1) /* the last is the wire */
#define BENCH_WIRE    BENCH_VMS
#define BENCH_KERNEL  BENCH_DEVICES /* a device's twin at the kernel's switch is this much further on */
#define BENCH_FLOWS   4096
#define BENCH_RULES   100
#define BENCH_MILLION (1u << 20)

struct dpulab_bench;
struct dpulab_xdp;
struct bpf_link;

struct ratio {
	double value, low, high; /* median and 95 % interval */
};

struct bench {
	struct netns *ends, *node, *kernel;
	int end_ifindex[2 * BENCH_DEVICES]; /* from BENCH_KERNEL on: the kernel's switch */
	int node_ifindex[BENCH_DEVICES], kernel_ifindex[BENCH_DEVICES];
	struct dpulab_bench *bench; /* source, sink, baselines */
	struct bpf_link *sinks[2 * BENCH_DEVICES], *served[BENCH_DEVICES];
	int cpu;	   /* of the closed loop */
	int ksoftirqd;	   /* of that CPU: its process number */
	unsigned slice_ms; /* at least 300 counts */
	unsigned pairs;	   /* at least 20 counts */
	struct ratio undisturbed; /* of the last ratio: windows.c */
	struct diag diag;
};

/* Who forwards in a slice, and what is sent. */
struct bench_variant {
	const char *name;
	int prog_fd;
	const struct bench_plan *plan;
};

/* What the source sends: frames from VMs or from the wire. */
struct bench_plan {
	struct bench_order order; /* list_mask not 0: in the order of "bench_list" */
	struct bench_template templates[BENCH_TEMPLATES];
};

enum bench_way {
	BENCH_LOCAL,  /* VM to VM of the same host */
	BENCH_REMOTE, /* VM to a remote VM: answers come from the wire in VXLAN */
};

/* Step of a connection: which frames its plan holds. */
enum bench_step {
	STEP_OPEN,   /* TCP: SYN; UDP: a datagram */
	STEP_ANSWER, /* from the other end; TCP: SYN+ACK */
	STEP_DATA,   /* from the opener; TCP: ACK */
	STEP_DATA_BACK,
};

/* topo.c */
int topo_up(struct bench *b);
void topo_down(struct bench *b);
int topo_bare(struct bench *b, enum bench_way way); /* where bench_redirect sends to */
#define BENCH_NO_PROGRAM (-1) /* variant of the kernel's switch */
#define BENCH_BARE	 (-2) /* the bare redirect */
/* Every port of the switch by this program. */
int topo_serve(struct bench *b, int prog_fd);

/* frames.c: IPv4 TCP and IPv6 UDP, half of the frames each, flows connections in all. */
void frames_plan(const struct bench *b, enum bench_way way, enum bench_step step, unsigned flows,
		 struct bench_plan *ret_plan);
/* IPv4 TCP only, between VMs of the host, one segment with these flags (RFC 9293) of up to BENCH_MILLION connections. */
void frames_tcp_plan(const struct bench *b, bool back, uint8_t flags, struct bench_plan *ret_plan);
#define FRAMES_FIN 0x01
#define FRAMES_SYN 0x02
#define FRAMES_ACK 0x10
extern const struct dpu_mac frames_vm_mac[BENCH_VMS], frames_remote_mac[BENCH_VMS], frames_vtep_mac[2];
#define FRAMES_VNI	 5001
#define FRAMES_VTEP_SELF 0x0affff01u /* host order */
#define FRAMES_VTEP_PEER 0x0affff02u

/* tables.c: a datapath instance filled for the bench. */
struct policy;
struct tables_options {
	unsigned flow_entries;
	bool firewall;		     /* at each vNIC; */
	const struct policy *policy; /* NULL: BENCH_RULES rules of which the last allows */
	unsigned connections;	     /* 0: 16 for each of BENCH_FLOWS; a power of two */
	bool qos;		     /* the function is in the program */
};
int tables_load(struct bench *b, const struct tables_options *options, struct dpulab_xdp **ret_datapath);
/* What left the pipeline for which reason, for the void check and the curious. */
uint64_t tables_reason(struct dpulab_xdp *datapath, unsigned reason);

/* policy.c: compiles rules to dfw_cells, the head at `at`. */
struct bpf_map;
int bench_put_policy(const struct bpf_map *cells, const struct policy *policy, uint32_t at);

/* linux.c: bridge, vxlan and nftables behind the twin ports. */
int linux_up(struct bench *b);
void bench_rules(FILE *out); /* "firewall:" of a lab file: BENCH_RULES rules, the last one allows */
void linux_plan(const struct bench_plan *plan, struct bench_plan *ret_plan); /* the same frames, to them */

/* Bars that are more than a row of main.c: by number, name NULL after the last. 0 met, 3 short, or a negative errno. */
struct bench_more {
	const char *(*name)(unsigned i);
	int (*run)(struct bench *b, unsigned i);
};
extern const struct bench_more connections_bars, ruleupdate_bars, newflows_bars, qos_bars, intercept_bars; /* newflows_bars change the kernel's rules */

/* allowlist.c: 2 * BENCH_VMS rules for each port from frames.c's server port on: VM to VM, one protocol, one port. */
struct dpu_rule *allowlist_make(unsigned ports); /* the caller frees */
void allowlist_address(char *buffer, size_t size, bool v6, unsigned vm);
#define ALLOWLIST_PORT 2000

/* tcp.c: prints its bar. 0 met, 3 short, or a negative errno. */
#define TCP_BAR "tcp-vxlan/linux"
int tcp_bar(struct bench *b);

/* measure.c */
int measure_find_softirqd(struct bench *b);
int measure_prime(struct bench *b, int prog_fd, const struct bench_plan *plan, unsigned frames);
/* The plans that make flows connections, then all of them known to the flow cache in both directions. */
int measure_establish(struct bench *b, enum bench_way way, enum bench_step step, unsigned flows, int prog_fd);
/* Sends so many frames; arrivals at the sinks and CPU time. */
int measure_frames(const struct bench *b, const struct bench_plan *plan, unsigned frames, uint64_t *ret_arrived,
		   double *ret_seconds);
/* The BAR line. 0 ok, 3 short. */
int measure_print(const char *name, const struct ratio *r, double bound, double rate, double base);
/* Pairs of slices, turn and turn about: ratio of what `slice` says of a and of base, and the medians of both. */
#define BENCH_MAX_PAIRS 256
typedef int bench_slice(struct bench *b, void *side, double *ret_rate);
int measure_pairs(struct bench *b, unsigned pairs, bench_slice *slice, void *a, void *base, struct ratio *ret_ratio,
		  double *ret_rate_a, double *ret_rate_base);
/* Arrivals per second at the sinks. */
int measure_rate(struct bench *b, const struct bench_variant *variant, double *ret_rate);
int measure_ratio(struct bench *b, const struct bench_variant *a, const struct bench_variant *base,
		  struct ratio *ret_ratio, double *ret_rate_a, double *ret_rate_base);
void measure_undisturbed(const struct bench *b); /* prints what the last ratio was without disturbance (windows.c) */

/* windows.c */
int windows_forget(const struct bench *b);
int windows_take(const struct bench *b, struct bench_windows *ret_windows);
/* n slices of each; ret_ratio: of their rates, its value 0: too few windows, or too long ones. */
void windows_ratio(const struct bench_windows *a, const struct bench_windows *base, unsigned n, struct ratio *ret_ratio);

/* stat.c */
uint64_t stat_draw(uint64_t *state); /* xorshift64*: good enough to draw from a list */
double stat_median(double *values, unsigned n);
struct ratio stat_interval(double *resampled, unsigned n); /* median and the middle 95 %; sorts them */
struct ratio stat_ratio(const double *ratios, unsigned n);
