/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "foreign_proof.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "ethtool.h"
#include "mapio.h"
#include "rt.h"
#include "tcpprobe.h"

#define PROBE_FAR "dpulabprobe1"

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
	const struct location *location;
	const struct port_dev *port;
	struct rt_link link;
	struct dpu_port entry;	     /* of the port, as it is outside of the proof */
	struct tcp_probe_end probe;  /* our own far end */
	struct netns *own;
};

static int put_fdb(const struct proof *proof, const struct dpu_mac *mac, uint16_t port, struct diag *diag)
{
	struct dpu_fdb_key key = {.segment = proof->entry.segment};
	struct dpu_fdb entry = {.port = port, .flags = DPU_FDB_F_STATIC};

	memcpy(key.mac, mac->b, sizeof(key.mac));
	return mapio_put(proof->location->dp, MAP_fdb, &key, &entry, diag);
}

static void forget_fdb(const struct proof *proof, const struct dpu_mac *mac)
{
	struct dpu_fdb_key key = {.segment = proof->entry.segment};

	memcpy(key.mac, mac->b, sizeof(key.mac));
	mapio_delete(proof->location->dp, MAP_fdb, &key, NULL);
}

static int put_port(const struct proof *proof, uint32_t number, const struct dpu_port *entry,
		    struct diag *diag)
{
	const struct dataplane *dp = proof->location->dp;
	int err = mapio_put(dp, MAP_ports, &number, entry, diag);

	if (!err && entry->ifindex)
		err = mapio_put(dp, MAP_redirect, &number, &entry->ifindex, diag);
	if (!err && entry->ifindex)
		err = mapio_put(dp, MAP_port_by_ifindex, &entry->ifindex, &number, diag);
	mapio_bump(dp, DPU_GEN_OF_PORT(number));
	return err;
}

/* The firewall is not what is being tried: off at both ports meanwhile. */
static int open_ports(struct proof *proof, struct diag *diag)
{
	struct dpu_port entry = proof->entry;
	int ifindex = rt_ifindex(proof->own, FOREIGN_PROBE_DEV), err;

	if (ifindex < 0)
		return ifindex;
	entry.flags = DPU_PORT_F_XDP;
	err = put_port(proof, proof->port->port, &entry, diag);
	entry.ifindex = (uint32_t)ifindex;
	entry.gen_slot = DPU_GEN_OF_PORT(FOREIGN_PROBE_PORT);
	if (!err)
		err = put_port(proof, FOREIGN_PROBE_PORT, &entry, diag);
	return err ? err : put_fdb(proof, &probe_mac, FOREIGN_PROBE_PORT, diag);
}

static int proof_begin(struct proof *proof, struct diag *diag)
{
	struct netns *ns = proof->own;
	struct rt_end a = {.ns = ns, .name = FOREIGN_PROBE_DEV, .mtu = 1500,
			   .mac = {{0x02, 0xdb, 0x1a, 0xb0, 0x00, 0x00}}};
	struct rt_end b = {.ns = ns, .name = PROBE_FAR, .mac = probe_mac, .mtu = 1500};
	int err = rt_veth_add(&a, &b, diag);

	if (!err)
		err = rt_link_up(ns, rt_ifindex(ns, PROBE_FAR), true, diag);
	if (!err)
		err = ethtool_set(ns, FOREIGN_PROBE_DEV, ETHTOOL_GRO, true, diag);
	if (!err)
		err = ethtool_set(ns, PROBE_FAR, ETHTOOL_GRO, true, diag);
	if (!err)
		err = ethtool_set(ns, PROBE_FAR, ETHTOOL_TX_CSUM, false, diag);
	if (!err)
		err = attach_prog(proof->location->dp, DATAPLANE_TC, FOREIGN_PROBE_DEV, diag);
	if (!err)
		err = attach_prog(proof->location->dp, DATAPLANE_XDP, FOREIGN_PROBE_DEV, diag);
	return err ? err : open_ports(proof, diag);
}

static int proof_end(struct proof *proof, struct diag *diag)
{
	static const struct dpu_port none;
	struct netns *ns = proof->own;
	int ifindex = rt_ifindex(ns, FOREIGN_PROBE_DEV), err;
	uint32_t nothing = DPU_PORT_NONE, index = (uint32_t)ifindex;

	forget_fdb(proof, &probe_mac);
	err = put_port(proof, FOREIGN_PROBE_PORT, &none, diag);
	if (!err)
		err = put_port(proof, proof->port->port, &proof->entry, diag);
	if (err || ifindex < 0)
		return err;
	mapio_put(proof->location->dp, MAP_port_by_ifindex, &index, &nothing, diag);
	detach_prog(proof->location->dp, DATAPLANE_XDP, FOREIGN_PROBE_DEV, diag);
	detach_prog(proof->location->dp, DATAPLANE_TC, FOREIGN_PROBE_DEV, diag);
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
	result = put_fdb(proof, &far->mac, proof->port->port, NULL);
	if (!result)
		result = tcp_probe(&proof->probe, &end);
	forget_fdb(proof, &far->mac);
	if (result != TCP_PROBE_PASSED)
		snprintf(why, why_size, "its far end %s takes no redirected frames (GRO is off there)", far->name);
	return result;
}

static int try_far_end(struct proof *proof, char *why, size_t why_size)
{
	struct netns *ns NETNS_CLEANUP = open_far_namespace(proof->own, &proof->link);
	struct rt_link far;

	if (ns && find_far_end(ns, &proof->link, &far))
		return try_both_ways(proof, ns, &far, why, why_size);
	snprintf(why, why_size, "its far end cannot be found, so that nobody knows who finishes its checksums");
	return TCP_PROBE_LOST;
}

static int prove_veth(struct proof *proof, bool *ret_passes, char *why, size_t why_size, struct diag *diag)
{
	int err = proof_begin(proof, diag), result = TCP_PROBE_LOST, end;

	proof->probe = (struct tcp_probe_end){.ns = proof->own, .dev = PROBE_FAR, .mac = probe_mac};
	if (!err)
		result = try_far_end(proof, why, why_size);
	end = proof_end(proof, diag);
	*ret_passes = result == TCP_PROBE_PASSED;
	if (*ret_passes)
		snprintf(why, why_size, "TCP passes both ways, tried with its far end");
	return err ? err : end;
}

int foreign_prove_tcp(const struct location *location, const struct port_dev *port, bool *ret_passes,
		      char *ret_why, size_t why_size, struct diag *diag)
{
	struct proof proof = {.location = location, .port = port, .own = location->ns};
	int err = rt_link_get(location->ns, port->dev, &proof.link, diag);

	*ret_passes = false;
	if (!err)
		err = mapio_get_range(location->dp, MAP_ports, port->port, 1, &proof.entry, diag);
	if (err)
		return err;
	if (!strcmp(proof.link.kind, "veth"))
		return prove_veth(&proof, ret_passes, ret_why, why_size, diag);
	*ret_passes = !*proof.link.kind; /* hardware has no kind */
	snprintf(ret_why, why_size, *ret_passes ? "frames from a wire carry finished checksums"
						 : "nobody knows whether its far end finishes its checksums");
	return 0;
}
