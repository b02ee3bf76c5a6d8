/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd_ports.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <dpulab/pmd.h>
#include <dpulab/port.h>
#include <dpulab/stats.h>
#include "afxdp.h"
#include "mapio.h"
#include "pmd_pipe.h"

#define CHUNKS	  8192 /* of memory for frames, for all ports together */
#define BATCH	  64   /* frames of a port in one round */
#define FILL_MOST 1024 /* chunks that wait at one port for frames */
#define FRAME_EXTRA (14 + 4 + DPU_VXLAN_OVERHEAD) /* of a frame beyond its MTU */

#define AGAIN_MOST (2 * DPU_HELD_PLACES) /* what may wait at two vNICs */

struct port {
	__u16 number;
	unsigned ifindex;
	struct afxdp_port xdp;
};

static struct {
	struct pmd_ports_of of;
	struct dpu_pmd *state;
	struct afxdp_memory memory;
	struct port *ports;
	size_t n_ports;
	struct port *by_number[DPU_MAX_PORTS];
	struct again {
		struct port *port;
		__u8 *data;
		__u32 len;
	} again[AGAIN_MOST]; /* copies that arrive anew, after the frame that brings them */
	size_t n_again;
} pmd;

/* ---- memory ---------------------------------------------------------------- */

static bool fits(const struct dpu_port *entry)
{
	return (__u32)entry->mtu + FRAME_EXTRA + AFXDP_HEADROOM <= pmd.memory.chunk;
}

static bool is_served(const struct dpu_port *entry)
{
	return entry->ifindex && entry->kind != DPU_PORT_KIND_NONE && entry->kind != DPU_PORT_KIND_CHANNEL;
}

static __u32 largest_mtu(void)
{
	__u32 largest = 0;

	for (__u16 number = 1; number < DPU_MAX_PORTS; number++) {
		const struct dpu_port *entry = pmd_pipe_port(number);

		if (is_served(entry) && entry->mtu > largest)
			largest = entry->mtu;
	}
	return largest;
}

int pmd_ports_open(const struct pmd_ports_of *of, struct diag *diag)
{
	pmd.of = *of;
	pmd.state = dataplane_pmd(of->pmd);
	pmd.ports = calloc(DPU_MAX_PORTS, sizeof(*pmd.ports));
	if (!pmd.ports)
		return -ENOMEM;
	return afxdp_open(&pmd.memory, afxdp_chunk(largest_mtu() + FRAME_EXTRA), CHUNKS, diag);
}

/* ---- sockets ----------------------------------------------------------------- */

static void refill(struct port *port)
{
	__u32 share = CHUNKS / 2 / (pmd.n_ports + 1);

	afxdp_refill(&pmd.memory, &port->xdp, share < FILL_MOST ? share : FILL_MOST);
}

/* The socket first, then chunks for it, then the way to it. */
static int add_port(__u16 number, unsigned ifindex, struct diag *diag)
{
	struct port *port = &pmd.ports[pmd.n_ports];
	__u32 key = number, fd;
	char dev[IF_NAMESIZE];
	int err;

	if (!if_indextoname(ifindex, dev))
		return -ESTALE;
	*port = (struct port){.number = number, .ifindex = ifindex};
	err = afxdp_port_open(&pmd.memory, &port->xdp, dev, diag);
	if (err)
		return err;
	pmd.n_ports++;
	pmd.by_number[number] = port;
	refill(port);
	fd = (__u32)xsk_socket__fd(port->xdp.socket);
	return mapio_put(pmd.of.host, MAP_xsks, &key, &fd, diag);
}

static bool is_stale(const struct port *port)
{
	const struct dpu_port *entry = pmd_pipe_port(port->number);

	return !is_served(entry) || entry->ifindex != port->ifindex || !fits(entry);
}

int pmd_ports_sync(struct diag *diag)
{
	for (size_t i = 0; i < pmd.n_ports; i++)
		if (is_stale(&pmd.ports[i]))
			return -ESTALE;
	for (__u16 number = 1; number < DPU_MAX_PORTS; number++) {
		const struct dpu_port *entry = pmd_pipe_port(number);
		int err;

		if (!is_served(entry) || pmd.by_number[number])
			continue;
		if (!fits(entry))
			return -ESTALE;
		err = add_port(number, entry->ifindex, diag);
		if (err)
			return err;
	}
	return 0;
}

/* ---- sending ------------------------------------------------------------------- */

