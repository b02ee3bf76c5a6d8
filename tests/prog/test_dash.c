// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * SONiC-DASH's load for a 200G device (program-scale-testing-requirements) at 1/1000: connections of six packets at the
 * required rate, over background flows that are each touched within the ageing time, in random order. A drop is a failure, every
 * touch must be forwarded by the table, and the table must drain to 0. On the native build, whose clock keeps any pace.
 */
#include "prog.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <dpulab/asic.h>

#define SECOND	     1000000000ull
#define SCALE	     1000
#define CAPACITY     (32000000 / SCALE) /* connections: two flows each */
#define RATE	     (3000000 / SCALE)	/* connections/s */
#define INSERTIONS   (5000000 / SCALE)	/* connections/s that the table can be written with: 10M flows/s */
#define BACKGROUND   (15000000 / SCALE) /* of TCP, and as many of UDP */
#define TOUCH_NS     (4900 * 1000000ull) /* each is touched once in this time */
#define AGEING_S     5
#define LOAD_S	     5
#define DRAIN	     15000 /* connections that drive the hand of ageing */
#define CLIENT	     16
#define SERVER	     17

struct load {
	const struct backend *backend;
	__u64 dropped, missed; /* frames; background touches that the table did not forward */
	__u32 touched;	       /* background flow touched last */
	__u64 touch_due, now;
};

static const __u32 only;
static struct backend_result result;

static struct dpu_asic read_device(const struct load *load)
{
	struct dpu_asic device = {0};

	load->backend->lookup("asic", &only, &device);
	return device;
}

static void set_up(const struct load *load)
{
	struct dpu_asic device = {
		.capacity = 2 * CAPACITY,
		.insertion_interval = (SECOND << DPU_ASIC_TIME_SHIFT) / (2 * INSERTIONS),
		.connection_interval = (SECOND << DPU_ASIC_TIME_SHIFT) / RATE,
		.burst = 50000000ull << DPU_ASIC_TIME_SHIFT,
		.idle = AGEING_S * SECOND >> 20,
		.actions = DPU_ASIC_ALL,
		.entry_flows = 2,
		.arm_factor = DPU_ARM_FACTOR_ONE,
	};

	two_vms();
	fixture_fdb(SEG, MAC(CLIENT), CLIENT, 0, 0);
	fixture_fdb(SEG, MAC(SERVER), SERVER, 0, 0);
	fixture_rules(CLIENT, NULL, 0, DPU_ACTION_ALLOW);
	fixture_rules(SERVER, NULL, 0, DPU_ACTION_ALLOW);
	load->backend->update("asic", &only, &device);
}

/* ---- frames ------------------------------------------------------------------- */

static void send_frame(struct load *load, __u16 port, const struct layer *layers)
{
	struct frame frame;

	frame_build(layers, &frame);
	if (load->backend->run(&frame, port, 0, &result) || result.exit.verdict != DPU_VERDICT_FORWARD)
		load->dropped++;
}

static void from_client(struct load *load, __u16 sport, __u16 dport, __u8 flags, __u32 seq, __u32 ack)
{
	send_frame(load, CLIENT, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"),
				       TCP(sport, dport, flags, .seq = seq, .ack = ack)));
}

static void from_server(struct load *load, __u16 sport, __u16 dport, __u8 flags, __u32 seq, __u32 ack)
{
	send_frame(load, SERVER, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"),
				       TCP(dport, sport, flags, .seq = seq, .ack = ack)));
}

static void open_connection(struct load *load, __u16 sport, __u16 dport)
{
	from_client(load, sport, dport, SYN, 100, 0);
	from_server(load, sport, dport, SYN | ACK, 500, 101);
	from_client(load, sport, dport, ACK, 101, 501);
}

/* SYN, SYN/ACK, ACK, FIN, FIN/ACK, ACK. */
static void six_packets(struct load *load, __u32 number)
{
	__u16 sport = 1024 + number % 60000, dport = 80 + number / 60000;

	open_connection(load, sport, dport);
	from_client(load, sport, dport, FIN | ACK, 101, 501);
	from_server(load, sport, dport, FIN | ACK, 501, 102);
	from_client(load, sport, dport, ACK, 102, 502);
}

static void background_frame(struct load *load, __u32 flow)
{
	__u16 sport = 2000 + flow % BACKGROUND;

	if (flow < BACKGROUND)
		from_client(load, sport, 8080, ACK, 101, 501);
	else
		send_frame(load, CLIENT, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(sport, 9), FILL(8)));
}

