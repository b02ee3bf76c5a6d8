/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fwimport_rule.h - inside the importers: the policy as it is written, and remarks. */
#pragma once
#include "fwimport.h"
#include "model.h"
#include <stdio.h>

struct importer {
	const char *name, *text; /* of the file */
	size_t length;
	struct diag *diag;
	struct fwimport *result;
	FILE *groups, *rules; /* the two parts of the policy */
	char **schedules; /* a third: the insides of their mappings; their names are times1, times2, ... */
	size_t n_schedules;
	const char *default_action;
	unsigned errors;
	int err; /* the first: -E2BIG, -ENOMEM, -EINVAL; stays */
};

/* Lists are words with commas, in quotes where YAML wants them; NULL or "" = the key is left out. */
struct import_rule {
	unsigned line;	      /* of the file; names the rule */
	const char *comment;  /* stands behind it in the name; or NULL */
	uint8_t direction;    /* enum dpu_direction bits */
	uint8_t family;	      /* 0, 4, 6 */
	uint8_t proto;	      /* 0 any */
	const char *from, *from_not, *to, *to_not, *ports, *sports, *icmp;
	const char *schedule; /* the inside of its mapping; NULL or "" = always */
	const char *apply_to; /* NULL = any */
	const char *action;
};

void import_write(struct importer *in, const struct import_rule *rule);
void import_remark(struct importer *in, unsigned line, enum fwimport_effect effect, const char *what,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* An error at a word of the text: the whole file is refused. */
void import_error(struct importer *in, unsigned line, unsigned column, const char *hint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Adds a prefix, network bits only, to a list of words. False: no room. */
bool import_add_prefix(char *list, size_t size, const struct lab_prefix *prefix);
bool import_add_ports(char *list, size_t size, const struct lab_port_range *range);

void fwimport_classbench(struct importer *in);
void fwimport_iptables(struct importer *in);
void fwimport_kubernetes(struct importer *in);
