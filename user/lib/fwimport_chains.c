// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fwimport_chains.c - chains into one list, first match first. A jump under a match is the
 * called chain's rules, each under that match too. A RETURN is what follows in the
 * callers, to the policy, under what it matches: those packets are then decided, and
 * the rest of the chain need not exclude them. So no match is ever negated.
 */
#include "fwimport_chains.h"
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

static const char forward_told[] = "INPUT and OUTPUT are taken as the VM's own; what it forwards for others is left out";

/* ---- matches ---------------------------------------------------------------------- */

static int by_port(const void *left, const void *right)
{
	const struct lab_port_range *a = left, *b = right;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

bool chain_ports_add(struct chain_ports *ports, struct lab_port_range range)
{
	size_t n = 0;

	if (ports->n == CHAIN_PORTS_MAX)
		return false;
	ports->at[ports->n++] = range;
	qsort(ports->at, ports->n, sizeof(range), by_port);
	for (size_t i = 1; i < ports->n; i++) {
		if (ports->at[i].lo > ports->at[n].hi + 1)
			ports->at[++n] = ports->at[i];
		else if (ports->at[i].hi > ports->at[n].hi)
			ports->at[n].hi = ports->at[i].hi;
	}
	ports->n = n + 1;
	return true;
}

bool chain_ports_invert(struct chain_ports *ports)
{
	struct chain_ports left = {0};
	unsigned from = 0;

	for (size_t i = 0; i < ports->n; i++) {
		const struct lab_port_range gap = {(uint16_t)from, (uint16_t)(ports->at[i].lo - 1)};

		if (ports->at[i].lo > from && !chain_ports_add(&left, gap))
			return false;
		from = ports->at[i].hi + 1u;
	}
	if (from <= 65535 && !chain_ports_add(&left, (struct lab_port_range){(uint16_t)from, 65535}))
		return false;
	*ports = left;
	return left.n > 0;
}

static int ports_and(const struct chain_ports *a, const struct chain_ports *b, struct chain_ports *ret)
{
	*ret = a->n ? *a : *b;
	if (!a->n || !b->n)
		return 0;
	ret->n = 0;
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++) {
			const struct lab_port_range both = {
				a->at[i].lo > b->at[j].lo ? a->at[i].lo : b->at[j].lo,
				a->at[i].hi < b->at[j].hi ? a->at[i].hi : b->at[j].hi,
			};

			if (both.lo <= both.hi && !chain_ports_add(ret, both))
				return -1;
		}
	return ret->n ? 0 : 1;
}

static int prefix_and(const struct lab_prefix *a, const struct lab_prefix *b, struct lab_prefix *ret)
{
	const struct lab_prefix *narrow = !a->family || (b->family && b->plen > a->plen) ? b : a;
	const struct lab_prefix *wide = narrow == a ? b : a;

	*ret = *narrow;
	return !wide->family || prefix_contains(wide, &narrow->addr) ? 0 : 1;
}

static int not_and(const struct lab_prefix *a, size_t n_a, const struct lab_prefix *b, size_t n_b,
		   struct lab_prefix *ret, size_t *ret_n)
{
	if (n_a + n_b > CHAIN_NOT_MAX)
		return -1;
	memcpy(ret, a, n_a * sizeof(*a));
	memcpy(ret + n_a, b, n_b * sizeof(*b));
	*ret_n = n_a + n_b;
	return 0;
}

static bool same_icmp(const struct lab_icmp *a, const struct lab_icmp *b)
{
	return a->name == b->name && a->type == b->type && a->any_code == b->any_code && (a->any_code || a->code == b->code);
}

