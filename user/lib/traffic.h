/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * traffic.h - sockets as load: iperf3 and sockperf between two VMs, parsed.
 * The guests' processes run on the CPUs given (a VM's CPUs are its host's).
 */
#pragma once
#include "diag.h"
#include "model.h"

struct traffic_pair {
	size_t from, to; /* VM indexes */
};

struct tcp_result {
	double gbit_s;	 /* received */
	unsigned retransmits;
};

struct rr_result { /* request/response over TCP, one outstanding; round trip, microseconds */
	double p50_us, p99_us, avg_us;
	double per_s;
};

/* One TCP stream from -> to, for whole seconds (what iperf3 takes). */
int traffic_tcp(const struct lab *lab, struct traffic_pair pair, unsigned seconds,
		struct tcp_result *ret_result, struct diag *diag);
int traffic_rr(const struct lab *lab, struct traffic_pair pair, unsigned seconds,
	       struct rr_result *ret_result, struct diag *diag);

/* What iperf3 -J and sockperf print, to a result. Pure; -EPROTO if it is something else; -ENODATA: sockperf, of which no observation counts. */
int traffic_parse_iperf3(const char *json, struct tcp_result *ret_result);
int traffic_parse_sockperf(const char *text, struct rr_result *ret_result);
