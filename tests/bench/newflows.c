// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * newflows.c - 10,000 rules against nftables on the same bridge: first frames of new flows
 * and frames of established ones. The policy is an allow-list that both can hold at
 * their best: from VM to VM, one protocol, one port; anything else is dropped.
 *
 * The switch judges at both vNICs, as its policy says. So do linear rules, written as placement
 * "linux" writes them: one line for each, in the sender's chain and in the receiver's. An expert
 * sees that one judgement is enough here: one look-up in a hashed set of concatenations.
 */
#include "bench.h"
#include "nft.h"
#include "policy.h"
#include <dpulab/settings.h> /* the skeleton names its type */
#include <dpulab/stats.h>
#include "dpulab_xdp.skel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATES      (2 * BENCH_VMS)
#define PORTS	       1250 /* rules of each template */
#define RULES	       (TEMPLATES * PORTS)
#define SPORT_BITS     10
#define NEW_FLOWS      (1u << 20) /* of each template, to draw from */
#define ROUND_FRAMES   32768u	  /* between two times of forgetting all connections */
#define WARM_FRAMES    4096u
#define TABLE_ENTRIES  (1u << 17) /* two connections for each flow of a round, and room */
#define FLOW_ENTRIES   (1u << 16)

static const struct newflows_bar {
	const char *name;
	double bound;
	bool linear;	 /* the kernel's rules one by one */
	bool established;
} bars[] = {
	{"dfw10k-established/nft", 6, false, true},
	{"dfw10k-first/nft", 3, false, false},
	{"dfw10k-first/nft-linear", 50, true, false},
};
#define N_BARS (sizeof(bars) / sizeof(bars[0]))

struct newflows {
	struct bench *b;
	struct dpu_rule *rules;
	struct dpulab_xdp *dp;
	struct bench_plan plan, kernel_plan;
};

static const char *newflows_name(unsigned i)
{
	return i < N_BARS ? bars[i].name : NULL;
}

/* ---- the policy, twice --------------------------------------------------------- */

/* linux.c's lab shares one pair of chains, named after the first VM: an empty out_ lets all pass to in_. */
static void write_head(FILE *out)
{
	fprintf(out, "flush chain inet " NFT_TABLE " out_%u\nflush chain inet " NFT_TABLE " in_%u\n",
		DPU_PORT_VNIC_MIN, DPU_PORT_VNIC_MIN);
}

static void write_linear(FILE *out, const char *chain, const char *verdict)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < RULES; i++) {
		const bool v6 = i & 1;

		allowlist_address(from, sizeof(from), v6, i % TEMPLATES / 2);
		allowlist_address(to, sizeof(to), v6, i % TEMPLATES / 2 ^ 1);
		fprintf(out, "add rule inet " NFT_TABLE " %s_%u %s saddr %s %s daddr %s %s dport %u %s\n", chain,
			DPU_PORT_VNIC_MIN, v6 ? "ip6" : "ip", from, v6 ? "ip6" : "ip", to, v6 ? "udp" : "tcp",
			ALLOWLIST_PORT + i / TEMPLATES, verdict);
	}
}

static void write_set(FILE *out, bool v6)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	fprintf(out, "add set inet " NFT_TABLE " allow%u { type %s . %s . inet_proto . inet_service; }\n", v6 ? 6 : 4,
		v6 ? "ipv6_addr" : "ipv4_addr", v6 ? "ipv6_addr" : "ipv4_addr");
	fprintf(out, "flush set inet " NFT_TABLE " allow%u\nadd element inet " NFT_TABLE " allow%u {", v6 ? 6 : 4,
		v6 ? 6 : 4);
	for (unsigned i = v6; i < RULES; i += 2) {
		allowlist_address(from, sizeof(from), v6, i % TEMPLATES / 2);
		allowlist_address(to, sizeof(to), v6, i % TEMPLATES / 2 ^ 1);
		fprintf(out, "%s%s . %s . %s . %u", i > 1 ? "," : " ", from, to, v6 ? "udp" : "tcp",
			ALLOWLIST_PORT + i / TEMPLATES);
	}
	fprintf(out, " }\n");
	fprintf(out,
		"add rule inet " NFT_TABLE " in_%u %s saddr . %s daddr . meta l4proto . th dport @allow%u accept\n",
		DPU_PORT_VNIC_MIN, v6 ? "ip6" : "ip", v6 ? "ip6" : "ip", v6 ? 6 : 4);
}

struct nft_text {
	const char *text;
	struct diag *diag;
};

static int run_nft(void *arg)
{
	const struct nft_text *nft = arg;

	return nft_run(nft->text, nft->diag);
}

