/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "verify.h"
#include "verify_plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"
#include "topology.h"

enum {
	TOKEN_SIZE = 8,
	PATIENCE_MS = 20000, /* for an answer that must come: a busy machine is no broken network */
	BIND_MS = 40000, /* by then the kernel has buried the connections of a server that was killed */
};

static const char token[TOKEN_SIZE] = "dpulab?";

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

/* ---- sockets -------------------------------------------------------------- */

/* One socket of the run. A probe has one client; servers are shared by (VM, protocol, family, port). */
struct end {
	enum { END_CLIENT, END_LISTENER, END_UDP_SERVER, END_ACCEPTED } role;
	int fd;
	size_t probe; /* of a client */
	size_t vm;    /* of a server */
	uint8_t family, proto;
	uint16_t port;
	bool connected;
};

struct run {
	const struct lab *lab;
	struct probe *probes;
	size_t n_probes, n_open; /* probes not answered yet */
	size_t n_due;		 /* of these, those that must be answered */
	struct end *ends;
	struct pollfd *fds;
	size_t n, room;
	struct netns **netns; /* by VM */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int add_end(struct run *run, struct end end)
{
	if (run->n == run->room) {
		size_t room = run->room ? 2 * run->room : 256;
		struct end *ends = reallocarray(run->ends, room, sizeof(*ends));
		struct pollfd *fds;

		if (ends)
			run->ends = ends;
		fds = ends ? reallocarray(run->fds, room, sizeof(*fds)) : NULL;
		if (!fds) {
			close(end.fd);
			return -ENOMEM;
		}
		run->fds = fds;
		run->room = room;
	}
	run->ends[run->n] = end;
	run->fds[run->n++] = (struct pollfd){.fd = end.fd, .events = POLLIN};
	return 0;
}

socklen_t verify_sockaddr(const struct lab_vm *vm, uint8_t family, uint16_t port, struct sockaddr_storage *ret)
{
	const struct lab_prefix *address = verify_address(vm, family);

	memset(ret, 0, sizeof(*ret));
	if (family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, &address->addr.w[3], 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, address->addr.b, 16);
	return sizeof(*in6);
}

static int open_socket(struct run *run, size_t vm, uint8_t family, uint8_t proto)
{
	int domain = family == 4 ? AF_INET : AF_INET6, one = 1, fd;
	int type = proto == IPPROTO_TCP ? SOCK_STREAM : proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_RAW;

	if (proto == IPPROTO_ICMP && family == 6)
		proto = IPPROTO_ICMPV6;
	fd = netns_socket(run->netns[vm], domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == 4)
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
	return fd;
}

/* A measurement's server may just have ended: its connections hold the port until the kernel has closed them. */
static int bind_patiently(int fd, const struct sockaddr_storage *address, socklen_t size)
{
	uint64_t deadline = now_ms() + BIND_MS;

	while (bind(fd, (const struct sockaddr *)address, size) < 0) {
		if (errno != EADDRINUSE || now_ms() >= deadline)
			return -errno;
		poll(NULL, 0, 10);
	}
	return 0;
}

static int add_server(struct run *run, const struct probe *probe)
{
	struct end end = {.vm = probe->to, .family = probe->family, .proto = probe->proto,
			  .port = probe->port,
			  .role = probe->proto == IPPROTO_TCP ? END_LISTENER : END_UDP_SERVER};
	struct sockaddr_storage address;
	socklen_t size = verify_sockaddr(&run->lab->vms[probe->to], probe->family, probe->port, &address);
	int err;

	for (size_t i = 0; i < run->n; i++) {
		const struct end *old = &run->ends[i];

		if (old->role == end.role && old->vm == end.vm && old->family == end.family &&
		    old->port == end.port)
			return 0;
	}
	end.fd = open_socket(run, end.vm, end.family, end.proto);
	if (end.fd < 0)
		return end.fd;
	err = bind_patiently(end.fd, &address, size);
	if (!err && end.role == END_LISTENER && listen(end.fd, 64) < 0)
		err = -errno;
	if (err) {
		close(end.fd);
		return err;
	}
	return add_end(run, end);
}

/* No answer of this probe is waited for any more. */
static void conclude(struct run *run, size_t probe, enum probe_outcome seen)
{
	run->probes[probe].seen = seen;
	run->n_open--;
	run->n_due -= run->probes[probe].expected != PROBE_SILENT;
}

static void settle(struct run *run, size_t client, enum probe_outcome seen)
{
	struct end *end = &run->ends[client];

	conclude(run, end->probe, seen);
	close(end->fd);
	end->fd = run->fds[client].fd = -1;
}

static void send_echo_request(int fd, uint8_t family, uint16_t id)
{
	/* Type and checksum differ by family; identifier and sequence do not. ICMPv6's sum is the kernel's. */
	struct icmphdr echo = {.type = family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
			       .un.echo = {.id = htons(id), .sequence = htons(1)}};

	if (family == 4) {
		uint32_t sum = (uint32_t)(ICMP_ECHO << 8) + id + 1;

		echo.checksum = htons((uint16_t)~((sum & 0xffff) + (sum >> 16)));
	}
	if (send(fd, &echo, sizeof(echo), 0) < 0)
		return; /* seen as silence, or as the error a later recv() reports */
}

static int add_client(struct run *run, size_t index)
{
	const struct probe *probe = &run->probes[index];
	struct end end = {.role = END_CLIENT, .probe = index, .family = probe->family,
			  .proto = probe->proto};
	struct sockaddr_storage address;
	socklen_t size = verify_sockaddr(&run->lab->vms[probe->to], probe->family,
				     probe->port, &address);
	int err;

	end.fd = open_socket(run, probe->from, probe->family, probe->proto);
	if (end.fd < 0)
		return end.fd;
	if (connect(end.fd, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS) {
		close(end.fd);
		conclude(run, index, PROBE_SILENT); /* no route */
		return 0;
	}
	if (probe->proto == IPPROTO_UDP && send(end.fd, token, sizeof(token), 0) < 0)
		end.connected = false;
	if (probe->proto == IPPROTO_ICMP)
		send_echo_request(end.fd, probe->family, (uint16_t)(index + 1));
	err = add_end(run, end);
	if (!err && probe->proto == IPPROTO_TCP)
		run->fds[run->n - 1].events = POLLOUT;
	return err;
}

/* ---- what came back ------------------------------------------------------- */

/* The oldest ICMP error in a socket's queue is "communication administratively prohibited". */
static bool prohibited(int fd)
{
	union {
		struct cmsghdr align;
		char bytes[512];
	} control;
	struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *part;

	if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
		const struct sock_extended_err *error = (const void *)CMSG_DATA(part);

		if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR)
			return error->ee_origin == SO_EE_ORIGIN_ICMP && error->ee_code == ICMP_PKT_FILTERED;
	}
	return false;
}

