// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwimport_options.h"
#include "values.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct option {
	struct option_reader *r;
	struct chain_rule *rule;
	const char *name, *value;
	bool inverted;
};

static void obstacle(struct option *o, const char *why)
{
	if (o->rule->obstacle)
		return;
	if (asprintf(&o->rule->obstacle_word, o->value ? "%s%s %s" : "%s%s", o->inverted ? "! " : "", o->name, o->value) < 0)
		o->rule->obstacle_word = NULL;
	o->rule->obstacle = strdup(why);
	if (!o->rule->obstacle || !o->rule->obstacle_word)
		import_error(o->r->in, o->r->line, 1, NULL, "out of memory");
}

static void wrong(struct option *o, const char *expected)
{
	import_error(o->r->in, o->r->line, 1, NULL, "%s: expected %s, found '%s'", o->name, expected, o->value);
}

/* ---- options that rules have ------------------------------------------------------- */

/* "10.0.0.0/255.0.0.0" as "10.0.0.0/8"; false: no prefix. */
static bool read_prefix(const char *value, struct lab_prefix *ret)
{
	const char *slash = strchr(value, '/');
	struct lab_prefix mask;
	char text[VALUE_TEXT_MAX];
	uint32_t bits;

	if (!slash || !strchr(slash, '.'))
		return prefix_parse(value, ret) == 0;
	if (prefix_parse(slash + 1, &mask) || mask.family != 4)
		return false;
	bits = ntohl(mask.addr.w[3]);
	if (bits & (~bits >> 1)) /* not ones and then zeros */
		return false;
	snprintf(text, sizeof(text), "%.*s/%d", (int)(slash - value), value, __builtin_popcount(bits));
	return prefix_parse(text, ret) == 0;
}

static void address(struct option *o, struct lab_prefix *side, struct lab_prefix *nots, size_t *n_nots)
{
	struct lab_prefix prefix;

	if (!read_prefix(o->value, &prefix)) {
		obstacle(o, "not a prefix of addresses");
		return;
	}
	if (o->r->seen && o->r->seen != prefix.family)
		wrong(o, "an address of the family that the file is about");
	o->r->seen = o->r->chains->family = prefix.family;
	if (!prefix.plen) {
		if (o->inverted)
			obstacle(o, "nothing is outside of all addresses"), o->rule->never = true;
		return;
	}
	prefix = prefix_network(&prefix);
	if (!o->inverted)
		*side = prefix;
	else
		nots[0] = prefix, *n_nots = 1; /* an option is given once */
}

static void source(struct option *o)
{
	address(o, &o->rule->match.src, o->rule->match.not_src, &o->rule->match.n_not_src);
}

static void destination(struct option *o)
{
	address(o, &o->rule->match.dst, o->rule->match.not_dst, &o->rule->match.n_not_dst);
}

static void protocol(struct option *o)
{
	const char *value = !strcmp(o->value, "ipv6-icmp") ? "icmpv6" : !strcmp(o->value, "all") ? "any" : o->value;

	if (protocol_parse(value, &o->rule->match.proto))
		obstacle(o, "no protocol of that name is known here: give its number");
	else if (o->rule->match.proto == IPPROTO_ICMPV6)
		o->r->chains->family = 6;
	else if (o->rule->match.proto == IPPROTO_ICMP && o->r->chains->family == 6)
		obstacle(o, "it is the ICMP of IPv4, in rules about IPv6");
	if (o->inverted && o->rule->match.proto)
		obstacle(o, "a rule names one protocol or any, not all but one");
}

static void ports_of(struct option *o, struct chain_ports *ports)
{
	char text[512], *rest = text, *word, *colon;
	uint64_t lo, hi;

	snprintf(text, sizeof(text), "%s", o->value);
	while ((word = strsep(&rest, ","))) {
		colon = strchr(word, ':');
		if (colon)
			*colon = '\0';
		lo = 0;
		hi = 65535;
		if ((*word && number_parse(word, 0, 65535, &lo)) ||
		    (!colon ? (hi = lo, !*word) : colon[1] && number_parse(colon + 1, lo, 65535, &hi))) {
			obstacle(o, "ports are numbers here");
			return;
		}
		if (!chain_ports_add(ports, (struct lab_port_range){(uint16_t)lo, (uint16_t)hi})) {
			obstacle(o, "too many ports for one rule");
			return;
		}
	}
	if (o->inverted && !chain_ports_invert(ports)) {
		obstacle(o, "no port is outside of that");
		o->rule->never = true;
	}
}

static void dports(struct option *o)
{
	ports_of(o, &o->rule->match.dports);
}

static void sports(struct option *o)
{
	ports_of(o, &o->rule->match.sports);
}

