// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "compare.h"
#include "pathbench.h"
#include "config.h"
#include "framerate.h"
#include "verify.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "lab: t\n"
			   "hosts: {h1: {}, h2: {}}\n"
			   "port-groups: {g: {vni: 1}, other: {vlan: 2}}\n"
			   "vms:\n"
			   "  a: {host: h1, port-group: g, ip: [10.0.0.1/24, '2001:db8::1/64']}\n"
			   "  x: {host: h1, port-group: other, ip: [10.0.0.9/24]}\n"
			   "  b: {host: h2, port-group: g, ip: [10.0.0.2/24, '2001:db8::2/64']}\n"
			   "  c: {host: h2, port-group: g, ip: [10.0.0.3/24]}\n"
			   "firewall:\n"
			   "  default: drop\n"
			   "  rules:\n"
			   "    - {protocol: icmp, action: allow}\n"
			   "    - {protocol: tcp, port: 80, direction: in, action: reject, apply-to: [b]}\n"
			   "    - {protocol: tcp, port: 80-90, action: allow}\n";

static struct lab *lab_of_text(void)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read_text("t.yaml", text, sizeof(text) - 1, &lab, &diag), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	diag_clear(&diag);
	return lab;
}

static size_t vm(struct lab *lab, const char *name)
{
	return (size_t)(lab_find_vm(lab, name) - lab->vms);
}

static void pairs_share_a_segment(void)
{
	struct lab *lab = lab_of_text();
	struct traffic_pair pair;

	CU_ASSERT_EQUAL(compare_find_pair(lab, WHERE_SAME_HOST, &pair), 0);
	CU_ASSERT_EQUAL(lab->vms[pair.from].host, lab->vms[pair.to].host);
	CU_ASSERT_EQUAL(lab->vms[pair.from].group, lab->vms[pair.to].group);
	CU_ASSERT_EQUAL(compare_find_pair(lab, WHERE_WIRE, &pair), 0);
	CU_ASSERT_NOT_EQUAL(lab->vms[pair.from].host, lab->vms[pair.to].host);
	CU_ASSERT_EQUAL(lab->vms[pair.from].group, lab->vms[pair.to].group);
	lab->n_vms = 1;
	CU_ASSERT_EQUAL(compare_find_pair(lab, WHERE_SAME_HOST, &pair), -ENOENT);
	lab->n_vms = 4;
	lab_free(lab);
}

static enum probe_outcome expected(struct lab *lab, const char *from, const char *to, uint8_t family,
				   uint8_t proto, uint16_t port)
{
	struct probe probe = {.from = vm(lab, from), .to = vm(lab, to), .family = family,
			      .proto = proto, .port = port};

	return probe_expected(lab, &probe);
}

static void probes_expect_what_the_lab_says(void)
{
	struct lab *lab = lab_of_text();

	CU_ASSERT_EQUAL(expected(lab, "a", "b", 4, IPPROTO_ICMP, 0), PROBE_PASS);
	CU_ASSERT_EQUAL(expected(lab, "a", "b", 6, IPPROTO_ICMP, 0), PROBE_PASS);
	CU_ASSERT_EQUAL(expected(lab, "a", "x", 4, IPPROTO_ICMP, 0), PROBE_SILENT);
	CU_ASSERT_EQUAL(expected(lab, "a", "b", 4, IPPROTO_TCP, 80), PROBE_REJECT);
	CU_ASSERT_EQUAL(expected(lab, "b", "a", 6, IPPROTO_TCP, 80), PROBE_PASS);
	CU_ASSERT_EQUAL(expected(lab, "a", "b", 6, IPPROTO_TCP, 90), PROBE_PASS);
	CU_ASSERT_EQUAL(expected(lab, "a", "b", 4, IPPROTO_TCP, 91), PROBE_SILENT);
	CU_ASSERT_EQUAL(expected(lab, "a", "b", 4, IPPROTO_UDP, 80), PROBE_SILENT);
	lab_free(lab);
}

static void plan_probes_both_sides_of_each_border(void)
{
	struct lab *lab = lab_of_text();
	struct probe *probes;
	bool seen[65536] = {false};
	size_t n;

	CU_ASSERT_EQUAL_FATAL(verify_plan(lab, &probes, &n), 0);
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_NOT_EQUAL(probes[i].from, probes[i].to);
		if (probes[i].proto == IPPROTO_TCP)
			seen[probes[i].port] = true;
		if (probes[i].family == 6) /* only a and b have IPv6 addresses */
			CU_ASSERT_EQUAL(probes[i].from + probes[i].to, vm(lab, "a") + vm(lab, "b"));
	}
	CU_ASSERT_TRUE(seen[79] && seen[80] && seen[81] && seen[90] && seen[91]);
	free(probes);
	lab_free(lab);
}

static void medians_and_ranges(void)
{
	struct samples odd = {.value = {3, 1, 2}, .n = 3}, even = {.value = {4, 1, 3, 2}, .n = 4};
	struct samples none = {0};
	double low, high;

	CU_ASSERT_EQUAL(samples_median(&odd), 2);
	CU_ASSERT_EQUAL(samples_median(&even), 2.5);
	CU_ASSERT_EQUAL(samples_median(&none), 0);
	samples_range(&even, &low, &high);
	CU_ASSERT_EQUAL(low, 1);
	CU_ASSERT_EQUAL(high, 4);
}

