/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "verify_ends.h"
#include "monotonic.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TOKEN_SIZE = 8,
	BIND_MS = 120000, /* a killed server's connections hold the port for up to 8 retries from 200 ms on: tcp_orphan_retries */
};

static const char token[TOKEN_SIZE] = "dpulab?";

/* One socket. A probe has one client; servers are shared by (VM, protocol, family, port). */
struct end {
	enum { END_CLIENT, END_LISTENER, END_UDP_SERVER, END_ACCEPTED, END_WATCHED } role;
	int fd;
	size_t probe; /* of a client; of what is watched: which */
	size_t vm;    /* of a server */
	uint8_t family, proto;
	uint16_t port;
	bool connected;
};

static int add_end(struct ends *ends, struct end end)
{
	if (ends->n == ends->room) {
		size_t room = ends->room ? 2 * ends->room : 256;
		struct end *list = reallocarray(ends->list, room, sizeof(*list));
		struct pollfd *fds;

		if (list)
			ends->list = list;
		fds = list ? reallocarray(ends->fds, room, sizeof(*fds)) : NULL;
		if (!fds) {
			close(end.fd);
			return -ENOMEM;
		}
		ends->fds = fds;
		ends->room = room;
	}
	ends->list[ends->n] = end;
	ends->fds[ends->n++] = (struct pollfd){.fd = end.fd, .events = POLLIN};
	return 0;
}

int ends_watch(struct ends *ends, int fd, size_t which)
{
	return add_end(ends, (struct end){.role = END_WATCHED, .fd = fd, .probe = which});
}

