/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd_ports.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include <dpulab/pmd.h>
#include <dpulab/port.h>
#include <dpulab/stats.h>
#include "mapio.h"
#include "pmd_pipe.h"

#define CHUNKS	  8192 /* of memory for frames, for all ports together */
#define RING	  2048 /* entries of each ring of a socket */
#define BATCH	  64   /* frames of a port in one round */
#define FILL_MOST 1024 /* chunks that wait at one port for frames */
#define HEADROOM  256  /* that the kernel leaves in front of a frame: XDP_PACKET_HEADROOM */
#define FRAME_EXTRA (14 + 4 + DPU_VXLAN_OVERHEAD) /* of a frame beyond its MTU */
#define SEND_BATCH 32  /* frames the kernel sends in one call: TX_BATCH_SIZE of net/xdp/xsk.c */

#define AGAIN_MOST (2 * DPU_HELD_PLACES) /* what may wait at two vNICs */

struct port {
	__u16 number;
	unsigned ifindex;
	struct xsk_socket *socket;
	struct xsk_ring_cons rx, done;
	struct xsk_ring_prod tx, fill;
	unsigned to_send; /* in tx since the last call */
	unsigned filled;  /* chunks in fill or on their way to rx */
};

static struct {
	struct pmd_ports_of of;
	struct dpu_pmd *state;
	struct xsk_umem *umem;
	__u8 *memory;
	__u32 chunk; /* bytes, a power of two */
	__u64 *free; /* addresses */
	size_t n_free;
	struct port *ports;
	size_t n_ports;
	struct port *by_number[DPU_MAX_PORTS];
	struct again {
		struct port *port;
		__u8 *data;
		__u32 len;
	} again[AGAIN_MOST]; /* copies that arrive anew, after the frame that brings them */
	size_t n_again;
	struct xsk_ring_prod first_fill; /* of the memory's own, which the first socket takes over */
	struct xsk_ring_cons first_done;
} pmd;

/* ---- memory ---------------------------------------------------------------- */

static void put_chunk(__u64 address)
{
	pmd.free[pmd.n_free++] = address & ~(__u64)(pmd.chunk - 1);
}

static __u32 chunk_for(__u32 mtu)
{
	return mtu + FRAME_EXTRA + HEADROOM <= 2048 ? 2048 : 4096;
}

static bool fits(const struct dpu_port *entry)
{
	return (__u32)entry->mtu + FRAME_EXTRA + HEADROOM <= pmd.chunk;
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
	struct xsk_umem_config config = {.fill_size = RING, .comp_size = RING};
	int err;

	pmd.of = *of;
	pmd.state = dataplane_pmd(of->pmd);
	pmd.chunk = chunk_for(largest_mtu());
	config.frame_size = pmd.chunk;
	pmd.free = calloc(CHUNKS, sizeof(*pmd.free));
	pmd.ports = calloc(DPU_MAX_PORTS, sizeof(*pmd.ports));
	pmd.memory = mmap(NULL, (size_t)CHUNKS * pmd.chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!pmd.free || !pmd.ports || pmd.memory == MAP_FAILED)
		return -ENOMEM;
	for (__u64 i = 0; i < CHUNKS; i++)
		put_chunk(i * pmd.chunk);
	err = xsk_umem__create(&pmd.umem, pmd.memory, (__u64)CHUNKS * pmd.chunk, &pmd.first_fill, &pmd.first_done,
			       &config);
	return err ? diag_error(diag, err, "AF_XDP needs CAP_NET_RAW and a kernel with CONFIG_XDP_SOCKETS",
				"cannot register memory for AF_XDP: %s", strerror(-err))
		   : 0;
}

/* ---- sockets ----------------------------------------------------------------- */

static void refill(struct port *port)
{
	__u32 share = CHUNKS / 2 / (pmd.n_ports + 1), at, n;
	__u32 most = share < FILL_MOST ? share : FILL_MOST;

	if (port->filled >= most)
		return;
	n = most - port->filled;
	if (n > pmd.n_free)
		n = pmd.n_free;
	if (!n || xsk_ring_prod__reserve(&port->fill, n, &at) != n)
		return;
	for (__u32 i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&port->fill, at + i) = pmd.free[--pmd.n_free];
	xsk_ring_prod__submit(&port->fill, n);
	port->filled += n;
}

