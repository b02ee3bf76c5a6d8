// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * plan.c - a lab's policies, one enumerator for each kind of them; what becomes
 * of one is the worse of what the profile says about the feature and about the
 * function that it belongs to.
 */
#include "plan.h"
#include "functions.h"
#include "trunk.h"
#include "values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct maker {
	const struct lab *lab;
	size_t host;
	const struct profile *profile;
	struct plan plan;
	bool out_of_memory;
};

static const char *const verdicts[] = {"kept", "degraded", "unknown", "lost"};

const char *plan_verdict_word(enum plan_verdict verdict)
{
	return verdicts[verdict];
}

static enum plan_verdict verdict_of(enum profile_support support)
{
	static const enum plan_verdict of[] = {
		[SUPPORT_YES] = PLAN_KEPT,
		[SUPPORT_DEGRADED] = PLAN_DEGRADED,
		[SUPPORT_NO] = PLAN_LOST,
		[SUPPORT_UNKNOWN] = PLAN_UNKNOWN,
	};

	return of[support];
}

static const char *function_word(enum profile_key function)
{
	return strchr(profile_keys[function].path, '.') + 1;
}

static struct plan_item *add(struct maker *maker, const char *policy, enum profile_key function)
{
	struct plan_item *grown = reallocarray(maker->plan.items, maker->plan.n + 1, sizeof(*grown));

	if (!grown) {
		maker->out_of_memory = true;
		return NULL;
	}
	maker->plan.items = grown;
	grown += maker->plan.n++;
	memset(grown, 0, sizeof(*grown));
	snprintf(grown->policy, sizeof(grown->policy), "%s", policy);
	grown->function = function_word(function);
	return grown;
}

/* One policy: feature decides, or its function if that is worse off. */
__attribute__((format(printf, 5, 6))) static struct plan_item *add_policy(struct maker *maker, const char *policy,
									  enum profile_key feature,
									  enum profile_key function,
									  const char *format, ...)
{
	struct plan_item *item = add(maker, policy, function);
	enum plan_verdict by_feature = verdict_of(profile_supports(maker->profile, feature));
	enum plan_verdict by_function = verdict_of(profile_supports(maker->profile, function));
	va_list args;

	if (!item)
		return NULL;
	item->key = by_function > by_feature ? function : feature;
	item->verdict = by_function > by_feature ? by_function : by_feature;
	item->security = profile_keys[feature].security || profile_keys[item->key].security;
	va_start(args, format);
	vsnprintf(item->subject, sizeof(item->subject), format, args);
	va_end(args);
	return item;
}

/* ---- switch and overlay ---------------------------------------------------- */

/* VMs of the host in a port group. */
static size_t vms_of_group(const struct maker *maker, size_t group)
{
	size_t n = 0;

	for (size_t i = 0; i < maker->lab->n_vms; i++)
		n += maker->lab->vms[i].host == maker->host && maker->lab->vms[i].group == group;
	return n;
}

static void plan_segments(struct maker *maker)
{
	for (size_t i = 0; i < maker->lab->n_groups; i++) {
		const struct lab_group *group = &maker->lab->groups[i];
		size_t n = vms_of_group(maker, i);

		if (!n)
			continue;
		add_policy(maker, "switching", PROFILE_FN_DVS, PROFILE_FN_DVS, "%s: %zu vNIC%s", group->name, n,
			   n == 1 ? "" : "s");
		add_policy(maker, "MAC learning", PROFILE_HAS_MAC_LEARNING, PROFILE_FN_DVS, "%s", group->name);
		if (group->vni)
			add_policy(maker, "VXLAN", PROFILE_FN_VXLAN, PROFILE_FN_VXLAN, "%s: VNI %u", group->name, group->vni);
		else if (group->vlan)
			add_policy(maker, "VLAN", PROFILE_HAS_VLAN, PROFILE_FN_DVS, "%s: VLAN %u", group->name, group->vlan);
	}
}

