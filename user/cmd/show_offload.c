/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB offload: an emulated device beside its limits: table, rates, reasons, who fills it, the cores. */
#include "inspect.h"
#include "show.h"
#include "values.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define NEARLY_FULL_PC 90
#define CREATORS_SHOWN 10
#define TALKERS_SHOWN  5

struct view {
	const struct location *at;
	struct out *out;
	const struct dpu_asic *device;
};

/* One line: what was counted, and the limit beside it, if there is one. */
__attribute__((format(printf, 6, 7))) static void row(const struct view *view, const char *figure, double value, int decimals,
						      double limit, const char *format, ...)
{
	char meaning[160];
	va_list args;

	va_start(args, format);
	vsnprintf(meaning, sizeof(meaning), format, args);
	va_end(args);
	out_item(view->out);
	show_node(view->out, view->at);
	out_str(view->out, "figure", "%s", figure);
	out_real(view->out, "value", value, decimals);
	if (limit > 0)
		out_real(view->out, "limit", limit, decimals);
	else
		out_str(view->out, "limit", "-");
	out_str(view->out, "meaning", "%s", meaning);
	out_end(view->out);
}

static void count(const struct view *view, const char *figure, uint64_t value, const char *meaning)
{
	row(view, figure, (double)value, 0, 0, "%s", meaning);
}

/* Events per second of an interval in 2^-6 ns; 0 = no limit. */
static double rate_of(uint64_t interval)
{
	return interval ? 1e9 * (1 << DPU_ASIC_TIME_SHIFT) / (double)interval : 0;
}

/* ---- the table ------------------------------------------------------------ */

static bool is_nearly_full(const struct dpu_asic *device)
{
	return device->capacity && (uint64_t)device->used * 100 >= (uint64_t)device->capacity * NEARLY_FULL_PC;
}

static void out_table(const struct view *view)
{
	const struct dpu_asic *device = view->device;

	row(view, "flows", device->used, 0, device->capacity, "directions in the hardware table%s",
	    is_nearly_full(device) ? ": NEARLY FULL" : "");
	row(view, "high-water", device->high_water, 0, device->capacity, "most there ever were, %.0f s ago",
	    device->high_water ? show_age_s(device->high_water_ns) : 0);
	row(view, "inserted", (double)device->inserted, 0, 0, "flows, at most %.1f a second",
	    rate_of(device->insertion_interval));
	row(view, "connections", (double)device->connections, 0, 0, "offloaded, at most %.1f a second",
	    rate_of(device->connection_interval));
	count(view, "removed", device->removed, "flows: their connection ended, or they were aged or evicted");
	count(view, "aged", device->aged, "flows idle for too long");
	count(view, "evicted", device->evicted, "flows that made room for others");
	count(view, "resimulated", device->resimulated, "flows written anew after a policy change");
	count(view, "resumed", device->resumed, "flows that had been refused before");
	count(view, "dropped", device->dropped, "frames: no room or rate left, and the device drops");
}

static void out_reasons(const struct view *view)
{
	for (unsigned reason = 1; reason < DPU_OFFLOAD_MAX; reason++) {
		char figure[40];

		if (!view->device->why[reason])
			continue;
		snprintf(figure, sizeof(figure), "software: %s", inspect_offload_word(DPU_FLOW_WHY | reason));
		count(view, figure, view->device->why[reason], inspect_offload_sentence(reason));
	}
}

/* ---- who fills it ----------------------------------------------------------- */

struct creator {
	uint32_t port;
	uint64_t created, refused;
};

static int by_created(const void *a, const void *b)
{
	const struct creator *x = a, *y = b;
	uint64_t m = x->created + x->refused, n = y->created + y->refused;

	return m < n ? 1 : m > n ? -1 : 0;
}

static const char *port_text(const struct location *at, uint32_t number, char *buffer, size_t size)
{
	const struct port_dev *port = location_port(at, (uint16_t)number);

	if (port && port->vm != SIZE_MAX)
		return at->lab->vms[port->vm].name;
	if (number == DPU_PORT_UPLINK)
		return "uplink";
	if (number == DPU_PORT_PF)
		return "pf";
	snprintf(buffer, size, "port %u", number);
	return buffer;
}

static void out_creators(const struct view *view)
{
	struct creator list[DPU_ASIC_PORTS];
	size_t n = 0;

	for (uint32_t port = 0; port < DPU_ASIC_PORTS; port++)
		if (view->device->created[port] || view->device->refused[port])
			list[n++] = (struct creator){port, view->device->created[port], view->device->refused[port]};
	qsort(list, n, sizeof(*list), by_created);
	for (size_t i = 0; i < n && i < CREATORS_SHOWN; i++) {
		char figure[40], text[16];

		snprintf(figure, sizeof(figure), "creator: %.20s", port_text(view->at, list[i].port, text, sizeof(text)));
		row(view, figure, (double)list[i].created, 0, 0, "flows inserted for its frames; %llu frames asked in vain",
		    (unsigned long long)list[i].refused);
	}
}

