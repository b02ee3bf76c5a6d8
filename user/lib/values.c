// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h> /* MIN */

#define V4_OFFSET 12 /* of the IPv4 address in its v4-mapped form */

static const union dpu_ip v4_mapped = {.b = {[10] = 0xff, [11] = 0xff}};

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hexadecimal ? text + 2 : text;
	unsigned long long number;
	char *end;

	if (!isxdigit((unsigned char)digits[0]) || (!hexadecimal && digits[0] == '0' && digits[1]))
		return -EINVAL;
	errno = 0;
	number = strtoull(digits, &end, hexadecimal ? 16 : 10);
	if (errno || end == digits || *end || number < min || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

/* Powers of 1000, by their letter. */
static const char scale_letters[] = "kMGT";

int decimal_parse(const char *text, uint64_t max, uint64_t *ret_whole, uint64_t *ret_thousandths, const char **ret_rest)
{
	size_t length = strspn(text, "0123456789"), decimals = 0;
	const char *rest = text + length;
	uint64_t thousandths = 0;
	char digits[24];

	if (!length || length >= sizeof(digits))
		return -EINVAL;
	snprintf(digits, sizeof(digits), "%.*s", (int)length, text);
	if (*rest == '.') {
		decimals = strspn(++rest, "0123456789");
		if (!decimals || decimals > 3)
			return -EINVAL;
		for (size_t i = 0; i < 3; i++)
			thousandths = 10 * thousandths + (i < decimals ? (uint64_t)(rest[i] - '0') : 0);
	}
	if (number_parse(digits, 0, max, ret_whole))
		return -EINVAL;
	*ret_thousandths = thousandths;
	*ret_rest = rest + decimals;
	return 0;
}

/* Maybe a letter behind the digits: in thousandths as long as there is none. */
int scaled_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	uint64_t whole, thousandths, number;
	const char *rest, *letter;

	if (decimal_parse(text, max, &whole, &thousandths, &rest))
		return -EINVAL;
	number = whole;
	if (*rest) {
		letter = strchr(scale_letters, *rest == 'K' ? 'k' : *rest);
		if (!letter || rest[1])
			return -EINVAL;
		number = whole * 1000 + thousandths;
		for (; letter > scale_letters && number <= max; letter--)
			number *= 1000;
	} else if (thousandths) {
		return -EINVAL;
	}
	if (number < min || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

const char *scaled_format(uint64_t number, char *buffer)
{
	int letter = -1;

	while (number && number % 1000 == 0 && letter < 3) {
		number /= 1000;
		letter++;
	}
	snprintf(buffer, VALUE_TEXT_MAX, letter < 0 ? "%llu" : "%llu%c", (unsigned long long)number,
		 letter < 0 ? 0 : scale_letters[letter]);
	return buffer;
}

uint8_t ip_family(const union dpu_ip *ip)
{
	return memcmp(ip->b, v4_mapped.b, V4_OFFSET) == 0 ? 4 : 6;
}

int ip_parse(const char *text, union dpu_ip *ret_ip, uint8_t *ret_family)
{
	union dpu_ip ip = v4_mapped;
	uint8_t family = 4;

	if (inet_pton(AF_INET, text, ip.b + V4_OFFSET) != 1) {
		family = 6;
		/* A v4-mapped address would change family inside: nobody means it. */
		if (inet_pton(AF_INET6, text, ip.b) != 1 || ip_family(&ip) == 4)
			return -EINVAL;
	}
	*ret_ip = ip;
	*ret_family = family;
	return 0;
}

const char *ip_format(const union dpu_ip *ip, char *buffer)
{
	bool v4 = ip_family(ip) == 4;

	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->b + V4_OFFSET : ip->b, buffer, VALUE_TEXT_MAX);
}

int prefix_parse(const char *text, struct lab_prefix *ret_prefix)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct lab_prefix prefix = {0};
	uint64_t plen;

	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (ip_parse(address, &prefix.addr, &prefix.family))
		return -EINVAL;
	plen = prefix.family == 4 ? 32 : 128;
	if (slash && number_parse(slash + 1, 0, plen, &plen))
		return -EINVAL;
	prefix.plen = plen;
	*ret_prefix = prefix;
	return 0;
}

const char *prefix_format(const struct lab_prefix *prefix, bool with_length, char *buffer)
{
	size_t used;

	if (!prefix->family)
		return strcpy(buffer, "any");
	ip_format(&prefix->addr, buffer);
	if (with_length || prefix->plen != (prefix->family == 4 ? 32 : 128)) {
		used = strlen(buffer);
		snprintf(buffer + used, VALUE_TEXT_MAX - used, "/%u", prefix->plen);
	}
	return buffer;
}

union dpu_ip prefix_mask(const struct lab_prefix *prefix)
{
	unsigned bits = prefix->family ? prefix->plen + (prefix->family == 4 ? 96 : 0) : 0;
	union dpu_ip mask = {0};

