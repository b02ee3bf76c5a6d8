/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frameload.h - frames as load: live XDP frames (no socket buffers) sent from
 * devices of any namespaces, counted where they arrive. They end there (sink) or
 * turn around and go back as answers (bounce), so that a fixed number of frames
 * circulates without anybody making them: a closed loop.
 */
#pragma once
#include <dpulab/load.h>
#include "diag.h"
#include "netns.h"
#include <stdint.h>

struct frameload;

/* n_frames is a power of two; frame_len a multiple of 8, 8..DPU_LOAD_LONGEST bytes. */
int frameload_open(unsigned n_frames, unsigned frame_len, struct frameload **ret_load,
		   struct diag *diag);
void frameload_close(struct frameload *load);

/* Frames of number 'device' leave dev in ns, towards its peer, which must have GRO on or run an XDP program. */
int frameload_device(struct frameload *load, unsigned device, struct netns *ns, const char *dev,
		     struct diag *diag);
/* The bytes of frame i, to be filled in: in the kernel's memory, valid until close. */
struct dpu_load_frame *frameload_frame(struct frameload *load, unsigned i);

/* Counts and drops everything that arrives at dev in ns, until close. -EBUSY: another XDP program is there. */
int frameload_sink(struct frameload *load, struct netns *ns, const char *dev, struct diag *diag);
/* The same for TCP over IPv4 only, what else arrives lives on: the end of a sender who forges its addresses. */
int frameload_deaf(struct frameload *load, struct netns *ns, const char *dev, struct diag *diag);

/*
 * Turns every IPv4 UDP frame that arrives at dev in ns around, out of dev again,
 * until frameload_stop() or close. device: 0 or 1, as given to frameload_device().
 */
int frameload_bounce(struct frameload *load, unsigned device, struct netns *ns, const char *dev,
		     struct diag *diag);
/* From now on frames end where they would turn around. */
void frameload_stop(struct frameload *load);

/*
 * Sends count frames as fast as they are taken, on the calling thread's CPU. A call
 * costs the kernel milliseconds of set-up: few long ones, not many short ones.
 */
int frameload_send(struct frameload *load, uint64_t count, struct diag *diag);
/* Arrivals at all sinks so far. */
int frameload_arrivals(struct frameload *load, struct dpu_load_count *ret_count);
