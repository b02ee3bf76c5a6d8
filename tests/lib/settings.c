// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* settings.c - one set of load-time constants for every backend, so that they must agree. */
#include "backend.h"
#include <dpulab/qos.h>

#define SECOND 1000000000ull

bool backend_strict;

struct backend_sizes backend_sizes(enum backend_kind kind)
{
	if (kind == BACKEND_DEVICE_LARGE)
		return (struct backend_sizes){32768, 524288, 262144};
	return (struct backend_sizes){BACKEND_FLOW_SETS, BACKEND_CT_CLOCK, BACKEND_CT_ENTRIES};
}

struct dpu_settings backend_settings(enum backend_kind kind)
{
	return (struct dpu_settings){
		.flow_slot_shift = DPU_FLOW_SLOT_SHIFT(backend_sizes(kind).flow_sets),
		.hash_seed = 0x5eed,
		.hash_multiplier = {
			0x082efa98ec4e6c89ull, 0x452821e638d01377ull, 0xbe5466cf34e90c6dull,
			0xc0ac29b7c97c50ddull, 0x3f84d5b5b5470917ull, 0x9216d5d98979fb1bull,
		},
		.secret = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull},
		.ct_clock_mask = backend_sizes(kind).ct_clock - 1,
		.record_exit = 1,
		.fdb_age_ns = 300 * SECOND,
		.flow_renew_ns = 60 * SECOND,
		.ct_timeout_ns = {
			[DPU_CT_NEW] = 30 * SECOND,
			[DPU_CT_ESTABLISHED] = 3600 * SECOND,
			[DPU_CT_SYN_SENT] = 120 * SECOND,
			[DPU_CT_SYN_RECV] = 60 * SECOND,
			[DPU_CT_FIN_WAIT] = 120 * SECOND,
			[DPU_CT_CLOSE_WAIT] = 3600 * SECOND,
			[DPU_CT_LAST_ACK] = 30 * SECOND,
			[DPU_CT_TIME_WAIT] = 120 * SECOND,
			[DPU_CT_CLOSE] = 10 * SECOND,
			[DPU_CT_SYN_SENT2] = 120 * SECOND,
			[DPU_CT_REOPENING] = 10 * SECOND,
		},
		.ct_udp_new_ns = 30 * SECOND,
		.ct_udp_est_ns = 120 * SECOND,
		.ct_icmp_ns = 30 * SECOND,
		.ct_other_ns = 600 * SECOND,
		.reeval_pps = 10000,
		.flow_cache = kind != BACKEND_NO_CACHE,
		.emulate = kind >= BACKEND_DEVICE ? DPU_EMULATE_ASIC | DPU_EMULATE_ARM : 0,
		.log_pps = 1000,
		.tcp_strict = backend_strict,
		.hold_fragments = backend_strict,
		.qos = backend_strict ? DPU_QOS_ON | DPU_QOS_DSCP | DPU_QOS_MARKS : 0,
	};
}