/* A device has it with its switch; where functions are apart it goes with the firewall. */
static void plan_guards(struct maker *maker)
{
	struct plan_item *item;

	for (size_t i = 0; i < maker->lab->n_vms; i++) {
		const struct lab_vm *vm = &maker->lab->vms[i];
		enum dpu_guard_mode mode = lab_guard(maker->lab, vm);

		if (vm->host != maker->host || mode == DPU_GUARD_OFF)
			continue;
		item = add_policy(maker, "SpoofGuard", PROFILE_HAS_SPOOFGUARD, PROFILE_FN_DVS, "%s: %s", vm->name,
				  guard_mode_name(mode));
		if (item)
			item->function = function_word(PROFILE_FN_DFW);
	}
}

static void plan_storm(struct maker *maker)
{
	if (maker->lab->storm_pps)
		add_policy(maker, "storm limit", PROFILE_HAS_STORM_LIMIT, PROFILE_FN_DVS,
			   "%u frames/s of each vNIC", maker->lab->storm_pps);
}

static void plan_path(struct maker *maker)
{
	if (maker->lab->hosts[maker->host].path == PATH_DPU_UPT)
		add_policy(maker, "frame path dpu-upt", PROFILE_HAS_UPT, PROFILE_FN_DVS, "%s",
			   maker->lab->hosts[maker->host].name);
}

/* ---- firewall --------------------------------------------------------------- */

/* "rule 3, 7, 9 and 4 more" of those that pass. Returns how many. */
static size_t name_rules(const struct lab *lab, bool (*pass)(const struct lab_rule *rule), char *buffer, size_t size)
{
	size_t n = 0, used = (size_t)snprintf(buffer, size, "rule");

	for (size_t i = 0; i < lab->n_rules; i++) {
		if (!pass(&lab->rules[i]))
			continue;
		if (n++ < 6 && used < size)
			used += (size_t)snprintf(buffer + used, size - used, "%s %u", n == 1 ? "" : ",", lab->rules[i].id);
	}
	if (n > 6 && used < size)
		snprintf(buffer + used, size - used, " and %zu more", n - 6);
	return n;
}

static bool rule_rejects(const struct lab_rule *rule)
{
	return rule->action == DPU_ACTION_REJECT;
}

static bool rule_logs(const struct lab_rule *rule)
{
	return rule->log;
}

static bool rule_is_categorised(const struct lab_rule *rule)
{
	return rule->category != CATEGORY_APPLICATION || rule->n_apply_to;
}

static const struct {
	const char *policy;
	enum profile_key feature;
	bool (*pass)(const struct lab_rule *rule);
} rule_kinds[] = {
	{"rules that reject", PROFILE_HAS_REJECT, rule_rejects},
	{"rules that log", PROFILE_HAS_LOG, rule_logs},
	{"categories and applied-to", PROFILE_HAS_CATEGORIES, rule_is_categorised},
};

/* A number of rules above what the device takes. */
static void plan_rule_count(struct maker *maker)
{
	double most = profile_number(maker->profile, PROFILE_MAX_RULES, 0);
	struct plan_item *item;

	if (!most || !maker->lab->n_rules)
		return;
	item = add(maker, "number of rules", PROFILE_FN_DFW);
	if (!item)
		return;
	item->key = PROFILE_MAX_RULES;
	item->security = true;
	item->verdict = (double)maker->lab->n_rules > most ? PLAN_LOST : PLAN_KEPT;
	snprintf(item->subject, sizeof(item->subject), "%zu of at most %.0f at a vNIC", maker->lab->n_rules, most);
}

