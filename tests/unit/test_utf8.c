// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "utf8.h"

#include <string.h>

static void rows_are_told(void)
{
	static const struct {
		const char *text;
		size_t valid;
	} rows[] = {
		{"", 0},
		{"lab: x\n", 7},
		{"\xc3\xa9", 2},	      /* é */
		{"\xe2\x82\xac", 3},	      /* the euro sign */
		{"\xf0\x9f\x90\x9d", 4},      /* beyond the basic plane */
		{"a\x9e", 1},		      /* begins with what follows */
		{"ab\xc3", 2},		      /* cut */
		{"ab\xe2\x82", 2},	      /* cut */
		{"\xc0\xaf", 0},	      /* a slash, too long */
		{"\xe0\x80\xaf", 0},	      /* likewise */
		{"\xf0\x80\x80\xaf", 0},      /* likewise */
		{"\xed\xa0\x80", 0},	      /* a surrogate */
		{"\xf4\x90\x80\x80", 0},      /* above U+10FFFF */
		{"\xff", 0},
		{"\xc3(", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(utf8_valid(rows[i].text, strlen(rows[i].text)), rows[i].valid);
}

SUITE(utf8, {"whole characters of UTF-8, and nothing else", rows_are_told})
