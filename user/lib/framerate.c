/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "framerate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "frameload.h"
#include "topology.h"

enum {
	FRAME_LEN = 64,
	FLOWS = 1024,
	CHUNK = 64,   /* frames of one call: one NAPI budget */
	WINDOW = 192, /* frames on their way; a veth ring holds 256 */
	FIRST_SPORT = 20000,
	DPORT = 5201, /* iperf3's: a lab that lets itself be measured allows it */
	LOST_MS = 20, /* what has not arrived by then never will */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint16_t ip_checksum(const void *header, size_t len)
{
	const uint16_t *word = header;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static const struct lab_prefix *ipv4_of(const struct lab_vm *vm)
{
	for (size_t i = 0; i < vm->n_ips; i++)
		if (vm->ips[i].family == 4)
			return &vm->ips[i];
	return NULL;
}

int framerate_frame(const struct lab *lab, struct traffic_pair pair, uint16_t sport, uint16_t dport,
		    uint8_t ret_frame[FRAME_LEN])
{
	const struct lab_vm *from = &lab->vms[pair.from], *to = &lab->vms[pair.to];
	const struct lab_prefix *src = ipv4_of(from), *dst = ipv4_of(to);
	struct ether_header ether = {.ether_type = htons(ETHERTYPE_IP)};
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			   .tot_len = htons(FRAME_LEN - sizeof(ether))};
	struct udphdr udp = {.source = htons(sport), .dest = htons(dport),
			     .len = htons(FRAME_LEN - sizeof(ether) - sizeof(ip))};

	if (!src || !dst)
		return -EADDRNOTAVAIL;
	memcpy(ether.ether_dhost, to->mac.b, sizeof(ether.ether_dhost));
	memcpy(ether.ether_shost, from->mac.b, sizeof(ether.ether_shost));
	memcpy(&ip.saddr, &src->addr.w[3], sizeof(ip.saddr));
	memcpy(&ip.daddr, &dst->addr.w[3], sizeof(ip.daddr));
	ip.check = ip_checksum(&ip, sizeof(ip));
	memset(ret_frame, 0, FRAME_LEN);
	memcpy(ret_frame, &ether, sizeof(ether));
	memcpy(ret_frame + sizeof(ether), &ip, sizeof(ip));
	memcpy(ret_frame + sizeof(ether) + sizeof(ip), &udp, sizeof(udp));
	return 0;
}

struct loop {
	struct frameload *load;
	uint64_t sent, arrived, base, written_off;
};

static int read_arrivals(struct loop *loop)
{
	struct dpu_load_count count;
	int err = frameload_arrivals(loop->load, &count);

	if (!err)
		loop->arrived = count.packets - loop->base;
	return err;
}

/* Until there is room in the window; what is late beyond LOST_MS is written off. */
static int wait_for_room(struct loop *loop, uint64_t room)
{
	uint64_t since = now_ns(), before = loop->arrived;
	int err;

	while (!(err = read_arrivals(loop)) &&
	       loop->sent - loop->written_off > loop->arrived + WINDOW - room) {
		if (loop->arrived != before) {
			before = loop->arrived;
			since = now_ns();
		} else if (now_ns() - since > LOST_MS * 1000000ull) {
			loop->written_off = loop->sent - loop->arrived;
		}
		sched_yield();
	}
	return err;
}

static int run_for(struct loop *loop, uint64_t ns, struct diag *diag)
{
	uint64_t end = now_ns() + ns;
	int err = 0;

	while (!err && now_ns() < end) {
		err = wait_for_room(loop, CHUNK);
		if (!err)
			err = frameload_send(loop->load, CHUNK, diag);
		loop->sent += CHUNK;
	}
	return err ? err : wait_for_room(loop, WINDOW);
}

static int prepare(const struct lab *lab, struct traffic_pair pair, struct frameload *load,
		   struct diag *diag)
{
	NETNS_CLEANUP struct netns *from = NULL, *to = NULL;
	uint8_t frame[FRAME_LEN];
	int err = topology_open_vm(lab, pair.from, &from, diag);

	if (!err)
		err = topology_open_vm(lab, pair.to, &to, diag);
	if (!err)
		err = frameload_device(load, 0, from, TOPOLOGY_VM_DEV, diag);
	if (!err)
		err = frameload_sink(load, to, TOPOLOGY_VM_DEV, diag);
	for (unsigned i = 0; i < FLOWS && !err; i++) {
		err = framerate_frame(lab, pair, (uint16_t)(FIRST_SPORT + i), DPORT, frame);
		memcpy(frameload_frame(load, i)->bytes, frame, sizeof(frame));
	}
	return err;
}

static int measure(struct frameload *load, unsigned ms, const struct cpu_meter *meter,
		   struct framerate *rate, struct diag *diag)
{
	struct loop loop = {.load = load};
	struct cpu_account before, after;
	uint64_t start;
	int err = run_for(&loop, 50000000, diag); /* warm: every flow is in the cache */

	loop.base += loop.arrived;
	loop.sent = loop.arrived = loop.written_off = 0;
	if (!err)
		err = cpu_meter_read(meter, &before, diag);
	start = now_ns();
	if (!err)
		err = run_for(&loop, (uint64_t)ms * 1000000, diag);
	rate->seconds = (double)(now_ns() - start) / 1e9;
	if (!err)
		err = cpu_meter_read(meter, &after, diag);
	if (err)
		return err;
	rate->sent = loop.sent;
	rate->arrived = loop.arrived;
	for (unsigned i = 0; i < CPU_OWNERS; i++)
		rate->cpu.run_ns[i] = after.run_ns[i] - before.run_ns[i];
	if (!rate->arrived)
		return diag_error(diag, -ENOLINK, "dpulab show LAB drops", "no frame arrived");
	return 0;
}

int framerate_measure(const struct lab *lab, struct traffic_pair pair, unsigned ms,
		      const struct cpu_meter *meter, struct framerate *ret_rate, struct diag *diag)
{
	const struct cpu_set *cpus = &lab->hosts[lab->vms[pair.from].host].cpus;
	struct frameload *load;
	cpu_set_t mine, guests;
	int err = frameload_open(FLOWS, FRAME_LEN, &load, diag);

	if (err)
		return err;
	sched_getaffinity(0, sizeof(mine), &mine);
	CPU_ZERO(&guests);
	for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++)
		if (cpus->bits[cpu / 64] >> (cpu % 64) & 1)
			CPU_SET(cpu, &guests);
	if (CPU_COUNT(&guests))
		sched_setaffinity(0, sizeof(guests), &guests); /* the guest that sends */
	err = prepare(lab, pair, load, diag);
	if (!err)
		err = measure(load, ms, meter, ret_rate, diag);
	sched_setaffinity(0, sizeof(mine), &mine);
	frameload_close(load);
	return err;
}
