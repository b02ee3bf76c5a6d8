/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "foreign_proof.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "ethtool.h"
#include "foreign.h"
#include "mapio.h"
#include "rt.h"
#include "sysfs.h"
#include "tcpprobe.h"
#include "topology.h"

/* The port that exists only during a proof. */
#define PROBE_PORT DPU_PORT_VNIC_MAX

static const struct dpu_mac probe_mac = {{0x02, 0xdb, 0x1a, 0xb0, 0x00, 0x01}};

/* ---- the far end of a veth ---------------------------------------------- */

static bool find_far_end(struct netns *ns, const struct rt_link *link, struct rt_link *ret_far)
{
	struct rt_link *links;
	bool found = false;
	size_t n;

	if (rt_links(ns, &links, &n, NULL))
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		found = links[i].ifindex == link->peer;
		if (found)
			*ret_far = links[i];
	}
	free(links);
	return found;
}

/* The namespace the far end is in, if it is the caller's own or has a name; else NULL. */
static struct netns *open_far_namespace(struct netns *own, const struct rt_link *link)
{
	struct netns *found = NULL;
	struct dirent *entry;
	DIR *dir;
	int nsid;

	if (link->peer_nsid < 0)
		return netns_open_own(&found, NULL) ? NULL : found;
	dir = opendir(NETNS_DIR);
	while (dir && !found && (entry = readdir(dir))) {
		if (*entry->d_name == '.' || netns_open(entry->d_name, &found, NULL))
			continue;
		if (!rt_nsid(own, found, &nsid) && nsid == link->peer_nsid)
			break;
		netns_close(found);
		found = NULL;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* ---- the port beside it ------------------------------------------------- */

struct proof {
	const struct location *relay;
	const struct port_dev *dev;
	struct rt_link link;
	struct dpu_port entry; /* of the interface, as it is outside of the proof */
	struct tcp_probe_end probe; /* our own far end */
	struct netns *own;
	char near[IFNAMSIZ], far[IFNAMSIZ]; /* devices of the probe */
};

static int put_port(const struct proof *proof, uint32_t number, const struct dpu_port *entry,
		    struct diag *diag)
{
	const struct dataplane *dp = proof->relay->dp;
	int err = mapio_put(dp, MAP_ports, &number, entry, diag);

	if (!err && entry->ifindex)
		err = mapio_put(dp, MAP_redirect, &number, &entry->ifindex, diag);
	if (!err && entry->ifindex)
		err = mapio_put(dp, MAP_port_by_ifindex, &entry->ifindex, &number, diag);
	return err;
}

/* The interface is joined to the probe instead of the patch. */
static int join_probe(struct proof *proof, struct diag *diag)
{
	struct dpu_port entry = proof->entry;
	int ifindex = rt_ifindex(proof->own, proof->near), err;

	if (ifindex < 0)
		return ifindex;
	entry.flags = DPU_PORT_F_XDP;
	entry.relay_to = PROBE_PORT;
	err = put_port(proof, FOREIGN_PORT, &entry, diag);
	entry.ifindex = (uint32_t)ifindex;
	entry.relay_to = FOREIGN_PORT;
	return err ? err : put_port(proof, PROBE_PORT, &entry, diag);
}

/* No port can be called that: port names are lower-case. */
static void probe_names(const char *lab, char near[static IFNAMSIZ], char far[static IFNAMSIZ])
{
	topology_patch(lab, "P0", near);
	topology_patch(lab, "P1", far);
}

int foreign_forget_proof(struct netns *ns, const char *lab, struct diag *diag)
{
	char near[IFNAMSIZ], far[IFNAMSIZ];
	struct rt_link link;

	probe_names(lab, near, far);
	if (rt_link_get(ns, near, &link, NULL) || link.group != DPULAB_LINK_GROUP)
		return 0;
	return rt_link_del(ns, link.ifindex, diag);
}

static int proof_begin(struct proof *proof, struct diag *diag)
{
	struct netns *ns = proof->own;
	struct rt_end a = {.ns = ns, .name = proof->near, .mtu = 1500,
			   .mac = {{0x02, 0xdb, 0x1a, 0xb0, 0x00, 0x00}}};
	struct rt_end b = {.ns = ns, .name = proof->far, .mac = probe_mac, .mtu = 1500};
	int err = foreign_forget_proof(ns, proof->relay->lab->name, diag);

	if (!err)
		err = rt_veth_add(&a, &b, diag);
	if (!err)
		err = rt_link_up(ns, rt_ifindex(ns, proof->far), true, diag);
	if (!err)
		err = ethtool_set(ns, proof->near, ETHTOOL_GRO, true, diag);
	if (!err)
		err = ethtool_set(ns, proof->far, ETHTOOL_GRO, true, diag);
	if (!err)
		err = ethtool_set(ns, proof->far, ETHTOOL_TX_CSUM, false, diag);
	if (!err)
		err = attach_prog(proof->relay->dp, DATAPLANE_TC, proof->near, diag);
	if (!err)
		err = attach_prog(proof->relay->dp, DATAPLANE_XDP, proof->near, diag);
	return err ? err : join_probe(proof, diag);
}

static int proof_end(struct proof *proof, struct diag *diag)
{
	static const struct dpu_port none;
	struct netns *ns = proof->own;
	int ifindex = rt_ifindex(ns, proof->near), err;
	uint32_t nothing = DPU_PORT_NONE, index = (uint32_t)ifindex;

	err = put_port(proof, PROBE_PORT, &none, diag);
	if (!err)
		err = put_port(proof, FOREIGN_PORT, &proof->entry, diag);
	if (err || ifindex < 0)
		return err;
	mapio_put(proof->relay->dp, MAP_port_by_ifindex, &index, &nothing, diag);
	detach_prog(proof->relay->dp, DATAPLANE_XDP, proof->near, diag);
	detach_prog(proof->relay->dp, DATAPLANE_TC, proof->near, diag);
	return rt_link_del(ns, ifindex, diag);
}

/* ---- trying ------------------------------------------------------------- */

/* From the far end to our own, and back. */
static int try_both_ways(struct proof *proof, struct netns *ns, const struct rt_link *far, char *why,
			 size_t why_size)
{
	struct tcp_probe_end end = {.ns = ns, .dev = far->name, .mac = far->mac};
	int result = tcp_probe(&end, &proof->probe);

	if (result == TCP_PROBE_BAD_CHECKSUM)
		snprintf(why, why_size,
			 "TCP would hang: its far end %s leaves checksums to the device, and XDP cannot finish them",
			 far->name);
	else if (result != TCP_PROBE_PASSED)
		snprintf(why, why_size, "nothing arrived from its far end %s", far->name);
	if (result != TCP_PROBE_PASSED)
		return result;
	result = tcp_probe(&proof->probe, &end);
	if (result != TCP_PROBE_PASSED)
		snprintf(why, why_size, "its far end %s takes no redirected frames (GRO is off there)", far->name);
	return result;
}

static int try_far_end(struct proof *proof, enum foreign_proof *ret_proof, char *why, size_t why_size,
		       struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = open_far_namespace(proof->own, &proof->link);
	struct rt_link far;
	int err, end, result = TCP_PROBE_LOST;

	if (!ns || !find_far_end(ns, &proof->link, &far)) {
		snprintf(why, why_size, "its far end cannot be found");
		return 0;
	}
	err = proof_begin(proof, diag);
	if (!err)
		result = try_both_ways(proof, ns, &far, why, why_size);
	end = proof_end(proof, diag);
	*ret_proof = result == TCP_PROBE_PASSED ? PROOF_PASSES : PROOF_FAILS;
	if (result == TCP_PROBE_PASSED)
		snprintf(why, why_size, "TCP passes both ways, tried with its far end");
	return err ? err : end;
}

/* A reader without virtio headers gives and takes frames as they are on a wire. Nobody reads: nobody knows. */
static void ask_tap(const struct proof *proof, enum foreign_proof *ret_proof, char *why, size_t why_size)
{
	char path[64], text[32];
	unsigned flags;

	snprintf(path, sizeof(path), "class/net/%s/tun_flags", proof->dev->dev);
	if (sysfs_read(proof->own, path, text, sizeof(text)) || sscanf(text, "%x", &flags) != 1)
		snprintf(why, why_size, "its flags cannot be read");
	else if (!(proof->link.flags & IFF_RUNNING))
		snprintf(why, why_size, "no program has the tap open");
	else if (flags & IFF_VNET_HDR)
		snprintf(why, why_size, "its reader uses virtio headers and may leave checksums to the device");
	else {
		snprintf(why, why_size, "its reader uses no virtio headers, so its frames carry finished checksums");
		*ret_proof = PROOF_PASSES;
	}
}

bool foreign_can_try(const struct location *relay)
{
	struct rt_link link;

	return !rt_link_get(relay->ns, location_port(relay, FOREIGN_PORT)->dev, &link, NULL) &&
	       !strcmp(link.kind, "veth");
}

int foreign_prove_tcp(const struct location *relay, enum foreign_proof *ret_proof, char *ret_why,
		      size_t why_size, struct diag *diag)
{
	struct proof proof = {.relay = relay, .own = relay->ns, .dev = location_port(relay, FOREIGN_PORT)};
	int err = rt_link_get(relay->ns, proof.dev->dev, &proof.link, diag);

	*ret_proof = PROOF_NONE;
	probe_names(relay->lab->name, proof.near, proof.far);
	proof.probe = (struct tcp_probe_end){.ns = proof.own, .dev = proof.far, .mac = probe_mac};
	if (!err)
		err = mapio_get_range(relay->dp, MAP_ports, FOREIGN_PORT, 1, &proof.entry, diag);
	if (err)
		return err;
	if (!strcmp(proof.link.kind, "veth"))
		return try_far_end(&proof, ret_proof, ret_why, why_size, diag);
	if (!strcmp(proof.link.kind, "tun"))
		ask_tap(&proof, ret_proof, ret_why, why_size);
	else
		snprintf(ret_why, why_size, "nobody here can make its far end open a TCP connection");
	return 0;
}