/* Connections the lab allows and the device's table does not hold stay on its cores. */
static void plan_capacity(struct maker *maker)
{
	const struct lab_host *host = &maker->lab->hosts[maker->host];
	double entries = profile_number(maker->profile, PROFILE_CAPACITY, 0);
	bool flows = profile_number(maker->profile, PROFILE_ENTRY, ENTRY_FLOW) == (double)ENTRY_FLOW;
	double most = entries / (flows ? 2 : 1) / (host->profile_scale ? host->profile_scale : 1);
	struct plan_item *item;

	if (!entries)
		return;
	item = add(maker, "connections in hardware", PROFILE_FN_DVS);
	if (!item)
		return;
	item->key = PROFILE_CAPACITY;
	item->verdict = (double)maker->lab->connections > most ? PLAN_DEGRADED : PLAN_KEPT;
	snprintf(item->subject, sizeof(item->subject), "%u of at most %.0f%s", maker->lab->connections, most,
		 host->profile_scale > 1 ? ", scaled" : "");
}

static void plan_firewall(struct maker *maker)
{
	const struct lab *lab = maker->lab;
	char text[96];

	if (!lab->n_rules && lab->default_action == DPU_ACTION_ALLOW)
		return; /* there is nothing to lose */
	add_policy(maker, "firewall", PROFILE_HAS_STATEFUL, PROFILE_FN_DFW, "%zu rules, default %s", lab->n_rules,
		   lab->default_action == DPU_ACTION_ALLOW ? "allow" : lab->default_action == DPU_ACTION_DROP ? "drop" : "reject");
	for (size_t i = 0; i < sizeof(rule_kinds) / sizeof(rule_kinds[0]); i++)
		if (name_rules(lab, rule_kinds[i].pass, text, sizeof(text)))
			add_policy(maker, rule_kinds[i].policy, rule_kinds[i].feature, PROFILE_FN_DFW, "%s", text);
	add_policy(maker, "fragments", PROFILE_HAS_FRAGMENTS, PROFILE_FN_DFW, "every vNIC");
	add_policy(maker, "connection limit", PROFILE_HAS_CONNECTION_LIMIT, PROFILE_FN_DFW, "%u of a vNIC",
		   lab->max_connections ? lab->max_connections : lab->connections / 2);
	add_policy(maker, "SYN challenge", PROFILE_HAS_CHALLENGE, PROFILE_FN_DFW, "above %u half-open of a vNIC",
		   lab->max_half_open ? lab->max_half_open : lab->connections / 8);
	plan_rule_count(maker);
}

/* ---- what a DPU's first generation lost -------------------------------------- */

static void plan_shaping(struct maker *maker)
{
	static const char *const names[DPU_SHAPE_DIRECTIONS] = {"ingress", "egress"};
	char average[VALUE_TEXT_MAX];

	for (size_t i = 0; i < maker->lab->n_vms; i++) {
		const struct lab_vm *vm = &maker->lab->vms[i];

		for (int dir = 0; vm->host == maker->host && dir < DPU_SHAPE_DIRECTIONS; dir++) {
			const struct lab_shaper shaper = lab_shaper(maker->lab, vm, dir);

			if (shaper.average)
				add_policy(maker, "traffic shaping", PROFILE_FN_QOS, PROFILE_FN_QOS, "%s: %s %.16s bit/s", vm->name,
					   names[dir], scaled_format(shaper.average, average));
		}
	}
}

static void plan_classes(struct maker *maker)
{
	if (maker->lab->n_classes)
		add_policy(maker, "Network I/O Control", PROFILE_FN_QOS, PROFILE_FN_QOS, "uplink of %s: %zu classes",
			   maker->lab->hosts[maker->host].name, maker->lab->n_classes);
}

static void plan_chains(struct maker *maker)
{
	static const char *const names[DPU_INTERCEPT_DIRECTIONS] = {"out", "in"};

	for (size_t i = 0; i < maker->lab->n_vms; i++) {
		const struct lab_vm *vm = &maker->lab->vms[i];

		for (int dir = 0; vm->host == maker->host && dir < DPU_INTERCEPT_DIRECTIONS; dir++)
			if (vm->n_intercept[dir])
				add_policy(maker, "intercept", PROFILE_FN_INTERCEPT, PROFILE_FN_INTERCEPT, "%s: %s, %zu slots, first %s",
					   vm->name, names[dir], vm->n_intercept[dir], maker->lab->slots[vm->intercept[dir][0]].name);
	}
}

