/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runner.h - programs of others (iperf3, sockperf) run inside a node: start,
 * wait until they listen, collect what they print. A child dies with dpulab.
 */
#pragma once
#include <stdbool.h>
#include "diag.h"
#include "model.h"
#include "netns.h"

struct runner; /* one child; freed by runner_finish() */

/*
 * Starts argv (NULL-terminated, looked up in PATH) inside ns, on
 * the CPUs of cpus (NULL or empty: any). -ENOENT with a hint if it is not installed.
 */
int runner_start(const struct netns *ns, const struct cpu_set *cpus, const char *const argv[],
		 struct runner **ret_runner, struct diag *diag);

/* Waits until the child's namespace has a TCP listener or UDP socket on port. -ETIMEDOUT, or -ECHILD if it died. */
int runner_wait_port(struct runner *runner, bool udp, uint16_t port, unsigned timeout_ms);

/*
 * Waits for the child to end, at most timeout_ms, then kills it; timeout_ms 0 kills at once.
 * *ret_output (may be NULL) gets stdout and stderr together, to be freed by the caller.
 * Returns the exit status 0..255, or -ETIMEDOUT, or -EINTR for death by a signal.
 */
int runner_finish(struct runner *runner, unsigned timeout_ms, char **ret_output);
