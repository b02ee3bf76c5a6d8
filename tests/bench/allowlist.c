// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* allowlist.c - a policy of many rules of which every frame of frames.c's local plans matches one. */
#include "bench.h"

#include <arpa/inet.h>
#include <dpulab/dfw.h>
#include <stdlib.h>
#include <string.h>

void allowlist_address(char *buffer, size_t size, bool v6, unsigned vm)
{
	snprintf(buffer, size, v6 ? "2001:db8:1:1::%u" : "10.1.1.%u", 10 + vm);
}

static union dpu_ip address(bool v6, unsigned vm)
{
	union dpu_ip ip = {.b = {[10] = 0xff, [11] = 0xff}};
	char text[INET6_ADDRSTRLEN];

	allowlist_address(text, sizeof(text), v6, vm);
	inet_pton(v6 ? AF_INET6 : AF_INET, text, v6 ? ip.b : ip.b + 12);
	return ip;
}

struct dpu_rule *allowlist_make(unsigned ports)
{
	const unsigned kinds = 2 * BENCH_VMS;
	struct dpu_rule *rules = calloc(kinds * ports, sizeof(*rules));

	for (unsigned i = 0; rules && i < kinds * ports; i++) {
		const unsigned vm = i % kinds / 2, port = ALLOWLIST_PORT + i / kinds;
		const bool v6 = i & 1;

		rules[i] = (struct dpu_rule){
			.src = address(v6, vm),
			.dst = address(v6, vm ^ 1),
			.sport_hi = 0xffff,
			.dport_lo = port,
			.dport_hi = port,
			.family = v6 ? 6 : 4,
			.proto = v6 ? IPPROTO_UDP : IPPROTO_TCP,
			.direction = DPU_DIR_IN | DPU_DIR_OUT,
			.action = DPU_ACTION_ALLOW,
			.id = i + 1,
		};
		memset(&rules[i].src_mask, 0xff, sizeof(rules[i].src_mask));
		rules[i].dst_mask = rules[i].src_mask;
	}
	return rules;
}
