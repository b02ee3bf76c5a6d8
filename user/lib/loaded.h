/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loaded.h - the interfaces that `load` has made ports of a lab (state file
 * "loaded", one a line). An interface is written down before anything is done
 * to it and struck out when all of it is undone: down and unload know what to
 * put back, also after a kill.
 *
 * A loaded port is a vNIC of its host like any other; only the VM's end differs
 * (foreign.h). It either takes the place of a VM of the lab file, or is one more.
 */
#pragma once
#include <net/if.h>
#include "diag.h"
#include "model.h"
#include "moved.h"
#include "state.h"

/* What load has changed at an interface, to be changed back. */
enum loaded_touch {
	LOADED_UP = 1 << 0,	 /* it was down */
	LOADED_PROMISC = 1 << 1, /* it was not promiscuous */
	LOADED_RX_VLAN = 1 << 2, /* it took VLAN tags out of frames by itself */
	LOADED_CLSACT = 1 << 3,	 /* it had no clsact qdisc */
};

struct loaded_port {
	char name[NODE_NAME_MAX];
	bool extra;		   /* not a VM of the lab file: the next four are not said there */
	char host[NODE_NAME_MAX];
	char group[NODE_NAME_MAX];
	uint16_t port, mtu;
	uint64_t ns;	 /* inode of the interface's namespace */
	unsigned ifindex; /* in there */
	char dev[IFNAMSIZ];
	bool xdp;	  /* XDP serves it */
	unsigned touched; /* enum loaded_touch */
};

struct loaded {
	struct loaded_port *list;
	size_t n;
	struct moved moved; /* what else the machine has that the file does not say */
};

/* No list is an empty one. The caller frees with loaded_free(). */
int loaded_read(const struct state *state, struct loaded *ret_loaded);
int loaded_write(const struct state *state, const struct loaded *loaded, struct diag *diag);
void loaded_free(struct loaded *loaded);

struct loaded_port *loaded_find(const struct loaded *loaded, const char *name);
/* NULL if out of memory. The pointer holds until the next one is added. */
struct loaded_port *loaded_add(struct loaded *loaded, const struct loaded_port *port);
void loaded_remove(struct loaded *loaded, const char *name);

/* Puts the ports on the list into the lab, and VMs that were moved where they are. -EEXIST, -ENOENT with a sentence if the lab has no place for one. */
int loaded_extend(const struct loaded *loaded, struct lab *lab, struct diag *diag);
/* The lab as its file says it: without what loaded_extend() added. Borrows everything. */
struct lab loaded_file_part(const struct lab *lab);
/* Undoes loaded_extend(). */
void loaded_strip(struct lab *lab);
