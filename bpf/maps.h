/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - every map of the datapath, once. One instance of each per location
 * (host, DPU); the XDP and the TC program of a location share them (the loader
 * opens both objects and lets the second reuse the first one's maps).
 * Pinned by name under /sys/fs/bpf/dpulab/LAB/NODE/. Sizes marked * are set by
 * the loader.
 *
 * DPU_MAP(name, type, key type, value type, entries, flags)
 * DPU_RING(name, value type, bytes)
 * DPU_RINGS(name, entries, bytes of each)
 */
#pragma once
#include <dpulab/asic.h>
#include <dpulab/classifier.h>
#include <dpulab/conntrack.h>
#include <dpulab/dfw.h>
#include <dpulab/flow.h>
#include <dpulab/guard.h>
#include <dpulab/l2.h>
#include <dpulab/intercept.h>
#include <dpulab/log.h>
#include <dpulab/port.h>
#include <dpulab/qos.h>
#include <dpulab/schedule.h>
#include <dpulab/settings.h>
#include <dpulab/stats.h>
#include "core/pkt.h"
#include "core/rate.h"
#include "hook/env.h"
#include "core/pkt.h"

#ifndef DPU_NATIVE
#define DPU_MAP(name_, type_, key_, value_, entries_, flags_)                                      \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##type_);                                                \
		__uint(max_entries, entries_);                                                     \
		__uint(map_flags, flags_);                                                         \
		__type(key, key_);                                                                 \
		__type(value, value_);                                                             \
	} name_ SEC(".maps")
#define DPU_RING(name_, value_, bytes_)                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, bytes_);                                                       \
	} name_ SEC(".maps")
/* Rings by number; the loader makes those that are wanted. */
#define DPU_RINGS(name_, value_, entries_, bytes_)                                                     \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, entries_);                                                     \
		__type(key, __u32);                                                                \
		__array(                                                                           \
			values, struct {                                                           \
				__uint(type, BPF_MAP_TYPE_RINGBUF);                                \
				__uint(max_entries, bytes_);                                       \
			});                                                                        \
	} name_ SEC(".maps")
#endif

/* Load-time constants: .rodata in both objects, filled by the loader between open and load. */
#ifdef DPU_NATIVE
static struct dpu_settings settings;
#else
const volatile struct dpu_settings settings;
#endif

/* Written by user space, read by programs. */
DPU_MAP(control, ARRAY, __u32, struct dpu_control, 1, BPF_F_MMAPABLE);
DPU_MAP(port_by_ifindex, ARRAY, __u32, __u32, DPU_MAX_IFINDEX, 0);
DPU_MAP(ports, ARRAY, __u32, struct dpu_port, DPU_MAX_PORTS, 0);
DPU_MAP(segments, ARRAY, __u32, struct dpu_segment, DPU_MAX_SEGMENTS, 0);
DPU_MAP(segment_by_wire, HASH, __u32, __u32, 2 * DPU_MAX_SEGMENTS, 0);
DPU_MAP(vteps, ARRAY, __u32, struct dpu_vtep, DPU_MAX_VTEPS, 0);
DPU_MAP(vtep_by_ip, HASH, __be32, __u32, DPU_MAX_VTEPS, 0);
DPU_MAP(dfw_cells, ARRAY, __u32, union dpu_cls_cell, 65536, BPF_F_MMAPABLE); /* * compiled policies */
DPU_MAP(schedules, ARRAY, __u32, struct dpu_schedules, 1, 0);
DPU_MAP(schedule_windows, ARRAY, __u32, struct dpu_schedule_window, 2 * DPU_SCHEDULE_WINDOWS, 0);
DPU_MAP(redirect, DEVMAP, __u32, __u32, DPU_MAX_PORTS, 0); /* port number -> device; XDP only */
DPU_MAP(xsks, XSKMAP, __u32, __u32, DPU_MAX_PORTS, 0); /* port number -> socket of the poll-mode process; XDP only */

/* Written by programs and by user space (ageing, handover). */
DPU_MAP(generations, ARRAY, __u32, struct dpu_generations, 1, BPF_F_MMAPABLE);
DPU_MAP(fdb, HASH, struct dpu_fdb_key, struct dpu_fdb, 16384, 0);		     /* * */
DPU_MAP(conntrack, HASH, struct dpu_ct_key, struct dpu_ct, 65536, 0);		     /* * */
DPU_MAP(ct_clock, ARRAY, __u32, struct dpu_ct_key, 131072, BPF_F_MMAPABLE);	     /* * */
DPU_MAP(ct_windows, ARRAY, __u32, struct dpu_tcp_window, 1, BPF_F_MMAPABLE);	     /* * as ct_clock if strict */
DPU_MAP(ct_clock_hand, ARRAY, __u32, __u32, 1, BPF_F_MMAPABLE); /* handover takes seats too */
DPU_MAP(ct_counts, ARRAY, __u32, struct dpu_ct_count, DPU_MAX_PORTS, BPF_F_MMAPABLE);
DPU_MAP(ct_proofs, ARRAY, __u32, struct dpu_ct_proof, DPU_CT_PROOFS, 0);
DPU_MAP(bindings, HASH, struct dpu_binding_key, struct dpu_binding, DPU_BINDINGS, 0);
DPU_MAP(guards, ARRAY, __u32, struct dpu_guard, DPU_MAX_PORTS, BPF_F_MMAPABLE);
DPU_MAP(fdb_clock, ARRAY, __u32, struct dpu_fdb_key, DPU_FDB_SEATS, 0);
DPU_MAP(fdb_clock_hand, ARRAY, __u32, __u32, 1, BPF_F_MMAPABLE);
DPU_MAP(fragments, ARRAY, __u32, struct dpu_fragment_set,
	(DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1) * DPU_FRAGMENT_SETS, 0);
