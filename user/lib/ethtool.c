/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "ethtool.h"
#include "op.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The one-value commands; VLAN acceleration is a bit of a flag word. */
static const struct {
	const char *name;
	uint32_t get, set, flag;
} features[ETHTOOL_FEATURES] = {
    [ETHTOOL_GRO] = {"generic-receive-offload", ETHTOOL_GGRO, ETHTOOL_SGRO, 0},
    [ETHTOOL_TX_CSUM] = {"tx-checksumming", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, 0},
    [ETHTOOL_TSO] = {"tcp-segmentation-offload", ETHTOOL_GTSO, ETHTOOL_STSO, 0},
    [ETHTOOL_TX_VLAN] = {"tx-vlan-offload", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_TXVLAN},
    [ETHTOOL_RX_VLAN] = {"rx-vlan-offload", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_RXVLAN},
};

const char *ethtool_feature_name(enum ethtool_feature feature)
{
	return features[feature].name;
}

static int call(struct netns *ns, const char *dev, void *data)
{
	struct ifreq request = {.ifr_data = data};

	if (ns->ioctl_fd < 0) {
		int fd = netns_socket(ns, AF_INET, SOCK_DGRAM, 0);

		if (fd < 0)
			return fd;
		ns->ioctl_fd = fd;
	}
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", dev);
	return ioctl(ns->ioctl_fd, SIOCETHTOOL, &request) ? -errno : 0;
}

static int get_word(struct netns *ns, const char *dev, enum ethtool_feature feature, uint32_t *ret)
{
	struct ethtool_value value = {.cmd = features[feature].get};
	int err = call(ns, dev, &value);

	if (!err)
		*ret = value.data;
	return err;
}

int ethtool_get(struct netns *ns, const char *dev, enum ethtool_feature feature)
{
	uint32_t flag = features[feature].flag, word;
	int err = get_word(ns, dev, feature, &word);

	return err ? err : (flag ? word & flag : word) != 0;
}

static int set_word(struct netns *ns, const char *dev, enum ethtool_feature feature, bool on)
{
	struct ethtool_value value = {.cmd = features[feature].set, .data = on};
	uint32_t flag = features[feature].flag, word;
	int err;

	if (flag) {
		err = get_word(ns, dev, feature, &word);
		if (err)
			return err;
		value.data = on ? word | flag : word & ~flag;
	}
	return call(ns, dev, &value);
}

int ethtool_set(struct netns *ns, const char *dev, enum ethtool_feature feature, bool on,
		struct diag *diag)
{
	int now = ethtool_get(ns, dev, feature), err;

	if (now == on)
		return 0;
	err = now < 0 ? now : set_word(ns, dev, feature, on);
	if (!err) {
		op_done();
		err = ethtool_get(ns, dev, feature) == on ? 0 : -EIO;
	}
	if (err)
		return diag_error(diag, err, NULL, "cannot switch %s %s at %s in %s: %s",
				  features[feature].name, on ? "on" : "off", dev, ns->name,
				  err == -EIO ? "the device kept its setting" : strerror(-err));
	return 0;
}

static int counter_count(struct netns *ns, const char *dev)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} sset = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_STATS}};
	int err = call(ns, dev, &sset);

	return err ? err : sset.info.sset_mask ? (int)sset.count : 0;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t name_len = strnlen(name, ETH_GSTRING_LEN), len = strlen(suffix);

	return name_len >= len && !memcmp(name + name_len - len, suffix, len);
}

int ethtool_stat_sum(struct netns *ns, const char *dev, const char *suffix, uint64_t *ret_sum)
{
	int n = counter_count(ns, dev), err;
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	uint64_t sum = 0;

	if (n < 0)
		return n;
	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + (size_t)n * sizeof(uint64_t));
	err = names && values ? 0 : -ENOMEM;
	if (!err && n) {
		*names = (struct ethtool_gstrings){ETHTOOL_GSTRINGS, ETH_SS_STATS, n};
		*values = (struct ethtool_stats){ETHTOOL_GSTATS, n};
		err = call(ns, dev, names);
		if (!err)
			err = call(ns, dev, values);
	}
	for (int i = 0; !err && i < n; i++)
		if (ends_with((char *)names->data + i * ETH_GSTRING_LEN, suffix))
			sum += values->data[i];
	free(names);
	free(values);
	if (!err)
		*ret_sum = sum;
	return err;
}

int ethtool_driver(struct netns *ns, const char *dev, char *buffer)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int err = call(ns, dev, &info);

	if (!err)
		snprintf(buffer, sizeof(info.driver), "%s", info.driver);
	return err;
}
