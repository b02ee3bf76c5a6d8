/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verify.h - does the network do what the lab file says? Sockets of one process
 * in many namespaces, and of one more in each guest (verify_guest.h): every pair of VMs is probed with real TCP, UDP and ICMP,
 * at ports on both sides of each rule's borders, and what the client's socket
 * saw is compared with what the policy says must happen.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include "verify_ends.h"

struct probe {
	size_t from, to;   /* VM indexes */
	uint8_t family;	   /* 4 or 6 */
	uint8_t proto;	   /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP (echo; also means ICMPv6) */
	uint16_t port;	   /* destination, host order; 0 for ICMP */
	enum probe_outcome expected, seen;
};

/* What the lab file says about one probe: segments, out-policy of the sender, in-policy of the receiver. Pure. */
enum probe_outcome probe_expected(const struct lab *lab, const struct probe *probe);

/* The probes of a lab: all ordered pairs of VMs, both families they share, ICMP and the ports that matter. Pure. */
int verify_plan(const struct lab *lab, struct probe **ret_probes, size_t *ret_n);

/* The same for one ordered pair of VMs. */
int verify_plan_pair(const struct lab *lab, size_t from, size_t to, struct probe **ret_probes, size_t *ret_n);

/*
 * Sends all probes and fills in "seen". Returns 0, or -errno if it could not
 * run. An answer that must come is waited for; silence where it is expected is
 * concluded silent_ms after the last of these. *ret_wrong counts mismatches.
 */
int verify_run(const struct lab *lab, struct probe *probes, size_t n, unsigned silent_ms,
	       size_t *ret_wrong, struct diag *diag);

const char *probe_outcome_name(enum probe_outcome outcome);
/* "web1 -> db1 tcp/80 IPv6: expected pass, saw silent" into text. */
void probe_describe(const struct lab *lab, const struct probe *probe, char *text, size_t size);
