/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_sense.h"

#include <errno.h>
#include <string.h>

#define IN_NO_WAY "no DPU and no link to one has a part in a frame's way; dpu-crash and dpu-hang break the process that has"
#define BY_MAC	  "its switch forwards each frame by its MAC address and VLAN alone: "

/* not_on_X: half a sentence, or NULL: it makes sense there, too. */
static const struct {
	const char *name, *help;
	bool needs_dpu, ends;
	const char *not_on_linux, *not_on_pmd, *not_on_sriov;
} drills[] = {
	[DRILL_DPU_CRASH] = {"dpu-crash", "the DPU's programs, tables and pins are gone at once", true, false, "no program runs in the DPU", NULL, NULL},
	[DRILL_DPU_HANG] = {"dpu-hang", "the DPU takes frames and does nothing, carriers up", true, false, "no program runs in the DPU", NULL, NULL},
	[DRILL_DPU_REBOOT] = {"dpu-reboot", "a crash, its devices down, then up with nothing loaded", true, true, "no program runs in the DPU", IN_NO_WAY, NULL},
	[DRILL_PCIE_FREEZE] = {"pcie-freeze", "the link between host and DPU carries nothing", true, true, "no frame crosses the link to the DPU", IN_NO_WAY, NULL},
	[DRILL_TABLE_FULL] = {"table-full", "one VM opens connections until its vNIC may have no more", false, true, "the connection table is the kernel's, of the whole machine", NULL,
			      BY_MAC "it has no connection table"},
	[DRILL_SLOW_PATH_OVERLOAD] = {"slow-path-overload", "one VM sends frames that never hit the flow cache", false, true,
				      "there is no fast path beside the slow one: every frame takes the kernel's", NULL,
				      BY_MAC "none takes a slower path than others"},
	[DRILL_UPLINK_DOWN] = {"uplink-down", "the wire loses its carrier", false, true, NULL, NULL, NULL},
	[DRILL_AGENT_KILL] = {"agent-kill", "kill -9 of every dpulab process of the lab, one of them while it moves the host", false, false, NULL, NULL, NULL},
};

const char *drill_kind_name(enum drill_kind kind)
{
	return drills[kind].name;
}

const char *drill_kind_help(enum drill_kind kind)
{
	return drills[kind].help;
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
	switch (host->path) {
	case PATH_PMD: /* its process is what breaks, with a DPU or without */
		return drills[kind].not_on_pmd;
	case PATH_SRIOV:
		return drills[kind].not_on_sriov;
	case PATH_LINUX:
		return drills[kind].needs_dpu && !host->dpu ? "it has no DPU" : drills[kind].not_on_linux;
	default:
		return drills[kind].needs_dpu && !host->dpu ? "it has no DPU" : NULL;
	}
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
