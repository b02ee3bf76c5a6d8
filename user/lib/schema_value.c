// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * schema_value.c - one value of the lab file, text to binary, for every type of the table; schema_format.c is the way
 * back. What reading accepts, writing produces.
 */
#include "schema.h"
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add(struct schema_input *input, const void *value)
{
	const size_t size = input->key->size;
	void *grown = input->values;

	if ((input->n & (input->n - 1)) == 0)
		grown = reallocarray(grown, input->n ? 2 * input->n : 1, size);
	if (!grown)
		return -ENOMEM;
	input->values = grown;
	memcpy((char *)grown + input->n++ * size, value, size);
	return 0;
}

/* Numbers and enums are kept in fields of 1 to 8 bytes, in the machine's order. */
static int add_number(struct schema_input *input, uint64_t number)
{
	const uint8_t byte = number;
	const uint16_t half = number;
	const uint32_t word = number;

	switch (input->key->size) {
	case 1:
		return add(input, &byte);
	case 2:
		return add(input, &half);
	case 4:
		return add(input, &word);
	default:
		return add(input, &number);
	}
}

/* ---- names ------------------------------------------------------------------ */

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool lab_name_is_valid(const char *name)
{
	const char *c = name;

	while (is_lower(*c) || is_digit(*c))
		c++;
	return is_lower(name[0]) && !*c && c - name < LAB_NAME_MAX;
}

bool node_name_is_valid(const char *name)
{
	const char *c = name;

	while (is_lower(*c) || is_digit(*c) || *c == '-')
		c++;
	return is_lower(name[0]) && !*c && c - name < NODE_NAME_MAX && c[-1] != '-';
}

bool policy_name_is_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t length = strlen(name);

	return length && length < POLICY_NAME_MAX && strchr(letters, name[0]) &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0' &&
	       strcmp(name, "any") != 0;
}

/* Every kind of entry begins with its name, so that one search serves them all. */
_Static_assert(offsetof(struct lab_host, name) == 0, "name first");
_Static_assert(offsetof(struct lab_group, name) == 0, "name first");
_Static_assert(offsetof(struct lab_vm, name) == 0, "name first");
_Static_assert(offsetof(struct lab_slot, name) == 0, "name first");
_Static_assert(offsetof(struct lab_address_group, name) == 0, "name first");
_Static_assert(offsetof(struct lab_service, name) == 0, "name first");

_Static_assert(offsetof(struct lab_class, name) == 0, "name first");
_Static_assert(offsetof(struct lab_pool, name) == 0, "name first");
_Static_assert(offsetof(struct lab_schedule, name) == 0, "name first");

static int find_name(const char *text, const void *entries, size_t n, size_t size, size_t *ret_index)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp((const char *)entries + i * size, text)) {
			*ret_index = i;
			return 0;
		}
	return -EINVAL;
}

static void suggest_name(struct schema_input *input, const void *entries, size_t n, size_t size)
{
	const char *const first = entries, *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *pair[] = {nearest, first + i * size};

		nearest = nearest ? nearest_word(input->text, pair, 2)
				  : nearest_word(input->text, &pair[1], 1);
	}
	if (nearest)
		snprintf(input->hint, sizeof(input->hint), "did you mean '%s'?", nearest);
}

static int parse_reference(struct schema_input *input, const void *entries, size_t n, size_t size)
{
	size_t index;

	if (!find_name(input->text, entries, n, size, &index))
		return add(input, &index);
	suggest_name(input, entries, n, size);
	return -EINVAL;
}

/* Of what need not be stated: 1 + the index, in a byte. */
static int parse_optional_reference(struct schema_input *input, const void *entries, size_t n, size_t size)
{
	size_t index;

	if (!find_name(input->text, entries, n, size, &index))
		return add_number(input, index + 1);
	suggest_name(input, entries, n, size);
	return -EINVAL;
}

/* A VM, port group or group by name. */
static int parse_named_peer(struct schema_input *input)
{
	const struct lab *lab = input->lab;
	struct lab_peer peer = {.kind = PEER_VM};

	if (!find_name(input->text, lab->vms, lab->n_vms, sizeof(*lab->vms), &peer.index))
		return add(input, &peer);
	peer.kind = PEER_PORT_GROUP;
	if (!find_name(input->text, lab->groups, lab->n_groups, sizeof(*lab->groups), &peer.index))
		return add(input, &peer);
	peer.kind = PEER_GROUP;
	if (!find_name(input->text, lab->address_groups, lab->n_address_groups, sizeof(*lab->address_groups),
		       &peer.index))
		return add(input, &peer);
	suggest_name(input, lab->groups, lab->n_groups, sizeof(*lab->groups));
	suggest_name(input, lab->address_groups, lab->n_address_groups, sizeof(*lab->address_groups));
	suggest_name(input, lab->vms, lab->n_vms, sizeof(*lab->vms));
	return -EINVAL;
}

