// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* profile_table.c - the values of a device profile: one row each. */
#include "profile.h"

#include <stdio.h>
#include <string.h>

static const char *const entries[] = {"flow", "connection", NULL};
static const char *const when_full[] = {"software", "evict", "drop", NULL};
static const char *const above_rate[] = {"software", "drop", NULL};
static const char *const supports[] = {"yes", "degraded", "no", NULL};

#define COUNT(unit_, min_, max_) PROFILE_COUNT, unit_, min_, max_, NULL, false
#define DECIMAL(unit_, min_, max_) PROFILE_DECIMAL, unit_, min_, max_, NULL, false
#define WORD(words_) PROFILE_WORD, "", 0, 0, words_, false
#define SUPPORT PROFILE_SUPPORT, "", 0, 0, supports, false
#define SECURITY PROFILE_SUPPORT, "", 0, 0, supports, true

/* clang-format off */
const struct profile_row profile_keys[PROFILE_VALUES] = {
	[PROFILE_CAPACITY] = {"flow-table.capacity", COUNT("entries", 1, 1e9), true,
		"Entries of the hardware flow table."},
	[PROFILE_ENTRY] = {"flow-table.entry", WORD(entries), true,
		"What one entry, and one insertion, stands for: a flow is one direction of a connection."},
	[PROFILE_INSERTION_RATE] = {"flow-table.insertion-rate", COUNT("entries/s", 1, 1e9), true,
		"Entries the slow path can write into the table; re-evaluations after a policy change count."},
	[PROFILE_CONNECTION_RATE] = {"flow-table.connection-rate", COUNT("connections/s", 1, 1e9), true,
		"New connections that can be offloaded."},
	[PROFILE_WHEN_FULL] = {"flow-table.when-full", WORD(when_full), true,
		"What becomes of a flow that finds the table full. software: it stays on the Arm path until there is room. "
		"evict: the entry idle for longest makes room. drop: its frames are dropped."},
	[PROFILE_ABOVE_RATE] = {"flow-table.above-rate", WORD(above_rate), true,
		"The same above the insertion or connection rate: software or drop; the next frame tries again."},
	[PROFILE_IDLE_TIMEOUT] = {"flow-table.idle-timeout", DECIMAL("s", 1, 1e6), true,
		"An entry that has forwarded nothing for so long is taken out."},

	[PROFILE_ACTION_FORWARD] = {"actions.forward", SUPPORT, true, "Hardware forwards a frame as it is."},
	[PROFILE_ACTION_VLAN] = {"actions.vlan", SUPPORT, true, "Hardware pushes and pops an 802.1Q tag."},
	[PROFILE_ACTION_ENCAP] = {"actions.encap", SUPPORT, true, "Hardware puts a frame into VXLAN."},
	[PROFILE_ACTION_DECAP] = {"actions.decap", SUPPORT, true, "Hardware takes a frame out of VXLAN."},
	[PROFILE_ACTION_IPV6] = {"actions.ipv6", SUPPORT, true, "Flows of IPv6 can be offloaded."},
	[PROFILE_ACTION_TCP] = {"actions.tcp", SUPPORT, true, "Flows of TCP can be offloaded."},
	[PROFILE_ACTION_UDP] = {"actions.udp", SUPPORT, true, "Flows of UDP can be offloaded."},
	[PROFILE_ACTION_ICMP] = {"actions.icmp", SUPPORT, true, "ICMP and ICMPv6 echo can be offloaded."},
	[PROFILE_ACTION_OTHER] = {"actions.other", SUPPORT, true, "Flows of any other protocol can be offloaded."},

	[PROFILE_FN_DVS] = {"functions.dvs", SUPPORT, false, "The distributed switch runs on the device."},
	[PROFILE_FN_VXLAN] = {"functions.vxlan", SUPPORT, false, "The VXLAN overlay does."},
	[PROFILE_FN_DFW] = {"functions.dfw", SECURITY, true, "The distributed firewall does."},
	[PROFILE_FN_QOS] = {"functions.qos", SUPPORT, false, "Network I/O Control and traffic shaping do."},
	[PROFILE_FN_INTERCEPT] = {"functions.intercept", SECURITY, false, "Third-party interception at the vNIC (DV filter) does."},
	[PROFILE_FN_MIRROR] = {"functions.mirror", SUPPORT, false, "Port mirroring does."},
	[PROFILE_FN_FLOW_EXPORT] = {"functions.flow-export", SUPPORT, false, "Flow export (IPFIX, NetFlow) does."},

	[PROFILE_HAS_VLAN] = {"features.vlan", SUPPORT, false, "Port groups with a VLAN."},
	[PROFILE_HAS_MAC_LEARNING] = {"features.mac-learning", SUPPORT, false, "Forwarding database that learns."},
	[PROFILE_HAS_STATEFUL] = {"features.stateful", SECURITY, true, "Rules decide about connections; replies follow."},
	[PROFILE_HAS_REJECT] = {"features.reject", SUPPORT, false, "Rules that answer what they refuse; else it is dropped."},
	[PROFILE_HAS_LOG] = {"features.log", SECURITY, true, "Rules that log."},
	[PROFILE_HAS_CATEGORIES] = {"features.categories", SUPPORT, false, "Categories of rules, applied-to, groups."},
	[PROFILE_HAS_L2_RULES] = {"features.l2-rules", SECURITY, false, "Rules on Ethernet frames."},
	[PROFILE_HAS_FRAGMENTS] = {"features.fragments", SECURITY, false, "Later fragments follow their first; none overlaps."},
	[PROFILE_HAS_CONNECTION_LIMIT] = {"features.connection-limit", SECURITY, true, "Connections of a vNIC are limited."},
	[PROFILE_HAS_CHALLENGE] = {"features.syn-challenge", SECURITY, true, "Openers are challenged in a SYN flood."},
	[PROFILE_HAS_SPOOFGUARD] = {"features.spoofguard", SECURITY, true, "A VM cannot send from addresses that are not its own."},
	[PROFILE_HAS_STORM_LIMIT] = {"features.storm-limit", SECURITY, true, "Floods of a vNIC are limited."},
	[PROFILE_HAS_SRIOV] = {"features.sriov", SUPPORT, false, "Virtual functions passed to VMs."},
	[PROFILE_HAS_UPT] = {"features.upt", SUPPORT, false, "The vNIC ends in the device (frame path dpu-upt)."},
	[PROFILE_HAS_DUAL_DPU] = {"features.dual-dpu", SUPPORT, false, "Two devices in one host."},

	[PROFILE_MAX_RULES] = {"limits.rules", COUNT("rules", 1, 1e9), false, "Firewall rules of one vNIC."},
	[PROFILE_FRAME_RATE] = {"limits.frame-rate", COUNT("frames/s", 1, 1e12), false, "Frames the hardware path forwards at most."},
	[PROFILE_SLOWDOWN] = {"arm.slowdown", DECIMAL("x", 1, 1000), true,
		"Time the software path takes on a core of the device, over the same on a core of the host."},
	[PROFILE_CORES] = {"arm.cores", COUNT("cores", 1, 1024), false, "Cores of the device."},
	[PROFILE_FIRST_PACKET_US] = {"arm.first-packet", DECIMAL("us", 0, 1e6), false, "Latency of a flow's first packet."},
	[PROFILE_LINK_DELAY_NS] = {"link.delay", DECIMAL("ns", 0, 1e9), true, "PCIe, one way."},
	[PROFILE_LINK_JITTER] = {"link.jitter", DECIMAL("x", 1, 1000), true, "99th percentile of that delay, over its median."},
	[PROFILE_LINK_BANDWIDTH] = {"link.bandwidth", COUNT("bit/s", 1, 1e15), true, "PCIe, one way."},
	[PROFILE_HAIRPIN_BANDWIDTH] = {"hairpin.bandwidth", COUNT("bit/s", 1, 1e15), false,
		"Traffic between two VMs of one host through the device."},
};
/* clang-format on */

