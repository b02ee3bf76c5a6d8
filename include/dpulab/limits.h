/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limits.h - every fixed bound of the datapath ABI. Not here: what a lab can
 * tune (map sizes and time-outs are settings.h).
 */
#pragma once

/* Raise it with any change of a map or of a struct in one: pins of another layout are refused. */
#define DPU_LAYOUT_VERSION 9

/*
 * Port numbers are per host and mean the same at both locations of that host
 * (host and DPU), so that tables which name ports can be handed over as they are.
 */
#define DPU_PORT_NONE	   0   /* "no port": also the value of an unknown ifindex */
#define DPU_PORT_UPLINK	   1   /* the wire of this location */
#define DPU_PORT_PF	   2   /* PCIe channel for frames of the other location's wire */
#define DPU_PORT_VNIC_MIN  16  /* first vNIC port */
#define DPU_PORT_VNIC_MAX  511 /* last vNIC port */
#define DPU_PORT_CHANNEL_OF(vnic) ((vnic) + 512) /* host end of that vNIC's PCIe channel */
#define DPU_MAX_PORTS	   1024
#define DPU_PORT_PMD_OF(port) ((port) + 2048) /* output only: the poll-mode process, as that port's frame */

#define DPU_MAX_IFINDEX	   65536 /* port_by_ifindex is an array; larger ifindexes are refused at load */
#define DPU_MAX_SEGMENTS   256	 /* segment 0 = none */
#define DPU_MAX_SEG_PORTS  512	 /* vNIC ports of one segment at one location */
#define DPU_MAX_SEG_VTEPS  64	 /* remote VTEPs of one segment (head-end replication) */
#define DPU_MAX_VTEPS	   256	 /* VTEP 0 = none */
#define DPU_MAX_RULES	   1048576 /* compiled rules at one location, a list that vNICs share once */
#define DPU_MAX_VNIC_RULES 131072  /* compiled rules of one vNIC */
#define DPU_FLOW_WAYS	   8	 /* ways of the flow cache; a power of two */
#define DPU_GEN_SLOTS	   65536 /* generation counters; a power of two */
#define DPU_FLOW_GENS	   6	 /* generation counters one flow entry depends on */

/* Who uses which generation counter. Sharing one is harmless: it only renews flows too often. */
#define DPU_GEN_OF_PORT(port) (port)	      /* policy and configuration of a port */
#define DPU_GEN_OF_VTEP(vtep) (1024 + (vtep)) /* tunnel endpoint */
#define DPU_GEN_FDB_FIRST     2048	      /* from here to DPU_GEN_SLOTS - 1: MAC addresses, by hash */

#define DPU_FDB_SEATS	   32768 /* "fdb_clock": a power of two, at least twice the fdb's size */
#define DPU_FRAGMENT_SETS  16	 /* of 4 datagrams in pieces each, for every vNIC */
#define DPU_FRAGMENT_NS	   30000000000ull /* how long; Linux's reassembly time-out */
#define DPU_HELD_PLACES	  32	 /* frames of fragments that wait for their first one, for every vNIC; a power of two */
#define DPU_HELD_BYTES	  1984	 /* of such a frame; longer ones are dropped */
#define DPU_HELD_NS	  2000000000ull /* how long; networks reorder within milliseconds */
#define DPU_HELD_SHIFT	  20	 /* unit of their times: 2^20 ns */
#define DPU_CT_FULL_SHIFT 30	 /* unit of the time when the table was last full: 2^30 ns */
#define DPU_CT_FULL_LASTS 60	 /* such units, for which a policy that fails open takes what it does not know */
#define DPU_CT_PROOFS	   16384 /* answered challenges waiting for their SYN */
#define DPU_BINDINGS	   8192	 /* of ports and addresses, at one location */
#define DPU_GUARD_ADDRESSES 8	 /* learned at one port */
#define DPU_ANSWER_PPS	   1000	 /* RSTs and ICMP errors made by one CPU, per second */

#define DPU_VXLAN_PORT	   4789 /* UDP, RFC 7348 */
#define DPU_VXLAN_OVERHEAD 50	/* outer Ethernet 14 + IPv4 20 + UDP 8 + VXLAN 8, bytes */
