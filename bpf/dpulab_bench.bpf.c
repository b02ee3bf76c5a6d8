// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dpulab_bench - what a measurement needs around the datapath, as XDP programs:
 *
 *   bench_source	rewrites a live test-run frame into the next frame of the plan and sends it
 *   bench_listed		the same, but template and flow come from a list made beforehand
 *   bench_sink		counts and drops
 *   bench_pass		stub for the far end of a veth
 *   bench_redirect	the baseline: one bare redirect_map, by ingress device
 *   bench_hash		the other baseline: one bare look-up in a big hash map, then the redirect
 *   bench_plainest	no baseline: the least a flow cache can do, to know how far the datapath is from it
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <dpulab/bench.h>
#include "core/compat.h"
#include "core/wire.h"
#include "frames.bpf.h"

/* A bare look-up's key: what identifies a connection, and nothing else. */
struct bench_hash_key {
	__u64 src[2], dst[2];
	__u32 ports;
	__u32 proto;
};

FRAME_DEVICES(BENCH_MAX_DEVICES) bench_out SEC(".maps"), bench_bare SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_TEMPLATES);
	__type(key, __u32);
	__type(value, struct bench_template);
} bench_templates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_order);
} bench_order SEC(".maps");

FRAME_COUNTERS(struct bench_counters, bench_counters)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_windows);
} bench_windows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct bench_hash_key);
	__type(value, __u32);
} bench_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_LIST_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64); /* a mapped array has its values at every eighth byte */
} bench_list SEC(".maps");

static __always_inline void copy_words(__u8 *to, const __u8 *from, int n)
{
	for (int i = 0; i < n; i += 8)
		wire_u64(to + i) = wire_u64(from + i);
}

/* Flow number into the ports (sport_bits source, the rest destination) and the checksum (RFC 1624). */
static __always_inline int set_flow(struct xdp_md *ctx, const struct bench_template *t, __u32 flow)
{
	__u8 *data = ctx_pointer(ctx, data), *end = ctx_pointer(ctx, data_end), *at;
	__u32 bits = t->sport_bits & 15, sum, sport = flow & ((1u << bits) - 1), dport = flow >> bits;
	__be16 *word;

	at = data + (t->ports_off & 127);
	keep_register(at);
	if (at + 4 > end)
		return -1;
	word = (__be16 *)at;
	word[0] = bpf_htons(bpf_ntohs(word[0]) + (t->swap ? dport : sport));
	word[1] = bpf_htons(bpf_ntohs(word[1]) + (t->swap ? sport : dport));
	if (t->entropy_off) {
		at = data + (t->entropy_off & 127);
		keep_register(at);
		if (at + 2 > end)
			return -1;
		*(__be16 *)at = bpf_htons(49152 + (flow & 0x3fff));
	}
	if (!t->check_off)
		return 0;
	at = data + (t->check_off & 127);
	keep_register(at);
	if (at + 2 > end)
		return -1;
	sum = (__u16)~bpf_ntohs(*(__be16 *)at) + sport + dport;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*(__be16 *)at = bpf_htons((__u16)~sum);
	return 0;
}

/* Writes template t, flow number and all, over the frame and sends it. */
static __always_inline int send_template(struct xdp_md *ctx, const struct bench_order *order, __u32 template,
					 __u32 flow)
{
	__u8 *data = ctx_pointer(ctx, data), *end = ctx_pointer(ctx, data_end);
	const struct bench_template *t = bpf_map_lookup_elem(&bench_templates, &template);

	if (!t || data + 64 > end)
		return XDP_DROP;
	copy_words(data, t->bytes, 64);
	if (order->frame_len > 64) {
		if (data + 114 > end)
			return XDP_DROP;
		copy_words(data + 58, t->bytes + 58, 56);
	}
	if (set_flow(ctx, t, flow))
		return XDP_DROP;
	return bpf_redirect_map(&bench_out, t->out, XDP_DROP);
}

