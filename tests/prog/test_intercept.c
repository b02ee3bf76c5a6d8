// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Chains of intercept slots, at both hooks: what a slot is told, what its answers do, on the slow path and on
 * frames of the flow cache. The slot below is linked in as number 0; what it does is chosen by the UDP port.
 *
 *	VM16 --16 [out: chain] 17-- VM17		all chains hold only slot 0
 */
#include "prog.h"
#include <dpulab/intercept.h>
#include <stdio.h>

#define DROPS	 666
#define NOTES	 667
#define PUNTS	 668
#define LOOKS	 669 /* drops unless it was told what the frame says */
#define SCRIBBLES 670 /* says to the next slot that the port is DROPS */

static const char slot[] =
	"#define DPU_SLOT\n#include <dpulab/intercept.h>\n#include <bpf/bpf_endian.h>\n"
	"static int looks(struct dpu_frame *frame, struct dpu_intercept *at)\n{\n"
	"	__be16 type = 0, port = 0;\n"
	"	struct dpu_intercept_addresses a;\n"
	"	if (dpu_frame_load(frame, at->l2_off + 12, &type, 2) || dpu_frame_load(frame, at->l4_off + 2, &port, 2))\n"
	"		return 1;\n"
	"	if (port != at->dport || at->proto != 17 || !(at->flags & DPU_INTERCEPT_F_PORTS) || at->sport != bpf_htons(1000))\n"
	"		return 1;\n"
	"	if (at->port != 16 || at->direction != DPU_INTERCEPT_OUT || !at->now_ns || at->l3_off != at->l2_off + 14)\n"
	"		return 1;\n"
	"	if (dpu_frame_addresses(frame, at, &a))\n"
	"		return 1;\n"
	"	if (at->family == 6)\n"
	"		return type != bpf_htons(0x86dd) || at->l4_off != at->l3_off + 40 || at->len != 162 ||\n"
	"		       a.src.w[0] != bpf_htonl(0x20010db8) || a.dst.w[3] != bpf_htonl(0x17);\n"
	"	return type != bpf_htons(0x0800) || at->l4_off != at->l3_off + 20 || at->len != 142 ||\n"
	"	       a.src.w[3] != bpf_htonl(0x0a000010) || a.dst.w[3] != bpf_htonl(0x0a000011) ||\n"
	"	       a.src.q[0] || a.src.w[2] != bpf_htonl(0xffff) || a.dst.q[0] || a.dst.w[2] != bpf_htonl(0xffff);\n"
	"}\n"
	"int judge(struct dpu_frame *frame, struct dpu_intercept *at)\n{\n"
	"	if (!at) return DPU_INTERCEPT_DROP;\n"
	"	if (at->dport == bpf_htons(666)) return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_DROP, 7);\n"
	"	if (at->dport == bpf_htons(667)) return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_PASS, 8);\n"
	"	if (at->dport == bpf_htons(668)) return DPU_INTERCEPT_PUNT;\n"
	"	if (at->dport == bpf_htons(669)) return looks(frame, at) ? DPU_INTERCEPT_DROP : DPU_INTERCEPT_PASS;\n"
	"	if (at->dport == bpf_htons(670)) at->dport = bpf_htons(666);\n"
	"	return DPU_INTERCEPT_PASS;\n}\n"
	"char LICENSE[] __attribute__((section(\"license\"))) = \"GPL\";\n";

static struct dpu_intercept_chains chains;

/* A chain of n places, each of slot `number`; its flows are decided anew. */
static void put_chain(__u16 port, unsigned direction, unsigned n, __u8 number, __u8 policy)
{
	struct dpu_intercept_half *half = &chains.chain[port * DPU_INTERCEPT_DIRECTIONS + direction].half[0];
	const __u32 zero = 0;

	*half = (struct dpu_intercept_half){.n = n};
	for (unsigned i = 0; i < n; i++)
		half->entry[i] = (struct dpu_intercept_entry){.instance = 1 + i, .slot = number, .policy = policy, .queue = 1};
	prog_backend()->update("icpt_chains", &zero, &chains);
	fixture_bump(DPU_GEN_OF_PORT(port));
}

static void fresh(void)
{
	chains = (struct dpu_intercept_chains){};
	two_vms();
}

static void one_out(void)
{
	fresh();
	put_chain(16, DPU_INTERCEPT_OUT, 1, 0, 0);
}

static void two_out(void)
{
	fresh();
	put_chain(16, DPU_INTERCEPT_OUT, 2, 0, 0);
}

static void one_in(void)
{
	fresh();
	put_chain(17, DPU_INTERCEPT_IN, 1, 0, 0);
}

static void both_ends(void)
{
	fresh();
	put_chain(16, DPU_INTERCEPT_OUT, 1, 0, 0);
	put_chain(17, DPU_INTERCEPT_IN, 2, 0, 0);
}

static void none(void)
{
	fresh();
}

static void chain_comes(void)
{
	put_chain(16, DPU_INTERCEPT_OUT, 1, 0, 0);
}

static void absent_closed(void)
{
	put_chain(16, DPU_INTERCEPT_OUT, 1, DPU_INTERCEPT_ABSENT, 0);
}

static void absent_open(void)
{
	put_chain(16, DPU_INTERCEPT_OUT, 1, DPU_INTERCEPT_ABSENT, DPU_INTERCEPT_FAIL_OPEN);
}

