/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "foreign_guard.h"

#include <errno.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dpulab/limits.h>
#include "loaded.h"
#include "progowner.h"
#include "rt.h"
#include "state.h"
#include "values.h"

/* Links and programs of this lab are its own; everybody else's are not ours to replace. */
static int refuse_other_program(const struct rt_link *link, const char *lab, struct diag *diag)
{
	struct prog_owner owner;
	char text[PATH_MAX + 128];

	if (!link->xdp_prog)
		return 0;
	prog_owner_find(link->xdp_prog, (unsigned)link->ifindex, &owner);
	if (prog_owner_is_lab(&owner, lab))
		return 0;
	return diag_error(diag, -EBUSY, "dpulab never replaces it: let its owner remove it first",
			  "%s already carries %s", link->name, prog_owner_format(&owner, text, sizeof(text)));
}

/* A route of the whole table: destination and mask (or length) zero. */
static bool carries_default4(const char *dev)
{
	FILE *file = fopen("/proc/thread-self/net/route", "re");
	char line[256], name[32];
	unsigned long destination, mask;
	unsigned flags;
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%31s %lx %*s %x %*s %*s %*s %lx", name, &destination, &flags, &mask) == 4 &&
			!destination && !mask && !(flags & RTF_REJECT) && !strcmp(name, dev);
	if (file)
		fclose(file);
	return found;
}

static bool carries_default6(const char *dev)
{
	FILE *file = fopen("/proc/thread-self/net/ipv6_route", "re");
	char line[256], destination[33], name[32];
	unsigned length, flags;
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %31s", destination, &length, &flags, name) == 4 &&
			!length && !(flags & RTF_REJECT) && strspn(destination, "0") == 32 && !strcmp(name, dev);
	if (file)
		fclose(file);
	return found;
}

/* SSH_CONNECTION: client address, client port, server address, server port. */
static bool carries_session(struct netns *ns, int ifindex)
{
	const char *session = getenv("SSH_CONNECTION");
	struct rt_addr *addrs;
	union dpu_ip server;
	char text[64];
	uint8_t family;
	bool found = false;
	size_t n;

	if (!session || sscanf(session, "%*s %*s %63s", text) != 1 || ip_parse(text, &server, &family))
		return false;
	if (rt_addrs(ns, &addrs, &n, NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		found |= addrs[i].ifindex == ifindex && !memcmp(&addrs[i].addr, &server, sizeof(server));
	free(addrs);
	return found;
}

/* Both would attach, and only one of them would ever see a frame. */
static bool is_loaded_for(const char *lab, uint64_t ns, const char *dev)
{
	STATE_CLEANUP struct state *state = NULL;
	struct loaded loaded;
	bool found = false;

	/* not their lock: two that load at once would wait for each other */
	if (state_open(lab, STATE_PEEK, &state, NULL) || loaded_read(state, &loaded))
		return false;
	for (size_t i = 0; i < loaded.n; i++)
		found |= loaded.list[i].ns == ns && !strcmp(loaded.list[i].dev, dev);
	loaded_free(&loaded);
	return found;
}

static int refuse_other_lab(const struct netns *ns, const char *lab, const char *dev, struct diag *diag)
{
	char **names, hint[80];
	int err = 0;
	size_t n;

	if (state_labs(&names, &n))
		return 0;
	for (size_t i = 0; !err && i < n; i++) {
		if (!strcmp(names[i], lab) || !is_loaded_for(names[i], netns_inode(ns), dev))
			continue;
		snprintf(hint, sizeof(hint), "dpulab unload %s --lab %s first", dev, names[i]);
		err = diag_error(diag, -EBUSY, hint, "%s is loaded for another lab: %s", dev, names[i]);
	}
	state_free_names(names, n);
	return err;
}

int foreign_guard(struct netns *ns, const char *lab, const struct load_request *request,
		  struct diag *diag)
{
	static const char *const hint = "--force does it all the same: you may lose the connection to this machine";
	struct rt_link link;
	int err = rt_link_get(ns, request->dev, &link, diag);

	if (err == -ENODEV)
		return diag_error(diag, err, "`ip link` lists what there is", "there is no interface %s in this namespace",
				  request->dev);
	if (!err && link.flags & IFF_LOOPBACK)
		err = diag_error(diag, -EINVAL, NULL, "%s is the loopback device: nothing is behind it", request->dev);
	if (!err && link.group == DPULAB_LINK_GROUP)
		err = diag_error(diag, -EINVAL, NULL, "%s is a device dpulab made", request->dev);
	if (!err && link.ifindex >= DPU_MAX_IFINDEX)
		err = diag_error(diag, -ERANGE, NULL, "%s has interface index %d; the datapath's table ends at %d",
				 request->dev, link.ifindex, DPU_MAX_IFINDEX - 1);
	if (!err)
		err = refuse_other_lab(ns, lab, request->dev, diag);
	if (!err)
		err = refuse_other_program(&link, lab, diag);
	if (err || request->force)
		return err;
	if (carries_default4(request->dev) || carries_default6(request->dev))
		return diag_error(diag, -EPERM, hint, "%s carries the default route", request->dev);
	if (carries_session(ns, link.ifindex))
		return diag_error(diag, -EPERM, hint, "%s carries your SSH session", request->dev);
	return 0;
}
