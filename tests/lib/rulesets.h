/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rulesets.h - generated rule lists in the twelve shapes that classifiers are
 * compared by (ClassBench: access lists, firewalls, IP chains), and headers for
 * them. Same seed, same list, on every machine. Shapes differ in how long their
 * prefixes are, how deep these nest, how often an address recurs, and in ports.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <dpulab/dfw.h>

enum ruleset_family {
	RULESET_V4 = 4,
	RULESET_V6 = 6,
	RULESET_BOTH = 46, /* rules of either family, and of none, in one list */
};

#define RULESET_SHAPES 12
const char *ruleset_shape(unsigned shape); /* "acl1" ... "ipc2" */

struct ruleset {
	struct dpu_rule *rules;
	size_t n;
	uint64_t state; /* of the random sequence, for what is drawn from the set */
};

/* The caller frees with ruleset_free(). Out of memory: aborts, as in any test. */
struct ruleset ruleset_make(unsigned shape, enum ruleset_family family, size_t n, uint64_t seed);
void ruleset_free(struct ruleset *set);
/* One more rule of the same kind, for a change of the list. */
struct dpu_rule ruleset_rule(struct ruleset *set, unsigned shape, enum ruleset_family family);

/* The first packet of a connection; mostly one that a randomly drawn rule matches. */
struct ruleset_header {
	union dpu_ip src, dst;
	uint16_t sport, dport;
	uint8_t proto; /* never ICMPv6: as rules say it */
	uint8_t family, direction;
	bool has_ports;
};
struct ruleset_header ruleset_header(struct ruleset *set);
uint64_t ruleset_random(uint64_t *state);

/* Linear search over a list, by definition: 0-based position of the first match, or n. */
size_t ruleset_first_match(const struct dpu_rule *rules, size_t n, const struct ruleset_header *header);
