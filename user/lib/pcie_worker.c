/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pcie_worker.h"
#include "monotonic.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "afxdp.h"
#include "background.h"
#include "pcie_cost.h"
#include "rt.h"
#include "topology.h"

#define PRIORITY   2 /* of SCHED_FIFO: above threads whose CPU time is metered (cpuacct.h), as frames they wait for are in here */
#define NICE_FIRST -20
#define LOOK_NS	   100000000ll /* between two looks at the file */
#define REST_NS	   500000000ll /* the longest sleep */
#define ROUNDS_PER_LOOK 64
/* A sleeper is woken some 50 us late on a virtual machine: so much before a frame is due it is awake. */
#define AWAKE_NS 60000ll
/* Without a frame for so long it sleeps until one comes, which is late by the wake-up if the delay is shorter than that. */
#define LINGER_NS 40000 /* on a shared one, and a link that is shorter: an answer, or the next frame of a flow, needs no wake-up */
#define IDLE_OWN_NS 2000000000ll /* on a CPU of its own */
#define ROUND_MOST_NS 4000 /* of the loop */
#define LEAD_STEP_NS  4
#define BUSY_NS	    2000000000ll /* for sockets and programs of a process that has been killed to go */

struct channel_end {
	char dev[IFNAMSIZ]; /* "" = there is none */
	unsigned ifindex;
};

static struct {
	const struct pcie_work *work;
	struct pcie_state *state;
	const struct pcie_io *io;
	struct netns *ns;
	struct pcie_schedule schedule[PCIE_DIRECTIONS];
	struct pcie_queue queue[PCIE_DIRECTIONS];
	struct channel_end end[PCIE_PORTS];
	uint32_t open[PCIE_PORTS]; /* ports that have a device */
	struct pollfd fds[PCIE_PORTS]; /* theirs */
	size_t n_open;
	int64_t last_ns, looked_ns; /* of a frame; at the file */
	uint64_t newest_ns[PCIE_DIRECTIONS]; /* arrival */
	int64_t lead_ns;
} link_;

/* ---- frames --------------------------------------------------------------------- */

/* What leaves at a port of the DPU's side goes to the DPU. */
static enum pcie_direction direction_to(uint32_t port)
{
	return port % 2 ? PCIE_TO_DPU : PCIE_TO_HOST;
}

bool pcie_take(const struct pcie_frame *frame)
{
	enum pcie_direction direction = direction_to(frame->to);
	struct pcie_counts *count = &link_.state->count[direction];
	struct pcie_queue *queue = &link_.queue[direction];
	struct pcie_frame queued = *frame;

	if (pcie_cost_take(frame))
		return false;
	/* one that is lost takes no time on the link */
	if (pcie_queue_length(queue) == PCIE_QUEUE || pcie_queue_waiting(queue, frame->arrived_ns) >= PCIE_RING) {
		count->queue_full++;
		return false;
	}
	queued.due_ns = pcie_schedule_frame(&link_.schedule[direction], frame->arrived_ns, frame->len);
	queued.turn_ns = link_.schedule[direction].free_ns;
	if (pcie_is_before(link_.newest_ns[direction], frame->arrived_ns))
		link_.newest_ns[direction] = frame->arrived_ns;
	queued.taken_ns = link_.newest_ns[direction];
	pcie_queue_put(queue, &queued);
	if (pcie_queue_length(queue) > count->most_queued)
		count->most_queued = pcie_queue_length(queue);
	return true;
}

/*
 * A frame is noticed to be due once in a round of the loop, some time after it was: rounds begin that much earlier, so that half of the
 * frames are early and half are late. What takes longer is no round: the process slept, or others had its CPU.
 */
static void lead(int64_t late_ns)
{
	int64_t *lead_ns = &link_.lead_ns;

	if (late_ns > ROUND_MOST_NS)
		return;
	*lead_ns += late_ns > 0 ? LEAD_STEP_NS : -LEAD_STEP_NS;
	*lead_ns = *lead_ns < 0 ? 0 : *lead_ns > ROUND_MOST_NS / 2 ? ROUND_MOST_NS / 2 : *lead_ns;
}

static unsigned send_due(enum pcie_direction direction)
{
	struct pcie_counts *count = &link_.state->count[direction];
	const struct pcie_frame *frame;
	/* when it is there if it is sent now */
	uint64_t now = monotonic_ns() + link_.state->cost_ns;
	unsigned n = 0;

	while ((frame = pcie_queue_due(&link_.queue[direction], now + (uint64_t)link_.lead_ns))) {
		if (!n++)
			lead((int64_t)(now - frame->due_ns));
		if (!link_.end[frame->to].dev[0]) {
			link_.io->drop(frame);
			count->send_failed++;
			continue;
		}
		if (!link_.io->send(frame, &link_.state->calls)) {
			count->send_failed++;
			continue;
		}
		count->frames++;
		count->bytes += frame->len;
		count->waited_ns += now - frame->arrived_ns;
		count->wanted_ns += frame->due_ns - frame->taken_ns;
	}
	return n;
}

