/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * inspect.h - what a location's tables say, as typed lists for show, tests and
 * reports. Lists are copies; the caller frees the array. Nothing is changed.
 */
#pragma once
#include <dpulab/asic.h>
#include <dpulab/conntrack.h>
#include <dpulab/dfw.h>
#include <dpulab/flow.h>
#include <dpulab/guard.h>
#include <dpulab/stats.h>
#include "attach.h"
#include "location.h"

struct inspect_port {
	const struct port_dev *dev; /* of the location */
	struct dpu_port entry;
	struct attach_state attached;
	struct dpu_port_stats stats; /* slow path, relay and retired flow entries ... */
	struct dpu_ct_count connections; /* of a vNIC */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* ... with the living flow entries: everything */
	uint64_t ring_drops; /* inspect_ring_drops() */
};
int inspect_ports(const struct location *location, struct inspect_port **ret_ports, size_t *ret_n,
		  struct diag *diag);

struct inspect_mac {
	struct dpu_fdb_key key;
	struct dpu_fdb entry;
};
int inspect_macs(const struct location *location, struct inspect_mac **ret_macs, size_t *ret_n,
		 struct diag *diag);

struct inspect_binding {
	struct dpu_binding_key key;
	struct dpu_binding entry;
};
/* By port and address. */
int inspect_bindings(const struct location *location, struct inspect_binding **ret_bindings, size_t *ret_n,
		     struct diag *diag);

struct inspect_vtep {
	uint32_t number;
	struct dpu_vtep entry;
};
int inspect_vteps(const struct location *location, struct inspect_vtep **ret_vteps, size_t *ret_n,
		  struct diag *diag);
/* One endpoint by number. */
int inspect_vtep_of(const struct location *location, uint32_t number, struct dpu_vtep *ret_vtep);

struct inspect_flow {
	struct dpu_flow entry;
	uint64_t slow_packets, slow_bytes; /* of its connection in this direction, not by this entry */
	bool stale; /* something it was decided on has changed: the next frame takes the slow path */
};
int inspect_flows(const struct location *location, struct inspect_flow **ret_flows, size_t *ret_n,
		  struct diag *diag);

struct inspect_connection {
	struct dpu_ct_key key;
	struct dpu_ct entry; /* counts and last_seen_ns include its living flow entries */
	bool expired; /* idle past its time-out: the datapath takes it as absent and removes it in passing */
};
int inspect_connections(const struct location *location, struct inspect_connection **ret_connections,
			size_t *ret_n, struct diag *diag);

struct inspect_rule {
	uint16_t port; /* of the vNIC */
	size_t vm;
	struct dpu_rule rule; /* id DPU_RULE_DEFAULT: the default action, behind the vNIC's others */
	uint64_t hits; /* first packets of connections, of all entries of the rule */
	uint64_t last_ns; /* the latest of them; 0 = none */
};
int inspect_rules(const struct location *location, struct inspect_rule **ret_rules, size_t *ret_n,
		  struct diag *diag);

/* Counters of one hook, summed over CPUs; the frames in them; and the same on each CPU (the caller frees). */
int inspect_stats(const struct dataplane *dp, enum dpu_hook hook, struct dpu_node_stats *ret_stats,
		  struct diag *diag);
uint64_t inspect_total(const struct dpu_node_stats *stats);
int inspect_runs(const struct dataplane *dp, enum dpu_hook hook, uint64_t **ret_runs, size_t *ret_cpus,
		 struct diag *diag);

/*
 * Frames a veth lost because the ring of the receiving end was full: sockets' frames are counted by the
 * receiver, frames redirected by XDP by the sender. Not what a program dropped on purpose.
 */
uint64_t inspect_ring_drops(struct netns *ns, const char *dev);

const char *inspect_reason_word(unsigned reason);     /* "dfw-rule" */
const char *inspect_reason_sentence(unsigned reason); /* "dropped by a firewall rule" */
/* The limits of the emulated device and its counters, all 0 where there is none; and when they were read. */
int inspect_device(const struct location *location, struct dpu_asic *ret_device, uint64_t *ret_at_ns, struct diag *diag);
/* Of dpu_ct.flow_ref: "offloaded", why not ("table-full"), or "-": nothing has asked yet. */
const char *inspect_offload_word(uint32_t flow_ref);
const char *inspect_offload_sentence(unsigned reason); /* enum dpu_offload_reason */
const char *inspect_state_name(unsigned state);	      /* "SYN_SENT", as conntrack prints it */
