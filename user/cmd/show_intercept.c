/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB intercept: every place in every chain, what its slot has said, and whether it is in. */
#include "intercept.h"
#include "show.h"

#include <stdlib.h>

static const char *vm_name(const struct location *at, uint16_t port)
{
	for (size_t i = 0; i < at->lab->n_vms; i++)
		if (at->lab->vms[i].host == at->host && at->lab->vms[i].port == port)
			return at->lab->vms[i].name;
	return "-";
}

/* Of the frames that were punted: what became of them. */
static void out_punts(struct out *out, const struct dpu_intercept_state *state)
{
	out_uint(out, "waiting", state->queued - state->taken);
	out_uint(out, "pending_pass", state->pending_passed);
	out_uint(out, "pending_drop", state->pending_dropped);
	out_uint(out, "judged_pass", state->judged_passed);
	out_uint(out, "judged_drop", state->judged_dropped);
	out_uint(out, "full_pass", state->full_passed);
	out_uint(out, "full_drop", state->full_dropped);
}

static void out_place(struct out *out, const struct location *at, const struct intercept_row *row)
{
	const struct dpu_intercept_counts *counts = &row->counts;

	out_item(out);
	show_node(out, at);
	out_str(out, "vnic", "%s", vm_name(at, row->port));
	out_str(out, "direction", "%s", row->direction == DPU_INTERCEPT_IN ? "in" : "out");
	out_uint(out, "place", row->place);
	out_str(out, "slot", "%s", row->slot);
	if (row->state.out_ns)
		out_str(out, "state", "out: overran its %u ns %.1f s ago, fails %s", row->budget_ns,
			show_age_s(row->state.out_ns), row->open ? "open" : "closed");
	else
		out_str(out, "state", "in");
	out_uint(out, "calls", counts->calls);
	out_uint(out, "pass", counts->calls - counts->drops - counts->punts);
	out_uint(out, "drop", counts->drops);
	out_uint(out, "punt", counts->punts);
	out_uint(out, "noted", counts->noted);
	out_uint(out, "reason", row->state.reason);
	out_uint(out, "skipped", counts->skipped);
	out_uint(out, "timed_ns", counts->ns);
	out_uint(out, "timed", counts->timed);
	out_uint(out, "worst_ns", row->state.worst_ns);
	out_uint(out, "overruns", counts->overruns);
	out_punts(out, &row->state);
	out_end(out);
}

int show_intercept(const struct location *at, struct out *out, struct diag *diag)
{
	struct intercept_row *rows;
	size_t n;
	int err = intercept_read(at, &rows, &n, diag);

	for (size_t i = 0; !err && i < n; i++)
		out_place(out, at, &rows[i]);
	free(rows);
	return err;
}
