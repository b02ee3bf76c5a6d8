/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pcie.h"

#include <math.h>

#include "profile.h"

#define Z_OF_99_PERCENT 2.326347874 /* of the standard normal distribution */

void pcie_link_of(const struct lab_host *host, struct pcie_link *ret_link)
{
	const struct profile *profile = host->profile;

	*ret_link = (struct pcie_link){};
	if (profile) {
		double delay = profile_number(profile, PROFILE_LINK_DELAY_NS, 0);

		ret_link->delay_ns = (uint64_t)delay;
		ret_link->jitter_ns = (uint64_t)(delay * (profile_number(profile, PROFILE_LINK_JITTER, 1) - 1));
		ret_link->bandwidth = (uint64_t)profile_number(profile, PROFILE_LINK_BANDWIDTH, 0);
	}
	if (host->link_delay_ns) { /* with its own jitter: the profile's is about another delay */
		ret_link->delay_ns = host->link_delay_ns;
		ret_link->jitter_ns = host->link_jitter_ns;
	}
	if (host->link_bandwidth)
		ret_link->bandwidth = host->link_bandwidth;
}

bool pcie_is_emulated(const struct lab_host *host)
{
	struct pcie_link link;

	if (!host->dpu)
		return false;
	pcie_link_of(host, &link);
	return host->link_delay_ns || host->link_bandwidth || link.delay_ns >= PCIE_LEAST_DELAY_NS ||
	       (link.bandwidth && link.bandwidth <= PCIE_MOST_BANDWIDTH);
}

double pcie_sigma(const struct pcie_link *link)
{
	if (!link->delay_ns || !link->jitter_ns)
		return 0;
	return log1p((double)link->jitter_ns / (double)link->delay_ns) / Z_OF_99_PERCENT;
}

double pcie_mean_ns(const struct pcie_link *link)
{
	double sigma = pcie_sigma(link);

	return (double)link->delay_ns * exp(sigma * sigma / 2);
}
