// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* values_l2.c - words for what is below IP: MAC addresses with a length, EtherTypes. */
#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAC_BITS 48
#define ETHER_TYPE_MIN 0x600 /* below, the field is a length (IEEE 802.3) */

static bool has_bits_behind(const struct dpu_mac *mac, unsigned bits)
{
	for (unsigned i = bits; i < MAC_BITS; i++)
		if (mac->b[i / 8] >> (7 - i % 8) & 1)
			return true;
	return false;
}

int mac_prefix_parse(const char *text, struct dpu_mac *ret_mac, uint8_t *ret_bits)
{
	const char *slash = strchr(text, '/');
	uint64_t bits = MAC_BITS;
	struct dpu_mac mac;
	char address[18];

	if (slash && (slash - text != sizeof(address) - 1 || number_parse(slash + 1, 1, MAC_BITS, &bits)))
		return -EINVAL;
	snprintf(address, sizeof(address), "%s", text);
	if (mac_parse(slash ? address : text, &mac) || has_bits_behind(&mac, (unsigned)bits))
		return -EINVAL;
	*ret_mac = mac;
	*ret_bits = (uint8_t)bits;
	return 0;
}

const char *mac_prefix_format(const struct dpu_mac *mac, uint8_t bits, char *buffer)
{
	mac_format(mac, buffer);
	if (bits < MAC_BITS)
		sprintf(buffer + strlen(buffer), "/%u", bits);
	return buffer;
}

/* Names as in IEEE's registry, lower case. */
static const struct {
	const char *word;
	uint16_t type;
} types[] = {
	{"ipv4", 0x0800},	    {"arp", 0x0806},	{"wol", 0x0842},	     {"rarp", 0x8035},
	{"vlan", 0x8100},	    {"ipv6", 0x86dd},	{"slow-protocols", 0x8809}, {"mpls", 0x8847},
	{"pppoe-discovery", 0x8863}, {"pppoe-session", 0x8864}, {"eapol", 0x888e},	     {"qinq", 0x88a8},
	{"lldp", 0x88cc},	    {"macsec", 0x88e5}, {"ptp", 0x88f7},	     {"loopback", 0x9000},
};

int ether_type_parse(const char *text, uint16_t *ret_type)
{
	unsigned long number;
	char *end;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(text, types[i].word)) {
			*ret_type = types[i].type;
			return 0;
		}
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	number = strtoul(text, &end, 0);
	if (*end || number < ETHER_TYPE_MIN || number > UINT16_MAX)
		return -EINVAL;
	*ret_type = (uint16_t)number;
	return 0;
}

const char *ether_type_format(uint16_t type, char *buffer)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (type == types[i].type)
			return strcpy(buffer, types[i].word);
	snprintf(buffer, VALUE_TEXT_MAX, "0x%04x", type);
	return buffer;
}
