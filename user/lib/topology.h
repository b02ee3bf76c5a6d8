/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * topology.h - the wires of a lab: namespaces, veth pairs, the underlay bridge,
 * addresses. No datapath: that is what starts after it (host.h).
 *
 *   VM eth0 == port (host)      host uplink0 == port in LAB-fabric == DPU p0
 *   host eth0 == port (host), of a host that is itself the machine
 *   host pf0 == pf0hpf (DPU)    host vfN == pf0vfN (DPU), one per vNIC
 *   host pf1 == pf0hpf (DPU 2)  host pf1vfN == pf0vfN (DPU 2), of a host with two, or with a second switch (uplink1)
 *
 * Where a PCIe link with delay or bandwidth is emulated, its relay is in between, in a namespace of its own (pcie_relay.h):
 *
 *   host vfN == vfN (LAB-HOST-pci) ... pf0vfN (LAB-HOST-pci) == pf0vfN (DPU)
 *   host pf0 == pf0 (LAB-HOST-pci) ... pf0hpf (LAB-HOST-pci) == pf0hpf (DPU)
 *
 * Names are here and nowhere else.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include "netns.h"
#include <net/if.h>

#define TOPOLOGY_FABRIC	  "fabric"  /* node, and the bridge in it */
#define TOPOLOGY_UPLINK	  "uplink0" /* host's wire */
#define TOPOLOGY_UPLINK_2 "uplink1" /* that of a second switch on the machine */
#define TOPOLOGY_PF	  "pf0"	    /* host's end of the PCIe channel for wire frames */
#define TOPOLOGY_PF_2	  "pf1"	    /* that of the second DPU */
#define TOPOLOGY_DPU_WIRE "p0"	    /* DPU's wire */
#define TOPOLOGY_DPU_PF	  "pf0hpf"  /* DPU's end of pf0 */
#define TOPOLOGY_VM_DEV	  "eth0"

#define NODE_FULL_MAX (NODE_NAME_MAX + 4) /* "HOST-dpu" with its NUL; hosts with a "-dpu2" have shorter names */

enum node_kind {
	NODE_FABRIC,
	NODE_HOST,
	NODE_DPU,
	NODE_PCIE, /* where frames wait between the two */
	NODE_VM,
};

struct node {
	char name[NODE_FULL_MAX];
	enum node_kind kind;
	size_t index; /* of the host (host, DPU, PCIe) or the VM */
	unsigned dpu; /* of the host's DPUs, from 0 */
};

struct wire_end {
	size_t node; /* index in topology.nodes */
	char dev[IFNAMSIZ];
	struct dpu_mac mac;
};

struct wire { /* a veth pair; end[0] never leaves its namespace, end[1] of a vNIC may (dpu-upt) */
	struct wire_end end[2];
	unsigned mtu;
	bool on_fabric; /* end[0] joins the fabric bridge */
	bool vnic;	/* end[0] is the interface of a machine: */
	size_t vm;	/* that one */
};

struct topology {
	struct node *nodes;
	size_t n_nodes;
	struct wire *wires;
	size_t n_wires;
};

/* Pure: what the lab needs. */
int topology_plan(const struct lab *lab, struct topology *ret_topology);
void topology_free(struct topology *topology);

/* "vf0" (of the second DPU: "pf1vf0") and "pf0vf0" of a vNIC port number; buffers hold IFNAMSIZ. */
void topology_channel_host(unsigned dpu, uint16_t port, char *buffer);
void topology_channel_dpu(uint16_t port, char *buffer);
/* The host's end of a DPU's channel for wire frames; a host's own wire. */
const char *topology_pf(unsigned dpu);
const char *topology_uplink(const struct lab_host *host);
/* Which of its machine's DPUs a DPU of a host is, from 0: what the two functions above take. */
unsigned topology_slot(const struct lab_host *host, unsigned dpu);
/* A channel relays whole frames of its VM, and of the wire while the other side is in charge: bytes at L3. */
unsigned topology_channel_mtu(const struct lab *lab, size_t vm);
/* Node name of a host's active DPU: "esx1-dpu"; the buffer holds NODE_FULL_MAX. */
const char *topology_dpu(const struct lab_host *host, char *buffer);
/* Of any of them, by number from 0. */
const char *topology_dpu_of(const struct lab_host *host, unsigned dpu, char *buffer);
/* Of its emulated PCIe link: "esx1-pci"; likewise. */
const char *topology_pcie(const struct lab_host *host, char *buffer); /* of the active DPU */
const char *topology_pcie_of(const struct lab_host *host, unsigned dpu, char *buffer);
/*
 * Device at the VM's end of its vNIC: eth0 in a VM's namespace. Of a loaded port it is a patch
 * beside the loaded interface, which foreign.c makes and joins to it.
 */
const char *topology_vm_dev(const struct lab *lab, size_t vm, char buffer[static IFNAMSIZ]);
const char *topology_patch(const char *lab, const char *port, char buffer[static IFNAMSIZ]);
/* Addresses follow from names: the same on every machine. */
struct dpu_mac topology_mac(const char *lab, const char *node, const char *dev);
/* Opens LAB-NODE of a host, its active DPU, a VM (loaded: the namespace of its interface; bare-metal: the host's), the fabric. */
int topology_open_host(const struct lab *lab, size_t host, struct netns **ret_ns,
		       struct diag *diag);
int topology_open_dpu(const struct lab *lab, size_t host, struct netns **ret_ns, struct diag *diag);
int topology_open_dpu_of(const struct lab *lab, size_t host, unsigned dpu, struct netns **ret_ns, struct diag *diag);
/* Of its emulated PCIe link; -ENOENT: there is none, or the lab is broken. */
int topology_open_pcie(const struct lab *lab, size_t host, struct netns **ret_ns, struct diag *diag);
int topology_open_pcie_of(const struct lab *lab, size_t host, unsigned dpu, struct netns **ret_ns, struct diag *diag);
int topology_open_vm(const struct lab *lab, size_t vm, struct netns **ret_ns, struct diag *diag);
int topology_open_fabric(const struct lab *lab, struct netns **ret_ns, struct diag *diag);

/* Which hook serves the devices of a node. */
enum lab_hook topology_hook(const struct lab *lab, const struct node *node);

/* Makes what is missing, corrects what differs; everything right: changes nothing. */
int topology_build(const struct lab *lab, struct diag *diag);
