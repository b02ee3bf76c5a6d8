// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * conn_count - a slot that counts the connections each source opens, and raises an alarm. TCP connections (SYN) are
 * counted per source and window of WINDOW_S seconds; from ALARM on each passes with reason 1, which
 * `show LAB intercept` counts as noted, and from LIMIT on (0: never) it is dropped with reason 2. The counts are in
 * the map `sources`. For either direction.
 *
 *	define: [ALARM=100, LIMIT=1000, WINDOW_S=10]
 */
#define DPU_SLOT
#include <dpulab/intercept.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef ALARM
#define ALARM 100
#endif
#ifndef LIMIT
#define LIMIT 0
#endif
#ifndef WINDOW_S
#define WINDOW_S 10
#endif

#define TCP 6
#define FLAGS_AT 13 /* RFC 9293 3.1 */
#define SYN 0x02
#define ACK 0x10
#define BECAUSE_ALARM 1
#define BECAUSE_LIMIT 2

struct source {
	__u64 window_ns; /* when the window began, CLOCK_MONOTONIC */
	__u64 total;	 /* connections since it was first heard of */
	__u32 opened;	 /* in the window */
	__u32 alarms;	 /* windows in which it came to the alarm */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, union dpu_ip);
	__type(value, struct source);
} sources SEC(".maps");

static int count(struct source *source, __u64 now_ns)
{
	if (now_ns - source->window_ns >= WINDOW_S * 1000000000ull) {
		source->window_ns = now_ns;
		source->opened = 0;
	}
	source->total++;
	if (++source->opened < ALARM)
		return DPU_INTERCEPT_PASS;
	if (source->opened == ALARM)
		source->alarms++;
	if (LIMIT && source->opened >= LIMIT)
		return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_DROP, BECAUSE_LIMIT);
	return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_PASS, BECAUSE_ALARM);
}

int conn_count(struct dpu_frame *frame, struct dpu_intercept *at)
{
	struct source first = {}, *source;
	struct dpu_intercept_addresses addresses;
	__u8 flags = 0;

	if (!at || at->proto != TCP || !at->l4_off || at->flags & DPU_INTERCEPT_F_FRAGMENT)
		return DPU_INTERCEPT_PASS;
	if (dpu_frame_load(frame, at->l4_off + FLAGS_AT, &flags, sizeof(flags)) || (flags & (SYN | ACK)) != SYN)
		return DPU_INTERCEPT_PASS;
	if (dpu_frame_addresses(frame, at, &addresses))
		return DPU_INTERCEPT_PASS;
	source = bpf_map_lookup_elem(&sources, &addresses.src);
	if (!source) {
		first.window_ns = at->now_ns;
		bpf_map_update_elem(&sources, &addresses.src, &first, BPF_NOEXIST);
		source = bpf_map_lookup_elem(&sources, &addresses.src);
	}
	return source ? count(source, at->now_ns) : DPU_INTERCEPT_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