	for (unsigned i = 0; i < 16 && bits; i++) {
		unsigned here = bits < 8 ? bits : 8;

		mask.b[i] = 0xff << (8 - here);
		bits -= here;
	}
	return mask;
}

struct lab_prefix prefix_network(const struct lab_prefix *prefix)
{
	union dpu_ip mask = prefix_mask(prefix);
	struct lab_prefix network = *prefix;

	for (unsigned i = 0; i < 16; i++)
		network.addr.b[i] &= mask.b[i];
	return network;
}

bool prefix_contains(const struct lab_prefix *prefix, const union dpu_ip *ip)
{
	union dpu_ip mask = prefix_mask(prefix);

	if (prefix->family && prefix->family != ip_family(ip))
		return false;
	for (unsigned i = 0; i < 16; i++)
		if ((ip->b[i] ^ prefix->addr.b[i]) & mask.b[i])
			return false;
	return true;
}

int mac_parse(const char *text, struct dpu_mac *ret_mac)
{
	struct dpu_mac mac;

	for (unsigned i = 0; i < sizeof(mac.b); i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i == sizeof(mac.b) - 1 ? '\0' : ':'))
			return -EINVAL;
		mac.b[i] = strtoul(text, NULL, 16);
	}
	*ret_mac = mac;
	return 0;
}

const char *mac_format(const struct dpu_mac *mac, char *buffer)
{
	snprintf(buffer, VALUE_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac->b[0], mac->b[1],
		 mac->b[2], mac->b[3], mac->b[4], mac->b[5]);
	return buffer;
}

/* Reads digits at *text and moves it past them. */
static int read_cpu(const char **text, unsigned *ret_cpu)
{
	unsigned cpu = 0;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		cpu = 10 * cpu + (**text - '0');
		if (cpu >= LAB_MAX_CPUS)
			return -EINVAL;
	}
	*ret_cpu = cpu;
	return 0;
}

int cpu_set_parse(const char *text, struct cpu_set *ret_set)
{
	struct cpu_set set = {0};

	while (*text) {
		unsigned first, last;

		if (read_cpu(&text, &first))
			return -EINVAL;
		last = first;
		if (*text == '-' && (text++, read_cpu(&text, &last)))
			return -EINVAL;
		if (last < first)
			return -EINVAL;
		for (unsigned cpu = first; cpu <= last; cpu++)
			set.bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
	}
	*ret_set = set;
	return 0;
}

bool cpu_set_has(const struct cpu_set *set, unsigned cpu)
{
	return cpu < LAB_MAX_CPUS && set->bits[cpu / 64] >> cpu % 64 & 1;
}

bool cpu_set_is_empty(const struct cpu_set *set)
{
	for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++)
		if (set->bits[i])
			return false;
	return true;
}

const char *cpu_set_format(const struct cpu_set *set, char *buffer)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (unsigned first = 0; first < LAB_MAX_CPUS; first++) {
		unsigned last = first;

		if (!cpu_set_has(set, first))
			continue;
		while (cpu_set_has(set, last + 1))
			last++;
		used += snprintf(buffer + used, VALUE_TEXT_MAX - used,
				 last > first ? "%s%u-%u" : "%s%u", used ? "," : "", first, last);
		first = last;
	}
	return buffer;
}

int port_range_parse(const char *text, struct lab_port_range *ret_range)
{
	char first[8];
	const char *dash = strchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : strlen(text);
	uint64_t lo, hi;

	if (!strcmp(text, "any")) {
		*ret_range = (struct lab_port_range){0, UINT16_MAX};
		return 0;
	}
	if (length >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, length);
	first[length] = '\0';
	if (number_parse(first, 0, UINT16_MAX, &lo))
		return -EINVAL;
	hi = lo;
	if (dash && number_parse(dash + 1, lo, UINT16_MAX, &hi))
		return -EINVAL;
	*ret_range = (struct lab_port_range){lo, hi};
	return 0;
}

const char *port_range_format(const struct lab_port_range *range, char *buffer)
{
	if (range->lo == 0 && range->hi == UINT16_MAX)
		return strcpy(buffer, "any");
	snprintf(buffer, VALUE_TEXT_MAX, range->lo == range->hi ? "%u" : "%u-%u", range->lo, range->hi);
	return buffer;
}

static const struct {
	const char *word;
	uint8_t number;
} protocols[] = {
	{"any", 0},
	{"icmp", IPPROTO_ICMP},
	{"igmp", IPPROTO_IGMP},
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"gre", IPPROTO_GRE},
	{"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},
	{"icmpv6", IPPROTO_ICMPV6},
	{"sctp", IPPROTO_SCTP},
};

int protocol_parse(const char *text, uint8_t *ret_protocol)
{
	uint64_t number;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (!strcmp(text, protocols[i].word)) {
			*ret_protocol = protocols[i].number;
			return 0;
		}
	if (number_parse(text, 1, UINT8_MAX, &number))
		return -EINVAL;
	*ret_protocol = number;
	return 0;
}

