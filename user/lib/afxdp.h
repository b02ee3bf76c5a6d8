/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * afxdp.h - AF_XDP sockets of several devices on one piece of memory, so that a frame goes from one to another where it
 * lies. Copy mode: veth has no other; the kernel copies a frame once on its way in and once on its way out, in the
 * sender's system call. For one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "diag.h"

#define AFXDP_RING	2048 /* entries of each ring of a socket */
#define AFXDP_HEADROOM	256  /* that the kernel leaves in front of a frame: XDP_PACKET_HEADROOM */

struct afxdp_memory {
	struct xsk_umem *umem;
	uint8_t *base;
	uint32_t chunk, chunks; /* bytes of one, a power of two; how many */
	uint64_t *free;		/* addresses: offsets from base */
	size_t n_free;
	struct xsk_ring_prod first_fill; /* of the memory's own, which the first socket takes over */
	struct xsk_ring_cons first_done;
};

struct afxdp_port {
	struct xsk_socket *socket;
	struct xsk_ring_cons rx, done;
	struct xsk_ring_prod tx, fill;
	unsigned to_send; /* in tx since the last flush */
	unsigned filled;  /* chunks in fill or on their way to rx */
};

/* Chunk size for frames of so many bytes: 2048 or 4096. */
uint32_t afxdp_chunk(uint32_t frame_bytes);
int afxdp_open(struct afxdp_memory *memory, uint32_t chunk, uint32_t chunks, struct diag *diag);
/* dev is in the caller's namespace; its only queue. Nobody else's socket may be bound to it: -EBUSY. */
int afxdp_port_open(struct afxdp_memory *memory, struct afxdp_port *port, const char *dev, struct diag *diag);
/* After the device's program no longer leads here. Its chunks are free again, what they hold is lost. */
void afxdp_port_close(struct afxdp_memory *memory, struct afxdp_port *port);
/* Gives the port chunks for frames to come, until it has `most`. */
void afxdp_refill(struct afxdp_memory *memory, struct afxdp_port *port, uint32_t most);
/* Takes the chunk with it. False: the ring stayed full, the chunk is the caller's. *calls counts system calls. */
bool afxdp_send(struct afxdp_memory *memory, struct afxdp_port *port, uint64_t address, uint32_t len, uint64_t *calls);
/* Has the kernel send what is in the ring. */
void afxdp_flush(struct afxdp_memory *memory, struct afxdp_port *port, uint64_t *calls);

/* libbpf and libxdp keep what they would print to themselves: for a process without a terminal. */
void afxdp_silence(void);
/* So many frames of the receive ring were taken. */
static inline void afxdp_taken(struct afxdp_port *port, uint32_t n)
{
	if (n)
		xsk_ring_cons__release(&port->rx, n);
	port->filled -= n;
}

static inline void afxdp_put(struct afxdp_memory *memory, uint64_t address)
{
	memory->free[memory->n_free++] = address & ~(uint64_t)(memory->chunk - 1);
}
