/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flowid.h - what identifies a flow, in the form in which frames are read and entries are compared. */
#pragma once
#include <dpulab/flow.h>

/* A flow key as words: 0-1 stations, 2 tunnel, 3 ports and protocol, 4-7 addresses. */
union flow_words {
	struct dpu_flow_key key;
	__u64 w[8];
};
_Static_assert(sizeof(union flow_words) == 64, "flow words");

/* fast_parse() makes it from a frame, flow_id_of() from what the slow path has read. */
struct flow_id {
	__u64 path[4];			/* as dpu_path.key */
	__u64 word[DPU_FLOW_KEY_WORDS]; /* as dpu_flow_hot.key */
};

/*
 * Word 3 of a path. The device rather than its port: it needs no look-up. Which
 * port a device is, is in that port's generation. An entry serves the hook that
 * made it: the other one may not be asked at that port.
 */
#define FLOW_PATH_FROM(ifindex, vlan) ((__u64)HOOK_ID << 48 | (__u64)(vlan) << 32 | (ifindex))
/* Of the tag: its VLAN; and its priority, where that says which marks a frame gets. */
#define FLOW_TAG_VLAN	  bpf_htons(0x0fff)
#define FLOW_TAG_PRIORITY bpf_htons(0xe000)
/* Word 1 of a path, where DSCP is part of it: as its bits stand in a frame, in the upper half. */
#define FLOW_DSCP_IP4	   0xfc00000000000000ull
#define FLOW_DSCP_IP6	   0xc00f000000000000ull
#define FLOW_DSCP4(dscp) ((__u64)(dscp) << 58)
#define FLOW_DSCP6(dscp) ((__u64)((dscp) >> 2) << 48 | (__u64)((dscp) & 3) << 62)
#define FLOW_PATH_IP4 0x0045000800000000ull /* upper half of word 1: type, version and header length */
#define FLOW_PATH_IP6 0x0060dd8600000000ull
