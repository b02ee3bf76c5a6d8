/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rt.h - rtnetlink requests in a namespace. The only user file that opens
 * netlink sockets; one per namespace, kept in its handle.
 *
 * A request returns 0 or a negative errno and adds a sentence, with the
 * kernel's own words, to diag (which may be NULL). Between rt_batch() and
 * rt_commit() requests of a namespace are only collected and return 0; commit
 * sends them in as few system calls as possible and reports the first failure.
 * While operations are counted (op.h) a batch is sent one by one.
 */
#pragma once
#include "netns.h"
#include <dpulab/addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <stdint.h>

/* Group of every device dpulab makes (IFLA_GROUP, "ip link show group 5580"): down removes by it.
 */
#define DPULAB_LINK_GROUP 5580

struct rt_link {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[16]; /* "veth", "bridge", "" */
	struct dpu_mac mac;
	unsigned mtu;
	unsigned flags; /* IFF_UP, IFF_RUNNING ... */
	unsigned group;
	int master;	   /* ifindex of the bridge it is in; 0 = none */
	int peer;	   /* veth: ifindex of the other end, in the other end's namespace */
	int peer_nsid;	   /* veth: id of the other end's namespace, as this one counts; -1 = this one */
	unsigned xdp_prog; /* id of an attached XDP program; 0 = none */
};

struct rt_end { /* one end of a veth pair */
	struct netns *ns;
	const char *name;
	struct dpu_mac mac;
	unsigned mtu;
	int master; /* first end only: bridge it joins; 0 = none */
};

struct rt_addr {
	int ifindex;
	uint8_t family; /* 4 or 6 */
	uint8_t plen;	/* in the family's own bits */
	union dpu_ip addr;
};

/* A tc filter of a device. */
struct rt_filter {
	char kind[16];	   /* "bpf", "u32" */
	uint16_t priority; /* the lowest is asked first */
	uint16_t protocol; /* EtherType, host byte order; ETH_P_ALL */
	uint32_t handle;   /* 0: what the filters of one priority and kind hang on, is there without any, too */
	uint32_t prog_id;  /* kind bpf: of the program; else 0 */
};

/* Closes the socket of a handle; called by netns_close(). */
void rt_close(struct rt *rt);

void rt_batch(struct netns *ns);
int rt_commit(struct netns *ns, struct diag *diag);

/* ifindex, or -ENODEV. Asks the kernel each time; not recorded in diag. */
int rt_ifindex(struct netns *ns, const char *dev);
/* -ENODEV without a word in diag if there is no such device. */
int rt_link_get(struct netns *ns, const char *dev, struct rt_link *ret_link, struct diag *diag);
/* Every link of the namespace; the caller frees. */
int rt_links(struct netns *ns, struct rt_link **ret_links, size_t *ret_n, struct diag *diag);
/* ifindex of the device in such a list; 0 = it is not there. */
unsigned rt_links_find(const struct rt_link *links, size_t n, const char *dev);
int rt_addrs(struct netns *ns, struct rt_addr **ret_addrs, size_t *ret_n, struct diag *diag);
/* The id ns knows another namespace by; -1 = none (so none of its links has an end there). */
int rt_nsid(struct netns *ns, const struct netns *other, int *ret_nsid);
/* Does the device have a clsact (or ingress) qdisc? */
bool rt_has_clsact(struct netns *ns, int ifindex);
/*
 * The filters of a device's clsact qdisc, parent TC_H_MIN_INGRESS or TC_H_MIN_EGRESS; none without a qdisc.
 * The caller frees.
 */
int rt_filters(struct netns *ns, int ifindex, uint32_t parent, struct rt_filter **ret_filters, size_t *ret_n,
	       struct diag *diag);
int rt_link_stats(struct netns *ns, const char *dev, struct rtnl_link_stats64 *ret_stats,
		  struct diag *diag);

/*
 * In DPULAB_LINK_GROUP; a up, b down (the kernel does not allow otherwise). Ends may be in different
 * namespaces; the request belongs to a's.
 */
int rt_veth_add(const struct rt_end *a, const struct rt_end *b, struct diag *diag);
/* A bridge without STP and multicast snooping, up, in DPULAB_LINK_GROUP. */
int rt_bridge_add(struct netns *ns, const char *name, unsigned mtu, struct diag *diag);
int rt_link_up(struct netns *ns, int ifindex, bool up, struct diag *diag);
/* Any of the flags that a request may change: those in mask become as in flags. */
int rt_link_flags(struct netns *ns, int ifindex, unsigned flags, unsigned mask, struct diag *diag);
int rt_link_mtu(struct netns *ns, int ifindex, unsigned mtu, struct diag *diag);
int rt_link_mac(struct netns *ns, int ifindex, struct dpu_mac mac, struct diag *diag);
int rt_link_master(struct netns *ns, int ifindex, int master,
		   struct diag *diag); /* 0 = leave the bridge */
/* To another namespace, where it comes up, with the same name and maybe another ifindex: one request, so one
 * wait for the kernel's lock. */
int rt_link_move(struct netns *ns, int ifindex, const struct netns *to, struct diag *diag);
/* Gone already is success. Returns when the device is gone. */
int rt_link_del(struct netns *ns, int ifindex, struct diag *diag);
/* All devices of a group at once; none is success. */
int rt_link_del_group(struct netns *ns, unsigned group, struct diag *diag);
int rt_addr_add(struct netns *ns, const struct rt_addr *addr,
		struct diag *diag); /* nodad; there already is success */
int rt_addr_del(struct netns *ns, const struct rt_addr *addr, struct diag *diag);
/* Bridge port: learn from it and send it floods (unknown unicast, broadcast, multicast), or neither. */
int rt_bridge_port_active(struct netns *ns, int ifindex, bool on, struct diag *diag);
/* Bridge port: the addresses learned at it are forgotten. */
int rt_bridge_port_forget(struct netns *ns, int ifindex, struct diag *diag);

/*
 * Anything else: takes ownership of msg. what completes "cannot ..."; tolerate
 * is an errno that counts as success (EEXIST, ENODEV; 0 = none).
 */
int rt_request(struct netns *ns, struct nl_msg *msg, int tolerate, struct diag *diag,
	       const char *what, ...) __attribute__((format(printf, 5, 6)));

typedef int (*rt_parse_fn)(const struct nlmsghdr *header, void *arg);
/*
 * Sends a query (or a dump: NLM_F_DUMP) and parses every message of the answer.
 * Takes ownership of msg. Nothing in diag: the caller knows the words.
 */
int rt_query(struct netns *ns, struct nl_msg *msg, rt_parse_fn parse, void *arg);