int chain_match_and(const struct chain_match *a, const struct chain_match *b, struct chain_match *ret)
{
	int results[6];

	memset(ret, 0, sizeof(*ret));
	ret->proto = a->proto ? a->proto : b->proto;
	ret->states = a->states & b->states;
	ret->has_icmp = a->has_icmp || b->has_icmp;
	ret->icmp = a->has_icmp ? a->icmp : b->icmp;
	ret->time = a->time.set ? a->time : b->time;
	if ((a->proto && b->proto && a->proto != b->proto) || !ret->states)
		return 1;
	results[0] = prefix_and(&a->src, &b->src, &ret->src);
	results[1] = prefix_and(&a->dst, &b->dst, &ret->dst);
	results[2] = ports_and(&a->sports, &b->sports, &ret->sports);
	results[3] = ports_and(&a->dports, &b->dports, &ret->dports);
	results[4] = not_and(a->not_src, a->n_not_src, b->not_src, b->n_not_src, ret->not_src, &ret->n_not_src);
	results[5] = not_and(a->not_dst, a->n_not_dst, b->not_dst, b->n_not_dst, ret->not_dst, &ret->n_not_dst);
	for (size_t i = 0; i < 6; i++)
		if (results[i] > 0)
			return 1;
	for (size_t i = 0; i < 6; i++)
		if (results[i] < 0)
			return -1;
	if (a->time.set && b->time.set && !chain_time_same(&a->time, &b->time))
		return -1;
	return a->has_icmp && b->has_icmp && !same_icmp(&a->icmp, &b->icmp) ? -1 : 0;
}

/* ---- one rule into the policy -------------------------------------------------------- */

/* Where the walk goes on when a chain has ended. */
struct place {
	const struct chain *chain;
	size_t at;
	const struct place *caller;
};

struct walk {
	struct chains *chains;
	struct importer *in;
	const struct chain *base;
	uint8_t direction;
	bool replies_pass; /* ACCEPT of all ESTABLISHED has come by */
	bool replies_told;
	unsigned depth;
};

struct side_texts {
	char from[VALUE_TEXT_MAX], from_not[VALUE_TEXT_MAX], to[VALUE_TEXT_MAX], to_not[VALUE_TEXT_MAX];
	char sports[VALUE_TEXT_MAX], ports[VALUE_TEXT_MAX], icmp[VALUE_TEXT_MAX], schedule[VALUE_TEXT_MAX];
};

static void match_texts(const struct chain_match *match, struct side_texts *texts)
{
	char text[VALUE_TEXT_MAX];

	memset(texts, 0, sizeof(*texts));
	if (match->src.family)
		import_add_prefix(texts->from, sizeof(texts->from), &match->src);
	if (match->dst.family)
		import_add_prefix(texts->to, sizeof(texts->to), &match->dst);
	for (size_t i = 0; i < match->n_not_src; i++)
		import_add_prefix(texts->from_not, sizeof(texts->from_not), &match->not_src[i]);
	for (size_t i = 0; i < match->n_not_dst; i++)
		import_add_prefix(texts->to_not, sizeof(texts->to_not), &match->not_dst[i]);
	for (size_t i = 0; i < match->sports.n; i++)
		import_add_ports(texts->sports, sizeof(texts->sports), &match->sports.at[i]);
	for (size_t i = 0; i < match->dports.n; i++)
		import_add_ports(texts->ports, sizeof(texts->ports), &match->dports.at[i]);
	chain_time_format(&match->time, texts->schedule, sizeof(texts->schedule));
	if (match->has_icmp)
		snprintf(texts->icmp, sizeof(texts->icmp), "%s", icmp_format(&match->icmp, text));
}

static void write_match(const struct walk *walk, unsigned line, const char *comment, const struct chain_match *match,
			const char *action)
{
	struct side_texts texts;
	struct import_rule rule = {
		.line = line, .comment = comment, .direction = walk->direction, .family = walk->chains->family,
		.proto = match->proto, .from = texts.from, .from_not = texts.from_not, .to = texts.to,
		.to_not = texts.to_not, .sports = texts.sports, .ports = texts.ports, .icmp = texts.icmp,
		.schedule = texts.schedule, .action = action,
	};

	match_texts(match, &texts);
	import_write(walk->in, &rule);
}

static void remark(struct walk *walk, struct chain_rule *rule, enum fwimport_effect effect, const char *what,
		   const char *why)
{
	rule->told = true;
	import_remark(walk->in, rule->line, effect, what, "%s", why);
}

/* Replies are never asked for here: where the table stops them, the policy lets them pass. */
static void tell_replies(struct walk *walk, unsigned line, const struct chain_match *match)
{
	if (walk->replies_pass || walk->replies_told || !(match->states & STATE_ESTABLISHED))
		return;
	walk->replies_told = true;
	import_remark(walk->in, line, FWIMPORT_LOOSER, walk->base->name,
		      "packets of established connections are stopped from here on, as no rule before lets all of "
		      "them pass; here the replies of an allowed connection always pass");
}

