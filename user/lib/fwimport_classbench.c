// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fwimport_classbench.c - filter sets as ClassBench's db_generator writes them:
 *   @SRC/LEN  DST/LEN  LO : HI  LO : HI  0xPROTO/0xMASK  [0xFLAGS/0xMASK ...]
 * Such a set has no actions: a packet that a filter matches is allowed, the rest dropped.
 */
#include "fwimport_rule.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct filter {
	struct lab_prefix src, dst;
	struct lab_port_range sport, dport;
	uint64_t proto, proto_mask;
};

struct words {
	struct importer *in;
	unsigned line;
	const char *start, *at; /* of the line; where it is read */
	char word[80];
};

static bool next(struct words *words)
{
	size_t length;

	words->at += strspn(words->at, " \t\r");
	length = strcspn(words->at, " \t\r\n");
	if (!length || length >= sizeof(words->word))
		return false;
	memcpy(words->word, words->at, length);
	words->word[length] = '\0';
	return true;
}

static void take(struct words *words)
{
	words->at += strlen(words->word);
}

static bool wrong(struct words *words, const char *expected)
{
	bool more = next(words);

	import_error(words->in, words->line, (unsigned)(words->at - words->start) + 1,
		     "a filter is @SRC/LEN DST/LEN LO : HI LO : HI 0xPROTO/0xMASK", "expected %s, found '%s'", expected,
		     more ? words->word : "");
	return false;
}

static bool read_prefix(struct words *words, struct lab_prefix *ret)
{
	if (!next(words) || !strchr(words->word, '/') || prefix_parse(words->word, ret))
		return wrong(words, "a prefix such as 10.1.0.0/24");
	take(words);
	return true;
}

static bool read_port(struct words *words, uint16_t *ret)
{
	uint64_t number;

	if (!next(words) || number_parse(words->word, 0, 65535, &number))
		return wrong(words, "a port");
	take(words);
	*ret = (uint16_t)number;
	return true;
}

static bool read_ports(struct words *words, struct lab_port_range *ret)
{
	if (!read_port(words, &ret->lo))
		return false;
	if (!next(words) || strcmp(words->word, ":") != 0)
		return wrong(words, "':' between two ports");
	take(words);
	if (!read_port(words, &ret->hi))
		return false;
	if (ret->lo <= ret->hi)
		return true;
	words->at -= strlen(words->word);
	return wrong(words, "a port that is not below the first");
}

static bool read_masked(struct words *words, uint64_t max, uint64_t *ret_value, uint64_t *ret_mask)
{
	char *slash = NULL;

	if (next(words))
		slash = strchr(words->word, '/');
	if (slash)
		*slash = '\0';
	if (!slash || number_parse(words->word, 0, max, ret_value) || number_parse(slash + 1, 0, max, ret_mask)) {
		if (slash)
			*slash = '/';
		return wrong(words, "a value with its mask such as 0x06/0xFF");
	}
	*slash = '/';
	take(words);
	return true;
}

static bool read_filter(struct words *words, struct filter *ret)
{
	if (*words->at != '@')
		return wrong(words, "a filter, which begins with '@'");
	words->at++;
	if (!read_prefix(words, &ret->src) || !read_prefix(words, &ret->dst))
		return false;
	if (ret->src.family != ret->dst.family) {
		words->at -= strlen(words->word);
		return wrong(words, "a destination of the source's family");
	}
	return read_ports(words, &ret->sport) && read_ports(words, &ret->dport) &&
	       read_masked(words, 0xff, &ret->proto, &ret->proto_mask);
}

/* TCP flags and other fields behind the five, until the end of the line. */
static bool read_flags(struct words *words)
{
	uint64_t value, mask;

	while (next(words)) {
		if (!read_masked(words, UINT32_MAX, &value, &mask))
			return false;
		if (mask)
			import_remark(words->in, words->line, FWIMPORT_LOOSER, words->word,
				      "a rule has no such field: it matches whatever the field is");
	}
	return words->at[0] == '\0' || words->at[0] == '\n' || wrong(words, "a value with its mask");
}

static bool is_any(const struct lab_port_range *range)
{
	return range->lo == 0 && range->hi == 65535;
}

/* NULL if it can be written, else what is wrong with it. */
static const char *obstacle(const struct filter *filter)
{
	bool ports = !is_any(&filter->sport) || !is_any(&filter->dport);

	if (filter->proto_mask && filter->proto_mask != 0xff)
		return "a rule's protocol is one or any, not some under a mask";
	if (!filter->proto_mask)
		return NULL;
	if (!filter->proto)
		return "protocol 0 cannot be named: it is none that a packet has behind its extension headers";
	if (ports && !protocol_has_ports((uint8_t)filter->proto))
		return "a protocol without ports never has the ones that are asked for";
	if (filter->proto == (filter->src.family == 6 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return "the protocol is the other family's ICMP";
	return NULL;
}

static void write_filter(struct importer *in, unsigned line, const struct filter *filter)
{
	static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	char from[VALUE_TEXT_MAX] = "", to[VALUE_TEXT_MAX] = "", sports[32] = "", ports[32] = "";
	struct import_rule rule = {.line = line, .family = filter->src.family, .from = from, .to = to,
				   .sports = sports, .ports = ports, .action = "allow",
				   .proto = filter->proto_mask ? (uint8_t)filter->proto : 0};

	if (filter->src.plen)
		import_add_prefix(from, sizeof(from), &filter->src);
	if (filter->dst.plen)
		import_add_prefix(to, sizeof(to), &filter->dst);
	if (!is_any(&filter->sport))
		import_add_ports(sports, sizeof(sports), &filter->sport);
	if (!is_any(&filter->dport))
		import_add_ports(ports, sizeof(ports), &filter->dport);
	if (rule.proto || (!*sports && !*ports)) {
		import_write(in, &rule);
		return;
	}
	for (size_t i = 0; i < sizeof(with_ports); i++) {
		rule.proto = with_ports[i];
		import_write(in, &rule);
	}
}

void fwimport_classbench(struct importer *in)
{
	unsigned number = 0, first = 0;

	for (const char *line = in->text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		struct words words = {.in = in, .line = ++number, .start = line, .at = line};
		struct filter filter;
		const char *why;
		char what[16];

		words.at += strspn(line, " \t\r");
		if (!*words.at || *words.at == '\n' || *words.at == '#' || !read_filter(&words, &filter))
			continue;
		first = first ? first : number;
		why = obstacle(&filter);
		snprintf(what, sizeof(what), "0x%02x/0x%02x", (unsigned)filter.proto, (unsigned)filter.proto_mask);
		if (why)
			import_remark(in, number, FWIMPORT_STRICTER, what, "%s: the filter is left out", why);
		else if (read_flags(&words))
			write_filter(in, number, &filter);
	}
	if (first)
		import_remark(in, first, FWIMPORT_SAME, "action",
			      "filter sets have none: what a filter matches is allowed, the rest dropped");
	else if (!in->err)
		in->err = diag_error(in->diag, -EINVAL, "a filter is @SRC/LEN DST/LEN LO : HI LO : HI 0xPROTO/0xMASK",
				     "%s has no filter", in->name);
}
