/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB link, and the PCIe link's part of `show LAB drops`. */
#include "pcie_relay.h"
#include "show.h"
#include "topology.h"
#include "values.h"


static const char *const directions[PCIE_DIRECTIONS] = {[PCIE_TO_DPU] = "to DPU", [PCIE_TO_HOST] = "to host"};

static void out_time(struct out *out, const char *key, uint64_t ns)
{
	char text[VALUE_TEXT_MAX];

	out_str(out, key, "%s", ns ? duration_format(ns, text) : "-");
}

static void out_configured(struct out *out, const struct pcie_link *link)
{
	char text[VALUE_TEXT_MAX];

	out_time(out, "delay", link->delay_ns);
	out_time(out, "jitter", link->jitter_ns);
	out_str(out, "bandwidth", "%s", link->bandwidth ? scaled_format(link->bandwidth, text) : "-");
}

static double per_frame_us(double ns, const struct pcie_counts *count)
{
	return count->frames ? ns / (double)count->frames / 1e3 : 0;
}

/*
 * crossing: what the process costs by itself, which is taken off the wait. asked: what delay, jitter and bandwidth make a frame
 * take. waited: what it took, crossing included. late: the rest, which is the process's own: it was not awake, or others were
 * sent before; a little below 0 where it was early.
 */
static void out_counts(struct out *out, const struct pcie_counts *count)
{
	out_uint(out, "frames", count->frames);
	out_uint(out, "bytes", count->bytes);
	out_real(out, "waited_s", (double)count->waited_ns / 1e9, 3);
	out_real(out, "asked_us", per_frame_us((double)count->wanted_ns, count), 2);
	out_real(out, "waited_us", per_frame_us((double)count->waited_ns, count), 2);
	out_real(out, "late_us", per_frame_us((double)count->waited_ns - (double)count->wanted_ns, count), 2);
	out_uint(out, "queue_full", count->queue_full);
	out_uint(out, "most_queued", count->most_queued);
}

static void show_link_of(const struct lab *lab, size_t host, unsigned dpu, struct out *out)
{
	const struct lab_host *h = &lab->hosts[host];
	char node[NODE_FULL_MAX];
	struct pcie_state state = {};
	bool lives = false, emulated = pcie_is_emulated(h);

	if (!emulated || pcie_relay_read_of(lab, host, dpu, &state, &lives))
		pcie_link_of(h, &state.link);
	for (enum pcie_direction direction = 0; direction < PCIE_DIRECTIONS; direction++) {
		out_item(out);
		out_str(out, "host", "%s", h->name);
		if (lab_n_dpus(h) > 1)
			out_str(out, "dpu", "%s", topology_dpu_of(h, dpu, node));
		out_str(out, "direction", "%s", directions[direction]);
		out_str(out, "link", "%s", emulated ? "emulated" : "plain veth");
		out_str(out, "by", "%s", !emulated ? "-" : lives ? pcie_way_name(state.way) : "dead: `dpulab up` starts it");
		out_uint(out, "pid", lives ? state.pid : 0);
		out_configured(out, &state.link);
		out_real(out, "crossing_us", state.cost_ns / 1e3, 2);
		out_counts(out, &state.count[direction]);
		out_end(out);
	}
}

int show_link(const struct lab *lab, size_t host, struct out *out, struct diag *diag)
{
	(void)diag;
	for (unsigned dpu = 0; dpu < lab_n_dpus(&lab->hosts[host]); dpu++)
		show_link_of(lab, host, dpu, out);
	return 0;
}

static void out_drops(struct out *out, const char *node, uint64_t frames, const char *reason, const char *meaning)
{
	if (!frames)
		return;
	out_item(out);
	out_str(out, "node", "%s", node);
	out_str(out, "where", "pcie");
	out_str(out, "reason", "%s", reason);
	out_uint(out, "frames", frames);
	out_str(out, "meaning", "%s", meaning);
	out_end(out);
}

static void out_drops_of(struct out *out, const struct pcie_state *state, const char *node)
{
	for (enum pcie_direction direction = 0; direction < PCIE_DIRECTIONS; direction++) {
		const struct pcie_counts *count = &state->count[direction];
		bool up = direction == PCIE_TO_HOST;

		out_drops(out, node, count->queue_full, "link-queue-full",
			  up ? "dropped: too many frames waited for the PCIe link to the host"
			     : "dropped: too many frames waited for the PCIe link to the DPU");
		out_drops(out, node, count->send_failed, "link-end-refused", "dropped: the end of the PCIe link was down or its ring full");
	}
}

void show_link_drops(const struct lab *lab, size_t host, struct out *out)
{
	const struct lab_host *h = &lab->hosts[host];
	char node[NODE_FULL_MAX];
	struct pcie_state state;
	bool lives;

	for (unsigned dpu = 0; pcie_is_emulated(h) && dpu < lab_n_dpus(h); dpu++)
		if (!pcie_relay_read_of(lab, host, dpu, &state, &lives))
			out_drops_of(out, &state, topology_pcie_of(h, dpu, node));
}
