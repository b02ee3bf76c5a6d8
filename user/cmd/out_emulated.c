/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "out_emulated.h"

#include "emulated.h"

void out_emulated(struct out *out, const struct lab *lab)
{
	char text[EMULATED_TEXT_MAX];

	out_list(out, "emulated");
	for (size_t i = 0; i < lab->n_hosts; i++) {
		out_item(out);
		out_str(out, "host", "%s", lab->hosts[i].name);
		out_str(out, "emulated", "%s", emulated_text(&lab->hosts[i], text));
		out_end(out);
	}
	out_end(out);
}