DPU_MAP(held_index, ARRAY, __u32, struct dpu_held_index, DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1, 0);
DPU_MAP(held, ARRAY, __u32, struct dpu_held, 1, 0); /* * DPU_HELD_PLACES for each vNIC, if any are held */
DPU_MAP(frame_buffer, PERCPU_ARRAY, __u32, struct frame_bytes, 1, 0); /* a frame whose place another takes for a while */
DPU_MAP(class_rules, ARRAY, __u32, struct dpu_class_rule, DPU_CLASS_RULES + DPU_PRIORITIES, 0);
DPU_MAP(shapers, ARRAY, __u32, struct dpu_shaper, DPU_MAX_PORTS * DPU_SHAPE_DIRECTIONS, BPF_F_MMAPABLE);
DPU_MAP(storm, ARRAY, __u32, __u64, DPU_MAX_PORTS, 0);	   /* by ingress port: core/rate.h */
DPU_MAP(rates, PERCPU_ARRAY, __u32, __u64, RATE_LIMITS, 0); /* by enum rate_limit: core/rate.h */
DPU_MAP(answer_buffer, PERCPU_ARRAY, __u32, struct answer_packet, DPU_HOOKS, 0); /* an answer being built */
DPU_MAP(flows, ARRAY, __u32, struct dpu_flow_table, 1, BPF_F_MMAPABLE);		     /* * the value's size */
DPU_MAP(flow_sets, ARRAY, __u32, struct dpu_flow_set, 2048, BPF_F_MMAPABLE);	     /* * */
DPU_MAP(flow_info, ARRAY, __u32, struct dpu_flow_info_set, 2048, BPF_F_MMAPABLE); /* * as flows */
DPU_MAP(paths, ARRAY, __u32, struct dpu_path_table, 1, BPF_F_MMAPABLE);
DPU_MAP(asic, ARRAY, __u32, struct dpu_asic, 1, BPF_F_MMAPABLE); /* limits by user space */
DPU_MAP(dfw_hits, ARRAY, __u32, struct dpu_rule_hits, 65536, BPF_F_MMAPABLE);	     /* * */
DPU_MAP(l2_rules, ARRAY, __u32, struct dpu_l2_rule, DPU_L2_RULES, BPF_F_MMAPABLE);
DPU_MAP(dfw_bytes, HASH, struct dpu_rule_key, __u64, 65536, BPF_F_NO_PREALLOC);	     /* * */

/* Written by programs, read by user space. */
DPU_MAP(port_stats, PERCPU_ARRAY, __u32, struct dpu_port_stats, DPU_MAX_PORTS, 0);
DPU_MAP(hits, ARRAY, __u32, struct dpu_hit_table, 1, BPF_F_MMAPABLE);
DPU_MAP(node_stats, PERCPU_ARRAY, __u32, struct dpu_node_stats, DPU_HOOKS, 0);
DPU_MAP(scratch, PERCPU_ARRAY, __u32, struct pkt, DPU_HOOKS, 0); /* slow path's frame, one per hook */
DPU_RING(dfw_log, struct dpu_log_event, DPU_LOG_BYTES);
DPU_MAP(exit_record, ARRAY, __u32, struct dpu_exit_record, 1, 0);

/* Chains of intercept slots: only in objects that carry slots (intercept.h). */
#ifdef DPU_INTERCEPT
#define INTERCEPT_LINKED 1
DPU_MAP(icpt_chains, ARRAY, __u32, struct dpu_intercept_chains, 1, BPF_F_MMAPABLE); /* written by user space */
DPU_MAP(icpt_state, ARRAY, __u32, struct dpu_intercept_states, 1, BPF_F_MMAPABLE);
DPU_MAP(icpt_counts, PERCPU_ARRAY, __u32, struct dpu_intercept_counts, DPU_INTERCEPT_INSTANCES, 0);
DPU_MAP(icpt_verdicts, LRU_HASH, struct dpu_intercept_key, struct dpu_intercept_judged, DPU_INTERCEPT_VERDICTS, 0);
DPU_MAP(icpt_linked, ARRAY, __u32, struct dpu_intercept_linked, 1, 0);
DPU_MAP(icpt_work, PERCPU_ARRAY, __u32, struct intercept_work, DPU_HOOKS, 0); /* by hook */
DPU_RINGS(icpt_rings, struct dpu_intercept_punt, DPU_INTERCEPT_SLOTS, DPU_INTERCEPT_QUEUE_BYTES); /* by slot */
#else
#define INTERCEPT_LINKED 0
#endif