static void icmp_type(struct option *o)
{
	struct lab_icmp *icmp = &o->rule->match.icmp;

	if (!strcmp(o->value, "any") || !strcmp(o->value, "255"))
		return;
	if (o->inverted)
		obstacle(o, "a rule names ICMP messages, not all but some");
	else if (icmp_parse(o->value, icmp))
		obstacle(o, "no ICMP message of that name is known here: give type and code");
	else
		o->rule->match.has_icmp = true;
}

static void states(struct option *o)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} names[] = {{"NEW", STATE_NEW | STATE_MIDSTREAM}, {"ESTABLISHED", STATE_ESTABLISHED}, {"RELATED", STATE_RELATED},
		     {"INVALID", STATE_INVALID}, {"UNTRACKED", STATE_UNTRACKED}};
	char text[128], *rest = text, *word;
	uint8_t bits = 0, bit;

	snprintf(text, sizeof(text), "%s", o->value);
	while ((word = strsep(&rest, ","))) {
		bit = 0;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			bit |= !strcmp(word, names[i].name) ? names[i].bit : 0;
		if (!bit) {
			obstacle(o, "no rule here asks for that state");
			return;
		}
		bits |= bit;
	}
	o->rule->match.states &= o->inverted ? (uint8_t)(STATE_ANY & ~bits) : bits;
	if (o->rule->match.states)
		return;
	obstacle(o, "no packet is in such a state");
	o->rule->never = true;
}

static void syn(struct option *o)
{
	o->rule->match.states &= o->inverted ? STATE_ANY & ~STATE_NEW & ~STATE_UNTRACKED : STATE_NEW;
	if (o->rule->match.states)
		return;
	obstacle(o, "no packet is in such a state");
	o->rule->never = true;
}

/* Words MASK and COMP: only the one that means --syn. */
static void tcp_flags(struct option *o)
{
	const char *comp = o->r->n ? o->r->words[0] : "";
	bool is_syn = (!strcmp(o->value, "FIN,SYN,RST,ACK") || !strcmp(o->value, "SYN,RST,ACK,FIN")) && !strcmp(comp, "SYN");

	if (is_syn)
		syn(o);
	else
		obstacle(o, "rules here have no TCP flags but those of a connection's first packet");
	if (o->r->n) {
		o->r->words++;
		o->r->n--;
	}
}

static void interface(struct option *o)
{
	obstacle(o, !strcmp(o->value, "lo") && !o->inverted ? "packets of the loopback never are at a vNIC" :
							       "rules here know vNICs (apply-to) and directions, not a VM's interfaces");
	o->rule->never |= !strcmp(o->value, "lo") && !o->inverted;
}

static void comment(struct option *o)
{
	free(o->rule->comment);
	o->rule->comment = strdup(o->value);
}

static void module(struct option *o)
{
	static const char *const known[] = {"tcp", "udp", "sctp", "icmp", "icmp6", "multiport", "state", "conntrack", "comment", "time"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(o->value, known[i]))
			return;
	obstacle(o, "rules here have no such match");
}

static void jump(struct option *o)
{
	static const struct {
		const char *name;
		enum chain_target target;
	} targets[] = {
		{"ACCEPT", TARGET_ACCEPT}, {"DROP", TARGET_DROP}, {"REJECT", TARGET_REJECT}, {"RETURN", TARGET_RETURN},
		{"LOG", TARGET_NONE},	   {"NFLOG", TARGET_NONE}, {"ULOG", TARGET_NONE},    {"MARK", TARGET_NONE},
		{"CONNMARK", TARGET_NONE}, {"AUDIT", TARGET_NONE}, {"CLASSIFY", TARGET_NONE}, {"QUEUE", TARGET_OTHER},
		{"NFQUEUE", TARGET_OTHER}, {"SET", TARGET_NONE}, {"TCPMSS", TARGET_NONE}, {"TRACE", TARGET_NONE},
		{"CT", TARGET_OTHER}, {"SYNPROXY", TARGET_OTHER}, {"TARPIT", TARGET_OTHER}, {"SECMARK", TARGET_NONE},
		{"CONNSECMARK", TARGET_NONE}, {"TEE", TARGET_NONE},
	};

	o->rule->target = TARGET_JUMP;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strcmp(o->value, targets[i].name))
			o->rule->target = targets[i].target;
	free(o->rule->target_word);
	o->rule->target_word = strdup(o->value);
}

static void go_to(struct option *o)
{
	jump(o);
	o->rule->target = TARGET_GOTO;
}

static void reject_with(struct option *o)
{
	const bool same = !strcmp(o->value, "tcp-reset")	    ? o->rule->match.proto == IPPROTO_TCP :
			  !strcmp(o->value, "icmp-admin-prohibited") || !strcmp(o->value, "icmp6-adm-prohibited") ?
								      o->rule->match.proto && o->rule->match.proto != IPPROTO_TCP :
								      false;

	if (!same)
		import_remark(o->r->in, o->r->line, FWIMPORT_SAME, o->value,
			      "reject answers TCP with RST and the rest with ICMP administratively prohibited");
}

