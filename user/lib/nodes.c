/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "nodes.h"
#include "dataplane.h"
#include "netns.h"
#include "pcie_relay.h"
#include "residents.h"
#include "rt.h"
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list { /* names, one a line */
	char *text;
	size_t len;
};

static int start(struct list *list)
{
	*list = (struct list){.text = calloc(1, 1)};
	return list->text ? 0 : -ENOMEM;
}

static bool has(const struct list *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list->text; at && *at; at = strchr(at, '\n') + 1)
		if (!strncmp(at, name, len) && at[len] == '\n')
			return true;
	return false;
}

static int append(struct list *list, const char *name)
{
	size_t len = strlen(name);
	char *grown = realloc(list->text, list->len + len + 2);

	if (!grown)
		return -ENOMEM;
	list->text = grown;
	memcpy(grown + list->len, name, len);
	memcpy(grown + list->len + len, "\n", 2);
	list->len += len + 1;
	return 0;
}

/* Nothing written down is an empty list; a last line cut short cannot be (state.h). */
static int read_list(const struct state *state, struct list *ret)
{
	char *text;
	int err = state_read(state, STATE_NODES, &text);

	if (err == -ENOENT)
		return start(ret);
	if (err)
		return err;
	*ret = (struct list){text, strlen(text)};
	return 0;
}

int nodes_claim(const struct state *state, const struct lab *lab, struct diag *diag)
{
	struct topology plan;
	struct list list = {};
	char name[NETNS_NAME_MAX];
	int err = topology_plan(lab, &plan);

	if (err)
		return err;
	err = read_list(state, &list);
	for (size_t n = 0; n < plan.n_nodes && !err; n++) {
		const char *node = plan.nodes[n].name;

		if (has(&list, node))
			continue;
		if (netns_exists(netns_name(name, lab->name, node)))
			err = diag_error(
			    diag, -EEXIST, "remove or rename it, or call the lab something else",
			    "network namespace %s is there already and not dpulab's", name);
		else
			err = append(&list, node);
	}
	if (!err)
		err = state_write(state, STATE_NODES, list.text, diag);
	free(list.text);
	topology_free(&plan);
	return err;
}

static bool in_plan(const struct topology *plan, const char *node)
{
	for (size_t n = 0; n < plan->n_nodes; n++)
		if (!strcmp(plan->nodes[n].name, node))
			return true;
	return false;
}

/*
 * Devices first: the request returns when they are gone, both ends of each wire
 * and the programs on them, while a namespace goes some time after its name.
 * Then pins: a link whose device is gone costs nothing to drop.
 */
static int remove_node(const char *lab, const char *node, struct diag *diag)
{
	char name[NETNS_NAME_MAX];
	struct netns *ns;
	int err = pcie_relay_stop(lab, node, diag); /* it is in there */

	if (!err)
		err = netns_open(netns_name(name, lab, node), &ns, diag);
	if (!err) {
		err = rt_link_del_group(ns, DPULAB_LINK_GROUP, diag);
		netns_close(ns);
	}
	if (!err || err == -ENOENT)
		err = dataplane_remove(lab, node, diag);
	return err ? err : netns_remove(name, diag);
}

int nodes_remove(const struct state *state, const char *lab_name, const struct lab *lab,
		 size_t *ret_removed, struct diag *diag)
{
	struct topology plan = {};
	struct residents residents = {};
	struct list list = {}, kept = {};
	char name[NETNS_NAME_MAX], *line, *rest;
	int err = lab ? topology_plan(lab, &plan) : 0;

	if (!err)
		err = read_list(state, &list);
	if (!err)
		err = start(&kept);
	*ret_removed = 0;
	for (rest = list.text; !err && (line = strsep(&rest, "\n")) && *line;) {
		if (in_plan(&plan, line)) {
			err = append(&kept, line);
			continue;
		}
		err = residents_watch(&residents, netns_name(name, lab_name, line));
		if (!err)
			err = remove_node(lab_name, line, diag);
		*ret_removed += !err;
	}
	if (!err)
		err = state_write(state, STATE_NODES, kept.text, diag);
	residents_report(&residents, diag);
	free(list.text);
	free(kept.text);
	topology_free(&plan);
	return err;
}

size_t nodes_missing(const struct state *state, const char *lab_name)
{
	struct list list = {};
	char name[NETNS_NAME_MAX], *line, *rest;
	size_t missing = 0;

	if (read_list(state, &list))
		return 0;
	for (rest = list.text; (line = strsep(&rest, "\n")) && *line;)
		missing += !netns_exists(netns_name(name, lab_name, line));
	free(list.text);
	return missing;
}
