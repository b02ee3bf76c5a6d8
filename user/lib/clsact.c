/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "clsact.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpflog.h"
#include "op.h"
#include "progowner.h"
#include "rt.h"

#define PROGRAM		"dpulab_tc"
#define CLSACT_PRIORITY 1    /* a filter before it could decide alone */
#define CLSACT_HANDLE	5580 /* somebody's filters of that priority have the first handles */

/* ---- what is there -------------------------------------------------------- */

struct filters {
	struct rt_filter *list;
	size_t n;
};

static int read_filters(unsigned ifindex, uint32_t parent, struct filters *ret_filters, struct diag *diag)
{
	NETNS_CLEANUP struct netns *own = NULL;
	int err = netns_open_own(&own, diag);

	return err ? err : rt_filters(own, (int)ifindex, parent, &ret_filters->list, &ret_filters->n, diag);
}

static bool is_bpf(const struct rt_filter *filter)
{
	return !strcmp(filter->kind, "bpf") && filter->protocol == ETH_P_ALL;
}

/* The filter at our place; failing that, one of another kind or protocol, which the kernel would not let us join. */
static const struct rt_filter *at_our_place(const struct filters *filters)
{
	const struct rt_filter *other = NULL;

	for (size_t i = 0; i < filters->n; i++) {
		const struct rt_filter *filter = &filters->list[i];

		if (filter->priority != CLSACT_PRIORITY)
			continue;
		if (is_bpf(filter) && filter->handle == CLSACT_HANDLE)
			return filter;
		if (!is_bpf(filter))
			other = filter; /* the last one: the first may be without a handle */
	}
	return other;
}

static bool is_current(const struct rt_filter *filter, const struct dataplane *dp)
{
	return is_bpf(filter) && filter->prog_id == dataplane_prog_id(dp, DATAPLANE_TC);
}

static bool is_ours(const struct rt_filter *filter, const struct dataplane *dp)
{
	return is_current(filter, dp) ||
	       (is_bpf(filter) && prog_owner_is(filter->prog_id, PROGRAM, dataplane_lab(dp)));
}

/* ---- sentences ------------------------------------------------------------- */

static int refuse(const struct rt_filter *filter, const char *dev, unsigned ifindex, struct diag *diag)
{
	static const char *const hint =
		"dpulab never replaces it: let its owner remove it, or give it another priority, first";
	struct prog_owner owner;
	char text[PATH_MAX + 128];

	if (!is_bpf(filter))
		return diag_error(diag, -EBUSY, hint,
				  "cannot attach the tc program to %s: priority %d of its clsact qdisc is taken by "
				  "somebody's filter of kind %s (EtherType 0x%04x, handle 0x%x)",
				  dev, CLSACT_PRIORITY, filter->kind, filter->protocol, filter->handle);
	snprintf(text, sizeof(text), "somebody's classic BPF filter");
	if (filter->prog_id) {
		prog_owner_find(filter->prog_id, ifindex, &owner);
		prog_owner_format(&owner, text, sizeof(text));
	}
	return diag_error(diag, -EBUSY, hint,
			  "cannot attach the tc program to %s: its clsact qdisc has, at priority %d and handle 0x%x, %s",
			  dev, CLSACT_PRIORITY, CLSACT_HANDLE, text);
}

static int failed(const char *what, const char *dev, int err, struct diag *diag)
{
	return diag_error(diag, err, err == -EPERM ? "run it as root" : NULL, "cannot %s %s: %s", what, dev,
			  strerror(-err));
}

const char *clsact_removal(const char *dev, char *buffer, size_t size)
{
	snprintf(buffer, size, "tc filter del dev %s ingress priority %d handle 0x%x bpf", dev, CLSACT_PRIORITY,
		 CLSACT_HANDLE);
	return buffer;
}

/* ---- attaching -------------------------------------------------------------- */

static int attach(const struct dataplane *dp, unsigned ifindex, bool replace)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
			    .prog_fd = dataplane_prog_fd(dp, DATAPLANE_TC),
			    .flags = replace ? BPF_TC_F_REPLACE : 0);
	int err;

	bpflog_begin(); /* libbpf warns about a qdisc that exists */
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	bpflog_end();
	op_done();
	return err;
}

int clsact_attach(const struct dataplane *dp, const char *dev, unsigned ifindex, struct diag *diag)
{
	struct filters filters = {};
	const struct rt_filter *there;
	int err = read_filters(ifindex, TC_H_MIN_INGRESS, &filters, diag);

	if (err)
		return err;
	there = at_our_place(&filters);
	if (there && !is_ours(there, dp)) {
		err = refuse(there, dev, ifindex, diag);
	} else if (!there || !is_current(there, dp)) {
		err = attach(dp, ifindex, there);
		if (err)
			failed("attach the tc program to", dev, err, diag);
	}
	free(filters.list);
	return err;
}

/* ---- detaching -------------------------------------------------------------- */

static int detach_here(unsigned ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);
	int err;

	bpflog_begin();
	err = bpf_tc_detach(&hook, &opts);
	bpflog_end();
	op_done();
	return err == -ENOENT ? 0 : err;
}

static bool has_filters(unsigned ifindex, uint32_t parent)
{
	struct filters filters = {};
	bool found = read_filters(ifindex, parent, &filters, NULL) != 0;

	for (size_t i = 0; i < filters.n; i++)
		found |= filters.list[i].handle != 0;
	free(filters.list);
	return found;
}

static int remove_qdisc(unsigned ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err;

	if (has_filters(ifindex, TC_H_MIN_INGRESS) || has_filters(ifindex, TC_H_MIN_EGRESS))
		return 0;
	bpflog_begin();
	err = bpf_tc_hook_destroy(&hook);
	bpflog_end();
	op_done();
	return err == -ENOENT || err == -EINVAL ? 0 : err; /* no such qdisc */
}

int clsact_detach(const struct dataplane *dp, const char *dev, unsigned ifindex, bool qdisc_too,
		  struct diag *diag)
{
	struct filters filters = {};
	const struct rt_filter *there;
	int err = read_filters(ifindex, TC_H_MIN_INGRESS, &filters, diag);

	if (err)
		return err;
	there = at_our_place(&filters);
	if (there && is_ours(there, dp))
		err = detach_here(ifindex);
	if (!err && qdisc_too)
		err = remove_qdisc(ifindex);
	free(filters.list);
	return err ? failed("take the tc program off", dev, err, diag) : 0;
}

bool clsact_is_attached(const struct dataplane *dp, unsigned ifindex)
{
	struct filters filters = {};
	const struct rt_filter *there;
	bool attached;

	read_filters(ifindex, TC_H_MIN_INGRESS, &filters, NULL);
	there = at_our_place(&filters);
	attached = there && is_current(there, dp);
	free(filters.list);
	return attached;
}
