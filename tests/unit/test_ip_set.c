// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "ip_set.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "10.0.0.0/8 2001:db8::/32" */
static struct ip_set set_of(const char *text)
{
	struct ip_set set = {0};
	char copy[512], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct lab_prefix prefix = {0};

		if (strcmp(word, "any") != 0)
			CU_ASSERT_EQUAL_FATAL(prefix_parse(word, &prefix), 0);
		CU_ASSERT_EQUAL_FATAL(ip_set_add_prefix(&set, &prefix), 0);
	}
	ip_set_settle(&set);
	return set;
}

/* The prefixes of both families, as text. */
static void text_of(const struct ip_set *set, char *ret_text)
{
	ret_text[0] = '\0';
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct lab_prefix *list;
		size_t n;

		CU_ASSERT_EQUAL_FATAL(ip_set_prefixes(set, family, &list, &n), 0);
		for (size_t i = 0; i < n; i++) {
			char buffer[VALUE_TEXT_MAX];

			sprintf(ret_text + strlen(ret_text), "%s%s", *ret_text ? " " : "",
				prefix_format(&list[i], true, buffer));
		}
		free(list);
	}
}

static void prefixes_are_joined(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", ""},
		{"10.0.0.1", "10.0.0.1/32"},
		{"10.0.0.0/25 10.0.0.128/25", "10.0.0.0/24"},
		{"10.0.1.0/24 10.0.0.0/16 10.0.255.0/24", "10.0.0.0/16"},
		{"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/32"},
		{"2001:db8::/33 2001:db8:8000::/33 10.0.0.0/8", "10.0.0.0/8 2001:db8::/32"},
		{"0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0"},
		{"::/1 8000::/1", "::/0"},
		{"any", "0.0.0.0/0 ::/0"},
		{"255.255.255.255 0.0.0.0", "0.0.0.0/32 255.255.255.255/32"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_set set = set_of(rows[i].in);
		char text[512];

		text_of(&set, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].out);
		ip_set_free(&set);
	}
}

static void what_is_left(void)
{
	static const struct {
		const char *in, *out, *left;
	} rows[] = {
		{"10.0.0.0/24", "10.0.0.128/25", "10.0.0.0/25"},
		{"10.0.0.0/24", "10.0.0.0/8", ""},
		{"10.0.0.0/30", "10.0.0.1", "10.0.0.0/32 10.0.0.2/31"},
		{"any", "0.0.0.0/0", "::/0"},
		{"any", "::/0 0.0.0.0/1", "128.0.0.0/1"},
		{"0.0.0.0/0", "128.0.0.0/1 10.0.0.0/8", "0.0.0.0/5 8.0.0.0/7 11.0.0.0/8 12.0.0.0/6 16.0.0.0/4 32.0.0.0/3 64.0.0.0/2"},
		{"10.0.0.0/24 10.2.0.0/24", "10.0.0.255 10.1.0.0/16 10.2.0.0/25",
		 "10.0.0.0/25 10.0.0.128/26 10.0.0.192/27 10.0.0.224/28 10.0.0.240/29 10.0.0.248/30 10.0.0.252/31 "
		 "10.0.0.254/32 10.2.0.128/25"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_set in = set_of(rows[i].in), out = set_of(rows[i].out), left;
		char text[512];

		CU_ASSERT_EQUAL_FATAL(ip_set_subtract(&in, &out, &left), 0);
		text_of(&left, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].left);
		CU_ASSERT_FALSE(ip_set_meets(&left, &out));
		ip_set_free(&in);
		ip_set_free(&out);
		ip_set_free(&left);
	}
}

/* Sets over the last octet of one /24, checked against bits. */
static struct ip_set random_set(unsigned *seed, bool *bits)
{
	struct ip_set set = {0};

	memset(bits, 0, 256);
	for (unsigned n = rand_r(seed) % 12; n; n--) {
		unsigned plen = 24 + rand_r(seed) % 9, first = (rand_r(seed) % 256) & (0xff00 >> (plen - 24));
		struct lab_prefix prefix = {.family = 4, .plen = (uint8_t)plen,
					    .addr.b = {[10] = 0xff, [11] = 0xff, 10, 0, 0, (uint8_t)first}};

		for (unsigned i = 0; i < 256u >> (plen - 24); i++)
			bits[first + i] = true;
		CU_ASSERT_EQUAL_FATAL(ip_set_add_prefix(&set, &prefix), 0);
	}
	ip_set_settle(&set);
	return set;
}

static bool has(const struct ip_set *set, unsigned octet)
{
	const union dpu_ip ip = {.b = {[10] = 0xff, [11] = 0xff, 10, 0, 0, (uint8_t)octet}};
	const ip_number address = ip_to_number(&ip);

	return ip_set_has_range(set, (struct ip_range){address, address});
}

static void operations_agree_with_bits(void)
{
	unsigned seed = 3;

	for (unsigned round = 0; round < 2000; round++) {
		bool a_bits[256], b_bits[256], within = true, meet = false;
		struct ip_set a = random_set(&seed, a_bits), b = random_set(&seed, b_bits), both, left;

		CU_ASSERT_EQUAL_FATAL(ip_set_intersect(&a, &b, &both), 0);
		CU_ASSERT_EQUAL_FATAL(ip_set_subtract(&a, &b, &left), 0);
		for (unsigned i = 0; i < 256; i++) {
			CU_ASSERT_EQUAL(has(&a, i), a_bits[i]);
			CU_ASSERT_EQUAL(has(&both, i), a_bits[i] && b_bits[i]);
			CU_ASSERT_EQUAL(has(&left, i), a_bits[i] && !b_bits[i]);
			within &= !a_bits[i] || b_bits[i];
			meet |= a_bits[i] && b_bits[i];
		}
		CU_ASSERT_EQUAL(ip_set_contains(&b, &a), within);
		CU_ASSERT_EQUAL(ip_set_meets(&a, &b), meet);
		ip_set_free(&a);
		ip_set_free(&b);
		ip_set_free(&both);
		ip_set_free(&left);
	}
}

SUITE(ip_set,
      {"overlapping and neighbouring prefixes are joined", prefixes_are_joined},
      {"what is left of one set without another, in the fewest prefixes", what_is_left},
      {"set operations agree with bits (random sets)", operations_agree_with_bits});
