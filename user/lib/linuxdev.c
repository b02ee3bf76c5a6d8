/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "linuxdev.h"
#include "nft.h"
#include "op.h"
#include "rt_internal.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUNNEL_PRIORITY	   5579 /* of the policy rules here: before "main", tunnel frames first */
#define ANSWER_PRIORITY	   5580
#define ANSWER_TABLE(segment) (55800u + (segment))
#define VXLAN_MTU	   65485 /* largest a vxlan device takes */
#define CENTISECONDS	   100

/* ---- links ---------------------------------------------------------------- */

/* A device of a kind; data() adds the kind's attributes, `created` says whether it may add those that cannot change. */
struct device {
	const char *name, *kind;
	unsigned mtu;
	int lower;
	int tolerate; /* errno that the caller words himself */
	void (*data)(struct nl_msg *msg, const void *arg, bool created);
	const void *arg;
};

static int device_set(struct netns *ns, const struct device *device, int *ret_ifindex,
		      struct diag *diag)
{
	int ifindex = rt_ifindex(ns, device->name);
	bool created = ifindex < 0;
	/* before 6.3 a name beside the ifindex is a renaming, refused while the device is up */
	struct nl_msg *msg = created ? rt_link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, device->name)
				     : rt_link_message(RTM_NEWLINK, 0, ifindex, NULL);
	struct nlattr *info, *data;
	int err;

	if (!msg)
		return -ENOMEM;
	nla_put_u32(msg, IFLA_GROUP, DPULAB_LINK_GROUP);
	if (created && device->mtu)
		nla_put_u32(msg, IFLA_MTU, device->mtu);
	if (created && device->lower)
		nla_put_u32(msg, IFLA_LINK, device->lower);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, device->kind);
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	device->data(msg, device->arg, created);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	err = rt_request(ns, msg, device->tolerate, diag, "make the %s device %s",
			 device->kind, device->name);
	if (err)
		return err;
	if (created)
		ifindex = rt_ifindex(ns, device->name);
	if (ifindex < 0)
		return device->tolerate ? -device->tolerate : ifindex;
	*ret_ifindex = ifindex;
	return 0;
}

static void bridge_data(struct nl_msg *msg, const void *arg, bool created)
{
	const unsigned *ageing_s = arg;

	(void)created;
	nla_put_u32(msg, IFLA_BR_AGEING_TIME, *ageing_s * CENTISECONDS);
	nla_put_u32(msg, IFLA_BR_STP_STATE, 0);
	nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0);
	nla_put_u8(msg, IFLA_BR_MCAST_SNOOPING, 0);
	nla_put_u8(msg, IFLA_BR_NF_CALL_IPTABLES, 1);
	nla_put_u8(msg, IFLA_BR_NF_CALL_IP6TABLES, 1);
}

int linuxdev_bridge(struct netns *ns, const char *name, unsigned ageing_s, int *ret_ifindex,
		    struct diag *diag)
{
	struct device device = {
		.name = name, .kind = "bridge", .data = bridge_data, .arg = &ageing_s};

	return device_set(ns, &device, ret_ifindex, diag);
}

struct vxlan {
	uint32_t vni;
	const union dpu_ip *local;
	unsigned ageing_s;
};

static void vxlan_data(struct nl_msg *msg, const void *arg, bool created)
{
	const struct vxlan *vxlan = arg;

	nla_put(msg, IFLA_VXLAN_LOCAL, 4, &vxlan->local->w[3]);
	nla_put_u32(msg, IFLA_VXLAN_AGEING, vxlan->ageing_s);
	if (!created)
		return;
	nla_put_u32(msg, IFLA_VXLAN_ID, vxlan->vni);
	nla_put_u16(msg, IFLA_VXLAN_PORT, htons(DPU_VXLAN_PORT));
	nla_put_u8(msg, IFLA_VXLAN_LEARNING, 1);
	nla_put_u8(msg, IFLA_VXLAN_UDP_CSUM, 0); /* RFC 7348 section 5: should be zero */
}

int linuxdev_vxlan(struct netns *ns, const char *name, uint32_t vni, const union dpu_ip *local,
		   unsigned ageing_s, int *ret_ifindex, struct diag *diag)
{
	struct vxlan vxlan = {vni, local, ageing_s};
	struct device device = {.name = name,
				.kind = "vxlan",
				.mtu = VXLAN_MTU,
				.data = vxlan_data,
				.arg = &vxlan};

	return device_set(ns, &device, ret_ifindex, diag);
}

