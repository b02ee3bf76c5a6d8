/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dataplane.h - the datapath of one location (a node: "esx1", "esx1-dpu" or "esx1-pmd"):
 * load it, pin it, open it again, remove it. Attaching is attach.h, filling and
 * reading the tables is tables.h; both work on the handle made here.
 *
 * Pins: /sys/fs/bpf/dpulab/LAB/NODE/{maps/NAME, progs/{xdp,tc}, links/{xdp,tc}-DEV, layout-N}.
 * The directory layout-N is made last: a node without it was left by a dpulab
 * that was killed, and is loaded afresh. Another N is another dpulab's layout.
 */
#pragma once
#include <limits.h>
#include "diag.h"
#include "model.h"
#include <dpulab/port.h>
#include <dpulab/settings.h>

#define DATAPLANE_PIN_ROOT "/sys/fs/bpf/dpulab"

struct dataplane; /* one location; owns its fds, frees them on close; pins stay */

enum node_location {
	LOCATION_HOST,
	LOCATION_DPU,
	LOCATION_PMD, /* the poll-mode process of a host, in the host's namespace: tables in memory, no programs */
	LOCATION_COUNT,
};

enum dataplane_prog {
	DATAPLANE_XDP,
	DATAPLANE_TC,
	DATAPLANE_PROGS,
};

/* The maps user space works with, by their names in bpf/maps.h. */
#define DATAPLANE_MAPS(X)                                                                          \
	X(control) X(port_by_ifindex) X(ports) X(segments) X(segment_by_wire) X(vteps)             \
	X(vtep_by_ip) X(dfw_cells) X(redirect) X(xsks) X(generations) X(fdb) X(conntrack) X(ct_clock) X(ct_windows) \
	X(ct_clock_hand) X(ct_counts) X(fdb_clock) X(fdb_clock_hand) X(flows) X(flow_sets) X(flow_info) X(paths) \
	X(bindings) X(asic) X(guards) X(dfw_hits) X(dfw_bytes) X(l2_rules) X(hits) X(port_stats) X(node_stats) X(fragments) X(dfw_log) \
	X(shapers) X(class_rules) X(schedules) X(schedule_windows)

/* Those that are there while the programs carry intercept slots (dataplane_slots.h); else their descriptor is -1. */
#define DATAPLANE_SLOT_MAPS(X)                                                                     \
	X(icpt_chains) X(icpt_state) X(icpt_counts) X(icpt_verdicts) X(icpt_rings) X(icpt_linked)

enum dataplane_map {
#define DATAPLANE_MAP_ENUM(name) MAP_##name,
	DATAPLANE_MAPS(DATAPLANE_MAP_ENUM)
	DATAPLANE_MAPS_ALWAYS, /* how many the others are */
	DATAPLANE_MAPS_LAST = DATAPLANE_MAPS_ALWAYS - 1, /* the next one takes the number on */
	DATAPLANE_SLOT_MAPS(DATAPLANE_MAP_ENUM)
#undef DATAPLANE_MAP_ENUM
	DATAPLANE_MAP_COUNT,
};

/* Name of a location's node: "esx1", "esx1-dpu" ("esx1-dpu2" while the second one is active, and of a switch beside) or "esx1-pmd". */
void location_node_name(const struct lab_host *host, enum node_location where,
			char ret_node[static NODE_NAME_MAX + 4]);

/* Loads both objects with the lab's sizes, pins everything. Already there and same layout: opens it. */
int dataplane_load(const struct lab *lab, const struct lab_host *host, enum node_location where,
		   struct dataplane **ret_dp, struct diag *diag);
/* The same for a node that is no host of the lab file (a loaded interface). */
int dataplane_load_node(const struct lab *lab, const char *node, struct dataplane **ret_dp,
			struct diag *diag);
/* The load-time constants a lab asks for (a fresh hash seed each time). */
void dataplane_settings(const struct lab *lab, struct dpu_settings *settings);
/* Of them those that a running lab can change: new programs are loaded beside the old ones (dataplane_slots.h). */
void dataplane_features(const struct lab *lab, struct dpu_settings *settings);
/* Do features that have tables of their own, which are sized for them, stand alike? Shaping and classes have none. */
bool dataplane_same_tables(const struct lab *a, const struct lab *b);
/* What the running programs, or those of the poll-mode process, were loaded with: tables are addressed by random numbers in it. */
int dataplane_read_settings(const struct dataplane *dp, struct dpu_settings *ret_settings);
/* Were they loaded with the lab's features? */
bool dataplane_has_features(const struct dataplane *dp, const struct lab *lab);
/* Opens what is pinned; -ENOENT (no diag) if nothing is. */
int dataplane_open(const char *lab, const char *node, struct dataplane **ret_dp, struct diag *diag);
void dataplane_close(struct dataplane *dp);
/* Removes the pins of one node; attached programs go with their links. Nothing there is success. */
int dataplane_remove(const char *lab, const char *node, struct diag *diag);
/* Removes all pins of a lab, known nodes or not. */
int dataplane_remove_lab(const char *lab, struct diag *diag);
/* Calls visit(node) for every node pinned for the lab; stops at the first non-zero return. */
int dataplane_each_node(const char *lab, int (*visit)(const char *node, void *arg), void *arg);

/* The memory of map "generations", NULL if it cannot be mapped. */
struct dpu_generations *dataplane_generations(const struct dataplane *dp);
/* The memory of map "control", likewise. */
struct dpu_control *dataplane_control(const struct dataplane *dp);
/* The page of state of a poll-mode location; NULL for all others. */
struct dpu_pmd *dataplane_pmd(const struct dataplane *dp);
/* A hash of a poll-mode location, in shared memory; NULL: the map is the kernel's. */
struct dpu_shtab *dataplane_shared(const struct dataplane *dp, enum dataplane_map map);
/* Path of the pinned maps of a node. */
void dataplane_maps_path(const char *lab, const char *node, char ret_path[static PATH_MAX]);
const char *dataplane_map_name(enum dataplane_map map);
int dataplane_map_fd(const struct dataplane *dp, enum dataplane_map map);
int dataplane_prog_fd(const struct dataplane *dp, enum dataplane_prog prog); /* -1: poll-mode */
/* Kernel id of a program of this location; 0 if it cannot be read. */
unsigned dataplane_prog_id(const struct dataplane *dp, enum dataplane_prog prog);
const char *dataplane_node(const struct dataplane *dp);
const char *dataplane_lab(const struct dataplane *dp);
/* Path of the pinned link of one device and hook. */
void dataplane_link_path(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
			 char ret_path[static PATH_MAX]);
const char *dataplane_prog_name(enum dataplane_prog prog); /* "xdp", "tc" */
