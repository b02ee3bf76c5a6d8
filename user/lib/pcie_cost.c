/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pcie_cost.h"

#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "monotonic.h"
#include "rt.h"

#define SENDER	 0 /* ports of channels that are not served yet: what is sent at one end of the pair ... */
#define RECEIVER 1 /* ... arrives at the other */
#define TRIES	 301
#define WARM	 20	    /* that do not count: caches, pages */
#define WAIT_NS	 2000000ull /* for one frame */
#define MOST_NS	 200000000ull /* for all of them, on a machine that is busy with others */
#define BYTES	 98	    /* of an echo with its headers, as a frame of a round trip has */

static const char *const dev[] = {[SENDER] = "cost0", [RECEIVER] = "cost1"};

static struct {
	bool measuring;
	uint64_t arrived_ns; /* 0: not yet */
} cost;

bool pcie_cost_take(const struct pcie_frame *frame)
{
	if (cost.measuring && frame->len == BYTES && frame->to == (RECEIVER ^ 1))
		cost.arrived_ns = frame->arrived_ns;
	return cost.measuring;
}

/* From before the call to the stamp at the other end; 0: it was lost. */
static uint64_t send_one(const struct pcie_io *io)
{
	/* to everybody, of an EtherType for experiments (IEEE 802a): no stack wants it */
	static const uint8_t header[ETH_HLEN] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
	struct pcie_frame frame = {.len = BYTES, .to = SENDER};
	uint64_t begin, calls = 0;

	if (!io->make(header, sizeof(header), &frame))
		return 0;
	cost.arrived_ns = 0;
	begin = monotonic_ns();
	if (!io->send(&frame, &calls))
		return 0;
	io->flush(SENDER, &calls);
	while (!cost.arrived_ns && monotonic_ns() - begin < WAIT_NS) {
		io->poll(RECEIVER);
		io->poll(SENDER);
	}
	return cost.arrived_ns > begin ? cost.arrived_ns - begin : 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median_of(const struct pcie_io *io)
{
	uint64_t took[TRIES], until = monotonic_ns() + MOST_NS;
	size_t n = 0;

	for (int i = -WARM; i < TRIES && monotonic_ns() < until; i++) {
		uint64_t ns = send_one(io);

		if (i >= 0 && ns)
			took[n++] = ns;
	}
	qsort(took, n, sizeof(*took), compare);
	return n ? took[n / 2] : 0;
}

static int add_pair(struct netns *ns, struct diag *diag)
{
	const struct rt_end one = {.ns = ns, .name = dev[SENDER], .mac = {{2, 0, 0, 0, 0, 1}}, .mtu = ETH_DATA_LEN};
	const struct rt_end two = {.ns = ns, .name = dev[RECEIVER], .mac = {{2, 0, 0, 0, 0, 2}}, .mtu = ETH_DATA_LEN};
	int old = rt_ifindex(ns, dev[SENDER]), err = old > 0 ? rt_link_del(ns, old, diag) : 0; /* of one that was killed */

	if (!err)
		err = rt_veth_add(&one, &two, diag);
	return err ? err : rt_link_up(ns, rt_ifindex(ns, dev[RECEIVER]), true, diag);
}

uint64_t pcie_cost_measure(const struct pcie_io *io, struct netns *ns)
{
	uint64_t ns_each = 0;
	int err = add_pair(ns, NULL);

	if (!err)
		err = io->add(SENDER, dev[SENDER], (unsigned)rt_ifindex(ns, dev[SENDER]), NULL);
	if (!err) {
		err = io->add(RECEIVER, dev[RECEIVER], (unsigned)rt_ifindex(ns, dev[RECEIVER]), NULL);
		if (!err) {
			cost.measuring = true;
			ns_each = median_of(io);
			cost.measuring = false;
			io->remove(RECEIVER);
		}
		io->remove(SENDER);
	}
	if (rt_ifindex(ns, dev[SENDER]) > 0)
		rt_link_del(ns, rt_ifindex(ns, dev[SENDER]), NULL);
	return ns_each;
}
