/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "functions.h"

#include <string.h>

#define SWITCH	 (DPU_FN_DVS | DPU_FN_VXLAN)
#define FIREWALL (DPU_FN_DFW | DPU_FN_GUARD)

static const uint32_t sets[PATH_END][LOCATION_COUNT] = {
	[PATH_HOST] = {[LOCATION_HOST] = DPU_FN_ALL},
	[PATH_PMD] = {[LOCATION_PMD] = DPU_FN_ALL},
	[PATH_SRIOV] = {[LOCATION_DPU] = DPU_FN_DVS | DPU_FN_GUARD},
	[PATH_DPU_MUX] = {[LOCATION_DPU] = DPU_FN_ALL},
	[PATH_DPU_UPT] = {[LOCATION_DPU] = DPU_FN_ALL},
	[PATH_BARE_METAL] = {[LOCATION_DPU] = DPU_FN_ALL},
	[PATH_HOST_DFW] = {[LOCATION_HOST] = FIREWALL, [LOCATION_DPU] = SWITCH},
	[PATH_DPU_VXLAN] = {[LOCATION_HOST] = FIREWALL | DPU_FN_DVS | DPU_FN_TRUNK, [LOCATION_DPU] = DPU_FN_VXLAN | DPU_FN_TRUNK},
};

uint32_t functions_at(enum frame_path path, enum node_location where)
{
	return sets[path][where];
}

uint32_t functions_flags(enum frame_path path, enum node_location where)
{
	if (where != LOCATION_HOST)
		return 0;
	if (path == PATH_PMD)
		return DPU_HANDOVER_TO_PMD;
	return frame_path_is_mixed(path) ? DPU_HANDOVER_UNJUDGED : 0;
}

enum node_location functions_wire(enum frame_path path)
{
	if (path == PATH_LINUX)
		return LOCATION_HOST;
	for (int where = 0; where < LOCATION_COUNT; where++)
		if (sets[path][where] & DPU_FN_VXLAN)
			return where;
	return LOCATION_DPU; /* an embedded switch */
}

enum node_location functions_place(enum frame_path path, const char *function)
{
	uint32_t bit = DPU_FN_DVS;

	if (!strcmp(function, "vxlan"))
		bit = DPU_FN_VXLAN;
	else if (!strcmp(function, "dfw") || !strcmp(function, "intercept"))
		bit = DPU_FN_DFW;
	for (int where = 0; where < LOCATION_COUNT; where++)
		if (sets[path][where] & bit)
			return where;
	return functions_wire(path);
}

enum frame_path functions_path(const struct dpu_control *host)
{
	if (!host->functions)
		return host->handover & DPU_HANDOVER_TO_PMD ? PATH_PMD : PATH_DPU_MUX;
	if (!(host->functions & DPU_FN_DVS))
		return PATH_HOST_DFW;
	return host->functions & DPU_FN_VXLAN ? PATH_HOST : PATH_DPU_VXLAN;
}
