/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * location.h - a place where the datapath runs: a host or its DPU, opened: its
 * namespace, its tables and programs, and which device is which port right now.
 * The kernel is the source: a vNIC's port device is wherever it is found.
 */
#pragma once
#include <net/if.h>
#include "dataplane.h"
#include "netns.h"
#include "rt.h"

struct port_dev {
	uint16_t port;	 /* dpulab port number */
	uint8_t kind;	 /* enum dpu_port_kind */
	char dev[IFNAMSIZ];
	unsigned ifindex; /* in the location's namespace; 0 = a vNIC that is at the DPU */
	size_t vm;	 /* index in lab->vms of a vNIC or channel; SIZE_MAX = none */
	bool passed;	 /* the DPU's end of an emulated PCIe link that the vNIC itself is at the other end of */
};

struct location {
	const struct lab *lab;
	size_t host;
	enum node_location where;
	struct netns *ns;
	struct netns *link; /* of a DPU: its emulated PCIe link, where the vNICs are that end in it; NULL: there is none */
	struct dataplane *dp; /* NULL: nothing is loaded here */
	struct port_dev *ports;
	size_t n_ports;
	bool embedded; /* the DPU's node is a plain NIC with an embedded switch: MAC and VLAN (sriov.h) */
};

/* Opens namespace and ports; the datapath if it is loaded. -ENOENT: no such namespace (said in diag). */
int location_open(const struct lab *lab, size_t host, enum node_location where,
		  struct location *ret_location, struct diag *diag);
void location_close(struct location *location);
/* Loads the datapath unless it is there. */
int location_load(struct location *location, struct diag *diag);
/* Reads the ports again, after devices moved. */
int location_refresh(struct location *location, struct diag *diag);
const struct lab_host *location_host(const struct location *location);
/* The VM's vNIC device itself is here (not a representor of it). */
bool location_has_vnic(const struct location *location, size_t vm);
const struct port_dev *location_port(const struct location *location, uint16_t port);