static void vlan_data(struct nl_msg *msg, const void *arg, bool created)
{
	(void)created; /* the kernel wants it with every change, and changes nothing */
	nla_put_u16(msg, IFLA_VLAN_ID, *(const uint16_t *)arg);
}

int linuxdev_vlan(struct netns *ns, const char *name, const char *lower, uint16_t vlan,
		  int *ret_ifindex, struct diag *diag)
{
	struct device device = {.name = name,
				.kind = "vlan",
				.lower = rt_ifindex(ns, lower),
				.tolerate = EOPNOTSUPP,
				.data = vlan_data,
				.arg = &vlan};

	if (device.lower < 0)
		return diag_error(diag, device.lower, NULL, "there is no %s in %s", lower, ns->name);
	return device_set(ns, &device, ret_ifindex, diag);
}

/* ---- head-end replication -------------------------------------------------- */

struct flood_list {
	int vxlan;
	__be32 *endpoints;
	size_t n;
};

static const uint8_t zero_mac[6];

static int parse_flood(const struct nlmsghdr *header, void *arg)
{
	const struct ndmsg *info = NLMSG_DATA(header);
	struct nlattr *tb[NDA_MAX + 1];
	struct flood_list *list = arg;
	__be32 *grown;

	if (info->ndm_ifindex != list->vxlan)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), tb, NDA_MAX, NULL) < 0)
		return -EBADMSG;
	if (!tb[NDA_LLADDR] || nla_memcmp(tb[NDA_LLADDR], zero_mac, 6) || !tb[NDA_DST] ||
	    nla_len(tb[NDA_DST]) != 4)
		return 0;
	grown = reallocarray(list->endpoints, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->endpoints = grown;
	memcpy(&list->endpoints[list->n++], nla_data(tb[NDA_DST]), 4);
	return 0;
}

static int flood_list_get(struct netns *ns, struct flood_list *list, struct diag *diag)
{
	struct ifinfomsg info = {.ifi_family = AF_BRIDGE};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
	int err;

	if (!msg)
		return -ENOMEM;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	err = rt_query(ns, msg, parse_flood, list);
	if (err)
		diag_error(diag, err, NULL, "cannot list the tunnel endpoints in %s: %s", ns->name,
			   strerror(-err));
	return err;
}

static int flood_change(struct netns *ns, int type, int vxlan, __be32 endpoint, struct diag *diag)
{
	struct ndmsg info = {.ndm_family = AF_BRIDGE,
			     .ndm_ifindex = vxlan,
			     .ndm_state = NUD_NOARP | NUD_PERMANENT,
			     .ndm_flags = NTF_SELF};
	bool add = type == RTM_NEWNEIGH;
	struct nl_msg *msg = nlmsg_alloc_simple(type, add ? NLM_F_CREATE | NLM_F_APPEND : 0);

	if (!msg)
		return -ENOMEM;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put(msg, NDA_LLADDR, 6, zero_mac);
	nla_put(msg, NDA_DST, 4, &endpoint);
	return rt_request(ns, msg, add ? EEXIST : ENOENT, diag, "%s a tunnel endpoint",
			  add ? "add" : "remove");
}

static bool listed(const struct flood_list *list, __be32 endpoint)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->endpoints[i] == endpoint)
			return true;
	return false;
}

static bool wanted(const union dpu_ip *endpoints, size_t n, __be32 endpoint)
{
	for (size_t i = 0; i < n; i++)
		if (endpoints[i].w[3] == endpoint)
			return true;
	return false;
}

int linuxdev_flood_list(struct netns *ns, int vxlan, const union dpu_ip *endpoints, size_t n,
			struct diag *diag)
{
	struct flood_list list = {.vxlan = vxlan};
	int err = flood_list_get(ns, &list, diag);

	for (size_t i = 0; !err && i < list.n; i++)
		if (!wanted(endpoints, n, list.endpoints[i]))
			err = flood_change(ns, RTM_DELNEIGH, vxlan, list.endpoints[i], diag);
	for (size_t i = 0; !err && i < n; i++)
		if (!listed(&list, endpoints[i].w[3]))
			err = flood_change(ns, RTM_NEWNEIGH, vxlan, endpoints[i].w[3], diag);
	free(list.endpoints);
	return err;
}

/* ---- answers of the host itself ---------------------------------------------- */

static struct nl_msg *rule_message(int type, int flags, int family, unsigned priority)
{
	struct fib_rule_hdr info = {.family = family, .action = FR_ACT_TO_TBL};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put_u32(msg, FRA_PRIORITY, priority);
	return msg;
}

