// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Groups in groups, services in services: the chains that end where they begin. */
#include "policy_book.h"

#include <stdio.h>
#include <stdlib.h>

/* The members of one that are again such: *at goes on; false at the end. */
typedef bool step_fn(const struct lab *lab, size_t node, size_t *at, size_t *ret_next);

struct walk {
	const struct lab *lab;
	step_fn *step;
	size_t first, n;
	bool *seen;
	size_t *path; /* from first on */
	size_t depth;
};

static bool next_group(const struct lab *lab, size_t node, size_t *at, size_t *ret_next)
{
	const struct lab_address_group *group = &lab->address_groups[node];

	while (*at < group->n_members) {
		const struct lab_peer *member = &group->members[(*at)++];

		*ret_next = member->index;
		if (member->kind == PEER_GROUP)
			return true;
	}
	return false;
}

static bool next_service(const struct lab *lab, size_t node, size_t *at, size_t *ret_next)
{
	const struct lab_service *service = &lab->services[node];

	if (*at == service->n_services)
		return false;
	*ret_next = service->services[(*at)++];
	return true;
}

/* A circle is found from its first member in the file only, so that it is reported once. */
static bool leads_back(struct walk *walk, size_t node)
{
	size_t at = 0, next;

	walk->path[walk->depth++] = node;
	walk->seen[node] = true;
	while (walk->step(walk->lab, node, &at, &next)) {
		if (next == walk->first)
			return true;
		if (next > walk->first && next < walk->n && !walk->seen[next] && leads_back(walk, next))
			return true;
	}
	walk->depth--;
	return false;
}

static bool find_cycle(struct walk *walk, const char *names, size_t name_size, char *ret_chain, size_t size)
{
	bool found;
	size_t used = 0;

	walk->seen = calloc(walk->n + 1, sizeof(*walk->seen));
	walk->path = calloc(walk->n + 1, sizeof(*walk->path));
	found = walk->seen && walk->path && leads_back(walk, walk->first);
	for (size_t i = 0; found && i <= walk->depth && used < size; i++)
		used += (size_t)snprintf(ret_chain + used, size - used, "%s%s", i ? " > " : "",
					 names + name_size * walk->path[i % walk->depth]);
	free(walk->seen);
	free(walk->path);
	return found;
}

bool policy_group_cycle(const struct lab *lab, size_t first, char *ret_chain, size_t size)
{
	struct walk walk = {.lab = lab, .step = next_group, .first = first, .n = lab->n_address_groups};

	return find_cycle(&walk, lab->address_groups[0].name, sizeof(lab->address_groups[0]), ret_chain, size);
}

bool policy_service_cycle(const struct lab *lab, size_t first, char *ret_chain, size_t size)
{
	struct walk walk = {.lab = lab, .step = next_service, .first = first, .n = lab->n_services};

	return find_cycle(&walk, lab->services[0].name, sizeof(lab->services[0]), ret_chain, size);
}
