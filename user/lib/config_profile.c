// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config_profile.h"
#include "config.h"
#include "config_file.h"
#include "device.h"
#include "profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is written is a path beside the lab file: whoever reads the lab from elsewhere needs the whole of it. */
static int resolve_path(const struct lab *lab, char **name)
{
	char *beside, *whole;

	if (!*name || !profile_is_path(*name))
		return 0;
	beside = config_file_beside(lab->file, *name);
	if (!beside)
		return -ENOMEM;
	whole = realpath(beside, NULL);
	free(*name);
	*name = whole ? whole : beside;
	if (whole)
		free(beside);
	return 0;
}

/* The profile's own errors have places in its file; they are passed on as they are. */
static int read_profile(struct lab *lab, struct lab_host *host, const struct config_places *places,
			struct diag *diag)
{
	struct diag found = {0};
	int err = resolve_path(lab, &host->profile_name);

	if (!err)
		err = profile_load(host->profile_name, &host->profile, &found);
	for (size_t i = 0; i < found.n; i++) {
		const struct diag_record *r = &found.records[i];

		if (r->file)
			diag_at(diag, -EINVAL, r->file, r->line, r->column, r->source, r->hint, "%s", r->message);
		else
			config_error(places, &host->profile_name, diag, r->hint, "hosts.%s.dpu.profile: %s", host->name,
				     r->message);
	}
	diag_clear(&found);
	if (!err && device_least_scale(host) > host->profile_scale) {
		char hint[48];

		snprintf(hint, sizeof(hint), "scale: %u, or more", device_least_scale(host));
		err = config_error(places, &host->profile_scale, diag, hint,
				   "hosts.%s.dpu: the flow table of %s is too large for this machine as it is", host->name,
				   host->profile->name);
	}
	return err;
}

int config_read_profiles(struct lab *lab, const struct config_places *places, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; i < lab->n_hosts; i++)
		if (resolve_path(lab, &lab->hosts[i].dpu2_profile_name))
			err = -ENOMEM;
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab->hosts[i].profile_name && read_profile(lab, &lab->hosts[i], places, diag))
			err = -EINVAL;
	return err;
}