/* An answer keeps its mark in the tunnel; the tunnel frame itself must take the underlay. */
static int tunnel_rule(struct netns *ns, struct diag *diag)
{
	struct fib_rule_port_range ports = {DPU_VXLAN_PORT, DPU_VXLAN_PORT};
	struct nl_msg *msg =
		rule_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, AF_INET, TUNNEL_PRIORITY);

	if (!msg)
		return -ENOMEM;
	nla_put_u8(msg, FRA_IP_PROTO, IPPROTO_UDP);
	nla_put(msg, FRA_DPORT_RANGE, sizeof(ports), &ports);
	nla_put_u32(msg, FRA_TABLE, RT_TABLE_MAIN);
	return rt_request(ns, msg, EEXIST, diag, "route the tunnels' frames");
}

static int answer_rule(struct netns *ns, int family, uint16_t segment, struct diag *diag)
{
	struct nl_msg *msg =
		rule_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family, ANSWER_PRIORITY);

	if (!msg)
		return -ENOMEM;
	nla_put_u32(msg, FRA_FWMARK, NFT_ANSWER_MARK(segment));
	nla_put_u32(msg, FRA_FWMASK, NFT_ANSWER_MASK);
	nla_put_u32(msg, FRA_TABLE, ANSWER_TABLE(segment));
	return rt_request(ns, msg, EEXIST, diag, "route the answers of segment %u", segment);
}

static int answer_default(struct netns *ns, int family, uint16_t segment, int bridge,
			  const struct rt_addr *source, struct diag *diag)
{
	struct rtmsg info = {
		.rtm_family = family,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);

	if (!msg)
		return -ENOMEM;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put_u32(msg, RTA_TABLE, ANSWER_TABLE(segment));
	nla_put_u32(msg, RTA_OIF, bridge);
	if (family == AF_INET)
		nla_put(msg, RTA_PREFSRC, 4, &source->addr.w[3]);
	return rt_request(ns, msg, EEXIST, diag, "route the answers of segment %u", segment);
}

int linuxdev_answer_route(struct netns *ns, uint16_t segment, int bridge,
			  const struct rt_addr *source, struct diag *diag)
{
	static const int families[] = {AF_INET, AF_INET6};
	int err = tunnel_rule(ns, diag);

	for (size_t i = 0; !err && i < 2; i++) {
		err = answer_default(ns, families[i], segment, bridge, source, diag);
		if (!err)
			err = answer_rule(ns, families[i], segment, diag);
	}
	return err;
}

/* The kernel removes one rule of a priority at a time. */
static int remove_rules_of(struct netns *ns, int family, unsigned priority, struct diag *diag)
{
	int err;

	do
		err = rt_request(ns, rule_message(RTM_DELRULE, 0, family, priority), 0, NULL,
				 "remove a rule");
	while (!err);
	if (err == -ENOENT)
		return 0;
	return diag_error(diag, err, NULL, "cannot remove the routing rules in %s: %s", ns->name,
			  strerror(-err));
}

int linuxdev_answer_rules_remove(struct netns *ns, struct diag *diag)
{
	int err = remove_rules_of(ns, AF_INET, ANSWER_PRIORITY, diag);

	if (!err)
		err = remove_rules_of(ns, AF_INET6, ANSWER_PRIORITY, diag);
	if (!err)
		err = remove_rules_of(ns, AF_INET, TUNNEL_PRIORITY, diag);
	return err;
}

/* ---- conntrack ------------------------------------------------------------------ */

int linuxdev_forget_connections(struct netns *ns, struct diag *diag)
{
	struct nfgenmsg info = {.nfgen_family = AF_UNSPEC};
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
						NLM_F_REQUEST | NLM_F_ACK);
	char ack[256];
	int fd, err = 0;

	if (!msg)
		return -ENOMEM;
	fd = netns_socket(ns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (fd < 0) {
		nlmsg_free(msg);
		return fd == -EPROTONOSUPPORT ? 0 : fd; /* a kernel without conntrack remembers nothing */
	}
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	/* waiting for the answer: the flush is done when it comes */
	if (send(fd, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) < 0 ||
	    recv(fd, ack, sizeof(ack), 0) < 0)
		err = diag_error(diag, -errno, NULL, "cannot forget the connections of %s: %s",
				 ns->name, strerror(errno));
	else
		op_done();
	nlmsg_free(msg);
	close(fd);
	return err;
}
