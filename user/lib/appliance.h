/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * appliance.h - the process behind an intercept slot: takes the frames that the slot has punted, at every location of the lab,
 * and decides about their connections. One process for a slot: a frame goes to one reader.
 */
#pragma once
#include <dpulab/intercept.h>
#include <stddef.h>
#include <stdint.h>
#include "diag.h"
#include "model.h"

struct appliance; /* opened rings and tables; close with appliance_close() */

struct appliance_frame {
	const struct lab *lab;
	const char *node;
	const char *vm; /* of the vNIC; "-": gone */
	const struct dpu_intercept_punt *punt;
};

/* PASS or DROP, for the frame's connection. */
typedef enum dpu_intercept_verdict appliance_judge(const struct appliance_frame *frame, void *arg);

/* Opens the slot's rings at all locations of a running lab. -EBUSY: another process serves it. */
int appliance_open(const char *lab, const char *slot, struct appliance **ret_appliance, struct diag *diag);
void appliance_close(struct appliance *appliance);
/*
 * Takes what is waiting, for up to timeout_ms if nothing is, asks judge about each, and lets what it says hold for
 * ttl_ns. Returns how many frames, or -EINTR, or -ENODEV: the slot is no longer linked anywhere.
 */
int appliance_serve(struct appliance *appliance, int timeout_ms, uint64_t ttl_ns, appliance_judge *judge, void *arg,
		    struct diag *diag);

/* Is any of n texts in the bytes? Its number from 1, or 0. */
unsigned appliance_find(const uint8_t *bytes, size_t len, char *const *texts, size_t n);
