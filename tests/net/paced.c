// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * paced LAB A B PPS READY STOP [FLOWS]: live XDP frames (no socket buffers) of 64 flows, or so many (a power of two), from VM A to VM B of a running lab, so many a second,
 * until the file STOP appears; READY is made when they flow. Prints "sent N", "arrived N" and "pps N", the rate they were sent at:
 * what is sent at a tick of 10 ms goes through the devices on this CPU, 64 frames at a time, so that a busy machine makes
 * the rate lower; where it puts its softirqs off, rings of 256 frames overrun.
 */
#include "frameload.h"
#include "framerate.h"
#include "lab.h"
#include "topology.h"
#include "vmtool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "monotonic.h"

enum {
	FLOWS = 64, /* unless told otherwise */
	FLOWS_MOST = 32768,
	FRAME_LEN = 64,
	FIRST_SPORT = 20000,
	DPORT = 5201,
	TICK_US = 10000,
	BURST_MOST = 8192, /* frames in one tick, after one that was late */
	SILENCE_US = 200000, /* without an arrival: all have arrived that will */
};

/* B's frames are counted where they would turn around: what the VMs' kernels say to each other is not. */
static int prepare(struct frameload *load, unsigned flows, const struct lab *lab, struct traffic_pair pair, struct diag *diag)
{
	uint8_t frame[FRAME_LEN];
	struct netns *from, *to;
	int err = topology_open_vm(lab, pair.from, &from, diag);

	if (!err)
		err = topology_open_vm(lab, pair.to, &to, diag);
	if (!err)
		err = frameload_device(load, 0, from, TOPOLOGY_VM_DEV, diag);
	if (!err)
		err = frameload_bounce(load, 1, to, TOPOLOGY_VM_DEV, diag);
	if (!err)
		frameload_stop(load);
	for (unsigned i = 0; i < flows && !err; i++) {
		err = framerate_frame(lab, pair, (uint16_t)(FIRST_SPORT + i), DPORT, sizeof(frame), frame);
		memcpy(frameload_frame(load, i)->bytes, frame, sizeof(frame));
	}
	return err;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
}

static uint64_t arrivals(struct frameload *load)
{
	struct dpu_load_count now = {0}, before;

	do {
		before = now;
		usleep(SILENCE_US);
		if (frameload_arrivals(load, &now))
			break;
	} while (now.packets != before.packets);
	return now.packets;
}

static int run(struct frameload *load, uint64_t pps, char **files, struct diag *diag)
{
	const uint64_t begin = monotonic_ns();
	uint64_t sent = 0, took = 0;
	int err = 0;

	while (!err && access(files[1], F_OK)) {
		uint64_t due = (monotonic_ns() - begin) / 1000 * pps / 1000000 - sent;

		if (due > BURST_MOST)
			due = BURST_MOST;
		if (due)
			err = frameload_send(load, due, diag);
		sent += due;
		touch(files[0]);
		usleep(TICK_US);
	}
	took = monotonic_ns() - begin;
	if (!err)
		printf("sent %" PRIu64 "\narrived %" PRIu64 "\npps %" PRIu64 "\n", sent, arrivals(load),
		       sent * 1000000 / (took / 1000));
	return err;
}

int main(int argc, char **argv)
{
	struct frameload *load = NULL;
	struct diag diag = {.sink = vmtool_show};
	struct lab_session session;
	struct traffic_pair pair;
	unsigned flows = FLOWS;
	int err;

	if (argc == 8)
		flows = (unsigned)strtoul(argv[7], NULL, 10);
	if (argc < 7 || argc > 8 || !flows || flows & (flows - 1) || flows > FLOWS_MOST) {
		fprintf(stderr, "usage: paced LAB A B PPS READY STOP [FLOWS]\n");
		return 2;
	}
	err = lab_open(argv[1], STATE_PEEK, &session, &diag);
	if (err)
		return 1;
	pair = (struct traffic_pair){vmtool_vm(session.lab, argv[2]), vmtool_vm(session.lab, argv[3])};
	err = frameload_open(flows, FRAME_LEN, &load, &diag);
	if (!err)
		err = prepare(load, flows, session.lab, pair, &diag);
	if (!err)
		err = run(load, strtoull(argv[4], NULL, 10), argv + 5, &diag);
	frameload_close(load);
	lab_close(&session);
	return err ? 1 : 0;
}