/* ---- channels --------------------------------------------------------------------- */

static void name_of(uint32_t port, char *buffer)
{
	uint16_t number = (uint16_t)(DPU_PORT_VNIC_MIN + port / 2);
	bool pf = port / 2 == PCIE_CHANNELS;
	const char *vnic = pf ? "" : link_.state->vnic[port / 2];

	if (pf)
		snprintf(buffer, IFNAMSIZ, "%s", port % 2 ? TOPOLOGY_DPU_PF : topology_pf(link_.state->slot));
	else if (port % 2)
		topology_channel_dpu(number, buffer);
	else if (*vnic)
		snprintf(buffer, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, vnic);
	else
		topology_channel_host(link_.state->slot, number, buffer);
}

/* A killed one's socket holds the queue for a grace period, and its program the device. */
static int add_port(uint32_t port, const char *dev, unsigned ifindex, struct diag *diag)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	uint64_t until = monotonic_ns() + BUSY_NS;
	struct diag busy = {};
	int err;

	do {
		diag_clear(&busy);
		err = link_.io->add(port, dev, ifindex, &busy);
		if (err == -EBUSY)
			nanosleep(&pause, NULL);
	} while (err == -EBUSY && pcie_is_before(monotonic_ns(), until));
	if (err)
		diag_error(diag, err, NULL, "%s", busy.n ? busy.records[0].message : strerror(-err));
	diag_clear(&busy);
	return err;
}

static int sync_port(uint32_t port, const struct rt_link *links, size_t n, struct diag *diag)
{
	struct channel_end *end = &link_.end[port];
	char dev[IFNAMSIZ];
	unsigned ifindex;
	int err;

	name_of(port, dev);
	ifindex = rt_links_find(links, n, dev);
	if (end->dev[0] && ifindex == end->ifindex)
		return 0;
	if (end->dev[0])
		link_.io->remove(port);
	end->dev[0] = '\0';
	if (!ifindex)
		return 0;
	err = add_port(port, dev, ifindex, diag);
	if (!err) {
		end->ifindex = ifindex;
		memcpy(end->dev, dev, sizeof(end->dev));
	}
	return err;
}

/*
 * Few of a thousand ports have a device. One list tells which: for a name that no device has, if_nametoindex() makes the kernel
 * run modprobe, twice, and wait for it.
 */
static int sync_ports(struct diag *diag)
{
	struct rt_link *links = NULL;
	size_t n = 0;
	int err = rt_links(link_.ns, &links, &n, diag);

	link_.n_open = 0;
	for (uint32_t port = 0; !err && port < PCIE_PORTS; port++) {
		err = sync_port(port, links, n, diag);
		if (err || !link_.end[port].dev[0])
			continue;
		link_.fds[link_.n_open] = (struct pollfd){.fd = link_.io->fd(port), .events = POLLIN};
		link_.open[link_.n_open++] = port;
	}
	free(links);
	return err;
}

