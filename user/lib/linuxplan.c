/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* linuxplan.c - which segments a host has and what they are called. Pure. */
#include "linuxpath.h"
#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void plan_wire(struct linuxpath_segment *segment)
{
	if (segment->vni) {
		segment->wire = LINUXPATH_VXLAN;
		snprintf(segment->wire_dev, IFNAMSIZ, "vx_%u", segment->vni);
	} else if (segment->vlan) {
		segment->wire = LINUXPATH_VLAN;
		snprintf(segment->wire_dev, IFNAMSIZ, "vl_%u", segment->vlan);
	} else {
		segment->wire = LINUXPATH_UNTAGGED;
		snprintf(segment->wire_dev, IFNAMSIZ, "%s", TOPOLOGY_UPLINK);
	}
}

static bool planned(const struct linuxpath_segment *segments, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (segments[i].number == number)
			return true;
	return false;
}

static int by_number(const void *a, const void *b)
{
	const struct linuxpath_segment *left = a, *right = b;

	return left->number - right->number;
}

int linuxpath_segments(const struct lab *lab, size_t host, struct linuxpath_segment **ret_segments,
		       size_t *ret_n)
{
	struct linuxpath_segment *segments = calloc(lab->n_groups + 1, sizeof(*segments));
	size_t n = 0;

	if (!segments)
		return -ENOMEM;
	for (size_t i = 0; i < lab->n_vms; i++) {
		const struct lab_group *group = &lab->groups[lab->vms[i].group];
		struct linuxpath_segment *segment = &segments[n];

		if (lab->vms[i].host != host || planned(segments, n, group->segment))
			continue;
		segment->number = group->segment;
		segment->vni = group->vni;
		segment->vlan = group->vlan;
		snprintf(segment->bridge, IFNAMSIZ, "br_%u", group->segment);
		plan_wire(segment);
		n++;
	}
	qsort(segments, n, sizeof(*segments), by_number);
	*ret_segments = segments;
	*ret_n = n;
	return 0;
}

const char *linuxpath_underlay(const struct linuxpath_segment *segments, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (segments[i].wire == LINUXPATH_UNTAGGED)
			return segments[i].bridge;
	return TOPOLOGY_UPLINK;
}
