/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is there: links, addresses, counters. */
#include "rt_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

struct nl_msg *rt_link_message(int type, int flags, int ifindex, const char *name)
{
	struct ifinfomsg info = {.ifi_index = ifindex};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	if (name)
		nla_put_string(msg, IFLA_IFNAME, name);
	return msg;
}

static void copy_string(char *to, size_t size, const struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(to, attr, size);
}

static uint32_t u32_or_0(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int parse_link(const struct nlmsghdr *header, void *arg)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	struct nlattr *tb[IFLA_MAX + 1], *nested[IFLA_INFO_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	struct rt_link *link = arg;

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), tb, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	*link = (struct rt_link){.ifindex = info->ifi_index, .flags = info->ifi_flags};
	copy_string(link->name, sizeof(link->name), tb[IFLA_IFNAME]);
	link->mtu = u32_or_0(tb[IFLA_MTU]);
	link->group = u32_or_0(tb[IFLA_GROUP]);
	link->master = u32_or_0(tb[IFLA_MASTER]);
	link->peer = u32_or_0(tb[IFLA_LINK]);
	link->peer_nsid = tb[IFLA_LINK_NETNSID] ? (int)nla_get_u32(tb[IFLA_LINK_NETNSID]) : -1;
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(link->mac))
		memcpy(&link->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(link->mac));
	if (tb[IFLA_LINKINFO] && !nla_parse_nested(nested, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL))
		copy_string(link->kind, sizeof(link->kind), nested[IFLA_INFO_KIND]);
	if (tb[IFLA_XDP] && !nla_parse_nested(xdp, IFLA_XDP_MAX, tb[IFLA_XDP], NULL))
		link->xdp_prog = u32_or_0(xdp[IFLA_XDP_PROG_ID]);
	return 0;
}

int rt_link_get(struct netns *ns, const char *dev, struct rt_link *ret_link, struct diag *diag)
{
	struct nl_msg *msg = rt_link_message(RTM_GETLINK, 0, 0, dev);
	struct rt_link link;
	int err = msg ? rt_query(ns, msg, parse_link, &link) : -ENOMEM;

	if (err == -ENODEV)
		return err;
	if (err)
		return diag_error(diag, err, NULL, "cannot look up %s in %s: %s", dev, ns->name,
				  strerror(-err));
	*ret_link = link;
	return 0;
}

static int parse_nsid(const struct nlmsghdr *header, void *arg)
{
	struct nlattr *tb[NETNSA_MAX + 1];

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(struct rtgenmsg), tb, NETNSA_MAX, NULL) < 0 ||
	    !tb[NETNSA_NSID])
		return -EBADMSG;
	*(int *)arg = (int)nla_get_u32(tb[NETNSA_NSID]);
	return 0;
}

int rt_nsid(struct netns *ns, const struct netns *other, int *ret_nsid)
{
	struct rtgenmsg request = {.rtgen_family = AF_UNSPEC};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNSID, 0);

	if (!msg)
		return -ENOMEM;
	nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO);
	nla_put_u32(msg, NETNSA_FD, (uint32_t)other->fd);
	return rt_query(ns, msg, parse_nsid, ret_nsid);
}

struct clsact_query {
	int ifindex;
	bool found;
};

/* A device has one qdisc at this parent: clsact, or ingress, which is the older half of it. */
static int parse_qdisc(const struct nlmsghdr *header, void *arg)
{
	const struct tcmsg *info = NLMSG_DATA(header);
	struct clsact_query *query = arg;

	query->found |= info->tcm_ifindex == query->ifindex && info->tcm_parent == TC_H_CLSACT;
	return 0;
}

bool rt_has_clsact(struct netns *ns, int ifindex)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETQDISC, NLM_F_DUMP);
	struct tcmsg info = {.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex};
	struct clsact_query query = {.ifindex = ifindex};

	if (!msg)
		return false;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	rt_query(ns, msg, parse_qdisc, &query);
	return query.found;
}

int rt_ifindex(struct netns *ns, const char *dev)
{
	struct rt_link link;
	int err = rt_link_get(ns, dev, &link, NULL);

	return err ? err : link.ifindex;
}

struct list { /* of whatever a dump gives */
	char *items;
	size_t size, n;
	rt_parse_fn parse;
};

static int append(const struct nlmsghdr *header, void *arg)
{
	struct list *list = arg;
	char *grown = reallocarray(list->items, list->n + 1, list->size);
	int err;

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	err = list->parse(header, grown + list->n * list->size);
	if (err == -EAGAIN) /* not one of ours: skip */
		return 0;
	if (!err)
		list->n++;
	return err;
}

static int dump(struct netns *ns, struct nl_msg *msg, struct list *list, const char *what,
		struct diag *diag)
{
	int err = msg ? rt_query(ns, msg, append, list) : -ENOMEM;

