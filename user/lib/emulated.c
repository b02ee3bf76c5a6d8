/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "emulated.h"

#include <stdio.h>

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

static uint64_t arm_of(const struct lab *lab, size_t host)
{
	struct location dpu = {};
	struct dpu_asic device = {};
	uint64_t ignored;

	if (!location_open(lab, host, LOCATION_DPU, &dpu, NULL) && dpu.dp)
		inspect_device(&dpu, &device, &ignored, NULL);
	location_close(&dpu);
	return device.arm_wait_ns;
}

void emulated_read(const struct lab *lab, struct emulated_waits *ret_waits)
{
	struct pcie_counts total;

	*ret_waits = (struct emulated_waits){};
	pcie_relay_total(lab, &total);
	ret_waits->link_ns = total.wanted_ns;
	for (size_t host = 0; host < lab->n_hosts; host++)
		if (lab->hosts[host].dpu && lab->hosts[host].profile)
			ret_waits->arm_ns += arm_of(lab, host);
}
