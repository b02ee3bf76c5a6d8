/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "placement_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const function_names[SET_FUNCTIONS] = {"dvs", "vxlan", "dfw", "qos", "intercept"};
static const char *const location_names[] = {[SET_HOST] = "host", [SET_DPU] = "dpu"};

int placement_set_word(struct placement_set *set, const char *word, struct diag *diag)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : 0;

	for (unsigned i = 0; equals && i < SET_FUNCTIONS; i++) {
		if (strlen(function_names[i]) != len || strncmp(word, function_names[i], len))
			continue;
		if (set->at[i] != SET_UNSAID)
			return diag_error(diag, -EINVAL, NULL, "%s is placed twice", function_names[i]);
		if (!strcmp(equals + 1, location_names[SET_HOST]))
			set->at[i] = SET_HOST;
		else if (!strcmp(equals + 1, location_names[SET_DPU]))
			set->at[i] = SET_DPU;
		else
			return diag_error(diag, -EINVAL, NULL, "%s: a function runs at host or at dpu", word);
		return 0;
	}
	return diag_error(diag, -EINVAL, NULL, "%s: the functions are dvs, vxlan and dfw, as in dfw=host; qos and intercept go with them",
			  word);
}

/* A frame from a VM meets firewall, switch and overlay in this order, and host before DPU; one from the wire the other way round. */
static int refuse_order(const struct placement_set *set, struct diag *diag)
{
	if (set->at[SET_VXLAN] == SET_HOST && set->at[SET_DVS] == SET_DPU)
		return diag_error(diag, -EINVAL, "vxlan=dpu, or dvs=host",
				  "vxlan on the host behind dvs on the DPU: a frame would have to come back over PCIe to be encapsulated");
	if (set->at[SET_DFW] == SET_DPU && set->at[SET_DVS] == SET_HOST)
		return diag_error(diag, -EINVAL, "dfw=host, or dvs=dpu",
				  "dfw on the DPU behind dvs on the host: frames between VMs of the host would pass no firewall");
	return 0;
}

/* Where it runs is where the other one does. */
static int refuse_follower(const struct placement_set *set, enum set_function follower, enum set_function leader, const char *why,
			   struct diag *diag)
{
	char hint[48];

	if (set->at[follower] == SET_UNSAID || set->at[follower] == set->at[leader])
		return 0;
	snprintf(hint, sizeof(hint), "%s=%s, or leave it out", function_names[follower], location_names[set->at[leader]]);
	return diag_error(diag, -EINVAL, hint, "%s=%s does not go with %s=%s: %s", function_names[follower],
			  location_names[set->at[follower]], function_names[leader], location_names[set->at[leader]], why);
}

int placement_set_path(const struct placement_set *set, enum frame_path *ret_path, struct diag *diag)
{
	unsigned n_host = 0;
	int err;

	for (unsigned i = 0; i < SET_PLACED; i++) {
		if (set->at[i] == SET_UNSAID)
			return diag_error(diag, -EINVAL, NULL, "%s is not placed: name a location for each of dvs, vxlan and dfw",
					  function_names[i]);
		n_host += set->at[i] == SET_HOST;
	}
	err = refuse_order(set, diag);
	if (!err)
		err = refuse_follower(set, SET_QOS, SET_DVS,
				      "shapers, classes and their queues are part of the switch, which knows the way out", diag);
	if (!err)
		err = refuse_follower(set, SET_INTERCEPT, SET_DFW,
				      "a vNIC's chains stand before and behind its firewall, and share its connections", diag);
	if (err)
		return err;
	if (n_host == SET_PLACED)
		*ret_path = PATH_HOST;
	else if (!n_host)
		*ret_path = PATH_DPU_MUX;
	else
		*ret_path = set->at[SET_DVS] == SET_HOST ? PATH_DPU_VXLAN : PATH_HOST_DFW;
	return 0;
}

const char *placement_picture(enum frame_path path)
{
	static const char *const pictures[PATH_END] = {
		[PATH_LINUX] = "VM ==== host [bridge nftables vxlan] uplink0 ==> wire",
		[PATH_HOST] = "VM ==== host [dvs dfw vxlan] uplink0 ==> wire",
		[PATH_PMD] = "VM ==== host [redirect] -> process [dvs dfw vxlan] -> uplink0 ==> wire",
		[PATH_SRIOV] = "VM ================== NIC [mac vlan] p0 ==> wire",
		[PATH_DPU_MUX] = "VM ==== host [relay] ==PCIe== DPU [dvs dfw vxlan] p0 ==> wire",
		[PATH_DPU_UPT] = "VM ==================PCIe== DPU [dvs dfw vxlan] p0 ==> wire",
		[PATH_BARE_METAL] = "host itself ====PCIe== DPU [dvs dfw vxlan] p0 ==> wire",
		[PATH_HOST_DFW] = "VM ==== host [dfw] ==PCIe== DPU [dvs vxlan] p0 ==> wire",
		[PATH_DPU_VXLAN] = "VM ==== host [dvs dfw] ==PCIe== DPU [vxlan] p0 ==> wire",
	};

	return path < PATH_END ? pictures[path] : "";
}
