// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * circulate LAB A B C D READY STOP: 128 flows go to and fro between the VMs A and B of a running lab, and frames of 4096
 * others are sent from C to D, as fast as the machine takes them, until the file STOP appears. READY is made when
 * they flow. Says what arrived. The lab lets the first pass and denies the second: a flow of
 * the first that is refused once is missing at the end, a frame of the second that passes once is counted at D.
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

enum {
	FLOWS = 128, /* a veth ring holds 256 frames */
	REFUSED_FLOWS = 4096,
	BURST = 32768,
	FRAME_LEN = 64,
	FIRST_SPORT = 20000,
	DPORT = 5201,
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fill(struct frameload *load, const struct lab *lab, struct traffic_pair pair, unsigned flows)
{
	uint8_t frame[FRAME_LEN];
	int err = 0;

	for (unsigned i = 0; i < flows && !err; i++) {
		err = framerate_frame(lab, pair, (uint16_t)(FIRST_SPORT + i), DPORT, sizeof(frame), frame);
		memcpy(frameload_frame(load, i)->bytes, frame, sizeof(frame));
	}
	return err;
}

static int prepare(struct frameload *circle, struct frameload *refused, const struct lab *lab, size_t vm[4],
		   struct diag *diag)
{
	struct netns *ns[4];
	int err = 0;

	for (unsigned i = 0; i < 4 && !err; i++)
		err = topology_open_vm(lab, vm[i], &ns[i], diag);
	if (!err)
		err = frameload_bounce(circle, 0, ns[0], TOPOLOGY_VM_DEV, diag);
	if (!err)
		err = frameload_bounce(circle, 1, ns[1], TOPOLOGY_VM_DEV, diag);
	if (!err)
		err = frameload_device(refused, 0, ns[2], TOPOLOGY_VM_DEV, diag);
	if (!err) /* a sink would count what the VMs' kernels say to each other */
		err = frameload_bounce(refused, 1, ns[3], TOPOLOGY_VM_DEV, diag);
	if (!err)
		frameload_stop(refused);
	if (!err)
		err = fill(circle, lab, (struct traffic_pair){vm[0], vm[1]}, FLOWS);
	return err ? err : fill(refused, lab, (struct traffic_pair){vm[2], vm[3]}, REFUSED_FLOWS);
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
}

/* Lets the flows end; how many have not been lost. */
static uint64_t gather(struct frameload *circle)
{
	struct dpu_load_count count = {0}, before = {0};

	frameload_stop(circle);
	do {
		before = count;
		usleep(200000);
		if (frameload_arrivals(circle, &count))
			break;
	} while (count.ended < FLOWS && count.packets != before.packets);
	return count.ended;
}

static int run(struct frameload *circle, struct frameload *refused, char **files, struct diag *diag)
{
	struct dpu_load_count round, wrong;
	uint64_t sent = 0;
	double begin = now_s(), took;
	int err = frameload_send(circle, FLOWS, diag);

	for (; !err && access(files[1], F_OK); sent += BURST) {
		err = frameload_send(refused, BURST, diag);
		touch(files[0]);
	}
	if (!err)
		err = frameload_arrivals(circle, &round);
	took = now_s() - begin;
	if (err)
		return err;
	printf("flows %d\nreturned %" PRIu64 "\n", FLOWS, gather(circle));
	err = frameload_arrivals(refused, &wrong);
	printf("arrived %" PRIu64 "\nmpps %.2f\nrefused %" PRIu64 "\npassed %" PRIu64 "\n", (uint64_t)round.packets,
	       ((double)round.packets + (double)sent) / took / 1e6, sent, (uint64_t)wrong.packets);
	return err;
}

int main(int argc, char **argv)
{
	struct frameload *circle = NULL, *refused = NULL;
	struct diag diag = {.sink = vmtool_show};
	struct lab_session session;
	size_t vm[4];
	int err;

	if (argc != 8) {
		fprintf(stderr, "usage: circulate LAB A B C D READY STOP\n");
		return 2;
	}
	err = lab_open(argv[1], STATE_PEEK, &session, &diag);
	if (err)
		return 1;
	for (unsigned i = 0; i < 4; i++)
		vm[i] = vmtool_vm(session.lab, argv[2 + i]);
	err = frameload_open(FLOWS, FRAME_LEN, &circle, &diag);
	if (!err)
		err = frameload_open(REFUSED_FLOWS, FRAME_LEN, &refused, &diag);
	if (!err)
		err = prepare(circle, refused, session.lab, vm, &diag);
	if (!err)
		err = run(circle, refused, argv + 6, &diag);
	frameload_close(circle);
	frameload_close(refused);
	lab_close(&session);
	return err ? 1 : 0;
}
