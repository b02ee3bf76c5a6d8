/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sriov.h"

#include <stdarg.h>
#include <stdio.h>

struct losses {
	struct sriov_loss *list;
	size_t n;
};

static void __attribute__((format(printf, 3, 4)))
lose(struct losses *losses, bool security, const char *format, ...)
{
	struct sriov_loss *loss = &losses->list[losses->n++];
	va_list args;

	loss->security = security;
	va_start(args, format);
	vsnprintf(loss->text, sizeof(loss->text), format, args);
	va_end(args);
}

static size_t count_vms(const struct lab *lab, size_t host, bool guarded)
{
	size_t n = 0;

	for (size_t i = 0; i < lab->n_vms; i++)
		n += lab->vms[i].host == host && (!guarded || lab_guard(lab, &lab->vms[i]) != DPU_GUARD_OFF);
	return n;
}

static bool has_vm(const struct lab *lab, size_t host, size_t group)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host && lab->vms[i].group == group)
			return true;
	return false;
}

static bool anything_logs(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_rules; i++)
		if (lab->rules[i].log)
			return true;
	return false;
}

static void lose_slots(const struct lab *lab, size_t host, struct losses *losses)
{
	size_t n = lab_intercepted(lab, host);

	if (n)
		lose(losses, true, "intercept: the chains of %zu vNIC%s are not run", n, n == 1 ? "" : "s");
}

/* Overlay segments: one sentence names the first, and says of how many it speaks. */
static void lose_overlay(const struct lab *lab, size_t host, struct losses *losses)
{
	const char *first = NULL;
	size_t n = 0;

	for (size_t group = 0; group < lab->n_groups; group++)
		if (lab->groups[group].vni && has_vm(lab, host, group)) {
			first = first ? first : lab->groups[group].name;
			n++;
		}
	if (n)
		lose(losses, false, "overlay: no VXLAN, so port group %s%s ends at this host", first,
		     n > 1 ? " (and others with a VNI)" : "");
}

size_t sriov_losses(const struct lab *lab, size_t host, struct sriov_loss ret_losses[static SRIOV_LOSSES])
{
	struct losses losses = {.list = ret_losses};
	size_t vms = count_vms(lab, host, false), guarded = count_vms(lab, host, true);

	if (vms && (lab->n_rules || lab->default_action != DPU_ACTION_ALLOW))
		lose(&losses, true, "firewall: %zu rules and the default action are not enforced at %zu vNIC%s", lab->n_rules, vms,
		     vms == 1 ? "" : "s");
	if (guarded)
		lose(&losses, true, "spoofguard: of %zu vNIC%s the source MAC is checked, IP addresses, ARP and neighbour discovery are not",
		     guarded, guarded == 1 ? "" : "s");
	lose_slots(lab, host, &losses);
	lose_overlay(lab, host, &losses);
	if (vms && lab->n_classes)
		lose(&losses, false, "nioc: classes of traffic are not told apart on the uplink");
	if (vms && anything_logs(lab))
		lose(&losses, false, "log: rules that log write nothing");
	return losses.n;
}

size_t sriov_warn(const struct lab *lab, size_t host, struct diag *diag)
{
	struct sriov_loss losses[SRIOV_LOSSES];
	size_t n = sriov_losses(lab, host, losses), security = 0;

	for (size_t i = 0; i < n; i++) {
		diag_warn(diag, NULL, "placement sriov at %s: %s", lab->hosts[host].name, losses[i].text);
		security += losses[i].security;
	}
	return security;
}
