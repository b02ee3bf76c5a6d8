/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowview.h - a location's flow table read from user space while programs write
 * it: entries are taken under the same sequence protocol as in the datapath.
 */
#pragma once
#include <dpulab/conntrack.h>
#include <dpulab/flow.h>
#include "dataplane.h"

struct flow_view {
	const struct dpu_flow_hot *slots;
	const struct dpu_flow_info_set *info;
	size_t size, info_size; /* of the mappings */
	uint32_t entries; /* references go from 1 to entries */
};

int flow_view_open(const struct dataplane *dp, struct flow_view *ret_view);
void flow_view_close(struct flow_view *view);
/* A consistent copy of the entry of a reference (as in dpu_ct.flow_ref); false if it is free or being written. */
bool flow_view_read(const struct flow_view *view, uint32_t ref, struct dpu_flow *ret_flow);
/* What the entry of a reference that was just read has handed in to its connections since it was recorded. */
void flow_view_handed_in(const struct flow_view *view, uint32_t ref, uint64_t *ret_packets, uint64_t *ret_bytes);
/* Adds what the connection's flow entries have counted since they last reported to it. */
void flow_view_add_counts(const struct flow_view *view, struct dpu_ct *ct);
/* Key of the connection at one end of a flow (0 source vNIC, 1 destination vNIC); returns the side of the flow's source. */
unsigned flow_view_connection(const struct dpu_flow *flow, int end, struct dpu_ct_key *ret_key);