/* The chunk that data lies in is the port's from here on, whatever becomes of it. */
static void send_frame(struct port *port, const __u8 *data, __u32 len)
{
	__u64 address = (__u64)(data - pmd.memory.base);

	if (!port || !afxdp_send(&pmd.memory, &port->xdp, address, len, (uint64_t *)&pmd.state->kicks)) {
		pmd.state->no_room++;
		afxdp_put(&pmd.memory, address);
		return;
	}
	pmd.state->tx++;
}

static struct port *port_of_device(unsigned ifindex)
{
	for (size_t i = 0; i < pmd.n_ports; i++)
		if (pmd.ports[i].ifindex == ifindex)
			return &pmd.ports[i];
	return NULL;
}

long pmd_frame_clone(struct native_frame *frame, __u32 ifindex)
{
	struct port *port = port_of_device(ifindex);
	__u8 *copy;

	if (!port || !pmd.memory.n_free) {
		pmd.state->no_room++;
		return 0;
	}
	copy = pmd.memory.base + pmd.memory.free[--pmd.memory.n_free];
	if (frame->len > pmd.memory.chunk) /* edited frames stay in their chunk: never */
		return -1;
	memcpy(copy, frame->data, frame->len);
	send_frame(port, copy, frame->len);
	return 0;
}

/* Room in front of it as the kernel leaves it. */
long pmd_frame_again(struct native_frame *frame, __u32 ifindex)
{
	struct port *port = port_of_device(ifindex);
	struct again *again = &pmd.again[pmd.n_again];

	if (!port || !pmd.memory.n_free || pmd.n_again == AGAIN_MOST || frame->len > pmd.memory.chunk - AFXDP_HEADROOM) {
		pmd.state->no_room++;
		return -1;
	}
	*again = (struct again){port, pmd.memory.base + pmd.memory.free[--pmd.memory.n_free] + AFXDP_HEADROOM, frame->len};
	memcpy(again->data, frame->data, frame->len);
	pmd.n_again++;
	return 0;
}

/* ---- receiving ----------------------------------------------------------------- */

static void run_frame(struct port *port, __u64 address, __u32 len)
{
	__u8 *chunk = pmd.memory.base + (address & ~(__u64)(pmd.memory.chunk - 1));
	struct native_frame frame = {
		.data = pmd.memory.base + address,
		.len = len,
		.ifindex = port->ifindex,
		.room = {chunk, chunk + pmd.memory.chunk},
	};

	switch (pmd_pipe_run(&frame)) {
	case DPU_VERDICT_FORWARD:
		send_frame(frame.out_port < DPU_MAX_PORTS ? pmd.by_number[frame.out_port] : NULL, frame.data, frame.len);
		return;
	case DPU_VERDICT_STACK: /* the process has taken the frame from the kernel, and has no way to give it back */
		pmd.state->stray++;
		break;
	}
	afxdp_put(&pmd.memory, address);
}

/* One of them may bring others: a fragment that has waited at its source's vNIC waits at its destination's, too. */
static void run_again(void)
{
	for (size_t i = 0; i < pmd.n_again; i++)
		run_frame(pmd.again[i].port, (__u64)(pmd.again[i].data - pmd.memory.base), pmd.again[i].len);
	pmd.n_again = 0;
}

static unsigned poll_port(struct port *port)
{
	__u32 at, n = xsk_ring_cons__peek(&port->xdp.rx, BATCH, &at);

	for (__u32 i = 0; i < n; i++) {
		const struct xdp_desc desc = *xsk_ring_cons__rx_desc(&port->xdp.rx, at + i);

		run_frame(port, desc.addr, desc.len);
		if (pmd.n_again)
			run_again();
	}
	afxdp_taken(&port->xdp, n);
	if (n || !port->xdp.filled)
		refill(port);
	return n;
}

unsigned pmd_ports_poll(void)
{
	unsigned n = 0;

	pmd_pipe_clock();
	for (size_t i = 0; i < pmd.n_ports; i++)
		n += poll_port(&pmd.ports[i]);
	for (size_t i = 0; n && i < pmd.n_ports; i++)
		if (pmd.ports[i].xdp.to_send)
			afxdp_flush(&pmd.memory, &pmd.ports[i].xdp, (uint64_t *)&pmd.state->kicks);
	pmd.state->rx += n;
	return n;
}

void pmd_ports_wait(int timeout_ms)
{
	static struct pollfd list[DPU_MAX_PORTS];

	for (size_t i = 0; i < pmd.n_ports; i++)
		list[i] = (struct pollfd){.fd = xsk_socket__fd(pmd.ports[i].xdp.socket), .events = POLLIN};
	poll(list, pmd.n_ports, timeout_ms);
}
