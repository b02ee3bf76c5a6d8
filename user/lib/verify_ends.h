/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verify_ends.h - the sockets of the connectivity check: servers that echo, clients that ask one question each and say what
 * became of it. Compiled for dpulab, where one process has sockets in many namespaces, and for the agent inside a guest
 * (user/guest/probe.c): it knows no lab.
 */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum probe_outcome {
	PROBE_PASS,   /* answered by the other VM */
	PROBE_REJECT, /* refused: RST, or ICMP administratively prohibited */
	PROBE_SILENT, /* nothing came back: dropped, or not connected */
};

struct ends_target { /* of a question, or what a server serves */
	uint8_t family;	  /* 4 or 6 */
	uint8_t proto;	  /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP (echo; also means ICMPv6) */
	uint16_t port;	  /* host order; 0 for ICMP */
	uint8_t addr[16]; /* network order; IPv4 in the last four */
};

struct end;

struct ends {
	/* socket(2) of a VM (an index of the owner's); a descriptor or a negative errno */
	int (*open_socket)(void *owner, size_t vm, int domain, int type, int protocol);
	/* what became of a question; once for each */
	void (*conclude)(void *owner, size_t probe, enum probe_outcome seen);
	/* a descriptor of ends_watch() is readable; false: do not watch it any more */
	bool (*watched)(void *owner, size_t which);
	void *owner;
	struct end *list;
	struct pollfd *fds;
	size_t n, room;
};

socklen_t ends_sockaddr(const struct ends_target *target, struct sockaddr_storage *ret);
/* A server of a VM, once for each target. 0 or a negative errno. */
int ends_serve(struct ends *ends, size_t vm, const struct ends_target *at);
/* Asks; a question that finds no way is concluded at once. 0 or a negative errno. */
int ends_ask(struct ends *ends, size_t vm, size_t probe, const struct ends_target *to);
/* Has a descriptor of somebody else's waited for, too. */
int ends_watch(struct ends *ends, int fd, size_t which);
/* Waits at most timeout_ms (-1: for ever) and serves what is ready. */
int ends_wait(struct ends *ends, int timeout_ms);
void ends_close(struct ends *ends);