static int open_socket(struct port *port, const char *dev)
{
	struct xsk_socket_config config = {
		.rx_size = RING,
		.tx_size = RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY, /* veth has nothing else; not a copy in secret where a driver had */
	};

	return xsk_socket__create_shared(&port->socket, dev, 0, pmd.umem, &port->rx, &port->tx, &port->fill, &port->done,
					 &config);
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
	err = open_socket(port, dev);
	if (err)
		return diag_error(diag, err, "is another AF_XDP socket bound to it?", "cannot bind an AF_XDP socket to %s: %s",
				  dev, strerror(-err));
	pmd.n_ports++;
	pmd.by_number[number] = port;
	refill(port);
	fd = (__u32)xsk_socket__fd(port->socket);
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

static void reap(struct port *port)
{
	__u32 at, n = xsk_ring_cons__peek(&port->done, RING, &at);

	for (__u32 i = 0; i < n; i++)
		put_chunk(*xsk_ring_cons__comp_addr(&port->done, at + i));
	xsk_ring_cons__release(&port->done, n);
}

/* The call is where the kernel copies and sends, a batch at a time. */
static void kick(struct port *port)
{
	for (unsigned calls = port->to_send / SEND_BATCH + 1; calls; calls--) {
		int err = sendto(xsk_socket__fd(port->socket), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? errno : 0;

		pmd.state->kicks++;
		if (err && err != EAGAIN && err != EBUSY)
			break; /* the device is down or has gone: nobody is to wait for it */
	}
	port->to_send = 0;
	reap(port);
}

static bool reserve_send(struct port *port, __u32 *ret_at)
{
	if (xsk_ring_prod__reserve(&port->tx, 1, ret_at))
		return true;
	kick(port);
	return xsk_ring_prod__reserve(&port->tx, 1, ret_at);
}

/* The chunk that data lies in is the port's from here on, whatever becomes of it. */
static void send_frame(struct port *port, const __u8 *data, __u32 len)
{
	__u64 address = (__u64)(data - pmd.memory);
	__u32 at;

	if (!port || !reserve_send(port, &at)) {
		pmd.state->no_room++;
		put_chunk(address);
		return;
	}
	*xsk_ring_prod__tx_desc(&port->tx, at) = (struct xdp_desc){.addr = address, .len = len};
	xsk_ring_prod__submit(&port->tx, 1);
	port->to_send++;
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

	if (!port || !pmd.n_free) {
		pmd.state->no_room++;
		return 0;
	}
	copy = pmd.memory + pmd.free[--pmd.n_free];
	if (frame->len > pmd.chunk) /* edited frames stay in their chunk: never */
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

	if (!port || !pmd.n_free || pmd.n_again == AGAIN_MOST || frame->len > pmd.chunk - HEADROOM) {
		pmd.state->no_room++;
		return -1;
	}
	*again = (struct again){port, pmd.memory + pmd.free[--pmd.n_free] + HEADROOM, frame->len};
	memcpy(again->data, frame->data, frame->len);
	pmd.n_again++;
	return 0;
}

/* ---- receiving ----------------------------------------------------------------- */

static void run_frame(struct port *port, __u64 address, __u32 len)
{
	__u8 *chunk = pmd.memory + (address & ~(__u64)(pmd.chunk - 1));
	struct native_frame frame = {
		.data = pmd.memory + address,
		.len = len,
		.ifindex = port->ifindex,
		.room = {chunk, chunk + pmd.chunk},
	};

	switch (pmd_pipe_run(&frame)) {
	case DPU_VERDICT_FORWARD:
		send_frame(frame.out_port < DPU_MAX_PORTS ? pmd.by_number[frame.out_port] : NULL, frame.data, frame.len);
		return;
	case DPU_VERDICT_STACK: /* the process has taken the frame from the kernel, and has no way to give it back */
		pmd.state->stray++;
		break;
	}
	put_chunk(address);
}

/* One of them may bring others: a fragment that has waited at its source's vNIC waits at its destination's, too. */
static void run_again(void)
{
	for (size_t i = 0; i < pmd.n_again; i++)
		run_frame(pmd.again[i].port, (__u64)(pmd.again[i].data - pmd.memory), pmd.again[i].len);
	pmd.n_again = 0;
}

static unsigned poll_port(struct port *port)
{
	__u32 at, n = xsk_ring_cons__peek(&port->rx, BATCH, &at);

	for (__u32 i = 0; i < n; i++) {
		const struct xdp_desc desc = *xsk_ring_cons__rx_desc(&port->rx, at + i);

		run_frame(port, desc.addr, desc.len);
		if (pmd.n_again)
			run_again();
	}
	if (n) {
		xsk_ring_cons__release(&port->rx, n);
		port->filled -= n;
	}
	if (n || !port->filled)
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
		if (pmd.ports[i].to_send)
			kick(&pmd.ports[i]);
	pmd.state->rx += n;
	return n;
}

void pmd_ports_wait(int timeout_ms)
{
	static struct pollfd list[DPU_MAX_PORTS];

	for (size_t i = 0; i < pmd.n_ports; i++)
		list[i] = (struct pollfd){.fd = xsk_socket__fd(pmd.ports[i].socket), .events = POLLIN};
	poll(list, pmd.n_ports, timeout_ms);
}