/*
 * EHOSTUNREACH is also what the sender's own kernel says of an address nobody answers
 * for: some seconds after it was first asked for, maybe by an earlier round.
 */
static bool refused(const struct end *end, int err)
{
	if (err == EHOSTUNREACH)
		return end->family == 4 && prohibited(end->fd);
	return err == ECONNREFUSED || err == EACCES || err == EPERM;
}

/* A raw socket sees every ICMP packet of its namespace: 1 = our answer, -1 = our refusal, 0 = neither. */
static int read_icmp(const uint8_t *packet, size_t len, uint8_t family, uint16_t id)
{
	size_t off = family == 4 ? (size_t)(packet[0] & 15) * 4 : 0;
	const struct icmphdr *icmp = (const void *)(packet + off);
	size_t quoted = off + 8 + (family == 4 ? 20 : 40);

	if (len < off + 8)
		return 0;
	if (icmp->type == (family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY))
		return icmp->un.echo.id == htons(id);
	if (icmp->type != (family == 4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH) || len < quoted + 8)
		return 0;
	if (icmp->code != (family == 4 ? ICMP_PKT_FILTERED : ICMP6_DST_UNREACH_ADMIN))
		return 0;
	return ((const struct icmphdr *)(packet + quoted))->un.echo.id == htons(id) ? -1 : 0;
}

