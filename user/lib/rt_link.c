/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests that change links and addresses. */
#include "rt_internal.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

static struct nl_msg *new_link_message(void)
{
	struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

	if (msg)
		nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	return msg;
}

static void put_end(struct nl_msg *msg, const struct rt_end *end)
{
	nla_put_string(msg, IFLA_IFNAME, end->name);
	nla_put(msg, IFLA_ADDRESS, sizeof(end->mac), &end->mac);
	nla_put_u32(msg, IFLA_MTU, end->mtu);
	nla_put_u32(msg, IFLA_GROUP, DPULAB_LINK_GROUP);
}

int rt_veth_add(const struct rt_end *a, const struct rt_end *b, struct diag *diag)
{
	struct ifinfomsg peer_info = {}; /* up would be ENOTCONN: the peer is made before the pair is joined */
	struct nl_msg *msg = new_link_message();
	struct nlattr *info, *data, *peer;

	if (!msg)
		return -ENOMEM;
	put_end(msg, a);
	if (a->master)
		nla_put_u32(msg, IFLA_MASTER, a->master);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	peer = nla_nest_start(msg, VETH_INFO_PEER);
	nlmsg_append(msg, &peer_info, sizeof(peer_info), NLMSG_ALIGNTO);
	put_end(msg, b);
	nla_put_u32(msg, IFLA_NET_NS_FD, b->ns->fd);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return rt_request(a->ns, msg, 0, diag, "make the wire %s to %s in %s", a->name, b->name,
			  b->ns->name);
}

int rt_bridge_add(struct netns *ns, const char *name, unsigned mtu, struct diag *diag)
{
	struct nl_msg *msg = new_link_message();
	struct nlattr *info, *data;

	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, IFLA_IFNAME, name);
	nla_put_u32(msg, IFLA_MTU, mtu);
	nla_put_u32(msg, IFLA_GROUP, DPULAB_LINK_GROUP);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "bridge");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	nla_put_u32(msg, IFLA_BR_STP_STATE, 0);
	nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0);
	nla_put_u8(msg, IFLA_BR_MCAST_SNOOPING, 0);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return rt_request(ns, msg, EEXIST, diag, "make bridge %s", name);
}

static struct nl_msg *flags_message(int ifindex, unsigned flags, unsigned mask)
{
	struct ifinfomsg info = {.ifi_index = ifindex, .ifi_flags = flags, .ifi_change = mask};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	if (msg)
		nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	return msg;
}

int rt_link_up(struct netns *ns, int ifindex, bool up, struct diag *diag)
{
	struct nl_msg *msg = flags_message(ifindex, up ? IFF_UP : 0, IFF_UP);

	return msg ? rt_request(ns, msg, 0, diag, "set device %d %s", ifindex, up ? "up" : "down") : -ENOMEM;
}

int rt_link_flags(struct netns *ns, int ifindex, unsigned flags, unsigned mask, struct diag *diag)
{
	struct nl_msg *msg = flags_message(ifindex, flags & mask, mask);

	return msg ? rt_request(ns, msg, 0, diag, "change the flags of device %d", ifindex) : -ENOMEM;
}

int rt_link_mtu(struct netns *ns, int ifindex, unsigned mtu, struct diag *diag)
{
	struct nl_msg *msg = rt_link_message(RTM_NEWLINK, 0, ifindex, NULL);

	if (msg)
		nla_put_u32(msg, IFLA_MTU, mtu);
	return rt_request(ns, msg, 0, diag, "set the MTU of device %d to %u", ifindex, mtu);
}

int rt_link_mac(struct netns *ns, int ifindex, struct dpu_mac mac, struct diag *diag)
{
	struct nl_msg *msg = rt_link_message(RTM_NEWLINK, 0, ifindex, NULL);

	if (msg)
		nla_put(msg, IFLA_ADDRESS, sizeof(mac), &mac);
	return rt_request(ns, msg, 0, diag, "set the address of device %d", ifindex);
}

int rt_link_master(struct netns *ns, int ifindex, int master, struct diag *diag)
{
	struct nl_msg *msg = rt_link_message(RTM_NEWLINK, 0, ifindex, NULL);

	if (msg)
		nla_put_u32(msg, IFLA_MASTER, master);
	return rt_request(ns, msg, 0, diag, "put device %d into bridge %d", ifindex, master);
}