SEC("xdp")
int bench_source(struct xdp_md *ctx)
{
	struct bench_counters *count = bench_counters_here();
	const struct bench_order *order;
	__u32 key = 0, n, mixed;

	order = bpf_map_lookup_elem(&bench_order, &key);
	if (!count || !order)
		return XDP_DROP;
	n = count->sent++;
	mixed = n * 0x9e3779b1u; /* odd: every residue comes up once in 2^k frames */
	mixed ^= mixed >> 15;
	mixed *= 0x85ebca6bu;
	mixed ^= mixed >> 13;
	key = ((n / order->burst * 2) | (mixed >> 31)) & (order->templates - 1);
	return send_template(ctx, order, key, mixed & (order->flows - 1));
}

SEC("xdp")
int bench_listed(struct xdp_md *ctx)
{
	struct bench_counters *count = bench_counters_here();
	const struct bench_order *order;
	const __u64 *listed;
	__u32 key = 0;

	order = bpf_map_lookup_elem(&bench_order, &key);
	if (!count || !order)
		return XDP_DROP;
	key = (__u32)(count->sent++ - order->list_first) & order->list_mask;
	listed = bpf_map_lookup_elem(&bench_list, &key);
	if (!listed)
		return XDP_DROP;
	return send_template(ctx, order, *listed >> 28, *listed & 0xfffffff);
}

/* One more window has arrived: how long did it take? */
static __always_inline void note_window(struct bench_counters *count)
{
	__u64 now = bpf_ktime_get_ns(), width = (now - count->window_ns) / BENCH_WINDOW_STEP;
	struct bench_windows *windows;
	__u32 key = 0;

	count->window_ns = now;
	if (width >= BENCH_WINDOW_STEPS)
		width = BENCH_WINDOW_STEPS - 1;
	asm volatile("" : "+r"(width)); /* so that the mask is left, which the verifier understands */
	windows = bpf_map_lookup_elem(&bench_windows, &key);
	if (windows)
		windows->n[width & (BENCH_WINDOW_STEPS - 1)]++;
}

SEC("xdp")
int bench_sink(struct xdp_md *ctx)
{
	struct bench_counters *count = bench_counters_here();

	(void)ctx;
	if (count && !(++count->arrived % BENCH_WINDOW))
		note_window(count);
	return XDP_DROP;
}

SEC("xdp")
int bench_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("xdp")
int bench_redirect(struct xdp_md *ctx)
{
	return bpf_redirect_map(&bench_bare, ctx->ingress_ifindex, XDP_DROP);
}

/* IPv4 or IPv6 in plain Ethernet, ports in place: the least a look-up by connection needs. */
static __always_inline int hash_key(struct xdp_md *ctx, struct bench_hash_key *key)
{
	__u8 *data = ctx_pointer(ctx, data), *end = ctx_pointer(ctx, data_end);
	const struct wire_eth *eth = (void *)data;
	const struct wire_ip4 *ip4 = (void *)(data + 14);
	const struct wire_ip6 *ip6 = (void *)(data + 14);

	if (data + 58 > end)
		return -1;
	if (eth->type == bpf_htons(ETHERTYPE_IP4)) {
		key->src[0] = 0;
		key->src[1] = ip4->src;
		key->dst[0] = 0;
		key->dst[1] = ip4->dst;
		key->proto = ip4->proto;
		key->ports = wire_u32(data + 34);
		return 0;
	}
	key->src[0] = wire_u64(ip6->src);
	key->src[1] = wire_u64(ip6->src + 8);
	key->dst[0] = wire_u64(ip6->dst);
	key->dst[1] = wire_u64(ip6->dst + 8);
	key->proto = ip6->next;
	key->ports = wire_u32(data + 54);
	return 0;
}