	if (!err)
		return 0;
	free(list->items);
	return diag_error(diag, err, NULL, "cannot list the %s of %s: %s", what, ns->name,
			  strerror(-err));
}

int rt_links(struct netns *ns, struct rt_link **ret_links, size_t *ret_n, struct diag *diag)
{
	struct list list = {.size = sizeof(struct rt_link), .parse = parse_link};
	int err = dump(ns, rt_link_message(RTM_GETLINK, NLM_F_DUMP, 0, NULL), &list, "links", diag);

	if (err)
		return err;
	*ret_links = (struct rt_link *)list.items;
	*ret_n = list.n;
	return 0;
}

unsigned rt_links_find(const struct rt_link *links, size_t n, const char *dev)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(links[i].name, dev))
			return (unsigned)links[i].ifindex;
	return 0;
}

static int parse_addr(const struct nlmsghdr *header, void *arg)
{
	const struct ifaddrmsg *info = NLMSG_DATA(header);
	struct nlattr *tb[IFA_MAX + 1], *which;
	struct rt_addr *addr = arg;

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), tb, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	which = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!which || (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return -EAGAIN;
	*addr = (struct rt_addr){.ifindex = info->ifa_index, .plen = info->ifa_prefixlen};
	if (info->ifa_family == AF_INET) {
		addr->family = 4;
		addr->addr.b[10] = addr->addr.b[11] = 0xff;
		memcpy(&addr->addr.b[12], nla_data(which), 4);
	} else {
		addr->family = 6;
		memcpy(&addr->addr, nla_data(which), 16);
	}
	return 0;
}

int rt_addrs(struct netns *ns, struct rt_addr **ret_addrs, size_t *ret_n, struct diag *diag)
{
	struct list list = {.size = sizeof(struct rt_addr), .parse = parse_addr};
	struct ifaddrmsg info = {.ifa_family = AF_UNSPEC};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	int err;

	if (msg)
		nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	err = dump(ns, msg, &list, "addresses", diag);
	if (err)
		return err;
	*ret_addrs = (struct rt_addr *)list.items;
	*ret_n = list.n;
	return 0;
}

static int parse_filter(const struct nlmsghdr *header, void *arg)
{
	const struct tcmsg *info = NLMSG_DATA(header);
	struct nlattr *tb[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
	struct rt_filter *filter = arg;

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), tb, TCA_MAX, NULL) < 0)
		return -EBADMSG;
	*filter = (struct rt_filter){.handle = info->tcm_handle,
				     .priority = TC_H_MAJ(info->tcm_info) >> 16,
				     .protocol = ntohs(TC_H_MIN(info->tcm_info))};
	copy_string(filter->kind, sizeof(filter->kind), tb[TCA_KIND]);
	if (!strcmp(filter->kind, "bpf") && tb[TCA_OPTIONS] &&
	    !nla_parse_nested(bpf, TCA_BPF_MAX, tb[TCA_OPTIONS], NULL))
		filter->prog_id = u32_or_0(bpf[TCA_BPF_ID]);
	return 0;
}

int rt_filters(struct netns *ns, int ifindex, uint32_t parent, struct rt_filter **ret_filters, size_t *ret_n,
	       struct diag *diag)
{
	struct tcmsg info = {.tcm_family = AF_UNSPEC,
			     .tcm_ifindex = ifindex,
			     .tcm_parent = TC_H_MAKE(TC_H_CLSACT, parent)};
	struct list list = {.size = sizeof(struct rt_filter), .parse = parse_filter};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETTFILTER, NLM_F_DUMP);
	int err;

	if (msg)
		nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	err = dump(ns, msg, &list, "filters", diag);
	if (err)
		return err;
	*ret_filters = (struct rt_filter *)list.items;
	*ret_n = list.n;
	return 0;
}

static int parse_stats(const struct nlmsghdr *header, void *arg)
{
	struct nlattr *stats =
	    nlmsg_find_attr((struct nlmsghdr *)header, sizeof(struct ifinfomsg), IFLA_STATS64);
	struct rtnl_link_stats64 *out = arg;

	if (!stats)
		return -ENODATA;
	/* an older kernel has fewer fields */
	memset(out, 0, sizeof(*out));
	nla_memcpy(out, stats, sizeof(*out));
	return 0;
}

int rt_link_stats(struct netns *ns, const char *dev, struct rtnl_link_stats64 *ret_stats,
		  struct diag *diag)
{
	struct nl_msg *msg = rt_link_message(RTM_GETLINK, 0, 0, dev);
	struct rtnl_link_stats64 stats;
	int err = msg ? rt_query(ns, msg, parse_stats, &stats) : -ENOMEM;

	if (err)
		return diag_error(diag, err, NULL, "cannot read the counters of %s in %s: %s", dev,
				  ns->name, strerror(-err));
	*ret_stats = stats;
	return 0;
}
