/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lab_load.h - an interface that dpulab did not make becomes a port of a running
 * lab: a vNIC of one of its hosts, for the switch, the overlay, the firewall and
 * every frame path like any VM's (foreign.h has the picture).
 */
#pragma once
#include "lab.h"

struct load_request {
	const char *dev;   /* in the caller's namespace */
	const char *name;  /* of the port: a VM of the lab, whose place the interface takes, or a new name */
	const char *group; /* port group of a new name; NULL = the lab's first */
	const char *host;  /* host of a new name; NULL = the lab's first */
	enum lab_hook hook;
	bool force;    /* even if it carries the default route or the caller's session */
	bool unproven; /* hook xdp even where nothing can prove that TCP passes */
};

struct load_report {
	char host[NODE_NAME_MAX], group[NODE_NAME_MAX];
	uint16_t port;
	bool xdp;
	char why[200]; /* why this hook serves the port, one sentence */
};

/* The session is for writing and stale afterwards: close it. A new interface that cannot be loaded is left alone. */
int lab_load(struct lab_session *session, const struct load_request *request, struct load_report *ret_report,
	     struct diag *diag);
/* Everything back as it was; a VM of the lab file gets its namespace again. */
int lab_unload(struct lab_session *session, const char *dev, struct diag *diag);
