// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * devices.c - a network namespace of our own with one veth pair per port, so
 * that ifindexes, redirects and clones in a test run mean something. It goes
 * away with the process. The native build uses the same ifindexes.
 */
#include "backend.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#define FIRST_IFINDEX 100 /* when there are no devices: native only, without root */

const __u16 device_ports[] = {
	DPU_PORT_UPLINK, DPU_PORT_PF, 16, 17, 18, 19, DPU_PORT_CHANNEL_OF(16), DPU_PORT_CHANNEL_OF(17),
};
const size_t n_device_ports = sizeof(device_ports) / sizeof(device_ports[0]);
static __u32 ifindexes[sizeof(device_ports) / sizeof(device_ports[0])];

static int make_pair(struct nl_sock *sock, const char *name, const char *peer_name)
{
	struct rtnl_link *link = rtnl_link_veth_alloc(), *peer;
	int err;

	if (!link)
		return -NLE_NOMEM;
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, name);
	rtnl_link_set_name(peer, peer_name);
	rtnl_link_set_flags(link, IFF_UP);
	rtnl_link_set_flags(peer, IFF_UP);
	err = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_put(link);
	return err;
}

int devices_create(void)
{
	struct nl_sock *sock;
	char name[IFNAMSIZ], peer[IFNAMSIZ];
	int err;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	sock = nl_socket_alloc();
	err = sock ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;
	for (size_t i = 0; !err && i < n_device_ports; i++) {
		snprintf(name, sizeof(name), "port%u", device_ports[i]);
		snprintf(peer, sizeof(peer), "peer%u", device_ports[i]);
		err = make_pair(sock, name, peer);
		ifindexes[i] = if_nametoindex(name);
	}
	nl_socket_free(sock);
	if (err)
		fprintf(stderr, "test devices: %s\n", nl_geterror(err));
	return err ? -EIO : 0;
}

__u32 devices_ifindex(__u16 port)
{
	for (size_t i = 0; i < n_device_ports; i++)
		if (device_ports[i] == port)
			return ifindexes[i] ? ifindexes[i] : FIRST_IFINDEX + i;
	return 0;
}

__u16 devices_port(__u32 ifindex)
{
	for (size_t i = 0; i < n_device_ports; i++)
		if (devices_ifindex(device_ports[i]) == ifindex)
			return device_ports[i];
	return DPU_PORT_NONE;
}
