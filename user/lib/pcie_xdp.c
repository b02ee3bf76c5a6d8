/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcie_xdp.c - the relay of a PCIe link by AF_XDP: frames stay where the kernel has put them while they wait. */
#include "pcie_worker.h"
#include "monotonic.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "afxdp.h"
#include "dpulab_pcie.skel.h"

#define CHUNKS	  32768 /* two full queues, and as much for rings */
#define CHUNK	  4096
#define BATCH	  64   /* frames of a port in one round */
#define FILL_MOST 1024 /* chunks that wait at one port for frames */
#define STALE_NS  1000000000ull

struct port {
	struct afxdp_port xdp;
	unsigned ifindex;
	int link; /* of the program on its device; while it is held, the device has it */
};

static struct {
	struct afxdp_memory memory;
	struct dpulab_pcie *skel;
	struct afxdp_port first;
	struct port port[PCIE_PORTS];
	uint32_t n_open;
} xdp;

static int open_memory(struct diag *diag)
{
	int err;

	xdp.skel = dpulab_pcie__open();
	if (!xdp.skel)
		return diag_error(diag, -EINVAL, "rebuild dpulab", "cannot open the built-in BPF objects");
	err = dpulab_pcie__load(xdp.skel);
	if (err)
		return diag_error(diag, err, "`dpulab check` tells what this machine lacks",
				  "cannot load the program of the PCIe link: %s", strerror(-err));
	err = afxdp_open(&xdp.memory, CHUNK, CHUNKS, diag);
	/* the kernel shares the memory of the first socket only while that is bound: channels come and go, lo stays */
	return err ? err : afxdp_port_open(&xdp.memory, &xdp.first, "lo", diag);
}

static void refill(struct port *port)
{
	uint32_t share = CHUNKS / 2 / (xdp.n_open + 1);

	afxdp_refill(&xdp.memory, &port->xdp, share < FILL_MOST ? share : FILL_MOST);
}

/* The socket first, then chunks for it, then the way to it. */
static int add(uint32_t number, const char *dev, unsigned ifindex, struct diag *diag)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	struct port *port = &xdp.port[number];
	uint32_t fd;
	int err = afxdp_port_open(&xdp.memory, &port->xdp, dev, diag);

	if (err)
		return err;
	port->ifindex = ifindex;
	refill(port);
	fd = (uint32_t)xsk_socket__fd(port->xdp.socket);
	err = bpf_map__update_elem(xdp.skel->maps.pcie_sockets, &ifindex, sizeof(ifindex), &fd, sizeof(fd), BPF_ANY);
	port->link = err ? err : bpf_link_create(bpf_program__fd(xdp.skel->progs.pcie_arrive), (int)ifindex, BPF_XDP, &opts);
	if (port->link < 0) {
		err = port->link;
		afxdp_port_close(&xdp.memory, &port->xdp);
		return diag_error(diag, err, NULL, "cannot attach XDP to %s: %s", dev, strerror(-err));
	}
	xdp.n_open++;
	return 0;
}

static void remove_port(uint32_t number)
{
	struct port *port = &xdp.port[number];

	close(port->link);
	bpf_map__delete_elem(xdp.skel->maps.pcie_sockets, &port->ifindex, sizeof(port->ifindex), 0);
	afxdp_port_close(&xdp.memory, &port->xdp);
	xdp.n_open--;
}

static int fd_of(uint32_t number)
{
	return xsk_socket__fd(xdp.port[number].xdp.socket);
}

/* The program's stamp lies in front of the frame. */
static uint64_t arrival(uint64_t address, uint64_t now)
{
	uint64_t stamp;

	memcpy(&stamp, xdp.memory.base + address - sizeof(stamp), sizeof(stamp));
	return now - stamp < STALE_NS ? stamp : now;
}

static unsigned poll_port(uint32_t number)
{
	struct port *port = &xdp.port[number];
	uint32_t at, n = xsk_ring_cons__peek(&port->xdp.rx, BATCH, &at);
	uint64_t now = n ? monotonic_ns() : 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&port->xdp.rx, at + i);
		const struct pcie_frame frame = {
			.arrived_ns = arrival(desc->addr, now), .address = desc->addr, .len = desc->len, .to = number ^ 1};

		if (!pcie_take(&frame))
			afxdp_put(&xdp.memory, desc->addr);
	}
	afxdp_taken(&port->xdp, n);
	if (n || !port->xdp.filled)
		refill(port);
	return n;
}

static void drop(const struct pcie_frame *frame)
{
	afxdp_put(&xdp.memory, frame->address);
}

static bool make(const void *head, uint32_t bytes, struct pcie_frame *frame)
{
	if (!xdp.memory.n_free)
		return false;
	frame->address = xdp.memory.free[--xdp.memory.n_free] + AFXDP_HEADROOM;
	memset(xdp.memory.base + frame->address, 0, frame->len);
	memcpy(xdp.memory.base + frame->address, head, bytes);
	return true;
}

static bool send_frame(const struct pcie_frame *frame, uint64_t *calls)
{
	if (afxdp_send(&xdp.memory, &xdp.port[frame->to].xdp, frame->address, frame->len, calls))
		return true;
	drop(frame);
	return false;
}

static void flush(uint32_t number, uint64_t *calls)
{
	struct port *port = &xdp.port[number];

	if (port->xdp.to_send)
		afxdp_flush(&xdp.memory, &port->xdp, calls);
}

const struct pcie_io pcie_af_xdp = {
	.open = open_memory,
	.add = add,
	.remove = remove_port,
	.fd = fd_of,
	.poll = poll_port,
	.make = make,
	.send = send_frame,
	.drop = drop,
	.flush = flush,
};
