// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rulesets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Weight of each choice; they need not sum up to anything. */
struct lengths {
	struct {
		uint8_t len; /* IPv4; IPv6 by v6_length() */
		uint8_t weight;
	} at[12];
};

enum port_class { /* any, ephemeral, system, some range, one */
	PORT_ANY,
	PORT_HIGH,
	PORT_LOW,
	PORT_RANGE,
	PORT_ONE,
	PORT_CLASSES,
};

struct shape {
	const char *name;
	struct lengths src, dst;
	uint8_t sport[PORT_CLASSES], dport[PORT_CLASSES];
	uint8_t any_proto, tcp, udp, icmp, other; /* weights */
	uint8_t reuse_src, reuse_dst;		  /* per cent: below an address seen before */
	uint8_t both_ways;			  /* per cent: direction in and out */
};

#define L(...)                                                                                     \
	{                                                                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

/*
 * Our own figures, after what is published about such sets: access lists name a
 * destination and a port, firewalls leave one side open in two of five rules and
 * use ranges, chains pair many lengths on both sides.
 */
static const struct shape shapes[RULESET_SHAPES] = {
	{"acl1", L({0, 4}, {16, 4}, {20, 4}, {24, 20}, {28, 6}, {32, 62}), L({0, 1}, {16, 3}, {23, 4}, {24, 12}, {27, 8}, {30, 10}, {32, 62}),
	 {100}, {20, 8, 2, 12, 58}, 8, 84, 6, 2, 0, 70, 60, 60},
	{"acl2", L({0, 12}, {8, 3}, {14, 4}, {16, 10}, {19, 6}, {22, 8}, {24, 25}, {27, 8}, {32, 24}), L({0, 10}, {12, 4}, {16, 10}, {18, 5}, {21, 8}, {24, 23}, {28, 10}, {32, 30}),
	 {86, 6, 1, 2, 5}, {30, 15, 2, 13, 40}, 20, 60, 14, 4, 2, 75, 75, 70},
	{"acl3", L({0, 10}, {10, 2}, {16, 14}, {20, 8}, {23, 7}, {24, 26}, {26, 6}, {29, 7}, {32, 20}), L({0, 6}, {11, 3}, {16, 12}, {22, 8}, {24, 25}, {25, 6}, {28, 8}, {32, 32}),
	 {80, 8, 1, 3, 8}, {25, 12, 3, 10, 50}, 12, 62, 18, 6, 2, 65, 70, 60},
	{"acl4", L({0, 10}, {9, 2}, {16, 12}, {17, 5}, {21, 8}, {24, 26}, {26, 9}, {30, 8}, {32, 20}), L({0, 6}, {13, 3}, {16, 12}, {20, 8}, {24, 24}, {27, 7}, {29, 6}, {32, 34}),
	 {78, 9, 1, 3, 9}, {22, 13, 3, 12, 50}, 12, 60, 20, 6, 2, 65, 70, 60},
	{"acl5", L({0, 3}, {16, 6}, {22, 6}, {24, 55}, {28, 5}, {32, 25}), L({0, 1}, {20, 4}, {24, 15}, {30, 10}, {32, 70}),
	 {100}, {35, 4, 0, 6, 55}, 3, 90, 6, 1, 0, 60, 80, 80},
	{"fw1", L({0, 40}, {8, 2}, {16, 6}, {21, 4}, {24, 14}, {28, 4}, {32, 30}), L({0, 16}, {8, 2}, {16, 7}, {24, 20}, {29, 5}, {32, 50}),
	 {62, 24, 1, 6, 7}, {24, 20, 2, 14, 40}, 14, 58, 22, 5, 1, 60, 60, 50},
	{"fw2", L({0, 46}, {16, 6}, {24, 10}, {32, 38}), L({0, 22}, {16, 10}, {24, 24}, {32, 44}),
	 {54, 32, 0, 6, 8}, {50, 18, 1, 11, 20}, 22, 46, 26, 6, 0, 50, 60, 50},
	{"fw3", L({0, 42}, {9, 2}, {16, 6}, {22, 4}, {24, 12}, {32, 34}), L({0, 26}, {8, 2}, {16, 8}, {24, 20}, {27, 4}, {32, 40}),
	 {52, 28, 1, 10, 9}, {30, 22, 2, 16, 30}, 16, 56, 22, 6, 0, 60, 60, 50},
	{"fw4", L({0, 38}, {8, 2}, {16, 8}, {20, 4}, {24, 14}, {32, 34}), L({0, 24}, {10, 2}, {16, 8}, {24, 22}, {32, 44}),
	 {26, 38, 3, 24, 9}, {18, 34, 4, 28, 16}, 10, 62, 24, 4, 0, 60, 60, 50},
	{"fw5", L({0, 36}, {8, 2}, {14, 3}, {16, 8}, {24, 16}, {30, 4}, {32, 31}), L({0, 20}, {9, 2}, {16, 9}, {23, 5}, {24, 20}, {32, 44}),
	 {56, 26, 1, 9, 8}, {26, 24, 2, 16, 32}, 14, 58, 23, 5, 0, 60, 60, 50},
	{"ipc1", L({0, 8}, {8, 3}, {13, 4}, {16, 12}, {18, 6}, {20, 7}, {22, 8}, {24, 20}, {27, 7}, {32, 25}), L({0, 8}, {8, 3}, {12, 4}, {16, 12}, {19, 7}, {21, 7}, {24, 20}, {26, 7}, {29, 7}, {32, 25}),
	 {70, 10, 2, 4, 14}, {40, 12, 3, 9, 36}, 24, 44, 20, 8, 4, 80, 80, 70},
	{"ipc2", L({0, 30}, {24, 6}, {32, 64}), L({0, 30}, {24, 6}, {32, 64}),
	 {100}, {100}, 74, 12, 10, 4, 0, 20, 20, 80},
};

const char *ruleset_shape(unsigned shape)
{
	return shapes[shape % RULESET_SHAPES].name;
}

/* ---- chance ------------------------------------------------------------------ */

uint64_t ruleset_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static unsigned below(uint64_t *state, unsigned n)
{
	return (unsigned)(ruleset_random(state) % n);
}

static bool chance(uint64_t *state, unsigned per_cent)
{
	return below(state, 100) < per_cent;
}

static unsigned pick(uint64_t *state, const uint8_t *weights, unsigned n)
{
	unsigned sum = 0, at;

	for (unsigned i = 0; i < n; i++)
		sum += weights[i];
	at = below(state, sum);
	for (unsigned i = 0; i + 1 < n; i++) {
		if (at < weights[i])
			return i;
		at -= weights[i];
	}
	return n - 1;
}

static unsigned pick_length(uint64_t *state, const struct lengths *lengths)
{
	uint8_t weights[12];

	for (unsigned i = 0; i < 12; i++)
		weights[i] = lengths->at[i].weight;
	return lengths->at[pick(state, weights, 12)].len;
}

/* ---- addresses ----------------------------------------------------------------- */

/* 8 becomes 20, 16 becomes 36, 24 becomes 56, 32 becomes 128: site, subnet, link, host. */
static unsigned v6_length(unsigned len)
{
	if (len == 0 || len == 32)
		return len * 4;
	return len < 16 ? 20 + 2 * (len - 8) : len <= 24 ? 36 + (len - 16) * 5 / 2 : 56 + (len - 24) * 4;
}

/* Some dozen networks, thousands of subnets, many hosts. */
static union dpu_ip new_address(uint64_t *state, bool v6)
{
	union dpu_ip ip = {0};
	unsigned net = below(state, 40), subnet = below(state, 3000), host = below(state, 1 << 16);

	if (v6) {
		ip.h[0] = htons(0x2001);
		ip.h[1] = htons((uint16_t)(0x0db8 + net % 7));
		ip.h[2] = htons((uint16_t)(net * 997));
		ip.h[3] = htons((uint16_t)(subnet * 13));
		ip.w[2] = htonl((uint32_t)ruleset_random(state) & 0xff);
		ip.w[3] = htonl(host);
	} else {
		ip.h[5] = 0xffff;
		ip.w[3] = htonl((10 + net) << 24 | (subnet * 21 % 65536) << 8 | (host & 0xff));
	}
	return ip;
}

static void cut(const union dpu_ip *ip, unsigned bits, union dpu_ip *ret_ip, union dpu_ip *ret_mask)
{
	memset(ret_mask, 0, sizeof(*ret_mask));
	for (unsigned i = 0; i < bits; i++)
		ret_mask->b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	for (unsigned i = 0; i < 2; i++)
		ret_ip->q[i] = ip->q[i] & ret_mask->q[i];
}

/* Another side of the list's rules, whole: so that prefixes nest below one another. */
static bool seen_address(struct ruleset *set, bool v6, bool dst, union dpu_ip *ret_ip)
{
	for (unsigned tries = 0; set->n && tries < 8; tries++) {
		const struct dpu_rule *rule = &set->rules[below(&set->state, (unsigned)set->n)];
		const union dpu_ip *ip = dst ? &rule->dst : &rule->src;
		const union dpu_ip *mask = dst ? &rule->dst_mask : &rule->src_mask;

		if (rule->family == (v6 ? 6 : 4) && (mask->b[12] || (v6 && mask->b[4]))) {
			*ret_ip = *ip;
			return true;
		}
	}
	return false;
}

static void make_side(struct ruleset *set, const struct lengths *lengths, unsigned reuse, bool v6, bool dst,
		      union dpu_ip *ret_ip, union dpu_ip *ret_mask)
{
	unsigned len = pick_length(&set->state, lengths);
	union dpu_ip ip;

	if (!len) { /* any: the family says which */
		cut(&(union dpu_ip){0}, 0, ret_ip, ret_mask);
		return;
	}
	if (!chance(&set->state, reuse) || !seen_address(set, v6, dst, &ip))
		ip = new_address(&set->state, v6);
	cut(&ip, v6 ? v6_length(len) : 96 + len, ret_ip, ret_mask);
}

/* ---- rules ----------------------------------------------------------------------- */

static void make_ports(uint64_t *state, const uint8_t *weights, uint16_t *ret_lo, uint16_t *ret_hi)
{
	static const uint16_t known[] = {20, 21, 22, 23, 25, 53, 80, 110, 111, 123, 135, 139, 143, 161, 389, 443,
					 445, 514, 993, 1433, 1521, 3306, 3389, 5432, 6000, 8080, 8443, 9100};
	unsigned a = below(state, 65536), b = a + below(state, chance(state, 50) ? 64 : 8192);

	switch (pick(state, weights, PORT_CLASSES)) {
	case PORT_ANY:
		*ret_lo = 0;
		*ret_hi = 65535;
		break;
	case PORT_HIGH:
		*ret_lo = 1024;
		*ret_hi = 65535;
		break;
	case PORT_LOW:
		*ret_lo = 0;
		*ret_hi = 1023;
		break;
	case PORT_RANGE:
		*ret_lo = (uint16_t)a;
		*ret_hi = b > 65535 ? 65535 : (uint16_t)b;
		break;
	default:
		*ret_lo = *ret_hi = chance(state, 60) ? known[below(state, sizeof(known) / sizeof(*known))] :
							(uint16_t)a;
	}
}

static uint8_t make_proto(uint64_t *state, const struct shape *shape)
{
	static const uint8_t others[] = {47, 50, 89, 132};
	const uint8_t weights[] = {shape->any_proto, shape->tcp, shape->udp, shape->icmp, shape->other};
	const uint8_t protos[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, others[below(state, 4)]};

	return protos[pick(state, weights, sizeof(weights))];
}

static bool is_any(const union dpu_ip *mask)
{
	return !mask->q[0] && !mask->q[1];
}

struct dpu_rule ruleset_rule(struct ruleset *set, unsigned number, enum ruleset_family family)
{
	const struct shape *shape = &shapes[number % RULESET_SHAPES];
	uint64_t *state = &set->state;
	bool v6 = family == RULESET_V6 || (family == RULESET_BOTH && chance(state, 40));
	struct dpu_rule rule = {.family = v6 ? 6 : 4, .proto = make_proto(state, shape), .id = (uint32_t)set->n + 1};

	make_side(set, &shape->src, shape->reuse_src, v6, false, &rule.src, &rule.src_mask);
	make_side(set, &shape->dst, shape->reuse_dst, v6, true, &rule.dst, &rule.dst_mask);
	if (family == RULESET_BOTH && is_any(&rule.src_mask) && is_any(&rule.dst_mask))
		rule.family = 0;
	make_ports(state, shape->sport, &rule.sport_lo, &rule.sport_hi);
	make_ports(state, shape->dport, &rule.dport_lo, &rule.dport_hi);
	if (rule.proto && rule.proto != IPPROTO_TCP && rule.proto != IPPROTO_UDP && rule.proto != IPPROTO_SCTP) {
		rule.sport_lo = rule.dport_lo = 0;
		rule.sport_hi = rule.dport_hi = 65535;
	}
	rule.direction = chance(state, shape->both_ways) ? DPU_DIR_IN | DPU_DIR_OUT :
			 chance(state, 50)		 ? DPU_DIR_IN :
							   DPU_DIR_OUT;
	rule.action = (uint8_t)below(state, 3);
	return rule;
}

/* Rules that match everything would hide those after them: at most the last one may. */
static bool hides_all(const struct dpu_rule *rule)
{
	return is_any(&rule->src_mask) && is_any(&rule->dst_mask) &&
	       rule->sport_hi - rule->sport_lo > 60000 && rule->dport_hi - rule->dport_lo > 60000;
}

/* What the list has: published sets have no rule twice. Open addressing, positions + 1. */
struct seen {
	uint32_t *at;
	size_t mask;
};

static bool same_match(const struct dpu_rule *a, const struct dpu_rule *b)
{
	struct dpu_rule x = *a, y = *b;

	x.action = y.action = 0;
	x.id = y.id = 0;
	return !memcmp(&x, &y, sizeof(x));
}

static uint64_t hash_of(const struct dpu_rule *rule)
{
	uint64_t hash = (uint64_t)rule->proto << 24 ^ (uint64_t)rule->direction << 16 ^ rule->family;
	const uint64_t words[] = {rule->src.q[0], rule->src.q[1], rule->src_mask.q[1], rule->dst.q[0], rule->dst.q[1],
				  rule->dst_mask.q[1], (uint64_t)rule->sport_lo << 16 | rule->sport_hi,
				  (uint64_t)rule->dport_lo << 16 | rule->dport_hi};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		hash = ((hash ^ words[i]) * 0x9e3779b97f4a7c15ull) ^ hash >> 29;
	return hash >> 20;
}

static bool is_new(const struct ruleset *set, struct seen *seen, const struct dpu_rule *rule)
{
	size_t at = hash_of(rule) & seen->mask;

	for (; seen->at[at]; at = (at + 1) & seen->mask)
		if (same_match(&set->rules[seen->at[at] - 1], rule))
			return false;
	seen->at[at] = (uint32_t)set->n + 1;
	return true;
}

static struct seen seen_open(size_t n)
{
	size_t size = 16;

	while (size < 2 * n)
		size *= 2;
	return (struct seen){calloc(size, sizeof(uint32_t)), size - 1};
}

struct ruleset ruleset_make(unsigned shape, enum ruleset_family family, size_t n, uint64_t seed)
{
	struct ruleset set = {.rules = calloc(n + 1, sizeof(struct dpu_rule)), .state = seed};
	struct seen seen = seen_open(n);

	if (!set.rules || !seen.at)
		abort();
	while (set.n < n) {
		struct dpu_rule rule = ruleset_rule(&set, shape, family);

		if ((!hides_all(&rule) || set.n + 1 == n) && is_new(&set, &seen, &rule))
			set.rules[set.n++] = rule;
	}
	free(seen.at);
	return set;
}

void ruleset_free(struct ruleset *set)
{
	free(set->rules);
	set->rules = NULL;
}

/* ---- headers ----------------------------------------------------------------------- */

static union dpu_ip address_in(uint64_t *state, const union dpu_ip *ip, const union dpu_ip *mask, bool v6)
{
	union dpu_ip within = new_address(state, v6);

	if (chance(state, 10)) /* beside the generator's own networks, too */
		within.w[3] = (uint32_t)ruleset_random(state);
	for (unsigned i = 0; i < 2; i++)
		within.q[i] = ip->q[i] | (within.q[i] & ~mask->q[i]);
	return within;
}

static uint16_t port_in(uint64_t *state, uint16_t lo, uint16_t hi)
{
	switch (below(state, 6)) {
	case 0:
		return lo;
	case 1:
		return hi;
	case 2: /* just outside */
		return chance(state, 50) ? lo - 1 : hi + 1;
	default:
		return (uint16_t)(lo + below(state, hi - lo + 1u));
	}
}

struct ruleset_header ruleset_header(struct ruleset *set)
{
	uint64_t *state = &set->state;
	const struct dpu_rule *rule = &set->rules[below(state, (unsigned)set->n)];
	bool v6 = rule->family ? rule->family == 6 : chance(state, 50);
	const struct dpu_rule *other = &set->rules[below(state, (unsigned)set->n)];
	struct ruleset_header header = {
		.src = address_in(state, &rule->src, &rule->src_mask, v6),
		.dst = address_in(state, &rule->dst, &rule->dst_mask, v6),
		.sport = port_in(state, rule->sport_lo, rule->sport_hi),
		.dport = port_in(state, rule->dport_lo, rule->dport_hi),
		.proto = rule->proto ? rule->proto : chance(state, 70) ? IPPROTO_TCP : IPPROTO_ICMP,
		.family = v6 ? 6 : 4,
		.direction = chance(state, 50) ? DPU_DIR_IN : DPU_DIR_OUT,
	};

	if (chance(state, 20) && other->family == header.family) /* the destination of another rule */
		header.dst = address_in(state, &other->dst, &other->dst_mask, v6);
	header.has_ports = header.proto == IPPROTO_TCP || header.proto == IPPROTO_UDP ||
			   header.proto == IPPROTO_SCTP;
	if (!header.has_ports)
		header.sport = header.dport = 0;
	return header;
}

/* ---- the definition ------------------------------------------------------------------ */

static bool covers(const union dpu_ip *ip, const union dpu_ip *value, const union dpu_ip *mask)
{
	return !(((ip->q[0] & mask->q[0]) ^ value->q[0]) | ((ip->q[1] & mask->q[1]) ^ value->q[1]));
}

static bool matches(const struct dpu_rule *rule, const struct ruleset_header *header)
{
	bool any_ports = !rule->sport_lo && !rule->dport_lo && rule->sport_hi == 65535 && rule->dport_hi == 65535;

	if (!covers(&header->src, &rule->src, &rule->src_mask) || !covers(&header->dst, &rule->dst, &rule->dst_mask))
		return false;
	if (!(rule->direction & header->direction) || (rule->family && rule->family != header->family) ||
	    (rule->proto && rule->proto != header->proto))
		return false;
	if (!header->has_ports)
		return any_ports;
	return header->sport >= rule->sport_lo && header->sport <= rule->sport_hi &&
	       header->dport >= rule->dport_lo && header->dport <= rule->dport_hi;
}

size_t ruleset_first_match(const struct dpu_rule *rules, size_t n, const struct ruleset_header *header)
{
	for (size_t i = 0; i < n; i++)
		if (matches(&rules[i], header))
			return i;
	return n;
}
