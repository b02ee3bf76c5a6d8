// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Generated lists of a thousand rules of every shape at one vNIC, and first packets
 * of connections from and to it: at every hook the frame meets what a linear search
 * of the list says. tests/classify does this at length, without the frames. Then with the same list, as one policy, at
 * the other vNIC as well: what it says there, where the first one lets the frame out.
 *
 *	VM16 --16 [rules] (no firewall, or the same rules) 17-- VM17
 */
#include "prog.h"
#include "report.h"
#include "rulesets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define RULES_MADE 1000
#define PACKETS	   100 /* of a shape: fewer than the test's connection table holds */

/* The layer behind IP: what opens a connection of this protocol. */
static struct layer opening(const struct ruleset_header *header, uint16_t id)
{
	switch (header->proto) {
	case IPPROTO_TCP:
		return (struct layer)TCP(header->sport, header->dport, SYN);
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return (struct layer)UDP(header->sport, header->dport);
	case IPPROTO_ICMP:
		return (struct layer)ICMP(header->family == 4 ? 8 : 128, 0, .id = id);
	default:
		return (struct layer)FILL(16);
	}
}

static void build(const struct ruleset_header *header, uint16_t id, struct frame *ret_frame)
{
	const bool v4 = header->family == 4, out = header->direction == DPU_DIR_OUT;
	const uint8_t proto = !v4 && header->proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : header->proto;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	struct layer layers[] = {ETH(out ? MAC(17) : MAC(16), out ? MAC(16) : MAC(17)), {0}, opening(header, id),
				 FILL(8), {.kind = LAYER_END}};

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &header->src.b[12] : header->src.b, src, sizeof(src));
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &header->dst.b[12] : header->dst.b, dst, sizeof(dst));
	layers[1] = v4 ? (struct layer)IP4(src, dst, .proto = proto) : (struct layer)IP6(src, dst, .proto = proto);
	frame_build(layers, ret_frame);
}

static enum dpu_reason expected(const struct ruleset *set, const struct ruleset_header *header, uint8_t direction)
{
	struct ruleset_header asked = *header;
	size_t first;

	asked.direction = direction;
	if (asked.proto == IPPROTO_ICMP) { /* what opening() makes: type and code stand for the ports */
		asked.has_ports = true;
		asked.sport = asked.family == 4 ? 8 : 128;
		asked.dport = 0;
	}
	first = ruleset_first_match(set->rules, set->n, &asked);

	if (first == set->n)
		return DPU_REASON_DROP_DEFAULT;
	switch (set->rules[first].action) {
	case DPU_ACTION_ALLOW:
		return DPU_REASON_FORWARD;
	case DPU_ACTION_DROP:
		return DPU_REASON_DROP_RULE;
	default:
		return DPU_REASON_REJECT;
	}
}

/* At both vNICs, the sender's first. */
static enum dpu_reason expected_at_both(const struct ruleset *set, const struct ruleset_header *header)
{
	const enum dpu_reason sender = expected(set, header, DPU_DIR_OUT);

	return sender == DPU_REASON_FORWARD ? expected(set, header, DPU_DIR_IN) : sender;
}

/* Number of frames that met something else. */
static unsigned differences(const struct backend *backend, unsigned shape, bool shared, FILE *text)
{
	static struct backend_result result;
	static struct frame frame;
	struct ruleset set = ruleset_make(shape, RULESET_BOTH, RULES_MADE, 20261122 + shape);
	unsigned wrong = 0;

	prog_use(backend);
	two_vms();
	fixture_policy(16, set.rules, set.n, DPU_ACTION_DROP);
	if (shared)
		fixture_share_policy(17, 16);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct ruleset_header header = ruleset_header(&set);
		enum dpu_reason want = shared ? expected_at_both(&set, &header) : expected(&set, &header, header.direction);

		build(&header, (uint16_t)i, &frame);
		if (!backend->run(&frame, header.direction == DPU_DIR_OUT ? 16 : 17, 0, &result) &&
		    result.exit.reason == want)
			continue;
		fprintf(text, "%s, packet %u, protocol %u: reason %u, the list says %u\n", ruleset_shape(shape), i,
			header.proto, result.exit.reason, want);
		wrong++;
	}
	ruleset_free(&set);
	return wrong;
}

static void run_at(enum dpu_hook hook, const char *name, bool shared, const char *pattern)
{
	char sentence[120], *detail = NULL;
	const struct backend *backend;
	const char *reason;
	unsigned wrong = 0;
	size_t size;
	FILE *text;

	snprintf(sentence, sizeof(sentence), "%s: %d first packets at a thousand rules of each shape%s are judged as by a linear search",
		 name, PACKETS, shared ? " that two vNICs share" : "");
	if (!report_wanted(pattern, "classifier", sentence))
		return;
	backend = prog_at(hook, false, &reason);
	if (!backend) {
		report_fail("classifier", sentence, reason);
		return;
	}
	text = open_memstream(&detail, &size);
	for (unsigned shape = 0; shape < RULESET_SHAPES; shape++)
		wrong += differences(backend, shape, shared, text);
	fclose(text);
	if (wrong)
		report_fail("classifier", sentence, detail);
	else
		report_pass("classifier", sentence);
	free(detail);
}

static void run(const char *pattern)
{
	for (int shared = 0; shared < 2; shared++) {
		run_at(DPU_HOOK_NATIVE, "native", shared, pattern);
		run_at(DPU_HOOK_XDP, "xdp", shared, pattern);
		run_at(DPU_HOOK_TC, "tc", shared, pattern);
	}
}

PROG_GENERATED(classifier, run)
