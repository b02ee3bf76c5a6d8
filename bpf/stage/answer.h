/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * answer.h - answers made out of the frame itself: TCP RST and ICMP
 * "administratively prohibited" for a rejected connection, ICMP "fragmentation
 * needed" / "packet too big" for a frame the underlay cannot carry. They come
 * from the address the frame was sent to, as a bridging firewall has it.
 *
 * The answer leaves here as a bare frame with verdict FORWARD, out_port and
 * out_vtep where it came from; reply.h puts it back into its tunnel or VLAN.
 * What may not be answered (RFC 1122 3.2.2, RFC 4443 2.4: ICMP errors, RSTs,
 * group addresses, later fragments) or is above DPU_ANSWER_PPS is dropped for
 * the reason it would have been answered.
 */
#pragma once
#include "core/compat.h"
#include "core/csum.h"
#include "core/rate.h"
#include "core/stats.h"
#include "core/verdict.h"
#include "core/wire.h"
#include "maps.h"

#define ANSWER_TTL 64
#define ANSWER_IP4_MAX 576 /* RFC 1812 4.3.2.3 */

/* What the ICMP error says. */
struct answer_icmp {
	__u8 type, code;
	__be32 rest; /* second word of the header: the MTU, or 0 */
};

INLINE struct answer_packet *answer_packet(void)
{
	__u32 key = HOOK_ID;

	return env_lookup(answer_buffer, &key);
}

INLINE int answer_is_group(const struct pkt *p, const union dpu_ip *ip)
{
	if (p->l3 == PKT_L3_IP6)
		return ip->b[0] == 0xff || !(ip->q[0] | ip->q[1]);
	return ip->b[12] >= 224 || !ip->b[12]; /* 224/4, 255.255.255.255, 0/8 */
}

INLINE int answer_wanted(const struct pkt *p)
{
	if ((p->l3 != PKT_L3_IP4 && p->l3 != PKT_L3_IP6) || p->icmp_error || p->frag == PKT_FRAG_LATER)
		return 0;
	return !((p->key.dmac[0] | p->key.smac[0]) & 1) && !answer_is_group(p, &p->key.src) &&
	       !answer_is_group(p, &p->key.dst);
}

/* May this frame be answered, and is there room below the rate? */
INLINE int answer_allowed(const struct pkt *p)
{
	__u32 limit = RATE_ANSWER;
	__u64 *due = env_lookup(rates, &limit);
	struct dpu_node_stats *stats = stats_node();

	if (!due || !stats || !answer_wanted(p))
		return 0;
	if (!rate_allow(due, p->now_ns, DPU_ANSWER_PPS, 1)) {
		stats->answers_limited++;
		return 0;
	}
	stats->answers++;
	return 1;
}

INLINE __u32 answer_ip_len(const struct pkt *p)
{
	return p->l3 == PKT_L3_IP6 ? sizeof(struct wire_ip6) : sizeof(struct wire_ip4);
}

/* The IP header of the answer, in front of l4_len bytes. */
INLINE void answer_ip(struct answer_packet *answer, const struct pkt *p, __u8 proto, __u32 l4_len)
{
	struct wire_ip4 *ip4 = (void *)answer->b;
	struct wire_ip6 *ip6 = (void *)answer->b;

	if (p->l3 == PKT_L3_IP6) {
		ip6->ver_class_label = bpf_htonl(0x60000000);
		ip6->payload_len = bpf_htons(l4_len);
		ip6->next = proto;
		ip6->hop_limit = ANSWER_TTL;
		__builtin_memcpy(ip6->src, p->key.dst.b, 16);
		__builtin_memcpy(ip6->dst, p->key.src.b, 16);
		return;
	}
	*ip4 = (struct wire_ip4){.ver_ihl = 0x45,
				 .len = bpf_htons(sizeof(*ip4) + l4_len),
				 .frag = bpf_htons(WIRE_IP4_DF),
				 .ttl = ANSWER_TTL,
				 .proto = proto,
				 .src = p->key.dst.w[3],
				 .dst = p->key.src.w[3]};
	ip4->check = csum_finish(csum_add(0, ip4, sizeof(*ip4)));
}

