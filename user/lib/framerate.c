/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "framerate.h"
#include "monotonic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "frame.h"
#include "frameload.h"
#include "topology.h"

enum {
	CIRCULATING = 128, /* frames, each a flow of its own; a veth ring holds 256 */
	FIRST_SPORT = 20000,
	DPORT = 5201, /* iperf3's: a lab that lets itself be measured allows it */
	WARM_MS = 50,
	LATE_MS = 20, /* a frame that takes longer to come back is lost */
};

static const struct lab_prefix *ipv4_of(const struct lab_vm *vm)
{
	for (size_t i = 0; i < vm->n_ips; i++)
		if (vm->ips[i].family == 4)
			return &vm->ips[i];
	return NULL;
}

int framerate_frame(const struct lab *lab, struct traffic_pair pair, uint16_t sport, uint16_t dport,
		    size_t len, uint8_t *ret_frame)
{
	const struct lab_vm *from = &lab->vms[pair.from], *to = &lab->vms[pair.to];
	const struct lab_prefix *src = ipv4_of(from), *dst = ipv4_of(to);
	struct ether_header ether = {.ether_type = htons(ETHERTYPE_IP)};
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			   .tot_len = htons(len - sizeof(ether))};
	struct udphdr udp = {.source = htons(sport), .dest = htons(dport),
			     .len = htons(len - sizeof(ether) - sizeof(ip))};

	if (!src || !dst)
		return -EADDRNOTAVAIL;
	memcpy(ether.ether_dhost, to->mac.b, sizeof(ether.ether_dhost));
	memcpy(ether.ether_shost, from->mac.b, sizeof(ether.ether_shost));
	memcpy(&ip.saddr, &src->addr.w[3], sizeof(ip.saddr));
	memcpy(&ip.daddr, &dst->addr.w[3], sizeof(ip.daddr));
	ip.check = frame_ip_checksum(&ip, sizeof(ip));
	memset(ret_frame, 0, len);
	memcpy(ret_frame, &ether, sizeof(ether));
	memcpy(ret_frame + sizeof(ether), &ip, sizeof(ip));
	memcpy(ret_frame + sizeof(ether) + sizeof(ip), &udp, sizeof(udp));
	return 0;
}

static void wait_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

struct reading {
	uint64_t at_ns;
	struct dpu_load_count count;
	struct cpu_account cpu;
	struct cpu_machine machine;
};

/* The frames never pause: whoever reads beside them has to come first, or the books are of different moments. */
static void go_first(bool first)
{
	struct sched_param param = {.sched_priority = first ? CPU_METER_PRIORITY + 1 : 0};

	sched_setscheduler(0, first ? SCHED_FIFO : SCHED_OTHER, &param); /* refused: figures are noisier, no worse */
}

/* ret_tasks_ns: of the second reading, what all tasks took since the first; NULL: it is the first. */
static int take_reading(struct frameload *load, const struct cpu_meter *meter, struct reading *reading,
			uint64_t *ret_tasks_ns, struct diag *diag)
{
	int err;

	go_first(true);
	err = ret_tasks_ns ? cputasks_end(cpu_meter_tasks(meter), ret_tasks_ns) : cputasks_begin(cpu_meter_tasks(meter));
	if (!err)
		err = cpu_machine_read(cpu_meter_tasks(meter), &reading->machine);
	if (!err)
		err = cpu_meter_read(meter, &reading->cpu, diag);
	if (!err)
		err = frameload_arrivals(load, &reading->count);
	reading->at_ns = monotonic_ns();
	go_first(false);
	return err;
}

/* Lets the circulating frames end: *ret_count is of them all, ended those that had not been lost. */
static int gather(struct frameload *load, struct dpu_load_count *ret_count)
{
	uint64_t before = UINT64_MAX;
	struct dpu_load_count count = {};
	int err;

	frameload_stop(load);
	while (!(err = frameload_arrivals(load, &count)) && count.ended < CIRCULATING &&
	       count.packets != before) {
		before = count.packets;
		wait_ms(LATE_MS);
	}
	*ret_count = count;
	return err;
}

static int prepare(const struct lab *lab, struct traffic_pair pair, unsigned frame_len, struct frameload *load,
		   struct diag *diag)
{
	NETNS_CLEANUP struct netns *from = NULL, *to = NULL;
	uint8_t frame[DPU_LOAD_LONGEST] = {0};
	int err = topology_open_vm(lab, pair.from, &from, diag);

	if (!err)
		err = topology_open_vm(lab, pair.to, &to, diag);
	if (!err)
		err = frameload_bounce(load, 0, from, TOPOLOGY_VM_DEV, diag);
	if (!err)
		err = frameload_bounce(load, 1, to, TOPOLOGY_VM_DEV, diag);
	for (unsigned i = 0; i < CIRCULATING && !err; i++) {
		err = framerate_frame(lab, pair, (uint16_t)(FIRST_SPORT + i), DPORT, frame_len, frame);
		memcpy(frameload_frame(load, i)->bytes, frame, DPU_LOAD_MAX_FRAME);
	}
	return err;
}

static int measure(struct frameload *load, unsigned ms, const struct cpu_meter *meter,
		   struct framerate *rate, struct diag *diag)
{
	struct dpu_load_count all;
	struct reading start, end;
	int err = frameload_send(load, CIRCULATING, diag);

	wait_ms(WARM_MS); /* every flow has met the slow path, in both directions */
	if (!err)
		err = take_reading(load, meter, &start, NULL, diag);
	wait_ms(ms);
	if (!err)
		err = take_reading(load, meter, &end, &rate->tasks_ns, diag);
	if (!err)
		err = gather(load, &all);
	if (err)
		return err;
	rate->seconds = (double)(end.at_ns - start.at_ns) / 1e9;
	rate->arrived = end.count.packets - start.count.packets;
	rate->arrived_ever = all.packets;
	rate->lost = CIRCULATING - (unsigned)all.ended;
	rate->busy_ns = cpu_machine_busy(&start.machine, &end.machine, &(const struct cpu_set){});
	rate->woken_ns = cpu_machine_woken(&start.machine, &end.machine, &(const struct cpu_set){});
	for (unsigned i = 0; i < CPU_OWNERS; i++)
		rate->cpu.run_ns[i] = end.cpu.run_ns[i] - start.cpu.run_ns[i];
	if (!rate->arrived)
		return diag_error(diag, -ENOLINK, "dpulab show LAB drops", "no frame arrived");
	return 0;
}

int framerate_measure(const struct lab *lab, struct traffic_pair pair, unsigned frame_len, unsigned ms,
		      const struct cpu_meter *meter, struct framerate *ret_rate, struct diag *diag)
{
	struct frameload *load;
	int err = frameload_open(CIRCULATING, frame_len, &load, diag);

	if (err)
		return err;
	err = prepare(lab, pair, frame_len, load, diag);
	if (!err)
		err = measure(load, ms, meter, ret_rate, diag);
	frameload_close(load);
	return err;
}
