/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_sense.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	bool needs_dpu, ends;
	const char *not_on_linux; /* NULL: it makes sense there, too */
} drills[] = {
	[DRILL_DPU_CRASH] = {"dpu-crash", true, false, "no program runs in the DPU"},
	[DRILL_DPU_HANG] = {"dpu-hang", true, false, "no program runs in the DPU"},
	[DRILL_DPU_REBOOT] = {"dpu-reboot", true, true, "no program runs in the DPU"},
	[DRILL_PCIE_FREEZE] = {"pcie-freeze", true, true, "no frame crosses the link to the DPU"},
	[DRILL_TABLE_FULL] = {"table-full", false, true, "the connection table is the kernel's, of the whole machine"},
	[DRILL_SLOW_PATH_OVERLOAD] = {"slow-path-overload", false, true,
				      "there is no fast path beside the slow one: every frame takes the kernel's"},
	[DRILL_UPLINK_DOWN] = {"uplink-down", false, true, NULL},
	[DRILL_AGENT_KILL] = {"agent-kill", false, false, NULL},
};

const char *drill_kind_name(enum drill_kind kind)
{
	return drills[kind].name;
}

int drill_kind_parse(const char *word, enum drill_kind *ret_kind)
{
	for (int kind = 0; kind < DRILL_KINDS; kind++)
		if (!strcmp(word, drills[kind].name)) {
			*ret_kind = (enum drill_kind)kind;
			return 0;
		}
	return -EINVAL;
}

const char *drill_nonsense(const struct lab_host *host, enum drill_kind kind)
{
	if (drills[kind].needs_dpu && !host->dpu)
		return "it has no DPU";
	if (host->path == PATH_PMD || host->path == PATH_SRIOV)
		return "drills know the damage of linux, host, dpu-mux, dpu-upt and bare-metal; `dpulab place` moves it to one of them";
	return host->path == PATH_LINUX ? drills[kind].not_on_linux : NULL;
}

bool drill_breaks_dpu(enum drill_kind kind)
{
	return drills[kind].needs_dpu || kind == DRILL_UPLINK_DOWN;
}

bool drill_cause_ends(enum drill_kind kind)
{
	return drills[kind].ends;
}

const char *drill_mender_name(enum drill_mender mender)
{
	static const char *const names[] = {"-", "itself", "standby", "dpulab", "nobody"};

	return names[mender];
}
