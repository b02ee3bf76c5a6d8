// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * schema_format.c - one value of the lab file, binary to text, for every type of the table.
 */
#include "schema.h"
#include "values.h"

#include <stdio.h>
#include <string.h>

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

static const char *format_optional_name(const void *value, const void *entries, size_t n, size_t size)
{
	const size_t index = (size_t)*(const uint8_t *)value - 1; /* 0: behind the last */

	return format_name(&index, entries, n, size);
}

/* 1 + a number, so that 0 can mean that there is none. */
static const char *format_mark(const struct schema_key *key, const void *value, char *buffer)
{
	const uint64_t mark = load_number(value, key->size);

	if (!mark)
		return strcpy(buffer, "");
	snprintf(buffer, VALUE_TEXT_MAX, "%llu", (unsigned long long)mark - 1);
	return buffer;
}

static const char *format_peer(const struct lab *lab, const struct lab_peer *peer, char *buffer)
{
	switch (peer->kind) {
	case PEER_PREFIX:
		return prefix_format(&peer->prefix, false, buffer);
	case PEER_MAC:
		return mac_prefix_format((const struct dpu_mac *)peer->prefix.addr.b, peer->prefix.plen, buffer);
	case PEER_VM:
		return format_name(&peer->index, lab->vms, lab->n_vms, sizeof(*lab->vms));
	case PEER_PORT_GROUP:
		return format_name(&peer->index, lab->groups, lab->n_groups, sizeof(*lab->groups));
	case PEER_GROUP:
		return format_name(&peer->index, lab->address_groups, lab->n_address_groups,
				   sizeof(*lab->address_groups));
	default:
		return "any";
	}
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
	case SCHEMA_RATE:
	case SCHEMA_BYTES:
		return load_number(value, key->size) < key->min ? "" : scaled_format(load_number(value, key->size), buffer);
	case SCHEMA_DURATION:
		return load_number(value, key->size) < key->min ? "" : duration_format(load_number(value, key->size), buffer);
	case SCHEMA_BOOL:
	case SCHEMA_SWITCH:
		return *(const bool *)value ? "true" : "false";
	case SCHEMA_WORD:
		return format_word(key, value);
	case SCHEMA_CPUS:
		return cpu_set_format(value, buffer);
	case SCHEMA_MAC:
		return mac_format(value, buffer);
	case SCHEMA_ADDRESS:
	case SCHEMA_ADDRESS4:
		return ((const struct lab_prefix *)value)->family ? prefix_format(value, true, buffer) : "";
	case SCHEMA_PEER:
	case SCHEMA_MEMBER:
	case SCHEMA_TARGET:
	case SCHEMA_MAC_PEER:
		return format_peer(lab, value, buffer);
	case SCHEMA_PREFIXES:
		return prefix_format(value, false, buffer);
	case SCHEMA_ETHER_TYPE:
		return ether_type_format(*(const uint16_t *)value, buffer);
	case SCHEMA_TAG:
		return ((const struct lab_tag *)value)->name;
	case SCHEMA_ICMP:
		return icmp_format(value, buffer);
	case SCHEMA_SERVICE:
		return format_name(value, lab->services, lab->n_services, sizeof(*lab->services));
	case SCHEMA_PORTS:
		return port_range_format(value, buffer);
	case SCHEMA_PROTOCOL:
		return protocol_format(*(const uint8_t *)value, buffer);
	case SCHEMA_HOST:
		return format_name(value, lab->hosts, lab->n_hosts, sizeof(*lab->hosts));
	case SCHEMA_SLOT:
		return format_name(value, lab->slots, lab->n_slots, sizeof(*lab->slots));
	case SCHEMA_GROUP:
		return format_name(value, lab->groups, lab->n_groups, sizeof(*lab->groups));
	case SCHEMA_CLASS:
		return format_optional_name(value, lab->classes, lab->n_classes, sizeof(*lab->classes));
	case SCHEMA_POOL:
		return format_optional_name(value, lab->pools, lab->n_pools, sizeof(*lab->pools));
	case SCHEMA_SCHEDULE:
		return format_optional_name(value, lab->schedules, lab->n_schedules, sizeof(*lab->schedules));
	case SCHEMA_TIME:
		return time_of_day_format(*(const uint32_t *)value, buffer);
	case SCHEMA_DATE:
		return date_format(value, buffer);
	case SCHEMA_MARK:
		return format_mark(key, value, buffer);
	default:
		return "";
	}
}
