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
