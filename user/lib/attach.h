/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * attach.h - a location's programs on its devices. The caller is setns'd into
 * the device's namespace for everything that takes a device name, except where
 * said otherwise.
 *
 * tc:  a tcx ingress link (kernel 6.6 and later), pinned; else a clsact filter.
 * xdp: a bpf_link in native mode, pinned. Never generic: a driver that cannot is an error.
 * Attaching where another program of ours is attached replaces it without a gap.
 */
#pragma once
#include "dataplane.h"

enum attach_kind {
	ATTACH_NONE,
	ATTACH_XDP,    /* native XDP link */
	ATTACH_TCX,    /* tcx link */
	ATTACH_CLSACT, /* filter on a clsact qdisc */
};

struct attach_state {
	enum attach_kind tc;  /* NONE, TCX or CLSACT */
	enum attach_kind xdp; /* NONE or XDP */
};

int attach_prog(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
		struct diag *diag);
/* Nothing attached, device or pin gone: success. */
int detach_prog(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
		struct diag *diag);
/* The tc program only: a clsact qdisc, which somebody else may have made, stays. */
int detach_filter(const struct dataplane *dp, const char *dev, struct diag *diag);
/*
 * Gives the links of a device that is about to move to another location that location's programs, and
 * their pins the new owner. Where links do not travel (clsact), the filter is
 * removed and `to` attaches after the move. Returns 0 or a negative errno.
 */
int attach_hand_over(const struct dataplane *from, const struct dataplane *to, const char *dev,
		     struct diag *diag);
/* What is attached, from the pinned links (any namespace) and the clsact filter (device's namespace). */
void attach_read(const struct dataplane *dp, const char *dev, struct attach_state *ret_state);
/* Does the device run this location's program, and not another one in its place? */
bool attach_runs(const struct dataplane *dp, enum dataplane_prog prog, const char *dev);
const char *attach_kind_name(enum attach_kind kind); /* "none", "xdp", "tcx", "clsact" */