static void client_ready(struct run *run, size_t i)
{
	struct end *end = &run->ends[i];
	uint8_t buffer[2048];
	socklen_t size = sizeof(int);
	ssize_t got;
	int err = 0;

	if (end->proto == IPPROTO_TCP && !end->connected) {
		getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &err, &size);
		if (err || send(end->fd, token, sizeof(token), MSG_NOSIGNAL) < 0) {
			settle(run, i, refused(end, err) ? PROBE_REJECT : PROBE_SILENT);
			return;
		}
		end->connected = true;
		run->fds[i].events = POLLIN;
		return;
	}
	got = recv(end->fd, buffer, sizeof(buffer), 0);
	if (got < 0) {
		if (end->proto != IPPROTO_ICMP && errno != EAGAIN)
			settle(run, i, refused(end, errno) ? PROBE_REJECT : PROBE_SILENT);
		return;
	}
	if (end->proto == IPPROTO_ICMP) {
		int what = read_icmp(buffer, (size_t)got, end->family, (uint16_t)(end->probe + 1));

		if (what)
			settle(run, i, what > 0 ? PROBE_PASS : PROBE_REJECT);
		return;
	}
	settle(run, i, got == sizeof(token) && !memcmp(buffer, token, sizeof(token)) ?
		       PROBE_PASS : PROBE_SILENT);
}

static void server_ready(struct run *run, size_t i)
{
	struct end *end = &run->ends[i];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char buffer[64];
	ssize_t got;

	if (end->role == END_LISTENER) {
		int fd = accept4(end->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			add_end(run, (struct end){.role = END_ACCEPTED, .fd = fd});
		return;
	}
	got = recvfrom(end->fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &size);
	if (got > 0) {
		if (end->role == END_ACCEPTED)
			got = send(end->fd, buffer, (size_t)got, MSG_NOSIGNAL);
		else
			got = sendto(end->fd, buffer, (size_t)got, 0, (struct sockaddr *)&from, size);
	}
	if (end->role == END_ACCEPTED && got <= 0) {
		close(end->fd);
		end->fd = run->fds[i].fd = -1;
	}
}

static void serve_ready(struct run *run, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (run->fds[i].fd < 0 || !run->fds[i].revents)
			continue;
		if (run->ends[i].role == END_CLIENT)
			client_ready(run, i);
		else
			server_ready(run, i);
	}
}

/* Ends when all is answered, or silent_ms after the last answer that was due, or when patience ends. */
static void converse(struct run *run, unsigned silent_ms)
{
	uint64_t now = now_ms(), due_until = now + PATIENCE_MS, silent_until = now + silent_ms;

	for (; run->n_open; now = now_ms()) {
		size_t n = run->n; /* new ends join at the next round */
		const bool due = run->n_due;
		uint64_t deadline = due ? due_until : silent_until;

		if (now >= deadline)
			return;
		if (poll(run->fds, n, (int)(deadline - now)) < 0 && errno != EINTR)
			return;
		serve_ready(run, n);
		if (due)
			silent_until = now_ms() + silent_ms;
	}
}

/* ---- the run -------------------------------------------------------------- */

static int open_all(struct run *run, struct diag *diag)
{
	struct rlimit files;
	int err = 0;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (size_t i = 0; i < run->lab->n_vms; i++) {
		err = topology_open_vm(run->lab, i, &run->netns[i], diag);
		if (err)
			return err;
	}
	for (size_t i = 0; i < run->n_probes && !err; i++)
		if (run->probes[i].proto != IPPROTO_ICMP)
			err = add_server(run, &run->probes[i]);
	for (size_t i = 0; i < run->n_probes && !err; i++)
		err = add_client(run, i);
	if (err)
		diag_error(diag, err, NULL, "cannot open the sockets of the connectivity check: %s",
			   strerror(-err));
	return err;
}

static void close_all(struct run *run)
{
	for (size_t i = 0; i < run->n; i++)
		if (run->ends[i].fd >= 0)
			close(run->ends[i].fd);
	for (size_t i = 0; i < run->lab->n_vms; i++)
		netns_close(run->netns[i]);
	free(run->netns);
	free(run->ends);
	free(run->fds);
}

int verify_run(const struct lab *lab, struct probe *probes, size_t n, unsigned silent_ms,
	       size_t *ret_wrong, struct diag *diag)
{
	struct run run = {.lab = lab, .probes = probes, .n_probes = n, .n_open = n};
	size_t wrong = 0;
	int err;

	run.netns = calloc(lab->n_vms, sizeof(struct netns *));
	if (!run.netns)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		probes[i].seen = PROBE_SILENT;
		run.n_due += probes[i].expected != PROBE_SILENT;
	}
	err = open_all(&run, diag);
	if (!err)
		converse(&run, silent_ms);
	close_all(&run);
	for (size_t i = 0; i < n; i++)
		wrong += probes[i].seen != probes[i].expected;
	if (!err)
		*ret_wrong = wrong;
	return err;
}
