/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flowid.h - what identifies a flow, in the form in which frames are read and entries are compared. */
#pragma once
#include <dpulab/flow.h>

/* A flow key as words: 0-2 path, 3 ports and protocol, 4-7 addresses. */
union flow_words {
	struct dpu_flow_key key;
	__u64 w[8];
};
_Static_assert(sizeof(union flow_words) == 64, "flow words");

/* fast_parse() makes it from a frame, flow_id_of() from a key. */
struct flow_id {
	__u64 path[3];
	__u64 addr[4]; /* as dpu_flow_hot.addr */
	__u64 head;    /* as dpu_flow_hot, sport to proto */
};
#define FLOW_HEAD_IP6	48 /* bits of head */
#define FLOW_HEAD_PROTO 56
/* An entry serves the hook that made it: the other one may not be asked at that port. In the byte behind the VNI. */
#define FLOW_PATH_HOOK ((__u64)HOOK_ID << 24)
