/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * values.h - the text form of single values, both ways: addresses, prefixes,
 * MACs, CPU sets, port ranges, protocols. Pure. Parsers return 0 or -EINVAL and
 * leave their result untouched on failure; formatters fill a buffer of at least
 * VALUE_TEXT_MAX bytes and return it.
 */
#pragma once
#include "model.h"

#define VALUE_TEXT_MAX 1024 /* the longest: a CPU set of every other CPU */

/* Decimal or 0x hexadecimal digits only: no sign, no space, no octal. */
int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number);

/* Digits, maybe a point and up to three more, and the rest of the text. */
int decimal_parse(const char *text, uint64_t max, uint64_t *ret_whole, uint64_t *ret_thousandths, const char **ret_rest);

/* A number with an SI prefix: "1500", "250k", "2.5G" (k or K, M, G, T: powers of 1000). A whole number at last. */
int scaled_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number);
/* With the largest prefix that leaves it whole: 2500M. */
const char *scaled_format(uint64_t number, char *buffer);

/* "700ns", "1.5us", "2ms", "1s": a unit is needed; nanoseconds. */
int duration_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_ns);
/* With the largest unit that leaves it whole: 1500us. */
const char *duration_format(uint64_t ns, char *buffer);

/* "10.1.0.11", "2001:db8::1": v4-mapped, family 4 or 6. */
int ip_parse(const char *text, union dpu_ip *ret_ip, uint8_t *ret_family);
const char *ip_format(const union dpu_ip *ip, char *buffer);
uint8_t ip_family(const union dpu_ip *ip); /* 4 if v4-mapped, else 6 */

/* "10.1.0.11/24". Without "/length": the whole address. Host bits stay as they are. */
int prefix_parse(const char *text, struct lab_prefix *ret_prefix);
/* Family 0 is "any"; a whole address has no "/length" unless with_length. */
const char *prefix_format(const struct lab_prefix *prefix, bool with_length, char *buffer);
/* The mask of a prefix over all 128 bits of the v4-mapped form; all zeros for family 0. */
union dpu_ip prefix_mask(const struct lab_prefix *prefix);
/* Clears the host bits. */
struct lab_prefix prefix_network(const struct lab_prefix *prefix);
bool prefix_contains(const struct lab_prefix *prefix, const union dpu_ip *ip);

int mac_parse(const char *text, struct dpu_mac *ret_mac);
const char *mac_format(const struct dpu_mac *mac, char *buffer);

/* "0-1,3" as in the kernel's cpu lists; empty text = empty set. */
int cpu_set_parse(const char *text, struct cpu_set *ret_set);
const char *cpu_set_format(const struct cpu_set *set, char *buffer);
bool cpu_set_has(const struct cpu_set *set, unsigned cpu);
bool cpu_set_is_empty(const struct cpu_set *set);

/* "80", "8000-8999", "any". */
int port_range_parse(const char *text, struct lab_port_range *ret_range);
const char *port_range_format(const struct lab_port_range *range, char *buffer);

/* "any", "tcp", "udp", "icmp", "icmpv6", "sctp", ... or a number. */
int protocol_parse(const char *text, uint8_t *ret_protocol);
const char *protocol_format(uint8_t protocol, char *buffer);
bool protocol_has_ports(uint8_t protocol);

/* "02:00:5e:00:00:00/24", or without a length: 48. Bits behind it must be zero. */
int mac_prefix_parse(const char *text, struct dpu_mac *ret_mac, uint8_t *ret_bits);
const char *mac_prefix_format(const struct dpu_mac *mac, uint8_t bits, char *buffer);
/* "arp", "0x88cc", "35020": 0x0600 and above. */
int ether_type_parse(const char *text, uint16_t *ret_type);
const char *ether_type_format(uint16_t type, char *buffer);

/* "echo-request", "3", "3/4". */
int icmp_parse(const char *text, struct lab_icmp *ret_icmp);
const char *icmp_format(const struct lab_icmp *icmp, char *buffer);
/* What it is in a family: false if nothing. *ret_code: -1 = any. Numbers mean the same in both. */
bool icmp_in_family(const struct lab_icmp *icmp, uint8_t family, uint8_t *ret_type, int *ret_code);

/* "08:00", "23:59:59", "24:00": 1 + the second of the day; 0 is "not stated". */
int time_of_day_parse(const char *text, uint32_t *ret_time);
const char *time_of_day_format(uint32_t time, char *buffer);
/* "2026-12-05", "2026-12-05 22:00", or with a T; after 1970. */
int date_parse(const char *text, struct lab_date *ret_date);
const char *date_format(const struct lab_date *date, char *buffer);

/* "env=prod". */
int tag_parse(const char *text, struct lab_tag *ret_tag);

/* The candidate nearest in spelling, or NULL if none is near. For "did you mean". */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);
