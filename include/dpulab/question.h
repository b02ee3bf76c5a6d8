/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* question.h - what tests/classify asks the datapath's search (bpf/dpulab_classify.bpf.c). */
#pragma once
#include <dpulab/addr.h>

#define DPU_QUESTIONS 65536

/* Map "questions": first packets; the program writes the last line. */
struct dpu_question {
	union dpu_ip src, dst;
	__u16 sport, dport; /* host order */
	__u8 has_ports, family, proto, direction;
	__u32 rule_id;	    /* the answer: 0 = no rule */
	__u16 version;	    /* of the policy that gave it */
	__u8 action;
	__u8 pad;
};

/* Map "asked": which questions one run of the program takes, and which policy answers. */
struct dpu_asked {
	__u64 policy; /* struct dpu_policy_ref.word; read for each question anew */
	__u32 first, count;
};

_Static_assert(sizeof(struct dpu_question) == 48, "question");