static void time_option(struct option *o)
{
	struct chain_time *time = &o->rule->match.time;
	const char *why;

	if (!time->set)
		*time = CHAIN_TIME_ALWAYS;
	why = chain_time_option(time, o->name, o->value, o->inverted);
	if (why)
		obstacle(o, why);
}

/* ---- all of them --------------------------------------------------------------------- */

static const struct {
	const char *name, *other; /* the long form, or NULL */
	bool has_value;
	void (*read)(struct option *o);
} options[] = {
	{"-s", "--source", true, source},
	{"-d", "--destination", true, destination},
	{"-p", "--protocol", true, protocol},
	{"-m", "--match", true, module},
	{"-j", "--jump", true, jump},
	{"-g", "--goto", true, go_to},
	{"-i", "--in-interface", true, interface},
	{"-o", "--out-interface", true, interface},
	{"--dport", "--destination-port", true, dports},
	{"--dports", "--destination-ports", true, dports},
	{"--sport", "--source-port", true, sports},
	{"--sports", "--source-ports", true, sports},
	{"--icmp-type", "--icmpv6-type", true, icmp_type},
	{"--state", "--ctstate", true, states},
	{"--syn", NULL, false, syn},
	{"--tcp-flags", NULL, true, tcp_flags},
	{"--comment", NULL, true, comment},
	{"--reject-with", NULL, true, reject_with},
	{"--timestart", NULL, true, time_option},
	{"--timestop", NULL, true, time_option},
	{"--datestart", NULL, true, time_option},
	{"--datestop", NULL, true, time_option},
	{"--weekdays", NULL, true, time_option},
	{"--monthdays", NULL, true, time_option},
	{"--contiguous", NULL, false, time_option},
	{"--utc", NULL, false, time_option},
	{"--kerneltz", "--localtz", false, time_option},
};

/* An option of a match or target that is not known: its values go by with it. */
static void unknown(struct option *o)
{
	const bool of_target = o->rule->target != TARGET_NONE || o->rule->target_word;

	if (!of_target)
		obstacle(o, "rules here have no such match");
	else if (o->rule->target == TARGET_ACCEPT || o->rule->target == TARGET_DROP || o->rule->target == TARGET_JUMP)
		obstacle(o, "the target has no such option");
	while (o->r->n && o->r->words[0][0] != '-' && strcmp(o->r->words[0], "!") != 0) {
		o->r->words++;
		o->r->n--;
	}
}

static void read_option(struct option *o)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(o->name, options[i].name) != 0 && (!options[i].other || strcmp(o->name, options[i].other) != 0))
			continue;
		if (options[i].has_value) {
			o->value = o->r->n ? o->r->words[0] : "";
			if (!o->r->n) {
				wrong(o, "a value");
				return;
			}
			o->r->words++;
			o->r->n--;
		}
		options[i].read(o);
		return;
	}
	unknown(o);
}

static void check_protocol(struct option_reader *r, struct chain_rule *rule)
{
	const struct chain_match *match = &rule->match;
	const bool icmp = match->proto == IPPROTO_ICMP || match->proto == IPPROTO_ICMPV6;
	struct option o = {.r = r, .rule = rule, .name = "-p"};

	if ((match->sports.n || match->dports.n) && !protocol_has_ports(match->proto))
		obstacle(&o, "ports are those of tcp, udp and sctp here");
	else if (match->has_icmp && !icmp)
		obstacle(&o, "ICMP messages need an ICMP protocol");
	if (match->time.set && chain_time_obstacle(&match->time)) {
		o.name = "-m time";
		obstacle(&o, chain_time_obstacle(&match->time));
	}
}

void option_read_rule(struct option_reader *r, struct chain_rule *rule)
{
	while (r->n && !r->in->err) {
		struct option o = {.r = r, .rule = rule, .name = r->words[0]};

		if (!strcmp(o.name, "!") && r->n > 1) {
			o.inverted = true;
			o.name = r->words[1];
			r->words++;
			r->n--;
		}
		r->words++;
		r->n--;
		if (o.name[0] == '-') {
			read_option(&o);
			continue;
		}
		o.value = o.name;
		o.name = "a rule";
		wrong(&o, "an option such as -s");
	}
	if (!rule->target_word)
		rule->target_word = strdup("no target");
	check_protocol(r, rule);
}

void option_free_rule(struct chain_rule *rule)
{
	free(rule->target_word);
	free(rule->comment);
	free(rule->obstacle);
	free(rule->obstacle_word);
}