static int put_kernel_rules(struct bench *b, bool linear)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err;

	if (!out)
		return -ENOMEM;
	write_head(out);
	if (linear) {
		write_linear(out, "out", "return");
		fprintf(out, "add rule inet " NFT_TABLE " out_%u drop\n", DPU_PORT_VNIC_MIN);
		write_linear(out, "in", "accept");
	} else {
		write_set(out, false);
		write_set(out, true);
	}
	fprintf(out, "add rule inet " NFT_TABLE " in_%u drop\n", DPU_PORT_VNIC_MIN);
	err = fclose(out) ? -ENOMEM : netns_run(b->kernel, run_nft, &(struct nft_text){text, &b->diag});
	free(text);
	return err;
}

/* ---- forgetting all connections ---------------------------------------------------- */

static int flush_kernel(void *arg)
{
	struct nfgenmsg head = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
	int err = sock && msg ? nl_connect(sock, NETLINK_NETFILTER) : -NLE_NOMEM;

	(void)arg;
	if (!err)
		err = nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
	if (!err)
		err = nl_send_sync(sock, msg); /* frees it */
	else
		nlmsg_free(msg);
	nl_socket_free(sock);
	return err ? -EIO : 0;
}

static int forget(struct newflows *n, bool kernel)
{
	const struct policy policy = {n->rules, RULES, DPU_ACTION_DROP};
	const struct tables_options options = {
		.flow_entries = FLOW_ENTRIES, .firewall = true, .policy = &policy, .connections = TABLE_ENTRIES};
	struct dpulab_xdp *old = n->dp;
	int err;

	if (kernel)
		return netns_run(n->b->kernel, flush_kernel, NULL);
	n->dp = NULL;
	err = tables_load(n->b, &options, &n->dp);
	if (!err)
		err = topo_serve(n->b, bpf_program__fd(n->dp->progs.dpulab_xdp));
	dpulab_xdp__destroy(old);
	return err;
}

/* ---- measuring ----------------------------------------------------------------------- */

struct first {
	struct newflows *n;
	bool kernel;
};

/* Arrivals per second of frames that each begin a flow. */
static int first_frames(struct bench *b, void *arg, double *ret_rate)
{
	const struct first *side = arg;
	struct newflows *n = side->n;
	const bool kernel = side->kernel;
	const struct bench_plan *plan = kernel ? &n->kernel_plan : &n->plan;
	double seconds = 0, least = b->slice_ms / 1000.0, warm, took;
	uint64_t arrived = 0, count;
	unsigned frames;
	int err = 0;

	while (!err && seconds < least) {
		err = forget(n, kernel);
		if (!err)
			err = measure_frames(b, plan, WARM_FRAMES, &count, &warm);
		if (err)
			break;
		frames = WARM_FRAMES * (least - seconds) / warm * 1.1 + 1;
		err = measure_frames(b, plan, frames < ROUND_FRAMES ? frames : ROUND_FRAMES, &count, &took);
		arrived += count;
		seconds += took;
	}
	*ret_rate = arrived / seconds;
	return err;
}

static int measure_established(struct newflows *n, const char *name, struct ratio *ret_ratio, double *ret_rate,
			       double *ret_kernel)
{
	const struct bench_variant ours = {name, bpf_program__fd(n->dp->progs.dpulab_xdp), &n->plan};
	const struct bench_variant kernel = {"nft", BENCH_NO_PROGRAM, &n->kernel_plan};
	int err = measure_establish(n->b, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS, ours.prog_fd);

	if (!err)
		err = measure_establish(n->b, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS, BENCH_NO_PROGRAM);
	return err ? err : measure_ratio(n->b, &ours, &kernel, ret_ratio, ret_rate, ret_kernel);
}

static void make_plans(struct newflows *n, const struct newflows_bar *bar)
{
	frames_plan(n->b, BENCH_LOCAL, bar->established ? STEP_DATA : STEP_OPEN,
		    bar->established ? BENCH_FLOWS : TEMPLATES * NEW_FLOWS, &n->plan);
	for (unsigned i = 0; !bar->established && i < TEMPLATES; i++)
		n->plan.templates[i].sport_bits = SPORT_BITS;
	linux_plan(&n->plan, &n->kernel_plan);
}

static int newflows_bar(struct bench *b, unsigned i)
{
	const struct newflows_bar *bar = &bars[i];
	struct newflows n = {.b = b, .rules = allowlist_make(PORTS)};
	struct ratio r;
	double rate, kernel;
	int err = n.rules ? put_kernel_rules(b, bar->linear) : -ENOMEM;

	make_plans(&n, bar);
	if (!err)
		err = forget(&n, false);
	if (!err)
		err = forget(&n, true);
	if (!err)
		err = bar->established ? measure_established(&n, bar->name, &r, &rate, &kernel) :
					 measure_pairs(b, b->pairs, first_frames, &(struct first){&n, false},
						       &(struct first){&n, true}, &r, &rate, &kernel);
	if (!err)
		err = measure_print(bar->name, &r, bar->bound, rate, kernel);
	topo_serve(b, BENCH_BARE);
	dpulab_xdp__destroy(n.dp);
	free(n.rules);
	return err;
}

const struct bench_more newflows_bars = {newflows_name, newflows_bar};
