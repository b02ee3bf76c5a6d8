/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * profile.h - a DPU product or generation as data: what it can offload, its
 * table sizes, rates, core speed, link. Each value has a source and a mark that
 * says how far it can be trusted; what nobody published is unknown, which is
 * not 0 and not "no".
 *
 * One table (profile_keys) is behind the reader, `profile show`, the JSON Schema
 * for editors and the reference in docs/profiles.md: a new value is one row.
 *
 * Ownership: profile_free() frees everything reachable from a struct profile.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "diag.h"

#define PROFILE_NAME_MAX 32 /* with its NUL: lower-case letters, digits, dashes */

enum profile_kind {
	PROFILE_COUNT,	 /* a whole number, or "unlimited" */
	PROFILE_DECIMAL, /* a number with a fraction */
	PROFILE_WORD,	 /* one of the row's words */
	PROFILE_SUPPORT, /* yes, degraded, no */
};

/* Of values of kind PROFILE_SUPPORT. */
enum profile_support {
	SUPPORT_YES,
	SUPPORT_DEGRADED, /* runs, but not as on a host; the value's note says how */
	SUPPORT_NO,
	SUPPORT_UNKNOWN, /* nobody has published it */
};

enum profile_when_full {
	WHEN_FULL_SOFTWARE, /* the flow stays on the Arm path until there is room */
	WHEN_FULL_EVICT,    /* the entry idle for longest makes room */
	WHEN_FULL_DROP,	    /* the frame is dropped */
};

enum profile_above_rate {
	ABOVE_RATE_SOFTWARE, /* the flow stays on the Arm path until the rate allows it */
	ABOVE_RATE_DROP,
};

/* What one entry of the flow table stands for. */
enum profile_entry {
	ENTRY_FLOW,	  /* one direction */
	ENTRY_CONNECTION, /* both */
};

/* How far a value can be trusted. */
enum profile_confidence {
	CONFIDENCE_CONFIRMED,	/* read in the source named */
	CONFIDENCE_DERIVED,	/* computed from what was read there */
	CONFIDENCE_UNCONFIRMED, /* from memory of the source: not read again */
	CONFIDENCE_ESTIMATE,	/* nobody has measured it: reasoned */
	CONFIDENCE_CALIBRATED,	/* fitted to figures the user measured */
	CONFIDENCE_DEFINED,	/* of a device that does not exist: by definition */
	CONFIDENCE_NONE,	/* of an unknown value */
	CONFIDENCE_MARKS,
};

/* The row numbers of profile_keys. */
enum profile_key {
	PROFILE_CAPACITY,
	PROFILE_ENTRY,
	PROFILE_INSERTION_RATE,
	PROFILE_CONNECTION_RATE,
	PROFILE_WHEN_FULL,
	PROFILE_ABOVE_RATE,
	PROFILE_IDLE_TIMEOUT,
	PROFILE_ACTION_FORWARD,
	PROFILE_ACTION_VLAN,
	PROFILE_ACTION_ENCAP,
	PROFILE_ACTION_DECAP,
	PROFILE_ACTION_IPV6,
	PROFILE_ACTION_TCP,
	PROFILE_ACTION_UDP,
	PROFILE_ACTION_ICMP,
	PROFILE_ACTION_OTHER,
	PROFILE_FN_DVS,
	PROFILE_FN_VXLAN,
	PROFILE_FN_DFW,
	PROFILE_FN_QOS,
	PROFILE_FN_INTERCEPT,
	PROFILE_FN_MIRROR,
	PROFILE_FN_FLOW_EXPORT,
	PROFILE_HAS_VLAN,
	PROFILE_HAS_MAC_LEARNING,
	PROFILE_HAS_STATEFUL,
	PROFILE_HAS_REJECT,
	PROFILE_HAS_LOG,
	PROFILE_HAS_CATEGORIES,
	PROFILE_HAS_L2_RULES,
	PROFILE_HAS_FRAGMENTS,
	PROFILE_HAS_CONNECTION_LIMIT,
	PROFILE_HAS_CHALLENGE,
	PROFILE_HAS_SPOOFGUARD,
	PROFILE_HAS_STORM_LIMIT,
	PROFILE_HAS_SRIOV,
	PROFILE_HAS_UPT,
	PROFILE_HAS_DUAL_DPU,
	PROFILE_MAX_RULES,
	PROFILE_FRAME_RATE,
	PROFILE_SLOWDOWN,
	PROFILE_CORES,
	PROFILE_FIRST_PACKET_US,
	PROFILE_LINK_DELAY_NS,
	PROFILE_LINK_JITTER,
	PROFILE_LINK_BANDWIDTH,
	PROFILE_HAIRPIN_BANDWIDTH,
	PROFILE_VALUES,
};

struct profile_row {
	const char *path; /* "flow-table.capacity" */
	enum profile_kind kind;
	const char *unit;	  /* "" = none */
	double min, max;	  /* of numbers */
	const char *const *words; /* of kind WORD, ended by NULL; the index is the number */
	bool security;		  /* of kind SUPPORT: what is lost with it protects somebody */
	bool emulated;		  /* the emulated device behaves by it; else it is shown only */
	const char *help;
};

extern const struct profile_row profile_keys[PROFILE_VALUES];

struct profile_value {
	bool known, unlimited;
	double number; /* WORD: index of the word; SUPPORT: enum profile_support */
	enum profile_confidence confidence;
	char *source; /* NULL if unknown and nothing is said */
	char *note;   /* or NULL */
};

struct profile {
	char name[PROFILE_NAME_MAX];
	char model[PROFILE_NAME_MAX]; /* devices of one model can take over from each other; "" = unknown */
	char *description;
	char *file;
	struct profile_value value[PROFILE_VALUES];
};

/* The name of a shipped or installed profile, or the path of a file (it has a '/' or ends in .yaml). */
int profile_load(const char *name, struct profile **ret_profile, struct diag *diag);
/* The same of a text; name is for messages. Errors have places. */
int profile_parse(const char *name, const char *text, size_t length, struct profile **ret_profile,
		  struct diag *diag);
void profile_free(struct profile *profile);
/* Is this a path rather than a name? */
bool profile_is_path(const char *name);
/* Names of all profiles that can be named, sorted, to be freed by profile_free_names(). */
int profile_list(char ***ret_names, size_t *ret_n, struct diag *diag);
void profile_free_names(char **names, size_t n);

enum profile_support profile_supports(const struct profile *profile, enum profile_key key);
/* A number; fallback if it is unknown or unlimited. */
double profile_number(const struct profile *profile, enum profile_key key, double fallback);
/* "500000", "unlimited", "unknown", "software". buffer: PROFILE_TEXT_MAX bytes. */
#define PROFILE_TEXT_MAX 64
const char *profile_value_text(const struct profile *profile, enum profile_key key, char *buffer);
const char *profile_confidence_word(enum profile_confidence confidence);
const char *profile_support_word(enum profile_support support);
/* "a whole number from 1 to 10, or unlimited". */
const char *profile_expected(const struct profile_row *row, char *buffer, size_t size);

/* JSON Schema (draft 2020-12) of a profile file. The caller frees; NULL: out of memory. */
char *profile_schema_json(void);
/* The reference part of docs/profiles.md. The caller frees; NULL: out of memory. */
char *profile_markdown(void);
bool profile_name_is_valid(const char *name);
/* Writes it to a file that is not there yet. */
int profile_save(const struct profile *profile, const char *file, struct diag *diag);
/* A profile as a file. The caller frees; NULL: out of memory. */
char *profile_write(const struct profile *profile);
