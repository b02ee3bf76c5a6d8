// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* lab_qos.c - what a lab says about quality of service, with what it leaves out. Pure. */
#include <linux/if_ether.h>
#include <string.h>

#include "model.h"

#define BURST_DIVISOR	 160 /* of bits in a second to bytes in 50 ms */
#define BURST_FRAMES	 4

static uint64_t largest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct lab_shaper lab_shaper(const struct lab *lab, const struct lab_vm *vm, enum dpu_shape_direction direction)
{
	struct lab_shaper shaper = vm->shaping.dir[direction];

	if (!shaper.average && vm->group < lab->n_groups)
		shaper = lab->groups[vm->group].shaping.dir[direction];
	if (!shaper.average)
		return (struct lab_shaper){};
	if (!shaper.burst)
		shaper.burst = largest(shaper.average / BURST_DIVISOR, BURST_FRAMES * (vm->mtu + ETH_HLEN));
	return shaper;
}

enum lab_shape_mode lab_shape_mode(const struct lab *lab, const struct lab_vm *vm)
{
	if (vm->shaping.mode)
		return vm->shaping.mode - 1;
	return vm->group < lab->n_groups ? lab->groups[vm->group].shaping.mode : LAB_SHAPE_PACE;
}

static bool is_shaped(const struct lab_shaping *shaping)
{
	return shaping->dir[DPU_SHAPE_INGRESS].average || shaping->dir[DPU_SHAPE_EGRESS].average;
}

bool lab_class_is_vm(const struct lab_class *class)
{
	return !strcmp(class->name, LAB_CLASS_VM);
}

const struct lab_class *lab_class(const struct lab *lab, const struct lab_vm *vm)
{
	uint8_t class = vm->traffic;

	if (!class && vm->group < lab->n_groups)
		class = lab->groups[vm->group].traffic;
	if (class)
		return class <= lab->n_classes ? &lab->classes[class - 1] : NULL;
	for (size_t i = 0; i < lab->n_classes; i++)
		if (lab_class_is_vm(&lab->classes[i]))
			return &lab->classes[i];
	return NULL;
}

uint16_t lab_queue(const struct lab *lab, const struct lab_vm *vm)
{
	const struct lab_class *class = lab_class(lab, vm);

	if (!class)
		return 0;
	return lab_class_is_vm(class) ? DPU_QUEUE_VNIC(vm->port) : DPU_QUEUE_CLASS(class - lab->classes);
}

bool lab_uses_qos(const struct lab *lab)
{
	if (lab->n_classes)
		return true;
	for (size_t i = 0; i < lab->n_groups; i++)
		if (is_shaped(&lab->groups[i].shaping))
			return true;
	for (size_t i = 0; i < lab->n_vms; i++)
		if (is_shaped(&lab->vms[i].shaping))
			return true;
	return false;
}

bool lab_uses_dscp(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_class_rules; i++)
		if (lab->class_rules[i].dscp)
			return true;
	return false;
}

bool lab_uses_marks(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_classes; i++)
		if (lab->classes[i].dscp || lab->classes[i].cos)
			return true;
	return false;
}
