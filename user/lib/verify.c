/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "verify.h"
#include "monotonic.h"
#include "verify_ends.h"
#include "verify_guest.h"
#include "verify_plan.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "netns.h"
#include "topology.h"

#define PATIENCE_MS 20000 /* since the last answer, for one that must come: a busy machine is no broken network */

const char *probe_outcome_name(enum probe_outcome outcome)
{
	static const char *const names[] = {"pass", "reject", "silent"};

	return names[outcome];
}

const struct lab_prefix *verify_address(const struct lab_vm *vm, uint8_t family)
{
	for (size_t i = 0; i < vm->n_ips; i++)
		if (vm->ips[i].family == family)
			return &vm->ips[i];
	return NULL;
}

void probe_describe(const struct lab *lab, const struct probe *probe, char *text, size_t size)
{
	const char *proto = probe->proto == IPPROTO_TCP ? "tcp" : probe->proto == IPPROTO_UDP ? "udp" : "icmp";
	char port[8] = "";

	if (probe->port)
		snprintf(port, sizeof(port), "/%u", probe->port);
	snprintf(text, size, "%s -> %s %s%s IPv%u: expected %s, saw %s", lab->vms[probe->from].name,
		 lab->vms[probe->to].name, proto, port, probe->family,
		 probe_outcome_name(probe->expected), probe_outcome_name(probe->seen));
}

static struct ends_target target_of(const struct lab_vm *vm, uint8_t family, uint8_t proto, uint16_t port)
{
	struct ends_target target = {.family = family, .proto = proto, .port = port};

	memcpy(target.addr, verify_address(vm, family)->addr.b, sizeof(target.addr));
	return target;
}

socklen_t verify_sockaddr(const struct lab_vm *vm, uint8_t family, uint16_t port, struct sockaddr_storage *ret)
{
	const struct ends_target target = target_of(vm, family, 0, port);

	return ends_sockaddr(&target, ret);
}

/* ---- the run -------------------------------------------------------------- */

struct run {
	const struct lab *lab;
	struct probe *probes;
	size_t n_open; /* probes not answered yet */
	size_t n_due;  /* of these, those that must be answered */
	struct ends ends;
	struct netns **netns; /* by VM; NULL: a guest's */
	struct verify_guest **guests; /* by VM; NULL: none */
	int err;
};

static int open_socket(void *owner, size_t vm, int domain, int type, int protocol)
{
	return netns_socket(((struct run *)owner)->netns[vm], domain, type, protocol);
}

/* No answer of this probe is waited for any more. */
static void conclude(void *owner, size_t probe, enum probe_outcome seen)
{
	struct run *run = owner;

	run->probes[probe].seen = seen;
	run->n_open--;
	run->n_due -= run->probes[probe].expected != PROBE_SILENT;
}

static bool hear_guest(void *owner, size_t vm)
{
	struct run *run = owner;
	int err = verify_guest_hear(run->guests[vm], 0);

	run->err = run->err ? run->err : err;
	return !err;
}

/* Ends when all is answered, or silent_ms after the last answer that was due, or when patience with the next one ends. */
static int converse(struct run *run, unsigned silent_ms)
{
	uint64_t now = monotonic_ms(), due_until = now + PATIENCE_MS, silent_until = now + silent_ms;
	size_t open = run->n_open;

	for (; run->n_open && !run->err; now = monotonic_ms()) {
		const bool due = run->n_due;
		uint64_t deadline = due ? due_until : silent_until;
		int err;

		if (now >= deadline)
			break;
		err = ends_wait(&run->ends, (int)(deadline - now));
		if (err)
			return err;
		if (due)
			silent_until = monotonic_ms() + silent_ms;
		if (run->n_open < open)
			due_until = monotonic_ms() + PATIENCE_MS;
		open = run->n_open;
	}
	return run->err;
}

/* ---- who takes part --------------------------------------------------------- */

static int open_vm(struct run *run, size_t vm, struct diag *diag)
{
	int err;

	if (run->lab->vms[vm].type != VM_QEMU || run->lab->vms[vm].loaded)
		return topology_open_vm(run->lab, vm, &run->netns[vm], diag);
	err = verify_guest_open(run->lab->name, run->lab->vms[vm].name, conclude, run, &run->guests[vm], diag);
	return err ? err : ends_watch(&run->ends, verify_guest_fd(run->guests[vm]), vm);
}

static int open_vms(struct run *run, struct diag *diag)
{
	struct rlimit files;
	int err = 0;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (size_t i = 0; i < run->lab->n_vms && !err; i++)
		err = open_vm(run, i, diag);
	return err;
}

/* Servers first, everywhere. */
static int serve_all(struct run *run, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		const struct probe *probe = &run->probes[i];
		const struct ends_target at = target_of(&run->lab->vms[probe->to], probe->family, probe->proto, probe->port);

		if (probe->proto == IPPROTO_ICMP)
			continue;
		err = run->guests[probe->to] ? verify_guest_serve(run->guests[probe->to], &at) :
					       ends_serve(&run->ends, probe->to, &at);
	}
	for (size_t vm = 0; vm < run->lab->n_vms && !err; vm++)
		if (run->guests[vm])
			err = verify_guest_settle(run->guests[vm], PATIENCE_MS);
	return err;
}

static int ask_all(struct run *run, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		const struct probe *probe = &run->probes[i];
		const struct ends_target to = target_of(&run->lab->vms[probe->to], probe->family, probe->proto, probe->port);

		err = run->guests[probe->from] ? verify_guest_ask(run->guests[probe->from], i, &to) :
						 ends_ask(&run->ends, probe->from, i, &to);
	}
	return err;
}

static void close_all(struct run *run)
{
	ends_close(&run->ends);
	for (size_t i = 0; i < run->lab->n_vms; i++) {
		if (run->netns)
			netns_close(run->netns[i]);
		if (run->guests)
			verify_guest_close(run->guests[i]);
	}
	free(run->netns);
	free(run->guests);
}

static int hold(struct run *run, size_t n, unsigned silent_ms, struct diag *diag)
{
	int err = open_vms(run, diag);

	if (err)
		return err;
	err = serve_all(run, n);
	if (!err)
		err = ask_all(run, n);
	if (!err)
		err = converse(run, silent_ms);
	return err ? diag_error(diag, err, NULL, "the connectivity check cannot be held: %s", strerror(-err)) : 0;
}

int verify_run(const struct lab *lab, struct probe *probes, size_t n, unsigned silent_ms,
	       size_t *ret_wrong, struct diag *diag)
{
	struct run run = {.lab = lab, .probes = probes, .n_open = n,
			  .ends = {.open_socket = open_socket, .conclude = conclude, .watched = hear_guest}};
	size_t wrong = 0;
	int err = 0;

	run.ends.owner = &run;
	run.netns = calloc(lab->n_vms + 1, sizeof(*run.netns));
	run.guests = calloc(lab->n_vms + 1, sizeof(*run.guests));
	if (!run.netns || !run.guests)
		err = -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		probes[i].seen = PROBE_SILENT;
		run.n_due += probes[i].expected != PROBE_SILENT;
	}
	if (!err)
		err = hold(&run, n, silent_ms, diag);
	close_all(&run);
	for (size_t i = 0; i < n; i++)
		wrong += probes[i].seen != probes[i].expected;
	if (!err)
		*ret_wrong = wrong;
	return err;
}
