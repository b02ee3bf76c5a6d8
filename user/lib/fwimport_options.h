/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fwimport_options.h - inside the importer of iptables: the options of one rule. */
#pragma once
#include "fwimport_chains.h"

struct option_reader {
	struct importer *in;
	struct chains *chains;
	unsigned line;
	uint8_t seen; /* family of the addresses so far; 0 = none */
	char **words; /* of the rule, behind its chain's name */
	size_t n;
};

/* Fills what the words say; what cannot be said becomes the rule's obstacle, what is no option an error. */
void option_read_rule(struct option_reader *r, struct chain_rule *rule);
void option_free_rule(struct chain_rule *rule);