/* ---- pace --------------------------------------------------------------------- */

static void pass_time(struct load *load, __u64 ns)
{
	load->now += ns;
	load->backend->advance(ns);
}

/* The background flows that are due, in an order that repeats after all of the first `known` ones. */
static void touch(struct load *load, __u32 known)
{
	for (; known && load->touch_due <= load->now; load->touch_due += TOUCH_NS / known) {
		load->touched = (load->touched + 7919) % known; /* a prime that divides no such number */
		background_frame(load, load->touched);
		load->missed += result.exit.reason != DPU_REASON_FLOW_HIT;
	}
}

/* ---- the test ------------------------------------------------------------------- */

/* All background flows, opened below the device's rates. */
static void warm_up(struct load *load)
{
	for (__u32 flow = 0; flow < 2 * BACKGROUND; flow++) {
		if (flow < BACKGROUND)
			open_connection(load, 2000 + flow, 8080);
		else
			background_frame(load, flow);
		pass_time(load, SECOND / RATE * 11 / 10);
		/* touches begin late enough for a flow to be there, early enough for it not to age */
		if (flow % 1000 == 999)
			for (__u32 i = flow - 999; i <= flow; i++)
				background_frame(load, i);
		if (flow >= 9999 && flow % 5000 == 4999)
			for (__u32 i = 0; i < flow; i++)
				background_frame(load, i);
	}
}

static void complain_if(char *detail, size_t size, bool wrong, const char *what, __u64 got, __u64 want)
{
	size_t used = strlen(detail);

	if (wrong)
		snprintf(detail + used, size - used, "%s: %llu, wanted %llu\n", what, (unsigned long long)got,
			 (unsigned long long)want);
}

static void judge(const char *sentence, const char *detail)
{
	if (*detail)
		report_fail("dash", sentence, detail);
	else
		report_pass("dash", sentence);
}

static void under_load(struct load *load)
{
	char detail[512] = "";
	struct dpu_asic before = read_device(load), after;

	complain_if(detail, sizeof(detail), before.used != 2 * BACKGROUND, "background flows in the table", before.used,
		    2 * BACKGROUND);
	load->touch_due = load->now;
	load->missed = 0;
	for (__u32 i = 0; i < LOAD_S * RATE; i++) {
		six_packets(load, i);
		pass_time(load, SECOND / RATE);
		touch(load, 2 * BACKGROUND);
	}
	after = read_device(load);
	complain_if(detail, sizeof(detail), load->dropped, "frames dropped", load->dropped, 0);
	complain_if(detail, sizeof(detail), load->missed, "touches not forwarded by the table", load->missed, 0);
	complain_if(detail, sizeof(detail), after.inserted - before.inserted != LOAD_S * RATE, "connections offloaded",
		    after.inserted - before.inserted, LOAD_S * RATE);
	complain_if(detail, sizeof(detail), after.used != 2 * BACKGROUND, "flows left beside the background's", after.used,
		    2 * BACKGROUND);
	complain_if(detail, sizeof(detail), after.high_water > 2 * CAPACITY, "high-water mark", after.high_water, 2 * CAPACITY);
	judge("3,000 connections/s of six packets over 30,000 background flows: no drop, and the table forwards every touch",
	      detail);
}

static void drained(struct load *load)
{
	char detail[512] = "";
	struct dpu_asic device;

	pass_time(load, (AGEING_S + 1) * SECOND);
	for (__u32 i = 0; i < DRAIN; i++) {
		six_packets(load, LOAD_S * RATE + i);
		pass_time(load, SECOND / RATE);
	}
	device = read_device(load);
	complain_if(detail, sizeof(detail), device.used, "flows left", device.used, 0);
	complain_if(detail, sizeof(detail), device.inserted != device.removed, "flows removed", device.removed, device.inserted);
	complain_if(detail, sizeof(detail), load->dropped, "frames dropped", load->dropped, 0);
	judge("once nothing touches the background flows, the table drains to 0", detail);
}

static void run(const char *pattern)
{
	const char *reason;
	struct load load = {0};

	if (!report_wanted(pattern, "dash", "connections/s of six packets, the table drains to 0"))
		return;
	load.backend = prog_at(DPU_HOOK_NATIVE, BACKEND_DEVICE_LARGE, &reason);
	prog_use(load.backend);
	set_up(&load);
	warm_up(&load);
	under_load(&load);
	drained(&load);
}

PROG_GENERATED(dash, run)
