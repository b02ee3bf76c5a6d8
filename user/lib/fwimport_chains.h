/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fwimport_chains.h - inside the importer of iptables: rules as read, and what they come to in one list. */
#pragma once
#include "fwimport_rule.h"
#include "fwimport_time.h"

#define CHAIN_NOT_MAX	16
#define CHAIN_PORTS_MAX 32
#define CHAIN_NAME_MAX	32 /* iptables: 28 letters */
#define CHAINS_MAX	4096

enum chain_state { /* of conntrack */
	STATE_NEW = 1,
	STATE_ESTABLISHED = 2,
	STATE_RELATED = 4,
	STATE_INVALID = 8,
	STATE_UNTRACKED = 16,
	STATE_MIDSTREAM = 32, /* a TCP packet that is no SYN, of no connection: conntrack calls it NEW */
	STATE_ANY = 63,
};

struct chain_ports { /* n 0 = any; in order, apart */
	struct lab_port_range at[CHAIN_PORTS_MAX];
	size_t n;
};

/* What a rule matches, or several of a way through chains together. */
struct chain_match {
	uint8_t proto; /* 0 any */
	struct lab_prefix src, dst; /* family 0 = any */
	struct lab_prefix not_src[CHAIN_NOT_MAX], not_dst[CHAIN_NOT_MAX];
	size_t n_not_src, n_not_dst;
	struct chain_ports sports, dports;
	struct lab_icmp icmp;
	bool has_icmp;
	uint8_t states; /* enum chain_state bits */
	struct chain_time time;
};

enum chain_target {
	TARGET_NONE, /* counts, logs, marks: the packet goes on */
	TARGET_ACCEPT,
	TARGET_DROP,
	TARGET_REJECT,
	TARGET_RETURN,
	TARGET_JUMP,
	TARGET_GOTO,
	TARGET_OTHER, /* does what no rule here does */
};

struct chain_rule {
	unsigned line;
	struct chain_match match;
	enum chain_target target;
	size_t chain;	  /* of a jump */
	char *target_word;
	char *comment;	  /* or NULL */
	char *obstacle;	  /* why it cannot be expressed; NULL: it can */
	char *obstacle_word;
	bool never;	  /* it can match nothing that a vNIC sees */
	bool told;	  /* it is in the policy, or a remark says why not */
};

struct chain {
	char name[CHAIN_NAME_MAX];
	bool drops;	/* its policy */
	bool declared;
	unsigned line;	/* of its policy */
	struct chain_rule *rules;
	size_t n;
};

struct chains {
	struct chain *list;
	size_t n;
	uint8_t family; /* 4 or 6 */
};

/* What both match. 0; 1 = nothing; -1 = it cannot be said in one rule. */
int chain_match_and(const struct chain_match *a, const struct chain_match *b, struct chain_match *ret);
bool chain_ports_add(struct chain_ports *ports, struct lab_port_range range); /* false: no room */
bool chain_ports_invert(struct chain_ports *ports); /* false: nothing is left, or no room */

/* The whole table into in->rules, with its default action. */
void chains_flatten(struct chains *chains, struct importer *in);