/* Rules are asked for the first packet of a connection; what other states mean is built in, or cannot be said. */
static bool is_built_in(struct walk *walk, struct chain_rule *rule, const struct chain_match *match)
{
	const bool accepts = rule->target == TARGET_ACCEPT;

	if (match->states & STATE_NEW)
		return false;
	if (accepts && !(match->states & ~(STATE_ESTABLISHED | STATE_RELATED)))
		remark(walk, rule, FWIMPORT_SAME, "ESTABLISHED,RELATED",
		       "replies and ICMP errors of an allowed connection always pass");
	else if (!accepts && !(match->states & ~(STATE_INVALID | STATE_MIDSTREAM)))
		remark(walk, rule, FWIMPORT_SAME, "INVALID", "what belongs to no connection and opens none is always dropped");
	else
		remark(walk, rule, accepts ? FWIMPORT_STRICTER : FWIMPORT_LOOSER, "state",
		       "rules are asked about the first packet of a connection only: the rule is left out");
	return true;
}

static bool is_open(const struct chain_match *match)
{
	return !match->time.set && !match->proto && !match->src.family && !match->dst.family && !match->n_not_src && !match->n_not_dst;
}

static void verdict(struct walk *walk, struct chain_rule *rule, const struct chain_match *match)
{
	static const char *const actions[] = {[TARGET_ACCEPT] = "allow", [TARGET_DROP] = "drop", [TARGET_REJECT] = "reject"};

	if (rule->target == TARGET_ACCEPT && (match->states & STATE_ESTABLISHED) && is_open(match))
		walk->replies_pass = true;
	if (is_built_in(walk, rule, match))
		return;
	if (rule->target != TARGET_ACCEPT)
		tell_replies(walk, rule->line, match);
	rule->told = true;
	write_match(walk, rule->line, rule->comment, match, actions[rule->target]);
}

/* What the chain's policy does with packets that were sent back to it. */
static void policy_under(struct walk *walk, unsigned line, const struct chain_match *match)
{
	if (!(match->states & STATE_NEW))
		return;
	if (walk->base->drops)
		tell_replies(walk, line, match);
	write_match(walk, line, NULL, match, walk->base->drops ? "drop" : "allow");
}

/* ---- the walk ------------------------------------------------------------------------ */

static void follow(struct walk *walk, const struct place *place, const struct chain_match *under);

/* All that comes after a chain, under a match, to the policy. */
static void continue_at(struct walk *walk, const struct place *place, unsigned line, const struct chain_match *under)
{
	for (; place; place = place->caller)
		follow(walk, place, under);
	policy_under(walk, line, under);
}

/* The rule with all that is under it. False: nothing gets behind it. */
static bool step(struct walk *walk, const struct place *place, struct chain_rule *rule, const struct chain_match *match)
{
	const bool all = rule->target != TARGET_JUMP && is_open(&rule->match) && rule->match.states == STATE_ANY;
	const struct place after = {place->chain, (size_t)(rule - place->chain->rules) + 1, place->caller};
	const struct place into = {walk->chains->list + rule->chain, 0, rule->target == TARGET_GOTO ? place->caller : &after};

	switch (rule->target) {
	case TARGET_JUMP:
	case TARGET_GOTO:
		rule->told = true;
		follow(walk, &into, match);
		if (rule->target == TARGET_GOTO && !(all && place->caller))
			continue_at(walk, place->caller, rule->line, match);
		break;
	case TARGET_RETURN:
		rule->told = true;
		if (!all || !place->caller)
			continue_at(walk, place->caller, rule->line, match);
		break;
	default:
		verdict(walk, rule, match);
	}
	return !all;
}

static enum fwimport_effect effect_of(const struct chain_rule *rule)
{
	return rule->target == TARGET_NONE   ? FWIMPORT_SAME :
	       rule->target == TARGET_ACCEPT ? FWIMPORT_STRICTER :
	       rule->target == TARGET_DROP || rule->target == TARGET_REJECT ? FWIMPORT_LOOSER :
									      FWIMPORT_EITHER;
}

/* Said, and passed over. */
static bool is_left_out(struct walk *walk, struct chain_rule *rule)
{
	if (rule->never)
		remark(walk, rule, FWIMPORT_SAME, rule->obstacle_word, rule->obstacle);
	else if (rule->target == TARGET_NONE)
		remark(walk, rule, FWIMPORT_SAME, rule->target_word, "it decides nothing: the rule is left out");
	else if (rule->obstacle)
		remark(walk, rule, effect_of(rule), rule->obstacle_word, rule->obstacle);
	else if (rule->target == TARGET_OTHER)
		remark(walk, rule, FWIMPORT_EITHER, rule->target_word, "no rule here has such a target: the rule is left out");
	else
		return false;
	return true;
}