static void iperf3_report_is_read(void)
{
	struct tcp_result result = {0};

	CU_ASSERT_EQUAL(traffic_parse_iperf3("{\"end\": {\"sum_sent\": {\"retransmits\": 7},"
					     "\"sum_received\": {\"bits_per_second\": 2.5e9}}}", &result), 0);
	CU_ASSERT_DOUBLE_EQUAL(result.gbit_s, 2.5, 1e-9);
	CU_ASSERT_EQUAL(result.retransmits, 7);
	CU_ASSERT_EQUAL(traffic_parse_iperf3("{\"error\": \"refused\"}", &result), -EPROTO);
	CU_ASSERT_EQUAL(traffic_parse_iperf3("", &result), -EPROTO);
}

static void sockperf_report_is_read(void)
{
	struct rr_result result;

	CU_ASSERT_EQUAL(traffic_parse_sockperf(
		"sockperf: [Total Run] RunTime=1.000 sec; SentMessages=9; ReceivedMessages=9\n"
		"sockperf: [Valid Duration] RunTime=0.500 sec; SentMessages=1000; ReceivedMessages=1000\n"
		"sockperf: ====> avg-rtt=19.993 (std-dev=36.942)\n"
		"sockperf: ---> percentile 99.000 =  115.504\n"
		"sockperf: ---> percentile 50.000 =   15.809\n", &result), 0);
	CU_ASSERT_DOUBLE_EQUAL(result.p50_us, 15.809, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(result.p99_us, 115.504, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(result.avg_us, 19.993, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(result.per_s, 2000, 1e-9);
	CU_ASSERT_EQUAL(traffic_parse_sockperf("sockperf: ERROR: refused\n", &result), -EPROTO);
	CU_ASSERT_EQUAL(traffic_parse_sockperf("sockperf: No valid observations found. Try tune parameters: --time\n", &result),
			-ENODATA);
	CU_ASSERT_EQUAL(traffic_parse_sockperf(NULL, &result), -EPROTO);
}

static void open_loop_report_is_read(void)
{
	struct open_loop result;

	CU_ASSERT_EQUAL(traffic_parse_open_loop(
		"sockperf: [Valid Duration] RunTime=0.500 sec; SentMessages=1000; ReceivedMessages=900\n"
		"sockperf: ====> avg-rtt=19.993 (std-dev=36.942)\n"
		"sockperf: # dropped messages = 100; # duplicated messages = 0; # out-of-order messages = 0\n"
		"sockperf: ---> percentile 99.000 =  115.504\n"
		"sockperf: ---> percentile 50.000 =   15.809\n", &result), 0);
	CU_ASSERT_DOUBLE_EQUAL(result.p50_us, 15.809, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(result.p99_us, 115.504, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(result.per_s, 1800, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(result.lost, 0.1, 1e-9);
	CU_ASSERT_EQUAL(traffic_parse_open_loop("sockperf: No valid observations found.\n", &result), -ENODATA);
	CU_ASSERT_EQUAL(traffic_parse_open_loop("sockperf: No messages were received from the server. Is the server down?\n", &result), -ENODATA);
	CU_ASSERT_EQUAL(traffic_parse_open_loop(
		"sockperf: [Valid Duration] RunTime=0.500 sec; SentMessages=9; ReceivedMessages=9\n"
		"avg-rtt=1 (\npercentile 50.000 = 1\npercentile 99.000 = 1\n", &result), -EPROTO);
}

static void frame_is_a_valid_datagram(void)
{
	struct lab *lab = lab_of_text();
	struct traffic_pair pair = {.from = vm(lab, "a"), .to = vm(lab, "b")};
	uint8_t frame[64];
	uint32_t sum = 0;

	CU_ASSERT_EQUAL_FATAL(framerate_frame(lab, pair, 20000, 5201, sizeof(frame), frame), 0);
	CU_ASSERT_EQUAL(memcmp(frame, lab->vms[pair.to].mac.b, 6), 0);
	CU_ASSERT_EQUAL(memcmp(frame + 6, lab->vms[pair.from].mac.b, 6), 0);
	for (size_t i = 14; i < 34; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	CU_ASSERT_EQUAL((sum & 0xffff) + (sum >> 16), 0xffff); /* RFC 1071: the sum over a valid header */
	CU_ASSERT_EQUAL(frame[34] << 8 | frame[35], 20000);
	CU_ASSERT_EQUAL(frame[36] << 8 | frame[37], 5201);
	CU_ASSERT_EQUAL(frame[38] << 8 | frame[39], 64 - 34);
	lab_free(lab);
}

static void break_even_is_where_both_cost_the_same(void)
{
	const double host[] = {100, 400}, mux[] = {300, 100}, worse[] = {200, 500}, better[] = {50, 50}, odd[] = {50, 500};

	/* s * 100 + (1 - s) * 400 = s * 300 + (1 - s) * 100 */
	CU_ASSERT_DOUBLE_EQUAL(pathbench_break_even(host, mux), 0.6, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(pathbench_break_even(host, worse), 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(pathbench_break_even(host, better), 1, 0);
	CU_ASSERT_DOUBLE_EQUAL(pathbench_break_even(host, odd), 1, 0);
}

SUITE(compare,
      {"break-even is where both cost the same", break_even_is_where_both_cost_the_same}, {"a pair to measure shares a segment", pairs_share_a_segment},
      {"probes expect what the lab file says", probes_expect_what_the_lab_says},
      {"probes stand on both sides of each rule's borders", plan_probes_both_sides_of_each_border},
      {"median and range of samples", medians_and_ranges},
      {"iperf3's report is read", iperf3_report_is_read},
      {"sockperf's report is read", sockperf_report_is_read},
      {"what sockperf prints of an open loop is read", open_loop_report_is_read},
      {"the 64-byte frame is a valid datagram", frame_is_a_valid_datagram})