static int by_source(const void *a, const void *b)
{
	const struct inspect_flow *x = a, *y = b;

	return memcmp(&x->entry.key.src, &y->entry.key.src, sizeof(x->entry.key.src));
}

struct talker {
	const union dpu_ip *source;
	uint64_t flows;
};

/* Keeps the list of those with most flows, in order. */
static void keep_talker(struct talker list[static TALKERS_SHOWN], struct talker talker)
{
	for (size_t i = 0; i < TALKERS_SHOWN; i++)
		if (talker.flows > list[i].flows) {
			struct talker pushed = list[i];

			list[i] = talker;
			talker = pushed;
		}
}

/* The addresses that have most flows in the table now. */
static int out_talkers(const struct view *view, struct diag *diag)
{
	struct talker top[TALKERS_SHOWN] = {0}, talker = {0};
	struct inspect_flow *flows;
	size_t n;
	int err = inspect_flows(view->at, &flows, &n, diag);

	if (err)
		return err;
	qsort(flows, n, sizeof(*flows), by_source);
	for (size_t i = 0; i < n; i++) {
		if (!i || by_source(&flows[i], &flows[i - 1]))
			talker = (struct talker){&flows[i].entry.key.src, 0};
		talker.flows++;
		if (i + 1 == n || by_source(&flows[i], &flows[i + 1]))
			keep_talker(top, talker);
	}
	for (size_t i = 0; i < TALKERS_SHOWN && top[i].flows; i++) {
		char figure[80], text[VALUE_TEXT_MAX];

		snprintf(figure, sizeof(figure), "talker: %.60s", ip_format(top[i].source, text));
		count(view, figure, top[i].flows, "flows from this address in the table now");
	}
	free(flows);
	return 0;
}

/* ---- the cores ------------------------------------------------------------------ */

/* Percent below which half of the waits came out. */
static double median_ratio(const struct dpu_asic *device)
{
	uint64_t total = 0, below = 0;

	for (unsigned i = 0; i < DPU_ARM_RATIOS; i++)
		total += device->arm_ratio[i];
	for (unsigned i = 0; i < DPU_ARM_RATIOS; i++) {
		below += device->arm_ratio[i];
		if (total && below * 2 >= total)
			return DPU_ARM_RATIO_FIRST + i + 0.5;
	}
	return 0;
}

static void out_cores(const struct view *view)
{
	const struct dpu_asic *device = view->device;
	double frames = (double)(device->arm_frames - device->arm_interrupted), factor = (double)device->arm_factor / DPU_ARM_FACTOR_ONE;

	if (device->arm_factor <= DPU_ARM_FACTOR_ONE)
		return;
	count(view, "arm frames", device->arm_frames, "on the software path of the emulated cores");
	count(view, "arm segments", device->arm_segments, "the frames that those stand for: a GSO frame is slowed for each of its segments");
	row(view, "arm ns/frame, raw", frames ? (double)device->arm_raw_ns / frames : 0, 0, 0,
	    "what the software path took here");
	row(view, "arm ns/frame, emulated", frames ? (double)(device->arm_raw_ns + device->arm_wait_ns) / frames : 0, 0, 0,
	    "emulated: %.2f times as slow", factor);
	row(view, "arm slowdown achieved, %", median_ratio(device), 1, 100, "median over frames; self-tested when it was loaded");
	count(view, "arm interrupted", device->arm_interrupted, "frames interrupted on their way: not slowed");
}

bool show_has_device(const struct location *at)
{
	return at->where == LOCATION_DPU && location_host(at)->profile;
}

int show_offload(const struct location *at, struct out *out, struct diag *diag)
{
	uint64_t at_ns;
	struct dpu_asic device;
	struct view view = {at, out, &device};
	int err;

	if (!show_has_device(at))
		return 0;
	err = inspect_device(at, &device, &at_ns, diag);
	if (err)
		return err;
	row(&view, "read at", (double)at_ns / 1e9, 3, 0, "seconds of CLOCK_MONOTONIC, for rates between two readings");
	out_table(&view);
	out_reasons(&view);
	out_creators(&view);
	err = out_talkers(&view, diag);
	if (err)
		return err;
	out_cores(&view);
	if (is_nearly_full(&device))
		diag_warn(diag, "the lines `creator` say who fills it", "the flow table of %s is nearly full: %u of %u flows",
			  dataplane_node(at->dp), device.used, device.capacity);
	return 0;
}
