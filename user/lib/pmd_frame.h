/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_frame.h - a frame in the poll-mode process, and what the datapath asks of the process for it. */
#pragma once
#include <stddef.h>
#include <linux/types.h>

/* Where it lies in a chunk of memory: room[0] <= data, data + len <= room[1]. */
struct native_frame {
	__u8 *data;
	__u32 len, ifindex, gso_size, gso_segs;
	__u32 queue; /* nobody reads it: there is no qdisc on the way out */
	__u32 out_port; /* of verdict FORWARD */
	__u8 *room[2];
};

/* A copy goes out of that device. 0; what finds no room is lost and counted. */
long pmd_frame_clone(struct native_frame *frame, __u32 ifindex);
/* A copy arrives anew at that device, after the frame. As above. */
long pmd_frame_again(struct native_frame *frame, __u32 ifindex);
/* Room for a log event, or NULL: the ring is full, or there is none; it is complete. */
void *pmd_log_reserve(size_t size);
void pmd_log_submit(void *record);

struct dpu_intercept;
/* The answer of the intercept slot of this number (pmd_slots.h); one that is not there drops. */
__u32 pmd_slots_call(struct native_frame *frame, struct dpu_intercept *at, __u32 slot);
/* The ring to a slot's process, or NULL; room for a record in it, or NULL: full; the record is complete. */
void *pmd_slots_ring(__u32 slot);
void *pmd_slots_reserve(void *ring, size_t size);
void pmd_slots_submit(void *record);
