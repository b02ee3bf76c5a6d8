// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "qos_check.h"

#include <errno.h>
#include <linux/if_ether.h>

#include "finding.h"
#include "values.h"

struct checker {
	const struct lab *lab;
	const struct config_places *places;
	struct diag *diag;
	bool failed;
};

static const char *const directions[DPU_SHAPE_DIRECTIONS] = {"ingress", "egress"};

/* section, name: "vms", "web1". frame: bytes of the largest frame that has to fit into a burst; 0 = none is known. */
static void check_shaper(struct checker *check, const char *section, const char *name, int dir,
			 const struct lab_shaper *shaper, unsigned frame)
{
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];

	if (!shaper->average && (shaper->peak || shaper->burst))
		FINDING(check, shaper->peak ? &shaper->peak : &shaper->burst, "state the average as well",
			"%s.%s.shaping.%s: peak and burst need an average", section, name, directions[dir]);
	if (shaper->average && shaper->peak && shaper->average > shaper->peak)
		FINDING(check, &shaper->average, "lower the average or raise the peak",
			"%s.%s.shaping.%s.average: %s is more than the peak, %s", section, name, directions[dir],
			scaled_format(shaper->average, text), scaled_format(shaper->peak, other));
	if (shaper->burst && shaper->burst < frame)
		FINDING(check, &shaper->burst, "raise it, or leave it to dpulab",
			"%s.%s.shaping.%s.burst: %s bytes do not hold one full frame of %u", section, name,
			directions[dir], scaled_format(shaper->burst, text), frame);
}

static void check_shaping(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t i = 0; i < lab->n_groups; i++)
		for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS; dir++)
			check_shaper(check, "port-groups", lab->groups[i].name, dir, &lab->groups[i].shaping.dir[dir],
				     lab_group_mtu(lab, &lab->groups[i]) + ETH_HLEN);
	for (size_t i = 0; i < lab->n_vms; i++)
		for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS; dir++)
			check_shaper(check, "vms", lab->vms[i].name, dir, &lab->vms[i].shaping.dir[dir],
				     lab->vms[i].mtu + ETH_HLEN);
}

int qos_check(const struct lab *lab, const struct config_places *places, struct diag *diag)
{
	struct checker check = {.lab = lab, .places = places, .diag = diag};

	check_shaping(&check);
	return check.failed ? -EINVAL : 0;
}
