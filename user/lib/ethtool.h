/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ethtool.h - offload settings and driver counters of a device in a namespace. */
#pragma once
#include "netns.h"
#include <stdint.h>

enum ethtool_feature {
	ETHTOOL_GRO,
	ETHTOOL_TX_CSUM, /* all of tx checksumming */
	ETHTOOL_TSO,
	ETHTOOL_TX_VLAN,
	ETHTOOL_RX_VLAN, /* tags are taken out of received frames */
	ETHTOOL_FEATURES,
};

const char *ethtool_feature_name(enum ethtool_feature feature); /* as ethtool -k prints it */
/* 1 on, 0 off, or a negative errno. */
int ethtool_get(struct netns *ns, const char *dev, enum ethtool_feature feature);
/* Sets and reads back; -EIO if the device kept the old value. Already so: nothing is changed. */
int ethtool_set(struct netns *ns, const char *dev, enum ethtool_feature feature, bool on,
		struct diag *diag);
/* Sum of the driver counters whose name ends in suffix ("_drops" for full veth rings); 0 if it has
 * none. */
int ethtool_stat_sum(struct netns *ns, const char *dev, const char *suffix, uint64_t *ret_sum);
/* Driver name ("veth"); the buffer holds 32. */
int ethtool_driver(struct netns *ns, const char *dev, char *buffer);
