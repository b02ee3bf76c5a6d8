/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* frame_bytes.h - a frame given as bytes: hexadecimal digits, or one of a capture file. */
#pragma once
#include "diag.h"
#include <stdint.h>

/*
 * "hex=DIGITS" (colons and dots between bytes are fine) or "pcap=FILE[:N]", N from 1: a capture of
 * Ethernet frames as tcpdump -w writes it, of either byte order, not pcapng.
 */
int frame_bytes_read(const char *word, uint8_t *data, uint32_t size, uint32_t *ret_len, struct diag *diag);
