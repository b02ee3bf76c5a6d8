/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcie_packet.c - the relay of a PCIe link by packet sockets with virtio-net headers: a segment of 64 KB goes through as one
 * frame, with the note that its checksum is yet to be computed. Frames are copied out of the kernel and in again.
 */
#include "pcie_worker.h"
#include "monotonic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS	   2048
#define ROOM	   (68 * 1024ul) /* of a buffer: headers, a GSO frame, a tag */
#define BATCH	   32		 /* frames in one system call */
#define TAG_BYTES  4
#define SOCKET_BUFFER (64 << 20)
#define STALE_NS   1000000000ull
#define CONTROL	   (CMSG_SPACE(sizeof(struct tpacket_auxdata)) + CMSG_SPACE(sizeof(struct timespec)))

struct buffer {
	struct virtio_net_hdr header;
	uint8_t tag[TAG_BYTES + 2]; /* room in front of the frame, which begins 16 bytes from the buffer's begin */
	uint8_t data[ROOM - 16];
};
_Static_assert(sizeof(struct buffer) == ROOM, "a buffer");

static struct {
	struct buffer *buffers;
	uint32_t free[BUFFERS];
	size_t n_free;
	int fd[PCIE_PORTS];
	/* to be sent by one port, in order */
	uint32_t to;
	unsigned n_pending, lost;
	uint64_t pending[BATCH];
	struct iovec vector[BATCH][2];
} packet;

/* A frame's place: which buffer, and whether the frame begins at its tag. */
static uint64_t place(uint32_t buffer, bool tagged)
{
	return (uint64_t)buffer << 1 | tagged;
}

static int open_buffers(struct diag *diag)
{
	packet.buffers = mmap(NULL, BUFFERS * sizeof(struct buffer), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (packet.buffers == MAP_FAILED)
		return diag_error(diag, -ENOMEM, NULL, "no memory for the frames of the PCIe link");
	for (uint32_t i = BUFFERS; i-- > 0;)
		packet.free[packet.n_free++] = i;
	return 0;
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static int open_socket(unsigned ifindex)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)ifindex};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	err = set(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (!err)
		err = set(fd, SOL_PACKET, PACKET_AUXDATA, 1);
	if (!err)
		err = set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	if (!err)
		err = set(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
	if (!err)
		err = set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	if (!err)
		err = set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER);
	if (!err)
		err = set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER);
	if (!err && bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

static int add(uint32_t port, const char *dev, unsigned ifindex, struct diag *diag)
{
	int fd = open_socket(ifindex);

	if (fd < 0)
		return diag_error(diag, fd, NULL, "cannot open a packet socket on %s: %s", dev, strerror(-fd));
	packet.fd[port] = fd;
	return 0;
}

static void remove_port(uint32_t port)
{
	close(packet.fd[port]);
}

static int fd_of(uint32_t port)
{
	return packet.fd[port];
}

/* ---- receiving -------------------------------------------------------------------- */

/* The kernel's stamps are in wall-clock time. */
static uint64_t offset_of_clocks(uint64_t now)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (uint64_t)wall.tv_sec * 1000000000ull + (uint64_t)wall.tv_nsec - now;
}

/* The kernel has taken a tag out of the frame: it goes back where it was. */
static void put_tag(struct buffer *buffer, const struct tpacket_auxdata *aux)
{
	uint16_t type = htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q);
	uint16_t tci = htons(aux->tp_vlan_tci);
	uint8_t *begin = buffer->data - TAG_BYTES;

	memmove(begin, buffer->data, 2 * ETH_ALEN);
	memcpy(begin + 2 * ETH_ALEN, &type, sizeof(type));
	memcpy(begin + 2 * ETH_ALEN + sizeof(type), &tci, sizeof(tci));
	if (buffer->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		buffer->header.csum_start += TAG_BYTES;
	if (buffer->header.hdr_len)
		buffer->header.hdr_len += TAG_BYTES;
}

static void take(uint32_t port, uint32_t number, struct mmsghdr *message, uint64_t now, uint64_t offset)
{
	struct pcie_frame frame = {.arrived_ns = now, .to = port ^ 1};
	struct tpacket_auxdata aux = {};
	bool tagged;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message->msg_hdr); c; c = CMSG_NXTHDR(&message->msg_hdr, c)) {
		struct timespec stamp;

		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		frame.arrived_ns = (uint64_t)stamp.tv_sec * 1000000000ull + (uint64_t)stamp.tv_nsec - offset;
	}
	if (now - frame.arrived_ns > STALE_NS)
		frame.arrived_ns = now;
	tagged = aux.tp_status & TP_STATUS_VLAN_VALID;
	if (tagged)
		put_tag(&packet.buffers[number], &aux);
	frame.address = place(number, tagged);
	frame.len = message->msg_len - sizeof(struct virtio_net_hdr) + (tagged ? TAG_BYTES : 0);
	if (!pcie_take(&frame))
		packet.free[packet.n_free++] = number;
}

