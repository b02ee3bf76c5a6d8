/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpus.h - make the work of a device run on the CPUs of its location.
 *
 *   xdp serves the device   threaded NAPI, its kernel threads pinned to the set
 *   tc serves it            receive packet steering to the set: with TSO at the
 *                           sender a veth does not use NAPI at all
 *
 * The kernel forgets pinning when a device goes down or moves: call again after
 * each of these (idempotent). An empty set takes both settings away.
 */
#pragma once
#include "model.h"
#include "netns.h"

/* hook must be XDP or TC here: whoever calls knows which serves the device. Reads back what it set.
 */
int cpus_pin_device(struct netns *ns, const char *dev, const struct cpu_set *set,
		    enum lab_hook hook, struct diag *diag);

/* This process, and what it becomes or starts. An empty set, or one of CPUs that are not there: as it was. */
void cpus_pin_self(const struct cpu_set *set);
bool cpus_empty(const struct cpu_set *set);
/* The machine's CPUs that are online. */
void cpus_online(struct cpu_set *ret_set);
/* The highest CPU of the set, or -1. */
int cpus_highest(const struct cpu_set *set);
/* Mask as sysfs wants it ("3", "1,00000000"). */
void cpus_mask(const struct cpu_set *set, char *buffer, size_t size);
