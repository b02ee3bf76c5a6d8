// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "values.h"

#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static void prefixes_read_and_write(void)
{
	static const struct {
		const char *text, *written;
		uint8_t family, plen;
	} rows[] = {
		{"10.1.0.11/24", "10.1.0.11/24", 4, 24},
		{"10.1.0.11", "10.1.0.11", 4, 32},
		{"0.0.0.0/0", "0.0.0.0/0", 4, 0},
		{"2001:DB8::1/64", "2001:db8::1/64", 6, 64},
		{"::/0", "::/0", 6, 0},
		{"2001:db8::1", "2001:db8::1", 6, 128},
	};
	char buffer[VALUE_TEXT_MAX];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lab_prefix prefix;

		CU_ASSERT_EQUAL_FATAL(prefix_parse(rows[i].text, &prefix), 0);
		CU_ASSERT_EQUAL(prefix.family, rows[i].family);
		CU_ASSERT_EQUAL(prefix.plen, rows[i].plen);
		CU_ASSERT_STRING_EQUAL(prefix_format(&prefix, false, buffer), rows[i].written);
	}
}

static void bad_prefixes_are_refused(void)
{
	static const char *const rows[] = {
		"",	     "/24",	  "10.1.0.0/33", "10.1.0.0/",	 "10.1.0.0/-1", "10.1.0.0/ 8",
		"10.1.0/24", "10.1.0.0.0", "2001:db8::/129", "::ffff:10.0.0.1", "10.1.0.0/24x", "any",
		"2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lab_prefix prefix = {.plen = 77};

		CU_ASSERT_NOT_EQUAL(prefix_parse(rows[i], &prefix), 0);
		CU_ASSERT_EQUAL(prefix.plen, 77);
	}
}

static void masks_cover_the_mapped_form(void)
{
	struct lab_prefix v4, v6, network, any = {0};
	union dpu_ip mask, inside;
	uint8_t family;

	CU_ASSERT_EQUAL_FATAL(prefix_parse("10.1.15.7/20", &v4), 0);
	mask = prefix_mask(&v4);
	for (unsigned i = 0; i < 14; i++)
		CU_ASSERT_EQUAL(mask.b[i], 0xff);
	CU_ASSERT_EQUAL(mask.b[14], 0xf0);
	CU_ASSERT_EQUAL(mask.b[15], 0);
	network = prefix_network(&v4);
	CU_ASSERT_EQUAL(network.addr.b[14], 0);
	CU_ASSERT_EQUAL(network.addr.b[15], 0);
	CU_ASSERT_EQUAL_FATAL(ip_parse("10.1.9.9", &inside, &family), 0);
	CU_ASSERT_TRUE(prefix_contains(&v4, &inside));
	CU_ASSERT_EQUAL_FATAL(ip_parse("10.1.16.0", &inside, &family), 0);
	CU_ASSERT_FALSE(prefix_contains(&v4, &inside));
	CU_ASSERT_TRUE(prefix_contains(&any, &inside));
	CU_ASSERT_EQUAL_FATAL(prefix_parse("::/0", &v6), 0);
	CU_ASSERT_FALSE(prefix_contains(&v6, &inside)); /* ::/0 is every IPv6 address, no IPv4 one */
}

static void numbers_are_plain_digits(void)
{
	static const char *const bad[] = {"",	   " 1",    "1 ", "+1", "-1", "010", "1e3", "0x",
					  "0xg",   "10",    "101", "18446744073709551616", "1.0", "x"};
	uint64_t number = 5;

	CU_ASSERT_EQUAL(number_parse("20", 20, 100, &number), 0);
	CU_ASSERT_EQUAL(number, 20);
	CU_ASSERT_EQUAL(number_parse("0x64", 20, 100, &number), 0);
	CU_ASSERT_EQUAL(number, 100);
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_NOT_EQUAL(number_parse(bad[i], 20, 100, &number), 0);
	CU_ASSERT_EQUAL(number, 100);
}

