/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "afxdp.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/libxdp.h>

#define SEND_BATCH 32 /* frames the kernel sends in one call: TX_BATCH_SIZE of net/xdp/xsk.c */

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static int silent_xdp(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

void afxdp_silence(void)
{
	libbpf_set_print(silent);
	libxdp_set_print(silent_xdp);
}

uint32_t afxdp_chunk(uint32_t frame_bytes)
{
	return frame_bytes + AFXDP_HEADROOM <= 2048 ? 2048 : 4096;
}

int afxdp_open(struct afxdp_memory *memory, uint32_t chunk, uint32_t chunks, struct diag *diag)
{
	const struct xsk_umem_config config = {.fill_size = AFXDP_RING, .comp_size = AFXDP_RING, .frame_size = chunk};
	size_t size = (size_t)chunks * chunk;
	int err;

	*memory = (struct afxdp_memory){.chunk = chunk, .chunks = chunks};
	memory->free = calloc(chunks, sizeof(*memory->free));
	memory->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!memory->free || memory->base == MAP_FAILED)
		return -ENOMEM;
	for (uint64_t i = chunks; i-- > 0;) /* the first ones are used first, and others never */
		afxdp_put(memory, i * chunk);
	err = xsk_umem__create(&memory->umem, memory->base, size, &memory->first_fill, &memory->first_done, &config);
	return err ? diag_error(diag, err, "AF_XDP needs CAP_NET_RAW and a kernel with CONFIG_XDP_SOCKETS",
				"cannot register memory for AF_XDP: %s", strerror(-err))
		   : 0;
}

int afxdp_port_open(struct afxdp_memory *memory, struct afxdp_port *port, const char *dev, struct diag *diag)
{
	const struct xsk_socket_config config = {
		.rx_size = AFXDP_RING,
		.tx_size = AFXDP_RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY, /* veth has nothing else; not a copy in secret where a driver had */
	};
	int err;

	*port = (struct afxdp_port){};
	err = xsk_socket__create_shared(&port->socket, dev, 0, memory->umem, &port->rx, &port->tx, &port->fill, &port->done,
					&config);
	return err ? diag_error(diag, err, "is another AF_XDP socket bound to it?", "cannot bind an AF_XDP socket to %s: %s",
				dev, strerror(-err))
		   : 0;
}

static void reap(struct afxdp_memory *memory, struct afxdp_port *port)
{
	uint32_t at, n = xsk_ring_cons__peek(&port->done, AFXDP_RING, &at);

	for (uint32_t i = 0; i < n; i++)
		afxdp_put(memory, *xsk_ring_cons__comp_addr(&port->done, at + i));
	xsk_ring_cons__release(&port->done, n);
}

/* What the kernel has not taken out of a ring that is about to go. */
static void take_back(struct afxdp_memory *memory, struct afxdp_port *port)
{
	const struct xdp_desc *sent = port->tx.ring;
	const __u64 *waiting = port->fill.ring;
	uint32_t at, n = xsk_ring_cons__peek(&port->rx, AFXDP_RING, &at);

	for (uint32_t i = 0; i < n; i++)
		afxdp_put(memory, xsk_ring_cons__rx_desc(&port->rx, at + i)->addr);
	for (at = __atomic_load_n(port->fill.consumer, __ATOMIC_ACQUIRE); at != port->fill.cached_prod; at++)
		afxdp_put(memory, waiting[at & port->fill.mask]);
	for (at = __atomic_load_n(port->tx.consumer, __ATOMIC_ACQUIRE); at != port->tx.cached_prod; at++)
		afxdp_put(memory, sent[at & port->tx.mask].addr);
}

void afxdp_port_close(struct afxdp_memory *memory, struct afxdp_port *port)
{
	if (!port->socket)
		return;
	reap(memory, port);
	take_back(memory, port);
	xsk_socket__delete(port->socket);
	*port = (struct afxdp_port){};
}

void afxdp_refill(struct afxdp_memory *memory, struct afxdp_port *port, uint32_t most)
{
	uint32_t at, n;

	if (port->filled >= most)
		return;
	n = most - port->filled;
	if (n > memory->n_free)
		n = (uint32_t)memory->n_free;
	if (!n || xsk_ring_prod__reserve(&port->fill, n, &at) != n)
		return;
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&port->fill, at + i) = memory->free[--memory->n_free];
	xsk_ring_prod__submit(&port->fill, n);
	port->filled += n;
}

/* The call is where the kernel copies and sends, a batch at a time. */
void afxdp_flush(struct afxdp_memory *memory, struct afxdp_port *port, uint64_t *calls)
{
	for (unsigned left = port->to_send / SEND_BATCH + 1; left; left--) {
		int err = sendto(xsk_socket__fd(port->socket), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? errno : 0;

		++*calls;
		if (err && err != EAGAIN && err != EBUSY)
			break; /* the device is down or has gone: nobody is to wait for it */
	}
	port->to_send = 0;
	reap(memory, port);
}

bool afxdp_send(struct afxdp_memory *memory, struct afxdp_port *port, uint64_t address, uint32_t len, uint64_t *calls)
{
	uint32_t at;

	if (!xsk_ring_prod__reserve(&port->tx, 1, &at)) {
		afxdp_flush(memory, port, calls);
		if (!xsk_ring_prod__reserve(&port->tx, 1, &at))
			return false;
	}
	*xsk_ring_prod__tx_desc(&port->tx, at) = (struct xdp_desc){.addr = address, .len = len};
	xsk_ring_prod__submit(&port->tx, 1);
	port->to_send++;
	return true;
}
