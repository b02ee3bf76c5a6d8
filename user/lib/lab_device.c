// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "dataplane.h"
#include "device.h"
#include "pcie.h"
#include "profile.h"
#include "topology.h"

/* A path is kept whole: the stored lab is read from elsewhere. */
static char *lasting_name(const char *profile)
{
	char *whole = profile_is_path(profile) ? realpath(profile, NULL) : NULL;

	return whole ? whole : strdup(profile);
}

int lab_choose_device(struct lab *lab, size_t host, const char *profile, uint32_t scale, struct diag *diag)
{
	struct lab_host *h = &lab->hosts[host], device = *h;
	int err;

	if (!h->dpu)
		return diag_error(diag, -EINVAL, "--host names those that have", "host %s has no DPU", h->name);
	device.profile_scale = scale ? scale : h->profile_scale;
	err = profile_load(profile, &device.profile, diag);
	if (err)
		return err;
	device.profile_name = lasting_name(profile);
	if (!device.profile_name)
		err = -ENOMEM;
	else if (device_least_scale(&device) > device.profile_scale)
		err = diag_error(diag, -EINVAL, "--scale divides table and rates",
				 "the flow table of %s does not fit this machine at scale %u: %u or more is needed",
				 device.profile->name, device.profile_scale, device_least_scale(&device));
	if (!err && pcie_is_emulated(h) != pcie_is_emulated(&device))
		err = diag_error(diag, -EINVAL, "dpulab down, the profile in the lab file, then up",
				 "whether the PCIe link of %s is emulated cannot change while the lab is up, and with %s it would",
				 h->name, device.profile->name);
	if (err) {
		profile_free(device.profile);
		free(device.profile_name);
		return err;
	}
	profile_free(h->profile);
	free(h->profile_name);
	free(h->dpu2_profile_name); /* the second DPU is as the first */
	device.dpu2_profile_name = NULL;
	*h = device;
	return 0;
}

int lab_commit_device(const struct lab_session *session, size_t host, struct diag *diag)
{
	struct lab part = loaded_file_part(session->lab);
	const struct lab_host *h = &session->lab->hosts[host];
	char node[NODE_FULL_MAX], *text;
	int err = 0;

	for (unsigned dpu = 0; !err && dpu < lab_n_dpus(h); dpu++)
		err = dataplane_remove(session->lab->name, topology_dpu_of(h, dpu, node), diag);
	if (!err)
		err = config_write(&part, &text, diag);
	if (err)
		return err;
	err = state_write(session->state, STATE_LAB, text, diag);
	free(text);
	return err;
}
