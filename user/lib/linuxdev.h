/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * linuxdev.h - the netlink requests of frame path "linux" that nobody else
 * needs: bridge with netfilter, vxlan, 802.1Q device, head-end replication list,
 * policy routing. Each makes what is missing and corrects what differs.
 */
#pragma once
#include "linuxpath.h"
#include "rt.h"

/* A bridge whose frames pass netfilter's IPv4 and IPv6 hooks. Down when it is new. */
int linuxdev_bridge(struct netns *ns, const char *name, unsigned ageing_s, int *ret_ifindex,
		    struct diag *diag);
/* A learning vxlan device from `local`; bound to no device, so that the kernel's path MTU check and not the device's MTU decides. */
int linuxdev_vxlan(struct netns *ns, const char *name, uint32_t vni, const union dpu_ip *local,
		   unsigned ageing_s, int *ret_ifindex, struct diag *diag);
/* -EOPNOTSUPP where the kernel has no 802.1Q devices. */
int linuxdev_vlan(struct netns *ns, const char *name, const char *lower, uint16_t vlan,
		  int *ret_ifindex, struct diag *diag);
/* The vxlan device floods to exactly these endpoints. */
int linuxdev_flood_list(struct netns *ns, int vxlan, const union dpu_ip *endpoints, size_t n,
			struct diag *diag);
/*
 * What the host itself answers into a segment (ICMP errors of a reject) leaves
 * by that segment's bridge: the reply carries the frame's mark, and the mark's
 * segment part chooses a table whose only route is the bridge.
 */
int linuxdev_answer_route(struct netns *ns, uint16_t segment, int bridge,
			  const struct rt_addr *source, struct diag *diag);
int linuxdev_answer_rules_remove(struct netns *ns, struct diag *diag);
/* Every tracked connection of the namespace: it is a host's own, nobody else tracks there. */
int linuxdev_forget_connections(struct netns *ns, struct diag *diag);
