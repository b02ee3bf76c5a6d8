/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame.h - what dpulab and the agent inside a guest say to each other over a virtio-serial port (docs/guests.md).
 *
 * A byte stream with HDLC's octet stuffing (RFC 1662, section 4.2): 0x7e ends a frame, 0x7d escapes. So whoever opens the
 * port begins with a 0x7e and is understood, whatever a client that was killed has left half said. The length in the
 * header exposes what was cut short.
 *
 * Included by both ends, which are the same machine: native byte order.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GUEST_PORTS    8	     /* commands that may run at the same time, each on a port of its own */
#define GUEST_PORT     "dpulab."     /* name of a port, and its number */
#define GUEST_PAYLOAD  4096	     /* bytes, at most */
#define GUEST_COMMAND  65536	     /* bytes of all words of a command with their NULs, at most */
#define GUEST_WINDOW   32768	     /* bytes of input that may be under way */
#define GUEST_FRAME_MAX (2 * (sizeof(struct guest_header) + GUEST_PAYLOAD) + 2) /* every octet escaped */

enum guest_type {
	/* to the guest */
	GUEST_WORDS = 1, /* the next part of the command's words; the first part begins a session, ending any other */
	GUEST_RUN,	 /* that was all: run it */
	GUEST_INPUT,	 /* for its standard input; no bytes: end of file */
	/* from the guest */
	GUEST_STARTED,	 /* it runs. An int: or why not, an errno */
	GUEST_OUTPUT,	 /* of standard output */
	GUEST_ERRORS,	 /* of standard error */
	GUEST_TAKEN,	 /* uint32_t: bytes of input that it has read */
	GUEST_ENDED,	 /* int: as wait(2) says */
};

struct guest_header {
	uint32_t session; /* chosen at random by who opens it; frames of another one are stale */
	uint16_t length;  /* of the payload */
	uint8_t type;	  /* enum guest_type */
	uint8_t first;	  /* GUEST_WORDS: this is the first part */
};

/* Writes one frame to out (GUEST_FRAME_MAX bytes); returns its length. */
static inline size_t guest_encode(const struct guest_header *header, const void *payload, uint8_t *out)
{
	const uint8_t *parts[] = {(const uint8_t *)header, payload};
	size_t lengths[] = {sizeof(*header), header->length}, n = 0;

	out[n++] = 0x7e;
	for (int part = 0; part < 2; part++)
		for (size_t i = 0; i < lengths[part]; i++) {
			uint8_t octet = parts[part][i];

			if (octet == 0x7e || octet == 0x7d) {
				out[n++] = 0x7d;
				octet ^= 0x20;
			}
			out[n++] = octet;
		}
	out[n++] = 0x7e;
	return n;
}

struct guest_decoder {
	uint8_t bytes[sizeof(struct guest_header) + GUEST_PAYLOAD];
	size_t n;
	bool escaped, spoilt;
};

/*
 * Takes one octet. True: a frame is whole; header and payload (bytes + sizeof(header)) are valid until the next call.
 */
static inline bool guest_decode(struct guest_decoder *decoder, uint8_t octet, struct guest_header *ret_header)
{
	bool whole = false;

	if (octet == 0x7e) {
		if (!decoder->spoilt && !decoder->escaped && decoder->n >= sizeof(*ret_header)) {
			memcpy(ret_header, decoder->bytes, sizeof(*ret_header));
			whole = ret_header->length == decoder->n - sizeof(*ret_header);
		}
		decoder->n = 0;
		decoder->escaped = decoder->spoilt = false;
		return whole;
	}
	if (octet == 0x7d) {
		decoder->escaped = true;
		return false;
	}
	if (decoder->n == sizeof(decoder->bytes))
		decoder->spoilt = true;
	else
		decoder->bytes[decoder->n++] = decoder->escaped ? octet ^ 0x20 : octet;
	decoder->escaped = false;
	return false;
}
