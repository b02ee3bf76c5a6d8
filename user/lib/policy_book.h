/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_book.h - the firewall of a lab with every name looked up: rules as sets of addresses,
 * ports and vNICs. Made once, then asked for each vNIC. Pure. Points into the lab.
 */
#pragma once
#include "ip_set.h"

/* One side of a rule. `any` when it is everything, of both families; else prefixes, the fewest. */
struct policy_side {
	struct ip_set set, part[2];
	struct lab_prefix *prefixes[2]; /* IPv4, IPv6 */
	size_t n[2];
	bool any;
};

/* A protocol with its ports: what a service comes to. */
struct policy_service {
	uint8_t proto;	/* 0 any; ICMPv6 as IPPROTO_ICMPV6 */
	uint8_t family; /* 0 any: narrower than the rule's own when ICMP types are */
	struct lab_port_range *sports, *dports; /* ICMP: type and code. In order, apart; never none */
	size_t n_sports, n_dports;
};

struct policy_rule {
	const struct lab_rule *rule;
	const struct policy_side *from, *to;
	struct policy_service *services; /* none: the rule never matches */
	size_t n_services;
	uint64_t *vms; /* bits by VM: where it counts; NULL = everywhere */
	size_t n_vms;
};

struct policy_group {
	struct ip_set set;
	uint64_t *vms; /* bits by VM */
	size_t n_vms;
	struct policy_side *side; /* of a rule that names this group and nothing else; NULL: none did yet */
};

struct policy_book {
	const struct lab *lab;
	struct policy_rule *rules; /* as in the lab */
	size_t n;
	struct policy_group *groups; /* of the lab's address_groups */
	const struct lab_rule **service_seen; /* by service: the rule it was last taken into */
	struct policy_side any;
	struct policy_side **sides; /* of single rules */
	size_t n_sides;
};

/* The lab may have errors: what cannot be resolved counts as nothing. -ENOMEM. */
int policy_book_open(const struct lab *lab, struct policy_book **ret_book);
void policy_book_close(struct policy_book *book); /* NULL is fine */

/* Words of 64 bits in a vms field. */
size_t policy_vm_words(const struct lab *lab);
bool policy_applies_to(const struct policy_rule *rule, size_t vm);
/* Entries that the rule takes at a vNIC it applies to. */
size_t policy_rule_entries(const struct policy_rule *rule);

/* A chain of groups (or services) that ends where it begins, as "a > b > a"; false if there is none from `first`. */
bool policy_group_cycle(const struct lab *lab, size_t first, char *ret_chain, size_t size);
bool policy_service_cycle(const struct lab *lab, size_t first, char *ret_chain, size_t size);