static const char *const confidences[CONFIDENCE_MARKS] = {
	[CONFIDENCE_CONFIRMED] = "confirmed",	[CONFIDENCE_DERIVED] = "derived",
	[CONFIDENCE_UNCONFIRMED] = "unconfirmed", [CONFIDENCE_ESTIMATE] = "estimate",
	[CONFIDENCE_CALIBRATED] = "calibrated", [CONFIDENCE_DEFINED] = "defined",
	[CONFIDENCE_NONE] = "none",
};

const char *profile_confidence_word(enum profile_confidence confidence)
{
	return confidences[confidence];
}

const char *profile_support_word(enum profile_support support)
{
	return support == SUPPORT_UNKNOWN ? "unknown" : supports[support];
}

enum profile_support profile_supports(const struct profile *profile, enum profile_key key)
{
	const struct profile_value *value = &profile->value[key];

	return value->known ? (enum profile_support)value->number : SUPPORT_UNKNOWN;
}

double profile_number(const struct profile *profile, enum profile_key key, double fallback)
{
	const struct profile_value *value = &profile->value[key];

	return value->known && !value->unlimited ? value->number : fallback;
}

const char *profile_value_text(const struct profile *profile, enum profile_key key, char *buffer)
{
	const struct profile_value *value = &profile->value[key];
	const struct profile_row *row = &profile_keys[key];

	if (!value->known)
		return "unknown";
	if (value->unlimited)
		return "unlimited";
	if (row->words)
		return row->words[(size_t)value->number];
	snprintf(buffer, PROFILE_TEXT_MAX, row->kind == PROFILE_COUNT ? "%.0f" : "%g", value->number);
	return buffer;
}

const char *profile_expected(const struct profile_row *row, char *buffer, size_t size)
{
	int used = 0;

	if (!row->words) {
		snprintf(buffer, size, "%s from %.0f to %.0f%s, or unknown",
			 row->kind == PROFILE_COUNT ? "a whole number" : "a number", row->min, row->max,
			 row->kind == PROFILE_COUNT ? ", unlimited" : "");
		return buffer;
	}
	for (size_t i = 0; row->words[i] && used >= 0 && (size_t)used < size; i++)
		used += snprintf(buffer + used, size - (size_t)used, "%s, ", row->words[i]);
	snprintf(buffer + used, size - (size_t)used, "or unknown");
	return buffer;
}