/* Learns on a miss, so that the plan itself fills the table. */
SEC("xdp")
int bench_hash(struct xdp_md *ctx)
{
	struct bench_hash_key key;
	struct bench_counters *count;
	__u32 *out, in = ctx->ingress_ifindex;

	if (hash_key(ctx, &key))
		return XDP_DROP;
	out = bpf_map_lookup_elem(&bench_table, &key);
	if (out)
		return bpf_redirect_map(&bench_bare, *out, XDP_DROP);
	count = bench_counters_here();
	if (count)
		count->unknown++;
	bpf_map_update_elem(&bench_table, &key, &in, BPF_ANY);
	return XDP_DROP;
}

/* A line of the plainest flow cache: `words` names the connection, both families alike. */
struct bench_line {
	__u64 words[5];
	__u32 generation;
	__u32 out; /* device + 1; 0 = free */
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_LINES);
	__type(key, __u32);
	__type(value, struct bench_line);
} bench_lines SEC(".maps");

struct bench_port {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BENCH_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct bench_port);
} bench_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_generation SEC(".maps");

/* The lines a connection can be in are two neighbours: its own, or the other of the pair. */
static __always_inline struct bench_line *line_of(const struct bench_hash_key *key, __u32 other)
{
	__u64 h = (key->src[0] ^ key->ports) * 0x9e3779b97f4a7c15ull + (key->src[1] ^ key->proto) * 0xc2b2ae3d27d4eb4full;
	__u32 at;

	h += (key->dst[0] * 0x165667b19e3779f9ull) ^ (key->dst[1] * 0x27d4eb2f165667c5ull);
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
	at = ((__u32)(h >> 40) ^ other) & (BENCH_LINES - 1);
	return bpf_map_lookup_elem(&bench_lines, &at);
}

static __always_inline int line_is(const struct bench_line *line, const struct bench_hash_key *key)
{
	return !((line->words[0] ^ key->src[0]) | (line->words[1] ^ key->src[1]) | (line->words[2] ^ key->dst[0]) |
		 (line->words[3] ^ key->dst[1]) | (line->words[4] ^ ((__u64)key->proto << 32 | key->ports)));
}

/* Into the own line if it is free or nobody's turn, else into its neighbour. */
static __always_inline int line_learn(struct xdp_md *ctx, const struct bench_hash_key *key)
{
	struct bench_line *line = line_of(key, 0);
	struct bench_counters *count = bench_counters_here();

	if (line && line->out)
		line = line_of(key, 1);
	if (!line || !count)
		return XDP_DROP;
	count->unknown++;
	line->words[0] = key->src[0];
	line->words[1] = key->src[1];
	line->words[2] = key->dst[0];
	line->words[3] = key->dst[1];
	line->words[4] = (__u64)key->proto << 32 | key->ports;
	line->out = ctx->ingress_ifindex + 1;
	return XDP_DROP;
}

/* Parse, one look-up, generation, flow and port counters, redirect: no ports' functions, ageing, policy or editing. */
SEC("xdp")
int bench_plainest(struct xdp_md *ctx)
{
	__u32 zero = 0, in = ctx->ingress_ifindex, *generation;
	struct bench_hash_key key;
	struct bench_line *line;
	struct bench_port *port;
	__u64 len = (__u8 *)ctx_pointer(ctx, data_end) - (__u8 *)ctx_pointer(ctx, data);

	if (hash_key(ctx, &key))
		return XDP_DROP;
	line = line_of(&key, 0);
	if (line && !line_is(line, &key))
		line = line_of(&key, 1);
	generation = bpf_map_lookup_elem(&bench_generation, &zero);
	port = bpf_map_lookup_elem(&bench_ports, &in);
	if (!line || !generation || !port)
		return XDP_DROP;
	if (!line_is(line, &key) || line->generation != *generation)
		return line_learn(ctx, &key);
	line->packets++;
	line->bytes += len;
	port->packets++;
	port->bytes += len;
	return bpf_redirect_map(&bench_bare, line->out - 1, XDP_DROP);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
