/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_load.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "flowview.h"
#include "frame.h"
#include "framerate.h"
#include "handover_merge.h"
#include "location.h"
#include "mapio.h"
#include "rt.h"
#include "topology.h"
#include "verify_plan.h"

#define BATCH	    64
#define FRAME_BYTES 64
#define FIRST_SPORT 1024
#define N_SPORTS    (65536 - FIRST_SPORT)
#define EASY_NS	    32000000 /* between two batches: 2,000 frames a second */
#define FDS	    1024
#define FRAG_OFFSET 128	     /* in units of 8 bytes */

struct shared {
	uint64_t frames;
	bool ease;
};

struct drill_load {
	struct shared *shared;
	pid_t sender;
};

/* ---- sending ------------------------------------------------------------ */

struct batch {
	uint8_t frames[BATCH][FRAME_BYTES];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH];
	struct sockaddr_ll to;
};

static void number_frame(uint8_t *frame, const struct drill_load_spec *spec, uint64_t number)
{
	struct iphdr *ip = (struct iphdr *)(frame + sizeof(struct ether_header));
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	udp->source = htons((uint16_t)(FIRST_SPORT + number % N_SPORTS));
	if (spec->port)
		return;
	ip->id = htons((uint16_t)number);
	ip->frag_off = htons(FRAG_OFFSET);
	ip->check = 0;
	ip->check = frame_ip_checksum(ip, sizeof(*ip));
}

static int prepare(struct batch *batch, const struct lab *lab, const struct drill_load_spec *spec, int ifindex)
{
	batch->to = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_halen = ETH_ALEN, .sll_ifindex = ifindex};
	for (size_t i = 0; i < BATCH; i++) {
		int err = framerate_frame(lab, spec->pair, FIRST_SPORT, spec->port ? spec->port : 9,
					  FRAME_BYTES, batch->frames[i]);

		if (err)
			return err;
		batch->iov[i] = (struct iovec){batch->frames[i], FRAME_BYTES};
		batch->messages[i].msg_hdr = (struct msghdr){.msg_iov = &batch->iov[i], .msg_iovlen = 1,
							     .msg_name = &batch->to, .msg_namelen = sizeof(batch->to)};
	}
	return 0;
}

static void send_on(int fd, struct batch *batch, const struct drill_load_spec *spec, struct shared *shared)
{
	const struct timespec pause = {.tv_nsec = EASY_NS};
	uint64_t number = 0;

	while (true) {
		int sent;

		for (size_t i = 0; i < BATCH; i++)
			number_frame(batch->frames[i], spec, number + i);
		sent = sendmmsg(fd, batch->messages, BATCH, 0);
		if (sent > 0)
			number += (uint64_t)sent;
		__atomic_store_n(&shared->frames, number, __ATOMIC_RELEASE);
		/* what the device refuses now it may take in a moment */
		if (sent <= 0 || __atomic_load_n(&shared->ease, __ATOMIC_ACQUIRE))
			nanosleep(&pause, NULL);
	}
}

