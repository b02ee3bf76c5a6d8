/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * linuxpath.h - frame path "linux": the same lab file expressed with what every
 * kernel has, as an expert would: one bridge and one conntrack zone per segment,
 * kernel vxlan devices, nftables (nft.h). The baseline the other paths are
 * measured against. No eBPF program is attached to any device meanwhile.
 *
 *   vNIC port ─┐                  ┌─ vx_N (VNI N: kernel vxlan over uplink0)
 *   vNIC port ─┴─ br_N (segment N)┴─ vl_N (VLAN N: 802.1Q device) or uplink0 (untagged)
 *
 * An underscore cannot occur in a VM's name, so these never meet a vNIC port, and
 * whatever bears such a name in a host's namespace is this path's.
 * linuxpath_start() and linuxpath_stop() are declared in host.h.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include <net/if.h>

/* How a segment reaches the wire. */
enum linuxpath_wire {
	LINUXPATH_NO_WIRE,  /* it does not: the kernel lacks what it takes */
	LINUXPATH_VXLAN,    /* vx_N */
	LINUXPATH_VLAN,	    /* vl_N, needs the kernel's 802.1Q devices */
	LINUXPATH_UNTAGGED, /* uplink0 itself is a port of the bridge, and its address moves to the bridge */
};

/* One segment as this host's kernel shall have it. Only segments with a VM on the host exist there. */
struct linuxpath_segment {
	uint16_t number;
	uint32_t vni;
	uint16_t vlan;
	enum linuxpath_wire wire;
	char bridge[IFNAMSIZ];	  /* br_N */
	char wire_dev[IFNAMSIZ];  /* vx_VNI, vl_VLAN or uplink0 */
};

/* Pure: segments of a host, by ascending number. The caller frees. */
int linuxpath_segments(const struct lab *lab, size_t host, struct linuxpath_segment **ret_segments,
		       size_t *ret_n);
/* The device that carries the underlay address: uplink0, or the bridge uplink0 is in. */
const char *linuxpath_underlay(const struct linuxpath_segment *segments, size_t n);

struct netns;
/* linuxpath_start() in a namespace that is at hand and has uplink0 and the vNIC ports. */
int linuxpath_start_in(struct netns *ns, const struct lab *lab, size_t host, struct diag *diag);

/* -EOPNOTSUPP if br_netfilter is neither there nor a module that could be loaded. Loads nothing. */
int linuxpath_find_br_netfilter(struct diag *diag);

/*
 * What this lab asks for and this kernel cannot do: warnings (works, but not the
 * same), errors (linuxpath_start() would fail; returned) and notes (true of every
 * kernel). Tried out in a namespace of its own.
 */
int linuxpath_check(const struct lab *lab, size_t host, struct diag *diag);
