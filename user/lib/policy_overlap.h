/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy_overlap.h - rules as sets of packets: which is in which, which meet. Pure. */
#pragma once
#include "policy_book.h"

/* A rule made ready for comparison with many others. Points into the book. */
struct policy_volume {
	const struct policy_rule *rule;
	size_t vm_words;
	uint8_t directions;
	bool family[2];			  /* IPv4, IPv6: does it match any such packet? */
	struct ip_range from[2], to[2];	  /* around all of its addresses */
	struct lab_port_range dports;	  /* around all of its destination ports */
	uint8_t proto;			  /* 0: any, or several */
	const struct lab_schedule *schedule; /* NULL: always */
	bool none;			  /* matches no packet, or counts at no vNIC */
};

struct policy_volume policy_volume_of(const struct policy_book *book, size_t rule);

/* Is there a vNIC where both count? Does outer count wherever inner does? words: policy_vm_words(). */
bool policy_share_vm(const struct policy_rule *a, const struct policy_rule *b, size_t words);
bool policy_has_vms(const struct policy_rule *outer, const struct policy_rule *inner, size_t words);

/* Is there a packet, at some vNIC, that both match? */
bool policy_meet(const struct policy_volume *a, const struct policy_volume *b);
/* Does outer match all that inner does? Never wrongly true; services are compared one with one. */
bool policy_contains(const struct policy_volume *outer, const struct policy_volume *inner);
/*
 * Do the others together match all that `volume` does? Never wrongly true: others that count at fewer
 * vNICs are left aside, and so is the question when *steps, which it uses up, comes to 0.
 */
bool policy_covered(const struct policy_volume *volume, const struct policy_volume *const *others, size_t n,
		    uint64_t *steps);