static int open_device(const struct lab *lab, size_t vm, int *ret_ifindex, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	int fd, one = 1, err = topology_open_vm(lab, vm, &ns, diag);

	if (err)
		return err;
	*ret_ifindex = rt_ifindex(ns, TOPOLOGY_VM_DEV);
	fd = *ret_ifindex < 0 ? *ret_ifindex : netns_socket(ns, AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		return diag_error(diag, fd, NULL, "cannot open %s of %s: %s", TOPOLOGY_VM_DEV, lab->vms[vm].name,
				  strerror(-fd));
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

static pid_t start_sender(int fd, struct batch *batch, const struct drill_load_spec *spec, struct shared *shared)
{
	pid_t parent = getpid(), sender = fork();

	if (sender)
		return sender;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	/* the guardian of a dpulab in a hurry (machine.c) waits until nobody holds the other end of its pipe */
	for (int other = STDERR_FILENO + 1; other < FDS; other++)
		if (other != fd)
			close(other);
	send_on(fd, batch, spec, shared);
	_exit(1);
}

int drill_load_start(const struct lab *lab, const struct drill_load_spec *spec, struct drill_load **ret_load,
		     struct diag *diag)
{
	struct drill_load *load = calloc(1, sizeof(*load));
	struct batch *batch = calloc(1, sizeof(*batch));
	int ifindex = 0, err = load && batch ? 0 : -ENOMEM, fd = -1;

	if (!err) {
		load->shared = mmap(NULL, sizeof(*load->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		err = load->shared == MAP_FAILED ? -ENOMEM : 0;
	}
	if (!err) {
		fd = open_device(lab, spec->pair.from, &ifindex, diag);
		err = fd < 0 ? fd : prepare(batch, lab, spec, ifindex);
	}
	if (!err) {
		load->sender = start_sender(fd, batch, spec, load->shared);
		err = load->sender < 0 ? -EAGAIN : 0;
	}
	if (fd >= 0)
		close(fd);
	free(batch);
	if (err)
		free(load);
	else
		*ret_load = load;
	return err;
}

void drill_load_ease(struct drill_load *load)
{
	__atomic_store_n(&load->shared->ease, true, __ATOMIC_RELEASE);
}

uint64_t drill_load_frames(const struct drill_load *load)
{
	return __atomic_load_n(&load->shared->frames, __ATOMIC_ACQUIRE);
}

void drill_load_stop(struct drill_load *load)
{
	if (!load)
		return;
	kill(load->sender, SIGKILL);
	while (waitpid(load->sender, NULL, 0) < 0 && errno == EINTR)
		continue;
	munmap(load->shared, sizeof(*load->shared));
	free(load);
}

/* ---- the connections it has made ---------------------------------------- */

int drill_load_room(const struct location *location, size_t vm, struct drill_room *ret_room, struct diag *diag)
{
	uint32_t zone = location->lab->vms[vm].port;
	struct dpu_ct_count count;
	int err = mapio_get_range(location->dp, MAP_ct_counts, zone, 1, &count, diag);

	if (!err)
		*ret_room = (struct drill_room){count.connections, lab_max_connections(location->lab, &location->lab->vms[vm])};
	return err;
}

static bool of_load(const struct lab *lab, const struct drill_load_spec *spec, const struct dpu_ct_key *key,
		    const struct dpu_ct *ct)
{
	const struct lab_prefix *from = verify_address(&lab->vms[spec->pair.from], 4);
	const struct lab_prefix *to = verify_address(&lab->vms[spec->pair.to], 4);
	int opener = ct->flags & DPU_CT_F_ORIG_SIDE ? 1 : 0;

	return from && to && key->proto == IPPROTO_UDP && !(ct->flags & DPU_CT_F_REPLY_SEEN) &&
	       key->port[!opener] == htons(spec->port) &&
	       !memcmp(&key->addr[opener], &from->addr, sizeof(from->addr)) &&
	       !memcmp(&key->addr[!opener], &to->addr, sizeof(to->addr));
}

/* What its flow entries have counted and not handed in goes to its rule with the rest. */
static int evict(const struct handover_merge *merge, const struct flow_view *flows, const struct dpu_ct_key *key,
		 struct dpu_ct ct, struct diag *diag)
{
	memset(ct.packets, 0, sizeof(ct.packets));
	memset(ct.bytes, 0, sizeof(ct.bytes));
	flow_view_add_counts(flows, &ct);
	return handover_merge_end(merge, key, &ct, diag);
}

static int evict_all(const struct dataplane *dp, const struct lab *lab, const struct drill_load_spec *spec,
		     const struct handover_merge *merge, unsigned long *evicted, struct diag *diag)
{
	struct flow_view flows = {};
	struct map_dump dump;
	int err = mapio_dump(dp, MAP_conntrack, sizeof(struct dpu_ct_key), sizeof(struct dpu_ct), &dump, diag);

	if (err)
		return err;
	err = flow_view_open(dp, &flows);
	for (size_t i = 0; !err && i < dump.n; i++) {
		const struct dpu_ct_key *key = (struct dpu_ct_key *)dump.keys + i;
		const struct dpu_ct *ct = (struct dpu_ct *)dump.values + i;

		if (!of_load(lab, spec, key, ct))
			continue;
		err = evict(merge, &flows, key, *ct, diag);
		++*evicted;
	}
	flow_view_close(&flows);
	map_dump_free(&dump);
	return err;
}

static int evict_from(const struct dataplane *dp, const struct lab *lab, const struct drill_load_spec *spec,
		      unsigned long *evicted, struct diag *diag)
{
	struct handover_merge *merge;
	int err = handover_merge_open(dp, &merge, diag);

	if (err)
		return err;
	err = evict_all(dp, lab, spec, merge, evicted, diag);
	handover_merge_close(merge);
	return err;
}

int drill_load_evict(const struct lab *lab, const struct drill_load_spec *spec, unsigned long *ret_evicted,
		     struct diag *diag)
{
	const size_t hosts[] = {lab->vms[spec->pair.from].host, lab->vms[spec->pair.to].host};
	int err = 0;

	*ret_evicted = 0;
	for (size_t i = 0; !err && i < (hosts[0] == hosts[1] ? 1 : 2); i++)
		for (int where = 0; !err && where < LOCATION_COUNT; where++) {
			struct dataplane *dp;
			char node[NODE_NAME_MAX + 4];

			location_node_name(&lab->hosts[hosts[i]], (enum node_location)where, node);
			if (dataplane_open(lab->name, node, &dp, NULL)) /* it has no such location, or nothing runs there */
				continue;
			err = evict_from(dp, lab, spec, ret_evicted, diag);
			dataplane_close(dp);
		}
	return err;
}
