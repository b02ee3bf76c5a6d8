// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device.h"
#include "profile.h"

#include <string.h>

#define BURST_NS   50000000ull /* covers a stall of the sender's or this machine's */
#define SLOTS_MAX  2097152u    /* 400 MB of tables */
#define SLOTS_OF(flows) (3.0 * (flows))
#define NS_PER_S   1e9
#define IDLE_S	   120 /* where a device's ageing is unknown: what a policy change has cut off must leave at last */

static const struct {
	enum profile_key key;
	uint32_t action;
} actions[] = {
	{PROFILE_ACTION_FORWARD, DPU_ASIC_FORWARD}, {PROFILE_ACTION_VLAN, DPU_ASIC_TAG},
	{PROFILE_ACTION_ENCAP, DPU_ASIC_ENCAP},	    {PROFILE_ACTION_DECAP, DPU_ASIC_DECAP},
	{PROFILE_ACTION_IPV6, DPU_ASIC_IP6},	    {PROFILE_ACTION_TCP, DPU_ASIC_TCP},
	{PROFILE_ACTION_UDP, DPU_ASIC_UDP},	    {PROFILE_ACTION_ICMP, DPU_ASIC_ICMP},
	{PROFILE_ACTION_OTHER, DPU_ASIC_OTHER},
};

static double scale_of(const struct lab_host *host)
{
	return host->profile_scale ? host->profile_scale : 1;
}

/* Flows that one entry of the device's count stands for. */
static double flows_of_entry(const struct lab_host *host)
{
	return profile_number(host->profile, PROFILE_ENTRY, ENTRY_FLOW) == (double)ENTRY_CONNECTION ? 2 : 1;
}

/* Flows the table takes, scaled, at least 1; 0 = no limit. */
static double flow_capacity(const struct lab_host *host)
{
	double entries = profile_number(host->profile, PROFILE_CAPACITY, 0), flows;

	if (!entries)
		return 0;
	flows = (double)(uint64_t)(entries / scale_of(host)) * flows_of_entry(host);
	return flows < 1 ? flows_of_entry(host) : flows;
}

/* Time between two events of a rate, 2^-6 ns; 0 = no limit. */
static uint64_t interval_of(const struct lab_host *host, enum profile_key key, double flows)
{
	double rate = profile_number(host->profile, key, 0);

	return rate > 0 ? (uint64_t)(NS_PER_S * (1 << DPU_ASIC_TIME_SHIFT) * scale_of(host) / (rate * flows) + 0.5) : 0;
}

static uint32_t supported_actions(const struct profile *profile)
{
	uint32_t mask = DPU_ASIC_ALL;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (profile_supports(profile, actions[i].key) == SUPPORT_NO)
			mask &= ~actions[i].action;
	return mask;
}

static uint32_t arm_factor(const struct profile *profile)
{
	return (uint32_t)(profile_number(profile, PROFILE_SLOWDOWN, 1) * DPU_ARM_FACTOR_ONE + 0.5);
}

void device_limits(const struct lab_host *host, struct dpu_asic *ret_device)
{
	static const uint8_t full[] = {
		[WHEN_FULL_SOFTWARE] = DPU_ASIC_FULL_SOFTWARE,
		[WHEN_FULL_EVICT] = DPU_ASIC_FULL_EVICT,
		[WHEN_FULL_DROP] = DPU_ASIC_FULL_DROP,
	};
	const struct profile *profile = host->profile;
	struct dpu_asic device = {0};

	device.capacity = (uint32_t)flow_capacity(host);
	device.entry_flows = (uint8_t)flows_of_entry(host);
	device.insertion_interval = interval_of(host, PROFILE_INSERTION_RATE, flows_of_entry(host));
	device.connection_interval = interval_of(host, PROFILE_CONNECTION_RATE, 1);
	device.burst = BURST_NS << DPU_ASIC_TIME_SHIFT;
	device.idle = (uint32_t)(profile_number(profile, PROFILE_IDLE_TIMEOUT, IDLE_S) * NS_PER_S / (1 << 20));
	device.actions = supported_actions(profile);
	device.when_full = full[(size_t)profile_number(profile, PROFILE_WHEN_FULL, WHEN_FULL_SOFTWARE)];
	device.drop_above_rate = profile_number(profile, PROFILE_ABOVE_RATE, ABOVE_RATE_SOFTWARE) == (double)ABOVE_RATE_DROP;
	device.arm_factor = arm_factor(profile);
	*ret_device = device;
}

uint32_t device_emulates(const struct lab_host *host)
{
	struct dpu_asic device;
	uint32_t emulate = 0;

	const struct profile *profile = host->profile;

	if (!profile)
		return 0;
	device_limits(host, &device);
	if (device.capacity || device.insertion_interval || device.connection_interval || profile->value[PROFILE_IDLE_TIMEOUT].known ||
	    device.actions != DPU_ASIC_ALL)
		emulate |= DPU_EMULATE_ASIC;
	if (device.arm_factor > DPU_ARM_FACTOR_ONE)
		emulate |= DPU_EMULATE_ARM;
	return emulate;
}

uint32_t device_flow_slots(const struct lab *lab, const struct lab_host *host)
{
	double flows = host->profile ? flow_capacity(host) : 0;
	uint32_t slots = 64;

	if (!flows)
		return lab->flows;
	while (slots < SLOTS_OF(flows) && slots < SLOTS_MAX)
		slots <<= 1;
	return slots;
}

uint32_t device_least_scale(const struct lab_host *host)
{
	double entries = host->profile ? profile_number(host->profile, PROFILE_CAPACITY, 0) : 0;
	double scale = SLOTS_OF(entries * (host->profile ? flows_of_entry(host) : 1)) / SLOTS_MAX;

	return scale <= 1 ? 1 : (uint32_t)scale + ((double)(uint32_t)scale < scale);
}

/* Neither the feature nor its function may be missing. */
static bool is_lost(const struct profile *profile, enum profile_key feature, enum profile_key function)
{
	return profile_supports(profile, feature) == SUPPORT_NO || profile_supports(profile, function) == SUPPORT_NO;
}

void device_restrict_port(const struct lab_host *host, struct dpu_port *port)
{
	const struct profile *profile = host->profile;

	if (!profile)
		return;
	if (is_lost(profile, PROFILE_HAS_STATEFUL, PROFILE_FN_DFW))
		port->flags &= (uint8_t)~DPU_PORT_F_DFW;
	if (is_lost(profile, PROFILE_HAS_SPOOFGUARD, PROFILE_FN_DVS))
		port->guard = DPU_GUARD_OFF;
	if (is_lost(profile, PROFILE_HAS_STORM_LIMIT, PROFILE_FN_DVS))
		port->storm_pps = 0;
	if (is_lost(profile, PROFILE_HAS_CONNECTION_LIMIT, PROFILE_FN_DFW))
		port->max_connections = 0;
	if (is_lost(profile, PROFILE_HAS_CHALLENGE, PROFILE_FN_DFW))
		port->max_half_open = 0;
}

bool device_logs(const struct lab_host *host)
{
	return !host->profile || !is_lost(host->profile, PROFILE_HAS_LOG, PROFILE_FN_DFW);
}
