/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frame.h"
#include "rt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

uint16_t frame_ip_checksum(const void *bytes, size_t len)
{
	const uint16_t *word = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static int send_here(struct netns *ns, const char *dev, const void *frame, size_t len)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = ETH_ALEN};
	int fd, err = 0, ifindex = rt_ifindex(ns, dev);

	if (ifindex < 0)
		return ifindex;
	to.sll_ifindex = ifindex;
	/* protocol 0: nothing is received on this socket */
	fd = netns_socket(ns, AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		return fd;
	if (sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int frame_send(struct netns *ns, const char *dev, const void *frame, size_t len, struct diag *diag)
{
	int err = send_here(ns, dev, frame, len);

	if (err)
		return diag_error(diag, err, NULL, "cannot send a frame from %s in %s: %s", dev,
				  ns->name, strerror(-err));
	return 0;
}

int frame_announce(struct netns *ns, const char *dev, struct dpu_mac mac, const union dpu_ip *ip,
		   struct diag *diag)
{
	struct {
		struct ether_header eth;
		struct ether_arp arp;
	} __attribute__((packed)) frame = {
	    .eth = {.ether_type = htons(ETHERTYPE_ARP)},
	    .arp = {.ea_hdr = {htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, 4,
			       htons(ARPOP_REQUEST)}},
	};

	memset(frame.eth.ether_dhost, 0xff, ETH_ALEN);
	memcpy(frame.eth.ether_shost, &mac, ETH_ALEN);
	memcpy(frame.arp.arp_sha, &mac, ETH_ALEN);
	memcpy(frame.arp.arp_spa, &ip->b[12], 4);
	memcpy(frame.arp.arp_tpa, &ip->b[12], 4);
	return frame_send(ns, dev, &frame, sizeof(frame), diag);
}