/* ---- text to value ---------------------------------------------------------- */

/* A prefix as a set of addresses: without bits behind its length. */
static int parse_prefix(struct schema_input *input, const char *text, struct lab_prefix *ret_prefix)
{
	struct lab_prefix prefix, network;
	char buffer[VALUE_TEXT_MAX];

	if (prefix_parse(text, &prefix))
		return -EINVAL;
	network = prefix_network(&prefix);
	if (memcmp(&network.addr, &prefix.addr, sizeof(network.addr))) {
		snprintf(input->hint, sizeof(input->hint), "address bits behind the prefix: did you mean %s?",
			 prefix_format(&network, true, buffer));
		return -ERANGE;
	}
	*ret_prefix = prefix;
	return 0;
}

/* Bits behind the length must be zero. */
static int parse_mac_peer(struct schema_input *input)
{
	struct lab_peer peer = {.kind = PEER_MAC};
	struct dpu_mac mac;

	if (!strcmp(input->text, "any"))
		return add(input, &(struct lab_peer){.kind = PEER_ANY});
	if (mac_prefix_parse(input->text, &mac, &peer.prefix.plen))
		return parse_named_peer(input);
	memcpy(peer.prefix.addr.b, mac.b, sizeof(mac.b));
	return add(input, &peer);
}

static int parse_peer(struct schema_input *input)
{
	struct lab_peer peer = {.kind = PEER_ANY};
	int err;

	if (input->key->type != SCHEMA_MEMBER && !strcmp(input->text, "any"))
		return add(input, &peer);
	if (input->key->type == SCHEMA_TARGET)
		return parse_named_peer(input);
	peer.kind = PEER_PREFIX;
	err = parse_prefix(input, input->text, &peer.prefix);
	if (err)
		return err == -ERANGE ? -EINVAL : parse_named_peer(input);
	return add(input, &peer);
}

/* Words between blanks and commas; from # to the end of the line is a comment. */
static int parse_prefixes(struct schema_input *input)
{
	const char *at = input->text;
	struct lab_prefix prefix;
	char word[64];
	int err = 0;

	while (!err) {
		size_t length;

		at += strspn(at, " \t\r\n,");
		if (*at == '#') {
			at += strcspn(at, "\n");
			continue;
		}
		length = strcspn(at, " \t\r\n,#");
		if (!length)
			break;
		input->word = at;
		snprintf(word, sizeof(word), "%.*s", length < sizeof(word) ? (int)length : 63, at);
		err = parse_prefix(input, word, &prefix);
		if (!err)
			err = add(input, &prefix);
		at += length;
	}
	return err == -ERANGE ? -EINVAL : err;
}

static int parse_address(struct schema_input *input)
{
	const bool v4_only = input->key->type == SCHEMA_ADDRESS4;
	struct lab_prefix prefix;

	if (prefix_parse(input->text, &prefix) || (v4_only && prefix.family != 4))
		return -EINVAL;
	if (strchr(input->text, '/'))
		return add(input, &prefix);
	snprintf(input->hint, sizeof(input->hint), "it needs a prefix length, such as %s/%d", input->text,
		 prefix.family == 4 ? 24 : 64);
	return -EINVAL;
}

static int parse_word(struct schema_input *input)
{
	const char *candidates[SCHEMA_WORDS_MAX], *nearest;
	size_t n = 0;

	for (const struct schema_word *word = input->key->words; word->text; word++) {
		if (!strcmp(input->text, word->text))
			return add_number(input, word->value);
		candidates[n++] = word->text;
	}
	nearest = nearest_word(input->text, candidates, n);
	if (nearest)
		snprintf(input->hint, sizeof(input->hint), "did you mean '%s'?", nearest);
	return -EINVAL;
}

static int parse_text(struct schema_input *input)
{
	char *text;
	int err;

	if (!*input->text || strlen(input->text) > input->key->max || strpbrk(input->text, "\r\n"))
		return -EINVAL;
	text = strdup(input->text);
	err = text ? add(input, &text) : -ENOMEM;
	if (err)
		free(text);
	return err;
}

static int parse_lab_name(struct schema_input *input)
{
	char name[LAB_NAME_MAX] = {0};

	if (!lab_name_is_valid(input->text))
		return -EINVAL;
	memcpy(name, input->text, strlen(input->text));
	return add(input, name);
}

