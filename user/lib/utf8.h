/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* utf8.h - is a text UTF-8 (RFC 3629)? */
#pragma once
#include <stddef.h>

/* Bytes from the start that are whole, shortest-form characters, surrogates left out; length if all are. */
size_t utf8_valid(const char *text, size_t length);
