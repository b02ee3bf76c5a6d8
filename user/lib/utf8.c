// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "utf8.h"

#include <stdint.h>

/* Bytes that follow a first one, and what the second may be (RFC 3629, section 4). -1: none begins so. */
static int following(uint8_t first, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*ret_high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0x80)
		return 0;
	if (first < 0xc2 || first > 0xf4)
		return -1;
	return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

size_t utf8_valid(const char *text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t at = 0;

	while (at < length) {
		uint8_t low, high;
		int more = following(bytes[at], &low, &high);

		if (more < 0 || (size_t)more >= length - at)
			return at;
		for (int i = 1; i <= more; i++, low = 0x80, high = 0xbf)
			if (bytes[at + i] < low || bytes[at + i] > high)
				return at;
		at += 1 + (size_t)more;
	}
	return length;
}
