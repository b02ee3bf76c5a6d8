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
#define RR_BYTES 64 /* of a message, where nothing else is asked for */

/* Messages of so many bytes, 14 at least. */
int traffic_rr(const struct lab *lab, struct traffic_pair pair, unsigned bytes, unsigned seconds,
	       struct rr_result *ret_result, struct diag *diag);

/* Datagrams at a rate of their own, whether or not answers come (open loop); each is answered. Round trips in microseconds. */
struct open_loop {
	double p50_us, p99_us; /* of those that were answered */
	double per_s;	       /* answered */
	double lost;	       /* share of those sent, 0 to 1 */
};

/*
 * 64-byte datagrams from -> to, so many a second; per_s 0: as many as the sender can, which is overload. The lab's policy has to allow
 * UDP port 11111, else -ENODATA, with nothing in diag: no datagram was answered.
 */
int traffic_open_loop(const struct lab *lab, struct traffic_pair pair, unsigned per_s, unsigned seconds,
		      struct open_loop *ret_result, struct diag *diag);

/* What iperf3 -J and sockperf print, to a result. Pure; -EPROTO if it is something else; -ENODATA: sockperf, of which no observation counts. */
int traffic_parse_iperf3(const char *json, struct tcp_result *ret_result);
int traffic_parse_sockperf(const char *text, struct rr_result *ret_result);
int traffic_parse_open_loop(const char *text, struct open_loop *ret_result);