const char *protocol_format(uint8_t protocol, char *buffer)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocol == protocols[i].number)
			return strcpy(buffer, protocols[i].word);
	snprintf(buffer, VALUE_TEXT_MAX, "%u", protocol);
	return buffer;
}

bool protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* RFC 792, RFC 4443, RFC 4861, RFC 2710, RFC 3810. Type -1: the family has no such message. */
static const struct {
	const char *name;
	int16_t type4, code4, type6, code6;
} icmp_names[] = {
	{"echo-request", 8, -1, 128, -1},
	{"echo-reply", 0, -1, 129, -1},
	{"destination-unreachable", 3, -1, 1, -1},
	{"packet-too-big", 3, 4, 2, -1}, /* IPv4: fragmentation needed */
	{"time-exceeded", 11, -1, 3, -1},
	{"parameter-problem", 12, -1, 4, -1},
	{"redirect", 5, -1, 137, -1},
	{"router-advertisement", 9, -1, 134, -1},
	{"router-solicitation", 10, -1, 133, -1},
	{"timestamp-request", 13, -1, -1, -1},
	{"timestamp-reply", 14, -1, -1, -1},
	{"mld-listener-query", -1, -1, 130, -1},
	{"mld-listener-report", -1, -1, 131, -1},
	{"mld-listener-done", -1, -1, 132, -1},
	{"mld2-listener-report", -1, -1, 143, -1},
};

#define ICMP_NAMES (sizeof(icmp_names) / sizeof(icmp_names[0]))

int icmp_parse(const char *text, struct lab_icmp *ret_icmp)
{
	const char *slash = strchr(text, '/');
	struct lab_icmp icmp = {.any_code = !slash};
	char type[8];
	uint64_t number;

	for (size_t i = 0; i < ICMP_NAMES; i++)
		if (!strcmp(text, icmp_names[i].name)) {
			*ret_icmp = (struct lab_icmp){.name = (uint8_t)(i + 1)};
			return 0;
		}
	if ((size_t)snprintf(type, sizeof(type), "%.*s", slash ? (int)(slash - text) : (int)strlen(text), text) >=
	    sizeof(type))
		return -EINVAL;
	if (number_parse(type, 0, UINT8_MAX, &number))
		return -EINVAL;
	icmp.type = number;
	if (slash && number_parse(slash + 1, 0, UINT8_MAX, &number))
		return -EINVAL;
	icmp.code = slash ? number : 0;
	*ret_icmp = icmp;
	return 0;
}

const char *icmp_format(const struct lab_icmp *icmp, char *buffer)
{
	if (icmp->name && icmp->name <= ICMP_NAMES)
		return strcpy(buffer, icmp_names[icmp->name - 1].name);
	snprintf(buffer, VALUE_TEXT_MAX, icmp->any_code ? "%u" : "%u/%u", icmp->type, icmp->code);
	return buffer;
}

bool icmp_in_family(const struct lab_icmp *icmp, uint8_t family, uint8_t *ret_type, int *ret_code)
{
	int type = icmp->type, code = icmp->any_code ? -1 : icmp->code;

	if (icmp->name && icmp->name <= ICMP_NAMES) {
		type = family == 6 ? icmp_names[icmp->name - 1].type6 : icmp_names[icmp->name - 1].type4;
		code = family == 6 ? icmp_names[icmp->name - 1].code6 : icmp_names[icmp->name - 1].code4;
	}
	if (type < 0)
		return false;
	*ret_type = (uint8_t)type;
	*ret_code = code;
	return true;
}

int tag_parse(const char *text, struct lab_tag *ret_tag)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@";
	const size_t length = strlen(text);

	if (!length || length >= TAG_MAX || strspn(text, letters) != length)
		return -EINVAL;
	*ret_tag = (struct lab_tag){0};
	memcpy(ret_tag->name, text, length);
	return 0;
}

#define SPELLING_MAX 32 /* longer words are not compared */

/*
 * Letters to change, insert, delete or swap with their neighbour to make a into b
 * (optimal string alignment). Rows of the table turn: two behind, one behind, this.
 */
static unsigned spelling_distance(const char *a, const char *b)
{
	unsigned rows[3][SPELLING_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2], *turn;
	const size_t length_a = strlen(a), length_b = strlen(b);

	if (length_a > SPELLING_MAX || length_b > SPELLING_MAX)
		return UINT8_MAX;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		turn = before;
		before = above;
		above = row;
		row = turn;
		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, above[j] + 1);
			best = MIN(best, row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, before[j - 2] + 1);
			row[j] = best;
		}
	}
	return row[length_b];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t n)
{
	/* A third of the letters wrong is still a typing error; "a" for "b" is not. */
	unsigned best = strlen(word) < 3 ? 2 : 2 + strlen(word) / 4;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned distance = spelling_distance(word, candidates[i]);

		if (distance < best && distance < strlen(candidates[i])) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}
