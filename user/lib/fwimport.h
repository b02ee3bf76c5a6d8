/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fwimport.h - another firewall's rules as a policy in our own language: the keys
 * of the section `firewall`, as a file of its own. Pure: text in, text out.
 *
 * A rule that cannot be expressed is left out, never bent into something near
 * (but for the flags of ClassBench, which are taken off), and each such thing is
 * a remark that says which way the policy differs by it.
 */
#pragma once
#include "diag.h"
#include <stdint.h>

enum fwimport_effect {
	FWIMPORT_SAME,	   /* the verdicts are the same without it */
	FWIMPORT_STRICTER, /* the policy may deny what was allowed */
	FWIMPORT_LOOSER,   /* the policy may allow what was denied */
	FWIMPORT_EITHER,
};

struct fwimport_remark {
	unsigned line; /* of the file, from 1 */
	enum fwimport_effect effect;
	char *what; /* the words that are meant */
	char *why;
};

struct fwimport {
	char *policy; /* the text of the file */
	size_t rules; /* in it */
	struct fwimport_remark *list; /* in the order of the file */
	size_t n;
	size_t n_differ; /* those with another effect than FWIMPORT_SAME */
};

/*
 * format: "classbench", "iptables" or "kubernetes"; name: of the file, for messages. -EINVAL: not such a
 * text, the places in diag; -E2BIG: more rules than a lab file may have; -ENOMEM. Free with fwimport_free().
 */
int fwimport_read(const char *format, const char *name, const char *text, size_t length, struct fwimport *ret,
		  struct diag *diag);
bool fwimport_knows(const char *format);
void fwimport_free(struct fwimport *import);
const char *fwimport_effect_word(enum fwimport_effect effect);
