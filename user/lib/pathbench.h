/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pathbench.h - the frame paths and mixed placements of a running lab side by side, in one interleaved run: whose CPU a frame takes, at each
 * hook and frame size, against frame path linux; TCP and round trips; and what same-host traffic has
 * to be for a DPU to pay. The lab is moved from path to path and back to where it was.
 */
#pragma once
#include <signal.h>
#include "compare.h"
#include "spintest.h"

enum pathbench_size {
	SIZE_64,
	SIZE_512,
	SIZE_1504, /* what a 1500-byte frame is to a source that counts in words */
	SIZE_COUNT,
};

struct pathbench_frames { /* medians need one sample of each per round */
	struct samples mpps, host_ns, dpu_ns, vm_ns, fabric_ns;
	struct samples dpu_raw_ns; /* dpu_ns without what slow cores waited, which is emulated */
	struct samples link_ns; /* CPU time of what plays the PCIe link */
	struct samples link_us, late_us; /* a frame held at a crossing, emulated; of that, more than was asked for */
	struct samples other_ns; /* of everybody else on this machine, per frame; measured by itself */
	struct samples woken_ns; /* of CPUs that were asleep: interrupts that wake them, the ways to sleep and back */
	struct samples open_percent; /* busy time of the CPUs that nobody above accounts for, of all of it; below 0: more than there was */
	struct samples ratio;	 /* host_ns to that of linux in the same round */
};

/* Round trips of an open loop: datagrams that do not wait for answers. No samples where the policy has no place for them. */
struct pathbench_latency {
	struct samples p50_us, p99_us;
	struct samples per_s; /* answered */
	struct samples lost;  /* share of those sent */
	struct samples emulated_us; /* of a round trip: what emulated links and cores made it wait */
};

enum pathbench_load {
	LOAD_IDLE, /* 1,000 a second */
	LOAD_HALF, /* half of what is answered when the sender sends all it can */
	LOAD_COUNT,
};

/*
 * A TCP stream at one hook. Busy time of the hosts' CPUs (with the VMs' own work) and of the DPUs', ns per KB; none where they share
 * one, or where other work went on just before.
 */
struct pathbench_tcp {
	struct samples gbit, host_ns, dpu_ns;
	/* Of a round: host_ns to that of linux, from either of which what the hosts' CPUs do on dpu-upt at the same hook, the VMs' own work, is taken off. */
	struct samples ratio;
	unsigned booked; /* round, from 1, that CPU time was last booked in */
};

struct pathbench_path {
	enum frame_path path;
	char why[96]; /* not measured, and why */
	struct pathbench_frames frames[2][WHERE_COUNT][SIZE_COUNT]; /* [0] at tc (linux: the kernel), [1] at xdp */
	struct pathbench_tcp tcp[2][WHERE_COUNT]; /* [0] at tc (linux: the kernel), [1] at xdp */
	struct samples rtt_p99_us[WHERE_COUNT];
	/* Of messages as long as leaves room for headers in such a frame; [SIZE_64]: of 64 bytes. Of that, what was emulated. */
	struct samples rtt_us[WHERE_COUNT][SIZE_COUNT], rtt_emulated_us[WHERE_COUNT][SIZE_COUNT];
	struct pathbench_latency latency[WHERE_COUNT][LOAD_COUNT];
	double answered_per_s[WHERE_COUNT]; /* under overload, in the first round; 0 = not known */
};

struct pathbench {
	struct traffic_pair pair[WHERE_COUNT];
	struct traffic_pair machines; /* of path bare-metal */
	unsigned rounds;
	double seconds, steal_percent;
	struct pathbench_path path[PATH_END];
	struct spintest self; /* on dpu-mux or host, by XDP */
};

/* chosen: by enum frame_path. Left as it was found. */
int pathbench_run(struct lab *lab, const bool chosen[static PATH_END], const struct compare_options *options,
		  struct pathbench *ret_bench, struct diag *diag);
/*
 * Share of same-host traffic (0 to 1) above which path b costs more than path a, in CPU time or in latency (the mean of a mixture),
 * from what a frame costs each on one host [WHERE_SAME_HOST] and across [WHERE_WIRE]. 1: never; 0: always. Pure.
 */
double pathbench_break_even(const double a[static WHERE_COUNT], const double b[static WHERE_COUNT]);
