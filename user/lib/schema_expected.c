/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a value has to be, in words. */
#include "schema.h"

#include <stdio.h>

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
		[SCHEMA_SWITCH] = "a mapping (key: value), true or false",
		[SCHEMA_BOOL] = "true or false",
		[SCHEMA_CPUS] = "a CPU list such as 0-1,3, with CPUs below 256",
		[SCHEMA_MAC] = "a unicast MAC address such as 02:00:00:00:00:01",
		[SCHEMA_ADDRESS] = "an address with prefix length, such as 10.1.0.11/24 or 2001:db8::11/64",
		[SCHEMA_ADDRESS4] = "an IPv4 address with prefix length, such as 10.255.0.1/16",
		[SCHEMA_PEER] = "a prefix such as 10.1.0.0/24, any, or the name of a VM, port group or group",
		[SCHEMA_MEMBER] = "a prefix such as 10.1.0.0/24, or the name of a VM, port group or group",
		[SCHEMA_MAC_PEER] = "a MAC address such as 02:00:00:00:00:01, one with a length such as 02:00:5e:00:00:00/24, any, or the name of a VM, port group or group",
		[SCHEMA_ETHER_TYPE] = "an EtherType such as arp, ipv4, ipv6, lldp or 0x88cc (0x0600 to 0xffff)",
		[SCHEMA_TARGET] = "any, or the name of a VM, port group or group",
		[SCHEMA_PREFIXES] = "prefixes such as 10.1.0.0/24 2001:db8::/32",
		[SCHEMA_PREFIX_FILE] = "the name of a file with prefixes",
		[SCHEMA_TAG] = "a tag of letters, digits and -_./:=@, at most 63",
		[SCHEMA_ICMP] = "an ICMP message such as echo-request, 8 or 3/4",
		[SCHEMA_SERVICE] = "the name of a service",
		[SCHEMA_FILE] = "the name of a file",
		[SCHEMA_DURATION] = "a time such as 700ns, 1.5us or 2ms, at most 1s",
		[SCHEMA_PORTS] = "a port or range such as 80 or 8000-8999, or any",
		[SCHEMA_PROTOCOL] = "a protocol: any, tcp, udp, icmp, icmpv6, sctp, ... or a number to 255",
		[SCHEMA_HOST] = "the name of a host",
		[SCHEMA_SLOT] = "the name of an intercept slot",
		[SCHEMA_GROUP] = "the name of a port group",
		[SCHEMA_CLASS] = "the name of a class of nioc",
		[SCHEMA_POOL] = "the name of a pool of nioc",
		[SCHEMA_SCHEDULE] = "the name of a schedule",
		[SCHEMA_TIME] = "a time of the day such as 08:00 or 23:59:30, up to 24:00",
		[SCHEMA_DATE] = "a date such as 2026-12-05, or with a time: 2026-12-05 22:00",
	};

	if (key->type == SCHEMA_WORD)
		return expected_word(key, buffer, size);
	if (key->type == SCHEMA_NUMBER || key->type == SCHEMA_MARK)
		snprintf(buffer, size, "a whole number from %llu to %llu",
			 (unsigned long long)key->min, (unsigned long long)key->max);
	else if (key->type == SCHEMA_RATE || key->type == SCHEMA_BYTES)
		snprintf(buffer, size, "%s such as %s, from %llu to %llu", key->type == SCHEMA_RATE ? "bits per second" : "bytes",
			 key->type == SCHEMA_RATE ? "250k, 100M or 2.5G" : "1500, 64k or 2M", (unsigned long long)key->min,
			 (unsigned long long)key->max);
	else if (key->type == SCHEMA_TEXT)
		snprintf(buffer, size, "one line of text, at most %llu bytes",
			 (unsigned long long)key->max);
	else
		snprintf(buffer, size, "%s", sentences[key->type]);
	return buffer;
}
