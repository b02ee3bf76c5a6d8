// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dpulab_classify - the datapath's search for a rule and nothing else, as a test-run
 * program: checked against the rules and timed by tests/classify. Of the maps of
 * maps.h only "dfw_cells" is used.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <dpulab/question.h>
#include "core/classify.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DPU_QUESTIONS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dpu_question);
} questions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dpu_asked);
} asked SEC(".maps");

/* One question: as dfw_judge() in stage/dfw.h asks it. */
STAGE int classify_answer(__u32 index)
{
	struct dpu_question *question = env_lookup(questions, &index);
	__u32 zero = 0;
	struct dpu_asked *run = env_lookup(asked, &zero);
	struct classify_query query = {};
	struct dpu_policy_ref policy;

	if (!question || !run)
		return 1;
	policy.word = env_read(run->policy);
	query.at = policy.at;
	query.version = policy.version;
	query.sport = question->sport;
	query.dport = question->dport;
	query.has_ports = question->has_ports;
	query.family = question->family;
	query.proto = question->proto;
	query.direction = question->direction;
	if (classify(&query, &question->src, &question->dst))
		return 1;
	question->rule_id = query.rule_id;
	question->action = query.action;
	question->version = query.version;
	return 0;
}

static long classify_next(__u32 i, void *arg)
{
	return classify_answer(*(__u32 *)arg + i) ? 1 : 0;
}

SEC("xdp")
int dpulab_classify(struct xdp_md *ctx)
{
	__u32 zero = 0, first;
	struct dpu_asked *run = env_lookup(asked, &zero);

	(void)ctx;
	if (!run)
		return XDP_ABORTED;
	first = run->first;
	env_loop(run->count, classify_next, &first);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
