/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * probe.c - asks the running kernel the questions that decided the design, one
 * for each call; probe.sh sets up the devices. Prints the answer on one line.
 */
#include "probe.skel.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS: not in the headers of libbpf 1.1 */
#define FRAME_LEN 64

static struct probe *skel;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Prints "yes", or "no" and the error. */
static int answer(int err)
{
	if (err >= 0)
		puts("yes");
	else
		printf("no: %s\n", strerror(-err));
	return 0;
}

static int device(const char *name)
{
	int ifindex = (int)if_nametoindex(name);

	if (!ifindex)
		fprintf(stderr, "probe: no device %s\n", name);
	return ifindex;
}

static int ask_tcx(char **argv)
{
	int fd = bpf_link_create(bpf_program__fd(skel->progs.tc_next), device(argv[0]), TCX_INGRESS, NULL);

	return answer(fd < 0 ? -errno : fd);
}

static int ask_clsact(char **argv)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = device(argv[0]), .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(skel->progs.tc_next), .handle = 1,
			    .priority = 1);
	int err = bpf_tc_hook_create(&hook);

	if (!err)
		err = bpf_tc_attach(&hook, &opts);
	opts.flags = BPF_TC_F_REPLACE;
	opts.prog_id = 0;
	if (!err)
		err = bpf_tc_attach(&hook, &opts);
	return answer(err);
}

/* Swaps the program of an XDP link 20 times. */
static int ask_update(char **argv)
{
	int pass = bpf_program__fd(skel->progs.pass), redirect = bpf_program__fd(skel->progs.redirect);
	int link = bpf_link_create(pass, device(argv[0]), BPF_XDP, NULL), err = link < 0 ? -errno : 0;
	double begin = now_ms();

	for (int i = 0; i < 20 && !err; i++)
		err = bpf_link_update(link, i % 2 ? pass : redirect, NULL) ? -errno : 0;
	fprintf(stderr, "%.1f ms each\n", (now_ms() - begin) / 20);
	return answer(err);
}

static int set_output(const char *from, const char *to)
{
	__u32 in = (__u32)device(from), out = (__u32)device(to);

	return bpf_map__update_elem(skel->maps.output, &in, sizeof(in), &out, sizeof(out), BPF_ANY);
}

/* Joins two devices by XDP redirect until stdin ends. */
static int ask_join(char **argv)
{
	int prog = bpf_program__fd(skel->progs.redirect);
	char c;

	if (set_output(argv[0], argv[1]) || set_output(argv[1], argv[0]) ||
	    bpf_link_create(prog, device(argv[0]), BPF_XDP, NULL) < 0 ||
	    bpf_link_create(prog, device(argv[1]), BPF_XDP, NULL) < 0)
		return answer(-errno);
	puts("yes");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

static void fill_frame(unsigned char frame[FRAME_LEN], __u16 ethertype)
{
	memset(frame, 0, FRAME_LEN);
	frame[0] = frame[6] = 2; /* locally administered addresses */
	frame[12] = (unsigned char)(ethertype >> 8);
	frame[13] = (unsigned char)ethertype;
	if (ethertype == ETH_P_IP)
		frame[14] = 0x45;
}

/* argv: device to send to, number of frames */
static int ask_live(char **argv)
{
	unsigned char frame[FRAME_LEN];
	struct xdp_md ctx = {.data_end = FRAME_LEN, .ingress_ifindex = (__u32)device("lo")};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME_LEN, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .repeat = atoi(argv[1]),
		    .batch_size = 64);

	fill_frame(frame, ETH_P_IP);
	if (set_output("lo", argv[0]))
		return answer(-errno);
	return answer(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.redirect), &run) ? -errno : 0);
}

/* argv: room or head, ethertype, gso_size of the frame */
static int ask_helper(char **argv)
{
	unsigned char frame[FRAME_LEN], out[2 * FRAME_LEN];
	struct __sk_buff skb = {.gso_size = (__u32)atoi(argv[2]), .gso_segs = atoi(argv[2]) ? 2 : 0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME_LEN, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &skb, .ctx_size_in = sizeof(skb));
	struct bpf_program *prog = strcmp(argv[0], "room") ? skel->progs.head : skel->progs.room;

	fill_frame(frame, (__u16)strtoul(argv[1], NULL, 0));
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &run))
		return answer(-errno);
	return answer((int)run.retval);
}

static const struct question {
	const char *name;
	int n_args;
	int (*ask)(char **argv);
} questions[] = {
	{"tcx", 1, ask_tcx},   {"clsact", 1, ask_clsact}, {"update", 1, ask_update},
	{"join", 2, ask_join}, {"live", 2, ask_live},	  {"helper", 3, ask_helper},
};

int main(int argc, char **argv)
{
	skel = probe__open_and_load();
	if (!skel)
		return answer(-errno), 1;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (argc == questions[i].n_args + 2 && !strcmp(argv[1], questions[i].name))
			return questions[i].ask(argv + 2);
	fprintf(stderr, "probe: no such question, or wrong number of arguments\n");
	return 2;
}
