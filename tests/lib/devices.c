// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * devices.c - a network namespace of our own with one veth pair per port, so
 * that ifindexes, redirects and clones in a test run mean something. It goes
 * away with the process. The native build uses the same ifindexes.
 */
#include "backend.h"
#include "fixture.h"
#include "rt.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>

#define FIRST_IFINDEX 100 /* when there are no devices: native only, without root */

const __u16 device_ports[] = {
	DPU_PORT_UPLINK, DPU_PORT_PF, 16, 17, 18, 19, DPU_PORT_CHANNEL_OF(16), DPU_PORT_CHANNEL_OF(17),
};
const size_t n_device_ports = sizeof(device_ports) / sizeof(device_ports[0]);
static __u32 ifindexes[sizeof(device_ports) / sizeof(device_ports[0])];

static int make_pair(struct netns *ns, size_t i, struct diag *diag)
{
	char name[IFNAMSIZ], peer[IFNAMSIZ];
	struct rt_end a = {.ns = ns, .name = name, .mtu = UNDERLAY_MTU, .mac = {{2, 0, 0, 1, 0, i}}};
	struct rt_end b = {.ns = ns, .name = peer, .mtu = UNDERLAY_MTU, .mac = {{2, 0, 0, 2, 0, i}}};
	int err;

	snprintf(name, sizeof(name), "port%u", device_ports[i]);
	snprintf(peer, sizeof(peer), "peer%u", device_ports[i]);
	err = rt_veth_add(&a, &b, diag);
	ifindexes[i] = if_nametoindex(name);
	return err ? err : rt_link_up(ns, if_nametoindex(peer), true, diag);
}

int devices_create(void)
{
	struct diag diag = {0};
	struct netns *ns = NULL;
	int err;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	err = netns_open_own(&ns, &diag);
	for (size_t i = 0; !err && i < n_device_ports; i++)
		err = make_pair(ns, i, &diag);
	if (diag.n)
		fprintf(stderr, "test devices: %s\n", diag.records[0].message);
	netns_close(ns);
	diag_clear(&diag);
	return err;
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
