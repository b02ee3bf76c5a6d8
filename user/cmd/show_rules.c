/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB rules: what each rule has decided, and what the rules were compiled to. */
#include "inspect.h"
#include "l2_install.h"
#include "rulecount.h"
#include "schedule_install.h"
#include "show.h"
#include "values.h"

#include <stdlib.h>
#include <time.h>

static const char *const actions[] = {"allow", "drop", "reject", "jump-to-application"};
static const char *const directions[] = {"-", "in", "out", "both"};

/* Seconds ago; "-": never. */
static void out_last_hit(struct out *out, uint64_t last_ns)
{
	if (last_ns)
		out_real(out, "last_hit_s", show_age_s(last_ns), 1);
	else
		out_str(out, "last_hit_s", "-");
}

/* Whether a rule counts now, and until when that is so. */
static void out_schedule(struct out *out, const struct lab *lab, const struct lab_rule *rule,
			 const struct schedule_windows *windows)
{
	const struct lab_schedule *schedule = rule ? lab_schedule(lab, rule) : NULL;
	const uint64_t now_s = (uint64_t)time(NULL);
	char edge[32];

	out_str(out, "schedule", "%s", schedule ? schedule->name : "-");
	out_str(out, "active", "%s", !schedule || schedule_is_open(windows, (uint8_t)schedule->id, now_s) ? "yes" : "no");
	out_str(out, "next_edge", "%s",
		schedule ? schedule_moment_format(schedule_next_edge(windows, (uint8_t)schedule->id, now_s), edge) : "-");
}

int show_rules(const struct location *at, struct out *out, struct diag *diag)
{
	const struct lab *lab = at->lab;
	struct schedule_windows windows;
	struct rule_count *counts;
	size_t n;
	int err = rule_count_read(at, &counts, &n, diag);

	if (err)
		return err;
	err = schedule_read(at->dp, &windows, diag);
	if (err) {
		free(counts);
		return err;
	}
	for (size_t i = 0; i < n; i++) {
		const struct lab_rule *rule = i < lab->n_rules ? &lab->rules[i] : NULL;

		out_item(out);
		show_node(out, at);
		out_uint(out, "rule", counts[i].id);
		out_str(out, "name", "%s", !rule ? "default" : rule->name ? rule->name : "-");
		out_str(out, "category", "%s", rule ? lab_category_name(rule->category) : "-");
		out_str(out, "direction", "%s", rule ? directions[rule->direction % 4] : "both");
		out_str(out, "action", "%s", actions[(rule ? rule->action : lab->default_action) % 4]);
		out_schedule(out, lab, rule, &windows);
		out_uint(out, "hits", counts[i].hits);
		out_uint(out, "bytes", counts[i].bytes);
		out_last_hit(out, counts[i].last_ns);
		out_end(out);
	}
	free(counts);
	free(windows.list);
	return 0;
}

/* ---- the compiled entries ---------------------------------------------------- */

static const char *rule_name(const struct lab *lab, uint32_t id)
{
	const struct lab_rule *rule;

	if (id == DPU_RULE_DEFAULT)
		return "default";
	rule = lab_find_rule(lab, id);
	return rule && rule->name ? rule->name : "-";
}

static const char *rule_category(const struct lab *lab, uint32_t id)
{
	const struct lab_rule *rule = lab_find_rule(lab, id);

	return rule ? lab_category_name(rule->category) : "-";
}

static void out_range(struct out *out, const char *key, uint16_t lo, uint16_t hi)
{
	struct lab_port_range range = {lo, hi};
	char text[VALUE_TEXT_MAX];

	out_str(out, key, "%s", port_range_format(&range, text));
}

static void out_masked(struct out *out, const char *key, const union dpu_ip *ip, const union dpu_ip *mask,
		       uint8_t family)
{
	struct lab_prefix prefix = {.addr = *ip, .family = family};
	char text[VALUE_TEXT_MAX];
	unsigned bits = 0;

	for (size_t i = 0; i < sizeof(mask->b); i++)
		bits += (unsigned)__builtin_popcount(mask->b[i]);
	prefix.plen = (uint8_t)(family == 4 && bits >= 96 ? bits - 96 : bits);
	if (!bits)
		prefix.family = 0;
	out_str(out, key, "%s", prefix_format(&prefix, true, text));
}

static void out_mac(struct out *out, const char *key, uint64_t number, uint64_t mask)
{
	struct dpu_mac mac;
	char text[VALUE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(mac.b); i++)
		mac.b[i] = (uint8_t)(number >> 8 * i);
	if (mask)
		out_str(out, key, "%s", mac_prefix_format(&mac, (uint8_t)__builtin_popcountll(mask), text));
	else
		out_str(out, key, "any");
}

/* Rules of category ethernet, in the columns of the others: MAC addresses, EtherType. */
static int show_frames(const struct location *at, struct out *out, struct diag *diag)
{
	struct l2_entry *entries;
	char text[VALUE_TEXT_MAX];
	size_t n;
	int err = l2_list(at, &entries, &n, diag);

	for (size_t i = 0; !err && i < n; i++) {
		const struct dpu_l2_rule *rule = &entries[i].rule;

		out_item(out);
		show_node(out, at);
		out_str(out, "vnic", "%s", at->lab->vms[entries[i].vm].name);
		out_uint(out, "rule", rule->id);
		out_str(out, "name", "%s", rule_name(at->lab, rule->id));
		out_str(out, "category", "%s", lab_category_name(CATEGORY_ETHERNET));
		out_str(out, "direction", "%s", directions[rule->direction % 4]);
		out_str(out, "proto", "%s", rule->ethertype ? ether_type_format(rule->ethertype, text) : "any");
		out_mac(out, "from", rule->smac, rule->smac_mask);
		out_str(out, "from_port", "-");
		out_mac(out, "to", rule->dmac, rule->dmac_mask);
		out_str(out, "to_port", "-");
		out_str(out, "action", "%s", actions[rule->action % 4]);
		out_uint(out, "hits", rule->hits);
		out_last_hit(out, rule->last_ns);
		out_end(out);
	}
	if (!err)
		free(entries);
	return err;
}

int show_compiled_rules(const struct location *at, struct out *out, struct diag *diag)
{
	struct inspect_rule *rules;
	size_t n;
	int err = show_frames(at, out, diag);

	if (!err)
		err = inspect_rules(at, &rules, &n, diag);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		const struct dpu_rule *rule = &rules[i].rule;

		out_item(out);
		show_node(out, at);
		out_str(out, "vnic", "%s", at->lab->vms[rules[i].vm].name);
		out_uint(out, "rule", rule->id);
		out_str(out, "name", "%s", rule_name(at->lab, rule->id));
		out_str(out, "category", "%s", rule_category(at->lab, rule->id));
		out_str(out, "direction", "%s", directions[rule->direction % 4]);
		show_protocol(out, rule->proto);
		out_masked(out, "from", &rule->src, &rule->src_mask, rule->family);
		out_range(out, "from_port", rule->sport_lo, rule->sport_hi);
		out_masked(out, "to", &rule->dst, &rule->dst_mask, rule->family);
		out_range(out, "to_port", rule->dport_lo, rule->dport_hi);
		out_str(out, "action", "%s", actions[rule->action % 4]);
		out_uint(out, "hits", rules[i].hits);
		out_last_hit(out, rules[i].last_ns);
		out_end(out);
	}
	free(rules);
	return 0;
}