static void cpu_sets_read_and_write(void)
{
	static const struct {
		const char *text, *written;
	} good[] = {{"", ""}, {"0", "0"}, {"3,0-1", "0-1,3"}, {"0-255", "0-255"}, {"5,5,4-6", "4-6"}};
	static const char *const bad[] = {"-1", "1-", "0,", ",0", "256", "3-1", "0 1", "a", "0--1", "1,,2"};
	struct cpu_set set;
	char buffer[VALUE_TEXT_MAX];

	for (size_t i = 0; i < COUNT(good); i++) {
		CU_ASSERT_EQUAL_FATAL(cpu_set_parse(good[i].text, &set), 0);
		CU_ASSERT_STRING_EQUAL(cpu_set_format(&set, buffer), good[i].written);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_NOT_EQUAL(cpu_set_parse(bad[i], &set), 0);
}

static void macs_read_and_write(void)
{
	static const char *const bad[] = {"", "02:00:00:00:00", "02:00:00:00:00:0", "02:00:00:00:00:001",
					  "02-00-00-00-00-01", "02:00:00:00:00:0g", "02:00:00:00:00:01:"};
	struct dpu_mac mac;
	char buffer[VALUE_TEXT_MAX];

	CU_ASSERT_EQUAL_FATAL(mac_parse("02:Ab:00:00:00:ff", &mac), 0);
	CU_ASSERT_STRING_EQUAL(mac_format(&mac, buffer), "02:ab:00:00:00:ff");
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_NOT_EQUAL(mac_parse(bad[i], &mac), 0);
}

static void ports_and_protocols_read_and_write(void)
{
	static const char *const bad_ports[] = {"", "65536", "90-80", "80-", "-80", "80-90-100", "http"};
	struct lab_port_range range;
	uint8_t protocol;
	char buffer[VALUE_TEXT_MAX];

	CU_ASSERT_EQUAL_FATAL(port_range_parse("8000-8999", &range), 0);
	CU_ASSERT_STRING_EQUAL(port_range_format(&range, buffer), "8000-8999");
	CU_ASSERT_EQUAL_FATAL(port_range_parse("0-65535", &range), 0);
	CU_ASSERT_STRING_EQUAL(port_range_format(&range, buffer), "any");
	for (size_t i = 0; i < COUNT(bad_ports); i++)
		CU_ASSERT_NOT_EQUAL(port_range_parse(bad_ports[i], &range), 0);
	CU_ASSERT_EQUAL(protocol_parse("17", &protocol), 0);
	CU_ASSERT_STRING_EQUAL(protocol_format(protocol, buffer), "udp");
	CU_ASSERT_EQUAL(protocol_parse("200", &protocol), 0);
	CU_ASSERT_STRING_EQUAL(protocol_format(protocol, buffer), "200");
	CU_ASSERT_NOT_EQUAL(protocol_parse("TCP", &protocol), 0);
	CU_ASSERT_NOT_EQUAL(protocol_parse("256", &protocol), 0);
}

static void only_near_words_are_suggested(void)
{
	static const char *const words[] = {"placement", "port-groups", "vms", "hosts"};

	CU_ASSERT_STRING_EQUAL(nearest_word("placment", words, COUNT(words)), "placement");
	CU_ASSERT_STRING_EQUAL(nearest_word("port_groups", words, COUNT(words)), "port-groups");
	CU_ASSERT_STRING_EQUAL(nearest_word("vm", words, COUNT(words)), "vms");
	CU_ASSERT_PTR_NULL(nearest_word("colour", words, COUNT(words)));
	CU_ASSERT_PTR_NULL(nearest_word("", words, COUNT(words)));
	CU_ASSERT_PTR_NULL(nearest_word("an-uncommonly-long-word-that-no-key-can-be", words, COUNT(words)));
}

SUITE(values,
      {"prefixes are read and written in both families", prefixes_read_and_write},
      {"bad prefixes are refused and change nothing", bad_prefixes_are_refused},
      {"masks count in the v4-mapped form; families stay apart", masks_cover_the_mapped_form},
      {"numbers are plain digits within their bounds", numbers_are_plain_digits},
      {"CPU lists are read and written as the kernel does", cpu_sets_read_and_write},
      {"MAC addresses are read and written", macs_read_and_write},
      {"ports and protocols are read and written", ports_and_protocols_read_and_write},
      {"a suggestion is near in spelling or is not made", only_near_words_are_suggested});