/* No buffer left: the frames stay in the socket, which drops what is beyond its own. */
static unsigned poll_port(uint32_t port)
{
	static struct mmsghdr message[BATCH];
	static struct iovec vector[BATCH][2];
	static uint8_t control[BATCH][CONTROL];
	uint32_t number[BATCH];
	unsigned room = packet.n_free < BATCH ? (unsigned)packet.n_free : BATCH;
	uint64_t now, offset;
	int n;

	for (unsigned i = 0; i < room; i++) {
		struct buffer *buffer;

		number[i] = packet.free[--packet.n_free];
		buffer = &packet.buffers[number[i]];
		vector[i][0] = (struct iovec){&buffer->header, sizeof(buffer->header)};
		vector[i][1] = (struct iovec){buffer->data, sizeof(buffer->data)};
		message[i].msg_hdr = (struct msghdr){
			.msg_iov = vector[i], .msg_iovlen = 2, .msg_control = control[i], .msg_controllen = CONTROL};
	}
	n = room ? recvmmsg(packet.fd[port], message, room, MSG_DONTWAIT, NULL) : 0;
	now = monotonic_ns();
	offset = offset_of_clocks(now);
	for (unsigned i = room; i-- > (n < 0 ? 0 : (unsigned)n);)
		packet.free[packet.n_free++] = number[i];
	for (int i = 0; i < n; i++)
		take(port, number[i], &message[i], now, offset);
	return n < 0 ? 0 : (unsigned)n;
}

/* ---- sending -------------------------------------------------------------------------- */

static void drop(const struct pcie_frame *frame)
{
	packet.free[packet.n_free++] = (uint32_t)(frame->address >> 1);
}

/* A frame that is not taken is not tried again: its device is full, down or gone. */
static void flush(uint64_t *calls)
{
	struct mmsghdr message[BATCH] = {};
	unsigned done = 0;

	for (unsigned i = 0; i < packet.n_pending; i++)
		message[i].msg_hdr = (struct msghdr){.msg_iov = packet.vector[i], .msg_iovlen = 2};
	while (done < packet.n_pending) {
		int n = sendmmsg(packet.fd[packet.to], message + done, packet.n_pending - done, MSG_DONTWAIT);

		++*calls;
		packet.lost += n < 0;
		done += n < 0 ? 1 : (unsigned)n;
	}
	for (unsigned i = 0; i < packet.n_pending; i++)
		packet.free[packet.n_free++] = (uint32_t)(packet.pending[i] >> 1);
	packet.n_pending = 0;
}

static void flush_port(uint32_t port, uint64_t *calls)
{
	if (packet.n_pending && packet.to == port)
		flush(calls);
}

static bool make(const void *head, uint32_t bytes, struct pcie_frame *frame)
{
	struct buffer *buffer;

	if (!packet.n_free)
		return false;
	frame->address = place(packet.free[--packet.n_free], false);
	buffer = &packet.buffers[frame->address >> 1];
	buffer->header = (struct virtio_net_hdr){};
	memset(buffer->data, 0, frame->len);
	memcpy(buffer->data, head, bytes);
	return true;
}

static bool send_frame(const struct pcie_frame *frame, uint64_t *calls)
{
	struct buffer *buffer = &packet.buffers[frame->address >> 1];
	bool took_all;

	if (packet.n_pending == BATCH || (packet.n_pending && packet.to != frame->to))
		flush(calls);
	packet.to = frame->to;
	packet.vector[packet.n_pending][0] = (struct iovec){&buffer->header, sizeof(buffer->header)};
	packet.vector[packet.n_pending][1] = (struct iovec){buffer->data - (frame->address & 1 ? TAG_BYTES : 0), frame->len};
	packet.pending[packet.n_pending++] = frame->address;
	took_all = !packet.lost; /* one that was lost before is told now */
	packet.lost -= !took_all;
	return took_all;
}

const struct pcie_io pcie_af_packet = {
	.open = open_buffers,
	.add = add,
	.remove = remove_port,
	.fd = fd_of,
	.poll = poll_port,
	.make = make,
	.send = send_frame,
	.drop = drop,
	.flush = flush_port,
};
