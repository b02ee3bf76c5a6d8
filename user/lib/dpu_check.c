// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "dpu_check.h"

#include <errno.h>
#include <string.h>

#include "finding.h"

#define PAIR_NAME_MAX (NODE_NAME_MAX - 2) /* without NUL: with "-dpu2" behind it, it is the name of a device */

struct checker {
	const struct config_places *places;
	struct diag *diag;
	bool failed;
};

static const char *text_or(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static void check_alone(struct checker *check, const struct lab_host *host)
{
	static const struct cpu_set none;

	if (host->n_active_uplinks || host->n_standby_uplinks)
		FINDING(check, host->n_active_uplinks ? &host->active_uplinks[0] : &host->standby_uplinks[0],
			"give it a second one with `dpu2: true`",
			"hosts.%s: active and standby uplinks are those of two DPUs, and it has no second one", host->name);
	if (memcmp(&host->dpu2_cpus, &none, sizeof(none)))
		FINDING(check, &host->dpu2_cpus, "give it one with `dpu2: true`",
			"hosts.%s.dpu2-cpus: the host has no second DPU", host->name);
	if (host->dpu2)
		FINDING(check, &host->dpu2, "`dpu: true`, or which one", "hosts.%s.dpu2: the host has no first DPU", host->name);
}

/* Active uplinks come from one DPU, standby uplinks from the other: vSphere's DpuFailoverPolicy. */
static void check_uplinks(struct checker *check, const struct lab_host *host)
{
	const uint8_t *active = host->active_uplinks, *standby = host->standby_uplinks;
	uint8_t first = host->n_active_uplinks ? active[0] : (uint8_t)UPLINK1;

	for (size_t i = 1; i < host->n_active_uplinks; i++)
		if (active[i] != first)
			FINDING(check, &active[i], "one of them is active, the other standby",
				"hosts.%s.active-uplinks: uplink1 and uplink2 are wires of different DPUs, and one DPU is active",
				host->name);
	for (size_t i = 0; i < host->n_standby_uplinks; i++)
		if (standby[i] == first)
			FINDING(check, &standby[i], first == UPLINK1 ? "standby-uplinks: [uplink2]" : "standby-uplinks: [uplink1]",
				"hosts.%s.standby-uplinks: uplink%d is the active DPU's own wire, and fails with it", host->name,
				first + 1);
}

static void check_models(struct checker *check, const struct lab_host *host)
{
	const char *profile = text_or(host->profile_name, "none"), *model = text_or(host->dpu_model, "none");

	if (host->dpu2_profile_name && strcmp(host->dpu2_profile_name, profile))
		FINDING(check, &host->dpu2_profile_name, "leave it out: the second is as the first",
			"hosts.%s.dpu2.profile: %s, but that of the first DPU is %s: two DPUs of a host are of one vendor and model",
			host->name, host->dpu2_profile_name, profile);
	if (host->dpu2_model && strcmp(host->dpu2_model, model))
		FINDING(check, &host->dpu2_model, "leave it out: the second is as the first",
			"hosts.%s.dpu2.model: %s, but that of the first DPU is %s: two DPUs of a host are of one vendor and model",
			host->name, host->dpu2_model, model);
}

/* A second switch on the machine of another host, with a DPU of its own. */
static void check_beside(struct checker *check, const struct lab *lab, const struct lab_host *host)
{
	const struct lab_host *first = &lab->hosts[host->machine];

	if (first >= host || lab_is_beside(first))
		FINDING(check, &host->machine, "name a host that stands before it, and has a machine of its own",
			"hosts.%s.machine: %s is not a host before it with a machine of its own", host->name, first->name);
	if (!host->dpu || host->dpu2 || !first->dpu || first->dpu2)
		FINDING(check, &host->machine, "`dpu: true` at each, `dpu2` at neither",
			"hosts.%s.machine: two independent switches have a DPU each, and %s", host->name,
			host->dpu2 || first->dpu2 ? "one of them has two" : "one of them has none");
	for (const struct lab_host *other = lab->hosts; other < host; other++)
		if (other->machine == host->machine)
			FINDING(check, &host->machine, NULL, "hosts.%s.machine: %s is the second switch of %s already", host->name,
				other->name, first->name);
	if (lab_bare_machine(lab, (size_t)(host - lab->hosts)) != SIZE_MAX || lab_bare_machine(lab, host->machine) != SIZE_MAX)
		FINDING(check, &host->machine, NULL, "hosts.%s.machine: a host that is itself a machine of the lab has no second switch",
			host->name);
	if (host->path == PATH_LINUX || host->path == PATH_PMD || host->path == PATH_BARE_METAL)
		FINDING(check, &host->path, "dpu-mux, dpu-upt, sriov or host", "hosts.%s: a second switch of a machine runs no %s",
			host->name, frame_path_name(host->path));
	if (strcmp(text_or(host->profile_name, ""), text_or(first->profile_name, "")) ||
	    strcmp(text_or(host->dpu_model, ""), text_or(first->dpu_model, "")))
		FINDING(check, &host->machine, "give them the same `profile` and `dpu-model`",
			"hosts.%s.machine: its DPU and that of %s differ: two DPUs of a machine are of one vendor and model", host->name,
			first->name);
	if (strlen(first->name) > PAIR_NAME_MAX)
		FINDING(check, first->name, "shorten it",
			"host '%s': with a second DPU a name has %d characters at most, because %s-dpu2 is a device's name, too",
			first->name, PAIR_NAME_MAX, first->name);
}

static void check_pair(struct checker *check, const struct lab_host *host)
{
	if (strlen(host->name) > PAIR_NAME_MAX)
		FINDING(check, host->name, "shorten it",
			"host '%s': with a second DPU a name has %d characters at most, because %s-dpu2 is a device's name, too",
			host->name, PAIR_NAME_MAX, host->name);
	check_uplinks(check, host);
	check_models(check, host);
}

int dpu_check(const struct lab *lab, const struct config_places *places, struct diag *diag)
{
	struct checker check = {.places = places, .diag = diag};

	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab_n_dpus(&lab->hosts[i]) == 2)
			check_pair(&check, &lab->hosts[i]);
		else
			check_alone(&check, &lab->hosts[i]);
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab->hosts[i].machine < lab->n_hosts)
			check_beside(&check, lab, &lab->hosts[i]);
	return check.failed ? -EINVAL : 0;
}
