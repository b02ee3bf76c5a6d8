/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ringwriter.h - writes to kernel ring buffers from a process: one writer, one record in the making at a time. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "diag.h"

/* Once in a process's life; again is success. */
int ringwriter_open(struct diag *diag);
/* From now on that number (below DPU_RING_WRITER_RINGS) is the ring of that descriptor, which stays the caller's. */
int ringwriter_set(uint32_t ring, int fd);
/* Room for a record of so many bytes, or NULL: the ring is full, or the record too long. */
void *ringwriter_reserve(uint32_t ring, size_t size);
/* The record last reserved is complete: readers are told. */
void ringwriter_submit(void);