static void follow(struct walk *walk, const struct place *place, const struct chain_match *under)
{
	struct chain_match *match = malloc(sizeof(*match)); /* chains nest: not on the stack */

	if (!match || ++walk->depth > DEPTH_MAX) {
		if (!walk->in->err)
			walk->in->err = diag_error(walk->in->diag, match ? -EINVAL : -ENOMEM, NULL,
						   match ? "%s: chain %s calls itself, or chains call each other more than %d deep" :
							   "%s: out of memory in chain %s (%d)",
						   walk->in->name, place->chain->name, DEPTH_MAX);
		free(match);
		return;
	}
	for (size_t i = place->at; i < place->chain->n && !walk->in->err; i++) {
		struct chain_rule *rule = &place->chain->rules[i];
		int left;

		if (is_left_out(walk, rule))
			continue;
		left = chain_match_and(under, &rule->match, match);
		if (left < 0)
			remark(walk, rule, effect_of(rule), place->chain->name,
			       "with what the jumps to its chain match it is more than one rule can say: it is left out there");
		else if (left == 0 && !step(walk, place, rule, match))
			break;
	}
	walk->depth--;
	free(match);
}

static void walk_base(struct chains *chains, struct importer *in, const struct chain *base, uint8_t direction)
{
	struct walk walk = {.chains = chains, .in = in, .base = base, .direction = direction};
	const struct chain_match all = {.states = STATE_ANY};

	follow(&walk, &(struct place){base, 0, NULL}, &all);
	if (base->drops)
		tell_replies(&walk, base->line, &all);
}

/* One without rules that accepts, if there is none of that name. */
static const struct chain *find(const struct chains *chains, const char *name)
{
	static const struct chain none;

	for (size_t i = 0; i < chains->n; i++)
		if (!strcmp(chains->list[i].name, name))
			return &chains->list[i];
	return &none;
}

static void tell_the_rest(const struct chains *chains, struct importer *in, bool forwards)
{
	for (size_t i = 0; i < chains->n; i++)
		for (size_t j = 0; j < chains->list[i].n; j++) {
			const struct chain_rule *rule = &chains->list[i].rules[j];

			if (rule->told)
				continue;
			if (!forwards && !strcmp(chains->list[i].name, "FORWARD"))
				import_remark(in, rule->line, FWIMPORT_SAME, "FORWARD",
					      "%s", forward_told);
			else
				import_remark(in, rule->line, FWIMPORT_SAME, chains->list[i].name,
					      "no packet of the chains that are read gets to this rule");
		}
}

static bool says_something(const struct chain *chain)
{
	return chain->n || chain->drops;
}

/* INPUT and OUTPUT are what a vNIC's VM gets and sends; FORWARD, if they say nothing, is a hypervisor's. */
void chains_flatten(struct chains *chains, struct importer *in)
{
	const struct chain_match all = {.states = STATE_ANY};
	const struct chain *input = find(chains, "INPUT"), *output = find(chains, "OUTPUT");
	const struct chain *forward = find(chains, "FORWARD");
	const struct walk rest = {.chains = chains, .in = in, .direction = DPU_DIR_OUT};
	const bool own = says_something(input) || says_something(output);

	if (own) {
		walk_base(chains, in, input, DPU_DIR_IN);
		walk_base(chains, in, output, DPU_DIR_OUT);
		if (output->drops != input->drops)
			write_match(&rest, output->line, "policy of OUTPUT", &all, output->drops ? "drop" : "allow");
	} else {
		walk_base(chains, in, forward, DPU_DIR_IN | DPU_DIR_OUT);
	}
	in->default_action = (own ? input : forward)->drops ? "drop" : "allow";
	if (own && forward->drops)
		import_remark(in, forward->line, FWIMPORT_SAME, "FORWARD", "%s", forward_told);
	import_remark(in, (own ? input : forward)->line, FWIMPORT_SAME, chains->family == 4 ? "IPv6" : "IPv4",
		      "the table says nothing about it: the default decides (%s)", in->default_action);
	tell_the_rest(chains, in, !own);
}
