/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * linux.c - the kernel's own switch: what placement "linux"
 * makes of a lab like the one in tables.c (bridge, vxlan, nftables with conntrack,
 * BENCH_RULES rules at each vNIC). Its ports are twins of the other switch's, with
 * the same far ends, and never see an XDP program.
 */
#include "bench.h"
#include "config.h"
#include "linuxpath.h"
#include "rt.h"
#include "topology.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As tables.c has them: only the last rule matches. */
void bench_rules(FILE *out)
{
	fprintf(out, "firewall:\n  default: drop\n  rules:\n");
	for (unsigned i = 0; i < BENCH_RULES - 1; i++)
		fprintf(out, "    - {protocol: %s, port: %u, action: drop}\n", i % 2 ? "udp" : "tcp", 40000 + i);
	fprintf(out, "    - {action: allow}\n");
}

static char *lab_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "lab: bench\nstorm-limit: 0\nplacement: linux\nhosts:\n"
		     "  near: {vtep: 10.255.255.1/16}\n  far: {vtep: 10.255.255.2/16}\n"
		     "port-groups:\n  red: {vni: %u}\nvms:\n", FRAMES_VNI);
	for (unsigned vm = 0; vm < BENCH_VMS; vm++)
		fprintf(out, "  port%u: {host: near, port-group: red, ip: 10.1.1.%u/16}\n", vm, 10 + vm);
	fprintf(out, "  remote: {host: far, port-group: red, ip: 10.1.2.10/16}\n");
	bench_rules(out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* The other endpoint is a sink, which does not answer ARP. */
static int tell_peer(struct bench *b)
{
	struct ndmsg info = {.ndm_family = AF_INET,
			     .ndm_ifindex = b->kernel_ifindex[BENCH_WIRE],
			     .ndm_state = NUD_PERMANENT};
	__be32 peer = htonl(FRAMES_VTEP_PEER);
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);

	if (!msg)
		return -ENOMEM;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put(msg, NDA_DST, sizeof(peer), &peer);
	nla_put(msg, NDA_LLADDR, sizeof(frames_vtep_mac[1]), &frames_vtep_mac[1]);
	return rt_request(b->kernel, msg, 0, &b->diag, "tell the other endpoint's address");
}

int linux_up(struct bench *b)
{
	char *text = lab_text();
	struct lab *lab = NULL;
	int err = text ? config_read_text("bench", text, strlen(text), &lab, &b->diag) : -ENOMEM;

	if (!err)
		err = linuxpath_start_in(b->kernel, lab, 0, &b->diag);
	if (!err)
		err = tell_peer(b);
	lab_free(lab);
	free(text);
	return err;
}

void linux_plan(const struct bench_plan *plan, struct bench_plan *ret_plan)
{
	*ret_plan = *plan;
	for (unsigned i = 0; i < BENCH_TEMPLATES; i++)
		ret_plan->templates[i].out += BENCH_KERNEL;
}
