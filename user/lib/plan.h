/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan.h - what becomes of a lab's policies on a device: every policy the lab
 * file states for a host, as the device's profile says. Pure.
 */
#pragma once
#include "model.h"
#include "profile.h"

enum plan_verdict { /* worst last */
	PLAN_KEPT,
	PLAN_DEGRADED,
	PLAN_UNKNOWN, /* nobody has published whether the device can */
	PLAN_LOST,
};

struct plan_item {
	char policy[48];  /* "spoofguard", "firewall rules that log" */
	char subject[96]; /* what it is about in the lab: names, numbers */
	const char *function; /* whose location decides where it is enforced: as functions_place() takes it */
	enum profile_key key; /* the value that decided the verdict; its source is the reason */
	enum plan_verdict verdict;
	bool security; /* what is lost with it protects somebody */
	bool on_host;  /* plan_place() has found it there: kept, whatever the device does */
	enum plan_verdict by_device; /* with on_host: the verdict without */
};

struct plan {
	struct plan_item *items;
	size_t n;
};

/* Every policy of the lab at one host, on a device. -ENOMEM. */
int plan_make(const struct lab *lab, size_t host, const struct profile *profile, struct plan *ret_plan);
/* What a mixed placement leaves on the host is kept; on a frame path nothing changes. */
void plan_place(struct plan *plan, enum frame_path path);
void plan_free(struct plan *plan);
/* How many of them have this verdict; security: of those that protect somebody only. */
size_t plan_count(const struct plan *plan, enum plan_verdict verdict, bool security);
const char *plan_verdict_word(enum plan_verdict verdict);

/* Frame paths on which the device enforces, all or some. */
bool plan_path_is_dpu(enum frame_path path);
/* Would it be lost there, on a device that loses it? Not where its function stays on the host. */
bool plan_item_is_lost(const struct plan_item *item, enum frame_path path);
/* The placement of that host with its function there, and no more than has to be; its words for `dpulab place LAB`. */
enum frame_path plan_keeping(const struct lab *lab, size_t host, const struct plan_item *item);
const char *plan_keeping_words(enum frame_path path);
/*
 * -EPERM with a sentence for each security policy that would be lost on the host's own device, if the path
 * ends there and neither the lab file nor `accept` accepts the loss; else 0.
 */
int plan_refuse_loss(const struct lab *lab, size_t host, enum frame_path path, bool accept, struct diag *diag);

/* What the host pays for keeping the functions, from a measurement file of `dpulab demo` or `dpulab bench -j`. */
struct plan_price {
	bool measured;
	double ns[PATH_END]; /* host CPU per 64 B frame between VMs of one host, by placement; < 0: not measured */
	char from[160];	     /* lab and kernel of the measurement */
	char emulated[160];  /* what was emulated there, host by host; none of it is CPU time of a host */
};
/* -ENOENT: no such file (no diag); -EINVAL: not a measurement. */
int plan_read_price(const char *file, struct plan_price *ret_price, struct diag *diag);