socklen_t ends_sockaddr(const struct ends_target *target, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (target->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(target->port);
		memcpy(&in->sin_addr, &target->addr[12], 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(target->port);
	memcpy(&in6->sin6_addr, target->addr, 16);
	return sizeof(*in6);
}

static int open_socket(struct ends *ends, size_t vm, uint8_t family, uint8_t proto)
{
	int domain = family == 4 ? AF_INET : AF_INET6, one = 1, fd;
	int type = proto == IPPROTO_TCP ? SOCK_STREAM : proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_RAW;

	if (proto == IPPROTO_ICMP && family == 6)
		proto = IPPROTO_ICMPV6;
	fd = ends->open_socket(ends->owner, vm, domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
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
	uint64_t deadline = monotonic_ms() + BIND_MS;

	while (bind(fd, (const struct sockaddr *)address, size) < 0) {
		if (errno != EADDRINUSE || monotonic_ms() >= deadline)
			return -errno;
		poll(NULL, 0, 10);
	}
	return 0;
}

static bool is_served(const struct ends *ends, const struct end *wanted)
{
	for (size_t i = 0; i < ends->n; i++) {
		const struct end *old = &ends->list[i];

		if (old->role == wanted->role && old->vm == wanted->vm && old->family == wanted->family &&
		    old->port == wanted->port)
			return true;
	}
	return false;
}

int ends_serve(struct ends *ends, size_t vm, const struct ends_target *at)
{
	struct end end = {.vm = vm, .family = at->family, .proto = at->proto, .port = at->port,
			  .role = at->proto == IPPROTO_TCP ? END_LISTENER : END_UDP_SERVER};
	struct sockaddr_storage address;
	socklen_t size = ends_sockaddr(at, &address);
	int err;

	if (is_served(ends, &end))
		return 0;
	end.fd = open_socket(ends, vm, end.family, end.proto);
	if (end.fd < 0)
		return end.fd;
	err = bind_patiently(end.fd, &address, size);
	if (!err && end.role == END_LISTENER && listen(end.fd, 64) < 0)
		err = -errno;
	if (err) {
		close(end.fd);
		return err;
	}
	return add_end(ends, end);
}

static void settle(struct ends *ends, size_t client, enum probe_outcome seen)
{
	struct end *end = &ends->list[client];

	close(end->fd);
	end->fd = ends->fds[client].fd = -1;
	ends->conclude(ends->owner, end->probe, seen);
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

int ends_ask(struct ends *ends, size_t vm, size_t probe, const struct ends_target *to)
{
	struct end end = {.role = END_CLIENT, .probe = probe, .family = to->family, .proto = to->proto};
	struct sockaddr_storage address;
	socklen_t size = ends_sockaddr(to, &address);
	int err;

	end.fd = open_socket(ends, vm, to->family, to->proto);
	if (end.fd < 0)
		return end.fd;
	if (connect(end.fd, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS) {
		close(end.fd);
		ends->conclude(ends->owner, probe, PROBE_SILENT); /* no route */
		return 0;
	}
	if (to->proto == IPPROTO_UDP && send(end.fd, token, sizeof(token), 0) < 0)
		end.connected = false;
	if (to->proto == IPPROTO_ICMP)
		send_echo_request(end.fd, to->family, (uint16_t)(probe + 1));
	err = add_end(ends, end);
	if (!err && to->proto == IPPROTO_TCP)
		ends->fds[ends->n - 1].events = POLLOUT;
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

static void client_ready(struct ends *ends, size_t i)
{
	struct end *end = &ends->list[i];
	uint8_t buffer[2048];
	socklen_t size = sizeof(int);
	ssize_t got;
	int err = 0;

	if (end->proto == IPPROTO_TCP && !end->connected) {
		getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &err, &size);
		if (err || send(end->fd, token, sizeof(token), MSG_NOSIGNAL) < 0) {
			settle(ends, i, refused(end, err) ? PROBE_REJECT : PROBE_SILENT);
			return;
		}
		end->connected = true;
		ends->fds[i].events = POLLIN;
		return;
	}
	got = recv(end->fd, buffer, sizeof(buffer), 0);
	if (got < 0) {
		if (end->proto != IPPROTO_ICMP && errno != EAGAIN)
			settle(ends, i, refused(end, errno) ? PROBE_REJECT : PROBE_SILENT);
		return;
	}
	if (end->proto == IPPROTO_ICMP) {
		int what = read_icmp(buffer, (size_t)got, end->family, (uint16_t)(end->probe + 1));

		if (what)
			settle(ends, i, what > 0 ? PROBE_PASS : PROBE_REJECT);
		return;
	}
	settle(ends, i, got == sizeof(token) && !memcmp(buffer, token, sizeof(token)) ?
		       PROBE_PASS : PROBE_SILENT);
}

static void server_ready(struct ends *ends, size_t i)
{
	struct end *end = &ends->list[i];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char buffer[64];
	ssize_t got;

	if (end->role == END_LISTENER) {
		int fd = accept4(end->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			add_end(ends, (struct end){.role = END_ACCEPTED, .fd = fd});
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
		end->fd = ends->fds[i].fd = -1;
	}
}

static void end_ready(struct ends *ends, size_t i)
{
	const struct end *end = &ends->list[i];

	if (end->role == END_CLIENT)
		client_ready(ends, i);
	else if (end->role != END_WATCHED)
		server_ready(ends, i);
	else if (!ends->watched(ends->owner, end->probe))
		ends->list[i].fd = ends->fds[i].fd = -1; /* not ours to close */
}

int ends_wait(struct ends *ends, int timeout_ms)
{
	size_t n = ends->n; /* new ends join at the next round */

	if (poll(ends->fds, n, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	for (size_t i = 0; i < n; i++)
		if (ends->fds[i].fd >= 0 && ends->fds[i].revents)
			end_ready(ends, i);
	return 0;
}

void ends_close(struct ends *ends)
{
	for (size_t i = 0; i < ends->n; i++)
		if (ends->list[i].fd >= 0 && ends->list[i].role != END_WATCHED)
			close(ends->list[i].fd);
	free(ends->list);
	free(ends->fds);
	ends->list = NULL;
	ends->fds = NULL;
	ends->n = ends->room = 0;
}