/* ---- the plan --------------------------------------------------------------- */

/* One for each kind of policy: a new kind is one line here. */
static void (*const kinds[])(struct maker *maker) = {
	plan_segments, plan_guards, plan_storm, plan_firewall, plan_capacity, plan_path, plan_shaping, plan_classes, plan_chains,
};

int plan_make(const struct lab *lab, size_t host, const struct profile *profile, struct plan *ret_plan)
{
	struct maker maker = {.lab = lab, .host = host, .profile = profile};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		kinds[i](&maker);
	if (maker.out_of_memory) {
		plan_free(&maker.plan);
		return -ENOMEM;
	}
	*ret_plan = maker.plan;
	return 0;
}

void plan_place(struct plan *plan, enum frame_path path)
{
	for (size_t i = 0; frame_path_is_mixed(path) && i < plan->n; i++) {
		struct plan_item *item = &plan->items[i];

		item->on_host = functions_place(path, item->function) == LOCATION_HOST;
		item->by_device = item->verdict;
		if (item->on_host)
			item->verdict = PLAN_KEPT;
	}
}

void plan_free(struct plan *plan)
{
	free(plan->items);
	plan->items = NULL;
	plan->n = 0;
}

size_t plan_count(const struct plan *plan, enum plan_verdict verdict, bool security)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		n += plan->items[i].verdict == verdict && (!security || plan->items[i].security);
	return n;
}

bool plan_path_is_dpu(enum frame_path path)
{
	return frame_path_is_dpu(path) || frame_path_is_mixed(path);
}

bool plan_item_is_lost(const struct plan_item *item, enum frame_path path)
{
	return item->verdict == PLAN_LOST && plan_path_is_dpu(path) && functions_place(path, item->function) == LOCATION_DPU;
}

enum frame_path plan_keeping(const struct lab *lab, size_t host, const struct plan_item *item)
{
	if (functions_place(PATH_HOST_DFW, item->function) == LOCATION_HOST)
		return PATH_HOST_DFW;
	if (functions_place(PATH_DPU_VXLAN, item->function) == LOCATION_HOST && !trunk_refuse(lab, host, PATH_DPU_VXLAN, NULL))
		return PATH_DPU_VXLAN;
	return PATH_HOST;
}

const char *plan_keeping_words(enum frame_path path)
{
	return path == PATH_HOST_DFW ? "dfw=host dvs=dpu vxlan=dpu" : path == PATH_DPU_VXLAN ? "dfw=host dvs=host vxlan=dpu" : frame_path_name(path);
}

int plan_refuse_loss(const struct lab *lab, size_t host, enum frame_path path, bool accept, struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	struct plan plan;
	int err;

	if (!h->profile || !plan_path_is_dpu(path) || accept || h->accept_loss)
		return 0;
	err = plan_make(lab, host, h->profile, &plan);
	if (err)
		return err;
	for (size_t i = 0; i < plan.n; i++) {
		const struct plan_item *item = &plan.items[i];
		const struct profile_value *value = &h->profile->value[item->key];

		char keep[160];

		if (!plan_item_is_lost(item, path) || !item->security)
			continue;
		snprintf(keep, sizeof(keep),
			 "`dpulab place %s %s` keeps it on the host; --accept-loss, or `accept-loss: true` beside the profile, gives it up",
			 lab->name, plan_keeping_words(plan_keeping(lab, host, item)));
		err = diag_error(diag, -EPERM, keep, "%s on %s would not be enforced on %s: %s (%s: %s)", item->policy, item->subject, h->name,
				 profile_keys[item->key].path, profile_confidence_word(value->confidence),
				 value->source ? value->source : "no source");
	}
	plan_free(&plan);
	return err;
}
