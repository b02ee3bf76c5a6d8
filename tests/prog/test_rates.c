// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An emulated device's rates, configured beside measured: on the native build, whose clock is exact. Offered three times
 * the rate for ten seconds, within 5 % of it get in; offered less, all do. Documented behaviour: Palo Alto Networks'
 * Intelligent Traffic Offload, at 1/10.
 */
#include "prog.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <dpulab/asic.h>

#define SECOND	   1000000000ull
#define UPDATES	   700	/* 7,000/s at 1/10, of two flows each */
#define CONNECTIONS 2000 /* 20,000/s at 1/10 */
#define SECONDS	   10
#define TOLERANCE_PC 5

static const __u32 only;
static struct backend_result result;

struct trial {
	const char *sentence;
	__u64 insertions, connections; /* a second, of flows and connections; 0 = no limit */
	__u64 offered;		       /* flows a second, each of a connection of its own */
	__u64 wanted;		       /* of them that get in, a second */
	enum dpu_offload_reason reason; /* of the others */
};

static const struct trial trials[] = {
	{"above the insertion rate as many flows are offloaded as it allows, within 5 %", 2 * UPDATES, CONNECTIONS,
	 6 * UPDATES, 2 * UPDATES, DPU_OFFLOAD_INSERTION_RATE},
	{"below it, all", 2 * UPDATES, CONNECTIONS, UPDATES, UPDATES, DPU_OFFLOAD_INSERTION_RATE},
	{"above the connection rate as many connections as it allows, within 5 %", 0, CONNECTIONS, 3 * CONNECTIONS,
	 CONNECTIONS, DPU_OFFLOAD_CONNECTION_RATE},
	{"below it, all", 0, CONNECTIONS, CONNECTIONS * 9 / 10, CONNECTIONS * 9 / 10, DPU_OFFLOAD_CONNECTION_RATE},
};

static __u64 interval(__u64 rate)
{
	return rate ? (SECOND << DPU_ASIC_TIME_SHIFT) / rate : 0;
}

static void set_up(const struct backend *backend, const struct trial *trial)
{
	struct dpu_asic device = {
		.insertion_interval = interval(trial->insertions),
		.connection_interval = interval(trial->connections),
		.burst = 50000000ull << DPU_ASIC_TIME_SHIFT,
		.actions = DPU_ASIC_ALL,
		.arm_factor = DPU_ARM_FACTOR_ONE,
	};

	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, 0);
	fixture_fdb(SEG, MAC(17), 17, 0, 0);
	fixture_rules(16, NULL, 0, DPU_ACTION_ALLOW);
	fixture_rules(17, NULL, 0, DPU_ACTION_ALLOW);
	backend->update("asic", &only, &device);
}

/* How many frames were not forwarded. */
static __u64 offer(const struct backend *backend, const struct trial *trial)
{
	__u64 lost = 0;

	for (__u64 i = 0; i < trial->offered * SECONDS; i++) {
		__u16 sport = 1024 + i % 60000, dport = 9 + i / 60000;
		struct frame frame;

		frame_build(FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(sport, dport), FILL(8)), &frame);
		lost += backend->run(&frame, 16, 0, &result) || result.exit.verdict != DPU_VERDICT_FORWARD;
		backend->advance(SECOND / trial->offered);
	}
	return lost;
}

static void run_trial(const struct backend *backend, const struct trial *trial)
{
	struct dpu_asic device = {0};
	__u64 lost, wanted = trial->wanted * SECONDS, difference;
	char detail[256];

	set_up(backend, trial);
	lost = offer(backend, trial);
	backend->lookup("asic", &only, &device);
	difference = device.inserted > wanted ? device.inserted - wanted : wanted - device.inserted;
	snprintf(detail, sizeof(detail), "%llu of %llu flows offloaded, configured are %llu; %llu say why not; %llu frames lost\n",
		 (unsigned long long)device.inserted, (unsigned long long)trial->offered * SECONDS, (unsigned long long)wanted,
		 (unsigned long long)device.why[trial->reason], (unsigned long long)lost);
	if (difference * 100 > wanted * TOLERANCE_PC || lost ||
	    device.inserted + device.why[trial->reason] != trial->offered * SECONDS)
		report_fail("rates", trial->sentence, detail);
	else
		report_pass("rates", trial->sentence);
}

static void run(const char *pattern)
{
	const char *reason;

	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		const struct backend *backend;

		if (!report_wanted(pattern, "rates", trials[i].sentence))
			continue;
		backend = prog_at(DPU_HOOK_NATIVE, BACKEND_DEVICE_LARGE, &reason);
		prog_use(backend);
		run_trial(backend, &trials[i]);
	}
}

PROG_GENERATED(rates, run)
