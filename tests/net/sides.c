// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sides A B LAB1 LAB2 PAIRS MS: 64 frames of 64 bytes go to and fro between the VMs A and B of one running lab, then of the other,
 * in turn (1 2 2 1 ...), so many milliseconds at a time. They are live XDP frames that the kernel keeps on the CPU they were sent
 * from, so that a round takes what all its work takes. Prints the nanoseconds a frame took from VM to VM, "LAB1 LAB2" a line.
 */
#include "frameload.h"
#include "framerate.h"
#include "lab.h"
#include "monotonic.h"
#include "topology.h"
#include "vmtool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLOWS = 64, FRAME_LEN = 64, FIRST_SPORT = 20000, DPORT = 5201, WARM_US = 50000 };

static int prepare(struct frameload *load, const struct lab *lab, struct traffic_pair pair, struct diag *diag)
{
	const size_t vm[2] = {pair.from, pair.to};
	uint8_t frame[FRAME_LEN];
	int err = 0;

	for (unsigned i = 0; i < 2 && !err; i++) {
		struct netns *ns;

		err = topology_open_vm(lab, vm[i], &ns, diag);
		if (!err)
			err = frameload_bounce(load, i, ns, TOPOLOGY_VM_DEV, diag);
	}
	for (unsigned i = 0; i < FLOWS && !err; i++) {
		err = framerate_frame(lab, pair, (uint16_t)(FIRST_SPORT + i), DPORT, sizeof(frame), frame);
		memcpy(frameload_frame(load, i)->bytes, frame, sizeof(frame));
	}
	return err;
}

/* All frames have to be there at the end: those that are left alone would make a faster or a slower round. */
static int run(struct frameload *load, unsigned ms, double *ret_ns, struct diag *diag)
{
	struct dpu_load_count before, after;
	uint64_t begin;
	int err = frameload_send(load, FLOWS, diag);

	usleep(WARM_US);
	begin = monotonic_ns();
	if (!err)
		err = frameload_arrivals(load, &before);
	usleep(ms * 1000);
	if (!err)
		err = frameload_arrivals(load, &after);
	if (!err && after.packets == before.packets)
		err = -ENODATA;
	if (!err)
		*ret_ns = (double)(monotonic_ns() - begin) / (double)(after.packets - before.packets);
	frameload_stop(load);
	for (after.ended = 0; !err && after.ended < FLOWS;) {
		const uint64_t ended = after.ended;

		usleep(WARM_US);
		err = frameload_arrivals(load, &after);
		if (!err && after.ended == ended)
			break;
	}
	if (!err && after.ended != FLOWS)
		return diag_error(diag, -EIO, NULL, "%u of %u frames are left", (unsigned)after.ended, FLOWS);
	return err;
}

static int slice(const struct lab *lab, struct traffic_pair pair, unsigned ms, double *ret_ns, struct diag *diag)
{
	struct frameload *load = NULL;
	int err = frameload_open(FLOWS, FRAME_LEN, &load, diag);

	if (!err)
		err = prepare(load, lab, pair, diag);
	if (!err)
		err = run(load, ms, ret_ns, diag);
	frameload_close(load);
	return err;
}

int main(int argc, char **argv)
{
	struct lab_session session[2] = {};
	struct traffic_pair pair[2];
	struct diag diag = {.sink = vmtool_show};
	unsigned pairs = argc == 7 ? (unsigned)atoi(argv[5]) : 0, ms = pairs ? (unsigned)atoi(argv[6]) : 0;
	int err = 0;

	if (!ms) {
		fprintf(stderr, "usage: sides A B LAB1 LAB2 PAIRS MS\n");
		return 2;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (lab_open(argv[3 + i], STATE_PEEK, &session[i], &diag))
			return 1;
		pair[i] = (struct traffic_pair){vmtool_vm(session[i].lab, argv[1]), vmtool_vm(session[i].lab, argv[2])};
	}
	for (unsigned i = 0; i < pairs && !err; i++) {
		double ns[2];

		for (unsigned j = 0; j < 2 && !err; j++) {
			const unsigned side = (i + j) & 1;

			err = slice(session[side].lab, pair[side], ms, &ns[side], &diag);
		}
		if (!err)
			printf("%.2f %.2f\n", ns[0], ns[1]);
		fflush(stdout);
	}
	for (unsigned i = 0; i < 2; i++)
		lab_close(&session[i]);
	return err ? 1 : 0;
}