static int take_cpu(struct diag *diag)
{
	const struct sched_param first = {.sched_priority = PRIORITY};
	cpu_set_t set;

	/*
	 * On a CPU that it shares, frames would wait for others' time slices, milliseconds each, and it sleeps. On one of its
	 * own it spins, and real time would shut out even the kernel's threads there.
	 */
	if (link_.state->cpu || sched_setscheduler(0, SCHED_FIFO, &first))
		setpriority(PRIO_PROCESS, 0, NICE_FIRST);
	if (!link_.state->cpu)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(link_.state->cpu - 1, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return diag_error(diag, -errno, NULL, "cannot run on CPU %u: %s", link_.state->cpu - 1, strerror(errno));
	return 0;
}

/* What the link is now, if that was asked for. Frames that are under way keep their times. */
static int serve_wanted(struct diag *diag)
{
	uint32_t wanted = __atomic_load_n(&link_.state->wanted, __ATOMIC_ACQUIRE);
	int err;

	if (wanted == link_.state->served)
		return 0;
	err = take_cpu(diag);
	if (!err)
		err = sync_ports(diag);
	if (err)
		return err;
	for (enum pcie_direction direction = 0; direction < PCIE_DIRECTIONS; direction++)
		pcie_schedule_change(&link_.schedule[direction], &link_.state->link);
	link_.state->error = 0;
	__atomic_store_n(&link_.state->served, wanted, __ATOMIC_RELEASE);
	return 0;
}

/* ---- the loop ---------------------------------------------------------------------- */

static void sleep_ns(int64_t ns)
{
	const struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	link_.state->sleeps++;
	if (ppoll(link_.fds, link_.n_open, &time, NULL) <= 0)
		return;
	for (size_t i = 0; i < link_.n_open; i++)
		if (link_.fds[i].revents & (POLLERR | POLLNVAL))
			link_.fds[i].fd = -1; /* its device has gone or is down, and would wake us for ever */
}

/* Time until the next frame is due; false: none waits. */
static bool next_due(uint64_t now, int64_t *ret_left)
{
	bool any = false;

	for (enum pcie_direction direction = 0; direction < PCIE_DIRECTIONS; direction++) {
		const struct pcie_frame *first = pcie_queue_first(&link_.queue[direction]);

		if (first && (!any || (int64_t)(first->due_ns - now) < *ret_left)) {
			*ret_left = (int64_t)(first->due_ns - now);
			any = true;
		}
	}
	return any;
}

/* Spins only while a frame is due soon, or while it has a CPU of its own and frames have come of late. */
static void rest(uint64_t now)
{
	int64_t left, idle = (int64_t)now - link_.last_ns;

	if (next_due(now + link_.state->cost_ns, &left)) {
		if (left > AWAKE_NS && !link_.state->cpu)
			sleep_ns(left - AWAKE_NS < REST_NS ? left - AWAKE_NS : REST_NS);
		return;
	}
	if (link_.state->cpu ? idle > IDLE_OWN_NS : idle > LINGER_NS || link_.state->link.delay_ns > LINGER_NS)
		sleep_ns(REST_NS);
}

/* Takes what has come, sends what is due. */
static unsigned work(void)
{
	unsigned frames = 0;

	for (size_t i = 0; i < link_.n_open; i++)
		frames += link_.io->poll(link_.open[i]);
	for (enum pcie_direction direction = 0; direction < PCIE_DIRECTIONS; direction++)
		frames += send_due(direction);
	for (size_t i = 0; i < link_.n_open; i++)
		link_.io->flush(link_.open[i], &link_.state->calls);
	return frames;
}

/* Until it is no longer wanted (0) or cannot go on (an error). */
static int loop(struct diag *diag)
{
	for (uint32_t round = 0;; round++) {
		unsigned frames = work();
		int err = serve_wanted(diag);
		uint64_t now;

		if (err)
			return err;
		if (frames && round % ROUNDS_PER_LOOK) {
			link_.last_ns = 0;
			continue;
		}
		now = monotonic_ns();
		if (frames || !link_.last_ns)
			link_.last_ns = (int64_t)now;
		if ((int64_t)now - link_.looked_ns > LOOK_NS) {
			if (access(link_.work->file, F_OK))
				return 0;
			link_.looked_ns = (int64_t)now;
		}
		if (!frames)
			rest(now);
	}
}

static int begin(struct diag *diag)
{
	uint64_t seed[PCIE_DIRECTIONS] = {1, 2};
	int back, err = netns_open(link_.work->ns, &link_.ns, diag);

	afxdp_silence();
	prctl(PR_SET_TIMERSLACK, 1);
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		seed[0] = (uint64_t)getpid();
	for (enum pcie_direction direction = 0; direction < PCIE_DIRECTIONS; direction++)
		pcie_schedule_init(&link_.schedule[direction], &link_.state->link, seed[direction]);
	link_.io = link_.state->way == PCIE_WAY_AF_XDP ? &pcie_af_xdp : &pcie_af_packet;
	if (!err)
		err = netns_enter(link_.ns, &back);
	if (!err)
		err = link_.io->open(diag);
	if (!err)
		err = take_cpu(diag);
	if (!err)
		link_.state->cost_ns = (uint32_t)pcie_cost_measure(link_.io, link_.ns);
	return err;
}

/* Something is wanted: ppoll() comes back. */
static void woken(int signal)
{
	(void)signal;
}

void pcie_worker(void *arg)
{
	struct diag diag = {};
	int err;

	link_.work = arg;
	link_.state = link_.work->state;
	if (!background_started((uint32_t)getpid(), &link_.state->started))
		return;
	signal(SIGUSR1, woken);
	__atomic_store_n(&link_.state->pid, (uint32_t)getpid(), __ATOMIC_RELEASE);
	err = begin(&diag);
	if (!err)
		err = loop(&diag);
	if (err) {
		snprintf(link_.state->message, sizeof(link_.state->message), "%s",
			 diag.n ? diag.records[diag.n - 1].message : strerror(-err));
		__atomic_store_n(&link_.state->error, err, __ATOMIC_RELEASE);
	}
}