/* Sum of the pseudo header (RFC 9293 3.1, RFC 8200 8.1); the order of the addresses does not matter. */
INLINE __u64 answer_pseudo(const struct pkt *p, __u8 proto, __u32 l4_len)
{
	__u64 sum = (__u64)bpf_htons(proto) + bpf_htons(l4_len) + p->key.src.w[3] + p->key.dst.w[3];

	if (p->l3 == PKT_L3_IP6)
		for (int i = 0; i < 3; i++)
			sum += (__u64)p->key.src.w[i] + p->key.dst.w[i];
	return sum;
}

/* Bytes of the packet from its transport header on. */
INLINE __u32 answer_l4_len(const struct pkt *p)
{
	__u32 total = p->l3_len ? p->l3_len : p->len - p->l3_off; /* 0: GSO above 64 KiB */

	return total - (p->l4_off - p->l3_off);
}

/*
 * A local sender's checksum that a device is to finish holds the sum of the
 * pseudo header only. (A finished one looks like that once in 65536: that
 * answer may get lost.)
 */
INLINE void answer_note_half_made(struct pkt *p, __u16 check)
{
	p->half_check = check;
	p->half_made = check == csum_fold(answer_pseudo(p, p->key.proto, answer_l4_len(p)));
	p->half_at = 0;
}

/* Takes the tunnel or the tag off, and leaves a frame of len bytes; as hook_resize(). */
INLINE long answer_clear(hook_ctx *ctx, const struct pkt *p, __u32 len)
{
	long err = 0;

	if (p->key.vni)
		err = hook_decap(ctx);
	else if (p->tagged)
		err = hook_untag(ctx);
	return err ? err : hook_resize(ctx, len, answer_l4_len(p));
}

/*
 * The device will finish the checksum of the quoted packet: it must find it as
 * it was. The answer's own checksum already counts on the result.
 */
INLINE long answer_leave_half_made(struct answer_packet *answer, const struct pkt *p)
{
	if (!p->half_made)
		return 0;
	if (!p->half_at || p->half_at > ANSWER_MAX - sizeof(p->half_check))
		return -EOPNOTSUPP;
	__builtin_memcpy(&answer->b[p->half_at], &p->half_check, sizeof(p->half_check));
	return 0;
}

/* Replaces the frame with the answer of ip_len bytes, to be sent back. */
STAGE int answer_send(hook_ctx *ctx, struct pkt *p, __u32 ip_len)
{
	struct answer_packet *answer = answer_packet();
	struct wire_eth *eth;
	long err;

	if (!p || !answer || outside_range(ip_len, sizeof(struct wire_ip4), ANSWER_MAX))
		return 0;
	eth = (void *)answer->eth;
	__builtin_memcpy(eth->dmac, p->key.smac, 6);
	__builtin_memcpy(eth->smac, p->key.dmac, 6);
	eth->type = bpf_htons(p->ethertype);
	err = answer_clear(ctx, p, sizeof(*eth) + ip_len);
	if (err == HOOK_HALF_MADE)
		err = answer_leave_half_made(answer, p);
	if (!err)
		err = hook_store(ctx, 0, eth, sizeof(*eth) + ip_len);
	p->verdict = err ? DPU_VERDICT_DROP : DPU_VERDICT_FORWARD;
	p->out_port = p->key.in_port;
	p->out_vtep = p->in_vtep;
	p->l2_off = 0;
	p->tagged = 0;
	p->len = hook_len(ctx);
	p->gso_size = 0;
	p->gso_segs = 1;
	p->cacheable = 0;
	return 0;
}

/* Bytes the segment takes in its sender's sequence space. */
INLINE __u32 answer_segment_len(const struct pkt *p, const struct wire_tcp *tcp)
{
	__u32 header = (tcp->doff >> 4) * 4, total = answer_l4_len(p);
	__u32 flags = !!(tcp->flags & WIRE_TCP_SYN) + !!(tcp->flags & WIRE_TCP_FIN);

	return total > header ? total - header + flags : flags;
}

