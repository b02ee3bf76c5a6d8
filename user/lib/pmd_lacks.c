/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd_lacks.h"

#include <errno.h>

/* The first vNIC of a host of which something is true, or NULL. */
static const struct lab_vm *first_vm(const struct lab *lab, size_t host, bool (*is)(const struct lab *, const struct lab_vm *))
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host && is(lab, &lab->vms[i]))
			return &lab->vms[i];
	return NULL;
}

static bool is_paced(const struct lab *lab, const struct lab_vm *vm)
{
	return lab_shaper(lab, vm, DPU_SHAPE_EGRESS).average && lab_shape_mode(lab, vm) == LAB_SHAPE_PACE;
}

int pmd_refuse(const struct lab *lab, size_t host, struct diag *diag)
{
	if (!lab->n_classes)
		return 0;
	return diag_error(diag, -EINVAL, "take `nioc` out of the lab file, or choose another frame path",
			  "frame path pmd cannot run on %s: Network I/O Control is a qdisc of the uplink, which AF_XDP passes by",
			  lab->hosts[host].name);
}

void pmd_warn(const struct lab *lab, size_t host, struct diag *diag)
{
	const struct lab_vm *vm = first_vm(lab, host, is_paced);

	if (vm)
		diag_warn(diag, "shape it with `mode: police` to have the same on every frame path",
			  "placement pmd at %s: what is sent to vNIC %s above its rate is dropped, not queued: AF_XDP passes qdiscs by",
			  lab->hosts[host].name, vm->name);
}
