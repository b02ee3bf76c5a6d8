/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp.c - tcp-vxlan/linux: one TCP stream between two hosts of a real lab, the
 * datapath at the tc hook against placement "linux", turn and turn about (A B B A)
 * by moving the lab. Segmentation offload is on at every device on both sides.
 */
#include "bench.h"
#include "config.h"
#include "host.h"
#include "lab.h"
#include "traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TCP_LAB	    "benchtcp"
#define TCP_SECONDS 2 /* of a slice; iperf3 takes whole ones, and the first hundred milliseconds are slow start */
#define TCP_TIMES   2 /* the usual number of pairs: TCP varies more than bare frames */
#define TCP_BOUND   1.05

static int write_lab(const struct bench *b, const char *path)
{
	const int cpu = b->cpu; /* both ends: a closed loop on one CPU, as everywhere; else they wander */
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	fprintf(out,
		"lab: " TCP_LAB "\nplacement: linux\nhook: tc\nhosts:\n"
		"  near: {cpus: %d}\n  far: {cpus: %d}\nport-groups:\n  red: {vni: 5001}\nvms:\n"
		"  va: {host: near, port-group: red, ip: 10.1.0.1/24}\n"
		"  vb: {host: far, port-group: red, ip: 10.1.0.2/24}\n",
		cpu, cpu);
	bench_rules(out);
	return fclose(out) ? -errno : 0;
}

struct tcp_side {
	const struct lab *lab;
	enum frame_path path;
};

static int tcp_slice(struct bench *b, void *arg, double *ret_gbit)
{
	const struct traffic_pair pair = {0, 1};
	const struct tcp_side *side = arg;
	struct move_report move;
	struct tcp_result result;
	int err = 0;

	for (size_t host = 0; !err && host < side->lab->n_hosts; host++)
		err = place_host(side->lab, host, side->path, LAB_HOOK_TC, &move, &b->diag);
	if (!err)
		err = traffic_tcp(side->lab, pair, TCP_SECONDS, &result, &b->diag);
	if (!err)
		*ret_gbit = result.gbit_s;
	return err;
}

int tcp_bar(struct bench *b)
{
	char path[] = "/tmp/benchtcp.XXXXXX";
	struct lab_report report = {};
	struct lab *lab = NULL;
	struct ratio r;
	double ours, kernel;
	int fd = mkstemp(path), err;

	if (fd < 0)
		return -errno;
	close(fd);
	err = write_lab(b, path);
	if (!err)
		err = config_read(path, &lab, &b->diag);
	if (!err)
		err = lab_up(path, &report, &b->diag);
	lab_report_free(&report);
	if (!err)
		err = measure_pairs(b, TCP_TIMES * b->pairs, tcp_slice, &(struct tcp_side){lab, PATH_HOST},
				    &(struct tcp_side){lab, PATH_LINUX}, &r, &ours, &kernel);
	unlink(path);
	lab_free(lab);
	report = (struct lab_report){};
	lab_down(TCP_LAB, &report, &b->diag);
	lab_report_free(&report);
	if (err)
		return err;
	printf("BAR %s %.3f %.3f %.3f %.2f %s\n", TCP_BAR, r.value, r.low, r.high, TCP_BOUND,
	       r.low >= TCP_BOUND ? "ok" : "short");
	printf("    %.2f against %.2f Gb/s, one stream, hook tc, offloads on, both guests on one CPU\n", ours, kernel);
	return r.low >= TCP_BOUND ? 0 : 3;
}
