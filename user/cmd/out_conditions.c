/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "out_conditions.h"

#include "out_emulated.h"
#include <sys/utsname.h>
#include <unistd.h>

static void out_pair(struct out *out, const char *key, const struct lab *lab, const struct traffic_pair *pair)
{
	out_str(out, key, "%s to %s", lab->vms[pair->from].name, lab->vms[pair->to].name);
}

void out_conditions(struct out *out, const struct lab *lab, const struct conditions *conditions)
{
	struct utsname kernel;

	uname(&kernel);
	out_object(out, "conditions");
	out_str(out, "kernel", "%s", kernel.release);
	out_uint(out, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	out_uint(out, "rounds", conditions->rounds);
	out_real(out, "steal_percent", conditions->steal_percent, 1);
	out_real(out, "seconds", conditions->seconds, 0);
	out_pair(out, "same_host", lab, conditions->same_host);
	out_pair(out, "across", lab, conditions->across);
	out_end(out);
	out_emulated(out, lab);
}
