/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "emulated.h"

#include <stdio.h>
#include <string.h>

#include "inspect.h"
#include "location.h"
#include "pcie_relay.h"
#include "profile.h"
#include "values.h"

static int add_link(const struct lab_host *host, char *buffer)
{
	char delay[VALUE_TEXT_MAX], bandwidth[VALUE_TEXT_MAX];
	struct pcie_link link;

	if (!pcie_is_emulated(host))
		return 0;
	pcie_link_of(host, &link);
	return snprintf(buffer, EMULATED_TEXT_MAX, "link%s%s%s%s", link.delay_ns ? " " : "",
			link.delay_ns ? duration_format(link.delay_ns, delay) : "", link.bandwidth ? " " : "",
			link.bandwidth ? scaled_format(link.bandwidth, bandwidth) : "");
}

const char *emulated_text(const struct lab_host *host, char buffer[static EMULATED_TEXT_MAX])
{
	double slowdown = host->profile ? profile_number(host->profile, PROFILE_SLOWDOWN, 1) : 1;
	int used = add_link(host, buffer);

	if (slowdown > 1)
		used += snprintf(buffer + used, (size_t)(EMULATED_TEXT_MAX - used), "%scores x%.3g", used ? ", " : "", slowdown);
	if (!used)
		snprintf(buffer, EMULATED_TEXT_MAX, "-");
	return buffer;
}

const char *emulated_on(const struct lab_host *host, enum frame_path path, char buffer[static EMULATED_TEXT_MAX])
{
	if (frame_path_needs_dpu(path))
		return emulated_text(host, buffer);
	snprintf(buffer, EMULATED_TEXT_MAX, "-");
	return buffer;
}

bool emulated_anywhere(const struct lab *lab)
{
	char text[EMULATED_TEXT_MAX];

	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab->hosts[i].dpu && strcmp(emulated_text(&lab->hosts[i], text), "-"))
			return true;
	return false;
}

/* ---- how long --------------------------------------------------------------------- */

static void add_arm(const struct lab *lab, size_t host, struct emulated_waits *waits)
{
	struct location dpu = {};
	struct dpu_asic device = {};
	uint64_t ignored;

	if (!location_open(lab, host, LOCATION_DPU, &dpu, NULL) && dpu.dp)
		inspect_device(&dpu, &device, &ignored, NULL);
	location_close(&dpu);
	waits->arm_ns += device.arm_wait_ns;
	waits->arm_frames += device.arm_frames;
}

static void add_host(const struct lab *lab, size_t host, struct emulated_waits *waits)
{
	struct pcie_counts link;

	pcie_relay_total_of(lab, host, &link);
	waits->link_ns += link.wanted_ns;
	waits->link_frames += link.frames;
	if (lab->hosts[host].dpu && lab->hosts[host].profile)
		add_arm(lab, host, waits);
}

void emulated_read_host(const struct lab *lab, size_t host, struct emulated_waits *ret_waits)
{
	*ret_waits = (struct emulated_waits){};
	add_host(lab, host, ret_waits);
}

void emulated_read(const struct lab *lab, struct emulated_waits *ret_waits)
{
	*ret_waits = (struct emulated_waits){};
	for (size_t host = 0; host < lab->n_hosts; host++)
		add_host(lab, host, ret_waits);
}

/* ---- of a round trip ---------------------------------------------------------------- */

unsigned emulated_crossings(enum frame_path path, bool same_host)
{
	if (!frame_path_needs_dpu(path))
		return 0;
	if (!same_host)
		return 2;
	return path == PATH_DPU_VXLAN ? 0 : 4; /* its switch is on the host */
}

static double mean(uint64_t ns_before, uint64_t ns_after, uint64_t n_before, uint64_t n_after)
{
	if (n_after < n_before || ns_after < ns_before)
		n_before = ns_before = 0;
	return n_after > n_before ? (double)(ns_after - ns_before) / (double)(n_after - n_before) : 0;
}

double emulated_share_us(const struct emulated_waits *before, const struct emulated_waits *after, double trips)
{
	return trips > 0 ? (double)(after->link_ns - before->link_ns + after->arm_ns - before->arm_ns) / 1e3 / trips : 0;
}

double emulated_raw_cpu_ns(const struct emulated_waits *before, const struct emulated_waits *after, double cpu_ns)
{
	return emulated_raw(cpu_ns, (double)(after->arm_ns - before->arm_ns));
}

double emulated_raw(double figure, double emulated)
{
	return figure > emulated ? figure - emulated : 0;
}

double emulated_trip_ns(const struct emulated_waits *before, const struct emulated_waits *after, enum frame_path path,
			bool same_host)
{
	unsigned crossings = emulated_crossings(path, same_host), runs = crossings ? 2 : 0; /* there, and back */

	return crossings * mean(before->link_ns, after->link_ns, before->link_frames, after->link_frames) +
	       runs * mean(before->arm_ns, after->arm_ns, before->arm_frames, after->arm_frames);
}
