/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tcpprobe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt.h"

#define PAYLOAD	    32
#define WAIT_MS	    200
#define TRIES	    3 /* the first frame may meet a device that is just coming up */
#define PROBE_SRC   0xc6120001u /* 198.18.0.1: benchmarking addresses, RFC 2544; nobody owns them */
#define PROBE_DST   0xc6120002u
#define PROBE_PORT  4789 /* recognised again by addresses and ports together */

struct segment {
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t payload[PAYLOAD];
} __attribute__((packed));

#define TCP_LEN (sizeof(struct tcphdr) + PAYLOAD)

static uint32_t add_words(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t pseudo_header(const struct segment *segment)
{
	return add_words(&segment->ip.saddr, 8) + IPPROTO_TCP + TCP_LEN;
}

static void make_segment(struct segment *segment, const struct tcp_probe_end *from,
			 const struct tcp_probe_end *to)
{
	memset(segment, 0, sizeof(*segment));
	memcpy(segment->eth.ether_dhost, to->mac.b, ETH_ALEN);
	memcpy(segment->eth.ether_shost, from->mac.b, ETH_ALEN);
	segment->eth.ether_type = htons(ETHERTYPE_IP);
	segment->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
				     .tot_len = htons(sizeof(segment->ip) + TCP_LEN),
				     .saddr = htonl(PROBE_SRC), .daddr = htonl(PROBE_DST)};
	segment->ip.check = htons((uint16_t)~fold(add_words(&segment->ip, sizeof(segment->ip))));
	segment->tcp = (struct tcphdr){.source = htons(PROBE_PORT), .dest = htons(PROBE_PORT), .doff = 5,
				       .syn = 1, .window = htons(1024)};
	memset(segment->payload, 0x5a, sizeof(segment->payload));
	/* what a stack leaves for the device to finish: the sum of the pseudo header */
	segment->tcp.check = htons(fold(pseudo_header(segment)));
}

static bool checksum_is_right(const struct segment *segment)
{
	return fold(pseudo_header(segment) + add_words(&segment->tcp, TCP_LEN)) == 0xffff;
}

static int packet_socket(const struct tcp_probe_end *end, int protocol)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol)};
	int fd = netns_socket(end->ns, AF_PACKET, SOCK_RAW, 0), err;

	if (fd < 0)
		return fd;
	address.sll_ifindex = rt_ifindex(end->ns, end->dev);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int send_segment(int fd, const struct segment *segment)
{
	struct {
		struct virtio_net_hdr head;
		struct segment segment;
	} __attribute__((packed)) message = {
		.head = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			 .csum_start = offsetof(struct segment, tcp),
			 .csum_offset = offsetof(struct tcphdr, check)},
		.segment = *segment,
	};

	return send(fd, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

/* Waits for the segment among whatever else arrives. */
static enum tcp_probe_result receive_segment(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct segment got;

	while (poll(&ready, 1, WAIT_MS) > 0) {
		ssize_t len = recv(fd, &got, sizeof(got), 0);

		if (len == (ssize_t)sizeof(got) && got.ip.protocol == IPPROTO_TCP &&
		    got.ip.saddr == htonl(PROBE_SRC) && got.ip.daddr == htonl(PROBE_DST) &&
		    got.tcp.source == htons(PROBE_PORT))
			return checksum_is_right(&got) ? TCP_PROBE_PASSED : TCP_PROBE_BAD_CHECKSUM;
	}
	return TCP_PROBE_LOST;
}

int tcp_probe(const struct tcp_probe_end *from, const struct tcp_probe_end *to)
{
	int sender = packet_socket(from, 0), sink = packet_socket(to, ETH_P_IP), on = 1, result;
	struct segment segment;

	make_segment(&segment, from, to);
	result = sender < 0 ? sender : sink < 0 ? sink : TCP_PROBE_LOST;
	if (result >= 0 && setsockopt(sender, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		result = -errno;
	for (int i = 0; i < TRIES && result == TCP_PROBE_LOST; i++) {
		result = send_segment(sender, &segment);
		if (!result)
			result = receive_segment(sink);
	}
	if (sender >= 0)
		close(sender);
	if (sink >= 0)
		close(sink);
	return result;
}
