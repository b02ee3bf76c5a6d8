/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * settings.h - load-time constants: the loader fills them between open and
 * load, the verifier folds them. Nothing that changes at run time.
 */
#pragma once
#include <linux/types.h>
#include <dpulab/conntrack.h>
#include <dpulab/limits.h>

#define DPU_HASH_WORDS 6 /* of a flow: station addresses, IP addresses, ports and protocol */
#define DPU_FLOW_SLOT_SHIFT(sets) (64 - __builtin_ctz((sets) * DPU_FLOW_WAYS)) /* sets: a power of two */
#define DPU_FLOW_SLOTS_OF(shift)  (1u << (64 - (shift)))

struct dpu_settings {
	__u32 flow_slot_shift;	 /* slot of a flow = its hash >> this: 64 - log2(sets * DPU_FLOW_WAYS) */
	__u32 hash_seed;	 /* of paths; random per load, so that a tenant cannot choose a place */
	__u32 ct_clock_mask;	 /* entries of "ct_clock" - 1; a power of two >= 2 * conntrack */
	__u32 record_exit;	 /* 1: write "exit_record" */
	__u64 hash_multiplier[DPU_HASH_WORDS]; /* of flows; odd, random per load, so that a tenant cannot choose a set */
	__u64 secret[2];	 /* random per load: of challenges */
	__u64 fdb_age_ns;	 /* default 300 s (IEEE 802.1Q 8.8.3) */
	__u64 flow_renew_ns;	 /* default 60 s */
	__u64 ct_timeout_ns[DPU_CT_STATES]; /* TCP, by state */
	__u64 ct_udp_new_ns, ct_udp_est_ns;
	__u64 ct_icmp_ns, ct_other_ns;
	__u32 reeval_pps;	 /* re-evaluations of connections after a policy change, per second and CPU */
	__u32 flow_cache;	 /* 0: every frame takes the slow path (the oracle of the differential tests) */
	__u32 log_pps;		 /* events of rules that log, per second and CPU; 0: none */
	__u32 tcp_strict;	 /* 1: TCP segments outside their connection's window are dropped: core/tcp_window.h */
	__u32 hold_fragments;	 /* 1: fragments wait for the first one of their datagram: stage/hold.h */
	__u32 qos;		 /* 1: enum dpu_qos; 0: nothing is shaped or shared out */
	__u32 emulate;		 /* enum dpu_emulate: a device with a profile; 0: nothing of it is in the program */
	__u32 pad;
};
