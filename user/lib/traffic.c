/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runner.h"
#include "topology.h"

enum {
	IPERF3_PORT = 5201,
	SOCKPERF_PORT = 11111,
	READY_MS = 3000,  /* a server listens by then */
	MARGIN_MS = 5000, /* beyond the asked duration a client is stuck */
	SERVER_TRIES = 60,
	RR_TRIES = 3, /* a run in which no answer came in time to count is one that something else had the CPUs of */
};

int traffic_parse_iperf3(const char *json, struct tcp_result *ret_result)
{
	struct json_object *root = json_tokener_parse(json), *end, *part, *value;
	struct tcp_result result = {0};
	int err = -EPROTO;

	if (root && json_object_object_get_ex(root, "end", &end) &&
	    json_object_object_get_ex(end, "sum_received", &part) &&
	    json_object_object_get_ex(part, "bits_per_second", &value)) {
		result.gbit_s = json_object_get_double(value) / 1e9;
		if (json_object_object_get_ex(end, "sum_sent", &part) &&
		    json_object_object_get_ex(part, "retransmits", &value))
			result.retransmits = (unsigned)json_object_get_int(value);
		*ret_result = result;
		err = 0;
	}
	json_object_put(root);
	return err;
}

/* The number behind the first occurrence of label, e.g. "percentile 50.000 =". */
static int number_after(const char *text, const char *label, double *ret)
{
	const char *at = text ? strstr(text, label) : NULL;

	return at && sscanf(at + strlen(label), " %lf", ret) == 1 ? 0 : -EPROTO;
}

int traffic_parse_sockperf(const char *text, struct rr_result *ret_result)
{
	struct rr_result result;
	double messages, seconds;

	if (text && (strstr(text, "No valid observations found") || strstr(text, "No messages were received from the server")))
		return -ENODATA;
	if (number_after(text, "percentile 50.000 =", &result.p50_us) ||
	    number_after(text, "percentile 99.000 =", &result.p99_us) ||
	    number_after(text, "avg-rtt=", &result.avg_us) ||
	    number_after(text, "[Valid Duration] RunTime=", &seconds) ||
	    number_after(strstr(text, "[Valid Duration]"), "ReceivedMessages=", &messages) || seconds <= 0)
		return -EPROTO;
	result.per_s = messages / seconds;
	*ret_result = result;
	return 0;
}

int traffic_parse_open_loop(const char *text, struct open_loop *ret_result)
{
	struct rr_result answered;
	double sent, dropped;
	int err = traffic_parse_sockperf(text, &answered);

	if (err)
		return err;
	if (number_after(strstr(text, "[Valid Duration]"), "SentMessages=", &sent) ||
	    number_after(text, "# dropped messages =", &dropped) || sent <= 0)
		return -EPROTO;
	*ret_result = (struct open_loop){
		.p50_us = answered.p50_us, .p99_us = answered.p99_us, .per_s = answered.per_s, .lost = dropped / sent};
	return 0;
}

/* First address of a VM in text, IPv4 preferred. */
static int address_text(const struct lab_vm *vm, char text[INET6_ADDRSTRLEN])
{
	const struct lab_prefix *best = NULL;

	for (size_t i = 0; i < vm->n_ips; i++)
		if (!best || (vm->ips[i].family == 4 && best->family == 6))
			best = &vm->ips[i];
	if (!best)
		return -EADDRNOTAVAIL;
	if (best->family == 4)
		inet_ntop(AF_INET, &best->addr.w[3], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, best->addr.b, text, INET6_ADDRSTRLEN);
	return 0;
}

static const char *last_line(char *text)
{
	size_t len = text ? strlen(text) : 0;
	char *line;

	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = text ? strrchr(text, '\n') : NULL;
	return line ? line + 1 : text ? text : "no output";
}

/*
 * Starts a server and waits until it listens. One that ends at once is started
 * again: its predecessor's connections may hold the port until the kernel has closed them.
 */
static int start_server(const struct netns *ns, const struct cpu_set *cpus, const char *const argv[],
			bool udp, uint16_t port, struct runner **ret_server, struct diag *diag)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	int err = -ECHILD;

	for (unsigned tries = 0; err == -ECHILD && tries < SERVER_TRIES; tries++) {
		struct runner *server;

		if (tries)
			nanosleep(&pause, NULL);
		err = runner_start(ns, cpus, argv, &server, diag);
		if (err)
			return err;
		err = runner_wait_port(server, udp, port, READY_MS);
		if (err)
			runner_finish(server, 0, NULL);
		else
			*ret_server = server;
	}
	return err;
}

