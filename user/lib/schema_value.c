// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * schema_value.c - one value of the lab file, text to binary and back, for every
 * type of the table. What reading accepts, writing produces.
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
	void *grown = reallocarray(input->values, input->n + 1, size);

	if (!grown)
		return -ENOMEM;
	input->values = grown;
	memcpy((char *)grown + input->n++ * size, value, size);
	return 0;
}

/* Numbers and enums are kept in fields of 1 to 8 bytes, in the machine's order. */
static uint64_t load_number(const void *field, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)field;
	case 2:
		return *(const uint16_t *)field;
	case 4:
		return *(const uint32_t *)field;
	default:
		return *(const uint64_t *)field;
	}
}

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

/* Every kind of entry begins with its name, so that one search serves them all. */
_Static_assert(offsetof(struct lab_host, name) == 0, "name first");
_Static_assert(offsetof(struct lab_group, name) == 0, "name first");
_Static_assert(offsetof(struct lab_vm, name) == 0, "name first");

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

/* A name that stands for nothing must not become an empty list: that means "any" or "every". */
static int reject_empty(struct schema_input *input, const char *hint)
{
	if (input->n)
		return 0;
	snprintf(input->hint, sizeof(input->hint), "this %s", hint);
	return -EINVAL;
}

/* Calls add_vm for the VM of this name, or for every VM of the port group of this name. */
static int for_each_vm(struct schema_input *input,
		       int (*add_vm)(struct schema_input *input, size_t vm))
{
	const struct lab *lab = input->lab;
	size_t index;
	int err = 0;

	if (!find_name(input->text, lab->vms, lab->n_vms, sizeof(*lab->vms), &index))
		return add_vm(input, index);
	if (find_name(input->text, lab->groups, lab->n_groups, sizeof(*lab->groups), &index)) {
		suggest_name(input, lab->groups, lab->n_groups, sizeof(*lab->groups));
		suggest_name(input, lab->vms, lab->n_vms, sizeof(*lab->vms));
		return -EINVAL;
	}
	for (size_t i = 0; i < lab->n_vms && !err; i++)
		if (lab->vms[i].group == index)
			err = add_vm(input, i);
	return err ? err : reject_empty(input, "port group has no VM");
}

static int first_vm(struct schema_input *input, size_t vm)
{
	(void)input, (void)vm;
	return -EEXIST;
}

/* A group stays a group: ports that are loaded into it later are members, too. */
static int parse_target(struct schema_input *input)
{
	const struct lab *lab = input->lab;
	size_t index;
	int err;

	if (!find_name(input->text, lab->vms, lab->n_vms, sizeof(*lab->vms), &index))
		return add(input, &index);
	err = for_each_vm(input, first_vm);
	if (err != -EEXIST)
		return err;
	find_name(input->text, lab->groups, lab->n_groups, sizeof(*lab->groups), &index);
	index += LAB_TARGET_GROUP;
	return add(input, &index);
}

static int add_vm_addresses(struct schema_input *input, size_t vm)
{
	int err = 0;

	for (size_t i = 0; i < input->lab->vms[vm].n_ips && !err; i++) {
		struct lab_prefix address = input->lab->vms[vm].ips[i];

		address.plen = address.family == 4 ? 32 : 128;
		err = add(input, &address);
	}
	return err ? err : reject_empty(input, "VM has no address");
}

/* ---- text to value ---------------------------------------------------------- */

static int parse_peer(struct schema_input *input)
{
	struct lab_prefix prefix = {0}, network;
	char buffer[VALUE_TEXT_MAX];

	if (!strcmp(input->text, "any"))
		return add(input, &prefix);
	if (prefix_parse(input->text, &prefix))
		return for_each_vm(input, add_vm_addresses);
	network = prefix_network(&prefix);
	if (!memcmp(&network.addr, &prefix.addr, sizeof(network.addr)))
		return add(input, &prefix);
	snprintf(input->hint, sizeof(input->hint), "address bits behind the prefix: did you mean %s?",
		 prefix_format(&network, true, buffer));
	return -EINVAL;
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
	const char *candidates[8], *nearest;
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
		uint8_t protocol;
	} value;

	switch (key->type) {
	case SCHEMA_NUMBER:
		return number_parse(input->text, key->min, key->max, &value.number)
			       ? -EINVAL
			       : add_number(input, value.number);
	case SCHEMA_BOOL:
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
		return parse_text(input);
	case SCHEMA_WORD:
		return parse_word(input);
	case SCHEMA_ADDRESS:
	case SCHEMA_ADDRESS4:
		return parse_address(input);
	case SCHEMA_PEER:
		return parse_peer(input);
	case SCHEMA_HOST:
		return parse_reference(input, lab->hosts, lab->n_hosts, sizeof(*lab->hosts));
	case SCHEMA_GROUP:
		return parse_reference(input, lab->groups, lab->n_groups, sizeof(*lab->groups));
	case SCHEMA_VMS:
		return parse_target(input);
	default:
		return parse_plain(input);
	}
}

