// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flood - what an attacker sends, as fast as the machine makes frames: live XDP frames out of a
 * VM's device (user/lib/frameload.h), up to 65,536 different ones in turn.
 *
 *   flood NETNS SRC_MAC DST_MAC DST4 DST6 PORT KIND SECONDS
 *
 * From 10.1.0.1 and 2001:db8:1::1, but for syn, whose senders do not exist: eth0 of NETNS hears no TCP meanwhile, as who
 * forges an address does not hear what is answered to it. Prints "KIND: N frames, N per second".
 *
 *   syn      SYNs from anywhere in 10.1.0.0/16; others from each SRC_MAC
 *   first    first fragments, each of a datagram of its own
 *   later    fragments without a first one
 *   overlap  a first fragment, one that writes over its ports (RFC 1858), and a last one
 *   tiny     TCP headers in pieces (RFC 1858, RFC 3128)
 *   chain    IPv6 with chains of extension headers: too long, out of order, twice, in fragments
 */
#include "diag.h"
#include "frameload.h"
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAMES 65536u
#define BURST  (1u << 18)
#define PORT_OF_OVERLAP 6000 /* what the first one of an overlap has: allowed */

struct target {
	uint64_t src_mac, dst_mac;
	const char *dst4, *dst6;
	unsigned port;
};

static uint64_t read_mac(const char *text)
{
	unsigned byte[6];
	uint64_t mac = 0;

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5]) != 6)
		return 0;
	for (int i = 0; i < 6; i++)
		mac = mac << 8 | byte[i];
	return mac;
}

/* A well mixed number for i: no two kinds of it look alike. */
static uint32_t mixed(uint32_t i)
{
	i = (i ^ i >> 16) * 0x7feb352du;
	i = (i ^ i >> 15) * 0x846ca68bu;
	return i ^ i >> 16;
}

#define HEAD ETH(t->dst_mac, t->src_mac)
#define FROM "10.1.0.1"
#define FROM6 "2001:db8:1::1"

static void build_syn(const struct target *t, unsigned i, struct frame *ret)
{
	uint32_t n = mixed((uint32_t)t->src_mac * FRAMES + i);
	char source[32];

	snprintf(source, sizeof(source), "10.1.%u.%u", 1 + n % 250, 1 + (n >> 8) % 250);
	frame_build(FRAME(HEAD, IP4(source, t->dst4), TCP(1024 + (n >> 16) % 60000, t->port, SYN, .seq = n, .window = 1024)), ret);
}

static void build_first(const struct target *t, unsigned i, struct frame *ret)
{
	frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = i, .frag = MF), UDP(5000, t->port, .len = 64), FILL(16)), ret);
}

static void build_later(const struct target *t, unsigned i, struct frame *ret)
{
	frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = i, .frag = MF | 3, .proto = 17), FILL(24)), ret);
}

/* The second one brings the bytes of a UDP header to the place of the first one's. */
static void build_overlap(const struct target *t, unsigned i, struct frame *ret)
{
	unsigned id = i / 4;

	switch (i % 4) {
	case 0:
		frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = id, .frag = MF), UDP(5000, PORT_OF_OVERLAP, .len = 40), FILL(16)), ret);
		return;
	case 1:
		frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = id, .frag = MF), UDP(5000, t->port, .len = 40), FILL(24)), ret);
		return;
	case 2:
		frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = id, .frag = MF | 2, .proto = 17), FILL(24)), ret);
		return;
	default:
		frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = id, .frag = 3, .proto = 17), FILL(16)), ret);
	}
}

static void build_tiny(const struct target *t, unsigned i, struct frame *ret)
{
	unsigned id = i / 2;

	if (i % 2)
		frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = id, .frag = 1, .proto = 6), FILL(32)), ret);
	else
		frame_build(FRAME(HEAD, IP4(FROM, t->dst4, .id = id, .frag = MF, .len = 28), TCP(5000, t->port, SYN)), ret);
}

enum { HBH = 0, ROUTING = 43, DEST = 60 };

static void build_chain(const struct target *t, unsigned i, struct frame *ret)
{
	const struct layer ip = IP6(FROM6, t->dst6), udp = UDP(5000, t->port), dest = EXT6(DEST), hop = EXT6(HBH),
			   routing = EXT6(ROUTING), part = FRAG6(1, .id = i);
	const struct layer chains[][10] = {
		{HEAD, ip, dest, dest, dest, dest, dest, dest, dest, udp},
		{HEAD, ip, dest, hop, udp},
		{HEAD, ip, routing, udp},
		{HEAD, ip, hop, hop, udp},
		{HEAD, ip, part, dest},
		{HEAD, ip, part, part, udp},
		{HEAD, ip, dest, udp},
		{HEAD, ip, hop, dest, udp},
	};

	frame_build(chains[i % (sizeof(chains) / sizeof(chains[0]))], ret);
}

static const struct {
	const char *name;
	void (*build)(const struct target *t, unsigned i, struct frame *ret);
	unsigned len; /* of every frame; what is behind the packet is padding */
	int forged;   /* its senders do not exist: who sends it hears no answer */
} kinds[] = {
	{"syn", build_syn, 64, 1},	{"first", build_first, 64, 0}, {"later", build_later, 64, 0},
	{"overlap", build_overlap, 72, 0}, {"tiny", build_tiny, 72, 0},	{"chain", build_chain, 128, 0},
};

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static int flood(struct frameload *load, const char *kind, double seconds, struct diag *diag)
{
	struct timespec start;
	uint64_t sent = 0;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!err && seconds_since(&start) < seconds) {
		err = frameload_send(load, BURST, diag);
		sent += BURST;
	}
	if (!err)
		printf("%s: %llu frames, %.0f per second\n", kind, (unsigned long long)sent,
		       (double)sent / seconds_since(&start));
	return err;
}

static void fill(struct frameload *load, const struct target *target, size_t kind)
{
	struct frame frame;

	for (unsigned i = 0; i < FRAMES; i++) {
		struct dpu_load_frame *to = frameload_frame(load, i);

		kinds[kind].build(target, i, &frame);
		memset(to, 0, sizeof(*to));
		memcpy(to->bytes, frame.data, frame.len < kinds[kind].len ? frame.len : kinds[kind].len);
	}
}

int main(int argc, char **argv)
{
	struct target target;
	struct frameload *load = NULL;
	struct netns *ns = NULL;
	struct diag diag = {0};
	size_t kind = 0;
	int err;

	while (argc == 9 && kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].name, argv[7]))
		kind++;
	if (argc != 9 || kind == sizeof(kinds) / sizeof(kinds[0])) {
		fprintf(stderr, "usage: flood NETNS SRC_MAC DST_MAC DST4 DST6 PORT syn|first|later|overlap|tiny|chain SECONDS\n");
		return 2;
	}
	target = (struct target){read_mac(argv[2]), read_mac(argv[3]), argv[4], argv[5], (unsigned)atoi(argv[6])};
	err = netns_open(argv[1], &ns, &diag);
	if (!err)
		err = frameload_open(FRAMES, kinds[kind].len, &load, &diag);
	if (!err)
		err = frameload_device(load, 0, ns, "eth0", &diag);
	if (!err && kinds[kind].forged)
		err = frameload_deaf(load, ns, "eth0", &diag);
	if (!err) {
		fill(load, &target, kind);
		err = flood(load, argv[7], atof(argv[8]), &diag);
	}
	for (size_t i = 0; i < diag.n; i++)
		fprintf(stderr, "flood: %s\n", diag.records[i].message);
	frameload_close(load);
	netns_close(ns);
	diag_clear(&diag);
	return err ? 1 : 0;
}