static void fails_open(void)
{
	fresh();
	put_chain(16, DPU_INTERCEPT_OUT, 1, 0, DPU_INTERCEPT_FAIL_OPEN);
}

static void breaker(void)
{
	struct dpu_intercept_half *half = &chains.chain[16 * DPU_INTERCEPT_DIRECTIONS + DPU_INTERCEPT_OUT].half[0];
	const __u32 zero = 0;

	half->entry[0].policy |= DPU_INTERCEPT_TRIPPED;
	prog_backend()->update("icpt_chains", &zero, &chains);
}

static const char *counted(__u64 calls, __u64 drops, __u64 noted, __u64 punts)
{
	static char text[160];
	struct dpu_intercept_counts counts;
	const __u32 first = 1;

	prog_backend()->lookup("icpt_counts", &first, &counts);
	if (counts.calls == calls && counts.drops == drops && counts.noted == noted && counts.punts == punts)
		return NULL;
	snprintf(text, sizeof(text), "calls %llu drops %llu noted %llu punts %llu, not %llu %llu %llu %llu", counts.calls,
		 counts.drops, counts.noted, counts.punts, calls, drops, noted, punts);
	return text;
}

static const char *three_calls(void)
{
	return counted(3, 0, 0, 0);
}

static const char *four_calls(void)
{
	return counted(4, 0, 0, 0);
}

static const char *two_drops(void)
{
	return counted(2, 2, 0, 0);
}

static const char *two_notes(void)
{
	return counted(2, 0, 2, 0);
}

static const char *one_punt(void)
{
	return counted(1, 0, 0, 1);
}

static const char *no_calls(void)
{
	return counted(0, 0, 0, 0);
}

#define V4(port) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(1000, port), FILL(100))
#define V6(port) {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), UDP(1000, port), FILL(100))

static const struct prog_case cases[] = {
	{"a chain sees every frame, those of the flow cache, too", one_out,
	 STEPS(V4(80), FORWARD(17)}, V4(80), HIT(17)}, V4(80), HIT(17), .check = three_calls})},
	{"what a slot drops is dropped, each time, and counted", one_out,
	 STEPS(V4(DROPS), DROP(INTERCEPT)}, V4(DROPS), DROP(INTERCEPT), .check = two_drops})},
	{"a slot that passes a frame can say why", one_out,
	 STEPS(V4(NOTES), FORWARD(17)}, V4(NOTES), HIT(17), .check = two_notes})},
	{"a slot is told what the frame says, IPv4, by both paths", one_out,
	 STEPS(V4(LOOKS), FORWARD(17)}, V4(LOOKS), HIT(17)})},
	{"a slot is told what the frame says, IPv6, by both paths", one_out,
	 STEPS(V6(LOOKS), FORWARD(17)}, V6(LOOKS), HIT(17)})},
	{"what one slot writes to what it is told, the next one does not see", two_out,
	 STEPS(V4(SCRIBBLES), FORWARD(17)}, V4(SCRIBBLES), HIT(17)})},
	{"the chain of a destination sees what comes in", one_in,
	 STEPS(V4(DROPS), DROP(INTERCEPT)}, V4(80), FORWARD(17)}, V4(80), HIT(17)})},
	{"the chains of both ends see a frame, of the flow cache, too", both_ends,
	 STEPS(V4(80), FORWARD(17)}, V4(80), HIT(17), .check = four_calls})},
	{"a flow that was known before meets a chain that comes", none,
	 STEPS(V4(DROPS), FORWARD(17)}, V4(DROPS), HIT(17)},
	       V4(DROPS), DROP(INTERCEPT), .prepare = chain_comes})},
	{"a slot that is missing fails closed, or open", one_out,
	 STEPS(V4(80), FORWARD(17)}, V4(80), HIT(17)},
	       V4(80), DROP(INTERCEPT), .prepare = absent_closed},
	       V4(80), FORWARD(17), .prepare = absent_open}, V4(80), HIT(17)})},
	{"a slot that the breaker has taken out is not called: closed", one_out,
	 STEPS(V4(80), DROP(INTERCEPT), .prepare = breaker, .check = no_calls})},
	{"a slot that the breaker has taken out is not called: open", fails_open,
	 STEPS(V4(DROPS), FORWARD(17), .prepare = breaker, .check = no_calls})},
	{"a punt without a process fails closed", one_out, STEPS(V4(PUNTS), DROP(INTERCEPT), .check = one_punt})},
	{"a punt without a process fails open", fails_open, STEPS(V4(PUNTS), FORWARD(17), .check = one_punt})},
	{"a vNIC without a chain is let alone", one_out,
	 STEPS({17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), UDP(1000, DROPS), FILL(100)), FORWARD(16)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), UDP(1000, DROPS), FILL(100)), HIT(16),
		.check = no_calls})},
	{"a frame that goes from XDP to tc meets the chain there, not twice", one_out,
	 STEPS({16, FRAME(ETH(0xffffffffffff, MAC(16)), IP4("10.0.0.16", "10.0.0.255"), UDP(1000, 80), FILL(100)),
		EXPECT(STACK, TO_TC), .check = no_calls}), ONLY_XDP},
};
PROG_SLOT_SUITE(intercept, cases, slot)