/* RFC 9293 3.10.7.1: the reset a closed port would send. Or the challenge: an ACK of cookie. */
STAGE int answer_tcp(hook_ctx *ctx, struct pkt *p)
{
	struct answer_packet *answer = answer_packet();
	struct wire_tcp in, *out;

	if (!p || !answer || hook_load(ctx, p->l4_off, &in, sizeof(in)))
		return 0;
	answer_note_half_made(p, in.check);
	answer_ip(answer, p, WIRE_PROTO_TCP, sizeof(*out));
	out = (void *)&answer->b[answer_ip_len(p)];
	*out = (struct wire_tcp){.sport = in.dport, .dport = in.sport, .doff = 5 << 4, .flags = WIRE_TCP_RST};
	if (p->reason == DPU_REASON_CHALLENGE) {
		out->ack = bpf_htonl(p->cookie);
		out->flags = WIRE_TCP_ACK;
	} else if (in.flags & WIRE_TCP_ACK) {
		out->seq = in.ack;
	} else {
		out->ack = bpf_htonl(bpf_ntohl(in.seq) + answer_segment_len(p, &in));
		out->flags |= WIRE_TCP_ACK;
	}
	out->check = csum_finish(csum_add(answer_pseudo(p, WIRE_PROTO_TCP, sizeof(*out)), out, sizeof(*out)));
	return answer_send(ctx, p, answer_ip_len(p) + sizeof(*out));
}

struct answer_sum {
	__u64 sum;
	__u32 first; /* word of the answer where the ICMP header begins */
};

static long answer_sum_step(__u32 i, void *arg)
{
	struct answer_sum *sum = arg;
	const struct answer_packet *answer = answer_packet();
	__u32 word = sum->first + i;

	if (!answer || word >= ANSWER_ROOM / 4)
		return 1;
	sum->sum += answer->w[word];
	return 0;
}

/* Bytes of the offending packet to quote: as many as the answer may hold. */
INLINE __u32 answer_quote_len(const struct pkt *p)
{
	__u32 most = (p->l3 == PKT_L3_IP6 ? ANSWER_MAX : ANSWER_IP4_MAX) - answer_ip_len(p) -
		     sizeof(struct wire_icmp);
	__u32 total = p->l3_len ? p->l3_len : p->len - p->l3_off;

	return total < most ? total : most;
}

/* Checksum of the ICMP message of len bytes behind the IP header; its own field is still 0. */
INLINE __u16 answer_icmp_check(const struct pkt *p, __u32 len)
{
	struct answer_sum sum = {.first = answer_ip_len(p) / 4};

	if (p->l3 == PKT_L3_IP6) /* ICMPv6 includes the pseudo header, ICMP does not */
		sum.sum = answer_pseudo(p, WIRE_PROTO_ICMP6, len);
	env_loop((len + 3) / 4, answer_sum_step, &sum);
	return csum_finish(sum.sum);
}

/*
 * A checksum left to a device is finished in the quote, if all it covers is
 * quoted. head: where the quote begins.
 */
INLINE void answer_finish_quote(struct answer_packet *answer, struct pkt *p, __u32 head, __u32 quote)
{
	__u32 l4 = head + p->l4_off - p->l3_off, at = l4;
	struct answer_sum sum = {.first = l4 / 4};
	__u16 check;

	if (p->key.proto == WIRE_PROTO_TCP)
		at += __builtin_offsetof(struct wire_tcp, check);
	else if (p->key.proto == WIRE_PROTO_UDP)
		at += __builtin_offsetof(struct wire_udp, check);
	if (at == l4 || at > ANSWER_MAX - sizeof(check) || p->l4_off + answer_l4_len(p) != p->l3_off + quote)
		return;
	__builtin_memcpy(&check, &answer->b[at], sizeof(check));
	answer_note_half_made(p, check);
	if (!p->half_made)
		return;
	p->half_at = at;
	env_loop((head + quote - l4 + 3) / 4, answer_sum_step, &sum);
	check = csum_finish(sum.sum);
	__builtin_memcpy(&answer->b[at], &check, sizeof(check));
}

