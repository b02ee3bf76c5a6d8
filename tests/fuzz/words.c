// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * words.c - fuzz target: a frame in words, as `fw explain` takes it. What is refused is refused with a sentence. (A capture
 * file would be one of this machine's: pcap= is not tried.)
 */
#include "config.h"
#include "frame_text.h"

#include <stdlib.h>
#include <string.h>

static const char lab_text[] = "lab: fuzz\n"
			       "hosts: {ha: {dpu: true}, hb: {}}\n"
			       "port-groups: {red: {vni: 5001}, blue: {vlan: 7}}\n"
			       "vms:\n"
			       "  va: {host: ha, port-group: red, ip: [10.1.0.1/24, \"2001:db8:1::1/64\"]}\n"
			       "  vb: {host: hb, port-group: red, ip: [10.1.0.2/24, \"2001:db8:1::2/64\"]}\n"
			       "  vc: {host: ha, port-group: blue, ip: 10.2.0.3/24}\n";

static struct lab *the_lab(void)
{
	static struct lab *lab;
	struct diag diag = {};

	if (!lab && config_read_text("lab.yaml", lab_text, sizeof(lab_text) - 1, &lab, &diag))
		abort();
	return lab;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_text frame;
	struct diag diag = {};
	char *words = malloc(size + 1);

	if (!words)
		abort();
	memcpy(words, data, size);
	words[size] = '\0';
	if (!strstr(words, "pcap")) {
		int err = frame_text_parse(the_lab(), 1, &words, &frame, &diag);

		if (err && !diag_has_errors(&diag))
			abort(); /* refused without a word */
		if (!err && (!frame.len || frame.len > FRAME_TEXT_MAX))
			abort();
	}
	diag_clear(&diag);
	free(words);
	return 0;
}