static int parse_plain(struct schema_input *input)
{
	const struct schema_key *key = input->key;
	union {
		uint64_t number;
		struct cpu_set cpus;
		struct dpu_mac mac;
		struct lab_port_range ports;
		struct lab_icmp icmp;
		struct lab_tag tag;
		uint8_t protocol;
		uint16_t ether_type;
		uint32_t time;
		struct lab_date date;
	} value;

	switch (key->type) {
	case SCHEMA_NUMBER:
		return number_parse(input->text, key->min, key->max, &value.number)
			       ? -EINVAL
			       : add_number(input, value.number);
	case SCHEMA_MARK:
		return number_parse(input->text, key->min, key->max, &value.number)
			       ? -EINVAL
			       : add_number(input, value.number + 1);
	case SCHEMA_RATE:
	case SCHEMA_BYTES:
		return scaled_parse(input->text, key->min, key->max, &value.number)
			       ? -EINVAL
			       : add_number(input, value.number);
	case SCHEMA_DURATION:
		return duration_parse(input->text, key->min, key->max, &value.number) ? -EINVAL : add_number(input, value.number);
	case SCHEMA_BOOL:
	case SCHEMA_SWITCH:
		if (strcmp(input->text, "true") && strcmp(input->text, "false"))
			return -EINVAL;
		return add_number(input, input->text[0] == 't');
	case SCHEMA_CPUS:
		return cpu_set_parse(input->text, &value.cpus) ? -EINVAL : add(input, &value.cpus);
	case SCHEMA_MAC:
		if (mac_parse(input->text, &value.mac) || value.mac.b[0] & 1)
			return -EINVAL;
		return add(input, &value.mac);
	case SCHEMA_PORTS:
		return port_range_parse(input->text, &value.ports) ? -EINVAL
								   : add(input, &value.ports);
	case SCHEMA_ICMP:
		return icmp_parse(input->text, &value.icmp) ? -EINVAL : add(input, &value.icmp);
	case SCHEMA_ETHER_TYPE:
		return ether_type_parse(input->text, &value.ether_type) ? -EINVAL : add(input, &value.ether_type);
	case SCHEMA_TIME:
		return time_of_day_parse(input->text, &value.time) ? -EINVAL : add(input, &value.time);
	case SCHEMA_DATE:
		return date_parse(input->text, &value.date) ? -EINVAL : add(input, &value.date);
	case SCHEMA_TAG:
		return tag_parse(input->text, &value.tag) ? -EINVAL : add(input, &value.tag);
	case SCHEMA_PROTOCOL:
		return protocol_parse(input->text, &value.protocol) ? -EINVAL
								    : add(input, &value.protocol);
	default:
		return -EINVAL;
	}
}

int schema_value_parse(struct schema_input *input)
{
	const struct lab *lab = input->lab;

	switch (input->key->type) {
	case SCHEMA_LAB_NAME:
		return parse_lab_name(input);
	case SCHEMA_TEXT:
	case SCHEMA_FILE:
		return parse_text(input);
	case SCHEMA_WORD:
		return parse_word(input);
	case SCHEMA_ADDRESS:
	case SCHEMA_ADDRESS4:
		return parse_address(input);
	case SCHEMA_PEER:
	case SCHEMA_MEMBER:
	case SCHEMA_TARGET:
		return parse_peer(input);
	case SCHEMA_MAC_PEER:
		return parse_mac_peer(input);
	case SCHEMA_PREFIXES:
	case SCHEMA_PREFIX_FILE:
		return parse_prefixes(input);
	case SCHEMA_SERVICE:
		return parse_reference(input, lab->services, lab->n_services, sizeof(*lab->services));
	case SCHEMA_HOST:
		return parse_reference(input, lab->hosts, lab->n_hosts, sizeof(*lab->hosts));
	case SCHEMA_SLOT:
		return parse_reference(input, lab->slots, lab->n_slots, sizeof(*lab->slots));
	case SCHEMA_GROUP:
		return parse_reference(input, lab->groups, lab->n_groups, sizeof(*lab->groups));
	case SCHEMA_CLASS:
		return parse_optional_reference(input, lab->classes, lab->n_classes, sizeof(*lab->classes));
	case SCHEMA_POOL:
		return parse_optional_reference(input, lab->pools, lab->n_pools, sizeof(*lab->pools));
	case SCHEMA_SCHEDULE:
		return parse_optional_reference(input, lab->schedules, lab->n_schedules, sizeof(*lab->schedules));
	default:
		return parse_plain(input);
	}
}

bool schema_value_is_any(const struct schema_key *key, const void *value)
{
	const struct lab_port_range *ports = value;

	if (key->type == SCHEMA_PEER || key->type == SCHEMA_MAC_PEER)
		return ((const struct lab_peer *)value)->kind == PEER_ANY;
	return key->type == SCHEMA_PORTS && ports->lo == 0 && ports->hi == UINT16_MAX;
}

bool schema_is_read_only(const struct schema_key *key)
{
	return key->type == SCHEMA_FILE || key->type == SCHEMA_PREFIX_FILE;
}
