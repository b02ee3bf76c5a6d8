/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schema.h - the configuration language as one table. Reading, writing, the
 * JSON Schema for editors and the reference in docs/config.md all walk it: a new
 * key is one row here and one field in model.h.
 */
#pragma once
#include "model.h"

enum schema_type {
	/* structure */
	SCHEMA_SECTION, /* mapping whose keys fill the same struct as their parent's */
	SCHEMA_ENTRIES, /* mapping from names to structs; each begins with its name */
	SCHEMA_LIST,	/* sequence of structs */
	SCHEMA_SWITCH,	/* true, false, or a mapping whose keys fill the same struct as this one: then true */
	/* values */
	SCHEMA_LAB_NAME,
	SCHEMA_TEXT,
	SCHEMA_NUMBER,
	SCHEMA_RATE,	 /* bit/s, with an SI prefix */
	SCHEMA_BYTES,	 /* likewise */
	SCHEMA_DURATION, /* ns, us, ms or s; kept as ns */
	SCHEMA_MARK,	 /* a number, kept as 1 + itself: 0 = not stated */
	SCHEMA_BOOL,
	SCHEMA_WORD,	 /* one of .words */
	SCHEMA_CPUS,
	SCHEMA_MAC,
	SCHEMA_ADDRESS,	 /* of an interface, with prefix length */
	SCHEMA_ADDRESS4, /* the same, IPv4 only */
	SCHEMA_PEER,	 /* of a rule: prefix, address, "any", or the name of a VM, port group or group */
	SCHEMA_MEMBER,	 /* of a group: the same without "any" */
	SCHEMA_MAC_PEER, /* of a rule of category ethernet: MAC address with or without a length, or such a name */
	SCHEMA_ETHER_TYPE,
	SCHEMA_TARGET,	 /* where a rule counts: "any", or the name of a VM, port group or group */
	SCHEMA_PREFIXES, /* any number of prefixes in one text */
	SCHEMA_PREFIX_FILE, /* name of a file with such a text: fills the same field as a SCHEMA_PREFIXES key */
	SCHEMA_TAG,
	SCHEMA_ICMP,
	SCHEMA_SERVICE,	 /* a service's name, as its index */
	SCHEMA_FILE,	 /* of a section: name of a file that has its keys instead */
	SCHEMA_PORTS,
	SCHEMA_PROTOCOL,
	SCHEMA_HOST,	 /* a host's name, as its index */
	SCHEMA_SLOT,	 /* an intercept slot's name, as its index */
	SCHEMA_GROUP,	 /* a port group's name, as its index */
	SCHEMA_CLASS,	 /* a traffic class's name, as 1 + its index */
	SCHEMA_POOL,	 /* a pool's name, likewise */
	SCHEMA_SCHEDULE, /* a schedule's name, likewise */
	SCHEMA_TIME,	 /* of the day, as 1 + its second */
	SCHEMA_DATE,	 /* with or without a time */
};

#define SCHEMA_WORDS_MAX 16 /* of one key */
struct schema_word {
	const char *text; /* NULL ends the list */
	uint8_t value;
};

struct schema_key {
	const char *path; /* "vms.*.mtu": '*' is an entry's name, "[]" any item of a list */
	enum schema_type type;
	bool required;
	bool many;	     /* takes one value or a sequence of them */
	bool may_be_empty;   /* many: [] means none, as leaving the key out does */
	size_t offset;	     /* destination in the struct of the parent */
	size_t size;	     /* bytes of one value, or of one entry */
	size_t count_offset; /* destination of how many (size_t); many, entries and lists */
	uint64_t min, max;   /* numbers: bounds; texts: max length; entries: size of a policy name, 0 = a node's */
	const struct schema_word *words;
	const char *fallback; /* default in the file's own words; "@key" = the value of that top-level key */
	const char *derived;  /* where the default comes from if it is no constant; for the reference */
	const char *help;
	/* Fills what the file does not say of a new item or entry; may be NULL. */
	void (*begin)(void *entry, size_t index, unsigned line);
};

extern const struct schema_key schema_keys[];
extern const size_t schema_n_keys;

/* The keys directly under a path ("" = top), in table order: start with NULL, ends with NULL. */
const struct schema_key *schema_next(const char *parent, const struct schema_key *previous);
const struct schema_key *schema_find(const char *parent, const char *name);
/* Last part of the path. */
const char *schema_name(const struct schema_key *key);
/* Path under which the keys of an entry, item or section are found. */
const char *schema_children(const struct schema_key *key, char *buffer, size_t size);
#define SCHEMA_PATH_MAX 64

/* ---- one value, both ways (schema_value.c) --------------------------------- */

struct schema_input {
	const struct schema_key *key;
	const struct lab *lab; /* names known so far, for references */
	const char *text;
	const char *word;      /* set on failure: the part of a SCHEMA_PREFIXES text that is wrong */
	void *values;	       /* array of key->size; the caller frees */
	size_t n;
	char hint[128];	       /* set on failure if there is something to suggest */
};

/* Appends what text stands for to values. -EINVAL: not of this type; -ENOMEM. */
int schema_value_parse(struct schema_input *input);
/* Stands for everything: in the model an empty list. */
bool schema_value_is_any(const struct schema_key *key, const void *value);
/* The file's words for a value; "" = not set, leave the key out. buffer: VALUE_TEXT_MAX bytes. */
const char *schema_value_format(const struct schema_key *key, const struct lab *lab,
				const void *value, char *buffer);
/* "a whole number from 1 to 10". */
const char *schema_expected(const struct schema_key *key, char *buffer, size_t size);
/* Values that the file has in another place: they are not written. */
bool schema_is_read_only(const struct schema_key *key);
bool policy_name_is_valid(const char *name);
bool lab_name_is_valid(const char *name);
bool node_name_is_valid(const char *name);

/* ---- generated documents (schema_doc.c) ------------------------------------ */

/* JSON Schema (draft 2020-12) of a lab file. The caller frees; NULL: out of memory. */
char *schema_json(void);
/* The reference part of docs/config.md. The caller frees; NULL: out of memory. */
char *schema_markdown(void);
