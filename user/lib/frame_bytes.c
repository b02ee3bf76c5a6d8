/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frame_bytes.h"

#include <byteswap.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

#define ETH_HEADER 14

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c | (c >= 'A' && c <= 'F' ? 0x20 : 0)) : NULL;

	return found ? (int)(found - digits) : -1;
}

static int read_hex(const char *text, uint8_t *data, uint32_t size, uint32_t *ret_len, struct diag *diag)
{
	uint32_t n = 0; /* digits */

	for (; *text; text++) {
		int digit = digit_of(*text);

		if (digit < 0 && (*text == ':' || *text == '.'))
			continue;
		if (digit < 0 || n / 2 >= size)
			return diag_error(diag, -EINVAL, "two hexadecimal digits a byte", "in the frame: cannot read hex= at '%.8s'",
					  text);
		data[n / 2] = (uint8_t)(n & 1 ? data[n / 2] << 4 | digit : digit);
		n++;
	}
	if (n & 1 || n / 2 < ETH_HEADER)
		return diag_error(diag, -EINVAL, "a frame begins with 14 bytes of Ethernet header, two digits each",
				  "in the frame: hex= has %u digits", n);
	*ret_len = n / 2;
	return 0;
}

/* ---- captures (the format of pcap-savefile(5)) --------------------------------- */

#define PCAP_MAGIC    0xa1b2c3d4u /* microseconds */
#define PCAP_MAGIC_NS 0xa1b23c4du
#define PCAP_ETHERNET 1

struct pcap_file {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2], snaplen, link;
};

struct pcap_record {
	uint32_t seconds, fraction, len, on_wire;
};

static int bad_capture(struct diag *diag, const char *path, const char *why)
{
	return diag_error(diag, -EINVAL, "tcpdump -w writes what is read here", "cannot take a frame from %s: %s", path, why);
}

static int read_record(FILE *file, bool swapped, const char *path, uint8_t *data, uint32_t size, uint32_t *ret_len,
		       struct diag *diag)
{
	struct pcap_record record;

	if (fread(&record, sizeof(record), 1, file) != 1)
		return bad_capture(diag, path, "it has not so many frames");
	*ret_len = swapped ? bswap_32(record.len) : record.len;
	if (*ret_len > size || *ret_len < ETH_HEADER || fread(data, *ret_len, 1, file) != 1)
		return bad_capture(diag, path, "a frame in it is cut or too long");
	return 0;
}

static int read_capture(FILE *file, const char *path, uint64_t number, uint8_t *data, uint32_t size,
			uint32_t *ret_len, struct diag *diag)
{
	struct pcap_file head;
	bool swapped;
	int err = 0;

	if (fread(&head, sizeof(head), 1, file) != 1)
		return bad_capture(diag, path, "it is empty");
	swapped = head.magic == bswap_32(PCAP_MAGIC) || head.magic == bswap_32(PCAP_MAGIC_NS);
	if (!swapped && head.magic != PCAP_MAGIC && head.magic != PCAP_MAGIC_NS)
		return bad_capture(diag, path, "it is no pcap file");
	if ((swapped ? bswap_32(head.link) : head.link) != PCAP_ETHERNET)
		return bad_capture(diag, path, "its frames are not Ethernet");
	for (uint64_t i = 0; !err && i < number; i++)
		err = read_record(file, swapped, path, data, size, ret_len, diag);
	return err;
}

static int read_pcap(const char *word, uint8_t *data, uint32_t size, uint32_t *ret_len, struct diag *diag)
{
	char *path = strdup(word), *colon = path ? strrchr(path, ':') : NULL;
	uint64_t number = 1;
	FILE *file;
	int err;

	if (!path)
		return -ENOMEM;
	if (colon && !number_parse(colon + 1, 1, UINT32_MAX, &number))
		*colon = '\0';
	file = fopen(path, "re");
	if (file)
		err = read_capture(file, path, number, data, size, ret_len, diag);
	else
		err = diag_error(diag, -errno, NULL, "cannot open %s: %s", path, strerror(errno));
	if (file)
		fclose(file);
	free(path);
	return err;
}

int frame_bytes_read(const char *word, uint8_t *data, uint32_t size, uint32_t *ret_len, struct diag *diag)
{
	if (!strncmp(word, "hex=", 4))
		return read_hex(word + 4, data, size, ret_len, diag);
	return read_pcap(word + 5, data, size, ret_len, diag);
}
