// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * frames.c - what the source sends. VM i talks to VM i ^ 1 of its host, or to
 * remote VM i behind the other tunnel endpoint; IPv4 carries TCP, IPv6 UDP.
 */
#include "bench.h"
#include "packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define SERVER_PORT ALLOWLIST_PORT
#define CLIENT_PORT 20000
#define DATA_LEN    64
#define SECOND_PORTS 32768 /* further on */

const struct dpu_mac frames_vm_mac[BENCH_VMS] = {
	{{2, 0, 0, 0, 1, 0}}, {{2, 0, 0, 0, 1, 1}}, {{2, 0, 0, 0, 1, 2}}, {{2, 0, 0, 0, 1, 3}}};
const struct dpu_mac frames_remote_mac[BENCH_VMS] = {
	{{2, 0, 0, 0, 2, 0}}, {{2, 0, 0, 0, 2, 1}}, {{2, 0, 0, 0, 2, 2}}, {{2, 0, 0, 0, 2, 3}}};
const struct dpu_mac frames_vtep_mac[2] = {{{2, 0, 0, 0, 3, 1}}, {{2, 0, 0, 0, 3, 2}}};

static uint64_t mac_number(struct dpu_mac mac)
{
	uint64_t number = 0;

	for (int i = 0; i < 6; i++)
		number = number << 8 | mac.b[i];
	return number;
}

struct end {
	uint64_t mac;
	char ip4[32], ip6[48];
};

static struct end end_of(bool remote, unsigned vm)
{
	struct end end = {.mac = mac_number(remote ? frames_remote_mac[vm] : frames_vm_mac[vm])};

	snprintf(end.ip4, sizeof(end.ip4), "10.1.%u.%u", remote ? 2 : 1, 10 + vm);
	snprintf(end.ip6, sizeof(end.ip6), "2001:db8:1:%u::%u", remote ? 2 : 1, 10 + vm);
	return end;
}

/* The Ethernet frame of one template; exactly DATA_LEN bytes. */
static void build_inner(const struct end *from, const struct end *to, bool v6, bool back, unsigned flags,
			struct frame *ret)
{
	unsigned sport = back ? SERVER_PORT : CLIENT_PORT, dport = back ? CLIENT_PORT : SERVER_PORT;

	if (v6)
		frame_build(FRAME(ETH(to->mac, from->mac), IP6(from->ip6, to->ip6), UDP(sport, dport),
				  FILL(DATA_LEN - 62)),
			    ret);
	else
		frame_build(FRAME(ETH(to->mac, from->mac), IP4(from->ip4, to->ip4), TCP(sport, dport, flags),
				  FILL(DATA_LEN - 54)),
			    ret);
}

/* The same in VXLAN, as the other endpoint would send it. */
static void wrap(const struct frame *inner, struct frame *ret)
{
	struct frame outer;

	frame_build(FRAME(ETH(mac_number(frames_vtep_mac[0]), mac_number(frames_vtep_mac[1])),
			  IP4("10.255.255.2", "10.255.255.1"), UDP(49152, 4789, .csum = ZERO),
			  VXLAN(FRAMES_VNI), FILL(DATA_LEN)),
		    &outer);
	*ret = outer;
	memcpy(ret->data + ret->len - inner->len, inner->data, inner->len);
}

/* Template pairs (IPv4, IPv6) share the device of their VM. */
static void fill_template(const struct bench *b, enum bench_way way, unsigned vm, bool v6, bool back,
			  unsigned flags, struct bench_template *t)
{
	struct end near = end_of(false, vm), far = end_of(way != BENCH_LOCAL, way == BENCH_LOCAL ? vm ^ 1 : vm);
	struct frame inner, whole;
	unsigned l2 = 0;

	/* near opened the connection; on the wire its answers come from far */
	build_inner(back ? &far : &near, back ? &near : &far, v6, back, flags, &inner);
	whole = inner;
	t->out = vm;
	if (way == BENCH_LOCAL && back)
		t->out = vm ^ 1;
	if (way != BENCH_LOCAL && back) {
		wrap(&inner, &whole);
		l2 = DPU_VXLAN_OVERHEAD;
		t->out = BENCH_WIRE;
		t->entropy_off = 34;
	}
	memcpy(t->bytes, whole.data, whole.len);
	t->ports_off = l2 + (v6 ? 54 : 34);
	t->check_off = l2 + (v6 ? 60 : 50);
	t->swap = back;
	t->sport_bits = 15;
	(void)b;
}

/* TCP flags of a step: what the opener or the answerer sends. */
static unsigned step_flags(enum bench_step step)
{
	switch (step) {
	case STEP_OPEN:
		return FRAMES_SYN;
	case STEP_ANSWER:
		return FRAMES_SYN | FRAMES_ACK;
	default:
		return FRAMES_ACK;
	}
}

/* One of the checksum's words has grown (RFC 1624). */
static void fix_checksum(struct bench_template *t, unsigned by)
{
	__be16 *check = (__be16 *)(t->bytes + t->check_off);
	uint32_t sum = (uint16_t)~ntohs(*check) + by;

	sum = (sum & 0xffff) + (sum >> 16);
	*check = htons((uint16_t)~sum);
}

void frames_plan(const struct bench *b, enum bench_way way, enum bench_step step, unsigned flows,
		 struct bench_plan *ret_plan)
{
	bool back = step == STEP_ANSWER || step == STEP_DATA_BACK;

	memset(ret_plan, 0, sizeof(*ret_plan));
	ret_plan->order = (struct bench_order){
		.templates = 2 * BENCH_VMS,
		.flows = flows / (2 * BENCH_VMS),
		.burst = 64,
		.frame_len = way != BENCH_LOCAL && back ? DATA_LEN + DPU_VXLAN_OVERHEAD : DATA_LEN,
	};
	for (unsigned i = 0; i < 2 * BENCH_VMS; i++)
		fill_template(b, way, i / 2, i & 1, back, step_flags(step), &ret_plan->templates[i]);
}

void frames_tcp_plan(const struct bench *b, bool back, uint8_t flags, struct bench_plan *ret_plan)
{
	frames_plan(b, BENCH_LOCAL, back ? STEP_ANSWER : STEP_OPEN, BENCH_MILLION, ret_plan);
	for (unsigned i = 0; i < 2 * BENCH_VMS; i++) {
		struct bench_template *t = &ret_plan->templates[i];

		fill_template(b, BENCH_LOCAL, i / 2, false, back, flags, t);
		if (i & 1) { /* IPv6 does not fit TCP in 64 bytes: a second IPv4 template, by another port of the opener */
			__be16 *port = (__be16 *)(t->bytes + t->ports_off) + (back ? 1 : 0);
			unsigned at = ntohs(*port);

			*port = htons(at + SECOND_PORTS);
			fix_checksum(t, SECOND_PORTS);
		}
	}
}