bool schema_value_is_any(const struct schema_key *key, const void *value)
{
	const struct lab_port_range *ports = value;

	if (key->type == SCHEMA_PEER)
		return !((const struct lab_prefix *)value)->family;
	return key->type == SCHEMA_PORTS && ports->lo == 0 && ports->hi == UINT16_MAX;
}

/* ---- value to text ---------------------------------------------------------- */

static const char *format_number(const struct schema_key *key, const void *value, char *buffer)
{
	const uint64_t number = load_number(value, key->size);

	/* Below its bounds means "not set": 0 of an optional number. */
	if (number < key->min)
		return strcpy(buffer, "");
	snprintf(buffer, VALUE_TEXT_MAX, "%llu", (unsigned long long)number);
	return buffer;
}

static const char *format_word(const struct schema_key *key, const void *value)
{
	for (const struct schema_word *word = key->words; word->text; word++)
		if (word->value == load_number(value, key->size))
			return word->text;
	return "";
}

static const char *format_name(const void *value, const void *entries, size_t n, size_t size)
{
	const size_t index = *(const size_t *)value;

	return index < n ? (const char *)entries + index * size : "";
}

const char *schema_value_format(const struct schema_key *key, const struct lab *lab,
				const void *value, char *buffer)
{
	switch (key->type) {
	case SCHEMA_LAB_NAME:
		return value;
	case SCHEMA_TEXT:
		return *(char *const *)value ? *(char *const *)value : "";
	case SCHEMA_NUMBER:
		return format_number(key, value, buffer);
	case SCHEMA_BOOL:
		return *(const bool *)value ? "true" : "false";
	case SCHEMA_WORD:
		return format_word(key, value);
	case SCHEMA_CPUS:
		return cpu_set_format(value, buffer);
	case SCHEMA_MAC:
		return mac_format(value, buffer);
	case SCHEMA_ADDRESS:
	case SCHEMA_ADDRESS4:
		return prefix_format(value, true, buffer);
	case SCHEMA_PEER:
		return prefix_format(value, false, buffer);
	case SCHEMA_PORTS:
		return port_range_format(value, buffer);
	case SCHEMA_PROTOCOL:
		return protocol_format(*(const uint8_t *)value, buffer);
	case SCHEMA_HOST:
		return format_name(value, lab->hosts, lab->n_hosts, sizeof(*lab->hosts));
	case SCHEMA_GROUP:
		return format_name(value, lab->groups, lab->n_groups, sizeof(*lab->groups));
	case SCHEMA_VMS:
		return lab_target_name(lab, *(const size_t *)value);
	default:
		return "";
	}
}

/* ---- what was expected ------------------------------------------------------ */

static const char *expected_word(const struct schema_key *key, char *buffer, size_t size)
{
	size_t used = snprintf(buffer, size, "one of");

	for (const struct schema_word *word = key->words; word->text && used < size; word++)
		used += snprintf(buffer + used, size - used, "%s %s", word > key->words ? "," : "",
				 word->text);
	return buffer;
}

const char *schema_expected(const struct schema_key *key, char *buffer, size_t size)
{
	static const char *const sentences[] = {
		[SCHEMA_SECTION] = "a mapping (key: value)",
		[SCHEMA_ENTRIES] = "a mapping from names to settings",
		[SCHEMA_LIST] = "a list of mappings",
		[SCHEMA_LAB_NAME] = "a lower-case letter, then lower-case letters and digits, 15 at most",
		[SCHEMA_BOOL] = "true or false",
		[SCHEMA_CPUS] = "a CPU list such as 0-1,3, with CPUs below 256",
		[SCHEMA_MAC] = "a unicast MAC address such as 02:00:00:00:00:01",
		[SCHEMA_ADDRESS] = "an address with prefix length, such as 10.1.0.11/24 or 2001:db8::11/64",
		[SCHEMA_ADDRESS4] = "an IPv4 address with prefix length, such as 10.255.0.1/16",
		[SCHEMA_PEER] = "a prefix such as 10.1.0.0/24, any, or the name of a VM or port group",
		[SCHEMA_PORTS] = "a port or range such as 80 or 8000-8999, or any",
		[SCHEMA_PROTOCOL] = "a protocol: any, tcp, udp, icmp, icmpv6, sctp, ... or a number to 255",
		[SCHEMA_HOST] = "the name of a host",
		[SCHEMA_GROUP] = "the name of a port group",
		[SCHEMA_VMS] = "the name of a VM or port group",
	};

	if (key->type == SCHEMA_WORD)
		return expected_word(key, buffer, size);
	if (key->type == SCHEMA_NUMBER)
		snprintf(buffer, size, "a whole number from %llu to %llu",
			 (unsigned long long)key->min, (unsigned long long)key->max);
	else if (key->type == SCHEMA_TEXT)
		snprintf(buffer, size, "one line of text, at most %llu bytes",
			 (unsigned long long)key->max);
	else
		snprintf(buffer, size, "%s", sentences[key->type]);
	return buffer;
}
