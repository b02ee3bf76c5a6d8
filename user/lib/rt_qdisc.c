// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rt_qdisc.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

static struct nl_msg *tc_message(int type, int flags, int ifindex, uint32_t handle, uint32_t parent, const char *kind)
{
	struct tcmsg tc = {.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_handle = handle, .tcm_parent = parent};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	nlmsg_append(msg, &tc, sizeof(tc), NLMSG_ALIGNTO);
	if (kind)
		nla_put_string(msg, TCA_KIND, kind);
	return msg;
}

/* 64 bits travel in an attribute of their own where 32 do not hold them; a link layer that is known needs no rate table. */
static struct tc_ratespec ratespec(uint64_t rate)
{
	return (struct tc_ratespec){
		.linklayer = TC_LINKLAYER_ETHERNET,
		.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate,
	};
}

int rt_tbf_set(struct netns *ns, int ifindex, const struct rt_tbf *tbf, struct diag *diag)
{
	struct nl_msg *msg = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, RT_ROOT_HANDLE, TC_H_ROOT, "tbf");
	struct tc_tbf_qopt opt = {.rate = ratespec(tbf->rate), .limit = tbf->limit};
	struct nlattr *options;

	if (!msg)
		return -ENOMEM;
	if (tbf->peak)
		opt.peakrate = ratespec(tbf->peak);
	options = nla_nest_start(msg, TCA_OPTIONS);
	nla_put(msg, TCA_TBF_PARMS, sizeof(opt), &opt);
	nla_put_u32(msg, TCA_TBF_BURST, tbf->burst);
	if (tbf->rate > UINT32_MAX)
		nla_put_u64(msg, TCA_TBF_RATE64, tbf->rate);
	if (tbf->peak) {
		nla_put_u32(msg, TCA_TBF_PBURST, tbf->peak_burst);
		if (tbf->peak > UINT32_MAX)
			nla_put_u64(msg, TCA_TBF_PRATE64, tbf->peak);
	}
	nla_nest_end(msg, options);
	return rt_request(ns, msg, 0, diag, "set the queue of device %d in %s to %llu bytes/s", ifindex, ns->name,
			  (unsigned long long)tbf->rate);
}

/* ---- what is there ------------------------------------------------------------ */

struct found {
	int ifindex;
	bool classes;
	struct rt_queue *list;
	size_t n, room;
};

static void read_stats(struct nlattr *stats, struct rt_queue *queue)
{
	struct nlattr *tb[TCA_STATS_MAX + 1];
	struct gnet_stats_basic basic = {};
	struct gnet_stats_queue waiting = {};

	if (!stats || nla_parse_nested(tb, TCA_STATS_MAX, stats, NULL) < 0)
		return;
	if (tb[TCA_STATS_BASIC])
		nla_memcpy(&basic, tb[TCA_STATS_BASIC], sizeof(basic));
	if (tb[TCA_STATS_QUEUE])
		nla_memcpy(&waiting, tb[TCA_STATS_QUEUE], sizeof(waiting));
	queue->bytes = basic.bytes;
	queue->packets = basic.packets;
	if (tb[TCA_STATS_PKT64])
		queue->packets = nla_get_u64(tb[TCA_STATS_PKT64]);
	queue->drops = waiting.drops;
	queue->backlog = waiting.backlog;
	queue->overlimits = waiting.overlimits;
}

static int take_queue(const struct nlmsghdr *header, void *arg)
{
	struct nlattr *tb[TCA_MAX + 1];
	struct found *found = arg;
	const struct tcmsg *tc = nlmsg_data(header);
	struct rt_queue queue = {};

	if (tc->tcm_ifindex != found->ifindex || TC_H_MAJ(tc->tcm_handle) != RT_ROOT_HANDLE || found->n == found->room)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*tc), tb, TCA_MAX, NULL) < 0 || !tb[TCA_KIND])
		return 0;
	snprintf(queue.kind, sizeof(queue.kind), "%s", nla_get_string(tb[TCA_KIND]));
	queue.handle = tc->tcm_handle;
	queue.parent = tc->tcm_parent;
	read_stats(tb[TCA_STATS2], &queue);
	found->list[found->n++] = queue;
	return 0;
}

int rt_qdisc_get(struct netns *ns, int ifindex, struct rt_queue *ret_queue)
{
	struct found found = {.ifindex = ifindex, .list = ret_queue, .room = 1};
	struct nl_msg *msg = tc_message(RTM_GETQDISC, NLM_F_DUMP, ifindex, 0, 0, NULL);
	int err = msg ? rt_query(ns, msg, take_queue, &found) : -ENOMEM;

	if (err)
		return err;
	return found.n ? 0 : -ENOENT;
}

int rt_qdisc_del(struct netns *ns, int ifindex, struct diag *diag)
{
	struct rt_queue queue;
	struct nl_msg *msg;
	int err = rt_qdisc_get(ns, ifindex, &queue);

	if (err)
		return err == -ENOENT ? 0 : err;
	msg = tc_message(RTM_DELQDISC, 0, ifindex, RT_ROOT_HANDLE, TC_H_ROOT, NULL);
	if (!msg)
		return -ENOMEM;
	return rt_request(ns, msg, ENOENT, diag, "remove the queue of device %d in %s", ifindex, ns->name);
}
