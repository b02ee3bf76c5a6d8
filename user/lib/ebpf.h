/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ebpf.h - the eBPF datapath of one host as a whole: its location, its DPU's
 * location if it has one, and the steps that bring both to a placement. ebpf_start()
 * and ebpf_stop() are declared in host.h; moves between placements are placement.c.
 */
#pragma once
#include "host.h"
#include "location.h"

struct ebpf {
	const struct lab *lab;
	size_t host;
	struct location at[LOCATION_COUNT]; /* by enum node_location; [LOCATION_DPU] only if has_dpu */
	bool has_dpu;
};

/* Is there such a location, and is anything loaded at it? */
bool ebpf_has(const struct ebpf *ebpf, enum node_location where);

/* Opens both locations, loaded or not. */
int ebpf_open(const struct lab *lab, size_t host, struct ebpf *ret_ebpf, struct diag *diag);
void ebpf_close(struct ebpf *ebpf);
int ebpf_refresh(struct ebpf *ebpf, struct diag *diag);
/* The frame path the kernel runs now; -ENOENT if no datapath is loaded. Says nothing. */
int ebpf_path(const struct ebpf *ebpf, enum frame_path *ret_path);
/* XDP serves the ports (as their table entries say). */
bool ebpf_xdp_serves(const struct ebpf *ebpf);
/* Does the lab's choice mean XDP on these (virtual) devices, on that frame path? */
bool ebpf_wants_xdp(enum frame_path path, enum lab_hook hook);

/* Fills the tables, sets far ends' offloads, attaches, pins work to CPUs: both locations, control word untouched. */
int ebpf_serve(struct ebpf *ebpf, bool xdp, struct diag *diag);
/* The same at one location; takes everything off one. */
int ebpf_serve_location(struct location *location, bool xdp, struct diag *diag);
int ebpf_leave_location(const struct location *location, struct diag *diag);
/* The control words and the wire of a path at rest: no handover going on, also after one that was killed. */
int ebpf_settle(const struct ebpf *ebpf, enum frame_path path, struct diag *diag);
/* Which side's wire the underlay shall use, and tell it so. */
int ebpf_use_wire(const struct ebpf *ebpf, enum node_location where, struct diag *diag);
/*
 * Every VM's vNIC device to that location, one after the other, each with its programs changed
 * before it moves. report: its blackouts are set, if it is not NULL.
 */
int ebpf_move_vnics(struct ebpf *ebpf, enum node_location to, bool xdp, struct move_report *report,
		    struct diag *diag);
/*
 * One VM's; silent that long. Already there: nothing is done. A device that refuses to be passed through (to the DPU)
 * stays on dpu-mux, with a warning: success.
 */
int ebpf_move_vnic(struct ebpf *ebpf, size_t vm, enum node_location to, bool xdp, double *ret_blackout_ms,
		   struct diag *diag);
/*
 * A vNIC's device from one location to another one, of the same host or another (the locations' labs say so), with its
 * programs. What leads to it at `old` is the caller's to take away.
 */
int ebpf_move_device(struct location *old, struct location *new, size_t vm, bool xdp, struct diag *diag);
/* The VM keeps its neighbours across the carrier change: else it asks for them again, a second late. */
int ebpf_keep_neighbours(const struct lab *lab, size_t vm, struct diag *diag);
/* Where the vNIC devices themselves are on a path. */
enum node_location ebpf_vnics_at(enum frame_path path);
/*
 * Loads the tables of a poll-mode process, fills them, starts the process; ends it. The tables stay, as a DPU's do, with
 * what their rules have counted.
 */
int ebpf_begin_pmd(struct ebpf *ebpf, struct diag *diag);
/* Decided by programs that knew less: a path says what has a say about its frames. */
void ebpf_forget_decisions(const struct location *location);
int ebpf_end_pmd(struct ebpf *ebpf, struct diag *diag);
/* As the lab says, whether or not the process runs. */
int ebpf_serve_pmd(struct ebpf *ebpf, struct diag *diag);
/* Nothing runs there: tables made for other features (dataplane.h) go, and are made anew when the host is placed there again. */
int ebpf_forget_stale_pmd(struct ebpf *ebpf, struct diag *diag);
/* Process and tables. */
int ebpf_remove_pmd(const struct lab *lab, size_t host, struct diag *diag);
/* 0, or -EINVAL with the reason: this path needs a DPU and the host has none, or does not do what the lab asks for. */
int ebpf_refuse_path(const struct lab *lab, size_t host, enum frame_path path, struct diag *diag);
