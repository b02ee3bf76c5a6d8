// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rt_qdisc.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EMPTY_POLL_NS 2000000
#define EMPTY_POLLS   100

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

/* ---- classes -------------------------------------------------------------------- */

#define HTB_VERSION 3
#define TICK_NS	    64 /* PSCHED_SHIFT of every kernel since 2.6.31 */

int rt_htb_set(struct netns *ns, int ifindex, struct diag *diag)
{
	struct tc_htb_glob glob = {.version = HTB_VERSION, .rate2quantum = 10};
	struct rt_queue queue;
	struct nlattr *options;
	struct nl_msg *msg;
	int err = rt_qdisc_get(ns, ifindex, &queue);

	if (!err && !strcmp(queue.kind, "htb"))
		return 0;
	if (err && err != -ENOENT)
		return err;
	msg = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, RT_ROOT_HANDLE, TC_H_ROOT, "htb");
	if (!msg)
		return -ENOMEM;
	options = nla_nest_start(msg, TCA_OPTIONS);
	nla_put(msg, TCA_HTB_INIT, sizeof(glob), &glob);
	nla_nest_end(msg, options);
	return rt_request(ns, msg, 0, diag, "share out the queue of device %d in %s", ifindex, ns->name);
}

/* The queue of a class: bytes, not frames, as GSO frames are forty times as large as others. */
static int set_leaf(struct netns *ns, int ifindex, const struct rt_htb_class *class, struct diag *diag)
{
	struct nl_msg *msg = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, class->id << 16, class->id, "bfifo");
	struct tc_fifo_qopt opt = {.limit = class->limit};

	if (!msg)
		return -ENOMEM;
	nla_put(msg, TCA_OPTIONS, sizeof(opt), &opt);
	return rt_request(ns, msg, 0, diag, "set the queue of class %x in %s", class->id & 0xffff, ns->name);
}

int rt_htb_class_set(struct netns *ns, int ifindex, const struct rt_htb_class *class, struct diag *diag)
{
	struct nl_msg *msg = tc_message(RTM_NEWTCLASS, NLM_F_CREATE, ifindex, class->id, class->parent, "htb");
	struct tc_htb_opt opt = {
		.rate = ratespec(class->rate),
		.ceil = ratespec(class->ceil),
		.buffer = class->burst_ns / TICK_NS,
		.cbuffer = class->burst_ns / TICK_NS,
		.quantum = class->quantum,
	};
	struct nlattr *options;
	int err;

	if (!msg)
		return -ENOMEM;
	options = nla_nest_start(msg, TCA_OPTIONS);
	nla_put(msg, TCA_HTB_PARMS, sizeof(opt), &opt);
	if (class->rate > UINT32_MAX)
		nla_put_u64(msg, TCA_HTB_RATE64, class->rate);
	if (class->ceil > UINT32_MAX)
		nla_put_u64(msg, TCA_HTB_CEIL64, class->ceil);
	nla_nest_end(msg, options);
	err = rt_request(ns, msg, 0, diag, "set class %x in %s to %llu bytes/s", class->id & 0xffff, ns->name,
			 (unsigned long long)class->rate);
	return err || !class->limit ? err : set_leaf(ns, ifindex, class, diag);
}

int rt_htb_class_del(struct netns *ns, int ifindex, uint32_t id, struct diag *diag)
{
	struct nl_msg *msg = tc_message(RTM_DELTCLASS, 0, ifindex, id, 0, NULL);

	return msg ? rt_request(ns, msg, ENOENT, diag, "remove class %x in %s", id & 0xffff, ns->name) : -ENOMEM;
}

/* ---- what is there ------------------------------------------------------------ */

struct found {
	int ifindex;
	struct rt_queue *list;
	size_t n, room;
	bool grows; /* list is allocated */
};

/* A place for one more; NULL: there is none. */
static struct rt_queue *add_found(struct found *found)
{
	struct rt_queue *grown;

	if (found->n == found->room && found->grows) {
		grown = reallocarray(found->list, 2 * found->room + 16, sizeof(*grown));
		if (!grown)
			return NULL;
		found->list = grown;
		found->room = 2 * found->room + 16;
	}
	return found->n < found->room ? &found->list[found->n++] : NULL;
}

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
	struct rt_queue queue = {}, *place;

	if (tc->tcm_ifindex != found->ifindex || TC_H_MAJ(tc->tcm_handle) != RT_ROOT_HANDLE)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*tc), tb, TCA_MAX, NULL) < 0 || !tb[TCA_KIND])
		return 0;
	snprintf(queue.kind, sizeof(queue.kind), "%s", nla_get_string(tb[TCA_KIND]));
	queue.handle = tc->tcm_handle;
	queue.parent = tc->tcm_parent;
	read_stats(tb[TCA_STATS2], &queue);
	place = add_found(found);
	if (place)
		*place = queue;
	return place || !found->grows ? 0 : -ENOMEM;
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

int rt_htb_classes(struct netns *ns, int ifindex, struct rt_queue **ret_list, size_t *ret_n)
{
	struct found found = {.ifindex = ifindex, .grows = true};
	struct nl_msg *msg = tc_message(RTM_GETTCLASS, NLM_F_DUMP, ifindex, 0, 0, NULL);
	int err = msg ? rt_query(ns, msg, take_queue, &found) : -ENOMEM;

	if (err) {
		free(found.list);
		return err;
	}
	*ret_list = found.list;
	*ret_n = found.n;
	return 0;
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

/* ---- draining -------------------------------------------------------------- */

static uint32_t backlog_of_class(struct netns *ns, int ifindex, uint32_t id)
{
	struct rt_queue *found;
	uint32_t backlog = 0;
	size_t n;

	if (rt_htb_classes(ns, ifindex, &found, &n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (found[i].handle == id)
			backlog = found[i].backlog;
	free(found);
	return backlog;
}

static uint32_t backlog_of(struct netns *ns, int ifindex, uint32_t id)
{
	struct rt_queue queue;

	if (id)
		return backlog_of_class(ns, ifindex, id);
	return rt_qdisc_get(ns, ifindex, &queue) ? 0 : queue.backlog;
}

void rt_htb_class_drain(struct netns *ns, int ifindex, uint32_t id)
{
	const struct timespec pause = {.tv_nsec = EMPTY_POLL_NS};

	for (int i = 0; i < EMPTY_POLLS && backlog_of(ns, ifindex, id); i++)
		nanosleep(&pause, NULL);
}

void rt_qdisc_drain(struct netns *ns, int ifindex)
{
	rt_htb_class_drain(ns, ifindex, 0);
}
