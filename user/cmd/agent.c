/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* agent LAB: watch the DPUs of a lab, fail over, one line for each event. */
#include "agent.h"
#include "values.h"
#include "verbs.h"

#include <signal.h>
#include <time.h>

const struct cmd_option cmd_agent_options[] = {
    {'i', "interval", "MS", "between two looks at the DPUs; 5 to 60000 (default: 100)"},
    {},
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static bool told_to_stop(void *arg)
{
	(void)arg;
	return interrupted;
}

static void out_failover(struct out *out, const struct agent_event *event)
{
	const struct failover_report *failover = &event->failover;

	out_str(out, "cause", "%s", dpu_health_word(failover->cause));
	out_bool(out, "connections_kept", failover->connections_kept);
	out_real(out, "failover_ms", failover->total_ms, 1);
}

static void print_event(const struct agent_event *event, void *arg)
{
	struct out *out = arg;

	out_stamp(out, event->time_ns);
	out_str(out, "event", "%s", agent_event_word(event->kind));
	if (event->host) {
		out_str(out, "host", "%s", event->host);
		out_str(out, "dpu", "%s", event->dpu);
	}
	if (event->kind == AGENT_FAILED || event->kind == AGENT_IDLE_FAILED)
		out_str(out, "health", "%s", dpu_health_word(event->health));
	if (event->kind == AGENT_FAILED)
		out_str(out, "standby", "%s", *event->standby ? event->standby : "none");
	if (event->kind == AGENT_FAILED_OVER)
		out_failover(out, event);
	if (event->why)
		out_str(out, "why", "%s", event->why);
	out_now(out);
}

int cmd_agent(struct cmd_context *ctx, int argc, char **argv)
{
	/* a failover that has begun comes to its end */
	const struct sigaction end = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct agent_config config = {
		.interval_ms = AGENT_INTERVAL_MS, .event = print_event, .stop = told_to_stop, .arg = ctx->out};
	const char *interval = cmd_option(ctx, "interval");
	uint64_t ms;

	(void)argc;
	if (interval && number_parse(interval, AGENT_INTERVAL_MS_MIN, AGENT_INTERVAL_MS_MAX, &ms))
		return cmd_usage(ctx, "--interval %s is not between %d and %d milliseconds", interval, AGENT_INTERVAL_MS_MIN,
				 AGENT_INTERVAL_MS_MAX);
	if (interval)
		config.interval_ms = (unsigned)ms;
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	return cmd_result(agent_run(argv[0], &config, ctx->diag));
}