/* An ICMP error that quotes the frame's packet. */
STAGE int answer_error(hook_ctx *ctx, struct pkt *p, __u8 type, __u8 code, __u32 rest)
{
	struct answer_packet *answer = answer_packet();
	struct wire_icmp *icmp;
	__u32 head, quote, last;
	__u8 proto;

	if (!p || !answer)
		return 0;
	proto = p->l3 == PKT_L3_IP6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP;
	head = answer_ip_len(p) + sizeof(*icmp);
	quote = answer_quote_len(p);
	last = (head + quote - 1) / 4;
	if (outside_range(quote, sizeof(struct wire_ip4), ANSWER_MAX - sizeof(struct wire_ip6) - sizeof(*icmp)) ||
	    last >= ANSWER_ROOM / 4)
		return 0;
	answer->w[last] = 0; /* the checksum reads whole words */
	if (hook_load(ctx, p->l3_off, &answer->b[head], quote))
		return 0;
	answer_finish_quote(answer, p, head, quote);
	answer_ip(answer, p, proto, sizeof(*icmp) + quote);
	icmp = (void *)&answer->b[answer_ip_len(p)];
	*icmp = (struct wire_icmp){.type = type, .code = code, .id = rest & 0xffff, .seq = rest >> 16};
	icmp->check = answer_icmp_check(p, sizeof(*icmp) + quote);
	return answer_send(ctx, p, head + quote);
}

/* Drop after all: for the rule that would have had an answer. */
INLINE int answer_drop(struct pkt *p, __u8 reason)
{
	p->verdict = DPU_VERDICT_DROP;
	p->reason = reason;
	return 0;
}

/*
 * Challenges who sent a SYN (verdict DROP, reason CHALLENGE): afterwards FORWARD with CHALLENGE, or DROP with
 * HALF_OPEN. Not limited like other answers, or a flood would use the limit up: an answer a SYN, and no longer than it.
 */
INLINE int answer_challenge(hook_ctx *ctx, struct pkt *p)
{
	struct dpu_node_stats *stats = stats_node();

	if (!stats || !answer_wanted(p))
		return answer_drop(p, DPU_REASON_DROP_HALF_OPEN);
	p->verdict = DPU_VERDICT_DROP;
	answer_tcp(ctx, p);
	if (p->verdict != DPU_VERDICT_FORWARD)
		return answer_drop(p, DPU_REASON_DROP_HALF_OPEN);
	stats->challenges++;
	return 0;
}

/*
 * Answers a frame that a rule rejects (verdict DROP, reason REJECT): afterwards
 * FORWARD with REJECT, or DROP with the rule's reason if no answer may be given.
 */
STAGE int answer_reject(hook_ctx *ctx, struct pkt *p)
{
	__u8 refused;

	if (!p)
		return 0;
	if (p->reason == DPU_REASON_CHALLENGE)
		return answer_challenge(ctx, p);
	refused = p->rule_id == DPU_RULE_DEFAULT ? DPU_REASON_DROP_DEFAULT : DPU_REASON_DROP_RULE;
	if ((p->tcp.flags & WIRE_TCP_RST) || !answer_allowed(p))
		return answer_drop(p, refused);
	p->verdict = DPU_VERDICT_DROP;
	p->reason = DPU_REASON_REJECT;
	if (p->key.proto == WIRE_PROTO_TCP)
		answer_tcp(ctx, p);
	else if (p->l3 == PKT_L3_IP6)
		answer_error(ctx, p, 1, 1, 0); /* RFC 4443 3.1: administratively prohibited */
	else
		answer_error(ctx, p, 3, 13, 0); /* RFC 1812 5.2.7.1: the same */
	return p->verdict == DPU_VERDICT_FORWARD ? 0 : answer_drop(p, refused);
}

/*
 * Answers a frame too big for the underlay with the largest IP packet that
 * fits: FORWARD with ANSWER_TOO_BIG, or DROP with DROP_TOO_BIG.
 */
STAGE int answer_too_big(hook_ctx *ctx, struct pkt *p, __u16 mtu)
{
	if (!p)
		return 0;
	if (!answer_allowed(p))
		return answer_drop(p, DPU_REASON_DROP_TOO_BIG);
	p->verdict = DPU_VERDICT_DROP;
	p->reason = DPU_REASON_ANSWER_TOO_BIG;
	if (p->l3 == PKT_L3_IP6)
		answer_error(ctx, p, 2, 0, bpf_htonl(mtu)); /* RFC 4443 3.2 */
	else
		answer_error(ctx, p, 3, 4, bpf_htonl(mtu)); /* RFC 1191 */
	return p->verdict == DPU_VERDICT_FORWARD ? 0 : answer_drop(p, DPU_REASON_DROP_TOO_BIG);
}