/* Server in one VM, client in the other; *ret_output is what the client printed. */
static int client_and_server(const struct lab *lab, struct traffic_pair pair, bool udp, uint16_t port,
			     const char *const server_argv[], const char *const client_argv[],
			     unsigned timeout_ms, char **ret_output, struct diag *diag)
{
	NETNS_CLEANUP struct netns *from = NULL, *to = NULL;
	const struct cpu_set *from_cpus = &lab->hosts[lab->vms[pair.from].host].cpus;
	const struct cpu_set *to_cpus = &lab->hosts[lab->vms[pair.to].host].cpus;
	struct runner *server, *client;
	char *output = NULL;
	int err;

	err = topology_open_vm(lab, pair.from, &from, diag);
	if (!err)
		err = topology_open_vm(lab, pair.to, &to, diag);
	if (err)
		return err;
	err = start_server(to, to_cpus, server_argv, udp, port, &server, diag);
	if (err)
		return diag_error(diag, err, NULL, "%s in %s does not listen: %s", server_argv[0],
				  lab->vms[pair.to].name, strerror(-err));
	err = runner_start(from, from_cpus, client_argv, &client, diag);
	if (!err) {
		int status = runner_finish(client, timeout_ms, &output);

		if (status)
			err = diag_error(diag, -EIO, "dpulab show LAB drops", "%s from %s to %s failed: %s",
					 client_argv[0], lab->vms[pair.from].name, lab->vms[pair.to].name,
					 status == -ETIMEDOUT ? "no end in time" : last_line(output));
	}
	runner_finish(server, 0, NULL);
	if (err) {
		free(output);
		return err;
	}
	*ret_output = output;
	return 0;
}

int traffic_tcp(const struct lab *lab, struct traffic_pair pair, unsigned seconds,
		struct tcp_result *ret_result, struct diag *diag)
{
	char address[INET6_ADDRSTRLEN], time[16], *output;
	const char *const server[] = {"iperf3", "-s", "-1", NULL};
	const char *const client[] = {"iperf3", "-c", address, "-t", time, "-J", NULL};
	int err = address_text(&lab->vms[pair.to], address);

	if (err)
		return err;
	snprintf(time, sizeof(time), "%u", seconds);
	err = client_and_server(lab, pair, false, IPERF3_PORT, server, client, seconds * 1000 + MARGIN_MS,
				&output, diag);
	if (err)
		return err;
	err = traffic_parse_iperf3(output, ret_result);
	if (err)
		diag_error(diag, err, NULL, "cannot read what iperf3 printed: %s", last_line(output));
	free(output);
	return err;
}

/* -ENODATA: no answer came in the part of the run that counts; nothing is in diag then. */
static int rr_once(const struct lab *lab, struct traffic_pair pair, unsigned bytes, unsigned seconds,
		   struct rr_result *ret_result, struct diag *diag)
{
	char address[INET6_ADDRSTRLEN], time[16], size[16], *output;
	/* what a predecessor's connections still wait for can be on its way for minutes, and holds the port but for who reuses it */
	const char *const server[] = {"sockperf", "server", "--uc-reuseaddr", "--tcp", "-i", address, NULL};
	const char *const client[] = {"sockperf", "ping-pong", "--tcp", "--full-rtt", "-m", size,
				      "-i", address, "-t", time, NULL};
	int err = address_text(&lab->vms[pair.to], address);

	if (err)
		return err;
	snprintf(size, sizeof(size), "%u", bytes);
	snprintf(time, sizeof(time), "%u", seconds);
	err = client_and_server(lab, pair, false, SOCKPERF_PORT, server, client, seconds * 1000 + MARGIN_MS,
				&output, diag);
	if (err)
		return err;
	err = traffic_parse_sockperf(output, ret_result);
	if (err && err != -ENODATA)
		diag_error(diag, err, NULL, "cannot read what sockperf printed: %s", last_line(output));
	free(output);
	return err;
}

int traffic_rr(const struct lab *lab, struct traffic_pair pair, unsigned bytes, unsigned seconds,
	       struct rr_result *ret_result, struct diag *diag)
{
	int err = -ENODATA;

	for (unsigned tries = 0; err == -ENODATA && tries < RR_TRIES; tries++)
		err = rr_once(lab, pair, bytes, seconds, ret_result, diag);
	if (err == -ENODATA)
		diag_error(diag, err, "other work on this machine's CPUs?",
			   "no round trip from %s to %s in %u runs of %u s", lab->vms[pair.from].name, lab->vms[pair.to].name,
			   RR_TRIES, seconds);
	return err;
}

int traffic_open_loop(const struct lab *lab, struct traffic_pair pair, unsigned per_s, unsigned seconds,
		      struct open_loop *ret_result, struct diag *diag)
{
	char address[INET6_ADDRSTRLEN], time[16], rate[16] = "max", *output;
	const char *const server[] = {"sockperf", "server", "-i", address, NULL};
	const char *const client[] = {"sockperf", "under-load", "--full-rtt", "-m", "64", "--reply-every", "1",
				      "--mps", rate, "-i", address, "-t", time, NULL};
	int err = address_text(&lab->vms[pair.to], address);

	if (err)
		return err;
	snprintf(time, sizeof(time), "%u", seconds);
	if (per_s)
		snprintf(rate, sizeof(rate), "%u", per_s);
	err = client_and_server(lab, pair, true, SOCKPERF_PORT, server, client, seconds * 1000 + MARGIN_MS, &output, diag);
	if (err)
		return err;
	err = traffic_parse_open_loop(output, ret_result);
	if (err && err != -ENODATA)
		diag_error(diag, err, NULL, "cannot read what sockperf printed: %s", last_line(output));
	free(output);
	return err;
}