int rt_link_move(struct netns *ns, int ifindex, const struct netns *to, struct diag *diag)
{
	struct ifinfomsg info = {.ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	if (!msg)
		return -ENOMEM;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put_u32(msg, IFLA_NET_NS_FD, to->fd);
	return rt_request(ns, msg, 0, diag, "move device %d to %s", ifindex, to->name);
}

int rt_link_del(struct netns *ns, int ifindex, struct diag *diag)
{
	return rt_request(ns, rt_link_message(RTM_DELLINK, 0, ifindex, NULL), ENODEV, diag,
			  "remove device %d", ifindex);
}

int rt_link_del_group(struct netns *ns, unsigned group, struct diag *diag)
{
	struct nl_msg *msg = rt_link_message(RTM_DELLINK, 0, 0, NULL);

	if (msg)
		nla_put_u32(msg, IFLA_GROUP, group);
	return rt_request(ns, msg, ENODEV, diag, "remove the devices of group %u", group);
}

static struct nl_msg *addr_message(int type, int flags, const struct rt_addr *addr)
{
	bool v4 = addr->family == 4;
	struct ifaddrmsg info = {
	    .ifa_family = v4 ? AF_INET : AF_INET6,
	    .ifa_prefixlen = addr->plen,
	    .ifa_flags = v4 ? 0 : IFA_F_NODAD,
	    .ifa_index = addr->ifindex,
	};
	const uint8_t *bytes = v4 ? &addr->addr.b[12] : addr->addr.b;
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put(msg, IFA_LOCAL, v4 ? 4 : 16, bytes);
	nla_put(msg, IFA_ADDRESS, v4 ? 4 : 16, bytes);
	return msg;
}

int rt_addr_add(struct netns *ns, const struct rt_addr *addr, struct diag *diag)
{
	return rt_request(ns, addr_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, addr), EEXIST,
			  diag, "add an IPv%u address to device %d", addr->family, addr->ifindex);
}

int rt_addr_del(struct netns *ns, const struct rt_addr *addr, struct diag *diag)
{
	return rt_request(ns, addr_message(RTM_DELADDR, 0, addr), EADDRNOTAVAIL, diag,
			  "remove an IPv%u address from device %d", addr->family, addr->ifindex);
}

/* A request about a bridge port; its attributes go between this and end_port_message(). */
static struct nl_msg *port_message(int ifindex, struct nlattr **ret_info, struct nlattr **ret_data)
{
	struct nl_msg *msg = rt_link_message(RTM_NEWLINK, 0, ifindex, NULL);

	if (!msg)
		return NULL;
	*ret_info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_SLAVE_KIND, "bridge");
	*ret_data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	return msg;
}

static void end_port_message(struct nl_msg *msg, struct nlattr *info, struct nlattr *data)
{
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
}

int rt_bridge_port_active(struct netns *ns, int ifindex, bool on, struct diag *diag)
{
	struct nlattr *info, *data;
	struct nl_msg *msg = port_message(ifindex, &info, &data);

	if (!msg)
		return -ENOMEM;
	nla_put_u8(msg, IFLA_BRPORT_LEARNING, on);
	nla_put_u8(msg, IFLA_BRPORT_UNICAST_FLOOD, on);
	nla_put_u8(msg, IFLA_BRPORT_MCAST_FLOOD, on);
	nla_put_u8(msg, IFLA_BRPORT_BCAST_FLOOD, on);
	end_port_message(msg, info, data);
	return rt_request(ns, msg, 0, diag, "set learning and flooding of bridge port %d", ifindex);
}

int rt_bridge_port_forget(struct netns *ns, int ifindex, struct diag *diag)
{
	struct nlattr *info, *data;
	struct nl_msg *msg = port_message(ifindex, &info, &data);

	if (!msg)
		return -ENOMEM;
	nla_put_flag(msg, IFLA_BRPORT_FLUSH);
	end_port_message(msg, info, data);
	return rt_request(ns, msg, 0, diag, "forget the addresses learned at bridge port %d", ifindex);
}
